#!/usr/bin/env python3
"""Times `quasar train` against Python PyTorch (peer.py) in alternation and prints Markdown tables.

    benchmarks/trainer/run.py --binary build/cpu/experiments/quasar --python python3 [--only LINE] [--data FOLDER]

Each line is a network (--network) of 269,722 parameters (ResNet-20) or 2,693,578 (a small ViT, whose only part is
`--parts rates`), local batch 32, one thread a worker. Rates leave out the first 20 steps and every evaluation. A
measurement waits for an idle machine, and is made again where others disturbed it.
Exit code 77: no PyTorch, where a part needs it.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from quiet_machine import run_children, wait_until_idle

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE.parent.parent / "experiments/cifar10.toml"
RECORD_EVERY = 20  # record.every's default, and the steps before the clock starts
NETWORKS = {  # of quasar; the peer takes the name
    "resnet20": [],
    "vit": [
        "network.name=vit",
        "network.patch=4",
        "network.width=192",
        "network.depth=6",
        "network.heads=3",
        "network.mlp_width=768",
        "learning_rate.peak=0.01",
    ],
}
LINES = {  # name: (workers, synchronisation)
    "one worker": (1, None),
    "no synchronisation": (2, None),
    "data-parallel": (2, "parallel"),
    "Local SGD, H = 4": (2, 4),
    "Local SGD, H = 16": (2, 16),
}


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quasar-benchmark-"))
        self.disturbed = []
        self.deadline = time.time() + 60 * options.minutes

    def run_undisturbed(self, prepare):
        """Again, twice at most, where others took over a twentieth of the machine; prepare() gives the commands."""
        for attempt in range(3):
            outputs, peak, others = run_children(*prepare())
            if others < 0.05:
                break
        self.disturbed.append(others)
        return outputs, peak

    def ours(self, workers, sync, channels_last, steps=None, processes=True, settings=()):
        """One run; returns its records, its results folder's run.json and peak MB."""
        steps = steps or RECORD_EVERY + self.options.steps
        results = self.folder / "results"
        command = self.train_command(results, workers, sync, channels_last, steps, processes, settings)

        def prepare():
            shutil.rmtree(results, ignore_errors=True)
            return [command], [{}]

        _, peak = self.run_undisturbed(prepare)
        run = next(results.glob("*/*/run.json"))
        series = [json.loads(line) for line in (run.parent / "steps.jsonl").read_text().splitlines()]
        return series, json.loads(run.read_text()), peak

    def train_command(self, results, workers, sync, channels_last, steps, processes, settings):
        rule = ["sync.rule=swap"] if sync is None else ["sync.rule=parallel"]
        if isinstance(sync, int):
            rule = ["sync.rule=constant", f"sync.period={sync}"]
        settings = dict(s.split("=", 1) for s in self.data_settings() + rule + list(settings))
        if workers > 1 and processes:
            settings["workers.processes"] = str(workers)
        settings |= {
            "run.results": str(results),
            "workers.count": str(workers),
            "network.channels_last": "true" if channels_last else "false",
            "training.steps": str(steps),
            "learning_rate.warmup_steps": "0",
            "checkpoint.every": "0",
            "evaluate.batch_norm_batches": "1",
        }
        return [self.options.binary, "train", str(CONFIG)] + [f"{k}={v}" for k, v in settings.items()]

    def data_settings(self):
        # Built-in images of CIFAR-10's shape: evaluation of the whole test set would take longer than the measurement.
        return [
            "data.name=procedural_color",
            "data.procedural_train=2000",
            "data.procedural_test=10",
            "evaluate.train_images=0",
        ] + NETWORKS[self.options.network]

    def our_rate(self, workers, sync, channels_last, processes=True):
        series, _, peak = self.ours(workers, sync, channels_last, processes=processes)
        walls = {record["step"]: record["time"]["wall"] for record in series}
        first, last = RECORD_EVERY - 1, RECORD_EVERY - 1 + self.options.steps
        return workers * 32 * self.options.steps / (walls[last] - walls[first]), peak

    def peer(self, workers, sync, channels_last, arguments=(), steps=None, warm_up=RECORD_EVERY, launcher=False):
        command = [str(HERE / "peer.py"), "--steps", str(self.options.steps if steps is None else steps)]
        command += ["--warm-up", str(warm_up), *arguments] + (["--channels-last"] if channels_last else [])
        if self.options.network == "vit":
            command += ["--network", "vit", "--learning-rate", "0.01"]
        if workers > 1 and sync == "parallel":
            command += ["--mode", "ddp"]
        elif workers > 1 and sync is not None:
            command += ["--mode", "local", "--period", str(sync)]

        def prepare():
            if launcher:
                torchrun = [self.options.python, "-m", "torch.distributed.run", "--standalone"]
                return [torchrun + [f"--nproc-per-node={workers}"] + command], [{"OMP_NUM_THREADS": "1"}]
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
            environments = [place | {"RANK": str(r), "WORLD_SIZE": str(workers)} for r in range(workers)]
            return [[self.options.python] + command] * workers, environments

        outputs, _ = self.run_undisturbed(prepare)
        report = json.loads(next(line for o in outputs for line in o.splitlines() if line.startswith("{")))
        return report

    def our_first_step(self, workers, settings=()):
        """Seconds until the first step's record is on disk, and how many of them the evaluation before it took."""
        results = self.folder / "results"
        shutil.rmtree(results, ignore_errors=True)
        command = self.train_command(results, workers, 4, True, 400, True, settings)
        wait_until_idle()
        began = time.time()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while child.poll() is None and time.time() - began < 120:
                with contextlib.suppress(StopIteration, OSError):
                    steps = next(results.glob("*/*/steps.jsonl"))
                    if steps.stat().st_size > 0:
                        seconds = time.time() - began
                        evaluation = json.loads((steps.parent / "evaluations.jsonl").read_text().splitlines()[0])
                        return seconds, evaluation["time"]["evaluation"]
                time.sleep(0.002)
            raise SystemExit("no first step: " + " ".join(command))
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)  # the launcher hands it on
            child.wait(60)


