"""Writes small made-up results folders of training runs, and the comparison that quasar compare makes of them."""

import json
import math
import random

from synthetic import write_json, write_lines

STEPS, WORKERS, BATCH, BYTES = 400, 4, 32, 1_000_000
COMPUTE = {"data": 0.001, "forward": 0.006, "backward": 0.011, "optimizer": 0.0008}
WAIT, TRANSFER = 0.002, 0.009
STARTED = "2026-03-01T12:00:00Z"
STARTED_SECONDS = 1772366400.0

METHODS = {  # name: (H of a step, settings)
    "parallel": (lambda step: 1, {"sync.rule": "parallel"}),
    "constant H=8": (lambda step: 8, {"sync.rule": "constant", "sync.period": 8}),
    "QSR α=0.1": (lambda step: 4 + (0.1 / rate(step)) ** 2, {"sync.rule": "qsr", "sync.alpha": 0.1}),
}


def rate(step):
    return 0.002 + 0.05 * (1 + math.cos(math.pi * step / STEPS))


def accuracy(step, gain=0.0):
    return 0.9 + gain - 0.8 * math.exp(-step / 90)


def rounds(period_of):
    """(first step, H) of every round."""
    step = 0
    while step < STEPS:
        period = min(int(period_of(step)), STEPS - step)
        yield step, period
        step += period


def evaluation(step, position, gain, wall):
    record = {"step": step, "round": position["round"], "samples": step * WORKERS * BATCH, "shadow": False}
    values = {"loss": 2.3 * math.exp(-step / 120) - gain, "accuracy": accuracy(step, gain)}
    share = {"volume": position["averages"] / step if step else 0.0, "cumulative_bytes": position["averages"] * BYTES}
    return record | values | share | {"time": {"wall": wall + 1.0, "training": wall}}


def write_training_run(folder, method="constant H=8", status="done", local_batch=None, settings=None, gain=0.0):
    """Writes one run folder with every series that the trainer writes; `local_batch` is a function of the step."""
    period_of, rule = METHODS[method]
    folder.mkdir(parents=True)
    dice = random.Random(method)
    series = {"steps": [], "averages": [], "evaluations": [], "events": []}
    position, wall = {"round": 0, "averages": 0}, 0.0
    series["evaluations"].append(evaluation(0, position, gain, wall))
    for start, period in rounds(period_of):
        for step in range(start, start + period):
            wall += sum(COMPUTE.values())
            batch = local_batch(step) if local_batch else BATCH
            record = {"step": step, "round": position["round"], "samples": step * WORKERS * BATCH, "local_batch": batch}
            record |= {"learning_rate": rate(step), "sync_period": period, "loss": 2.3 * math.exp(-step / 100)}
            if step % 5 == 0:
                series["steps"].append(record | {"time": COMPUTE | {"wall": wall}})
            if step and step % 40 == 0:
                series["evaluations"].append(evaluation(step, position, gain, wall))
        wall += WAIT + TRANSFER
        position = {"round": position["round"] + 1, "averages": position["averages"] + 1}
        end = start + period
        if method != "parallel":
            before = 2.3 * math.exp(-end / 100) + 0.02 + 0.01 * dice.random()
            record = {"round": position["round"], "step": end, "sync_period": period, "learning_rate": rate(start)}
            record |= {"dispersion": 0.01 * period * rate(start) ** 2, "bytes": BYTES}
            record |= {"relative_dispersion": 1e-4 * period * rate(start) ** 2, "volume": position["averages"] / end}
            record |= {"loss_before": before, "loss_after": before - 0.02}
            series["averages"].append(record | {"time": {"wait": WAIT, "transfer": TRANSFER, "wall": wall}})
    series["evaluations"].append(evaluation(STEPS, position, gain, wall))
    series["events"].append({"step": STEPS, "event": "done", "time": {"wall": wall}})
    for name, records in series.items():
        write_lines(folder / f"{name}.jsonl", records)
    last = series["evaluations"][-1]
    seconds = {"training_seconds": wall, "collective_seconds": position["averages"] * (WAIT + TRANSFER)}
    summary = {"steps": STEPS, "rounds": position["round"], "samples": last["samples"]}
    summary |= {"averages": position["averages"], "averaged_bytes": last["cumulative_bytes"]}
    summary |= {"volume": last["volume"], "test_loss": last["loss"]}
    summary |= {"test_accuracy": last["accuracy"], "time": seconds | {"samples_per_second": last["samples"] / wall}}
    info = {"format": 1, "command": "train", "kind": "training", "system": "network", "status": status}
    info |= {"num_workers": WORKERS, "time": {"started": STARTED}, "name": folder.parent.name}
    write_json(folder / "run.json", info | ({"summary": summary} if status == "done" else {}))
    everything = {"workers.count": WORKERS, "batch.local_size": BATCH, "data.name": "cifar10", "run.seed": 1}
    everything |= {"network.name": "resnet20", "training.steps": STEPS, "learning_rate.peak": 0.102}
    everything |= rule | (settings or {})
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in sorted(everything.items())]
    (folder / "config.toml").write_text("".join(lines))
    if status == "done":
        (folder / "DONE").write_text("")
    return folder


def row_of(method, folder):
    """What quasar compare writes about a run."""
    info = json.loads((folder / "run.json").read_text())
    summary = info.get("summary", {})
    row = {"row": "training", "method": method, "parallel": method == "parallel", "task": "cifar10, resnet20"}
    row |= {"status": info["status"], "total_steps": STEPS, "seconds": summary.get("time", {}).get("training_seconds")}
    return row | {key: summary.get(key) for key in ("steps", "averages", "volume")}


def write_training_comparison(results, runs=None):
    """Writes results/compare/c0ffee/ of the runs given, {method: folder}, or of one run a method."""
    if runs is None:
        runs = {m: write_training_run(results / "cifar10" / f"run{i}", m, gain=0.01 * i) for i, m in enumerate(METHODS)}
    folder = results / "compare" / "c0ffee"
    folder.mkdir(parents=True)
    parts = [{"method": method, "folder": str(run)} for method, run in runs.items()]
    write_json(folder / "run.json", {"format": 1, "command": "compare", "name": "compare", "status": "done"})
    write_json(folder / "parts.json", {"format": 1, "kind": "training", "parts": parts})
    write_lines(folder / "table.jsonl", [row_of(method, run) for method, run in runs.items()])
    (folder / "DONE").write_text("")
    return folder
