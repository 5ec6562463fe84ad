"""Reads the cases and turns each into phases: a state of the cluster, and a verdict for every connection in it."""

import os
import re

from . import programs, world
from .expect import End, Expectation
from .topology import EXTERNALS, KINDS, NODES, node_addresses
from .world import CaseError, only_keys, require

ROWS = ("defaults", "selectors", "ipblock", "ports", "named-ports", "host-network", "finished", "self", "node-to-pod",
        "pod-to-node", "other-nodes", "services", "icmp", "deny", "established", "invalid", "old-cidrs", "broken",
        "vanished", "union", "directions", "dual-stack", "scale", "updates")
CASE_KEYS = {"name", "rows", "about", "everywhere", "topologies", "world", "policies", "manifests", "services", "ports",
             "ends", "expect", "options", "steps"}
STEP_KEYS = {"name", "namespaces", "pods", "policies", "delete", "ports", "expect"}
DEFAULT_PORTS = ["80/tcp", "81/tcp", "53/udp"]
FULL = ("bridge", "routed")  # the topologies that run every case
PORT = re.compile(r"(?:(\d+)/(tcp|udp|sctp)|icmp)( closed| stray)?$")


class Service:
    """A Service with one endpoint; its index gives its address."""

    def __init__(self, name, index, spec):
        only_keys(spec, {"port", "protocol", "to", "target"}, f"service {name}")
        require(all(key in spec for key in ("port", "to")), f"service {name}: needs port and to")
        self.name = name
        self.port = spec["port"]
        self.protocol = spec.get("protocol", "tcp")
        self.endpoint = spec["to"]
        self.target = spec.get("target", spec["port"])
        self.addresses = {4: f"10.96.0.{index}", 6: f"fd00:10:96::{index}"}


class Check:
    """One connection of the matrix. `closed`: nobody listens there. `stray`: no connection is made, a TCP segment of
    none is sent. `via`: the Service it is made through, if any; target and port are then the
    endpoint's own, as policy sees them."""

    __slots__ = ("source", "target", "protocol", "port", "family", "expected", "closed", "stray", "via")

    def __init__(self, source, target, protocol, port, family, expected, closed=False, stray=False, via=None):
        self.source, self.target, self.protocol, self.port = source, target, protocol, port
        self.family, self.expected, self.closed, self.stray, self.via = family, expected, closed, stray, via

    def __str__(self):
        port = "icmp" if self.protocol == "icmp" else f"{self.port}/{self.protocol}"
        through = f" (through Service {self.via.name})" if self.via else ""
        return f"{self.source.name} -> {self.target.name}:{port}{' stray' if self.stray else ''} IPv{self.family}{through}"


class Phase:
    """One state of the cluster with everything that is expected in it."""

    def __init__(self, name, state, ends, checks):
        self.name, self.state, self.ends, self.checks = name, state, ends, checks


def ends_of(state, wanted):
    """The ends that `ends` of a case names, of those that the state has."""
    everything = {}
    for name, pod in state["pods"].items():
        if world.is_probed(pod):
            kind = "node" if pod.get("hostNetwork") else "pod"
            everything[name] = End(name, kind, pod["node"], world.pod_addresses(pod))
    # A node exists for Podgate when a pod names it.
    for node in sorted({pod["node"] for pod in state["pods"].values()}):
        everything[node] = End(node, "node", node, dict(zip((4, 6), node_addresses(node))))
    for name, addresses in EXTERNALS.items():
        everything[name] = End(name, "ext", None, dict(zip((4, 6), addresses)))
    chosen = []
    for item in wanted:
        groups = {"pods": lambda end: "/" in end.name, "nodes": lambda end: end.name in NODES,
                  "ext": lambda end: end.kind == "ext"}
        # A name that a later step takes away (a pod that finishes) is no mistake.
        require(item in groups or "/" in item or item in NODES or item in everything, f"ends: there is no {item!r}")
        matches = groups.get(item) or (lambda end, item=item: end.name == item)
        chosen += [end for end in everything.values() if matches(end) and end not in chosen]
    return chosen


