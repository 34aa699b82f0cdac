#!/usr/bin/env python3
"""Put MNIST, Fashion-MNIST, CIFAR-10, a LIBSVM set or a text, unpacked and checked, into CACHE_DIR/data/NAME.

    python3 fetch_dataset.py NAME CACHE_DIR [--packed FOLDER]

With --packed the files come from what FOLDER holds (idx, LIBSVM and text files as *.xz; CIFAR-10 as cifar-10-binary.tar.gz, or as
JPEG XL mosaics with labels.u8, which needs the program djxl), otherwise from the data set's official download. What is
read is compared with its SHA-256 before any file gets its name. Exit 1 with one line on stderr if the set cannot be
had. Standard library only.
"""
import argparse
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zlib

# Seconds without an answer after which a machine counts as having no network.
TIME_OUT = 5

# SHA-256 of the raw files. The sums of MNIST are those that several public projects pin; Fashion-MNIST's belong to the
# files whose MD5 zalandoresearch/fashion-mnist publishes.
SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    # Of the batches made from the mosaics, whose order is not the official one (the set of images is).
    "cifar10": {
        "data_batch_1.bin": "6d6e2d9f2a4761f8546d084cb7e8a5cdd335509387424a9f79cebaabce70db3b",
        "data_batch_2.bin": "a34db3d030f9900c5d71cff6336edda96a1678cb8502baeda1f07e47fa04d1c3",
        "data_batch_3.bin": "788e6f4310a29724e37a9a7a9172478ac7aa5dc79d4ab67d4ce095c571747ee4",
        "data_batch_4.bin": "dd28ab2bc9242d130fd4d2c96d6182357186e54afa2e80f596b37939a6085a9f",
        "data_batch_5.bin": "78228f18fedd9b8afe39badd03975c2ba90de9ff1498bcefb5545d7c6ee80ec9",
        "test_batch.bin": "9ce93f819d1a03db78ab6499909973884e7a66878e4a48826b28aee777e9b5f2",
    },
}
# Sets of LIBSVM's page, line ends and trailing blanks normalised; labels and splits are those of this collection.
LIBSVM = {
    "a9a": "76b604b2c3f738783537bd3b32893eae66af54b8a41aee534fac1ecea45c1535",
    "a9a.t": "0c3135eb9b9d83a4fa007d6e1a3b719f029db78884dafd5a46a4d7eeb4c2b018",
    "german.numer": "d663a9fe0a2e00904fcdd94c3cc19152c80867d0b4d52cd28c8cb000073eaa93",
    "heart_scale": "63917b08a72632bb3d5c0a704c40fe3ed35aca473c2ace511c8ad37a8b5df20a",
    "ionosphere_scale": "4461cc20beb1a4fad196ac4ee594fd2a7eeb9d7ea8c5f8c9e377aa3c9347eb3e",
    "mushrooms": "b2c44e8901e186b5683891262520bc4c1ceadc8684f2af60f0c8ea6abe745000",
    "phishing": "0cf66ef36604c393da9359b2e5d894a2df8aee31fd184633cefa138add2ef08a",
    "rcv1_small": "c3c1331d70b868ea1cc71c91b7cf94e9c9c1631b709608a57348b995ebebdf6c",
    "splice": "58ca1dfdca02cd39ae1bdd3c5e95c3598efe6ed64f29074d8548653837671ab6",
    "svmguide1": "2854b5882f2db29f0c34bcf73c69be7654364a46aab5b803d2ff5b5c8765d666",
    "w8a": "05af7655871a35d5bc89c755791b5338a9969cb604c9df045c811c5e5a45426e",
}
SHA256.update({name: {name: sha256} for name, sha256 in LIBSVM.items()})
# The 1,115,394 characters of char-rnn, and WikiText-2's valid and test texts by words.
TEXTS = {
    "tiny_shakespeare": {
        "tinyshakespeare.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    },
    "wikitext2": {
        "wikitext-2-valid.txt": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        "wikitext-2-test.txt": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    },
}
SHA256.update(TEXTS)
URL = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "cifar10": "https://www.cs.toronto.edu/~kriz/",
}
CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR_ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR_IMAGES = 10000  # in a batch, and in a mosaic of 100 x 100
CIFAR_BATCH = CIFAR_IMAGES * 3073
LARGEST_RAW = 64 << 20  # the largest raw file has 47 MB: one that unpacks to more is not ours
LARGEST_DOWNLOAD = 256 << 20  # CIFAR-10's archive has 170 MB


def limited(stream, most=LARGEST_RAW):
    data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"holds more than {most >> 20} MiB")
    return data


