#!/usr/bin/env python3
"""Times toy ensembles against NumPy, JAX, Numba, torch.compile and textbook C++ in alternation; prints Markdown tables.

    benchmarks/toy_models/run.py --binary build/cpu/benchmarks/quasar_toy_ensemble --python python3

Local SGD on the hyperbola with K = 4 workers and H = 32 in float32 on one core (peers.py), random draws, one core against
two, every landscape, and throughput against replicas and workers. A library that --python does not have is left out with a
line on stderr.
"""
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from programs import run, run_parts, spread

LIBRARIES = ["numba", "torch", "jax", "numpy"]
REPLICAS, ROUNDS = 65536, 8
# Floating-point operations of a worker-step (a fused multiply-add is 2, a sine and cosine 30, an exponential 20), the step
# and one scaling of each of the noise's components included.
LANDSCAPES = {"hyperbola": 9, "valley": 30, "circle": 17, "ellipse": 20, "quadratic": 12, "multiplicative_quadratic": 9,
              "sphere": 25, "river": 35, "periodic_valley": 64, "turning_valley": 95, "diagonal_network": 182}


def ensemble(options, landscape="hyperbola", law="gaussian", precision="float", workers=4, replicas=REPLICAS,
             rounds=ROUNDS, repetitions=1, cores=1, instructions=""):
    command = [options.binary, landscape, law, precision, workers, replicas, rounds, repetitions, cores, instructions]
    return run(command, cores)


def against_peers(options):
    for law in ("gaussian", "signs"):
        print(f"\n| Local SGD, {law} | G worker-steps/s | of the best peer |\n|---|---|---|")
        rates, reports = {}, {}
        programs = {
            "quasar": lambda: ensemble(options, law=law, rounds=ROUNDS * (4 if law == "gaussian" else 16)),
            "quasar, AVX2": lambda: ensemble(options, law=law, rounds=ROUNDS * 4, instructions="v3"),
            "quasar, double": lambda: ensemble(options, law=law, precision="double", rounds=ROUNDS * 4),
            "check": lambda: ensemble(options, law=law),
            "textbook C++": lambda: run([options.binary, "textbook", law, 4, REPLICAS // 8, ROUNDS, 1]),
        }
        for library in LIBRARIES:
            peer = [options.python, HERE / "peers.py", library, law, REPLICAS, ROUNDS, 1]
            programs[library] = lambda peer=peer: run(peer)
        for _ in range(options.repetitions):
            for name, program in programs.items():
                if name in rates and rates[name] is None:
                    continue
                report = program()
                if report is None:
                    rates[name] = None
                    continue
                rates.setdefault(name, []).extend(report["rates"])
                reports[name] = report
        check = reports.pop("check")
        rates.pop("check")
        there = {name: values for name, values in rates.items() if values}
        peers = {name: statistics.median(values) for name, values in there.items() if not name.startswith("quasar")}
        for name, values in there.items():
            ratio = f"{statistics.median(values) / max(peers.values()):.2f}" if name.startswith("quasar") else ""
            print(f"| {name} | {spread(values)} | {ratio} |", flush=True)
            report = reports[name]  # after the same number of rounds
            error = (check["se"] ** 2 + report["se"] ** 2) ** 0.5
            if not name.startswith("quasar") and abs(check["mean"] - report["mean"]) > 5 * error:
                raise SystemExit(f"{law}, {name} computes something else: {report['mean']} against {check['mean']}")


def draws(options):
    print("\n| draws | G/s |\n|---|---|")
    lines = {"normals, AVX-512": ("normals", "v4"), "normals, AVX2": ("normals", "v3"),
             "normals, no SIMD": ("normals", "baseline"), "Philox words, AVX-512": ("words", "v4"),
             "Philox words, AVX2": ("words", "v3"), "std::normal_distribution<float>": ("std_normals", "")}
    rates = {name: [] for name in lines}
    for _ in range(options.repetitions):
        for name, (what, instructions) in lines.items():
            rates[name] += run([options.binary, what, 1, instructions])["rates"]
    for name, values in rates.items():
        print(f"| {name} | {spread(values)} |", flush=True)


def two_threads(options):
    print("\n| threads | G worker-steps/s | of one |\n|---|---|---|")
    for law in ("gaussian", "signs"):
        rates = {1: [], 2: []}
        for _ in range(options.repetitions):
            for cores in rates:
                rounds = ROUNDS * (8 if law == "gaussian" else 64)
                rates[cores] += ensemble(options, law=law, rounds=rounds, cores=cores)["rates"]
        for cores, values in rates.items():
            ratio = statistics.median(values) / statistics.median(rates[1])
            print(f"| {law}, {cores} | {spread(values)} | {ratio:.2f} |", flush=True)


def landscapes(options):
    print("\n| landscape | normals: G worker-steps/s | G flop/s | signs: G worker-steps/s | G flop/s |\n|---|---|---|---|---|")
    for name, operations in LANDSCAPES.items():
        cells = []
        for law in ("gaussian", "signs"):
            rates = ensemble(options, name, law, replicas=16384, repetitions=options.repetitions)["rates"]
            cells += [spread(rates), f"{statistics.median(rates) * operations / 1e9:.3g}"]
        print(f"| {name} ({operations} flop) | {' | '.join(cells)} |", flush=True)


def scaling(options):
    print("\n| replicas, K = 4 | normals: G worker-steps/s | signs |\n|---|---|---|")
    for replicas in (1, 16, 64, 1024, 16384, 262144, 1048576, 10485760):
        rounds = max(1, min(4096, REPLICAS * ROUNDS // replicas))
        print(f"| {replicas} | " + " | ".join(
            spread(ensemble(options, law=law, replicas=replicas, rounds=rounds, repetitions=options.repetitions)["rates"])
            for law in ("gaussian", "signs")) + " |", flush=True)
    print("\n| workers K, 16,384 replicas | normals: G worker-steps/s | signs |\n|---|---|---|")
    for workers in (1, 2, 3, 4, 8, 16, 64):
        rounds = max(2, 128 // workers)
        print(f"| {workers} | " + " | ".join(
            spread(ensemble(options, law=law, workers=workers, replicas=16384, rounds=rounds,
                            repetitions=options.repetitions)["rates"]) for law in ("gaussian", "signs")) + " |", flush=True)


if __name__ == "__main__":
    run_parts(__doc__, "quasar_toy_ensemble", {"draws": draws, "peers": against_peers, "threads": two_threads,
                                               "landscapes": landscapes, "scaling": scaling})