def _checks(ends, ports, services, expectation):
    checks = []
    parsed = []
    for text in ports:
        match = PORT.match(str(text))
        require(match, f"ports: {text!r}; expected NUMBER/tcp, /udp, /sctp or icmp, and `closed`, `stray` or nothing after it")
        require(match.group(3) != " stray" or match.group(2) == "tcp", f"ports: {text!r}: only TCP has stray segments")
        parsed.append((match.group(2) or "icmp", int(match.group(1) or 0), match.group(3) == " closed",
                       match.group(3) == " stray"))
    by_name = {end.name: end for end in ends}
    for source in ends:
        for target in ends:
            if source.kind != "pod" and target.kind != "pod":
                continue
            for family in sorted(source.addresses.keys() & target.addresses.keys()):
                for protocol, port, closed, stray in parsed:
                    allowed = expectation.allowed(source, target, protocol, port, family)
                    checks.append(Check(source, target, protocol, port, family, allowed, closed, stray))
        for service in services:
            target = by_name.get(service.endpoint)
            if target is None or (source.kind == "ext") or (source.kind != "pod" and target.kind != "pod"):
                continue  # a ClusterIP is not routed outside the cluster
            for family in sorted(source.addresses.keys() & target.addresses.keys()):
                allowed = expectation.allowed(source, target, service.protocol, service.target, family)
                checks.append(Check(source, target, service.protocol, service.target, family, allowed, via=service))
    return checks


class Case:
    def __init__(self, path, standard):
        self.path = path
        raw = only_keys(world.load_yaml(path), CASE_KEYS, "case")
        self.name = raw.get("name")
        require(f"{self.name}.yaml" == os.path.basename(path), f"name: expected the file's name, found {self.name!r}")
        require(re.fullmatch(r"[a-z0-9-]+", self.name), "name: lower case, digits and - only")
        self.rows = raw.get("rows") or []
        require(self.rows, "rows: at least one")
        for row in self.rows:
            require(row in ROWS, f"rows: there is no {row!r}; there are {', '.join(ROWS)}")
        self.manifests = raw.get("manifests", "")
        options = only_keys(raw.get("options") or {}, {"pod-to-node", "deny"}, "options")
        # The input of the row "broken" has errors, which the programs then report.
        self.options = programs.Options("broken" in self.rows, options.get("pod-to-node", ""), options.get("deny", ""))
        self.topologies = raw.get("topologies") or (KINDS if raw.get("everywhere") else FULL)
        require(set(self.topologies) <= set(KINDS), f"topologies: there are {', '.join(KINDS)}")
        self.services = [Service(name, index, spec)
                         for index, (name, spec) in enumerate((raw.get("services") or {}).items(), 1)]
        only_keys(raw.get("world") or {}, {"namespaces", "pods"}, "world")
        state = world.changed(standard, raw.get("world") or {})
        state = world.changed(state, {"policies": raw.get("policies")})
        ports, wanted = raw.get("ports") or DEFAULT_PORTS, raw.get("ends") or ["pods"]
        self.phases = [self._phase("", state, wanted, ports, raw.get("expect"))]
        for number, step in enumerate(raw.get("steps") or [], 1):
            try:
                only_keys(step, STEP_KEYS, "step")
                state = world.changed(state, step)
                self.phases.append(self._phase(str(step.get("name", number)), state, wanted, step.get("ports") or ports,
                                               step.get("expect")))
            except CaseError as error:
                raise CaseError(f"step {number}: {error}") from error

    def _phase(self, name, state, wanted, ports, expect):
        self._check_state(state)
        ends = ends_of(state, wanted)
        return Phase(name, state, ends, _checks(ends, ports, self.services, Expectation(expect, ends)))

    @staticmethod
    def _check_state(state):
        taken = {}
        for name, pod in state["pods"].items():
            namespace = name.partition("/")[0]
            require(namespace in state["namespaces"], f"pod {name}: there is no namespace {namespace}")
            if not pod.get("hostNetwork") and world.is_probed(pod):
                other = taken.setdefault((pod["node"], pod["slot"]), name)
                require(other == name, f"pods {other} and {name} have one slot; the one that loses it needs `end: false`")


def load_cases(folder, pattern=""):
    """(cases, errors): every case whose name the regular expression finds, and a line for each unreadable file."""
    standard = world.standard_world()
    cases, errors = [], []
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".yaml") or file == "world.yaml" or not re.search(pattern, file[:-5]):
            continue
        path = os.path.join(folder, file)
        try:
            cases.append(Case(path, standard))
        except CaseError as error:
            errors.append(f"{path}: {error}")
    return cases, errors
