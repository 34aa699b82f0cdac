"""What the benchmarks of paths and of ensembles share: starting programs, timing a peer, the tables' cells."""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time


def run(command, cores=1):
    """The program's line of JSON on so many cores, or None where its library is missing."""
    command = list(map(str, command))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    pinned = ["taskset", "-c", ",".join(map(str, range(cores)))]
    done = subprocess.run(pinned + command, capture_output=True, text=True, env=environment, timeout=900)
    if done.returncode == 77:
        print(f"{' '.join(command)}: {done.stderr.strip()}", file=sys.stderr)
        return None
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def spread(values, unit=1e9):
    values = [v / unit for v in values]
    return f"{statistics.median(values):.3g} [{min(values):.3g} .. {max(values):.3g}]"


def run_parts(description, binary, parts, add_options=lambda parser: None):
    """The command line: runs the functions that --parts names, all without it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=f"build/cpu/benchmarks/{binary}")
    parser.add_argument("--python", default="python3", help="one with the peers' libraries, or some of them")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--parts", default=",".join(parts), help="comma-separated")
    add_options(parser)
    options = parser.parse_args()
    for part in options.parts.split(","):
        parts[part](options)


def time_peer(make_runner, repetitions, steps_of, observe):
    """Prints a peer's line of JSON: steps/s of every repetition after a first one, and the mean of what is observed.

    make_runner() gives a function of a seed, steps_of(result) the steps that it took, observe(result) an array of floats.
    Exit code 77: the library is not installed.
    """
    try:
        import numpy as np

        runner = make_runner()
    except ImportError as error:
        print(f"skipped: {error}", file=sys.stderr)
        sys.exit(77)
    rates = []
    for repetition in range(repetitions + 1):
        began = time.perf_counter()
        result = np.asarray(runner(repetition))
        rates.append(steps_of(result) / (time.perf_counter() - began))
    observed = observe(result.astype(float))
    print(json.dumps({"rates": rates[1:], "mean": observed.mean(), "se": observed.std() / math.sqrt(len(observed))}))
