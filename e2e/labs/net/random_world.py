"""Random clusters over the lab's pod slots: policies of all shapes that the API takes. Same seed, same cluster."""

import ipaddress
import random

from .topology import EXTERNALS, NODES, SLOTS, node_addresses, slot_addresses

KEYS = ("app", "tier", "team", "env")
VALUES = ("a", "b", "c")
PORT_NAMES = ("web", "dns", "admin", "sig")
PORTS = (53, 80, 81, 8080)
PROTOCOLS = ("tcp", "udp", "sctp")


class Generator:
    def __init__(self, seed):
        self._random = random.Random(seed)

    def _some(self, items, most):
        return self._random.sample(items, self._random.randint(0, min(most, len(items))))

    def _chance(self, percent):
        return self._random.randrange(100) < percent

    def state(self):
        """A state as world.py has it."""
        namespaces = {f"ns{index}": {"labels": self._labels()} for index in range(self._random.randint(1, 4))}
        pods = self._pods(list(namespaces))
        policies = {}
        for index in range(self._random.choice((1, 2, 3, 5, 8, 12, 20))):
            namespace = self._random.choice(list(namespaces))
            policies[f"{namespace}/policy{index}"] = {
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"namespace": namespace, "name": f"policy{index}"}, "spec": self._spec()}
        return {"namespaces": namespaces, "pods": pods, "policies": policies}

    # -- objects -------------------------------------------------------------------------------------

    def _labels(self):
        return {key: self._random.choice(VALUES) for key in self._some(KEYS, 3)}

    def _pods(self, namespaces):
        pods = {}
        free = [(node, slot) for node in NODES for slot in range(1, SLOTS + 1)]
        for index, (node, slot) in enumerate(self._random.sample(free, self._random.randint(5, 14))):
            pod = {"node": node, "slot": slot, "labels": self._labels(), "phase": "Running",
                   "families": self._random.choice(([4, 6],) * 6 + ([4], [6])), "ports": self._named_ports()}
            if self._chance(15):
                pod["initPorts"] = self._named_ports()
            if self._chance(10):
                pod["plainInitPorts"] = self._named_ports()
            if self._chance(6):
                pod["hostNetwork"] = True
            if self._chance(8):
                pod["deleting"] = True
            if self._chance(8):  # one that has finished has the same address
                pods[f"{self._random.choice(namespaces)}/old{index}"] = {
                    **pod, "labels": self._labels(), "phase": self._random.choice(("Succeeded", "Failed"))}
            if self._chance(4):
                pod["addresses"] = False
            pods[f"{self._random.choice(namespaces)}/pod{index}"] = pod
        return pods

    def _named_ports(self):
        return {name: f"{self._random.choice(PORTS)}/{self._random.choice(PROTOCOLS)}" for name in self._some(PORT_NAMES, 3)}

    # -- policies ------------------------------------------------------------------------------------

    def _spec(self):
        spec = {}
        if self._chance(90):
            spec["podSelector"] = self._selector()
        types = self._random.choice((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        if types:
            spec["policyTypes"] = types
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            if types is None and direction == "egress" and self._chance(70):
                continue
            if self._chance(75):
                spec[direction] = [self._rule(peers) for _ in range(self._random.choice((0, 1, 1, 2, 3)))]
        return spec

    def _rule(self, peers):
        rule = {}
        if self._chance(75):
            rule[peers] = [self._peer() for _ in range(self._random.choice((0, 1, 1, 2, 4)))]
        if self._chance(60):
            rule["ports"] = [self._port() for _ in range(self._random.choice((0, 1, 1, 2, 4)))]
        return rule

    def _selector(self):
        selector = {}
        if self._chance(50):
            selector["matchLabels"] = {key: self._random.choice(VALUES) for key in self._some(KEYS, 2)}
        if self._chance(30):
            selector["matchExpressions"] = [self._expression() for _ in range(self._random.randint(0, 2))]
        return selector

    def _expression(self):
        operator = self._random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        expression = {"key": self._random.choice(KEYS), "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = self._random.sample(VALUES, self._random.randint(1, 2))
        return expression

    def _peer(self):
        kind = self._random.randrange(10)
        if kind < 3:
            return {"podSelector": self._selector()}
        if kind < 5:
            return {"namespaceSelector": self._namespace_selector()}
        if kind < 7:
            return {"namespaceSelector": self._namespace_selector(), "podSelector": self._selector()}
        return {"ipBlock": self._block()}

    def _namespace_selector(self):
        if self._chance(25):
            return {"matchLabels": {"kubernetes.io/metadata.name": f"ns{self._random.randrange(4)}"}}
        return self._selector()

    def _block(self):
        family = self._random.randrange(2)
        lengths = ((0, 8, 16, 24, 25, 28, 29, 30, 32), (0, 16, 48, 64, 96, 120, 123, 124, 128))[family]
        outer = self._prefix(family, self._random.choice(lengths))
        block = {"cidr": str(outer)}
        if outer.prefixlen < outer.max_prefixlen and self._chance(50):
            excepts = []
            for _ in range(self._random.randint(1, 3)):
                inner = self._prefix(family, self._random.choice([length for length in lengths if length > outer.prefixlen]))
                if inner.subnet_of(outer):
                    excepts.append(str(inner))
            if excepts:
                block["except"] = excepts
        return block

    def _prefix(self, family, length):
        node = self._random.choice(NODES)
        address = self._random.choice([slot_addresses(node, self._random.randint(1, SLOTS)),
                                       slot_addresses(node, self._random.randint(1, SLOTS)),
                                       node_addresses(node), self._random.choice(list(EXTERNALS.values()))])[family]
        return ipaddress.ip_network(f"{address}/{length}", strict=False)

    def _port(self):
        kind = self._random.randrange(10)
        port = {}
        if self._chance(60):
            port["protocol"] = self._random.choice(PROTOCOLS).upper()
        if kind < 5:
            port["port"] = self._random.choice(PORTS)
        elif kind < 7:
            port["port"] = self._random.choice(PORT_NAMES)
        elif kind < 9:
            port["port"] = self._random.choice((1, 50, 80, 81))
            port["endPort"] = port["port"] + self._random.choice((0, 1, 3, 8000))
        elif "protocol" not in port:
            port["protocol"] = "TCP"
        return port
