#!/usr/bin/env python3
"""Times toy ensembles against NumPy, JAX, Numba, torch.compile and textbook C++ in alternation; prints Markdown tables.

    benchmarks/toy_models/run.py --binary build/cpu/benchmarks/quasar_toy_ensemble --python python3

Local SGD on the hyperbola with K = 4 workers and H = 32 in float32 on one core (peers.py), random draws, one core against
two, every landscape, the cost of a record, and throughput against replicas and workers, which --figure also draws (with
the packages of notebooks/requirements.txt). A library that --python does not have is left out with a line on stderr.
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
              "sphere": 25, "river": 35, "least_squares": 44, "periodic_valley": 64, "turning_valley": 95, "diagonal_network": 182,
              "matrix_factorization": 1312, "tanh_network": 1060}
LAWS = {"gaussian": "normals", "signs": "signs"}
REPLICA_COUNTS = (1, 16, 64, 1024, 16384, 262144, 1048576, 10485760)
WORKER_COUNTS = (1, 2, 3, 4, 8, 16, 64)


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
                rounds = ROUNDS * (32 if law == "gaussian" else 256)
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


def recording(options):
    print("\n| a record of so many observables with quantiles | ns a replica and observable |\n|---|---|")
    for observables in (1, 4):
        rates = run([options.binary, "recording", observables, 65536, 50, options.repetitions])["rates"]
        print(f"| {observables} | {spread([1 / rate for rate in rates], 1e-9)} |", flush=True)


def scaling(options):
    def table(head, settings):
        print(f"\n| {head} | normals: G worker-steps/s | signs |\n|---|---|---|")
        rates = {}
        for count, setting in settings.items():
            rates[count] = {law: ensemble(options, law=law, repetitions=options.repetitions, **setting)["rates"]
                            for law in LAWS}
            print(f"| {count} | " + " | ".join(spread(rates[count][law]) for law in LAWS) + " |", flush=True)
        return rates

    counts = [n for n in REPLICA_COUNTS if n <= options.most_replicas]
    by_replicas = table("replicas, K = 4", {
        n: {"replicas": n, "rounds": max(1, min(4096, REPLICAS * ROUNDS // n))} for n in counts})
    by_workers = table("workers K, 16,384 replicas", {
        k: {"workers": k, "replicas": 16384, "rounds": max(2, 128 // k)} for k in WORKER_COUNTS})
    if options.figure:
        draw_scaling(options.figure, by_replicas, by_workers)


def draw_scaling(path, by_replicas, by_workers):
    """One PNG: worker-steps a second against replicas and against workers; points are medians, bars the range."""
    sys.path.insert(0, str(HERE.parents[1] / "notebooks"))
    from matplotlib.figure import Figure
    from quasar_results import save, style
    style.apply()
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    looks = [style.REGIMES["sgd"][1:], style.REGIMES["inverse"][1:]]
    for axes, rates, label, base in ((panels[0], by_replicas, "replicas (K = 4)", 10),
                                     (panels[1], by_workers, "workers K (16,384 replicas)", 2)):
        for (law, name), (colour, marker) in zip(LAWS.items(), looks):
            values = [[rate / 1e9 for rate in of_count[law]] for of_count in rates.values()]
            middle = [statistics.median(v) for v in values]
            bars = [[m - min(v) for m, v in zip(middle, values)], [max(v) - m for m, v in zip(middle, values)]]
            axes.errorbar(list(rates), middle, bars, label=name, color=colour, linewidth=1.4, capsize=2,
                          **style.marker_style(colour, marker))
        axes.set_xscale("log", base=base)
        axes.set_yscale("log")
        axes.set_xlabel(label)
    panels[0].set_ylabel("G worker-steps/s, one core")
    panels[0].legend(frameon=False)
    panels[0].set_title("Local SGD on the hyperbola, float32, H = 32")
    pathlib.Path(path).write_bytes(save.png(figure))
    print(f"\nfigure: {path}")


def add_options(parser):
    parser.add_argument("--most-replicas", type=int, default=REPLICA_COUNTS[-1], help="of the part scaling")
    parser.add_argument("--figure", metavar="PNG", help="where the part scaling draws its numbers")


if __name__ == "__main__":
    run_parts(__doc__, "quasar_toy_ensemble", {"draws": draws, "peers": against_peers, "threads": two_threads,
                                               "landscapes": landscapes, "recording": recording, "scaling": scaling},
              add_options)
