"""Thousands of connection attempts between namespaces in one event loop.

A probe is allowed when something comes back: a handshake, the echo of its token, or a refusal by the destination
itself. Each attempt has a source port (ICMP: identifier) that was not used before, so that no flow that conntrack
remembers can answer for it. A denied probe costs a shared time-out: the loop ends that long after the last attempt
was sent. What was expected to pass and did not is tried again, more slowly, before it counts as denied; what was
expected to be denied and passes is final at once.

Protocols are "tcp", "udp", "sctp", "icmp" (echo), and "stray": a TCP segment of no connection, which conntrack calls
invalid (the nodes' conntrack does not pick up connections in their middle). It counts as allowed when its destination
sees it: an answer would be invalid too, and have a policy of its own to pass.

SCTP is the kernel's where it has it: it would answer in place of anybody else. Elsewhere raw sockets play what is needed of it.

Single-threaded; sockets are made in the namespace of their end, and work on from anywhere.
"""

import errno
import resource
import select
import socket
import struct
import time

from . import wire
from .netns import LabError

SOL_RAW = 255
ICMP_FILTER = 1  # the option of both families
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
QUIET_SECONDS = 0.25              # how long silence must last before it means "denied"
RETRY_SECONDS = (1.0, 3.0, 10.0)  # the same, for what should have passed
SOURCE_PORTS = range(20000, 61000)
SOCKETS_AT_ONCE = 4000
_REFUSED = {errno.ECONNREFUSED}
_REJECTED = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM}
_LINGER0 = struct.pack("ii", 1, 0)  # close with RST: no TIME_WAIT, nothing left in conntrack's way


def kernel_speaks_sctp():
    """Asking makes the kernel load its module, if there is one: the answer stays."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, wire.SCTP).close()
        return True
    except OSError:
        return False


def _raise_limit():
    """As many open sockets as the machine gives; the number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except (ValueError, OSError):  # root without CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Probe:
    """One attempt from an Endpoint to an address. `result` is "open", "refused", "rejected" (an ICMP error from the
    path), or "silent"; `allowed` follows from it."""

    __slots__ = ("source", "family", "protocol", "address", "port", "expected", "result", "started", "token", "socket")

    def __init__(self, source, family, protocol, address, port=0, expected=None):
        self.source, self.family, self.protocol = source, family, protocol
        self.address, self.port, self.expected = address, port, expected
        self.result = self.socket = self.token = None
        self.started = 0.0

    @property
    def allowed(self):
        return self.result in ("open", "refused")


