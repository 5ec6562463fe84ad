"""The world of the cases: two nodes of pods, each both an object of the API and a network namespace, and an agent per node.

    namespace a {team: a}: web (n1), client (n1), far (n2)
    namespace b {team: b}: web (n2), client (n1), far (n2)

Pods are labelled app: web, client, far, and have the named port http (8080/tcp). A case changes objects, each change is an
answered API write, and `expect` waits until packets show what then must hold, and sees it hold for a while. Rules are
patterns in the language of e2e/README.md, of which the last that matches a connection decides; without one it is allowed:

    deny * -> a/web                  nobody reaches a/web …
    allow a/* -> a/web:8080/tcp      … but pods of a its port 8080
"""

import itertools
import time

from labs.net.expect import End, Expectation
from labs.net.patience import PATIENCE_SECONDS
from labs.net.prober import Probe, Prober
from labs.net.topology import Topology

from . import objects
from .agent import Agent
from .client import MERGE

PORTS = (("tcp", 8080), ("tcp", 9090), ("udp", 53))
FAMILIES = (4, 6)
POLL_SECONDS = 0.04      # silence that means "denied" while waiting for a change
HOLD_SECONDS = 0.3
NAMESPACES = {"a": {"team": "a"}, "b": {"team": "b"}}
PODS = {  # name: (node, slot)
    "a/web": ("n1", 1), "a/client": ("n1", 2), "a/far": ("n2", 1),
    "b/web": ("n2", 2), "b/client": ("n1", 3), "b/far": ("n2", 3),
}
SPARE = ("n1", 4)  # a slot that no pod of the standard world has


class Wrong(Exception):
    """Packets do not show what must hold, or something else that a case asserts is not so."""


def require(truth, sentence):
    if not truth:
        raise Wrong(sentence)


