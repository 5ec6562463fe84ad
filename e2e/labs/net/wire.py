"""Packets that no socket of the standard library makes: SCTP INIT, INIT ACK and ABORT (RFC 9260), ICMP echo, and TCP
segments that belong to no connection.
"""

import socket
import struct

SCTP = 132
INIT, INIT_ACK, ABORT = 1, 2, 6
TCP_ACK = 0x10
ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)  # Castagnoli, reflected
        table.append(value)
    return table


_CRC = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _sctp(source_port, port, tag, chunk):
    header = struct.pack(">HHI", source_port, port, tag)
    # The checksum travels with its least significant byte first (RFC 9260, appendix A).
    return header + struct.pack("<I", crc32c(header + bytes(4) + chunk)) + chunk


def _init_chunk(kind, tag, parameters=b""):
    body = struct.pack(">IIHHI", tag, 65536, 1, 1, tag) + parameters
    return struct.pack(">BBH", kind, 0, 4 + len(body)) + body


def sctp_init(source_port, port, tag):
    return _sctp(source_port, port, 0, _init_chunk(INIT, tag))


def sctp_init_ack(source_port, port, peer_tag):
    cookie = struct.pack(">HHI", 7, 8, peer_tag)
    return _sctp(source_port, port, peer_tag, _init_chunk(INIT_ACK, peer_tag ^ 0xFFFFFFFF, cookie))


def sctp_abort(source_port, port, peer_tag):
    return _sctp(source_port, port, peer_tag, struct.pack(">BBH", ABORT, 0, 4))


def parse_sctp(packet):
    """(source port, destination port, chunk type, tag): an INIT's own tag, else the header's. None for anything else."""
    if len(packet) < 16:
        return None
    source_port, port, tag = struct.unpack_from(">HHI", packet)
    kind = packet[12]
    if kind == INIT:
        if len(packet) < 32:
            return None
        tag = struct.unpack_from(">I", packet, 16)[0]
    return source_port, port, kind, tag


def _internet_checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(family, identifier, token):
    """`token`: 8 bytes. For IPv6 the kernel fills in the checksum."""
    body = struct.pack(">HH", identifier, 1) + token
    header = struct.pack(">BBH", ECHO_REQUEST[family], 0, 0)
    checksum = _internet_checksum(header + body) if family == 4 else 0
    return struct.pack(">BBH", ECHO_REQUEST[family], 0, checksum) + body


def parse_echo_reply(family, packet):
    """(identifier, token) of an echo reply, else None."""
    if len(packet) < 16 or packet[0] != ECHO_REPLY[family]:
        return None
    return struct.unpack_from(">H", packet, 4)[0], packet[8:16]


def tcp_ack(family, source, target, source_port, port, number):
    """A bare ACK of the sequence number `number`."""
    segment = struct.pack(">HHIIBBHHH", source_port, port, 1, number, 5 << 4, TCP_ACK, 65535, 0, 0)
    word = socket.AF_INET if family == 4 else socket.AF_INET6
    pseudo = socket.inet_pton(word, source) + socket.inet_pton(word, target) + struct.pack(">II", len(segment), 6)
    return segment[:16] + struct.pack(">H", _internet_checksum(pseudo + segment)) + segment[18:]


def parse_tcp_ack(packet):
    """(source port, number) of a bare ACK, else None."""
    if len(packet) < 20 or packet[13] != TCP_ACK:
        return None
    return struct.unpack_from(">H", packet)[0], struct.unpack_from(">I", packet, 8)[0]
