"""Datagrams one way at a steady pace, from a process of their own: what passed and what did not, and when.

Nothing is answered, so conntrack never calls such a flow established and each datagram is judged by the rules that
are in force when it passes. Times are CLOCK_MONOTONIC seconds, which all processes of a machine share.
"""

import collections
import os
import pickle
import select
import signal
import socket
import struct
import time

from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS

_PORT = 7000
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_DRAIN_SECONDS = 1.0     # until the last datagrams have come
_FEWEST = 21             # datagrams of each flow, however soon they are to stop

Flow = collections.namedtuple("Flow", "source destination family")  # two Endpoints and 4 or 6
# sent: times; arrived: for each datagram whether it came through
Record = collections.namedtuple("Record", "sent arrived")


class Streams:
    """Runs from start() until finish(), which returns a Record for each Flow."""

    def __init__(self, flows, interval=0.001, port=_PORT):
        self._flows, self._interval, self._port = flows, interval, port
        self._child = None

    def start(self):
        result, self._output = os.pipe()
        self._result = os.fdopen(result, "rb")
        stop, self._stop = os.pipe()
        ready, said = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            code = 1
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.close(self._stop)
                self._result.close()  # with nobody left to read, the child must not wait for a reader: itself
                records = self._run(stop, said)
                with os.fdopen(self._output, "wb") as file:
                    pickle.dump(records, file)
                code = 0
            finally:
                os._exit(code)
        for descriptor in (self._output, stop, said):
            os.close(descriptor)
        if os.read(ready, 1) != b"+":
            raise LabError("the datagram streams did not start")
        os.close(ready)
        return self

    def finish(self):
        os.close(self._stop)
        with self._result:
            data = self._result.read()
        os.waitpid(self._child, 0)
        if not data:
            raise LabError("the datagram streams ended early")
        return pickle.loads(data)

    def _run(self, stop, said):
        senders, receivers, sent, arrived = [], [], [], []
        for number, flow in enumerate(self._flows):
            flow.destination.namespace.enter()
            receiver = socket.socket(_FAMILY[flow.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            receiver.bind((flow.destination.addresses[flow.family], self._port + number))
            flow.source.namespace.enter()
            sender = socket.socket(_FAMILY[flow.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sender.bind((flow.source.addresses[flow.family], 0))
            sender.connect((flow.destination.addresses[flow.family], self._port + number))
            senders.append(sender)
            receivers.append(receiver)
            sent.append([])
            arrived.append(set())
        os.write(said, b"+")
        following = time.monotonic()
        patient = following + PATIENCE_SECONDS
        stopping = None
        while stopping is None or time.monotonic() < stopping:
            if stopping is None:
                for sender, times in zip(senders, sent):
                    now = time.monotonic()
                    try:
                        sender.send(struct.pack(">I", len(times)))
                    except OSError:
                        continue  # refused on this machine already (a reject's ICMP error of an earlier one): not sent
                    times.append(now)
            for receiver, numbers in zip(receivers, arrived):
                try:
                    while True:
                        numbers.add(struct.unpack(">I", receiver.recv(16))[0])
                except BlockingIOError:
                    pass
            following = max(following + self._interval, time.monotonic())
            left = max(0, following - time.monotonic())
            if stopping is not None:
                time.sleep(left)
            elif select.select([stop], [], [], left)[0] and (min(map(len, sent)) >= _FEWEST or time.monotonic() > patient):
                stopping = time.monotonic() + _DRAIN_SECONDS
        return [Record(times, [number in numbers for number in range(len(times))])
                for times, numbers in zip(sent, arrived)]
