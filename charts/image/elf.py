"""Reads an ELF file: its machine, its interpreter, the libraries it needs.

It parses the file's own bytes, so binaries of every architecture are handled alike.
"""

import struct

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


class NotElf(Exception):
    """The file is not an ELF file, or its tables are inconsistent."""


class Elf:
    """machine (EM_… number), interpreter (path or None), needed (sonames in order)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if data[:4] != b"\x7fELF" or len(data) < 52 or data[4] not in (1, 2) or data[5] != 1:
            raise NotElf(f"{path}: not a little-endian ELF file")
        try:
            self._read(data, data[4] == 2)
        except (struct.error, IndexError, ValueError) as error:
            raise NotElf(f"{path}: damaged ELF file: {error}") from error

    def _read(self, data, wide):
        self.machine, = struct.unpack_from("<H", data, 18)
        table, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
        size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
        segments = []
        for number in range(count):
            at = table + number * size
            if wide:
                kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, at)
            else:
                kind, offset, address, _, length = struct.unpack_from("<IIIII", data, at)
            segments.append((kind, offset, address, length))

        def text(offset):
            return data[offset:data.index(b"\0", offset)].decode("ascii")

        def in_file(address):
            for kind, offset, start, length in segments:
                if kind == _PT_LOAD and start <= address < start + length:
                    return offset + address - start
            raise ValueError(f"no segment contains address {address:#x}")

        self.interpreter = next((text(offset) for kind, offset, _, _ in segments if kind == _PT_INTERP), None)
        needed, strings = [], None
        for kind, offset, _, length in segments:
            if kind != _PT_DYNAMIC:
                continue
            entry = "<qQ" if wide else "<iI"
            for at in range(offset, offset + length, struct.calcsize(entry)):
                tag, value = struct.unpack_from(entry, data, at)
                if tag == _DT_NULL:
                    break
                if tag == _DT_NEEDED:
                    needed.append(value)
                elif tag == _DT_STRTAB:
                    strings = in_file(value)
        self.needed = [text(strings + value) for value in needed] if strings is not None else []
