"""What every case does: agents in step, steady flows, a fault that they meet, a change that nobody tells them of, the end
of the fault, the change in force. Wrong when a packet of a steady flow is judged otherwise at any time, when an agent asks too
often or takes too much memory, or when the change does not come through.
"""

import contextlib
import itertools
import time

from labs.api.steady import steady_traffic
from labs.api.world import require
from labs.net.patience import PATIENCE_SECONDS

from .double import address

# Who may do what, from set_scene() on. b/far is the one whose verdict changes.
FRIENDS = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
    {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"friend": "yes"}}}]}]}
BEFORE = ("deny * -> a/web", "allow a/client -> a/web", "allow b/far -> a/web", "deny a/far -> *", "allow a/far -> b/*")
AFTER = (*BEFORE, "deny b/far -> a/web", "deny * -> b/client", "allow a/* -> b/client")
_ALLOWED = (("a/client", "a/web"), ("a/far", "b/web"), ("b/client", "b/far"))
_DENIED = (("b/client", "a/web"), ("b/web", "a/web"), ("a/far", "a/client"))
_DATAGRAM_SECONDS = 0.004

MEMORY_MIB = 32
_MOST_DESCRIPTORS = 32
_POLL_SECONDS = 0.05


class Scene:
    """A world whose API server is a double. One case at a time: begin(), then what the case likes."""

    def __init__(self, world, double):
        self.world, self.double = world, double
        self.clients = {node: address(number) for number, node in enumerate(world.agents, 1)}
        self.most_mib = 0.0    # of memory that an agent took, in the present case
        self.ended = 0.0       # when the last fault did

    def begin(self, **behaviour):
        """New agents, in step with a double that behaves so (see Double.configure); BEFORE holds."""
        self.most_mib = 0.0
        for agent in self.world.agents.values():
            agent.kill()
        self.double.call("forget")
        self.double.write_token("first-token")
        self.double.configure(("first-token",), **behaviour)
        self.world.reset()
        self.world.policy("a/friends", **FRIENDS)
        self.world.policy("a/out", podSelector={"matchLabels": {"app": "far"}}, policyTypes=["Egress"],
                          egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}])
        self.world.label("Pod", "a/client", friend="yes")
        self.world.label("Pod", "b/far", friend="yes")
        self.world.expect(*BEFORE)

    def change(self):
        """After it AFTER must hold, once the agents know of it."""
        self.world.label("Pod", "b/far", friend=None)
        self.world.policy("b/guard", podSelector={"matchLabels": {"app": "client"}}, ingress=[
            {"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}])

    @contextlib.contextmanager
    def traffic(self):
        """Flows whose verdict no fault and no change() alters: every datagram is judged."""
        with steady_traffic(self.world, _ALLOWED, _DENIED, _DATAGRAM_SECONDS):
            yield

    @contextlib.contextmanager
    def fault(self, fault, cut=True):
        """The double has the fault inside. cut: what is open ends, so that the agents meet it at once."""
        self.double.call("begin", fault, cut)
        try:
            yield
        finally:
            self.ended = time.monotonic()
            self.double.call("finish")

    def met(self, times):
        """Waits until each agent met the fault that often."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            played = self.double.call("played")
            met = {node: played.get(client, 0) for node, client in self.clients.items()}
            if min(met.values()) >= times:
                return
            require(time.monotonic() < end,
                    f"each agent was to meet the fault {times} times in {PATIENCE_SECONDS} s, and met it so often: {met}")
            time.sleep(_POLL_SECONDS)

    def withstand(self, fault, times=2, told="nothing", cut=True, memory_mib=MEMORY_MIB):
        """The whole course. times: how often each agent must meet the fault. told: what agents learn while it lasts, of
        a change made then: "nothing", "all", or "some" (a kind, or a part of a list).
        """
        with self.traffic():
            with self.fault(fault, cut):
                self.met(times)
                self.change()
                if told == "all":
                    self.world.expect(*AFTER)
                elif told == "nothing":
                    self.world.hold(*BEFORE, seconds=0.5)
            self.world.expect(*AFTER)
        self.sound(memory_mib)

    def sound(self, memory_mib=MEMORY_MIB):
        """The agents run, took no more memory, left no connections behind, asked at a bounded rate, and sent no token astray."""
        for node, agent in self.world.agents.items():
            require(agent.running(), f"the agent on {node} ended by itself")
            self.most_mib = max(self.most_mib, agent.memory_kib()[1] / 1024)
            # What it keeps open: a connection that is on its way is no leak, and stands longer on a busy machine.
            end = time.monotonic() + PATIENCE_SECONDS
            while (open_now := agent.descriptors()) > _MOST_DESCRIPTORS:
                require(time.monotonic() < end, f"the agent on {node} keeps {open_now} descriptors open")
                time.sleep(0.02)
        require(self.most_mib <= memory_mib, f"an agent took {self.most_mib:.0f} MiB; {memory_mib} are allowed here")
        self.check_rate()
        trapped = self.double.call("trapped")
        require(not trapped, f"an agent followed a redirect: {len(trapped)} connections to where nothing leads")
        strange = self.double.call("strange_versions")
        require(not strange, f"watches were to begin from versions that were never given out: {strange[:3]}")
        astray = [request for request in self.double.call("requests") if request[4] != "good"]
        require(not astray, f"{len(astray)} requests, with the token, were sent to a server that could not prove who it is")

    def check_rate(self):
        """No agent ever asks five times in a second for longer than the blink that a burst takes. Connections count, so
        handshakes that fail do too. The agent's own limit is 4 in 1.05 s. What a busy machine delays comes closer together than
        it was sent, by no more than twice what the double itself was kept waiting. An agent that starts knows nothing of what the
        one before it asked, so each start is counted by itself."""
        connections, stall = self.double.call("connections"), self.double.call("longest_stall")
        for node, client in self.clients.items():
            begun = self.world.agents[node].begun
            times = [(at, sum(start <= at for start in begun)) for at, of in connections if of == client]
            for (first, (since, start)), (last, (until, ended)) in itertools.combinations(enumerate(times), 2):
                count, span = last - first + 1, until - since
                require(start != ended or count <= 5 + 4.2 * (span + 2 * stall),
                        f"the agent on {node} made {count} connections within {span:.2f} s")

    def listed(self, kind):
        """Waits until each agent watches a kind, anew since the last fault ended: the list before it is complete."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(self.requests(node, self.ended, kind, "watch") for node in self.clients):
            require(time.monotonic() < end, f"within {PATIENCE_SECONDS} s no list of {kind} was complete")
            time.sleep(_POLL_SECONDS)

    def requests(self, node, since, kind=None, mode=None):
        """Times of an agent's requests."""
        return [at for at, client, of, how, _ in self.double.call("requests") if client == self.clients[node] and at >= since
                and kind in (None, of) and mode in (None, how)]
