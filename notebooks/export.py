#!/usr/bin/env python3
"""Copies the records of results folders into CSV files or into TensorBoard's event files."""

import argparse
import sys
from pathlib import Path

EXAMPLES = """\
examples:
  python notebooks/export.py results/cifar10/1a2b3c4d                    # into .../1a2b3c4d/csv/steps.csv, ...
  python notebooks/export.py results/cifar10/* --format tensorboard --out events && tensorboard --logdir events

Any results folder will do, also one of a run that goes on: a torn last line is left out, and exporting again replaces
the files. With --out the files lie in FOLDER/<name>/<hash>/. The paths written are printed, one a line.
CSV: one file a series, dotted columns (time.wall), nan and inf for numbers that are not finite, nothing for a field
that a record has not. TensorBoard: scalars <series>/<column> in single precision, x the step, NaN kept.

exit codes: 0 done, 2 no such results folder or a Python package is missing, 3 damaged results, 7 cannot be written
"""


def read_arguments():
    """The command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="export.py", description=__doc__, epilog=EXAMPLES, formatter_class=shape)
    parser.add_argument("folders", metavar="DIR", type=Path, nargs="+", help="results folders")
    parser.add_argument("--format", choices=["csv", "tensorboard"], default="csv", help="default: csv")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where to (default: DIR/csv or DIR/tensorboard)")
    return parser.parse_args()


def destinations(all_results, form, out):
    """The folder for each one's files; two must not be the same."""
    from quasar_results.files import NotAResultsFolder

    taken = {}
    for results in all_results:
        folder = out / results.place if out else results.folder / form
        if folder in taken:
            both = f"{taken[folder]} and {results.folder}"
            raise NotAResultsFolder(f"{both} would both be written to {folder}; export them apart")
        taken[folder] = results.folder
    return list(taken)


def export(folders, form, out):
    """Reads the folders and writes their files; yields the paths."""
    from quasar_results.series import read_results

    if form == "csv":
        from quasar_results.export.csv_files import write_csv as write
    else:
        from quasar_results.export.event_file import write_events as write
    all_results = [read_results(folder) for folder in folders]
    for results, folder in zip(all_results, destinations(all_results, form, out)):
        paths = write(results, folder)
        if not any(results.series.values()):
            print(f"export.py: {results.folder} has no records yet", file=sys.stderr)
        yield from paths


def fail(code, message):
    """Says what is wrong in one line and ends with the code."""
    print(f"export.py: {message}", file=sys.stderr)
    sys.exit(code)


def main():
    """Exports, or says in one line why not."""
    arguments = read_arguments()
    try:
        from quasar_results.files import ResultsError

        for path in export(arguments.folders, arguments.format, arguments.out):
            print(path)
    except ImportError as error:
        fail(2, f"Python package missing ({error}); try: python -m pip install -r notebooks/requirements.txt")
    except ResultsError as error:
        fail(error.exit_code, error)
    except OSError as error:
        fail(7, f"the files cannot be written ({error})")


if __name__ == "__main__":
    main()
