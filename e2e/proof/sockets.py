"""The proof's traffic from sockets, the whole way from pod to pod, in one event loop for a topology:

stream      datagrams that nobody answers, each judged by the rules
connect     TCP connections, each new, closed at once; for flows that must be denied: attempts
connection  TCP connections that stay, with data all the time (allowed flows only)
exchange    datagrams that are answered, over flows that stay (allowed flows only)

Every datagram has a sequence number. What TCP lost is what the kernel says it sent again, without what it says it sent
again needlessly. The control flow is served in the same way, but goes over a node without an agent.
"""

import errno
import select
import socket
import struct
import time

from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS
from labs.net.prober import FAMILY

from . import scene
from .tally import Tally

_TICK_SECONDS = 0.005
_DRAIN_SECONDS = 3.0
_DENIED_SECONDS = 0.03     # how long an attempt that must be denied is left open
_ALLOWED_SECONDS = 30.0
_LINGER0 = struct.pack("ii", 1, 0)
_BUFFER = 4 << 20
_NUMBER = struct.Struct(">BI")
_STREAM, _EXCHANGE = 1, 2
_AT_RESENT, _AT_NEEDLESS, _AT_SEGMENTS = 100, 216, 136


def _tcp_info(one):
    """(segments sent and received, segments sent again that were lost)"""
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    sent, received = struct.unpack_from("=II", info, _AT_SEGMENTS)
    needless = struct.unpack_from("=I", info, _AT_NEEDLESS)[0] if len(info) >= _AT_NEEDLESS + 4 else 0
    return sent + received, max(0, struct.unpack_from("=I", info, _AT_RESENT)[0] - needless)


class Line:
    """One flow of one family, of one kind."""

    def __init__(self, loop, flow, family, kind):
        self.loop, self.flow, self.family, self.kind = loop, flow, family, kind
        self.source, self.target = loop.endpoint(flow.source), loop.endpoint(flow.target)
        number = scene.FLOWS.index(flow) if flow in scene.FLOWS else len(scene.FLOWS)
        port = flow.port or scene.PORTS[kind] + number
        self.address = (self.target.addresses[family], port)

    def socket(self, kind):
        """In the source's namespace, from its address."""
        self.source.namespace.enter()
        one = socket.socket(FAMILY[self.family], kind | socket.SOCK_NONBLOCK)
        one.bind((self.source.addresses[self.family], 0))
        return one

    def server(self, kind):
        self.target.namespace.enter()
        one = socket.socket(FAMILY[self.family], kind | socket.SOCK_NONBLOCK)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        one.bind(self.address)
        return one

    def sent(self, packets):
        self.loop.sent(self, packets)

    def fault(self, begin, end, count):
        self.loop.fault(self, begin, end, count)


class Stream(Line):
    """Datagrams one way, or there and back."""

    def __init__(self, loop, flow, family, kind):
        super().__init__(loop, flow, family, kind)
        self._receiver = self.server(socket.SOCK_DGRAM)
        loop.watch(self._receiver, self._receive)
        self._sender = self.socket(socket.SOCK_DGRAM)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._sender.connect(self.address)
        loop.watch(self._sender, self._back)
        self._mark = _EXCHANGE if kind == "exchange" else _STREAM
        self._next = 0          # number to be sent
        self._due = 0           # number that is to come next, here or (exchange) back
        self._last = time.monotonic()

    def send(self):
        try:
            self._sender.send(_NUMBER.pack(self._mark, self._next))
        except OSError:
            return  # an ICMP error of an earlier one, or no room; nothing was sent
        self._next += 1
        self.sent(2 if self._mark == _EXCHANGE else 1)

    def _receive(self):
        for _ in range(1000):
            try:
                data, back = self._receiver.recvfrom(64)
            except OSError:
                return
            if self._mark == _EXCHANGE:
                try:
                    self._receiver.sendto(data, back)
                except OSError:
                    pass
            else:
                self._came(data)

    def _back(self):
        for _ in range(1000):
            try:
                self._came(self._sender.recv(64))
            except OSError:
                return

    def came(self):
        """Whether anything has, where it was to come."""
        return self._due > 0

    def _came(self, data):
        now = time.monotonic()
        number = _NUMBER.unpack(data)[1]
        if not self.flow.allowed:
            self.fault(now, now, 1)
        elif number > self._due:
            self.fault(self._last, now, number - self._due)
        elif number < self._due:
            self.fault(now, now, -1)  # late: it was counted as lost
        self._due = max(self._due, number + 1)
        self._last = now

    def close(self):
        if self.flow.allowed and self._due < self._next:
            self.fault(self._last, time.monotonic(), self._next - self._due)


class Connect(Line):
    """Connection attempts, one after the other."""

    def __init__(self, loop, flow, family, kind):
        super().__init__(loop, flow, family, kind)
        self._server = self.server(socket.SOCK_STREAM)
        self._server.listen(1024)
        loop.watch(self._server, self._accept)
        self._open = []      # (when, socket)

    def send(self):
        now = time.monotonic()
        while self._open and not self.flow.allowed and self._open[0][0] + _DENIED_SECONDS < now:
            self._give_up(self._open.pop(0)[1])
        while self._open and self._open[0][0] + _ALLOWED_SECONDS < now:
            begun, one = self._open.pop(0)
            self.fault(begun, now, 1)
            self._give_up(one)
        one = self.socket(socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER0)
        error = one.connect_ex(self.address)
        if error != errno.EINPROGRESS:
            one.close()
            return
        self.sent(1)
        self._open.append((now, one))
        self.loop.watch(one, lambda: self._settled(now, one), select.EPOLLOUT)

    def _settled(self, begun, one):
        self._open = [entry for entry in self._open if entry[1] is not one]
        now = time.monotonic()
        if not self.flow.allowed:
            self.fault(begun, now, 1)
        elif one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.fault(begun, now, 1)
        else:
            _, lost = _tcp_info(one)
            if lost:
                self.fault(begun, now, lost)
        self._give_up(one)

    def _give_up(self, one):
        self.loop.forget(one)
        one.close()

    def _accept(self):
        while True:
            try:
                one = self._server.accept()[0]
            except OSError:
                return
            # Kept until the client resets it: a reset from here could overtake the client's look.
            self.loop.watch(one, lambda one=one: self._give_up(one))

    def close(self):
        now = time.monotonic()
        for begun, one in self._open:
            if self.flow.allowed:
                self.fault(begun, now, 1)
            self._give_up(one)


