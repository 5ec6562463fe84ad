"""The proof's heavy traffic: frames made and counted in the kernel (labs/net/injector.py), for every flow that crosses node n1.

Each run sends some thousand frames, of all flows that come in through one interface in turn, and compares. All of them are
new to conntrack, or still unanswered: each is judged by the rules. Every second run varies the source ports.
"""

import socket
import time

from labs.net import injector
from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS

from . import scene
from .tally import Tally

_VARIED_PORTS = 200
_FAMILIES, _PROTOCOLS = (4, 6), ("udp", "tcp")


class Way:
    """All frames that come in through one interface."""

    def __init__(self, interface, first):
        self.interface, self.first = interface, first
        self.frames = []     # (Flow, family, protocol)
        self.counted = []


class Injection:
    """Of one topology; run() is the work of a Background. focus: shared memory, whose first byte is the index, among the
    scene's places, of the one whose frames are wanted most just now."""

    def __init__(self, topology, packets_per_run, pause, focus):
        self._topology, self._packets, self._pause, self._focus = topology, packets_per_run, pause, focus
        self._node = topology.nodes["n1"].namespace
        self._injector = None

    def _interface(self, place):
        node, slot = scene.PLACES.get(place, (None, 0))
        return f"p{slot}" if node == "n1" else "eth0"

    def _mac(self, source, target):
        """Where the source's frames to the target go to first."""
        name = self._interface(source)
        if self._topology.kind == "bridge" and name != "eth0":
            if scene.PLACES.get(target, ("",))[0] == "n1":
                with self._topology.slots[scene.PLACES[target]].namespace:
                    return injector.mac("eth0")
            name = "cni0"
        with self._node:
            return injector.mac(name)

    def _own_mac(self, source):
        """What a pod's frames come from: its node lets no others pass. Behind the node's uplink it may be anything."""
        if scene.PLACES.get(source, ("",))[0] != "n1":
            return {}
        with self._topology.slots[scene.PLACES[source]].namespace:
            return {"from_mac": injector.mac("eth0")}

    def _prepare(self):
        # The frames of one way must stand together.
        flows = sorted(scene.FLOWS, key=lambda flow: self._interface(flow.source))
        total = sum(2 * len(flow.protocols) for flow in flows)
        self._injector = injector.Injector(total)
        self._injector.watch(self._node, sorted({self._interface(flow.target) for flow in flows}))
        ways, number = {}, 0
        for flow in flows:
            name = self._interface(flow.source)
            way = ways.setdefault(name, Way(name, number))
            to_mac, own = self._mac(flow.source, flow.target), self._own_mac(flow.source)
            for family in _FAMILIES:
                for protocol in flow.protocols:
                    source, target = (scene.addresses(place)[family == 6] for place in (flow.source, flow.target))
                    port = flow.port or scene.PORTS["injected"] + scene.FLOWS.index(flow)
                    self._injector.set_frames([injector.frame(number, to_mac, source, target, protocol, 20000, port, **own)],
                                              number)
                    way.frames.append((flow, family, protocol))
                    number += 1
        return ways

    def run(self, stopped, ready):
        ways = self._prepare()
        self._node.enter()
        tally = Tally()
        for way in ways.values():
            self._settle(way)
        ready()
        places, turn = list(scene.PLACES), 0
        while not stopped():
            for way in ways.values():
                self._run_way(way, tally, turn)
                wanted = ways.get(self._interface(places[self._focus[0]]))
                if wanted and wanted is not way:
                    self._run_way(wanted, tally, turn)
            turn += 1
        return tally

    def _settle(self, way):
        """Neighbours are asked for at first; then all that must pass does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            tally = Tally()
            self._run_way(way, tally, 0)
            if not tally.faults:
                return
            if time.monotonic() > deadline:
                raise LabError(f"{self._topology.kind}: before anything changes, injected frames are judged wrongly: "
                               f"{tally.faults[0]}")
            time.sleep(0.1)

    def _run_way(self, way, tally, turn):
        frames = way.frames
        each = max(1, self._packets // len(frames))
        self._injector.choose(len(frames), _VARIED_PORTS if turn % 2 else 1, first=way.first)
        before = [self._injector.counted(way.first + index)[0] for index in range(len(frames))]
        begin = time.monotonic()
        self._injector.send(socket.if_nametoindex(way.interface), each * len(frames))
        end = time.monotonic()
        where = self._topology.kind
        for index, (flow, family, protocol) in enumerate(frames):
            count, last = self._injector.counted(way.first + index)
            kind = f"injected {protocol}"
            passed = count - before[index]
            tally.add(where, kind, flow, each)
            if flow.allowed and passed != each:
                tally.fault(begin, end, where, kind, flow, family, each - passed)
            elif not flow.allowed and passed:
                tally.fault(last / 1e9, last / 1e9, where, kind, flow, family, passed)
        time.sleep(self._pause)
