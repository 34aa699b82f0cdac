"""Writes photo_vectors.json: what Pillow and torchvision make of small photographs.

    python photo_vectors.py > photo_vectors.json

Made with Pillow 13.0.0 and torchvision 0.26.0. Pixels are (rows, cols, 3) in base64.
"""

import base64
import io
import json

import numpy as np
from PIL import Image
from torchvision.transforms import RandAugment
from torchvision.transforms.autoaugment import _apply_op
from torchvision.transforms.functional import InterpolationMode


def text(data):
    return base64.b64encode(data).decode()


def photo(rows, cols, seed):
    """Smooth colours with noise on them."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :cols]
    waves = [100 + 60 * np.sin(0.3 * x + c) * np.cos(0.2 * y - c) + 20 * c for c in range(3)]
    return Image.fromarray(np.clip(np.stack(waves, -1) + random.normal(0, 15, (rows, cols, 3)), 0, 255).astype(np.uint8))


def described(image):
    return {"rows": image.height, "cols": image.width, "pixels": text(image.convert("RGB").tobytes())}


def jpegs():
    colour = photo(19, 13, 1)
    kinds = {
        "grey": (colour.convert("L"), {}),
        "cmyk": (colour.convert("CMYK"), {"quality": 90}),
        "progressive": (colour, {"progressive": True}),
        "subsampling_420": (colour, {"subsampling": 2}),
        "subsampling_444": (colour, {"subsampling": 0}),
        "orientation_6": (colour, {"exif": orientation(6)}),
        "one_pixel": (colour.crop((0, 0, 1, 1)), {}),
    }
    result = {}
    for name, (image, options) in kinds.items():
        file = io.BytesIO()
        image.save(file, "JPEG", **options)
        result[name] = {"file": text(file.getvalue()), **described(Image.open(file))}
    return result


def orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def scaled():
    file = io.BytesIO()
    photo(37, 45, 2).save(file, "JPEG", quality=80)
    result = {"file": text(file.getvalue()), "at": {}}
    for denominator in (1, 2, 4, 8):
        image = Image.open(file)
        image.draft("RGB", (45 // denominator, 37 // denominator))
        result["at"][str(denominator)] = described(image)
    return result


def resized():
    image = photo(27, 33, 3)
    cases = [((0, 0, 33, 27), (16, 16)), ((5, 3, 25, 26), (16, 16)), ((2, 4, 9, 10), (16, 16)), ((0, 0, 33, 27), (3, 5)),
             ((32, 26, 33, 27), (4, 4)), ((0, 0, 20, 10), (20, 10))]
    return {"image": described(image),
            "cases": [{"box": box, **described(image.crop(box).resize(size, Image.Resampling.BILINEAR))}
                      for box, size in cases]}


def operations():
    image = photo(9, 12, 4)
    space = RandAugment()._augmentation_space(31, (image.height, image.width))
    result = []
    for name, (magnitudes, signed) in space.items():
        for number in (10, 30) if magnitudes.ndim else (0,):
            for sign in (1.0, -1.0) if signed else (1.0,):
                magnitude = sign * (float(magnitudes[number]) if magnitudes.ndim else 0.0)
                changed = _apply_op(image, name, magnitude, InterpolationMode.NEAREST, None)
                result.append({"operation": name, "bin": number, "sign": sign, "magnitude": magnitude,
                               **described(changed)})
    return {"image": described(image), "cases": result}


print(json.dumps({"jpegs": jpegs(), "scaled": scaled(), "resized": resized(), "operations": operations()}, indent=0))