def spread(values, digits=0):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} .. {max(values):.{digits}f}]"


def ratios(above, below):
    each = [a / b for a, b in zip(above, below)]
    ratio = statistics.median(above) / statistics.median(below)
    return f"{ratio:.3f} [{min(each):.3f} .. {max(each):.3f}]"


def rates(benchmark, options):
    layouts = (False, True) if options.network == "resnet20" else (False,)
    chosen = [(n, c) for n in LINES for c in layouts if not options.only or options.only in n]
    ours, peers, our_peak, peer_peak, traps = {}, {}, {}, {}, {}
    for repetition in range(options.repetitions):
        if time.time() > benchmark.deadline:
            print(f"\nOut of time after {repetition} repetitions.")
            break
        for line in chosen:
            (workers, sync), layout = LINES[line[0]], line[1]

            def measure_ours():
                rate, peak = benchmark.our_rate(workers, sync, layout)
                ours.setdefault(line, []).append(rate), our_peak.setdefault(line, []).append(peak)

            def measure_peer():
                report = benchmark.peer(workers, sync, layout)
                peers.setdefault(line, []).append(report["images_per_second"])
                peer_peak.setdefault(line, []).append(report["peak_mb"])
                traps[line] = report

            both = [measure_ours, measure_peer]
            for measure in both if repetition % 2 == 0 else reversed(both):
                measure()
            print(repetition, line, ours[line][-1], peers[line][-1], file=sys.stderr, flush=True)
    print("\n| line | memory layout | quasar, images/s | PyTorch, images/s | ratio | quasar, MB | PyTorch, MB |")
    print("|---|---|---|---|---|---|---|")
    for line in chosen:
        print(
            f"| {line[0]} | {'channels last' if line[1] else 'default'} | {spread(ours[line])} | {spread(peers[line])} "
            f"| {ratios(ours[line], peers[line])} | {max(our_peak[line]):.0f} | {max(peer_peak[line]):.0f} |"
        )
    print("\n| against no synchronisation | memory layout | quasar | PyTorch |\n|---|---|---|---|")
    for name, layout in chosen:
        base = ("no synchronisation", layout)
        if LINES[name][0] > 1 and name != base[0] and base in ours:
            own, other = ratios(ours[(name, layout)], ours[base]), ratios(peers[(name, layout)], peers[base])
            print(f"| {name} | {'channels last' if layout else 'default'} | {own} | {other} |")
    print("\nPeer at the end: channels-last weights before and after; largest difference between workers' weights\n")
    for line, report in traps.items():
        if "spread_at_end" in report:
            print(f"- {line[0]}, {'channels last' if line[1] else 'default'}: "
                  f"{report['channels_last_weights']}, {report['spread_at_end']:.3g}")


