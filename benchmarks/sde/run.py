#!/usr/bin/env python3
"""Times paths of Slow SDEs against NumPy, JAX, diffrax and torch.compile in alternation and prints Markdown tables.

    benchmarks/sde/run.py --binary build/cpu/benchmarks/quasar_sde_paths --python python3

Every line is one core, float32, one standard normal a step and noise dimension, and as many paths as fill the time. A
library that --python does not have is left out with a line on stderr.
"""
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from programs import run, run_parts, spread

LIBRARIES = ["jax", "torch", "diffrax", "diffrax_vmap", "diffrax_tree", "numpy"]
SYSTEMS = [("circle", 2, 65536, 256), ("sphere", 3, 65536, 128), ("sphere", 10, 16384, 128), ("sphere", 100, 4096, 64)]
# Of the code that takes any landscape: paths and steps that take about a second.
GENERAL = [("circle", 2, 2048), ("sphere", 3, 1024), ("sphere", 10, 256), ("sphere", 50, 8), ("sphere", 100, 2),
           ("sphere", 200, 1)]


def ours(options, method, system, dim, paths, steps, cores=1, law="gaussian", repetitions=1):
    command = [options.binary, method, system, str(dim), str(paths), str(steps), str(repetitions), str(cores), law]
    return run(command, cores)


def against_peers(options):
    print("| paths | M path-steps/s | of the best peer | of diffrax | of its vmap | of its tree |\n|---|---|---|---|---|---|")
    for system, dim, paths, steps in SYSTEMS:
        rates, means = {}, {}
        many = paths * (16 if dim <= 3 else 4)  # ours are done too soon otherwise
        for _ in range(options.repetitions):
            for name in ["quasar", "quasar, signs", *LIBRARIES]:
                if name.startswith("quasar"):
                    law = "two_point" if "signs" in name else "gaussian"
                    report = ours(options, "closed_form", system, dim, many, steps, law=law)
                elif rates.get(name) is None and name in rates:
                    continue
                else:
                    peer = [options.python, str(HERE / "peers.py"), name, system]
                    report = run(peer + list(map(str, (dim, paths, steps, 1))), 1)
                if report is None:
                    rates[name] = None
                    continue
                rates.setdefault(name, []).extend(report["rates"])
                means[name] = (report["mean"], report["se"])
        there = {name: values for name, values in rates.items() if values}
        peers = {name: statistics.median(values) for name, values in there.items() if not name.startswith("quasar")}
        for name, values in there.items():
            ratios = [""] * 4
            if name.startswith("quasar") and peers:
                against = [max(peers.values()), *(peers.get(f"diffrax{how}") for how in ("", "_vmap", "_tree"))]
                ratios = [f"{statistics.median(values) / peer:.3g}" if peer else "" for peer in against]
            print(f"| {system} in R^{dim}, {name} | {spread(values, 1e6)} | {' | '.join(ratios)} |", flush=True)
        centre, error = means["quasar"]
        for name, (mean, se) in means.items():
            bias = 5e-3 if "signs" in name else 0.0  # of order 1 in the step, another one for another noise
            if abs(mean - centre) > 5 * (error**2 + se**2) ** 0.5 + bias:
                raise SystemExit(f"{system}, {dim}: {name} computes something else: {mean} against {centre}")


def own_lines(options):
    print("\n| closed form, circle | M path-steps/s |\n|---|---|")
    for paths in (1024, 16384, 262144, 1048576):
        rates = ours(options, "closed_form", "circle", 2, paths, 64 * 1048576 // paths, repetitions=options.repetitions)
        print(f"| {paths} paths, 1 thread | {spread(rates['rates'], 1e6)} |", flush=True)
    rates = ours(options, "closed_form", "circle", 2, 1048576, 64, 2, repetitions=options.repetitions)
    print(f"| 1048576 paths, 2 threads | {spread(rates['rates'], 1e6)} |")
    print("\n| any landscape (general coefficients, Newton) | k path-steps/s | microseconds a path-step |\n|---|---|---|")
    for system, dim, paths in GENERAL:
        rates = ours(options, "general", system, dim, paths, 64, repetitions=options.repetitions)["rates"]
        median = statistics.median(rates)
        print(f"| {system} in R^{dim} | {median / 1e3:.3g} | {1e6 / median:.3g} |", flush=True)


if __name__ == "__main__":
    run_parts(__doc__, "quasar_sde_paths", {"peers": against_peers, "own": own_lines})
