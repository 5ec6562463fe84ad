"""A real API server, a node with an agent that has the chart's limits, a victim's two pods, and a hostile namespace.

    victim/server (n1) <- victim/client (n2)     the victim's policy comes and goes; a datagram a millisecond shows when it counts
    hostile/*                                    whatever somebody may create who has rights in that namespace only; of its
                                                 pods on n1 only the one in slot 2 is more than an object
    crowd/*                                      1,000 pods of nobody's, on other nodes
"""

import contextlib
import itertools
import mmap
import os
import signal
import struct
import time
import traceback

from labs.api import objects, probes
from labs.api.agent import Agent
from labs.api.client import MERGE, Client
from labs.api.conversation import Conversation
from labs.api.stream import Flow, Streams
from labs.net.cgroup import Cgroup
from labs.net.netns import LabError, die_with_parent
from labs.net.patience import PATIENCE_SECONDS
from labs.net.prober import Probe, Prober
from labs.net.topology import Topology

from .readiness import Readiness

MEMORY_MIB, MILLI_CPUS = 128, 200  # the chart's limits
CROWD = 1000
HOSTILE = "hostile"
_PAUSE_SECONDS = 0.1    # after packets have shown a change, before the next
_SILENT_SECONDS = 0.05
_WRITERS = 4
_WORD_SECONDS = 0.005   # between two words of a conversation
_PROGRESS = struct.Struct("=QQ")  # whether all is made that is to stand, and the steps that were done since
_COLLECTIONS = ("NetworkPolicy", "Pod")


class Attacked(Exception):
    """The victim or the agent suffered."""


def require(truth, sentence):
    if not truth:
        raise Attacked(sentence)


