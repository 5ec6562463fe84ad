"""Packets at the kernel's own pace: made by an XDP program on one CPU, counted by another where they leave the node.

A frame enters through an interface as if it had come from a wire, takes the ordinary way (bridge, conntrack, forward hook,
routing), and is counted and dropped when it leaves through an interface that is watched: nothing after that can lose it,
and nothing queues. So `sent - counted` is exactly what the rules dropped, and a run takes only what the way takes.

Frames are UDP or TCP, IPv4 or IPv6, with right checksums, also when their source port is varied: a word of the payload
makes up for it. All are LENGTH bytes long and end with a mark, their flow's number and that word.
"""

import fcntl
import socket
import struct

from . import bpf, netlink

LENGTH = 80
NEW = 40000              # source ports that a flow of new connections goes through
_MARK = 0x5EA1           # before each flow's number
_AT_MARK, _AT_MAKEUP = 74, 78
_MAKEUP = 0xF000
_NO_ONES_MAC = b"\x02\0\0\0\0\x09"
_HASH = 0x9E3779B9
_AT_SOURCE_PORT = {4: 34, 6: 54}
_LOOKUP, _TIME, _LOAD_BYTES = 1, 5, 26  # helpers
_TC_OK, _TC_DROP, _XDP_ABORTED, _XDP_PASS = -1, 2, 0, 2
_SIOCGIFHWADDR = 0x8927


def _sum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(number, to_mac, source, destination, protocol, source_port, port, flags=0x02, sequence=0, acknowledged=0,
          from_mac=_NO_ONES_MAC):
    """The frame of one flow. Addresses as text; protocol "udp" or "tcp" (then: a segment with these flags)."""
    family = 6 if ":" in source else 4
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    ends = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination)
    tail = struct.pack(">HHH", _MARK, number, _MAKEUP)
    length = LENGTH - 14 - (40 if family == 6 else 20)
    number_of_protocol = 17 if protocol == "udp" else 6
    if protocol == "udp":
        header = struct.pack(">HHHH", source_port, port, length, 0)
    else:
        header = struct.pack(">HHIIBBHHH", source_port, port, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    segment = header + b"\0" * (length - len(header) - len(tail)) + tail
    check = _sum(ends + struct.pack(">HH", number_of_protocol, length) + segment) or 0xFFFF
    at = 6 if protocol == "udp" else 16
    segment = segment[:at] + struct.pack(">H", check) + segment[at + 2:]
    if family == 6:
        packet = struct.pack(">IHBB", 6 << 28, length, number_of_protocol, 64) + ends + segment
    else:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, number_of_protocol, 0) + ends
        packet = head[:10] + struct.pack(">H", _sum(head)) + head[12:] + segment
    return to_mac + from_mac + struct.pack(">H", 0x86DD if family == 6 else 0x0800) + packet


