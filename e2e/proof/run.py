"""The traffic proof's course: scene set, traffic on, knobs turned, agents ended and started, traffic off."""

import contextlib
import json
import mmap
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

from labs.net import netlink
from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS
from labs.net.prober import FAMILY
from labs.net.programs import PODGATE

from . import scene
from .background import Background
from .injected import Injection
from .sockets import Traffic
from .tally import Tally
from .writer import Writer

_RATES = {"stream": 50, "exchange": 50, "connect": 10, "connection": 50}  # a second, for each flow and family
_PROBE_SECONDS = 0.002
_SILENT_SECONDS = 0.05    # silence that means "dropped", where datagrams are quick
_TIMES_SLOWER = 20        # than the slowest so far, where they are not
_DANCE_EVERY = 40         # changes
_DOWN_SECONDS = 0.4       # at most
_KILL_WITHIN_SECONDS = 0.01
_DAMAGED_SECONDS = 1.0
_DAMAGES = ("conntrack -D -p tcp", "nft insert rule inet podgate forward drop", "nft flush chain inet podgate forward")
_ENTRY = re.compile(r"ESTABLISHED src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)")


def check_scene(board, chance, count):
    """Asks the reference evaluator for all flows' verdicts in `count` random states; LabError where it differs."""
    for _ in range(count):
        board.shuffle(chance)
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "List", "items": board.objects()}, file)
            file.flush()
            for family in (4, 6):
                lines, verdicts = [], []
                for flow in scene.FLOWS:
                    ends = [scene.addresses(place)[family == 6] for place in (flow.source, flow.target)]
                    port = flow.port or scene.PORTS["injected"]
                    for protocol in flow.protocols:
                        lines.append(f"ip:{ends[0]} ip:{f'[{ends[1]}]' if family == 6 else ends[1]}:{port}/{protocol}\n")
                        verdicts.append("allow" if flow.allowed else "deny")
                done = subprocess.run([PODGATE, "explain", "-f", file.name, "--family", f"ipv{family}", "--probes", "-"],
                                      input="".join(lines), capture_output=True, text=True, check=True)
                for line, verdict, answer in zip(lines, verdicts, done.stdout.splitlines(), strict=True):
                    if json.loads(answer).get("verdict") != verdict:
                        raise LabError(f"the scene is wrong: {line.strip()} should be {verdict}, and the evaluator says {answer}; "
                                       + ", ".join(f"{knob.name} {knob.state}" for knob in board.all_knobs()))
    for knob in board.all_knobs():
        knob.state = 0
    return count


class Tester:
    """Sees in packets, on one topology, whether the agent has followed."""

    def __init__(self, topology):
        self._kind = topology.kind
        source, self._target = (topology.slots[scene.PLACES[name]] for name in ("tester", "tested"))
        with source.namespace:
            self._sender = socket.socket(FAMILY[4], socket.SOCK_DGRAM)
            self._sender.bind((source.addresses[4], 0))
        self._receivers = {}
        with self._target.namespace:
            for kind, port in scene.TESTED_PORTS.items():
                self._receivers[kind] = socket.socket(FAMILY[4], socket.SOCK_DGRAM)
                self._receivers[kind].bind((self._target.addresses[4], port))
        self._number, self._slowest = 0, 0.0

    def follow(self, kind, passes):
        """Waits until a datagram is judged so."""
        receiver = self._receivers[kind]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self._number += 1
            data = str(self._number).encode()
            self._sender.sendto(data, (self._target.addresses[4], scene.TESTED_PORTS[kind]))
            arrived, begin = False, time.monotonic()
            receiver.settimeout(max(_SILENT_SECONDS, _TIMES_SLOWER * self._slowest))
            with contextlib.suppress(TimeoutError):
                while not arrived:
                    arrived = receiver.recv(64) == data
                self._slowest = max(self._slowest, time.monotonic() - begin)
            if arrived == passes:
                return
            time.sleep(_PROBE_SECONDS)
        raise LabError(f"{self._kind}: {PATIENCE_SECONDS} s after a change of a {kind} packets do not show it")