class Scene:
    def __init__(self, server, podgate, limited=True):
        self.server, self.api = server, server.admin
        self.topology = Topology("bridge", slots=2)
        for number, node in enumerate(self.topology.nodes.values(), 1):
            server.attach(node, number)
        self.node = self.topology.nodes["n1"]
        self.cgroup = Cgroup("podgate-tenants", MEMORY_MIB, MILLI_CPUS) if limited else None
        self.agent = Agent(self.node, podgate, server.kubeconfig(), server.folder, traced=False,
                           options=(*probes.OPTIONS, "--log-level", "debug"))
        if self.cgroup:
            self.agent.prefix = self.cgroup.prefix()
        self._flow = Flow(self.topology.slots["n2", 1], self.topology.slots["n1", 1], 4)
        self._prober = Prober()
        self._prober.listen(self._flow.destination, 4, "tcp", 80)
        self._attacker = None
        self._progress = mmap.mmap(-1, mmap.PAGESIZE)  # the attacker's, for us to read
        self.readiness = Readiness(self.node.namespace)

    def close(self):
        self.stop_attacker()
        self.agent.kill()
        self._prober.close()
        self.topology.close()
        if self.cgroup:
            self.cgroup.close()

    # -- who is there ----------------------------------------------------------------------------------

    def fill(self):
        for name in ("victim", HOSTILE, "crowd"):
            self.api.ask("POST", objects.collection("Namespace"), objects.namespace(name, {"team": name}))
            self.api.ask("POST", objects.collection("ServiceAccount", name), objects.default_account(name))
        for name, node in (("victim/server", "n1"), ("victim/client", "n2")):
            self.create_pod(self.api, name, node, {"app": name[7:]}, self.topology.slots[node, 1].addresses[4])
        self.in_parallel(CROWD, lambda api, i: self.create_pod(
            api, f"crowd/p{i}", "n9", {"app": f"a{i % 50}", "tier": "crowd"}, f"10.99.{i // 250}.{i % 250 + 1}"))

    def create_pod(self, api, name, node, labels, address):
        api.ask("POST", objects.collection("Pod", name.partition("/")[0]), objects.pod(name, node, labels, (("http", 80, "TCP"),)))
        host = self.topology.nodes[node].addresses[4] if node in self.topology.nodes else "172.18.0.99"
        api.ask("PATCH", objects.path("Pod", name) + "/status", objects.running([address], host), MERGE)

    def client(self):
        """One more connection to the API server, for another process."""
        pki = f"{self.server.folder}/pki"
        return Client(self.server.namespace, f"{pki}/ca.crt", f"{pki}/admin.crt", f"{pki}/admin.key")

    def in_parallel(self, count, make):
        """make(client, i) for i below count, in several processes."""
        children = []
        for number in range(_WRITERS):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    die_with_parent()
                    api = self.client()
                    for i in range(number, count, _WRITERS):
                        make(api, i)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        if any([os.waitpid(child, 0)[1] for child in children]):
            raise LabError("the API server did not take all objects")

    # -- what hostile tenants do ---------------------------------------------------------------------------

    def pods(self, count, node="n1", labels=None, first=0):
        """So many hostile pods, on n1 at addresses of its bridge where nobody is."""
        where = "10.244.1" if node == "n1" else "10.98.1"
        self.in_parallel(count, lambda api, i: self.create_pod(
            api, f"{HOSTILE}/h{first + i}", node, labels or {"app": f"h{first + i}"}, f"{where}.{100 + first + i}"))

    def pending(self, name, labels):
        self.api.ask("POST", objects.collection("Pod", HOSTILE), objects.pod(f"{HOSTILE}/{name}", "", labels))

    def policy(self, name, **spec):
        self.api.ask("POST", objects.collection("NetworkPolicy", HOSTILE), objects.policy(f"{HOSTILE}/{name}", **spec))

    def unleash(self, attack):
        """attack(scene) in a process of its own, which stays as long as the attack lasts."""
        self._tell_progress(False, 0)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die_with_parent()
                self.api = self.client()
                attack(self)
                self._tell_progress(True, 0)
                code = 0
                while True:
                    signal.pause()
            finally:
                if code:
                    traceback.print_exc()
                os._exit(code)
        self._attacker = child

    def _tell_progress(self, made, steps):
        _PROGRESS.pack_into(self._progress, 0, made, steps)

    def progress(self):
        """(all is made that is to stand, steps of what goes on and on)"""
        made, steps = _PROGRESS.unpack_from(self._progress)
        return bool(made), steps

    def await_attack(self):
        """Until all is made that is to stand."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.progress()[0]:
            require(self.attacking(), "the attack could not be made")
            require(time.monotonic() < end, f"the attack is not complete after {PATIENCE_SECONDS} s")
            time.sleep(0.1)

    def attacking(self):
        return self._attacker is not None and os.waitpid(self._attacker, os.WNOHANG) == (0, 0)

    def stop_attacker(self):
        """False: it could not do what it wanted."""
        if not self._attacker:
            return True
        with contextlib.suppress(ChildProcessError):  # attacking() has seen its end
            ended, _ = os.waitpid(self._attacker, os.WNOHANG)
            if not ended:
                os.kill(self._attacker, signal.SIGKILL)
                os.waitpid(self._attacker, 0)
                self._attacker = None
                return True
        self._attacker = None
        return False

    def repeat(self, step, pause=0.0):
        """step(client, i) for i = 0, 1, … without end, each `pause` seconds after the one before has begun, or as soon as it is done."""
        following = time.monotonic()
        for i in itertools.count():
            self._tell_progress(True, i)
            step(self.api, i)
            following = max(following + pause, time.monotonic() - 0.1)  # what was late is made up for, but in no great burst
            time.sleep(max(0.0, following - time.monotonic()))

    def peace(self):
        """The hostile namespace is empty again, and the agent has followed."""
        able = self.stop_attacker()
        self.api.close()
        for kind in _COLLECTIONS:
            self.api.ask("DELETE", objects.collection(kind, HOSTILE) + "?gracePeriodSeconds=0")
        end = time.monotonic() + PATIENCE_SECONDS
        while any(self.api.ask("GET", objects.collection(kind, HOSTILE) + "?limit=1")["items"] for kind in _COLLECTIONS):
            require(time.monotonic() < end, "the hostile namespace does not get empty")
            time.sleep(0.1)
        require(able, "the attack could not be made")
        if self.agent.running():
            self._await_rest()

    def _await_rest(self):
        """Until the agent has done what there was to do: the next case is to see its own attack only."""
        end, used = time.monotonic() + PATIENCE_SECONDS, None
        while used is None or self.agent.cpu_seconds() - used > 0.02:
            require(time.monotonic() < end, "the agent does not come to rest")
            used = self.agent.cpu_seconds()
            time.sleep(0.2)

    # -- what the victim sees ------------------------------------------------------------------------------

    def isolate(self, isolated):
        """The victim's policy comes or goes. Returns (before, after) the write."""
        before = time.monotonic()
        if isolated:
            self.api.ask("POST", objects.collection("NetworkPolicy", "victim"), objects.policy("victim/p", policyTypes=["Ingress"]))
        else:
            self.api.ask("DELETE", objects.path("NetworkPolicy", "victim/p"))
        return before, time.monotonic()

    def follow(self, passes):
        """Waits until connections are judged so."""
        probe = Probe(self._flow.source, 4, "tcp", self._flow.destination.addresses[4], 80, passes)
        begin = time.monotonic()
        while True:
            self._prober.run([probe], quiet=_SILENT_SECONDS, retry=())
            if probe.allowed == passes:
                return
            require(self.agent.running(), "the agent ended")
            require(time.monotonic() - begin < PATIENCE_SECONDS,
                    f"the victim's connections still {'pass' if probe.allowed else 'are denied'} after {PATIENCE_SECONDS} s")

    def measure(self, seconds):
        """Milliseconds from the API server's answer to each of the victim's changes until packets show it for good; from now until the
        attack has stood, or gone on, for so long."""
        streams = Streams([self._flow]).start()
        try:
            marks = self._toggle(seconds)
        finally:
            record, = streams.finish()
        found = []
        for (passes, asked, answered), following in zip(marks, marks[1:] + [(None, record.sent[-1], None)]):
            first = None
            for sent, arrived in zip(record.sent, record.arrived):
                if asked <= sent < following[1]:
                    first = None if arrived != passes else first or sent
            require(first is not None, "a packet of the victim was judged wrongly after its change had been seen")
            found.append(max(0.0, first - answered) * 1000)
        return sorted(found)

    def _toggle(self, seconds):
        """(whether packets pass from then on, when it was asked for, when it was answered) of each change."""
        marks, end, patient = [], None, time.monotonic() + PATIENCE_SECONDS
        while end is None or time.monotonic() < end or len(marks) % 2:
            isolated = len(marks) % 2 == 0
            marks.append((not isolated, *self.isolate(isolated)))
            self.follow(not isolated)
            time.sleep(_PAUSE_SECONDS)
            if self._attacker:
                require(self.attacking(), "the attack could not be made")
            if end is None and (self.progress()[0] or not self._attacker):
                end = time.monotonic() + seconds
            require(end or time.monotonic() < patient, f"the attack is not complete after {PATIENCE_SECONDS} s")
        return marks

    def measure_cut(self, rounds):
        """Milliseconds that an established flow lives on after a change denies it; from the API server's answer to the last word."""
        found = []
        for _ in range(rounds):
            talk = Conversation(self._flow.source, self._flow.destination, "udp", 4)
            try:
                _, answered = self.isolate(True)
                last = self._last_word(talk)
            finally:
                talk.close()
            found.append(max(0.0, last - answered) * 1000)
            self.isolate(False)
            self.follow(True)
        return sorted(found)

    def _last_word(self, talk):
        """When the conversation's last answer came; it is over when it was silent for long."""
        begun = last = time.monotonic()
        while time.monotonic() < last + 1:
            talk.ask()
            time.sleep(_WORD_SECONDS)
            if talk.answered():
                last = time.monotonic()
            require(last < begun + PATIENCE_SECONDS, f"the victim's flow lives {PATIENCE_SECONDS} s after it was denied")
        return last

    def recover(self):
        """After a case that failed: an agent that runs, no attacker, no victim's policy."""
        with contextlib.suppress(Attacked):
            self.peace()
        if not self.agent.running():
            self.agent.start()
        self.api.send("DELETE", objects.path("NetworkPolicy", "victim/p"))
        self.follow(True)

    # -- how the agent is ------------------------------------------------------------------------------------

    def expect_ready(self):
        probes.expect_ready(self.node.namespace)

    def expect_answers(self, answers):
        """The kubelet's questions: the agent was ready. A connection may be lost, but not two in a row: a kubelet forgives one."""
        for before, answer in zip([None, *answers], answers):
            require(answer.status in (0, 200), f"/readyz was answered {answer.status}: {answer.body}")
            require(answer.status or not before or before.status, f"/readyz was not answered twice in a row: {answer.body}")

    def logged(self, since=0):
        """(lines that the agent has logged in its log beyond that place, but for debugging; where it ends now)"""
        with open(self.agent.log, encoding="utf-8", errors="replace") as file:
            file.seek(since)
            lines = [line for line in file if line.split(" ", 2)[1:2] != ["debug"]]
            return lines, file.tell()

    def restart(self):
        """Seconds until the victim's policy counts again when the agent starts on a node without rules."""
        self.isolate(True)
        self.follow(False)
        self.agent.stop()
        self.node.namespace.run(["nft", "delete", "table", "inet", "podgate"])
        self.agent.start()
        begun = self.agent.begun[-1]
        self.follow(False)
        took = time.monotonic() - begun
        self.expect_ready()
        self.isolate(False)
        self.follow(True)
        return took

    def expect_unharmed(self, starts):
        require(self.agent.running(), "the agent ended")
        require(len(self.agent.begun) == starts, "the agent was started again")
        require(not self.cgroup or self.cgroup.killed() == 0, "the kernel killed the agent for want of memory")
        status, body = probes.get(self.node.namespace, "/readyz")
        require(status == 200, f"/readyz says {status}: {body.strip()}")
        status, body = probes.get(self.node.namespace, "/healthz")
        require(status == 200, f"/healthz says {status}: {body.strip()}")
