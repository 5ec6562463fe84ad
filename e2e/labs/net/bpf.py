"""BPF without a compiler or a library: array maps, an assembler for small programs, and test runs, by system call.

Programs and maps live as long as their descriptors here, or what they are attached to.
"""

import ctypes
import os
import platform
import struct

from .netns import LabError

_SYSCALL = {"x86_64": 321, "aarch64": 280, "armv7l": 386}
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _PROG_LOAD, _PROG_TEST_RUN = 0, 1, 2, 5, 10
_TYPE_ARRAY = 2
TYPE_SCHED_CLS, TYPE_XDP = 3, 6
_LIVE_FRAMES = 1 << 1
_EXECUTION = {"ja": 0x00, "jeq": 0x10, "jgt": 0x20, "jge": 0x30, "jne": 0x50, "jlt": 0xA0}
_ARITHMETIC = {"add": 0x00, "sub": 0x10, "mul": 0x20, "or": 0x40, "and": 0x50, "lsh": 0x60, "rsh": 0x70, "mod": 0x90,
               "xor": 0xA0, "mov": 0xB0}
_SIZE = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(144, b"\0"), 144)
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise LabError(f"no BPF here: its system call's number on {platform.machine()} is not known")
    result = _libc.syscall(number, command, buffer, 144)
    return result, ctypes.get_errno(), buffer.raw


class ArrayMap:
    """`count` values of `size` bytes."""

    def __init__(self, size, count):
        self.size, self.count = size, count
        self.fd, error, _ = _bpf(_MAP_CREATE, struct.pack("=IIII", _TYPE_ARRAY, 4, size, count))
        if self.fd < 0:
            raise LabError(f"cannot make a BPF map: {os.strerror(error)}; it needs root (CAP_BPF)")
        self._key = ctypes.c_uint32()
        self._value = ctypes.create_string_buffer(size)
        self._attributes = struct.pack("=IxxxxQQQ", self.fd, ctypes.addressof(self._key), ctypes.addressof(self._value), 0)

    def _do(self, command, index):
        self._key.value = index
        result, error, _ = _bpf(command, self._attributes)
        if result < 0:
            raise LabError(f"BPF map, index {index}: {os.strerror(error)}")

    def __getitem__(self, index):
        self._do(_MAP_LOOKUP, index)
        return self._value.raw

    def __setitem__(self, index, value):
        ctypes.memmove(self._value, value, self.size)
        self._do(_MAP_UPDATE, index)

    def close(self):
        os.close(self.fd)


class Assembler:
    """Instructions one after the other; labels are names that label() puts somewhere."""

    def __init__(self):
        self._code = []    # (opcode, destination, source, offset or label, immediate)
        self._labels = {}

    def _emit(self, opcode, destination=0, source=0, offset=0, immediate=0):
        self._code.append((opcode, destination, source, offset, immediate))

    def label(self, name):
        self._labels[name] = len(self._code)

    def alu(self, operation, register, value=None, source=None):
        """64 bits; with an immediate value or with a source register."""
        if source is None:
            self._emit(0x07 | _ARITHMETIC[operation], register, 0, 0, value)
        else:
            self._emit(0x0F | _ARITHMETIC[operation], register, source)

    def to_network(self, register, bits):
        """Between the machine's byte order and the network's."""
        self._emit(0xDC, register, 0, 0, bits)

    def load(self, size, register, address, offset=0):
        self._emit(0x61 | _SIZE[size], register, address, offset)

    def store(self, size, address, offset, register):
        self._emit(0x63 | _SIZE[size], address, register, offset)

    def add_at(self, address, offset, register):
        """Adds to eight bytes of memory, atomically."""
        self._emit(0xDB, address, register, offset)

    def map(self, register, a_map):
        """The register becomes a map's address."""
        self._emit(0x18, register, 1, 0, a_map.fd)
        self._emit(0)

    def jump(self, condition, label, register=0, value=0, source=None):
        if source is None:
            self._emit(0x05 | _EXECUTION[condition], register, 0, label, value)
        else:
            self._emit(0x0D | _EXECUTION[condition], register, source, label)

    def call(self, helper):
        self._emit(0x85, 0, 0, 0, helper)

    def end(self, value):
        self.alu("mov", 0, value)
        self._emit(0x95)

    def code(self):
        lines = []
        for at, (opcode, destination, source, offset, immediate) in enumerate(self._code):
            if isinstance(offset, str):
                offset = self._labels[offset] - at - 1
            lines.append(struct.pack("=BBhi", opcode, destination | source << 4, offset, immediate))
        return b"".join(lines)


def load(kind, assembler):
    """The descriptor of a program that the kernel's verifier accepted."""
    code = assembler.code()
    program, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 16)

    def attempt(level):
        return _bpf(_PROG_LOAD, struct.pack("=IIQQIIQ", kind, len(code) // 8, ctypes.addressof(program), ctypes.addressof(licence),
                                            level, len(log) if level else 0, ctypes.addressof(log) if level else 0))
    descriptor, error, _ = attempt(0)
    if descriptor < 0:
        attempt(1)
        raise LabError(f"cannot load a BPF program: {os.strerror(error)}; {log.value.decode(errors='replace')[-600:]}")
    return descriptor


class LiveFrames:
    """Runs of an XDP program that fills each frame and passes it on: the frame then goes the way of one that came in
    through an interface, on this CPU, and has gone it when the run returns."""

    def __init__(self, program, length):
        self._frame = ctypes.create_string_buffer(length)
        self._context = ctypes.create_string_buffer(24)
        self._program, self._length = program, length

    def run(self, interface, count, batch=64):
        """`count` frames through an interface (index) of the namespace that we are in; nanoseconds for each."""
        struct.pack_into("=IIIIII", self._context, 0, 0, self._length, 0, interface, 0, 0)
        result, error, attributes = _bpf(_PROG_TEST_RUN, struct.pack(
            "=IIIIQQIIIIQQIII", self._program, 0, self._length, 0, ctypes.addressof(self._frame), 0, count, 0,
            len(self._context), 0, ctypes.addressof(self._context), 0, _LIVE_FRAMES, 0, batch))
        if result < 0:
            raise LabError(f"cannot send live frames: {os.strerror(error)}; this needs Linux 5.18 and root")
        return struct.unpack_from("=I", attributes, 36)[0]