class Proof:
    """Once run: `tally`, and what happened."""

    def __init__(self, api, board, topologies, agents, given):
        self._writer, self._board, self._topologies, self._agents, self._given = Writer(api), board, topologies, agents, given
        self._chance = random.Random(given.seed)
        self._testers = [Tester(topology) for topology in topologies]
        self._focus = mmap.mmap(-1, 1)           # shared with the injections
        self._up_again = [None] * len(agents)   # when an agent that is down is started
        self.tally = Tally()
        self.changes = self.commits = self.restarts = self.kills = self.dances = 0
        self.begun = 0.0

    def run(self):
        self.begun = time.monotonic()
        for made in sorted(self._board.objects(), key=lambda made: made["kind"] != "Namespace"):
            self._writer.create(made)
        for agent in self._agents:
            agent.start()
        self._follow_all()
        generations = self._generations()
        traffic = []
        try:
            # Injection first: its queueing disciplines stop their interfaces for a moment.
            if self._given.packets:
                for topology in self._topologies:
                    injection = Injection(topology, self._given.packets, self._given.pause, self._focus)
                    traffic.append(Background(injection.run, f"injection on {topology.kind}"))
            rates = {kind: rate * self._given.rate for kind, rate in _RATES.items()}
            for topology in self._topologies:
                traffic.append(Background(Traffic(topology, rates).run, f"traffic on {topology.kind}"))
            self._turn_knobs()
            self._start_all()
            self._follow_all()
            self._count_kept()
        finally:
            for part in traffic:
                part.stop()
            for part in traffic:
                self.tally.merge(part.finish())
        self.commits = sum(self._generations()) - sum(generations)
        for agent, topology in zip(self._agents, self._topologies):
            if not agent.running():
                raise LabError(f"{topology.kind}: the agent ended by itself; it said last:\n{agent.last_words()}")

    def around(self, begin, end):
        """What was written and done up to 50 ms before."""
        return [mark for mark in self._writer.marks if begin - 0.05 <= mark[0] <= end][-12:]

    # -- changes -------------------------------------------------------------------------------------

    def _turn_knobs(self):
        events = [self._events() for _ in self._agents]
        pause = 1 / self._given.pace
        damages = list(_DAMAGES) if self._given.sabotage else []
        while self.changes < self._given.changes:
            begin = time.monotonic()
            knob, state = self._board.next(self._chance, self.changes)
            self._turn(knob, state)
            if damages and self.changes > self._given.changes * (4 - len(damages)) // 4:
                self._damage(damages.pop())
            if self.changes // _DANCE_EVERY > self.dances:
                self._dance()
            for number, agent in enumerate(self._agents):
                self._agent_events(number, agent, events[number])
            time.sleep(max(0, begin + pause - time.monotonic()))
        for number in range(len(self._agents)):  # what is left, when there are few changes
            while events[number]:
                self._end(number, events[number].pop()[1])
                self._start_all()

    def _turn(self, knob, state):
        self._focus[0] = list(scene.PLACES).index(knob.source)
        self.changes += self._writer.turn(knob, state)

    def _damage(self, command):
        """Somebody else touches rules or connections.

        The agents mend rules within milliseconds, too soon for the slower kinds of traffic: they are held meanwhile.
        """
        for agent in self._agents:
            agent.hold()
        for topology in self._topologies:
            topology.nodes["n1"].namespace.run(command.split())
            self._writer.mark(f"{topology.kind}: {command}")
        time.sleep(_DAMAGED_SECONDS)
        for agent in self._agents:
            agent.go_on()

    def _events(self):
        """[(after how many changes, what)], the next one last."""
        what = ["restart"] * self._given.restarts + ["kill"] * self._given.kills
        self._chance.shuffle(what)
        when = sorted(self._chance.randrange(self._given.changes) for _ in what)
        return list(zip(when, what))[::-1]

    def _agent_events(self, number, agent, events):
        if self._up_again[number] is not None:
            if time.monotonic() >= self._up_again[number]:
                self._start(number)
        elif not agent.running():
            raise LabError(f"{self._topologies[number].kind}: the agent ended by itself; it said last:\n{agent.last_words()}")
        elif events and events[-1][0] <= self.changes:
            self._end(number, events.pop()[1])

    def _end(self, number, what):
        agent = self._agents[number]
        time.sleep(self._chance.uniform(0, _KILL_WITHIN_SECONDS))
        where = self._topologies[number].kind
        self._writer.mark(f"{where}: agent {'killed' if what == 'kill' else 'stopped'}")
        if what == "kill":
            agent.kill()
            self.kills += number == 0
        else:
            agent.stop(begun=False)
            self.restarts += number == 0
        self._up_again[number] = time.monotonic() + self._chance.choice((0, self._chance.uniform(0, _DOWN_SECONDS)))

    def _start(self, number):
        self._up_again[number] = None
        self._agents[number].start()
        self._writer.mark(f"{self._topologies[number].kind}: agent started")

    def _start_all(self):
        for number, when in enumerate(self._up_again):
            if when is not None:
                self._start(number)

    # -- steps that wait for each other --------------------------------------------------------------

    def _dance(self):
        self._start_all()
        for knob, state in self._board.dance.steps():
            self._turn(knob, state)
            self._follow(knob.kind)
        self.dances += 1

    def _follow(self, kind):
        """Turns the tester of a kind, and waits until every agent's packets show it."""
        knob = self._board.testers.knobs[kind]
        self._writer.turn(knob, 1 - knob.state)
        for tester in self._testers:
            tester.follow(kind, knob.state == 1)

    def _follow_all(self):
        for kind in scene.TESTED_PORTS:
            self._follow(kind)

    def _count_kept(self):
        """Conntrack still has the entries of the connections that have been there all the time: one that was cut, though it
        is allowed, might live on as packets that are judged one by one. Not those of addresses that changed hands: the new pod
        takes none of them over."""
        for topology in self._topologies:
            found = ""
            for family in ("ipv4", "ipv6"):
                command = ["conntrack", "-L", "-f", family, "-p", "tcp", "--state", "ESTABLISHED"]
                found += topology.nodes["n1"].namespace.run(command).stdout
            entries = {match.groups() for match in _ENTRY.finditer(found)}
            now = time.monotonic()
            for number, flow in enumerate(scene.FLOWS):
                kept = flow.allowed and flow.port is None and not {flow.source, flow.target} & scene.HANDED_OVER
                for family in (4, 6) if kept else ():
                    source, target = (scene.addresses(place)[family == 6] for place in (flow.source, flow.target))
                    self.tally.add(topology.kind, "entries kept", flow, 1)
                    if (source, target, str(scene.PORTS["connection"] + number)) not in entries:
                        self.tally.fault(self.begun, now, topology.kind, "entries kept", flow, family, 1)

    def _generations(self):
        numbers = []
        for topology in self._topologies:
            with topology.nodes["n1"].namespace, netlink.Socket(netlink.NETLINK_NETFILTER) as nf:
                numbers.append(netlink.generation(nf))
        return numbers


def copy_logs(agents, folder):
    for number, agent in enumerate(agents):
        os.makedirs(folder, exist_ok=True)
        shutil.copy(agent.log, f"{folder}/agent-{number}")
