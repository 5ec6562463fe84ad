"""The demonstration: see e2e/demo, which builds what this needs. Exit code 1 if any connection differs from podgate explain."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is being imported: no more than an end

import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import textwrap  # noqa: E402
import time  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
import yaml  # noqa: E402

from labs.net import programs  # noqa: E402
from labs.net.cases import Check  # noqa: E402
from labs.net.expect import End  # noqa: E402
from labs.net.netns import LabError  # noqa: E402
from labs.net.prober import Probe, Prober  # noqa: E402
from labs.net.topology import EXTERNALS, NODES, Topology, node_addresses  # noqa: E402

FOLDER = os.path.join(programs.ROOT, "e2e", "demo.d")
CLUSTER, POLICIES = (os.path.join(FOLDER, name) for name in ("1-cluster.yaml", "2-policies.yaml"))
KIND = "bridge"
STEPS = 6
# What is tried: (end, protocol, port).
TARGETS = (("shop/web", "tcp", 80), ("shop/web", "tcp", 9090), ("shop/api", "tcp", 8080), ("shop/api", "tcp", 9100),
           ("shop/db", "tcp", 5432), ("monitoring/prom", "tcp", 9090), ("outside", "udp", 53))
QUESTIONS = (("guest/visitor", "shop/api:8080"), ("monitoring/prom", "shop/web:80"), ("monitoring/prom", "shop/api:9100"))
WIDTH = 80
COLOURS = {"green": "32", "red": "31", "bold": "1", "dim": "2"}


class Screen:
    """Writes to the terminal: coloured where there is one, with a progress line that gives way to what is printed."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self._coloured = self.terminal and not os.environ.get("NO_COLOR")
        self._done = 0
        self._bar = False

    def paint(self, colour, text):
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self._coloured else text

    def print(self, text=""):
        self._clear()
        print(text, flush=True)

    def step(self, what):
        self._done += 1
        self._clear()
        if self.terminal:
            filled = 20 * self._done // STEPS
            print(f"[{'#' * filled}{'.' * (20 - filled)}] {self._done}/{STEPS} {what}"[:WIDTH - 1], end="", flush=True)
            self._bar = True
        else:
            print(f"[{self._done}/{STEPS}] {what}", flush=True)

    def _clear(self):
        if self._bar:
            print("\r\033[K", end="")
            self._bar = False

    def heading(self, text):
        self.print()
        self.print(self.paint("bold", text))


def show_file(screen, path):
    screen.heading(f"$ cat {os.path.relpath(path, programs.ROOT)}")
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            screen.print("  " + line if len(line) <= WIDTH - 2 else "  " + line[:WIDTH - 4] + " …")


def show_pods(screen, pods):
    screen.heading(f"The cluster ({os.path.relpath(CLUSTER, programs.ROOT)}); each pod and node is a network namespace")
    for node in NODES:
        screen.print(f"  node {node}  " + ", ".join(node_addresses(node)))
        for name, end in pods.items():
            if end.node == node:
                screen.print(f"    {name:<16} " + ", ".join(end.addresses.values()))
    screen.print("  outside  " + ", ".join(EXTERNALS["ext1"]))


def show_wrapped(screen, line):
    """The line in pieces that fit, later ones further to the right."""
    indent = "  " + line[:len(line) - len(line.lstrip())]
    for part in textwrap.wrap(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "    ",
                              break_on_hyphens=False):
        screen.print(part)


def show_ruleset(screen, node, text):
    """What decides: counters and sets without elements are left out."""
    screen.heading(f"$ podgate dry-run -f e2e/demo.d --node {node}")
    screen.print(screen.paint("dim", "  # counters and empty sets are omitted"))
    lines = text.expandtabs(2).splitlines()
    index = 0
    while index < len(lines):
        end = index
        if lines[index].endswith("{") and lines[index].startswith("  "):
            while lines[end].rstrip() != "  }" and end + 1 < len(lines):
                end += 1
        block = lines[index:end + 1]
        index = end + 1
        first = block[0].split()
        if not first or first[0] == "counter" or (first[0] in ("map", "set") and not any("elements" in line for line in block)):
            continue
        for line in block:
            show_wrapped(screen, line)


def show_answer(screen, source, target):
    screen.heading(f"$ podgate explain -f e2e/demo.d {source} {target}")
    answer = subprocess.run([programs.PODGATE, "explain", "-f", FOLDER, source, target], capture_output=True, text=True)
    for line in answer.stdout.splitlines():
        show_wrapped(screen, line)


def read_pods():
    with open(CLUSTER, encoding="utf-8") as file:
        objects = list(yaml.safe_load_all(file))
    pods = {}
    for item in objects:
        if item["kind"] == "Pod":
            name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            four, six = (entry["ip"] for entry in item["status"]["podIPs"])
            pods[name] = End(name, "pod", item["spec"]["nodeName"], {4: four, 6: six})
    return pods


