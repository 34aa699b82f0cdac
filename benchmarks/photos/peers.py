#!/usr/bin/env python3
"""Photographs a second of processor time by Pillow and torchvision; one line of JSON, like photos.cpp.

    peers.py pillow|torchvision FOLDER decode|crop|augment SIZE SECONDS
"""
import io
import json
import pathlib
import sys
import time

from PIL import Image


def make_pass(peer, what, size, files):
    """What one photograph goes through."""
    if peer == "torchvision" and what == "decode":
        import torch
        from torchvision.io import ImageReadMode, decode_jpeg

        tensors = {id(f): torch.frombuffer(bytearray(f), dtype=torch.uint8) for f in files}
        return lambda file: decode_jpeg(tensors[id(file)], ImageReadMode.RGB)
    if what == "decode":
        return lambda file: Image.open(io.BytesIO(file)).convert("RGB")
    import torch
    from torchvision import transforms

    torch.set_num_threads(1)
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
    if what == "augment":
        steps.append(transforms.RandAugment(2, 10))
    steps += [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    transform = transforms.Compose(steps)
    return lambda file: transform(Image.open(io.BytesIO(file)).convert("RGB"))


def main():
    peer, folder, what, size, seconds = sys.argv[1:]
    files = [f.read_bytes() for f in sorted(pathlib.Path(folder, "train").glob("*/*.jpg"))]
    process = make_pass(peer, what, int(size), files)
    for file in files:
        process(file)
    count, start = 0, time.process_time()
    while time.process_time() - start < float(seconds):
        for file in files:
            process(file)
        count += len(files)
    print(json.dumps({"photos_per_second": count / (time.process_time() - start)}))


main()
