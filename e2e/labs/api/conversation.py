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
SILENT_SECONDS = 0.5  # silence that means "cut"; answers take some milliseconds, on a very busy machine a tenth of a second


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
                listener.connect(self._greeted(listener)[:2])
                self._server = listener
                self._server.send(b"hello\n")
            self._client.setblocking(False)
            self._server.setblocking(False)
        except OSError as error:
            raise LabError(f"{self.name}: {error}") from error
        if not self.works():
            raise LabError(f"{self.name}: connected, and nothing passes")

    def _greeted(self, listener):
        """The client's address, from its first datagram that comes. Who uses UDP sends again what nobody answers: where a flow
        of these ends was cut a moment ago, the first may be lost."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._client.send(b"hello\n")
            if select.select([listener], [], [], SILENT_SECONDS)[0]:
                return listener.recvfrom(100)[1]
            if time.monotonic() > end:
                raise OSError(f"no datagram came within {PATIENCE_SECONDS} s")

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

    def sockets(self):
        return [self._client, self._server]

    def ask(self, push=False):
        """The client says something, or (push) the server does of itself; the other end will answer what it gets."""
        self._counter += 1
        self._question = "push" if push else "ask"
        self._asking, self._asked = (self._server, self._client) if push else (self._client, self._server)
        self._send(self._asking, f"{self._question}{self._counter}")

    def answered(self):
        """Whether the answer to the last question has come back; does not wait."""
        for line in self._receive(self._asked):
            if line.startswith(self._question):
                self._send(self._asked, "re:" + line)
        return f"re:{self._question}{self._counter}" in self._receive(self._asking)

    def works(self):
        """The server gets what the client says, and the client its answer, if need be after a long time."""
        return not silent([self], PATIENCE_SECONDS)


class Echoes:
    """ICMP echo requests with one identifier: one flow for conntrack."""

    def __init__(self, source, target, family):
        self.name = f"{source.name} -> {target.name} echo IPv{family}"
        self._family, self._target = family, target.addresses[family]
        self._identifier = 20000 + os.getpid() % 20000 + family
        self._sequence = 0
        with source.namespace:
            self._raw = socket.socket(_FAMILY[family], socket.SOCK_RAW,
                                      socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6)
        self._raw.bind((source.addresses[family], 0))

    def close(self):
        self._raw.close()

    def sockets(self):
        return [self._raw]

    def ask(self):
        self._sequence += 1
        self._raw.sendto(wire.echo_request(self._family, self._identifier, self._token()), (self._target, 0))

    def _token(self):
        return struct.pack(">Q", self._sequence)

    def answered(self):
        while select.select([self._raw], [], [], 0)[0]:
            packet = self._raw.recv(2048)
            if self._family == 4:
                packet = packet[(packet[0] & 15) * 4:]
            if wire.parse_echo_reply(self._family, packet) == (self._identifier, self._token()):
                return True
        return False

    def works(self):
        return not silent([self], PATIENCE_SECONDS)


def silent(talks, seconds=SILENT_SECONDS, **how):
    """Asks all of them at once; those that no answer comes back on within so many seconds. how: see ask()."""
    for talk in talks:
        talk.ask(**how)
    waiting, end = list(talks), time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        waiting = [talk for talk in waiting if not talk.answered()]
        if not waiting or left <= 0:  # looked once more when the time was over
            return waiting
        select.select([one for talk in waiting for one in talk.sockets()], [], [], min(left, _STEP_SECONDS))
