#!/usr/bin/env python3
"""Draws the figures of a comparison (theory as lines, measurement as markers), read from results folders only."""

import argparse
import sys
from pathlib import Path

EXAMPLES = """\
example:
  python notebooks/draw.py results/side_by_side/1a2b3c4d

The folder is one that `quasar compare` wrote (run.json, parts.json, table.jsonl), or that of one run of `quasar sde`
or `quasar toy`, whose means are drawn as observables.png where they have no quantiles. The files drawn are printed, one
a line. A comparison with the network, or with valley and circle, is drawn as the main job's page, one of training runs as
accuracy.png, schedule.png, averages.png, time.png and local_batch.png (those whose data were recorded), the answer to
a question (weak_error, drift_multiplier, stationary, stich) as its figure, one of Slow-SDE runs alone as slow_sde.png (means,
spread, quantiles) and paths.png (a few paths on the manifold), any other as one small panel for every observable.

exit codes: 0 done, 2 no such results folder or no matplotlib, 3 damaged results, 7 the figure cannot be written
"""


def read_arguments():
    """The command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="draw.py", description=__doc__, epilog=EXAMPLES, formatter_class=shape)
    parser.add_argument("folder", metavar="RESULTS_FOLDER", type=Path, help="a folder that quasar compare, sde or toy wrote")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to put the figure (default: RESULTS_FOLDER)")
    return parser.parse_args()


def draw(folder, out):
    """Reads the comparison, draws it and returns the paths written."""
    from quasar_results import slow_sde
    from quasar_results.generic import draw_generic
    from quasar_results.questions.figures import FIGURES, draw_answer
    from quasar_results.questions.reader import question_of, read_answer
    from quasar_results.reader import read_comparison, read_info
    from quasar_results.save import save
    from quasar_results.side_by_side import draw_side_by_side, fits
    from quasar_results.training.figures import save_figures
    from quasar_results.training.reader import is_training, read_training

    read_info(folder)
    out.mkdir(parents=True, exist_ok=True)
    if is_training(folder):
        return save_figures(read_training(folder), out)
    if question_of(folder) in FIGURES:
        return save(draw_answer(read_answer(folder)), out, question_of(folder))
    comparison = read_comparison(folder)
    if slow_sde.fits(comparison):
        return slow_sde.save_slow_sde(comparison, out)
    figure = draw_side_by_side(comparison) if fits(comparison) else draw_generic(comparison)
    return save(figure, out, "side_by_side" if comparison.info["command"] == "compare" else "observables")


def fail(code, message):
    """Says what is wrong in one line and ends with the code."""
    print(f"draw.py: {message}", file=sys.stderr)
    sys.exit(code)


def main():
    """Draws, or says in one line why not."""
    arguments = read_arguments()
    try:
        from quasar_results.files import ResultsError

        paths = draw(arguments.folder, arguments.out or arguments.folder)
    except ImportError as error:
        fail(2, f"Python package missing ({error}); try: python -m pip install -r notebooks/requirements.txt")
    except ResultsError as error:
        fail(error.exit_code, error)
    except OSError as error:
        fail(7, f"the figure cannot be written ({error})")
    for path in paths:
        print(path)


if __name__ == "__main__":
    main()
