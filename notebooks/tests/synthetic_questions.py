"""Writes made-up answers to the questions of quasar compare, with the shape of the real ones."""

import math

from synthetic import PARTS, write_json, write_lines


def weak_error_rows(refused=()):
    """Errors proportional to the size, and their orders; `refused` are (observable, regime) without a fit."""
    for regime in ("sgd", "inverse", "qsr"):
        for observable, scale in (("cos_2phi", 0.8), ("sin_2phi", -0.3)):
            names = {"panel": "circle", "observable": observable, "regime": regime}
            bad = (observable, regime) in refused
            sizes = [0.04, 0.02, 0.01]
            for size in sizes:
                error = scale * size
                se = abs(error) * (0.6 if bad and size == 0.01 else 0.05)
                period = 1 if regime == "sgd" else round(0.4 / size)
                values = {"error": error, "se": se, "resolved": se < abs(error) / 3, "round_time": size * period}
                yield {"row": "error", **names, "learning_rate": size, "size": size, "sync_period": period, **values}
            if bad:
                yield {"row": "order", **names, "points": 3, "refused": "a Monte-Carlo error above a third of it"}
                continue
            fit = [abs(scale) * size for size in sizes]
            band = {"low": [0.9 * y for y in fit], "high": [1.1 * y for y in fit]}
            yield {"row": "order", **names, "slope": 1.0, "half_width_95": 0.04, "size": sizes, "fit": fit, **band}


def drift_multiplier_rows():
    """Multipliers that rise from 1 to 4."""
    periods = [1, 4, 16, 64, 256]
    disc = {h: 1 + 3 * (1 - 1 / h) for h in periods}
    for index, h in enumerate(periods):
        values = {"measured": disc[h] + 0.001 * (-1) ** index, "se": 0.002, "psi_disc": disc[h], "psi": disc[h] + 0.05}
        yield {"row": "multiplier", "sync_period": h, "num_workers": 4, "learning_rate": 0.05, **values}
    curve = {"sync_period": periods, "psi_disc": list(disc.values()), "psi": [m + 0.05 for m in disc.values()]}
    yield {"row": "curve", "learning_rate": 0.05, "eigenvalue": 1.0, "num_workers": 4, **curve}
    for theory, chi_square in (("1 + (K-1) psi_disc", 1.25), ("1 + (K-1) psi", 3125.0)):
        yield {"row": "agreement", "theory": theory, "chi_square": chi_square, "degrees_of_freedom": 5}


def stationary_rows():
    """Histograms of laws that the counts follow exactly."""
    for panel, low, period in (("periodic_valley", -math.pi, 2 * math.pi), ("circle", 0.0, math.pi)):
        for regime, power in (("sgd", 1), ("inverse", 2), ("qsr", 4)):
            bins = 20
            coordinates = [low + period * (i + 0.5) / bins for i in range(bins)]
            shape = [math.exp(power * math.cos(q)) for q in coordinates]
            density = [value / (sum(shape) * period / bins) for value in shape]
            counts = [round(1000 * p * period / bins) for p in density]
            tests = {name: {"chi_square": 20.0, "degrees_of_freedom": 19, "p_value": 0.4} for name in ("sgd", "qsr")}
            tests[regime] = {"chi_square": 1.0, "degrees_of_freedom": 19, "p_value": 1.0}
            law = {"coordinates": coordinates, "density": density, "tests": tests}
            where = {"coordinate": "q", "low": low, "period": period}
            yield {"row": "histogram", "panel": panel, "regime": regime, "counts": counts, "replicas": 1000} | law | where


def stich_rows():
    """Cells whose speed-up is linear in K, one that did not come to epsilon, and bounds far above."""
    problem = {"samples": 100, "features": 7, "strong_convexity": 0.01, "smoothness": 2.0, "local_batch_size": 4}
    problem |= {"epsilon": 1e-3, "minimum": 0.3}
    for regime in ("synchronous", "asynchronous"):
        for k in (1, 4, 16):
            for h in (1, 8):
                names = {"regime": regime, "num_workers": k, "sync_period": h}
                lost = (regime, k, h) == ("synchronous", 16, 8)
                steps = None if lost else 1600 / k
                values = {"shift": 100.0, "steps_to_epsilon": steps, "gap": 0.002 if lost else 0.0009}
                values |= {"gradients": None if lost else 6400.0, "rounds": None if lost else steps / h}
                speed_up = [{"communication_cost": cost, "value": k / (1 + cost / 25)} for cost in (0.0, 25.0)]
                yield {"row": "cell", **names, **values, "problem": problem, "speed_up": [] if lost else speed_up}
                if regime == "synchronous":
                    yield {"row": "bound", **names, "step": 1000, "gap": 1e-3 / k, "bound": 0.3 * h}


def write_answer(results, question, rows):
    """Writes results/<question>/c0ffee/ and returns it."""
    folder = results / question / "c0ffee"
    folder.mkdir(parents=True)
    write_json(folder / "run.json", {"format": 1, "command": "compare", "name": question, "status": "done"})
    write_json(folder / PARTS, {"format": 1, "question": question, "parts": []})
    write_lines(folder / "table.jsonl", list(rows))
    (folder / "DONE").write_text("")
    return folder
