"""Writes archives by Python's tarfile, which python_tars_test reads.

    python_tars.py FOLDER

FORMAT.tar for ustar, gnu and pax: the same four samples, and what does not count. FORMAT-wide.tar for gnu and pax: the same
with a name of 300 characters, one beyond ASCII and numbers too large for a header. FORMAT-WHAT.tar: a sample, then a member
that is no plain file; WHAT = symlink, hardlink, fifo, device, sparse (tarfile writes none, so its headers are made here).
"""

import io
import sys
import tarfile
from pathlib import Path

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
PLAIN = ["a", "some folder/b", "deep/" * 25 + "c", "./with.dots.in it/d"]
WIDE = ["n" * 300, "Gr\u00f6\u00dfe/\u732b"]


def add(archive, name, text, **fields):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(text), 1.5e9 + 0.25  # a fraction makes pax write a record
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(text.encode()))


def add_samples(archive, keys, **fields):
    for number, key in enumerate(keys):
        add(archive, key + ".cls", str(number), **fields)
        add(archive, key + ".jpg", "photograph " + "x" * 600 * number, **fields)
        add(archive, key + ".json", "{}", **fields)


def old_gnu_sparse(name):
    """A header of type S: 8 bytes at 512 of a file of 2,000."""
    info = tarfile.TarInfo(name)
    info.size, info.type = 8, b"S"
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (512, 8)
    header[483:495] = b"%011o\0" % 2000
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def add_odd(archive, what):
    name = "odd.jpg"
    if what == "sparse" and archive.format == tarfile.GNU_FORMAT:
        archive.fileobj.write(old_gnu_sparse(name) + b"the data".ljust(512, b"\0"))
        archive.offset += 1024
    elif what == "sparse":
        records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": "2000"}
        add(archive, "GNUSparseFile.0/" + name, "1\n512\n8\n".ljust(512, "\0") + "the data", pax_headers=records)
    else:
        kinds = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE}
        add(archive, name, "", type=kinds[what], linkname="a.jpg" if "link" in what else "")


def main():
    folder = Path(sys.argv[1])
    for name, number in FORMATS.items():
        with tarfile.open(folder / f"{name}.tar", "w", format=number) as archive:
            add(archive, "a folder", "", type=tarfile.DIRTYPE)
            add(archive, "README", "no sample")
            add_samples(archive, PLAIN)
        if name != "ustar":
            with tarfile.open(folder / f"{name}-wide.tar", "w", format=number) as archive:
                add_samples(archive, WIDE, uid=2**30, gid=2**30)
        for what in ("symlink", "hardlink", "fifo", "device", "sparse"):
            if (name, what) != ("ustar", "sparse"):
                with tarfile.open(folder / f"{name}-{what}.tar", "w", format=number) as archive:
                    add_samples(archive, ["a"])
                    add_odd(archive, what)


if __name__ == "__main__":
    main()
