"""Runs one phase of a case one way, and says which connections are not as expected."""

import os
from concurrent.futures import ThreadPoolExecutor

from . import programs, tables, world
from .netns import LabError
from .prober import Probe, Prober
from .topology import Topology

COMPARE_EVERY = 5  # how many programmed states lie between two comparisons of the ways of programming


class Wrong:
    """A connection that was not as expected, seen one way."""

    def __init__(self, phase, check, seen, why=""):
        self.phase, self.check, self.seen, self.why = phase, check, seen, why

    def __str__(self):
        step = f"step '{self.phase.name}': " if self.phase.name else ""
        wanted = "allow" if self.check.expected else "deny"
        return f"{step}{self.check}: expected {wanted}, {self.seen}" + (f" ({self.why})" if self.why else "")


class Manifests:
    """The manifest files of all phases in one folder; about every other case is written as JSON."""

    def __init__(self, folder, cases):
        self._folder = folder
        for case in cases:
            for index, phase in enumerate(case.phases):
                path = self.path(case, index)
                world.write_manifests(phase.state, path, case.manifests, path.endswith(".json"))

    def path(self, case, index):
        # Which form a case gets must not change when others come: its name decides.
        as_json = sum(case.name.encode()) % 2 == 0 and not case.manifests
        return os.path.join(self._folder, f"{case.name}-{index}.{'json' if as_json else 'yaml'}")


def judge_offline(program, case, manifests):
    """What evaluator or interpreter say otherwise than the case."""
    wrong = []
    for index, phase in enumerate(case.phases):
        answers = programs.ask(program, manifests.path(case, index), phase.checks, case.options)
        for check, (allowed, answer) in zip(phase.checks, answers):
            if allowed != check.expected:
                wrong.append(Wrong(phase, check, answer["verdict"], answer.get("reason") or "; ".join(answer.get("trace", []))))
    return wrong


def judge_all_offline(program, cases, manifests):
    """{case name: (wrong, error)}; the programs run two at a time."""
    def judge(case):
        try:
            return case.name, (judge_offline(program, case, manifests), None)
        except LabError as error:
            return case.name, ([], str(error))
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(pool.map(judge, cases))


class KernelLab:
    """One topology, its prober, and the table as the last case left it."""

    def __init__(self, kind):
        self.topology = Topology(kind)
        self.prober = Prober()
        self._states = 0
        self._served = False

    def endpoint(self, end, state):
        if end.kind == "ext":
            return self.topology.externals[end.name]
        if end.kind == "node":
            return self.topology.nodes[end.node]
        return self.topology.slots[end.node, state["pods"][end.name]["slot"]]

    def _serve(self, case, phase):
        if case.services or self._served:
            tables.serve(self.topology, case.services,
                         lambda name: world.pod_addresses(phase.state["pods"][name]) if name in phase.state["pods"] else {})
            self._served = bool(case.services)

    def program(self, manifest, options=programs.PLAIN):
        """Programs the nodes, alternating between the ways where a state may be reached either way. Returns the way."""
        self._states += 1
        way = tables.WAYS[self._states % 3 == 0]  # two of three as differences to what is there
        tables.program_nodes(self.topology, manifest, way, options)
        if self._states % COMPARE_EVERY == 0:
            self.compare(manifest, options)
        return way

    def compare(self, manifest, options=programs.PLAIN):
        """The table must be the same whichever way it was made; ends with the one that differences led to."""
        nodes = self.topology.nodes
        first = {node: tables.listing(self.topology, node) for node in nodes}
        tables.program_nodes(self.topology, manifest, "nft", options)
        for node in nodes:
            second = tables.listing(self.topology, node)
            if first[node] != second:
                raise LabError(f"{node}: the programmed table is not the one that nft makes of dry-run's text: "
                               + _first_difference(first[node], second))

    def probe(self, checks, state):
        """Sends every connection; the Probes, in the order of the checks."""
        probes = []
        for check in checks:
            source, target = self.endpoint(check.source, state), self.endpoint(check.target, state)
            protocol = "stray" if check.stray else check.protocol
            (self.prober.unlisten if check.closed else self.prober.listen)(target, check.family, protocol, check.port)
            address, port = target.addresses[check.family], check.port
            if check.via:
                address, port = check.via.addresses[check.family], check.via.port
            probes.append(Probe(source, check.family, protocol, address, port, check.expected))
        self.prober.run(probes)
        return probes

    def judge(self, case, manifests):
        """(wrong, ways): what packets do otherwise than the case says, and how the kernel was programmed."""
        wrong, ways = [], []
        self.prober.thin_out()
        for index, phase in enumerate(case.phases):
            self._serve(case, phase)
            ways.append(self.program(manifests.path(case, index), case.options))
            failed = []
            probes = self.probe(phase.checks, phase.state)
            for check, probe in zip(phase.checks, probes):
                if problem := _problem(check, probe, case.options.rejects):
                    failed.append(Wrong(phase, check, problem))
            if case.options.rejects:
                failed += [Wrong(phase, check, "no ICMP error for any denied packet of this family")
                           for check in _never_told(phase.checks, probes)]
            explained = programs.ask(programs.PODGATE, manifests.path(case, index), [item.check for item in failed], case.options)
            for item, (_, answer) in zip(failed, explained):
                item.why = f"explained: {answer['verdict']}, {answer.get('reason', '')}"
            wrong += failed
        return wrong, ways

    def close(self):
        self.prober.close()
        self.topology.close()


def _problem(check, probe, rejects):
    """What is wrong with the outcome; nothing otherwise. rejects: the denied are told so."""
    if rejects and not check.expected and not check.stray and check.protocol == "tcp":
        return "" if probe.result == "refused" else f"{probe.result}, not reset"
    if probe.allowed != check.expected:
        return probe.result
    if probe.allowed and (probe.result == "refused") != check.closed:
        return f"{probe.result} where {'nobody' if check.closed else 'somebody'} listens"
    return ""


def _never_told(checks, probes):
    """One denied UDP check of each family in which no client got an ICMP error: the kernel limits their rate, so that some do not."""
    denied, told = {}, set()
    for check, probe in zip(checks, probes):
        if check.protocol == "udp" and not check.expected:
            denied[check.family] = check
            if probe.result == "rejected":
                told.add(check.family)
    return [check for family, check in denied.items() if family not in told]


def _first_difference(first, second):
    for one, two in zip(first.splitlines() + ["(end)"], second.splitlines() + ["(end)"]):
        if one != two:
            return f"'{one.strip()}' against '{two.strip()}'"
    return "one is longer"