class World:
    """Built once for all cases; reset() before each."""

    def __init__(self, server, podgate, traced=True):
        self.server, self.api = server, server.admin
        self.topology = Topology("bridge", slots=4)
        self.prober = Prober()
        self.agents = {}
        for number, (name, node) in enumerate(self.topology.nodes.items(), 1):
            server.attach(node, number)
            self.agents[name] = Agent(node, podgate, server.kubeconfig(), server.folder, traced)
        self.slots = {}       # pod name: (node, slot) that its packets come from and go to
        self.slowest = 0.0    # seconds to convergence, of the steps since reset()
        for endpoint in self.topology.slots.values():
            for family in FAMILIES:
                for protocol, port in PORTS:
                    self.prober.listen(endpoint, family, protocol, port)

    def close(self):
        for agent in self.agents.values():
            agent.kill()
        self.prober.close()
        self.topology.close()

    def start_agents(self):
        for agent in self.agents.values():
            if not agent.running():
                agent.start()

    # -- objects -------------------------------------------------------------------------------------

    def reset(self):
        """The standard world, with no policy, whatever the case before left."""
        self.slowest = 0.0
        self.slots = {}
        for path in ("/apis/networking.k8s.io/v1/networkpolicies", "/api/v1/pods"):
            for item in self.api.ask("GET", path)["items"]:
                kind = "Pod" if path.endswith("pods") else "NetworkPolicy"
                self.remove(kind, f"{item['metadata']['namespace']}/{item['metadata']['name']}")
        for item in self.api.ask("GET", "/api/v1/namespaces")["items"]:
            name = item["metadata"]["name"]
            if name not in NAMESPACES and not name.startswith("kube-") and name != "default":
                self.remove_namespace(name)
        for name, labels in NAMESPACES.items():
            self.namespace(name, labels)
        for name, node in self.topology.nodes.items():
            self.server.register(name, node.addresses.values())
        for name, (node, slot) in PODS.items():
            self.pod(name, node, slot)
        self.start_agents()
        self.await_tables()

    def await_tables(self):
        """Until every node has its agent's rules: before, nothing is enforced, and the node's conntrack sees no connection."""
        end = time.monotonic() + PATIENCE_SECONDS
        for node in self.topology.nodes.values():
            while node.namespace.run(["nft", "list", "table", "inet", "podgate"], check=False).returncode != 0:
                require(time.monotonic() < end, f"the agent on {node.name} has put no rules in force; see {self.agents[node.name].log}")
                time.sleep(0.05)

    def namespace(self, name, labels):
        """Makes it, or gives it exactly these labels."""
        if self.api.send("GET", objects.path("Namespace", name))[0] == 404:
            self.api.ask("POST", objects.collection("Namespace"), objects.namespace(name, labels))
            self.api.ask("POST", objects.collection("ServiceAccount", name), objects.default_account(name))
        else:
            own = {**labels, "kubernetes.io/metadata.name": name}
            self.api.ask("PATCH", objects.path("Namespace", name), [{"op": "replace", "path": "/metadata/labels", "value": own}],
                         "application/json-patch+json")

    def end_namespace(self, name):
        """Its deletion begins, and nobody deletes what is in it yet."""
        self.api.ask("DELETE", objects.path("Namespace", name))

    def remove_namespace(self, name):
        """As the namespace controller does it, once the namespace is empty but for the account made with it."""
        if self.api.send("GET", objects.path("ServiceAccount", f"{name}/default"))[0] != 404:
            self.remove("ServiceAccount", f"{name}/default")
        gone = self.api.ask("GET", objects.path("Namespace", name))
        if "deletionTimestamp" not in gone["metadata"]:
            gone = self.api.ask("DELETE", objects.path("Namespace", name))
        gone["spec"]["finalizers"] = []
        self.api.ask("PUT", objects.path("Namespace", name) + "/finalize", gone)

    def pod(self, name, node, slot, labels=None, ports=(("http", 8080, "TCP"),), grace=0):
        """A running pod in a slot. Labels: by default app: NAME."""
        self.pending_pod(name, node, labels, ports, grace)
        self.run_pod(name, node, slot)

    def pending_pod(self, name, node, labels=None, ports=(), grace=0):
        made = objects.pod(name, node, labels or {"app": name.partition("/")[2]}, ports)
        made["spec"]["terminationGracePeriodSeconds"] = grace
        self.api.ask("POST", objects.collection("Pod", name.partition("/")[0]), made)

    def run_pod(self, name, node, slot):
        addresses = self.topology.slots[node, slot].addresses
        self.status(name, objects.running([addresses[4], addresses[6]], self.topology.nodes[node].addresses[4]))
        self.slots[name] = (node, slot)

    def status(self, name, status):
        self.api.ask("PATCH", objects.path("Pod", name) + "/status", status, MERGE)

    def finish(self, name, phase="Succeeded"):
        """The pod ends; its address keeps its slot, from which packets may still be tried under the name."""
        self.status(name, {"status": {"phase": phase}})

    def label(self, kind, name, **labels):
        """Merges labels; None removes one."""
        self.api.ask("PATCH", objects.path(kind, name), {"metadata": {"labels": labels}}, MERGE)

    def policy(self, name, **spec):
        """Makes the policy, or replaces it."""
        made = objects.policy(name, **spec)
        path = objects.path("NetworkPolicy", name)
        if self.api.send("GET", path)[0] == 404:
            self.api.ask("POST", objects.collection("NetworkPolicy", made["metadata"]["namespace"]), made)
        else:
            self.api.ask("PUT", path, made)

    def remove(self, kind, name, grace=0):
        self.api.ask("DELETE", objects.path(kind, name) + (f"?gracePeriodSeconds={grace}" if kind == "Pod" else ""))

    # -- packets -------------------------------------------------------------------------------------

    def endpoint(self, name):
        return self.topology.slots[self.slots[name]]

    def _probes(self, rules):
        """(probe, sentence) for every pair of pods, port and family."""
        ends = [End(name, "pod", node, self.endpoint(name).addresses) for name, (node, _) in self.slots.items()]
        entries = [dict([rule.split(" ", 1)]) for rule in rules]
        expectation = Expectation([{"default": "allow"}, *entries], ends)
        made = []
        for source, target in itertools.product(ends, ends):
            for (protocol, port), family in itertools.product(PORTS, FAMILIES):
                probe = Probe(self.endpoint(source.name), family, protocol, target.addresses[family], port,
                              expectation.allowed(source, target, protocol, port, family))
                made.append((probe, f"{source.name} -> {target.name}:{port}/{protocol} (IPv{family})"))
        return made

    def wrong(self, rules, quiet=None):
        """Sentences about connections that are not as the rules say; quiet: a quick look, see POLL_SECONDS."""
        probes = self._probes(rules)
        only = [probe for probe, _ in probes]
        if quiet:
            self.prober.run(only, quiet=quiet, retry=())
        else:
            self.prober.run(only)
        return [f"{sentence} should be {'allowed' if probe.expected else 'denied'} and is {probe.result}"
                for probe, sentence in probes if probe.allowed != probe.expected]

    def expect(self, *rules):
        """Waits until the whole matrix is as the rules say, then sees it hold. Returns the seconds it took."""
        begin = time.monotonic()
        while wrong := self.wrong(rules, POLL_SECONDS):
            if time.monotonic() - begin > PATIENCE_SECONDS:
                raise Wrong(f"after {PATIENCE_SECONDS} s still {len(wrong)} wrong: " + "; ".join(wrong[:4]))
        took = time.monotonic() - begin
        self.slowest = max(self.slowest, took)
        self.hold(*rules)
        return took

    def hold(self, *rules, seconds=HOLD_SECONDS):
        """The matrix is as the rules say, all the time."""
        end = time.monotonic() + seconds
        while True:
            if wrong := self.wrong(rules):
                raise Wrong(f"{len(wrong)} wrong where it should have held: " + "; ".join(wrong[:4]))
            if time.monotonic() >= end:
                return