class Prober:
    """Keeps the listeners that it was asked for; close() ends them all."""

    def __init__(self):
        limit = _raise_limit()
        self._at_once = min(SOCKETS_AT_ONCE, limit // 3)
        self._most_listeners = limit // 3
        # protocol: the number to ask for stream sockets with
        self._streams = {"tcp": 0, "sctp": wire.SCTP} if kernel_speaks_sctp() else {"tcp": 0}
        self._epoll = select.epoll()
        self._handlers = {}      # descriptor: called when it is readable or failed
        self._listeners = {}     # (endpoint, family, protocol, port): socket
        self._raw = {}           # (endpoint, family, protocol): socket
        self._sctp_ports = {}    # (endpoint, family): ports that accept
        self._raw_pending = {}   # (endpoint, family, protocol, source port or identifier): Probe
        self._strays = {}        # token: Probe
        self._next_port = {}     # (namespace, protocol): index into SOURCE_PORTS
        self._next_token = 1
        self._waiting = 0
        self._slowest = 0.0      # of the probes that were answered, seconds

    # -- listeners -----------------------------------------------------------------------------------

    def listen(self, endpoint, family, protocol, port):
        """Somebody answers there from now on; asking again changes nothing."""
        key = (endpoint, family, protocol, port)
        if key in self._listeners or protocol == "icmp":  # the kernel itself answers echo requests
            return
        if protocol == "stray":
            self._raw_socket(endpoint, family, protocol)
            return
        if protocol == "sctp" and protocol not in self._streams:
            self._raw_socket(endpoint, family, protocol)
            self._sctp_ports.setdefault((endpoint, family), set()).add(port)
            self._listeners[key] = None
            return
        endpoint.namespace.enter()
        stream = protocol in self._streams
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        server = socket.socket(FAMILY[family], kind | socket.SOCK_NONBLOCK, self._streams.get(protocol, 0))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((endpoint.addresses[family], port))
            if stream:
                server.listen(4096)
        except OSError as error:
            raise LabError(f"{endpoint.name}: cannot listen on {endpoint.addresses[family]} {port}/{protocol}: {error}") from error
        self._listeners[key] = server
        self._register(server, (lambda: self._accept(server)) if stream else (lambda: self._echo(server)))

    def thin_out(self):
        """For between two cases: ends the listeners when they have become many."""
        if len(self._listeners) > self._most_listeners:
            for key in list(self._listeners):
                self.unlisten(*key)

    def unlisten(self, endpoint, family, protocol, port):
        """Nobody listens there any more, and attempts are refused."""
        key = (endpoint, family, protocol, port)
        if protocol == "sctp" and protocol not in self._streams:
            self._raw_socket(endpoint, family, protocol)  # answers ABORT in place of a kernel without SCTP
        if key not in self._listeners:
            return
        server = self._listeners.pop(key)
        if server is None:
            self._sctp_ports[endpoint, family].discard(port)
        else:
            self._unregister(server)
            server.close()

    @staticmethod
    def _accept(server):
        while True:
            try:
                connection, _ = server.accept()
            except BlockingIOError:
                return
            except OSError:
                continue  # that client has gone already
            connection.close()  # orderly: a reset might overtake the client's own view of the handshake

    @staticmethod
    def _echo(server):
        while True:
            try:
                data, peer = server.recvfrom(64)
                server.sendto(data, peer)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about an earlier answer

    # -- raw sockets ---------------------------------------------------------------------------------

    def _raw_socket(self, endpoint, family, protocol):
        key = (endpoint, family, protocol)
        if key not in self._raw:
            number = {"sctp": wire.SCTP, "stray": socket.IPPROTO_TCP,
                      "icmp": socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6}[protocol]
            endpoint.namespace.enter()
            raw = socket.socket(FAMILY[family], socket.SOCK_RAW | socket.SOCK_NONBLOCK, number)
            if protocol == "icmp":  # take echo replies only
                if family == 4:
                    raw.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("I", 0xFFFFFFFF & ~(1 << wire.ECHO_REPLY[4])))
                else:
                    mask = [0xFFFFFFFF] * 8
                    mask[wire.ECHO_REPLY[6] >> 5] &= ~(1 << (wire.ECHO_REPLY[6] & 31))
                    raw.setsockopt(socket.IPPROTO_ICMPV6, ICMP_FILTER, struct.pack("8I", *mask))
            raw.bind((endpoint.addresses[family], 0))
            self._raw[key] = raw
            handler = {"sctp": self._sctp_arrived, "icmp": self._icmp_arrived, "stray": self._tcp_arrived}[protocol]
            self._register(raw, lambda: self._drain_raw(raw, endpoint, family, handler))
        return self._raw[key]

    @staticmethod
    def _drain_raw(raw, endpoint, family, handler):
        while True:
            try:
                packet, peer = raw.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            if family == 4:  # a raw IPv4 socket delivers the IP header as well
                packet = packet[(packet[0] & 15) * 4:]
            handler(raw, endpoint, family, packet, peer[0])

    def _sctp_arrived(self, raw, endpoint, family, packet, peer):
        parsed = wire.parse_sctp(packet)
        if parsed is None:
            return
        source_port, port, kind, tag = parsed
        if kind == wire.INIT:
            accepts = port in self._sctp_ports.get((endpoint, family), ())
            answer = wire.sctp_init_ack if accepts else wire.sctp_abort
            try:
                raw.sendto(answer(port, source_port, tag), (peer, 0))
            except OSError:
                pass  # no way back: the client sees silence, which is the truth
            return
        probe = self._raw_pending.get((endpoint, family, "sctp", port))
        if probe is not None and probe.token == tag and kind in (wire.INIT_ACK, wire.ABORT):
            self._finish_raw(probe, port, "open" if kind == wire.INIT_ACK else "refused")

    def _icmp_arrived(self, _raw, endpoint, family, packet, _peer):
        parsed = wire.parse_echo_reply(family, packet)
        if parsed is None:
            return
        identifier, token = parsed
        probe = self._raw_pending.get((endpoint, family, "icmp", identifier))
        if probe is not None and probe.token == token:
            self._finish_raw(probe, identifier, "open")

    def _tcp_arrived(self, _raw, endpoint, family, packet, _peer):
        """At the destination, unlike the others: the token tells whose it is."""
        parsed = wire.parse_tcp_ack(packet)
        probe = parsed and self._strays.get(parsed[1])
        if probe and probe.address == endpoint.addresses[family] and probe.result is None:
            self._finish_raw(probe, parsed[0], "open")

    def _finish_raw(self, probe, number, result):
        del self._raw_pending[probe.source, probe.family, probe.protocol, number]
        self._finished(probe, result)

    # -- probes --------------------------------------------------------------------------------------

    def run(self, probes, quiet=QUIET_SECONDS, retry=RETRY_SECONDS):
        """Fills in the result of each probe. Who only polls asks for a shorter silence and no retries."""
        order = sorted(probes, key=lambda probe: id(probe.source.namespace))  # entering a namespace costs
        for start in range(0, len(order), self._at_once):
            self._run_batch(order[start:start + self._at_once], quiet)
        for seconds in retry:
            again = [probe for probe in order if probe.expected and not probe.allowed]
            if again:
                self._run_batch(again[:self._at_once], seconds)
        for key in [key for key in self._raw if key[2] == "stray"]:  # they would be given all later TCP as well
            raw = self._raw.pop(key)
            self._unregister(raw)
            raw.close()

    def _run_batch(self, probes, quiet):
        self._slowest = 0.0
        self._waiting = 0
        try:
            for index, probe in enumerate(probes):
                self._start(probe)
                if index % 64 == 63:
                    self._poll(0)
            last = time.monotonic()
            while self._waiting:
                # Where answers are slow, silence must last longer to mean something.
                left = last + min(max(quiet, 4 * self._slowest), 4 * quiet + 1) - time.monotonic()
                # Who was not given the processor meanwhile has not looked yet.
                if not self._poll(max(0, left)) and left <= 0:
                    break
        finally:  # after an error too: what is left would disturb the next batch
            for probe in probes:
                if probe.socket is not None:
                    self._drop(probe)
            self._raw_pending.clear()
            self._strays.clear()
        for probe in probes:
            if probe.result is None:
                probe.result = "silent"

    def _start(self, probe):
        probe.result = None
        probe.started = time.monotonic()
        self._waiting += 1
        try:
            if probe.protocol in self._streams:
                self._start_stream(probe)
            elif probe.protocol == "udp":
                self._start_datagram(probe)
            else:
                self._start_raw(probe)
        except OSError as error:
            self._failed(probe, error.errno)

    def _fresh_port(self, probe):
        # Stray segments share TCP's numbers: they must not look like a part of an earlier probe's connection.
        key = (probe.source.namespace, "tcp" if probe.protocol == "stray" else probe.protocol)
        index = self._next_port.get(key, 0)
        self._next_port[key] = index + 1
        return SOURCE_PORTS[index % len(SOURCE_PORTS)]

    def _bound_socket(self, probe, kind):
        probe.source.namespace.enter()
        probe.socket = socket.socket(FAMILY[probe.family], kind | socket.SOCK_NONBLOCK, self._streams.get(probe.protocol, 0))
        for _ in range(50):
            try:
                probe.socket.bind((probe.source.addresses[probe.family], self._fresh_port(probe)))
                return probe.socket
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise LabError(f"{probe.source.name}: cannot send from {probe.source.addresses[probe.family]}: {error}") from error
        raise LabError(f"{probe.source.name}: no free source port")

    def _start_stream(self, probe):
        stream = self._bound_socket(probe, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER0)
        code = stream.connect_ex((probe.address, probe.port))
        if code == 0:
            self._finished(probe, "open")
        elif code == errno.EINPROGRESS:
            self._register(stream, lambda: self._stream_ready(probe), select.EPOLLOUT)
        else:
            self._failed(probe, code)

    def _stream_ready(self, probe):
        code = probe.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            self._finished(probe, "open")
        else:
            self._failed(probe, code)

    def _start_datagram(self, probe):
        datagram = self._bound_socket(probe, socket.SOCK_DGRAM)
        probe.token = self._token()
        datagram.connect((probe.address, probe.port))
        datagram.send(probe.token)
        self._register(datagram, lambda: self._datagram_ready(probe))

    def _datagram_ready(self, probe):
        try:
            if probe.socket.recv(64) == probe.token:
                self._finished(probe, "open")
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(probe, error.errno)

    def _start_raw(self, probe):
        raw = self._raw_socket(probe.source, probe.family, probe.protocol)
        number = self._fresh_port(probe)
        probe.token = self._token()
        if probe.protocol == "icmp":
            packet = wire.echo_request(probe.family, number, probe.token)
        else:
            probe.token = struct.unpack_from(">I", probe.token, 4)[0]
            packet = (wire.sctp_init(number, probe.port, probe.token) if probe.protocol == "sctp" else
                      wire.tcp_ack(probe.family, probe.source.addresses[probe.family], probe.address, number, probe.port,
                                   probe.token))
            if probe.protocol == "stray":
                self._strays[probe.token] = probe
        self._raw_pending[probe.source, probe.family, probe.protocol, number] = probe
        raw.sendto(packet, (probe.address, 0))

    def _token(self):
        self._next_token += 1
        return struct.pack(">Q", self._next_token)

    def _finished(self, probe, result):
        probe.result = result
        self._waiting -= 1
        self._slowest = max(self._slowest, time.monotonic() - probe.started)
        if probe.socket is not None:
            self._drop(probe)

    def _failed(self, probe, code):
        if code in _REFUSED:
            self._finished(probe, "refused")
        elif code in _REJECTED:
            self._finished(probe, "rejected")
        elif code == errno.ETIMEDOUT:  # the kernel gave up before this batch did, on a very slow machine
            probe.result = "silent"
            self._waiting -= 1
            self._drop(probe)
        else:
            raise LabError(f"{probe.source.name} -> {probe.address} {probe.port}/{probe.protocol}: "
                           f"{errno.errorcode.get(code, code)}, which says nothing about policy")

    def _drop(self, probe):
        self._unregister(probe.socket)
        probe.socket.close()
        probe.socket = None

    # -- the loop ------------------------------------------------------------------------------------

    def _register(self, sock, handler, events=select.EPOLLIN):
        self._handlers[sock.fileno()] = handler
        self._epoll.register(sock.fileno(), events)

    def _unregister(self, sock):
        if self._handlers.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def _poll(self, seconds):
        """Whether there was anything."""
        ready = self._epoll.poll(seconds, 512)
        for descriptor, _ in ready:
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler()
        return bool(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for sock in [*self._listeners.values(), *self._raw.values()]:
            if sock is not None:
                sock.close()
        self._epoll.close()
