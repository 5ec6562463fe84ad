"""Made-up clusters that look like real ones: services in namespaces, and the policies that people write for them.

Everything follows from the four numbers, nothing is kept: objects are made when asked for, so that a cluster of 100,000
pods costs no memory. Node 0 has the pod with many policies. Addresses are 10.0.0.0/8, a power of two for each node.

    namespaces  kube-system (DNS), monitoring, ns-0 …: about 200 pods each, labels team, env, tenant
    pods        about ten of a service, labels as deployments give them; three named ports
    policies    in each namespace: default deny, DNS for all, metrics for the monitoring; for services: callers by label, from
                namespaces, through named ports and ranges, address blocks with holes; and 100 on one pod
"""

import json

from labs.api import objects

PODS_PER_NAMESPACE, PODS_PER_SERVICE, NODES_POD_LIMIT = 200, 10, 110
HEAVY = "ns-0/heavy"          # the pod with many policies
_TEAMS = ("payments", "search", "shop", "identity", "data", "ops", "mobile")
_ENVS = ("prod", "prod", "staging", "dev")
_TIERS = ("web", "api", "worker", "cache", "db")
_PORTS = (("http", 8080, "TCP"), ("grpc", 9000, "TCP"), ("metrics", 9100, "TCP"))
_DNS_PORTS = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"))


def _labels(**labels):
    return {"matchLabels": labels}