def best_peer(benchmark, options):
    """One worker against the peer without a data pipeline and with the fused optimiser, which is not its default."""
    ours, best = [], []
    for repetition in range(options.repetitions):
        ours.append(benchmark.our_rate(1, None, True)[0])
        best.append(benchmark.peer(1, None, True, ["--premade", "--fused"])["images_per_second"])
    print("\n| one worker, channels last | images/s |\n|---|---|")
    print(f"| quasar, with crops and flips | {spread(ours)} |")
    print(f"| PyTorch, batches made before, fused SGD | {spread(best)} |\n| ratio | {ratios(ours, best)} |")


def averaging(benchmark, options):
    """What averages cost: no synchronisation, H = 4 and H = 16 one after the other, as often as noise demands."""
    arms = {"no synchronisation": None, "H = 4": 4, "H = 16": 16}
    rates_of = {name: [] for name in arms}
    for repetition in range(2 * options.repetitions):
        for name in list(arms)[repetition % 3 :] + list(arms)[: repetition % 3]:
            rates_of[name].append(benchmark.our_rate(2, arms[name], True)[0])
        print(repetition, {name: round(values[-1]) for name, values in rates_of.items()}, file=sys.stderr, flush=True)
    base = rates_of["no synchronisation"]
    print("\n| two workers, channels last | images/s | against no synchronisation | mean of the pairs, with its s.e. |")
    print("|---|---|---|---|")
    for name, values in rates_of.items():
        pairs = [a / b for a, b in zip(values, base)]
        error = statistics.stdev(pairs) / len(pairs) ** 0.5
        mean = f"{statistics.mean(pairs):.3f} ± {error:.3f}"
        print(f"| {name} | {spread(values)} | {ratios(values, base)} | {mean} |")


def recording(benchmark, options):
    """Two workers, H = 4. The defaults cost less than noise, so records are made every step and probes every 20.

    By default one step in 20 and one average in 5 is recorded, so a fifth of the first difference bounds their cost.
    """
    arms = {
        "nothing": ["record.every=0"],
        "every step and average": ["record.every=1", "record.probe_every=0"],
        "probes every 20 steps": ["record.probe_every=20"],
    }
    seconds = {name: [] for name in arms}
    for repetition in range(options.repetitions):
        names = list(arms)[repetition % 3 :] + list(arms)[: repetition % 3]
        for name in names:
            _, run, _ = benchmark.ours(2, 4, True, settings=arms[name])
            seconds[name].append(run["summary"]["time"]["training_seconds"])
            print(repetition, name, seconds[name][-1], file=sys.stderr, flush=True)
    nothing, every, probed = (statistics.median(values) for values in seconds.values())
    records, probes = (every - nothing) / nothing / 5, (probed - nothing) / nothing * 20 / 500
    print("\n| recorded (two workers, H = 4) | seconds of training | against nothing |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {spread(values, 2)} | {ratios(values, seconds['nothing'])} |")
    print(f"\nAt the defaults: records at most {100 * records:.2f} %, probes every 500 steps {100 * probes:.2f} %.")