class Matrix:
    """All connections of the demonstration, as checks and as a table."""

    def __init__(self, pods, topology):
        self._topology = topology
        self._prober = Prober()
        outside = End("outside", "ext", None, dict(zip((4, 6), EXTERNALS["ext1"])))
        nodes = {node: End(node, "node", node, dict(zip((4, 6), node_addresses(node)))) for node in NODES}
        self.sources = [*pods.values(), nodes["n1"], outside]
        ends = {**pods, "outside": outside}
        self._slots = {slot.addresses[4]: slot for slot in topology.slots.values()}
        self.targets = [(ends[name], protocol, port) for name, protocol, port in TARGETS]
        self.checks = [Check(source, target, protocol, port, family, None)
                       for source in self.sources for target, protocol, port in self.targets for family in (4, 6)
                       if "pod" in (source.kind, target.kind)]

    def _endpoint(self, end):
        if end.kind == "ext":
            return self._topology.externals["ext1"]
        if end.kind == "node":
            return self._topology.nodes[end.name]
        return self._slots[end.addresses[4]]

    def connect(self, explained):
        """{(source, target, protocol, port): [seen over IPv4, over IPv6]}, and the connections not as explained."""
        probes = []
        for check, (allowed, _) in zip(self.checks, explained):
            target = self._endpoint(check.target)
            self._prober.listen(target, check.family, check.protocol, check.port)
            probes.append(Probe(self._endpoint(check.source), check.family, check.protocol,
                                target.addresses[check.family], check.port, allowed))
        self._prober.run(probes)
        seen, wrong = {}, []
        for check, probe, (allowed, answer) in zip(self.checks, probes, explained):
            seen.setdefault((check.source, check.target, check.protocol, check.port), []).append(probe.allowed)
            if probe.allowed != allowed:
                wrong.append(f"{check}: {probe.result}, but podgate explain says {answer['verdict']}, {answer.get('reason', '')}")
        return seen, wrong

    def show(self, screen, seen, before=None):
        names = [target.name.rpartition("/")[2] for target, _, _ in self.targets]
        ports = [f":{port}" + ("/udp" if protocol == "udp" else "") for _, protocol, port in self.targets]
        screen.print(screen.paint("dim", f"{'from':>17}  " + "".join(f"{name:<9}" for name in names).rstrip()))
        screen.print(screen.paint("dim", f"{'to':>17}  " + "".join(f"{port:<9}" for port in ports).rstrip()))
        for source in self.sources:
            cells = []
            for target, protocol, port in self.targets:
                key = (source, target, protocol, port)
                if key not in seen:
                    cells.append(" " * 9)
                    continue
                text = {(True, True): "yes", (False, False): "no", (True, False): "IPv4", (False, True): "IPv6"}[tuple(seen[key])]
                if before is not None and seen[key] != before[key]:
                    text += " <"
                cells.append(screen.paint("green" if all(seen[key]) else "red", f"{text:<9}"))
            screen.print(f"{('node ' if source.kind == 'node' else '') + source.name:>17}  " + "".join(cells).rstrip())

    def close(self):
        self._prober.close()


def run(screen):
    start = time.monotonic()
    screen.print(screen.paint("bold", "Podgate compiles NetworkPolicies into the nftables rules of a node."))
    screen.step("creating two nodes with pods")
    pods = read_pods()
    with Topology(KIND, slots=3) as topology:
        matrix = Matrix(pods, topology)
        show_pods(screen, pods)
        screen.step("trying all connections without policies")
        before, wrong = matrix.connect(programs.ask(programs.PODGATE, CLUSTER, matrix.checks))
        screen.heading("Connections before (real packets, IPv4 and IPv6)")
        matrix.show(screen, before)
        screen.step("compiling the policies")
        show_file(screen, POLICIES)
        rulesets = {node: programs.ruleset(FOLDER, node) for node in NODES}
        show_ruleset(screen, "n1", rulesets["n1"])
        screen.step("loading the rulesets with nft -f")
        for node, text in rulesets.items():
            topology.nodes[node].namespace.run(["nft", "-f", "-"], input=text)
        screen.step("trying all connections with the policies enforced")
        after, more = matrix.connect(programs.ask(programs.PODGATE, FOLDER, matrix.checks))
        wrong += more
        screen.heading("Connections after (< marks a change)")
        matrix.show(screen, after, before)
        for source, target in QUESTIONS:
            show_answer(screen, source, target)
        screen.step("cleaning up")
        matrix.close()
    screen.print()
    for line in wrong:
        screen.print(screen.paint("red", line))
    if wrong:
        screen.print(screen.paint("red", f"{len(wrong)} of {2 * len(matrix.checks)} connections differ from podgate explain"))
        return 1
    screen.print(screen.paint("green", f"All {2 * len(matrix.checks)} connections match podgate explain. "
                              f"{time.monotonic() - start:.1f} s; everything is cleaned up."))
    return 0


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    missing = programs.missing([programs.PODGATE]) or Topology.missing(KIND)
    if missing:
        print(f"e2e/demo: {missing}", file=sys.stderr)
        return 2
    try:
        return run(Screen())
    except LabError as error:
        print(f"\ne2e/demo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; the namespaces are removed", file=sys.stderr)
        sys.exit(130)
