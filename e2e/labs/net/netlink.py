"""The little netlink that the lab speaks itself: where starting a program would cost more than what is measured.

A Socket belongs to the network namespace in which it was made. Messages are built by hand; only what is used here is here.
"""

import os
import socket
import struct

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
NLMSG_ERROR = 2
NESTED = 0x8000
_RTM_NEWQDISC, _RTM_NEWTFILTER = 36, 44
_CLSACT, _CLSACT_EGRESS, _CLSACT_HANDLE = 0xFFFFFFF1, 0xFFFFFFF3, 0xFFFF0000
_ETH_P_ALL = 3
_SUBSYS_CONNTRACK, _SUBSYS_NFTABLES = 1, 10
_CT_DELETE, _NFT_GETGEN = 2, 16
_NFTA_GEN_ID = 1
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NFT_NEWSETELEM, _NFT_DELSETELEM = 12, 14
_NFPROTO_INET = 1
_SO_SNDBUFFORCE = 32


def attribute(kind, data):
    """One attribute, padded."""
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind, flags, sequence, body):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def netfilter(subsystem, kind, flags, sequence, body=b"", family=socket.AF_UNSPEC, resource=0):
    """A message of nfnetlink."""
    return message(subsystem << 8 | kind, flags, sequence, struct.pack("=BB", family, 0) + struct.pack(">H", resource) + body)


class Socket:
    """A netlink socket of one protocol, with room for batches."""

    def __init__(self, protocol):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 64 << 20)
        self._sequence = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, make):
        """Sends make(sequence number), a request that is answered by one message; its kind and body."""
        self._sequence += 1
        self.socket.send(make(self._sequence))
        return self._answer()

    def _answer(self):
        data = self.socket.recv(1 << 16)
        length, kind = struct.unpack_from("=IH", data)
        if kind == NLMSG_ERROR:
            error, = struct.unpack_from("=i", data, 16)
            if error:
                raise OSError(-error, os.strerror(-error))
        return kind, data[16:length]

    def errors(self):
        """Errors that have been sent to us without being asked for: (sequence number, errno)."""
        found = []
        while True:
            try:
                data = self.socket.recv(1 << 20, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            while len(data) >= 16:
                length, kind, _, sequence = struct.unpack_from("=IHHI", data)
                if kind == NLMSG_ERROR:
                    error, = struct.unpack_from("=i", data, 16)
                    if error:
                        found.append((sequence, -error))
                data = data[(length + 3) & ~3:]


def attach_to_egress(route, interface, program):
    """A BPF program (descriptor) sees, and judges, all that leaves through the interface (index)."""
    def qdisc(sequence):
        body = struct.pack("=BxxxiIII", 0, interface, _CLSACT_HANDLE, _CLSACT, 0) + attribute(1, b"clsact\0")
        return message(_RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, sequence, body)

    def filter_(sequence):
        options = attribute(6, struct.pack("=I", program)) + attribute(7, b"lab\0") + attribute(8, struct.pack("=I", 1))
        body = (struct.pack("=BxxxiIII", 0, interface, 1, _CLSACT_EGRESS, 1 << 16 | socket.htons(_ETH_P_ALL)) +
                attribute(1, b"bpf\0") + attribute(2 | NESTED, options))
        return message(_RTM_NEWTFILTER, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, sequence, body)
    route.ask(qdisc)
    route.ask(filter_)


def flush_conntrack(nf):
    """Forgets all connections of the namespace."""
    nf.ask(lambda sequence: netfilter(_SUBSYS_CONNTRACK, _CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, sequence))


def generation(nf):
    """How many transactions nftables has committed in the namespace, by anybody."""
    _, body = nf.ask(lambda sequence: netfilter(_SUBSYS_NFTABLES, _NFT_GETGEN, NLM_F_REQUEST, sequence))
    at = 4
    while at < len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if kind == _NFTA_GEN_ID:
            return struct.unpack_from(">I", body, at + 4)[0]
        at += (length + 3) & ~3
    raise OSError("the kernel's answer has no generation")


def element_batch(table, set_, keys, add):
    """The least that changes a set's elements: a whole batch, of at most some 3,000 keys (bytes each)."""
    elements = b"".join(attribute(1 | NESTED, attribute(1 | NESTED, attribute(1, key))) for key in keys)
    if len(elements) > 0xFFFB:
        raise ValueError(f"{len(keys)} elements do not go into one message")
    body = attribute(1, table.encode() + b"\0") + attribute(2, set_.encode() + b"\0") + attribute(3 | NESTED, elements)
    flags = NLM_F_REQUEST | (NLM_F_CREATE if add else 0)
    kind = _NFT_NEWSETELEM if add else _NFT_DELSETELEM
    return (netfilter(0, _BATCH_BEGIN, NLM_F_REQUEST, 1, resource=_SUBSYS_NFTABLES) +
            netfilter(_SUBSYS_NFTABLES, kind, flags, 2, body, family=_NFPROTO_INET) +
            netfilter(0, _BATCH_END, NLM_F_REQUEST, 3, resource=_SUBSYS_NFTABLES))
