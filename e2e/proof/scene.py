"""Who there is, and whose packets go where, in the traffic proof: places, fixed objects, and flows with their verdicts.

Each flow has one verdict in every state that the changes of knobs.py can bring about, in whatever order and mixture an
agent sees them; proof.check_scene() lets the reference evaluator confirm that for random states. Both topologies have the same
objects, and each its own agent on n1; n2 has none, and the control flow is there.
"""

import collections

from labs.api import objects
from labs.net.topology import EXTERNALS, node_addresses, slot_addresses

PLACES = {  # name: (node, slot)
    "web": ("n1", 1),       # always isolated, under ever-changing policies
    "door": ("n1", 2),      # isolated, and not, and isolated …
    "friend": ("n1", 3),    # allowed everywhere, by one label or by another; its egress is isolated now and then
    "foe": ("n1", 4),       # allowed nowhere that is isolated
    "guard": ("n1", 5),     # egress always isolated
    "hotel": ("n1", 6),     # an address that pods come to, leave, and come to under other names
    "guest": ("n1", 7),     # the same, as a client
    "wall": ("n1", 8),      # allows by address blocks only
    "janus": ("n1", 9),     # may go out where nobody lets it in, or is let in where it may not go
    "strict": ("n1", 10),
    "tester": ("n1", 11), "tested": ("n1", 12),  # tell when an agent has followed
    "remote": ("n2", 1),    # allowed by its namespace
    "far": ("n2", 2),       # as foe
    "visitor": ("n2", 3),   # as guest
    "near": ("n2", 4),      # guard may go there
    "off": ("n2", 5),       # and not there
    "left": ("n2", 6), "right": ("n2", 7),       # of the control flow
}
HANDED_OVER = {"hotel", "guest"}  # of n1
SLOTS = 12
PORTS = {"stream": 7000, "connect": 7000, "connection": 7040, "exchange": 7080, "injected": 7120}  # plus a flow's number
LAST_PORT = 7199
NAMED = ("svc", 7050)                 # udp, of web
TESTED_PORTS = {"Pod": 7901, "NetworkPolicy": 7902}

# protocols: what of it is sent. port: instead of those above. rare: one datagram in a while is enough
Flow = collections.namedtuple("Flow", "source target allowed protocols port", defaults=(("udp", "tcp"), None))
FLOWS = (
    *(Flow(source, target, True) for source in ("friend", "remote") for target in ("web", "door", "hotel")),
    *(Flow(source, "wall", True) for source in ("friend", "guest", "visitor")),
    Flow("remote", "web", True, ("udp",), NAMED[1]),
    Flow("guard", "near", True), Flow("guard", "ext1", True),
    Flow("foe", "friend", True),
    *(Flow(source, "web", False) for source in ("foe", "far", "guest", "visitor")),
    *(Flow(source, "wall", False) for source in ("foe", "far")),
    *(Flow("guard", target, False) for target in ("off", "ext2", "door", "hotel")),
    *(Flow(source, "strict", False) for source in ("janus", "foe", "far")),
)
CONTROL = Flow("left", "right", True)


def addresses(place):
    """(IPv4, IPv6)"""
    return EXTERNALS[place] if place in EXTERNALS else slot_addresses(*PLACES[place])


def placed(name, place, labels, ports=()):
    """A running pod in a place."""
    node = PLACES[place][0]
    return {**objects.pod(name, node, labels, ports), **objects.running(list(addresses(place)), node_addresses(node)[0])}


def elsewhere(name, number, labels):
    """A running pod that no packet comes from or goes to, on a node that is not here."""
    own = [f"10.244.9.{number}", f"fd00:10:244:9::{number}"]
    return {**objects.pod(name, "elsewhere", labels), **objects.running(own, "172.31.0.9")}


def fixed():
    """The objects that no change touches."""
    made = [objects.namespace(name, labels) for name, labels in (("main", {"team": "main"}), ("crowd", {"team": "crowd"}))]
    for name in ("web", "door", "wall", "strict", "tested"):
        ports = ((NAMED[0], NAMED[1], "UDP"),) if name == "web" else ()
        made.append(placed(f"main/{name}", name, {"app": name}, ports))
    made.append(placed("main/guard", "guard", {"app": "guard"}))
    made.append(placed("pals/remote", "remote", {"kind": "remote"}))
    made.append(placed("main/off", "off", {"role": "w"}))
    return made
