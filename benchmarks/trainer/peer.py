#!/usr/bin/env python3
"""The trainer's peer: a network trained by Python PyTorch as documented, one worker a process, one thread a worker.

Networks: ResNet-20, or a small ViT (patch 4, width 192, 6 blocks, 3 heads) of torch.nn's own encoder layers.

Modes: nosync (no communication), ddp (DistributedDataParallel), local (PostLocalSGDOptimizer with PeriodicModelAverager
of --period, no warm-up). Workers find each other by torchrun's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT).
Batches are cropped (4 pixels of padding), flipped and normalised by whole-batch NumPy indexing from uint8 arrays in
memory, which is lighter than a DataLoader; --premade cycles through 8 batches made before. Worker 0 prints one line of
JSON.
"""
import argparse
import json
import os
import pathlib
import sys
import time
import warnings

warnings.filterwarnings("ignore")
START = float(os.environ.get("BENCHMARK_START", time.time()))  # when the process was asked for

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import distributed, nn
except ImportError as error:
    print(f"skipped: {error}; give a python with PyTorch", file=sys.stderr)
    sys.exit(77)

MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32)
DEVIATION = np.array([0.2470, 0.2435, 0.2616], np.float32)


class BasicBlock(nn.Module):
    """Shortcut without parameters (option A of He et al. 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.new = stride, outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.new:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return F.relu(y + x)


def resnet20():
    layers, inputs = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        for block in range(3):
            layers.append(BasicBlock(inputs, outputs, stride if block == 0 else 1))
            inputs = outputs
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    assert sum(p.numel() for p in network.parameters()) == 269_722
    return network


class Vit(nn.Module):
    """2,693,578 parameters, those of timm's layers."""

    def __init__(self, patch=4, width=192, depth=6, heads=3):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, (32 // patch) ** 2 + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.blocks(x)[:, 0])


def vit():
    network = Vit()
    assert sum(p.numel() for p in network.parameters()) == 2_693_578
    return network


def load_images(folder, count):
    """CIFAR-10's binary files, or random bytes of the same shape."""
    if not folder:
        draws = np.random.default_rng(0)
        return draws.integers(0, 256, (count, 3, 32, 32), np.uint8), draws.integers(0, 10, count)
    raw = np.concatenate([np.fromfile(pathlib.Path(folder) / f"data_batch_{i}.bin", np.uint8) for i in range(1, 6)])
    raw = raw.reshape(-1, 3073)
    return raw[:, 1:].reshape(-1, 3, 32, 32).copy(), raw[:, 0].astype(np.int64)


class Batches:
    def __init__(self, images, labels, size, rank, world, channels_last, premade):
        self.images, self.labels, self.size, self.channels_last = images, labels, size, channels_last
        self.draws = np.random.default_rng(rank)
        self.order = np.random.default_rng(7).permutation(len(labels))
        self.rank, self.world, self.place = rank, world, 0
        self.premade, self.next = None, 0
        if premade:
            self.premade = [self.make() for _ in range(8)]

    def make(self):
        first = (self.place + self.rank) * self.size
        self.place += self.world
        samples = self.order[np.arange(first, first + self.size) % len(self.order)]
        black = self.images[samples].astype(np.float32) / 255
        padded = np.zeros((self.size, 3, 40, 40), np.float32)
        padded[:, :, 4:36, 4:36] = black
        rows = self.draws.integers(0, 9, self.size)[:, None] + np.arange(32)
        cols = self.draws.integers(0, 9, self.size)[:, None] + np.arange(32)
        flips = self.draws.integers(0, 2, self.size).astype(bool)
        cols[flips] = cols[flips, ::-1]
        image = np.arange(self.size)[:, None, None]
        crops = padded[image, :, rows[:, :, None], cols[:, None, :]]  # (b, 32, 32, 3)
        inputs = torch.from_numpy((crops - MEAN) / DEVIATION).permute(0, 3, 1, 2)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return inputs.contiguous(memory_format=layout), torch.from_numpy(self.labels[samples])

    def take(self):
        if self.premade is None:
            return self.make()
        self.next = (self.next + 1) % len(self.premade)
        return self.premade[self.next]


def count_channels_last(network):
    return sum(
        p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
        for p in network.parameters()
    )


def peak_mb():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def spread_between_workers(tensors):
    """Largest difference of a parameter between the workers."""
    own = torch.cat([t.detach().flatten() for t in tensors])
    low, high = own.clone(), own.clone()
    distributed.all_reduce(low, distributed.ReduceOp.MIN)
    distributed.all_reduce(high, distributed.ReduceOp.MAX)
    return (high - low).max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=["resnet20", "vit"], default="resnet20")
    parser.add_argument("--mode", choices=["nosync", "ddp", "local"], default="nosync")
    parser.add_argument("--period", type=int, default=4)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--steps", type=int, default=80, help="measured steps")
    parser.add_argument("--warm-up", type=int, default=20, help="steps before them")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=2000, help="random images, without --data")
    parser.add_argument("--data", default="", help="folder of CIFAR-10's binary files")
    parser.add_argument("--premade", action="store_true")
    parser.add_argument("--fused", action="store_true", help="SGD's fused implementation instead of its default")
    parser.add_argument("--traps", action="store_true", help="adds a parameter that gets no gradient")
    options = parser.parse_args()

    torch.set_num_threads(1)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        distributed.init_process_group("gloo")
    torch.manual_seed(0)
    network = {"resnet20": resnet20, "vit": vit}[options.network]()
    if options.channels_last:
        network = network.to(memory_format=torch.channels_last)
    before = count_channels_last(network)
    if options.traps:
        network.without_gradient = nn.Parameter(torch.full((4,), float(rank)))
    model = nn.parallel.DistributedDataParallel(network) if options.mode == "ddp" else network
    optimizer = torch.optim.SGD(
        network.parameters(), lr=options.learning_rate, momentum=0.9, weight_decay=5e-4, fused=options.fused or None
    )
    if options.mode == "local":
        from torch.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager
        from torch.distributed.optim import PostLocalSGDOptimizer

        optimizer = PostLocalSGDOptimizer(optimizer, PeriodicModelAverager(options.period, warmup_steps=0))
    images, labels = load_images(options.data, options.images)
    batches = Batches(images, labels, options.batch, rank, world, options.channels_last, options.premade)

    first_step = begin = None
    for step in range(options.warm_up + options.steps):
        if step == options.warm_up:
            if world > 1:
                distributed.barrier()
            begin = time.perf_counter()
        inputs, targets = batches.take()
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        if step == 0:
            first_step = time.time() - START
    seconds = time.perf_counter() - begin if begin else 0.0
    report = {
        "images_per_second": world * options.batch * options.steps / seconds if seconds else None,
        "first_step_seconds": first_step,
        "peak_mb": peak_mb(),
        "channels_last_weights": [before, count_channels_last(network)],
    }
    if world > 1:
        weights = [p for p in network.parameters() if p.grad is not None]
        report["spread_at_end"] = spread_between_workers(weights)
        if options.traps:
            report["spread_without_gradient"] = spread_between_workers([network.without_gradient])
    if rank == 0:
        print(json.dumps(report | {"torch": torch.__version__}), flush=True)
    if world > 1:
        distributed.barrier()
        distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own way out now and then ends in SIGABRT, from a thread of Gloo


if __name__ == "__main__":
    main()