class Cluster:
    """nodes=0: as many as pods need. first: the name of node 0."""

    def __init__(self, pods, policies, nodes=0, seed=1, first="node-0"):
        self.pod_count, self.policy_count, self.seed, self._first = pods, policies, seed, first
        self.node_count = nodes or max(1, -(-pods // NODES_POD_LIMIT))
        self.namespace_count = max(3, pods // PODS_PER_NAMESPACE)
        self.service_count = max(2, pods // self.namespace_count // PODS_PER_SERVICE)  # in each namespace
        self.heavy_count = min(100, policies // 10)
        self._stride = 1 << (-(-pods // self.node_count) + 2).bit_length()
        if self._stride * self.node_count > 1 << 24:
            raise ValueError(f"{pods} pods on {self.node_count} nodes need more than 10.0.0.0/8")

    def _mix(self, *numbers):
        """A number that looks random, the same for the same cluster."""
        value = self.seed * 0x9E3779B97F4A7C15 + 1
        for number in numbers:
            value = (value ^ number) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
            value ^= value >> 29
        return value >> 8

    # -- objects -------------------------------------------------------------------------------------

    def namespaces(self):
        yield objects.namespace("kube-system", {"team": "ops", "env": "prod"})
        yield objects.namespace("monitoring", {"team": "ops", "env": "prod", "scrapes": "all"})
        for n in range(self.namespace_count):
            yield objects.namespace(f"ns-{n}", {"team": self._team(n), "env": _ENVS[self._mix(2, n) % 4], "tenant": f"t{n % 25}"})

    def _team(self, n):
        return _TEAMS[self._mix(1, n) % 7]

    def address(self, i):
        """Of a pod."""
        number = i % self.node_count * self._stride + i // self.node_count + 2
        return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def pod(self, i):
        """A running pod. The first stands for the heavy one, then DNS and monitoring, then services."""
        ports = _PORTS
        if i == 0:
            name, labels = HEAVY, {"app": "heavy", "tier": "api"}
        elif i < 1 + self._system():
            name, labels, ports = f"kube-system/dns-{i}", {"k8s-app": "kube-dns"}, _DNS_PORTS
        elif i < 1 + 2 * self._system():
            name, labels = f"monitoring/prometheus-{i}", {"app": "prometheus"}
        else:
            n, s = self._mix(6, i) % self.namespace_count, self._mix(7, i) % self.service_count
            name = f"ns-{n}/svc-{s}-{i:x}"
            labels = self._service(n, s)
            labels["pod-template-hash"] = f"{self._mix(3, n, s, i % 2):016x}"[:9]
        node = i % self.node_count
        return {**objects.pod(name, f"node-{node}" if node else self._first, labels, ports),
                **objects.running([self.address(i)], f"172.16.{node >> 8 & 255}.{node & 255}")}

    def _system(self):
        return min(5, 1 + self.pod_count // 1000)

    def _service(self, n, s):
        return {"app": f"svc-{s}", "tier": _TIERS[(n + s) % 5], "version": f"v{self._mix(4, n, s) % 3}", "managed-by": "helm"}

    def pods(self):
        return map(self.pod, range(self.pod_count))

    def policies(self):
        return map(self.policy, range(self.policy_count))

    def policy(self, k):
        if k < self.heavy_count:
            return self._heavy(k)
        k -= self.heavy_count
        n, round_ = k % self.namespace_count, k // self.namespace_count
        if round_ < 3:
            return (self._deny, self._dns, self._metrics)[round_](n)
        return self._of_service(n, round_ - 3)

    def _heavy(self, k):
        own = {"from": [{"podSelector": _labels(app=f"svc-{k % self.service_count}", version=f"v{k % 3}")},
                        {"namespaceSelector": _labels(tenant=f"t{k % 25}"), "podSelector": _labels(tier=_TIERS[k % 5])}],
               "ports": [{"port": 8000 + k}, {"port": "http"}] if k % 2 else [{"port": 9000}]}
        return objects.policy(f"{HEAVY}-{k}", podSelector=_labels(app="heavy"), policyTypes=["Ingress"], ingress=[own])

    @staticmethod
    def _deny(n):
        return objects.policy(f"ns-{n}/default-deny", podSelector={}, policyTypes=["Ingress", "Egress"])

    @staticmethod
    def _dns(n):
        """To the DNS pods; or, as many write it, to everybody: then all pods of the cluster are peers."""
        to = {"namespaceSelector": {}}
        if n % 3:
            to = {"namespaceSelector": _labels(**{"kubernetes.io/metadata.name": "kube-system"}),
                  "podSelector": _labels(**{"k8s-app": "kube-dns"})}
        return objects.policy(f"ns-{n}/dns-for-all", podSelector={}, policyTypes=["Egress"],
                              egress=[{"to": [to], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}])

    @staticmethod
    def _metrics(n):
        from_ = {"namespaceSelector": _labels(scrapes="all"), "podSelector": _labels(app="prometheus")}
        return objects.policy(f"ns-{n}/metrics", podSelector={}, policyTypes=["Ingress"],
                              ingress=[{"from": [from_], "ports": [{"port": "metrics", "protocol": "TCP"}]}])

    def _of_service(self, n, number):
        """The first of each service: its callers. Then ever another thing that people want."""
        s, kind = number % self.service_count, number // self.service_count
        name, selector = f"ns-{n}/svc-{s}-{kind}", _labels(app=f"svc-{s}")
        other = self._mix(5, n, s, kind)
        caller = _labels(app=f"svc-{other % self.service_count}")
        if kind % 4 == 0:
            return objects.policy(
                name, podSelector=selector, policyTypes=["Ingress", "Egress"],
                ingress=[{"from": [{"podSelector": caller}], "ports": [{"port": "http"}]}],
                egress=[{"to": [{"podSelector": _labels(app=f"svc-{(other >> 8) % self.service_count}")}],
                         "ports": [{"port": 8080}]}])
        if kind % 4 == 1:
            tenants = {"key": "tenant", "operator": "In", "values": [f"t{other % 25}", f"t{other % 24}"]}
            peers = [{"namespaceSelector": _labels(team=_TEAMS[other % 7]), "podSelector": _labels(tier=_TIERS[other % 5])},
                     {"namespaceSelector": {"matchExpressions": [tenants]}, "podSelector": caller}]
            ports = [{"port": "grpc"}, {"port": 8080}, {"port": 30000, "endPort": 30100}]
            return objects.policy(name, podSelector=selector, policyTypes=["Ingress"], ingress=[{"from": peers, "ports": ports}])
        if kind % 4 == 2:
            blocks = [{"ipBlock": {"cidr": f"192.168.{other % 64 * 4}.0/22", "except": [f"192.168.{other % 64 * 4 + 1}.0/24"]}},
                      {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12", "169.254.169.254/32"]}}]
            return objects.policy(name, podSelector=selector, policyTypes=["Egress"],
                                  egress=[{"to": blocks, "ports": [{"port": 443}]}])
        peer = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]},
                                                     {"key": "version", "operator": "Exists"}]}}
        return objects.policy(name, podSelector=selector, policyTypes=["Ingress"],
                              ingress=[{"from": [peer], "ports": [{"port": 9000}, {"port": 53, "protocol": "UDP"}]}])

    # -- as text -------------------------------------------------------------------------------------

    def objects(self):
        yield from self.namespaces()
        yield from self.pods()
        yield from self.policies()

    def write(self, file):
        """A List, one object a line."""
        file.write('{"apiVersion":"v1","kind":"List","items":[')
        separator = "\n"
        encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        for made in self.objects():
            file.write(separator + encode(made))
            separator = ",\n"
        file.write("\n]}\n")
