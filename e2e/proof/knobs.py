"""What changes while packets go: knobs, each with a few states and one API write from one state to the next.

A knob's objects are of one kind and of no other knob. Every flow's verdict holds for every combination of states, so it does
not matter in which order an agent sees the kinds. Where a verdict needs two kinds to change in a certain order (a label and
the policy that must never allow it), there is a Dance, whose steps wait for each other.
"""

import math
import re

from labs.api import objects

from . import scene

WIDE = [{"protocol": protocol, "port": 7000, "endPort": scene.LAST_PORT} for protocol in ("UDP", "TCP")]
_PALS = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["t1", "t2"]}]}}
_PODS = [{"ipBlock": {"cidr": "10.244.0.0/16"}}, {"ipBlock": {"cidr": "fd00:10:244::/48"}}]


def _any(**values):
    """Pods of all namespaces by values of a label."""
    (key, several), = values.items()
    return {"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": key, "operator": "In", "values": several}]}}


_XY = _any(role=["x", "y"])


def _of_team(team):
    return {"namespaceSelector": {"matchLabels": {"team": team}}}


def _role(value, key="role"):
    return {"namespaceSelector": {}, "podSelector": {"matchLabels": {key: value}}}


def _app(name):
    return {"matchLabels": {"app": name}}


def _host(place):
    four, six = scene.addresses(place)
    return [{"ipBlock": {"cidr": f"{four}/32"}}, {"ipBlock": {"cidr": f"{six}/128"}}]


def _fillers(count):
    """Blocks that no flow's address is in."""
    return [{"ipBlock": {"cidr": f"192.0.2.{4 * i}/30" if i % 2 else f"2001:db8:{i}::/48"}} for i in range(2, count + 2)]


def ingress(name, app, *rules):
    return objects.policy(name, podSelector=_app(app), policyTypes=["Ingress"], ingress=list(rules))


def egress(name, selector, *rules):
    return objects.policy(name, podSelector=selector, policyTypes=["Egress"], egress=list(rules))


class Knob:
    """states: each a dictionary of object names and manifests. Two states are neighbours when one object differs.
    source: the place whose packets are best looked at when it is turned."""

    def __init__(self, name, kind, states, weight=1.0, source="friend"):
        self.name, self.kind, self.states, self.weight, self.source = name, kind, states, weight, source
        self.state = 0
        self._neighbours = [[number for number, other in enumerate(states) if self._distance(state, other) == 1]
                            for state in states]

    @staticmethod
    def _distance(one, other):
        return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())

    def choose(self, random, phase):
        """The state to go to next. phase, 0 … 1, is a slow wave that some follow."""
        del phase
        return random.choice(self._neighbours[self.state])

    def writes(self, state):
        """[(object name, manifest or None)] from the present state to that one; one when they are neighbours."""
        here, there = self.states[self.state], self.states[state]
        return [(key, there.get(key)) for key in sorted(here.keys() | there.keys()) if here.get(key) != there.get(key)]

    def connected(self):
        seen, todo = {0}, [0]
        while todo:
            for other in self._neighbours[todo.pop()]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return len(seen) == len(self.states)


class Member(Knob):
    """A pod among many that make sets large and small: there more often the higher the wave."""

    def choose(self, random, phase):
        there = random.random() < phase
        wanted = [state for state in self._neighbours[self.state] if bool(self.states[state]) == there]
        return random.choice(wanted or self._neighbours[self.state])


def _policy(name, *forms, absent=False, weight=1.0, source="friend"):
    """A knob of one policy in several forms."""
    key = _name(forms[0])
    return Knob(name, "NetworkPolicy", ([{}] if absent else []) + [{key: form} for form in forms], weight, source)


def _name(manifest):
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]


def _any_cover(name, covers, objects_, weight=1.0, source="friend"):
    """A knob of several policies that come and go, but never so that what must be covered is not.
    covers: {policy: what it covers}; objects_: {policy: [its forms]}."""
    needed = set().union(*covers.values())
    keys = list(objects_)
    states = [{}]
    for key in keys:
        states = [{**state, **form} for state in states for form in [{}] + [{_name(made): made} for made in objects_[key]]]
    names = {_name(objects_[key][0]): covers[key] for key in keys}
    kept = [state for state in states if needed <= set().union(*(names[name] for name in state), set())]
    return Knob(name, "NetworkPolicy", kept, weight, source)


