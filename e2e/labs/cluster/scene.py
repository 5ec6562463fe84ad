"""Real pods, Services and nodes of a cluster as ends of connections, and what must reach what.

    namespace a: web (n1), client (n1), far (n2)          namespace b: web (n2), client (n1), far (n2)

Pods are labelled app: NAME and do nothing: connections are made and answered by sockets that this process opens in
their network namespaces. `ext1` and `ext2` are two addresses outside the cluster.

An expectation is a sentence: allow a/client -> a/web:8080, deny ext1 -> node n1:30080/udp, allow a/web -> service a/web:80.
"""

import re
import time

from labs.api.objects import collection, namespace, path, policy
from labs.api.world import Wrong, require
from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS, START_SECONDS
from labs.net.prober import Probe, Prober
from labs.net.topology import Endpoint

from .machine import MachineNamespace
from .plan import ON_THE_WIRE, SERVER

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
LISTENED = (("tcp", 8080), ("tcp", 9090), ("udp", 8080))
PODS = {"a/web": "n1", "a/client": "n1", "a/far": "n2", "b/web": "n2", "b/client": "n1", "b/far": "n2"}
_EXTERNAL = {"ext1": {4: SERVER[4], 6: SERVER[6]}, "ext2": {4: "172.30.0.2", 6: "fd00:30::2"}}
_POLL_SECONDS = 0.2
_SENTENCE = re.compile(r"(allow|deny) (\S+) -> (?:(service|node) )?(\S+?):(\d+)(?:/(tcp|udp))?$")


class Scene:
    """Built once in a cluster; everything in it is left to the cluster's end."""

    def __init__(self, cluster):
        self.cluster, self.families = cluster, cluster.plan.families
        self.api = cluster.control_plane.client()
        self.prober = Prober()
        machine = cluster.control_plane.machine
        machine.ip(*(f"addr add {_EXTERNAL['ext2'][family]}/{ON_THE_WIRE[family]} dev br0" for family in self.families))
        self._ends = {name: self._endpoint(name, machine.namespace, addresses) for name, addresses in _EXTERNAL.items()}
        self._ends |= {name: self._endpoint(name, node.machine.namespace, cluster.plan.node_addresses(name))
                       for name, node in cluster.nodes.items()}

    @staticmethod
    def _endpoint(name, in_namespace, addresses):
        return Endpoint(name, in_namespace, (addresses[4], addresses.get(6)))

    def close(self):
        self.prober.close()
        self.api.close()

    # -- objects -------------------------------------------------------------------------------------

    def namespaces(self, *names):
        for name in names:
            self.api.ask("POST", collection("Namespace"), namespace(name, {"team": name}))
        for name in names:  # made by the controller manager; without it no pod is admitted
            self._until(lambda name=name: self.api.send("GET", path("ServiceAccount", f"{name}/default"))[0] == 200,
                        f"the namespace {name} has its service account")

    def pods(self, wanted, ports=(), labels=None):
        """{name: node}; ports: the container's, as in the API. Returns when all can be probed."""
        for name, node in wanted.items():
            own_namespace, _, own = name.partition("/")
            self.api.ask("POST", collection("Pod", own_namespace), {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": own, "namespace": own_namespace,
                                                                "labels": labels or {"app": own}},
                "spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "terminationGracePeriodSeconds": 0,
                         "containers": [{"name": "main", "image": AGNHOST, "args": ["pause"], "ports": list(ports)}]}})
        for name, node in wanted.items():
            self._adopt(name, node)

    def _adopt(self, name, node):
        """Makes a running pod an end of connections."""
        status = {}
        def running():
            status.update(self.api.ask("GET", path("Pod", name))["status"])
            return status.get("phase") == "Running" and len(status.get("podIPs", ())) == len(self.families)
        self._until(running, f"pod {name} runs", lambda: str(status.get("containerStatuses", status)))
        addresses = {6 if ":" in one["ip"] else 4: one["ip"] for one in status["podIPs"]}
        file = self.cluster.nodes[node].pod_namespaces().get(tuple(name.split("/")))
        if not file:
            raise LabError(f"pod {name} runs, but node {node} knows no network namespace of it")
        end = self._endpoint(name, MachineNamespace(name, file), addresses)
        self._ends[name] = end
        for family in self.families:
            for protocol, port in LISTENED:
                self.prober.listen(end, family, protocol, port)

    def service(self, name, app, port, target, **spec):
        """A Service over the pods with that label; its addresses."""
        own_namespace, _, own = name.partition("/")
        node_port = {"nodePort": spec.pop("nodePort")} if "nodePort" in spec else {}
        made = self.api.ask("POST", f"/api/v1/namespaces/{own_namespace}/services", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": own, "namespace": own_namespace},
            "spec": {"selector": {"app": app}, "ipFamilyPolicy": "PreferDualStack", **spec,
                     "ports": [{"name": protocol, "port": port, "targetPort": target, "protocol": protocol.upper(), **node_port}
                               for protocol in ("tcp", "udp")]}})
        self._ends[f"service {name}"] = self._endpoint(name, None, {6 if ":" in one else 4: one for one in made["spec"]["clusterIPs"]})

    def policy(self, name, **spec):
        """Makes the policy, or replaces it."""
        made = policy(name, **spec)
        if self.api.send("GET", path("NetworkPolicy", name))[0] == 404:
            self.api.ask("POST", collection("NetworkPolicy", made["metadata"]["namespace"]), made)
        else:
            self.api.ask("PUT", path("NetworkPolicy", name), made)

    def no_policies(self):
        for name in self.api.ask("GET", "/apis/networking.k8s.io/v1/networkpolicies")["items"]:
            self.api.ask("DELETE", path("NetworkPolicy", f"{name['metadata']['namespace']}/{name['metadata']['name']}"))

    @staticmethod
    def _until(condition, what, more=lambda: ""):
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise LabError(f"after {START_SECONDS} s still not: {what} {more()}")
            time.sleep(0.1)

    # -- packets -------------------------------------------------------------------------------------

    def end(self, name):
        return self._ends[name]

    def _probes(self, sentences):
        made = []
        for sentence in sentences:
            match = _SENTENCE.match(sentence)
            require(match, f"{sentence!r} is no expectation")
            verdict, source, kind, target, port, protocol = match.groups()
            end = self._ends[f"service {target}" if kind == "service" else target]
            for family in self.families:
                probe = Probe(self._ends[source], family, protocol or "tcp", end.addresses[family], int(port), verdict == "allow")
                made.append((probe, f"{sentence} (IPv{family})"))
        return made

    def wrong(self, sentences, quick=False):
        """What is otherwise."""
        probes = self._probes(sentences)
        only = [probe for probe, _ in probes]
        if quick:
            self.prober.run(only, quiet=_POLL_SECONDS, retry=())
        else:
            self.prober.run(only)
        return [f"{sentence}, and it is {probe.result}" for probe, sentence in probes if probe.allowed != probe.expected]

    def expect(self, *sentences):
        """Waits until all are true, then sees it hold; the seconds that it took."""
        begin = time.monotonic()
        while wrong := self.wrong(sentences, quick=True):
            if time.monotonic() - begin > PATIENCE_SECONDS:
                raise Wrong(f"after {PATIENCE_SECONDS} s {len(wrong)} are otherwise: " + "; ".join(wrong[:4]))
            time.sleep(0.02)
        took = time.monotonic() - begin
        if wrong := self.wrong(sentences):
            raise Wrong("did not stay so: " + "; ".join(wrong[:4]))
        return took
