"""Writes a figure as PNG and PDF, whole or not at all."""

import io
import os

from PIL import Image

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


def save(figure, folder, name):
    """Writes <folder>/<name>.png and .pdf and returns the two paths."""
    paths = []
    for kind, write in (("png", png), ("pdf", pdf)):
        path, unfinished = folder / f"{name}.{kind}", folder / f".{name}.{kind}.part"
        try:
            unfinished.write_bytes(write(figure))
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        paths.append(path)
    return paths
