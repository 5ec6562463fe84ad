"""Long-lived connections between endpoints, as an established flow's two ends see them. Single-threaded: both ends'
sockets are held here, made in their namespaces, and a question pumps what waits at either end.
"""

import os
import select
import socket
import struct
import time

from labs.net import wire
from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_STEP_SECONDS = 0.02
_SILENT_SECONDS = 0.1   # silence that means "cut", where answers are quick
_TIMES_SLOWER = 20      # than the slowest answer so far, where they are not


class Conversation:
    """A connection from `source` to `target`, both Endpoints, by tcp, udp, or sctp where the kernel speaks it; the server answers every message of the client with the
    same. `service`: (address, port) that the client connects to instead, something on the way leads it to the target.
    """

    _next_port = 7100

    def __init__(self, source, target, protocol, family, service=None, port=None, source_port=0):
        self.name = f"{source.name} -> {target.name} {protocol} IPv{family}" + (f" through {service[0]}" if service else "")
        self.protocol, self.family = protocol, family
        self.source_address = source.addresses[family]
        if port is None:
            port = Conversation._next_port
            Conversation._next_port += 1
        self.port = port
        self._counter = 0
        self._slowest = 0.0
        self._unread = {}
        stream = protocol in ("tcp", "sctp")
        kind = (socket.SOCK_STREAM if stream else socket.SOCK_DGRAM, wire.SCTP if protocol == "sctp" else 0)
        with target.namespace:
            listener = socket.socket(_FAMILY[family], *kind)
        with source.namespace:
            self._client = socket.socket(_FAMILY[family], *kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((target.addresses[family], port))
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._client.bind((source.addresses[family], source_port))
            self._client.settimeout(PATIENCE_SECONDS)
            if stream:
                listener.listen(1)
            self._client.connect(service or (target.addresses[family], port))
            self.source_port = self._client.getsockname()[1]
            if stream:
                listener.settimeout(PATIENCE_SECONDS)
                self._server, _ = listener.accept()
                listener.close()
                for end in (self._client, self._server) if protocol == "tcp" else ():
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                self._client.send(b"hello\n")
                listener.settimeout(PATIENCE_SECONDS)
                _, peer = listener.recvfrom(100)
                listener.connect(peer[:2])
                self._server = listener
                self._server.send(b"hello\n")
            self._client.setblocking(False)
            self._server.setblocking(False)
        except OSError as error:
            raise LabError(f"{self.name}: {error}") from error
        if not self.works():
            raise LabError(f"{self.name}: connected, and nothing passes")

    def close(self):
        # With a reset: nothing stays behind that is sent again.
        for end in (self._client, self._server):
            if self.protocol != "udp":
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()

    def _send(self, end, text):
        try:
            end.send(text.encode() + b"\n")
        except OSError:
            pass  # full, refused or reset: it does not pass

    def _receive(self, end):
        """Whole lines that have come to the end."""
        try:
            while data := end.recv(65536):
                self._unread[end] = self._unread.get(end, b"") + data
        except OSError:
            pass
        *lines, self._unread[end] = self._unread.get(end, b"").split(b"\n")
        return [line.decode() for line in lines]

    def _pump(self, first, question, seconds):
        """`question` leaves the end `first`; the other end answers what it gets. True when the answer comes back."""
        self._counter += 1
        token = f"{question}{self._counter}"
        other = self._server if first is self._client else self._client
        self._send(first, token)
        begin = time.monotonic()
        while True:
            for line in self._receive(other):
                if line.startswith(question):
                    self._send(other, "re:" + line)
            if "re:" + token in self._receive(first):
                self._slowest = max(self._slowest, time.monotonic() - begin)
                return True
            left = begin + seconds - time.monotonic()
            if left <= 0:
                return False
            select.select([self._client, self._server], [], [], min(left, _STEP_SECONDS))

    def _silence(self):
        return max(_SILENT_SECONDS, _TIMES_SLOWER * self._slowest)

    def works(self):
        """The server gets what the client says, and the client its answer, if need be after a long time."""
        return self._pump(self._client, "ask", PATIENCE_SECONDS)

    def silent(self):
        """The same does not happen within a time in which it should have."""
        return not self._pump(self._client, "ask", self._silence())

    def pushes(self):
        """The client gets what the server says of itself, and the server the client's answer."""
        return self._pump(self._server, "push", PATIENCE_SECONDS)

    def pushes_in_vain(self):
        return not self._pump(self._server, "push", self._silence())


class Echoes:
    """ICMP echo requests with one identifier: one flow for conntrack."""

    def __init__(self, source, target, family):
        self.name = f"{source.name} -> {target.name} echo IPv{family}"
        self._family, self._target = family, target.addresses[family]
        self._identifier = 20000 + os.getpid() % 20000 + family
        self._sequence = 0
        self._slowest = 0.0
        with source.namespace:
            self._raw = socket.socket(_FAMILY[family], socket.SOCK_RAW,
                                      socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6)
        self._raw.bind((source.addresses[family], 0))

    def close(self):
        self._raw.close()

    def works(self):
        return self._asked(PATIENCE_SECONDS)

    def silent(self):
        return not self._asked(max(_SILENT_SECONDS, _TIMES_SLOWER * self._slowest))

    def _asked(self, seconds):
        self._sequence += 1
        token = struct.pack(">Q", self._sequence)
        self._raw.sendto(wire.echo_request(self._family, self._identifier, token), (self._target, 0))
        begin = time.monotonic()
        while select.select([self._raw], [], [], max(0, begin + seconds - time.monotonic()))[0]:
            packet = self._raw.recv(2048)
            if self._family == 4:
                packet = packet[(packet[0] & 15) * 4:]
            if wire.parse_echo_reply(self._family, packet) == (self._identifier, token):
                self._slowest = max(self._slowest, time.monotonic() - begin)
                return True
        return False