def _isolating(name, app, types):
    """Forms of a policy that isolates and lets nobody in, or out."""
    rules = {"ingress": [{"from": [_role("nobody")]}]}
    if types == ["Egress"]:
        rules = {"egress": [{"to": [_role("nobody")], "ports": [{"port": 99}]}]}
    return [objects.policy(name, podSelector=_app(app), policyTypes=types, **more) for more in ({}, rules)]


def _allowing(name, roles, direction):
    """Forms of a policy of web (ingress) or guard (egress) that allows pods by these values of `role`."""
    peers = [_role(role) for role in roles]
    one = [_any(role=roles)]
    if direction == "Ingress":
        return [ingress(name, "web", {"from": peers}), ingress(name, "web", {"from": one, "ports": WIDE}),
                ingress(name, "web", {"from": peers, "ports": WIDE + [{"port": 81}]})]
    return [egress(name, _app("guard"), {"to": peers}), egress(name, _app("guard"), {"to": one, "ports": WIDE})]


def _labelled(name, place, *labels):
    """States of a pod that is always there."""
    return [{name: scene.placed(name, place, each)} for each in labels]


def _pods():
    yield Knob("role", "Pod", _labelled("main/friend", "friend", {"role": "x"}, {"role": "y"}, {"role": "x", "and": "more"}), 3)
    yield Knob("near", "Pod", _labelled("main/near", "near", {"role": "u"}, {"role": "v"}), 2, "guard")
    yield Knob("janus", "Pod", _labelled("main/janus", "janus", {"way": "out"}, {"way": "in"}), 4, "janus")
    for place in ("guest", "visitor"):
        one, two = f"crowd/{place}-one", f"foes/{place}-two"
        states = _labelled(one, place, {"kind": "c"}, {"kind": "e"}) + _labelled(two, place, {"kind": "d"})
        yield Knob(place, "Pod", [{}] + states, 2, place)
    hosted = [*_labelled("main/first", "hotel", {"app": "hotel"}, {"app": "hotel", "n": "2"}),
              *_labelled("pals/second", "hotel", {"app": "hotel"}), *_labelled("crowd/third", "hotel", {"app": "none"})]
    # The last two for a moment at once: the new one is there before the old one's end is told.
    yield Knob("hotel", "Pod", [{}] + hosted + [{**hosted[2], **hosted[3]}], 3)
    kinds = ({"role": "x"}, {"role": "y"}, {"role": "x", "and": "more"}, {"role": "z"}, {"role": "u"})
    for number in range(1, 71):
        name = f"crowd/member-{number}"
        yield Member("members", "Pod", [{}] + [{name: scene.elsewhere(name, number, labels)} for labels in kinds], 6 / 70)


def _namespaces():
    for name, teams, source in (("pals", ("t1", "t2"), "remote"), ("foes", ("t3", "t4"), "foe")):
        states = [{name: objects.namespace(name, {"team": team})} for team in teams]
        yield Knob(f"namespace {name}", "Namespace", states, 0.7, source)


def _web():
    yield _any_cover("web isolated", {"a": {"web"}, "b": {"web"}},
                     {key: _isolating(f"main/web-closed-{key}", "web", ["Ingress"]) for key in "ab"}, source="foe")
    yield _any_cover("web allows", {"x": {"x"}, "y": {"y"}, "xy": {"x", "y"}},
                     {key: _allowing(f"main/web-{key}", list(key), "Ingress") for key in ("x", "y", "xy")}, 4)
    teams = [_of_team("t1"), _of_team("t2")]
    name = "main/web-pals"
    yield _policy("web pals", ingress(name, "web", {"from": [_PALS], "ports": WIDE}), ingress(name, "web", {"from": teams}),
                  ingress(name, "web", *({"from": [team], "ports": WIDE} for team in teams)), source="remote")
    ports = ({"port": scene.NAMED[0]}, {"port": scene.NAMED[1]}, {"port": 7045, "endPort": 7060})
    forms = [ingress("main/web-named", "web", {"from": [_PALS], "ports": [{"protocol": "UDP", **port}]}) for port in ports]
    yield _policy("web named", *forms, source="remote")
    for number in range(5):
        name = f"main/web-noise-{number}"
        several = [_role("z"), _role(f"w{number}"), {**_of_team("t5"), "podSelector": {}}]
        forms = ({"from": several[:1], "ports": [{"port": 7000 + number, "endPort": 7100}]},
                 {"from": several, "ports": [{"port": 7000, "endPort": 7150, "protocol": "UDP"}, {"port": 80}]},
                 {"from": _fillers(3)})
        yield _policy("web noise", *(ingress(name, "web", form) for form in forms), absent=True, weight=0.6)


