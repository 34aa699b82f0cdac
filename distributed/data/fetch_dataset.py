#!/usr/bin/env python3
"""Put MNIST or Fashion-MNIST, unpacked and checked, into CACHE_DIR/data/NAME.

    python3 fetch_dataset.py NAME CACHE_DIR [--packed FOLDER]

With --packed the four idx files come from FOLDER/*.xz, otherwise from the data set's official download. Every raw file
is compared with its SHA-256 before it gets its name. Exit 1 with one line on stderr if the set cannot be had.
Standard library only.
"""
import argparse
import gzip
import hashlib
import lzma
import os
import sys
import urllib.request

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
}
URL = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}
LARGEST_RAW = 64 << 20  # the training images have 47 MB: a file that unpacks to more is not ours


def limited(stream):
    data = stream.read(LARGEST_RAW + 1)
    if len(data) > LARGEST_RAW:
        raise ValueError("unpacks to more than 64 MiB")
    return data


def unpacked(folder, file):
    with lzma.open(os.path.join(folder, file + ".xz")) as stream:
        return limited(stream)


def downloaded(url, file):
    with urllib.request.urlopen(url + file + ".gz", timeout=TIME_OUT) as answer:
        with gzip.GzipFile(fileobj=answer) as stream:
            return limited(stream)


def put(folder, file, data, sha256):
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise ValueError(f"{file} has SHA-256 {got}, expected {sha256}")
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
    name, folder = arguments.name, os.path.join(arguments.cache, "data", arguments.name)
    source = arguments.packed or URL[name]
    print(f"{name}: {'unpacking' if arguments.packed else 'downloading'} {source} into {folder}", file=sys.stderr)
    try:
        for file, sha256 in SHA256[name].items():
            data = unpacked(source, file) if arguments.packed else downloaded(source, file)
            put(folder, file, data, sha256)
    except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
        sys.exit(f"{name}: could not be had from {source} ({error})")


if __name__ == "__main__":
    main()