def mac(name):
    """Of an interface of the namespace that we are in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, _SIOCGIFHWADDR, struct.pack("16s24x", name.encode()))[18:24]


def _look_up(program, register, a_map, missing):
    """r0 becomes the value at the index that the register has."""
    program.store(4, 10, -4, register)
    program.alu("mov", 2, source=10)
    program.alu("add", 2, -4)
    program.map(1, a_map)
    program.call(_LOOKUP)
    program.jump("jeq", missing, 0, 0)


def _injecting(state, frames):
    """state, eight bytes each: counter, number of frames, source ports of each, whether in random order, first frame."""
    p = bpf.Assembler()
    p.load(4, 6, 1, 0)
    p.load(4, 7, 1, 4)
    p.alu("mov", 1, source=6)
    p.alu("add", 1, LENGTH)
    p.jump("jgt", "bad", 1, source=7)
    p.alu("mov", 3, 0)
    _look_up(p, 3, state, "bad")
    p.load(8, 8, 0, 0)                  # r8: this frame's number
    p.alu("mov", 1, source=8)
    p.alu("add", 1, 1)
    p.store(8, 0, 0, 1)
    p.load(8, 9, 0, 16)
    p.load(8, 1, 0, 8)
    p.load(8, 2, 0, 24)
    p.load(8, 7, 0, 32)
    p.alu("mov", 3, source=8)
    p.jump("jeq", "ordered", 2, 0)
    p.alu("mov", 4, 1)
    p.alu("lsh", 4, 32)                 # the constant as an unsigned one: an immediate is signed
    p.alu("add", 4, _HASH - (1 << 32))
    p.alu("mul", 3, source=4)
    p.alu("mov", 4, source=3)
    p.alu("rsh", 4, 29)
    p.alu("xor", 3, source=4)
    p.alu("mov", 4, source=3)
    p.alu("rsh", 4, 13)
    p.alu("xor", 3, source=4)
    p.label("ordered")
    p.alu("mod", 3, source=1)
    p.alu("add", 3, source=7)
    p.alu("mov", 5, source=8)
    p.alu("mod", 5, source=9)
    p.alu("mov", 9, source=5)           # r9: what is added to the source port
    _look_up(p, 3, frames, "bad")
    for at in range(0, LENGTH, 8):
        p.load(8, 1, 0, at)
        p.store(8, 6, at, 1)
    p.load(2, 1, 6, _AT_MAKEUP)
    p.to_network(1, 16)
    p.alu("sub", 1, source=9)
    p.to_network(1, 16)
    p.store(2, 6, _AT_MAKEUP, 1)
    p.load(2, 2, 6, 12)
    p.jump("jeq", "six", 2, socket.htons(0x86DD))
    for family, name in ((4, "four"), (6, "six")):
        p.label(name)
        p.load(2, 1, 6, _AT_SOURCE_PORT[family])
        p.to_network(1, 16)
        p.alu("add", 1, source=9)
        p.to_network(1, 16)
        p.store(2, 6, _AT_SOURCE_PORT[family], 1)
        p.end(_XDP_PASS)
    p.label("bad")
    p.end(_XDP_ABORTED)
    return bpf.load(bpf.TYPE_XDP, p)


def _counting(counts):
    """counts: for each flow how many there were, and when the last was (nanoseconds of CLOCK_MONOTONIC)."""
    p = bpf.Assembler()
    p.alu("mov", 6, source=1)
    p.load(4, 2, 6, 0)                  # the length
    p.jump("jne", "other", 2, LENGTH)
    p.alu("mov", 2, _AT_MARK)
    p.alu("mov", 3, source=10)
    p.alu("add", 3, -8)
    p.alu("mov", 4, 4)
    p.call(_LOAD_BYTES)
    p.jump("jne", "other", 0, 0)
    p.load(2, 1, 10, -8)
    p.jump("jne", "other", 1, socket.htons(_MARK))
    p.load(2, 3, 10, -6)
    p.to_network(3, 16)
    _look_up(p, 3, counts, "other")
    p.alu("mov", 7, source=0)
    p.alu("mov", 1, 1)
    p.add_at(7, 0, 1)
    p.call(_TIME)
    p.store(8, 7, 8, 0)
    p.end(_TC_DROP)
    p.label("other")
    p.end(_TC_OK)
    return bpf.load(bpf.TYPE_SCHED_CLS, p)


class Injector:
    """Up to `flows` frames, numbered from 0 as given to set_frames(); watch() before send()."""

    def __init__(self, flows, counted=None):
        self._state, self._frames = bpf.ArrayMap(40, 1), bpf.ArrayMap(LENGTH, flows)
        self._counts = bpf.ArrayMap(16, counted or flows)
        self._program, self._counter = _injecting(self._state, self._frames), _counting(self._counts)
        self._live = bpf.LiveFrames(self._program, LENGTH)

    def set_frames(self, frames, first=0):
        for index, data in enumerate(frames, first):
            self._frames[index] = data

    def watch(self, namespace, names):
        """Counts, and swallows, our frames that leave through these interfaces."""
        with namespace, netlink.Socket(netlink.NETLINK_ROUTE) as route:
            for name in names:
                netlink.attach_to_egress(route, socket.if_nametoindex(name), self._counter)

    def choose(self, frames, ports=1, random=False, first=0, start=0):
        """What send() takes: `frames` frames from `first` on, in turn or randomly, each from `ports` source ports in turn."""
        self._state[0] = struct.pack("=QQQQQ", start, frames, ports, random, first)

    def send(self, interface, count):
        """From the namespace that we are in; nanoseconds for each frame."""
        return self._live.run(interface, count)

    def counted(self, number):
        """(frames of the flow that left, when the last did)"""
        return struct.unpack("=QQ", self._counts[number])