def _door_and_hotel():
    for app, namespaces in (("door", ("main",)), ("hotel", ("main", "pals"))):
        for namespace in namespaces:
            name = f"{namespace}/{app}-label"
            yield _policy(f"{app} by label", ingress(name, app, {"from": [_XY, _PALS], "ports": WIDE}),
                          ingress(name, app, {"from": [_XY]}, {"from": [_PALS]}), absent=True)
            name = f"{namespace}/{app}-block"
            yield _policy(f"{app} by block", ingress(name, app, {"from": _PODS}),
                          ingress(name, app, {"from": _fillers(20) + _PODS, "ports": WIDE}), absent=True)


def _clients():
    """Whether clients that are allowed everywhere are isolated at their own end."""
    x, y = ({"matchLabels": {"role": role}} for role in "xy")
    any_role = {"matchExpressions": [{"key": "role", "operator": "Exists"}]}
    name = "main/friend-out"
    yield _policy("friend out", egress(name, x, {}), egress(name, x, {"to": _PODS, "ports": WIDE}),
                  egress(name, any_role, {"to": _PODS}), absent=True)
    yield _policy("friend out too", egress("main/friend-out-y", y, {"to": _PODS}), absent=True)
    yield _policy("guests out", egress("crowd/out", {"matchLabels": {"kind": "c"}}, {"to": _PODS}), absent=True, source="guest")


def _wall():
    hosts = _host("friend") + _host("guest") + _host("visitor")
    without = [scene.addresses(place) for place in ("foe", "far")]
    whole = [{"ipBlock": {**block["ipBlock"], "except": [f"{each[family]}/{bits}" for each in without]}}
             for block, family, bits in zip(_PODS, (0, 1), (32, 128))]
    forms = [[{"from": hosts}], [{"from": hosts + _fillers(12)}], [{"from": hosts + _fillers(40), "ports": WIDE}],
             [{"from": whole}], [{"from": [host], "ports": WIDE} for host in hosts]]
    yield _policy("wall", *(ingress("main/wall", "wall", *form) for form in forms), weight=2)
    noise = ingress("main/wall-noise", "wall", {"from": _fillers(30), "ports": [{"port": 9}]})
    yield _policy("wall noise", noise, absent=True)


def _guard():
    yield _any_cover("guard isolated", {"a": {"guard"}, "b": {"guard"}},
                     {key: _isolating(f"main/guard-closed-{key}", "guard", ["Egress"]) for key in "ab"}, source="guard")
    yield _any_cover("guard allows", {"u": {"u"}, "v": {"v"}, "uv": {"u", "v"}},
                     {key: _allowing(f"main/guard-{key}", list(key), "Egress") for key in ("u", "v", "uv")}, 3, "guard")
    (not4, not6), small = scene.addresses("ext2"), _host("ext1")
    nets = [{"ipBlock": {"cidr": "198.51.100.0/24", "except": [f"{not4}/32"]}},
            {"ipBlock": {"cidr": "2001:db8:100::/64", "except": [f"{not6}/128"]}}]
    forms = ({"to": nets}, {"to": small, "ports": WIDE}, {"to": small + _fillers(40)},
             {"to": nets + _fillers(20), "ports": WIDE}, {"to": small + _fillers(3)})
    yield _policy("guard outside", *(egress("main/guard-outside", _app("guard"), form) for form in forms), weight=2, source="guard")