def first_steps(benchmark, options):
    rows = {}
    for _ in range(options.repetitions):
        for workers in (1, 2):
            whole, _ = benchmark.our_first_step(workers, ["data.procedural_train=200"])
            rows.setdefault((f"quasar, {workers} worker(s), built-in images", ""), []).append(whole)
            report = benchmark.peer(workers, 4, True, steps=0, warm_up=1)
            name = (f"PyTorch, {workers} worker(s), random images", "")
            rows.setdefault(name, []).append(report["first_step_seconds"])
        report = benchmark.peer(2, 4, True, steps=0, warm_up=1, launcher=True)
        rows.setdefault(("PyTorch, 2 worker(s), torchrun", ""), []).append(report["first_step_seconds"])
    if options.data:
        settings = ["data.name=cifar10", f"data.root={options.data}"]
        evaluations = []
        for _ in range(3):
            whole, evaluation = benchmark.our_first_step(2, settings)
            rows.setdefault(("quasar, 2 worker(s), CIFAR-10", "the evaluation of step 0 left out"), []).append(
                whole - evaluation
            )
            evaluations.append(evaluation)
            report = benchmark.peer(2, 4, True, ["--data", options.data], steps=0, warm_up=1)
            rows.setdefault(("PyTorch, 2 worker(s), CIFAR-10", ""), []).append(report["first_step_seconds"])
        rows[("quasar, the evaluation of step 0", "10,000 images")] = evaluations
    print("\n| from the start to the end of the first step | seconds | |\n|---|---|---|")
    for (name, remark), values in rows.items():
        print(f"| {name} | {spread(values, 2)} | {remark} |")


def waiting(benchmark, options):
    """The share of the training seconds in which worker 0 waits for its batch: sampling, gathering, cropping, flipping and
    normalising images that are in memory, all in the worker's own thread. Real images, wherever quasar finds them."""
    lines = {
        "CIFAR-10, ResNet-20": ["data.name=cifar10"],
        "Fashion-MNIST, ResNet-20": ["data.name=fashion_mnist"],
        "Fashion-MNIST, small CNN": ["data.name=fashion_mnist", "network.name=cnn"],
    }
    shares, sources = {}, {}
    for repetition in range(options.repetitions):
        for name, settings in lines.items():
            for workers in (1, 2):
                _, run, _ = benchmark.ours(workers, 4, True, settings=settings + ["evaluate.at_start=false"])
                seconds = run["summary"]["time"]
                share = 100 * seconds["data_seconds"] / seconds["training_seconds"]
                shares.setdefault((name, workers), []).append(share)
                sources[name] = run["data"]
                print(repetition, name, workers, f"{share:.3f} %", file=sys.stderr, flush=True)
    print("\n| waiting for data, local batch 32, H = 4 | workers | % of the training seconds |\n|---|---|---|")
    for (name, workers), values in shares.items():
        print(f"| {name} | {workers} | {spread(values, 3)} |")
    for name, source in sources.items():
        if source.startswith("procedural"):
            print(f"\n{name}: not found, {source} instead.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/cpu/experiments/quasar")
    parser.add_argument("--python", default="python3", help="one with PyTorch 2.11")
    parser.add_argument("--network", choices=list(NETWORKS), default="resnet20")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="measured; a multiple of record.every, 20")
    parser.add_argument("--data", default="", help="folder of CIFAR-10's binary files, for the first step only")
    parser.add_argument("--minutes", type=float, default=60.0, help="no further repetition of the rates begins after")
    parser.add_argument("--parts", default="rates,averaging,best,recording,first,waiting", help="comma-separated")
    parser.add_argument("--only", default="", help="of the rates: lines with this in their name")
    options = parser.parse_args()
    if options.network != "resnet20" and options.parts != "rates":
        parser.error(f"--network {options.network} is measured by --parts rates")
    has_peer = {"rates", "best", "first"} & set(options.parts.split(","))
    if has_peer and subprocess.run([options.python, "-c", "import torch, numpy"], capture_output=True).returncode != 0:
        print(f"skipped: {options.python} has no PyTorch with NumPy (--python)", file=sys.stderr)
        sys.exit(77)
    benchmark = Benchmark(options)
    parts = {
        "rates": rates,
        "averaging": averaging,
        "best": best_peer,
        "recording": recording,
        "first": first_steps,
        "waiting": waiting,
    }
    try:
        for part in options.parts.split(","):
            parts[part](benchmark, options)
    finally:
        shutil.rmtree(benchmark.folder, ignore_errors=True)
    print(f"\nProcessor time others took meanwhile: {spread([100 * d for d in benchmark.disturbed], 1)} %.")


if __name__ == "__main__":
    main()
