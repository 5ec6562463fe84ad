"""The initramfs of a guest: a cpio archive (format "newc") with busybox, the modules it needs and the init script."""

import gzip
import lzma
import os
import stat
import subprocess

_FOLDERS = ("bin", "dev", "proc", "sys", "modules", "host", "memory", "root")


def _entry(name, data, mode, inode):
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)


def _read(path):
    """The content of a file, decompressed if it is a compressed module."""
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-qdc", path], check=True, capture_output=True).stdout
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        return file.read()


def write(path, files, modules):
    """files: {name in the archive: (content, mode)}. modules: paths; they are numbered in loading order in /modules."""
    members = [(name, b"", stat.S_IFDIR | 0o755) for name in _FOLDERS]
    members += [(name, data, stat.S_IFREG | mode) for name, (data, mode) in files.items()]
    members += [(f"modules/{number:02}-{os.path.basename(module).partition('.ko')[0]}.ko", _read(module), stat.S_IFREG | 0o644)
                for number, module in enumerate(modules)]
    packed = b"".join(_entry(*member, inode) for inode, member in enumerate(members, 1))
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(packed + _entry("TRAILER!!!", b"", 0, 0))
