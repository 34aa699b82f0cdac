"""Writes optimizer_sequences.json and resnet20.json, which networks_test compares with, by Python's PyTorch 2.11.

    python optimizer_sequences.py FOLDER

Optimisers: 12 steps on 43 numbers, of which the first 26 take weight decay (so vectors and remainders both occur), with a
learning rate that changes every step; the gradient of step t at theta is A_t theta + c_t, so that an error feeds back. Networks: logits, loss and gradient of
ResNet-20 built from torch.nn, its weights from a formula that both sides can evaluate.
"""

import json
import math
import sys
from pathlib import Path

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    print("SKIPPED: needs Python's PyTorch")
    sys.exit(77)

COUNT, DECAYED, STEPS, RECORDED = 43, 26, 12, (1, 2, 12)


def start(dtype):
    return torch.tensor([math.sin(1.0 + 3 * i) for i in range(COUNT)], dtype=torch.float64).to(dtype)


def gradient(values, step):
    slope = torch.tensor([1.0 + 0.5 * math.cos(i + step) for i in range(COUNT)], dtype=torch.float64).to(values.dtype)
    shift = torch.tensor([math.cos(2.0 * i + 5 * step) for i in range(COUNT)], dtype=torch.float64).to(values.dtype)
    return slope * values + shift


def learning_rate(step):
    return 0.05 * (1 + step % 4) / (1 + step // 6)


def sequence(make, dtype):
    """theta after some of the steps, by PyTorch's plain single-tensor implementation."""
    values = start(dtype)
    decayed, rest = nn.Parameter(values[:DECAYED].clone()), nn.Parameter(values[DECAYED:].clone())
    optimizer = make([{"params": [decayed]}, {"params": [rest], "weight_decay": 0.0}])
    result = []
    for step in range(STEPS):
        both = gradient(torch.cat([decayed.detach(), rest.detach()]), step)
        decayed.grad, rest.grad = both[:DECAYED].clone(), both[DECAYED:].clone()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.step()
        if step + 1 in RECORDED:
            values = torch.cat([decayed.detach(), rest.detach()]).tolist()
            result.append([float(f"{value:.9g}") if dtype == torch.float32 else value for value in values])
    return result


def optimizers():
    sgd = [
        {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
        {"momentum": 0.0, "nesterov": False, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
        {"momentum": 0.9, "nesterov": False, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ]
    adamw = [
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
        {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1},
    ]
    cases = []
    for dtype in ("float32", "float64"):
        for options in sgd:
            make = lambda groups: torch.optim.SGD(groups, lr=1.0, foreach=False, fused=False, **options)
            cases.append({"optimizer": "sgd", "type": dtype, **options, "values": sequence(make, getattr(torch, dtype))})
        for options in adamw:
            make = lambda groups: torch.optim.AdamW(
                groups, lr=1.0, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"],
                weight_decay=options["weight_decay"], foreach=False, fused=False)
            cases.append({"optimizer": "adamw", "type": dtype, **options, "values": sequence(make, getattr(torch, dtype))})
    return {"count": COUNT, "decayed": DECAYED, "steps": STEPS, "recorded": RECORDED, "cases": cases}


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, norm):
        super().__init__()
        self.stride, self.new = stride, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)

    def forward(self, x):
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new // 2, self.new // 2))
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet20(nn.Module):
    def __init__(self, norm, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = norm(width)
        stage = lambda i, o, s: nn.Sequential(Block(i, o, s, norm), Block(o, o, 1, norm), Block(o, o, 1, norm))
        self.layer1 = stage(width, width, 1)
        self.layer2 = stage(width, 2 * width, 2)
        self.layer3 = stage(2 * width, 4 * width, 2)
        self.fc = nn.Linear(4 * width, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def wave(shape, number):
    """sin(0.37 i^1.1 + number): any formula without a pattern that convolutions would cancel."""
    count = math.prod(shape)
    return torch.tensor([math.sin(0.37 * i**1.1 + number) for i in range(count)], dtype=torch.float64).view(shape)


def network(norm_name):
    norm = nn.BatchNorm2d if norm_name == "batch" else lambda channels: nn.GroupNorm(8, channels)
    net = ResNet20(norm).double()
    with torch.no_grad():
        for number, (name, p) in enumerate(net.named_parameters()):
            if p.dim() > 1:
                p.copy_(wave(p.shape, number) * math.sqrt(4.0 / (p.numel() / p.shape[0])))
            else:
                p.copy_(wave(p.shape, number) * 0.2 + (1.0 if name.endswith("weight") else 0.0))
    images, labels = wave((4, 3, 32, 32), 1000), torch.arange(4)
    training = net(images)
    loss = F.cross_entropy(training, labels)
    loss.backward()
    net.eval()
    return {
        "norm": norm_name,
        "parameters": sum(p.numel() for p in net.parameters()),
        "logits": training.detach().tolist(),
        "loss": loss.item(),
        # Of every parameter: norm of its gradient, and its product with a wave, which sees the order of the numbers.
        "gradients": {name: [p.grad.norm().item(), (p.grad * wave(p.shape, 7)).sum().item()]
                      for name, p in net.named_parameters()},
        "running": {name: b.sum().item() for name, b in net.named_buffers() if "tracked" not in name},
        "evaluation_logits": net(images).detach().tolist(),
    }


def main():
    folder = Path(sys.argv[1])
    (folder / "optimizer_sequences.json").write_text(json.dumps(optimizers(), indent=None) + "\n")
    (folder / "resnet20.json").write_text(json.dumps({"cases": [network("batch"), network("group")]}) + "\n")


if __name__ == "__main__":
    main()
