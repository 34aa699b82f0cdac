#!/usr/bin/env python3
"""Times reading photographs against Pillow and torchvision, in alternation on one core, and prints a Markdown table.

    benchmarks/photos/run.py --binary build/cpu/benchmarks/quasar_photos --python python3 --data FOLDER

FOLDER is an ImageFolder. Rates are a second of processor time, all threads counted:
medians with the smallest and the largest. Exit code 77: no torchvision.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LINES = {"decode": "JPEG to bytes", "crop": "+ random crop to 224, flip, normalise", "augment": "+ RandAugment 2, 10"}


def rate(command):
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)["photos_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", default="224")
    parser.add_argument("--seconds", default="3")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    if subprocess.run([options.python, "-c", "import torchvision"], stderr=subprocess.DEVNULL).returncode != 0:
        print(f"{options.python} has no torchvision", file=sys.stderr)
        return 77
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    peer = [options.python, str(HERE / "peers.py")]
    programs = {"quasar": [options.binary], "Pillow / torchvision": peer + ["pillow"]}
    print("| photographs a second of one core | " + " | ".join([*programs, "torchvision.io"]) + " |")
    print("|---|---|---|---|")
    for what, title in LINES.items():
        own = dict(programs)
        if what == "decode":
            own["torchvision.io"] = peer + ["torchvision"]
        rates = {name: [] for name in own}
        for _ in range(options.repetitions):
            for name, command in own.items():
                rates[name].append(rate(command + [options.data, what, options.size, options.seconds]))
        cells = [f"{statistics.median(r):.0f} ({min(r):.0f} to {max(r):.0f})" for r in rates.values()]
        print(f"| {title} | " + " | ".join(cells + [""] * (3 - len(cells))) + " |", flush=True)
    return 0


sys.exit(main())