class Connection(Line):
    """A connection that stays; it is made anew, and that is a fault, when it breaks."""

    def __init__(self, loop, flow, family, kind):
        super().__init__(loop, flow, family, kind)
        server = self.server(socket.SOCK_STREAM)
        server.listen(16)
        self._server = server
        loop.watch(server, self._accept)
        self._client = self._peer = None
        self._segments = self._lost = 0
        self._looked = time.monotonic()
        self._connect()

    def _connect(self):
        self._client = self.socket(socket.SOCK_STREAM)
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.connect_ex(self.address)
        self._segments = self._lost = 0

    def _accept(self):
        try:
            if self._peer:
                self.loop.forget(self._peer)
                self._peer.close()
            self._peer = self._server.accept()[0]
        except OSError:
            return
        self._peer.setblocking(False)
        self.loop.watch(self._peer, self._read)

    def _read(self):
        try:
            if self._peer.recv(1 << 16):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.loop.forget(self._peer)

    def send(self):
        try:
            self._client.send(b"0123456789abcdef")
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EAGAIN):
                now = time.monotonic()
                self.fault(self._looked, now, 1)
                self._client.close()
                self._connect()
        if time.monotonic() - self._looked > 0.5:
            self._look()

    def _look(self):
        now = time.monotonic()
        segments, lost = _tcp_info(self._client)
        self.sent(segments - self._segments)
        if lost != self._lost:
            self.fault(self._looked, now, lost - self._lost)
        self._segments, self._lost, self._looked = segments, lost, now

    def close(self):
        self._look()
        self._client.close()


_KINDS = {"stream": Stream, "exchange": Stream, "connect": Connect, "connection": Connection}


class Traffic:
    """Of one topology; run() is the work of a Background. rates: {kind: a second, of each flow and family}."""

    def __init__(self, topology, rates):
        self._topology, self._rates = topology, rates
        self._epoll = self._tally = None
        self._handlers = {}

    def endpoint(self, place):
        return self._topology.externals[place] if place.startswith("ext") else self._topology.slots[scene.PLACES[place]]

    def watch(self, one, handler, events=select.EPOLLIN):
        self._handlers[one.fileno()] = handler
        self._epoll.register(one.fileno(), events)

    def forget(self, one):
        if self._handlers.pop(one.fileno(), None):
            self._epoll.unregister(one.fileno())

    def sent(self, line, packets):
        if line.flow is scene.CONTROL:
            self._tally.control[line.kind] += packets
        else:
            self._tally.add(self._topology.kind, line.kind, line.flow, packets)

    def fault(self, line, begin, end, count):
        if line.flow is scene.CONTROL:
            self._tally.control[line.kind + " lost"] += count
        else:
            self._tally.fault(begin, end, self._topology.kind, line.kind, line.flow, line.family, count)

    def _lines(self):
        for flow in (*scene.FLOWS, scene.CONTROL):
            for family in (4, 6):
                kinds = ["stream"] if "udp" in flow.protocols else []
                if flow.port is None:
                    kinds += ["connect", "exchange", "connection"] if flow.allowed else ["connect"]
                for kind in kinds:
                    yield _KINDS[kind](self, flow, family, kind)

    def run(self, stopped, ready):
        self._epoll, self._tally = select.epoll(), Tally()
        lines = list(self._lines())
        self._settle([line for line in lines if line.kind in ("stream", "exchange")])
        ready()
        drops = self._dropped()
        # Spread over time: each line has its own next moment.
        start = time.monotonic()
        intervals = [1 / self._rates[line.kind] for line in lines]
        due = [start + interval * index / len(lines) for index, interval in enumerate(intervals)]
        while not stopped():
            now = time.monotonic()
            for index, line in enumerate(lines):
                if due[index] <= now:
                    line.send()
                    due[index] = max(due[index] + intervals[index], now)
            self._poll(_TICK_SECONDS)
        self._poll(_DRAIN_SECONDS)
        for line in lines:
            line.close()
        if self._dropped() != drops:
            self._tally.notes.append(f"{self._topology.kind}: the machine's own queues dropped {self._dropped() - drops} packets")
        return self._tally

    def _settle(self, lines):
        """Neighbours are asked for at first; then a datagram of everything that is allowed has come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        for line in lines:
            line.send()
        while late := [line for line in lines if line.flow.allowed and not line.came()]:
            if time.monotonic() > deadline:
                raise LabError(f"{self._topology.kind}: before anything changes, nothing passes of {late[0].kind} {late[0].flow}")
            self._poll(_TICK_SECONDS)

    def _poll(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for descriptor, _ in self._epoll.poll(left):
                handler = self._handlers.get(descriptor)
                if handler:
                    handler()

    @staticmethod
    def _dropped():
        with open("/proc/net/softnet_stat", encoding="ascii") as file:
            return sum(int(line.split()[1], 16) for line in file)