def _janus():
    """Out but not in, or in but not out: whoever takes half of each passes."""
    name, out = "main/janus-out", {"matchLabels": {"way": "out"}}
    yield _policy("janus out", egress(name, out, {"to": [{"podSelector": _app("strict")}]}),
                  egress(name, out, {"to": _PODS, "ports": WIDE}), weight=0.5, source="janus")
    name, in_ = "main/janus-in", {"matchLabels": {"way": "in"}}
    yield _policy("janus in", egress(name, in_, {"to": [{"podSelector": _app("web")}], "ports": WIDE}), egress(name, in_),
                  weight=0.5, source="janus")
    several = [_role("in", "way")] + [_role(f"w{number}") for number in range(5)]
    yield _policy("strict", ingress("main/strict", "strict", {"from": several}),
                  ingress("main/strict", "strict", {"from": several[:2], "ports": WIDE}), weight=0.5, source="janus")
    more = [_role(f"v{number}") for number in range(5)]  # with these the class is far above the limit of readable pairs
    noise = ingress("main/strict-noise", "strict", {"from": more, "ports": WIDE})
    yield _policy("strict noise", noise, absent=True, weight=2, source="janus")


class Dance:
    """A client takes the label that a policy has just stopped to allow, and the policy then allows the one that it had:
    they are never together, if each step waits until the agents have followed the one before."""

    def __init__(self):
        pods = [{}, {}]
        for name, place in (("foes/foe", "foe"), ("foes/far", "far")):
            for phase, badge in enumerate("pq"):
                pods[phase][name] = scene.placed(name, place, {"badge": badge})
        self.badge = Knob("badge", "Pod", pods, source="foe")
        rule = [ingress("main/strict-badge", "strict", {"from": [_role(badge, "badge")]}) for badge in ("q", "none", "p")]
        self.rule = _policy("badge allowed", *rule, source="far")

    def steps(self):
        """(knob, state) in turn; between two: wait."""
        there = 1 - self.badge.state
        return (self.rule, 1), (self.badge, there), (self.rule, 2 * there)


class Testers:
    """A pod's label and a policy whose changes are seen in packets of their own: who sees them knows that an agent has
    followed all changes of that kind until then."""

    def __init__(self):
        ports = {kind: [{"protocol": "UDP", "port": port}] for kind, port in scene.TESTED_PORTS.items()}
        self.fixed = ingress("main/tested", "tested", {"from": [_role("yes", "may")], "ports": ports["Pod"]})
        self.knobs = {
            "Pod": Knob("tester", "Pod", _labelled("main/tester", "tester", {"may": "no"}, {"may": "yes"})),
            "NetworkPolicy": Knob("tested", "NetworkPolicy", [{}, {"main/tested-too": ingress(
                "main/tested-too", "tested", {"ports": ports["NetworkPolicy"]})}])}


class Board:
    """All knobs, and which is turned next: of those whose names match the regular expression `only`."""

    def __init__(self, only=""):
        self.knobs = [*_pods(), *_namespaces(), *_web(), *_door_and_hotel(), *_clients(), *_wall(), *_guard(), *_janus()]
        self.dance, self.testers = Dance(), Testers()
        self.fixed = scene.fixed() + [self.testers.fixed]
        for knob in self.knobs:
            assert knob.connected(), f"{knob.name}: some states cannot be reached"
        self._turned = [knob for knob in self.knobs if re.search(only, knob.name)]
        self._weights = [knob.weight for knob in self._turned]

    def all_knobs(self):
        return [*self.knobs, self.dance.badge, self.dance.rule, *self.testers.knobs.values()]

    def objects(self):
        """The present state as manifests."""
        return self.fixed + [made for knob in self.all_knobs() for made in knob.states[knob.state].values()]

    def next(self, random, number):
        """(knob, state)"""
        knob, = random.choices(self._turned, self._weights)
        return knob, knob.choose(random, 0.5 + 0.5 * math.sin(number / 60))

    def shuffle(self, random):
        """Any combination of states; the dance only in its positions."""
        for knob in self.knobs + list(self.testers.knobs.values()):
            knob.state = random.randrange(len(knob.states))
        self.dance.badge.state = random.randrange(2)
        self.dance.rule.state = random.choice((1, 2 * self.dance.badge.state))
