"""The pattern language of a case's `expect`: who may reach whom. README.md describes it. Pure."""

import fnmatch
import re

from .world import require

FAMILY_SUFFIX = re.compile(r"\s*@([46])$")
PROTOCOLS = ("tcp", "udp", "sctp")


class End:
    """An end of connections as patterns see it. `kind`: pod, node (hostNetwork pods too) or ext."""

    __slots__ = ("name", "kind", "node", "addresses")

    def __init__(self, name, kind, node, addresses):
        self.name, self.kind, self.node, self.addresses = name, kind, node, addresses


def relation(source, target):
    """"self", "own-node" for what is always allowed and out of reach of ordinary patterns; else None."""
    if source is target:
        return "self"
    if {source.kind, target.kind} == {"pod", "node"} and source.node == target.node:
        return "own-node"
    return None


def _names(text, ends, what):
    """The ends that one side of a pattern means."""
    negated = text.startswith("!")
    chosen = set()
    for item in (text[1:] if negated else text).split(","):
        item = item.strip()
        groups = {"*": lambda end: True, "pods": lambda end: end.kind == "pod",
                  "nodes": lambda end: end.kind == "node", "ext": lambda end: end.kind == "ext"}
        matches = groups.get(item) or (lambda end, item=item: fnmatch.fnmatchcase(end.name, item))
        found = {end for end in ends if matches(end)}
        require(found or item in groups, f"pattern {what!r}: {item!r} matches none of the ends of this case")
        chosen |= found
    return set(ends) - chosen if negated else chosen


def _ports(text, what):
    """A predicate of (protocol, port)."""
    tests = []
    for item in text.split(","):
        item = item.strip()
        if item == "*":
            return lambda protocol, port: True
        if item == "icmp":
            tests.append(("icmp", 0, 0))
            continue
        number, slash, protocol = item.partition("/")
        first, _, last = number.partition("-")
        require((protocol in PROTOCOLS or not slash) and (number == "*" or (first.isdigit() and (not last or last.isdigit()))),
                f"pattern {what!r}: {item!r} is no port; expected 80/tcp, 80, 8000-8010/tcp, */udp, icmp or *")
        low, high = (0, 65535) if number == "*" else (int(first), int(last or first))
        tests.append((protocol or None, low, high))

    def matches(protocol, port):
        return any((wanted == protocol or (wanted is None and protocol != "icmp")) and low <= port <= high
                   for wanted, low, high in tests)
    return matches


class Pattern:
    """One pattern, bound to the ends of a case."""

    def __init__(self, text, ends):
        rest = text.strip()
        suffix = FAMILY_SUFFIX.search(rest)
        self.family = int(suffix.group(1)) if suffix else None
        if suffix:
            rest = rest[:suffix.start()]
        sides = rest.split("->")
        require(len(sides) == 2, f"pattern {text!r}: expected FROM -> TO[:PORTS] [@4|@6]")
        source, target = sides[0].strip(), sides[1].strip()
        target, _, ports = target.partition(":")
        self.ports = _ports(ports.strip() or "*", text)
        self.relation = None
        if source in ("self", "own-node"):
            self.relation = (source, 1)  # the pattern's own side names the second end
            source = "*"
        elif target.strip() == "own-node":
            self.relation = ("own-node", 0)
            target = "nodes"
        self.sources = _names(source, ends, text)
        self.targets = _names(target.strip(), ends, text)
        if self.relation == ("own-node", 1):
            self.sources = {end for end in self.sources if end.kind == "node"}

    def matches(self, source, target, protocol, port, family):
        if relation(source, target) != (self.relation[0] if self.relation else None):
            return False
        return (source in self.sources and target in self.targets and self.family in (None, family)
                and self.ports(protocol, port))


class Expectation:
    """A case's `expect` list, bound to its ends."""

    def __init__(self, entries, ends):
        require(isinstance(entries, list) and entries and isinstance(entries[0], dict) and list(entries[0]) == ["default"],
                "expect: a list that begins with `default: allow` or `default: deny`")
        require(entries[0]["default"] in ("allow", "deny"), "expect: default is allow or deny")
        self._default = entries[0]["default"] == "allow"
        self._patterns = []
        for entry in entries[1:]:
            require(isinstance(entry, dict) and len(entry) == 1 and next(iter(entry)) in ("allow", "deny"),
                    f"expect: each entry is `allow:` or `deny:` with patterns, found {entry!r}")
            (verdict, patterns), = entry.items()
            for text in [patterns] if isinstance(patterns, str) else patterns:
                require(isinstance(text, str), f"expect: {text!r} is no pattern; quote it")
                self._patterns.append((verdict == "allow", Pattern(text, ends)))

    def allowed(self, source, target, protocol, port, family):
        for verdict, pattern in reversed(self._patterns):
            if pattern.matches(source, target, protocol, port, family):
                return verdict
        return True if relation(source, target) else self._default
