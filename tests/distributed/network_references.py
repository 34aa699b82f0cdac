"""Writes network_references.json and torchvision_resnet18.safetensors, which architectures_test and language_task_test
compare with.

    python network_references.py FOLDER

Made with torch 2.11.0, torchvision 0.26.0, timm 1.0.31, vit-pytorch 1.26.11, transformers 5.23.0, safetensors 0.8.0.
`sizes`: of each network at full size, the count of its parameters and a SHA-256 of all their names and shapes, from the
libraries' own models. `cases`: logits, loss and gradients of narrow networks, their weights from a formula that both sides
can evaluate exactly. `language_objective`: loss and norm of the whole gradient of a narrow Llama on fixed windows.
"""

import hashlib
import json
import sys
from pathlib import Path

try:
    import timm
    import torch
    import torch.nn.functional as F
    from safetensors.torch import save_file
    from torch import nn
    from torchvision.models import resnet
    from transformers import LlamaConfig, LlamaForCausalLM
    from vit_pytorch import SimpleViT
    from vit_pytorch.simple_vit import posemb_sincos_2d
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)


def pattern(shape, number):
    """Exact in double, and without a period that sums would cancel: 1009 is prime."""
    i = torch.arange(torch.Size(shape).numel())
    return ((i * i % 1009 * 31 + i * 17 + number * 101) % 1009).double().view(shape) / 504.0 - 1.0


def fill(net):
    with torch.no_grad():
        for number, (name, p) in enumerate(net.named_parameters()):
            if p.dim() > 1:
                p.copy_(pattern(p.shape, number) * (2.0 / (p.numel() / p.shape[0])) ** 0.5)
            else:
                p.copy_(pattern(p.shape, number) * 0.2 + (1.0 if name.endswith("weight") else 0.0))
    return net


class NarrowResNet(resnet.ResNet):
    """torchvision's network with another width than 64, and the stem for small images if asked for."""

    def __init__(self, block, layers, width, norm, small_stem):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = norm, width, 1, 1, 64
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False) if small_stem else nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small_stem else nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, width, layers[0])
        self.layer2 = self._make_layer(block, 2 * width, layers[1], stride=2)
        self.layer3 = self._make_layer(block, 4 * width, layers[2], stride=2)
        self.layer4 = self._make_layer(block, 8 * width, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width * block.expansion, 10)


def groups(channels):
    return nn.GroupNorm(8, channels)


def numbers(tensor):
    return [float(f"{x:.12g}") for x in tensor.detach().flatten().tolist()]


def results(net, inputs, labels):
    logits = net(inputs)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    net.eval()
    return {
        "logits": numbers(logits),
        "loss": loss.item(),
        # The product of every parameter's gradient with a pattern, which sees the order of the numbers.
        "gradients": {name: float(f"{(p.grad * pattern(p.shape, 7)).sum().item():.11g}")
                      for name, p in net.named_parameters()},
        "evaluation_logits": numbers(net(inputs)),
    }


def image_case(name, net, **options):
    return {"name": name, **options, **results(fill(net.double()), pattern((2, 3, 32, 32), 1000), torch.arange(2))}


class LlamaLogits(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.net = LlamaForCausalLM(LlamaConfig(**options))

    def forward(self, tokens):
        return self.net(tokens, use_cache=False).logits.flatten(0, 1)

    def named_parameters(self, *args, **kwargs):
        return self.net.named_parameters(*args, **kwargs)


def narrow_llama(tied):
    net = LlamaLogits(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                      intermediate_size=48, max_position_embeddings=16, rms_norm_eps=1e-5, tie_word_embeddings=tied)
    return fill(net.double())


def llama_case(tied):
    tokens = (torch.arange(16) ** 2 % 37).view(2, 8)
    return {"name": "llama", "tied": tied, **results(narrow_llama(tied), tokens, torch.arange(16) % 40)}


def language_objective():
    """Of two windows of nine tokens, whose shift by one is Hugging Face's."""
    net = narrow_llama(False)
    windows = (torch.arange(18) ** 2 % 37).view(2, 9)
    loss = net.net(windows, labels=windows, use_cache=False).loss
    loss.backward()
    return {"loss": loss.item(), "gradient_norm": torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item()}


def simple_vit():
    net = SimpleViT(image_size=32, patch_size=8, num_classes=10, dim=24, depth=2, heads=3, mlp_dim=48, dim_head=8)
    torch.set_default_dtype(torch.float64)  # its positions are FP32 otherwise
    net.pos_embedding = posemb_sincos_2d(4, 4, 24, dtype=torch.float64)
    torch.set_default_dtype(torch.float32)
    return net


def cases():
    basic, bottleneck, eighteen, fifty = resnet.BasicBlock, resnet.Bottleneck, [2, 2, 2, 2], [3, 4, 6, 3]
    transformer = {"width": 24, "depth": 2, "heads": 3, "mlp_width": 48, "patch": 8}
    return [
        image_case("resnet18", NarrowResNet(basic, eighteen, 8, nn.BatchNorm2d, False), norm="batch", stem="imagenet"),
        image_case("resnet18", NarrowResNet(basic, eighteen, 8, groups, True), norm="group", stem="small"),
        image_case("resnet50", NarrowResNet(bottleneck, fifty, 8, nn.BatchNorm2d, False), norm="batch", stem="imagenet"),
        image_case("vit", timm.models.VisionTransformer(img_size=32, patch_size=8, num_classes=10, embed_dim=24, depth=2,
                                                        num_heads=3, mlp_ratio=2), **transformer),
        image_case("simple_vit", simple_vit(), **transformer),
        llama_case(False),
        llama_case(True),
    ]


def size(net):
    lines = "".join(f"{name} {list(p.shape)}\n" for name, p in net.named_parameters())
    return {"parameters": sum(p.numel() for p in net.parameters()), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def sizes():
    result = {"simple_vit": size(SimpleViT(image_size=224, patch_size=16, num_classes=1000, dim=768, depth=12, heads=12,
                                           mlp_dim=3072))}
    with torch.device("meta"):
        for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
            result[name] = size(getattr(resnet, name)())
        result["vit"] = size(timm.create_model("vit_base_patch16_224", num_classes=1000))
        result["microllama"] = size(LlamaForCausalLM(LlamaConfig(
            vocab_size=32000, hidden_size=1024, num_hidden_layers=12, num_attention_heads=16, num_key_value_heads=4,
            intermediate_size=5632, max_position_embeddings=2048, rms_norm_eps=1e-5, tie_word_embeddings=False)))
    return result


def main():
    folder = Path(sys.argv[1])
    tiny = fill(NarrowResNet(resnet.BasicBlock, [2, 2, 2, 2], 2, nn.BatchNorm2d, False))
    save_file(tiny.state_dict(), folder / "torchvision_resnet18.safetensors")
    tiny.eval()
    loaded = numbers(tiny.double()(pattern((2, 3, 32, 32), 1000)))
    reference = {"sizes": sizes(), "cases": cases(), "loaded": loaded, "language_objective": language_objective()}
    (folder / "network_references.json").write_text(json.dumps(reference) + "\n")


if __name__ == "__main__":
    main()
