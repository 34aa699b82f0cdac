"""Writes a figure as PNG and PDF, whole or not at all."""

import io

from PIL import Image

from .whole_file import write_whole

DOTS_PER_INCH = 150
COLOURS = 256  # of the PNG's palette: a third of the size, and no difference to be seen


def png(figure):
    """The figure as a PNG with a palette."""
    full = io.BytesIO()
    figure.savefig(full, format="png", dpi=DOTS_PER_INCH)
    small = io.BytesIO()
    Image.open(full).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def pdf(figure):
    """The figure as a PDF without a date, so that the same figure gives the same bytes."""
    whole = io.BytesIO()
    figure.savefig(whole, format="pdf", metadata={"CreationDate": None})
    return whole.getvalue()


def save(figure, folder, name, kinds=("png", "pdf")):
    """Writes <folder>/<name>.png and .pdf (or the kinds wanted) and returns the paths."""
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    for path, kind in zip(paths, kinds):
        write_whole(path, {"png": png, "pdf": pdf}[kind](figure))
    return paths
