"""Writes small made-up results folders in format 1, with the shape of the real ones."""

import json
import math
import random

PARTS = "parts.json"
MULTIPLIER = {"sgd": 1.0, "inverse": 3.2, "qsr": 4.0, "sgd_small_batch": 4.0}
PERIOD = {"sgd": 1, "inverse": 100, "qsr": 4000, "sgd_small_batch": 1}
VOLUME = {"sgd": 1.0, "inverse": 0.01, "qsr": 0.00025, "sgd_small_batch": 1.0}
WORKERS = 4


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def valley(t, m, shift, eta=0.01):
    return {"y": 0.5 - (0.25 - shift / 5) * m * t}


def circle(t, m, shift, eta=0.01):
    end = -(0.2 - shift / 5) * (m - 1)
    return {"cos_2phi": end + (0.9 - end) * math.exp(-2 * t)}


def network(t, m, shift, eta=0.01):
    trace = 8.0 + (24.0 - 20 * shift) * math.exp(-0.075 * m * t)
    return {
        "trace_hessian": trace,
        "lambda_max": 25.0 * (trace / 32.0) ** 1.2,
        "train_loss": eta * 0.0025 * trace,
        "dispersion": eta * 0.0025 * trace * {1.0: 1.0, 3.2: 20.0, 4.0: 45.0}[m],
        "held_out_accuracy": 0.85 + 0.04 * (1 - math.exp(-0.1 * m * t)),
    }


TRUTH = {"valley": (valley, 1.0), "circle": (circle, 2.0), "network": (network, 10.0)}


def records(panel, regime, shift, eta, kind, noise, count=41):
    """Records along the slow time: the truth for theory, the truth and noise for measurement."""
    truth, end = TRUTH.get(panel, TRUTH["valley"])
    dice = random.Random(f"{panel}{regime}{eta}{kind}")
    for index in range(count):
        t = end * index / (count - 1)
        values = truth(t, MULTIPLIER[regime], shift, eta)
        errors = {name: noise * (abs(value) + (panel != "network")) for name, value in values.items()}
        estimates = {
            name: {"mean": value + dice.gauss(0, 1) * errors[name], "se": errors[name], "sd": 2 * errors[name], "n": 4}
            for name, value in values.items()
        }
        if kind == "measurement" and panel == "network":
            estimates["communication_volume"] = {"mean": VOLUME[regime], "se": 0.0, "sd": 0.0, "n": 4}
        step = round(t / eta**2)
        yield {"slow_time": t, "step": step, "round": step // PERIOD[regime], "observables": estimates, "time": {}}


def write_run(folder, panel, regime, eta, kind, weights=None, status="done"):
    """Writes one run folder."""
    folder.mkdir(parents=True)
    info = {"format": 1, "command": "sde", "name": folder.parent.name, "status": status, "error": None, "kind": kind}
    info |= {"system": panel, "regime": regime, "weights": weights, "num_workers": WORKERS, "learning_rate": eta}
    info |= {"sync_period": PERIOD[regime], "summary": {}, "seed": 1, "code": {}, "time": {}}
    write_json(folder / "run.json", info)
    (folder / "config.toml").write_text("")
    shift = {None: eta, "psi": 0.0, "psi_disc": 2 * eta}[weights]
    noise = 0.0 if kind == "theory" else 0.006
    write_lines(folder / "observables.jsonl", list(records(panel, regime, shift, eta, kind, noise)))
    if status == "done":
        (folder / "DONE").write_text("")


def kinds(panel):
    """(kind, weights, learning rate) of every part that a regime of the panel has."""
    if panel != "network":
        return [("theory", "psi", 0.01), ("measurement", None, 0.01)]
    rates = (0.02, 0.01)
    theory = [("theory", weights, eta) for weights in ("psi", "psi_disc") for eta in rates]
    return theory + [("measurement", None, eta) for eta in rates]


def rows_of(panel, regime):
    """Rows of the table for one regime of one panel."""
    observable = {"network": "trace_hessian", "circle": "cos_2phi"}.get(panel, "y")
    truth, end = TRUTH.get(panel, TRUTH["valley"])
    predicted, measured = (truth(end, MULTIPLIER[regime], eta)[observable] for eta in (0.0, 0.01))
    se = 0.002 * (abs(measured) + 1)
    difference = {"difference_in_se": (measured - predicted) / se, "relative_difference": measured / predicted - 1}
    names = {"panel": panel, "observable": observable, "regime": regime}
    values = {"predicted": predicted, "predicted_se": 0.0, "measured": measured, "se": se}
    where = {"learning_rate": 0.01, "slow_time": end}
    yield {"row": "drift", **names, **where, **values, **difference, "other_regimes": {}}
    if panel == "network":
        limit = {"extrapolated": predicted + 0.02, "se": se, "predicted": predicted, "relative_difference": 0.002}
        gaps = {"learning_rates": [0.02, 0.01], "relative_gaps": [0.04, 0.02], "gap_ratio": 2.0, "agrees": True}
        yield {"row": "extrapolation", **names, **gaps, **limit, "difference_in_se": 1.0}


def write_comparison(results, panels=("valley", "circle", "network"), done=True):
    """Writes results/side_by_side/c0ffee/ and the runs that it names; returns the compare folder."""
    folder = results / "side_by_side" / "c0ffee"
    folder.mkdir(parents=True)
    parts, rows = [], []
    for panel in panels:
        for regime in ["sgd", "inverse", "qsr"] + ["sgd_small_batch"] * (panel == "network"):
            for kind, weights, eta in kinds(panel):
                if regime == "sgd_small_batch" and (kind == "theory" or eta != 0.01):
                    continue
                name = f"{panel}-{regime}-{kind}-{weights}"
                write_run(results / name / f"{eta}", panel, regime, eta, kind, weights)
                part = {"panel": panel, "regime": regime, "kind": kind, "weights": weights, "learning_rate": eta}
                parts.append(part | {"folder": f"../../{name}/{eta}"})
            rows += rows_of(panel, regime)
    write_json(folder / "run.json", {"format": 1, "command": "compare", "name": "side_by_side", "status": "done"})
    write_json(folder / PARTS, {"format": 1, "parts": parts})
    write_lines(folder / "table.jsonl", rows)
    if done:
        (folder / "DONE").write_text("")
    return folder