def read(path, most=LARGEST_DOWNLOAD):
    with open(path, "rb") as stream:
        return limited(stream, most)


def download(url):
    with urllib.request.urlopen(url, timeout=TIME_OUT) as answer:
        return limited(answer, LARGEST_DOWNLOAD)


def check(what, data, sha256):
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise ValueError(f"{what} has SHA-256 {got}, expected {sha256}")
    return data


def idx_files(name, packed):
    for file, sha256 in SHA256[name].items():
        if packed:
            with lzma.open(os.path.join(packed, file + ".xz")) as stream:
                raw = limited(stream)
        else:
            with gzip.GzipFile(fileobj=io.BytesIO(download(URL[name] + file + ".gz"))) as stream:
                raw = limited(stream)
        yield file, check(file, raw, sha256)


def archive_members(data):
    """The six batches of the official archive, read and never unpacked by name."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            file = member.name.rpartition("/")[2]
            if file not in SHA256["cifar10"] or not member.isreg():
                continue
            if member.size != CIFAR_BATCH or file in found:
                raise ValueError(f"{CIFAR_ARCHIVE}: member {member.name} has {member.size} bytes or comes twice")
            found[file] = archive.extractfile(member).read()
    if len(found) != len(SHA256["cifar10"]):
        raise ValueError(f"{CIFAR_ARCHIVE}: only {len(found)} of the six batches are in it")
    return found.items()


def mosaic_batch(mosaic, labels):
    """The batch of a lossless mosaic of 100 x 100 images."""
    with tempfile.TemporaryDirectory() as folder:
        picture = os.path.join(folder, "mosaic.ppm")
        try:
            done = subprocess.run(["djxl", mosaic, picture], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise ValueError("the program djxl is missing: apt-get install libjxl-tools") from None
        if done.returncode != 0:
            reason = (done.stderr.strip() or "no message").splitlines()[-1]
            raise ValueError(f"djxl could not decode {mosaic}: {reason}")
        data = read(picture)
    header, row_bytes = b"P6\n3200 3200\n255\n", 3200 * 3
    if not data.startswith(header) or len(data) != len(header) + 3200 * row_bytes:
        raise ValueError(f"{mosaic} is not a picture of 3200 x 3200 pixels")
    pixels, batch = memoryview(data)[len(header):], bytearray()
    for index, label in enumerate(labels):
        first = index // 100 * 32 * row_bytes + index % 100 * 32 * 3
        image = b"".join(pixels[at:at + 96] for at in range(first, first + 32 * row_bytes, row_bytes))
        batch.append(label)
        for channel in range(3):
            batch += image[channel::3]
    return bytes(batch)


def cifar_files(packed):
    if not packed or os.path.exists(os.path.join(packed, CIFAR_ARCHIVE)):
        data = read(os.path.join(packed, CIFAR_ARCHIVE)) if packed else download(URL["cifar10"] + CIFAR_ARCHIVE)
        yield from archive_members(check(CIFAR_ARCHIVE, data, CIFAR_ARCHIVE_SHA256))
        return
    labels = read(os.path.join(packed, "labels.u8"))
    if len(labels) != 6 * CIFAR_IMAGES:
        raise ValueError(f"labels.u8 has {len(labels)} bytes, expected {6 * CIFAR_IMAGES}")
    for batch, (file, sha256) in enumerate(SHA256["cifar10"].items()):
        mosaic = os.path.join(packed, f"train_{batch + 1}.jxl" if batch < 5 else "test.jxl")
        own_labels = labels[batch * CIFAR_IMAGES:(batch + 1) * CIFAR_IMAGES]
        yield file, check(file, mosaic_batch(mosaic, own_labels), sha256)


def put(folder, file, data):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, file)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as out:
            out.write(data)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SHA256))
    parser.add_argument("cache")
    parser.add_argument("--packed", metavar="FOLDER")
    arguments = parser.parse_args()
    name, packed, folder = arguments.name, arguments.packed, os.path.join(arguments.cache, "data", arguments.name)
    if not packed and name not in URL:
        files = ", ".join(SHA256[name])
        sys.exit(f"{name}: has no download that is known here; put {files} into {folder}, or name files of your own")
    source = packed or URL[name]
    print(f"{name}: {'unpacking' if packed else 'downloading'} {source} into {folder}", file=sys.stderr)
    try:
        for file, data in cifar_files(packed) if name == "cifar10" else idx_files(name, packed):
            put(folder, file, data)
    except (OSError, EOFError, ValueError, lzma.LZMAError, tarfile.TarError, zlib.error) as error:
        sys.exit(f"{name}: could not be had from {source} ({error})")


if __name__ == "__main__":
    main()
