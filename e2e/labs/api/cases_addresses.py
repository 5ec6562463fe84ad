"""Addresses that pods have beside those of their statuses: by hand, as SLAAC or a second family gives them, on a bridge and on
links of their own. The pod's rules cover them; what a pod gives itself takes nothing from others; what cannot be covered is told."""

import contextlib
import itertools
import time

from labs.net.netns import Namespace, home
from labs.net.patience import PATIENCE_SECONDS
from labs.net.prober import Probe
from labs.net.topology import EXTERNALS, Endpoint

from . import objects
from .cases_bridge import CONTAINED, await_said, said
from .probes import Listening
from .stream import Flow, Streams
from .world import FAMILIES, HOLD_SECONDS, POLL_SECONDS, PORTS, SPARE, require

_NODE = "n1"  # where a/web, a/client and b/client hang on the bridge cni0
_DENY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
_DENY_EGRESS = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]}
_FROM_CLIENTS = {**_DENY, "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "client"}}}]}]}
_PREFIX = {4: 24, 6: 64}
_ANY_NEIGHBOUR = ("a/client", "b/client")


def _node(world):
    return world.topology.nodes[_NODE].namespace


def _within_range(number):
    """Addresses of the bridge's own prefixes that no pod of the lab has."""
    return f"10.244.1.{number}", f"fd00:10:244:1::{number:x}"


@contextlib.contextmanager
def _further(world, name, addresses, device="eth0", whole=False):
    """The pod's namespace has these as well: an Endpoint that listens on them. whole: without the rest of their prefix."""
    namespace = world.endpoint(name).namespace
    endpoint = Endpoint(f"{name} further", namespace, addresses)
    added = [f"{address}/{32 if whole and family == 4 else 128 if whole else _PREFIX[family]} dev {device}"
             for family, address in endpoint.addresses.items()]
    namespace.ip(*(f"addr add {text}{' nodad' if ':' in text else ''}" for text in added))
    try:
        for family, (protocol, port) in itertools.product(FAMILIES, PORTS):
            world.prober.listen(endpoint, family, protocol, port)
        yield endpoint
    finally:
        for family, (protocol, port) in itertools.product(FAMILIES, PORTS):
            world.prober.unlisten(endpoint, family, protocol, port)
        for text in added:
            namespace.run(["ip", "addr", "del", *text.split()], check=False)


def _wrong(world, verdicts, quiet=None):
    """verdicts: (source Endpoint, target Endpoint, whether it is allowed)."""
    probes = [(Probe(source, family, protocol, target.addresses[family], port, allowed),
               f"{source.name} ({source.addresses[family]}) -> {target.name} ({target.addresses[family]}):{port}/{protocol}")
              for source, target, allowed in verdicts for family in FAMILIES for protocol, port in PORTS
              if family in source.addresses and family in target.addresses]
    only = [probe for probe, _ in probes]
    if quiet:
        world.prober.run(only, quiet=quiet, retry=())
    else:
        world.prober.run(only)
    return [f"{sentence} should be {'allowed' if probe.expected else 'denied'} and is {probe.result}"
            for probe, sentence in probes if probe.allowed != probe.expected]


def _hold(world, verdicts, seconds=HOLD_SECONDS):
    end = time.monotonic() + seconds
    while True:
        wrong = _wrong(world, verdicts)
        require(not wrong, f"{len(wrong)} wrong where it should have held: " + "; ".join(wrong[:4]))
        if time.monotonic() >= end:
            return


def _expect(world, *verdicts):
    """Waits until all are so, then sees it hold."""
    begin = time.monotonic()
    while wrong := _wrong(world, verdicts, POLL_SECONDS):
        require(time.monotonic() - begin < PATIENCE_SECONDS,
                f"after {PATIENCE_SECONDS} s still {len(wrong)} wrong: " + "; ".join(wrong[:4]))
    world.slowest = max(world.slowest, time.monotonic() - begin)
    _hold(world, verdicts)


def _table(world):
    return _node(world).run(["nft", "list", "table", "inet", "podgate"]).stdout


def _neighbours(world, to, allowed):
    return [(world.endpoint(name), to, allowed) for name in _ANY_NEIGHBOUR]


def closed_where_the_pod_is_isolated(world):
    with _further(world, "a/web", _within_range(201)) as web, _further(world, "b/client", _within_range(202)) as other:
        _expect(world, *_neighbours(world, web, True), (world.endpoint("a/far"), web, True))
        world.policy("a/deny", **_DENY)
        _expect(world, *_neighbours(world, web, False), (world.endpoint("a/far"), web, False), (other, web, False),
                (world.endpoint("a/web"), other, True), (web, other, True), (world.endpoint("a/client"), other, True))
        world.hold("deny * -> a/web")
        world.policy("a/deny", **_DENY_EGRESS)
        _expect(world, *_neighbours(world, web, True), (web, other, False), (web, world.endpoint("b/far"), False),
                (web, world.endpoint("b/client"), False), (world.endpoint("a/web"), other, False))
        world.remove("NetworkPolicy", "a/deny")
        _expect(world, *_neighbours(world, web, True), (web, other, True), (web, world.endpoint("b/far"), True))


def comes_and_goes(world):
    """Under an old policy, with the rights of the chart's container: without CAP_NET_BROADCAST the kernel tells nothing of it."""
    world.policy("a/deny", **_DENY)
    for prefix in (CONTAINED, ()):
        with Listening(world, _NODE, prefix=prefix) as agent:
            agent.expect_ready()
            world.expect("deny * -> a/web")
            for number in (203, 204):
                with _further(world, "a/web", _within_range(number)) as web:
                    _expect(world, *_neighbours(world, web, False))
                    agent.expect_metric("podgate_further_addresses", lambda value: value == 2, "two were to be counted")
                agent.expect_metric("podgate_further_addresses", lambda value: value == 0, "they are gone")
                end = time.monotonic() + PATIENCE_SECONDS
                while any(address in _table(world) for address in _within_range(number)):
                    require(time.monotonic() < end, "rules for an address that nobody has any more")
                    time.sleep(0.05)
                world.endpoint("a/client").namespace.ip("neigh flush dev eth0")  # it remembers whose the address was
                with _further(world, "b/client", _within_range(number)) as heir:  # not isolated
                    _expect(world, (world.endpoint("a/client"), heir, True))


def a_second_family(world):
    """A pod whose status tells IPv4 only, in a cluster of IPv4 only: nobody has turned on filtering of IPv6 on the bridge."""
    node, host = _node(world), world.topology.nodes[_NODE].addresses[4]
    for name in ("a/web", "a/client", "b/client"):
        world.status(name, objects.running([world.endpoint(name).addresses[4]], host))
    world.policy("a/deny", **_DENY)
    world.expect("deny * -> a/web")
    # A prefix that the node knows nothing of, and no way to.
    node.ip("route del default via fd00:50::100")
    try:
        with contextlib.ExitStack() as stack:
            ends = {name: stack.enter_context(_further(world, name, (f"192.168.77.{i}", f"fd77::{i}")))
                    for i, name in enumerate(("a/web", *_ANY_NEIGHBOUR), 1)}
            for end in ends.values():
                del end.addresses[4]  # there is a default route for it
            _expect(world, *((ends[name], ends["a/web"], False) for name in _ANY_NEIGHBOUR), (ends["a/client"], ends["b/client"], True))
    finally:
        node.ip("route add default via fd00:50::100")


def a_peer_is_a_peer_at_each_of_them(world):
    """On the node where the pod is: no other knows them."""
    world.policy("a/clients", **_FROM_CLIENTS)
    with _further(world, "a/web", _within_range(205)) as web, _further(world, "a/client", _within_range(206)) as client:
        _expect(world, (client, web, True), (client, world.endpoint("a/web"), True), (world.endpoint("a/client"), web, True),
                (world.endpoint("b/client"), web, True), (world.endpoint("a/far"), web, False))
        world.label("Pod", "a/client", app="other")
        _expect(world, (client, web, False), (client, world.endpoint("a/web"), False), (world.endpoint("b/client"), web, True))


def one_that_gives_itself_others(world):
    """A pod that is isolated in both directions, and root in its own network namespace, adds addresses of others to itself: of a
    neighbour, of a pod elsewhere, of a Service, of the node, of the bridge, of a host outside. What these may does not change."""
    world.policy("a/closed", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Ingress", "Egress"])
    rules = ("deny a/client -> *", "deny * -> a/client")
    world.expect(*rules)
    attacker, outside = world.endpoint("a/client").namespace, world.topology.externals["ext1"]
    others = [world.endpoint(name) for name in ("a/web", "b/client", "b/far")]
    verdicts = [(source, target, True) for source, target in itertools.permutations(others, 2)]
    for family, (protocol, port) in itertools.product(FAMILIES, PORTS):
        world.prober.listen(outside, family, protocol, port)
    verdicts += [(end, outside, True) for end in others] + [(outside, end, True) for end in others]
    stolen = [*world.endpoint("b/client").addresses.values(), *world.endpoint("b/far").addresses.values(), *EXTERNALS["ext1"],
              *world.topology.nodes[_NODE].addresses.values(), "10.244.1.1", "fd00:10:244:1::1", "10.96.0.10", "10.244.1.255", "224.0.0.9"]
    # On lo, and without answers to ARP: the neighbours are to speak to those that they mean.
    attacker.sysctl(net__ipv4__conf__all__arp_ignore=1)
    added = [f"{address}/{128 if ':' in address else 32} dev lo" for address in stolen if address != "224.0.0.9"]
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        attacker.ip(*(f"addr add {text}" for text in added))
        try:
            agent.expect_metric("podgate_uncovered_addresses", lambda value: value > 0, "nothing is said of them")
            _hold(world, verdicts, 3)
            require(agent.metric("podgate_further_addresses") == 0, "some of them are taken for the pod's")
            # One that had them before the agent came.
            agent.agent.kill()
            agent.agent.start()
            agent.expect_ready()
            agent.expect_metric("podgate_uncovered_addresses", lambda value: value > 0, "nothing is said of them")
            _hold(world, verdicts, 1)
            require("note addresses: no rule covers addresses of a/client (" in agent.get("/readyz?verbose")[1], "the pod is not named")
            # One that has an address first which another pod then gets.
            with _further(world, "a/client", tuple(world.topology.slots[SPARE].addresses.values()), device="lo", whole=True):
                agent.expect_metric("podgate_further_addresses", lambda value: value == 2, "a free address is to be the pod's")
                world.pod("b/new", *SPARE)
                _expect(world, *((source, world.endpoint("b/new"), True) for source in others),
                        *((world.endpoint("b/new"), target, True) for target in others))
        finally:
            for text in added:
                attacker.run(["ip", "addr", "del", *text.split()], check=False)
            attacker.sysctl(net__ipv4__conf__all__arp_ignore=0)
    world.expect(*rules)


def restarts_open_nothing(world):
    world.policy("a/deny", **_DENY)
    with _further(world, "a/web", _within_range(207)) as web:
        _expect(world, *_neighbours(world, web, False))
        streams = Streams([Flow(world.endpoint("a/client"), web, family) for family in FAMILIES], 0.001).start()
        for _ in range(3):
            agent = world.agents[_NODE]
            begun = len(agent.last_words(10**6))
            agent.kill()
            agent.start()
            end = time.monotonic() + PATIENCE_SECONDS
            while "policies are enforced" not in agent.last_words(10**6)[begun:]:
                require(time.monotonic() < end, "the agent does not enforce again")
                time.sleep(0.02)
            time.sleep(0.5)
        for record in streams.finish():
            require(len(record.sent) > 20 and not any(record.arrived), "datagrams passed while the agent was started again")


def links_of_their_own(world):
    """A pod by a routed link, whose second addresses the node has routes to; and one that it has no route to."""
    node, pod = _node(world), Namespace("routed")
    first, second = Endpoint("a/routed", pod, ("10.245.1.77", "fd00:10:245::77")), Endpoint("second", pod, ("10.99.9.78", "fd99::78"))
    try:
        node.ip(f"link add r1 type veth peer name eth0 netns {pod.path}", "link set r1 up", "addr add fe80::1/64 dev r1 nodad",
                *(f"route add {address} dev r1" for end in (first, second) for address in end.addresses.values()))
        node.write_sysctl("net/ipv4/conf/r1/proxy_arp", 1)
        node.write_sysctl("net/ipv4/neigh/r1/proxy_delay", 0)
        pod.ip("link set lo up", "link set eth0 up", *(f"addr add {address} dev eth0" + (" nodad" if ":" in address else "")
                                     for end in (first, second) for address in end.addresses.values()),
               "route add 169.254.1.1 dev eth0 scope link", "route add default via 169.254.1.1", "route add default via fe80::1 dev eth0")
        for end, family, (protocol, port) in itertools.product((first, second), FAMILIES, PORTS):
            world.prober.listen(end, family, protocol, port)
        world.pending_pod("a/routed", _NODE, {"app": "web"})
        world.status("a/routed", objects.running(list(first.addresses.values()), world.topology.nodes[_NODE].addresses[4]))
        _expect(world, *_neighbours(world, first, True), *_neighbours(world, second, True))
        world.policy("a/deny", **_DENY)
        _expect(world, *_neighbours(world, first, False), *_neighbours(world, second, False), (second, world.endpoint("b/client"), True))
        world.policy("a/deny", **_DENY_EGRESS)
        _expect(world, *_neighbours(world, second, True), (second, world.endpoint("b/client"), False))
    finally:
        for end, family, (protocol, port) in itertools.product((first, second), FAMILIES, PORTS):
            world.prober.unlisten(end, family, protocol, port)
        node.run(["ip", "link", "del", "r1"], check=False)
        home().enter()
        pod.close()


def what_cannot_be_covered_is_told(world):
    """Too many addresses, addresses that the node's routes lead elsewhere for, and a pod whose namespace no link leads to."""
    other = Namespace("macvlan")
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        begun = len(said(agent))
        web = world.endpoint("a/web").namespace
        many = [f"10.244.1.{number}/24" for number in range(100, 140)] + ["172.17.0.1/16"]
        web.ip(*(f"addr add {address} dev eth0" for address in many))
        try:
            _node(world).ip(f"link add mv0 link eth0 netns {other.path} type macvlan mode bridge")
            other.ip("addr add 192.168.50.77/24 dev mv0", "link set mv0 up")
            world.pending_pod("a/mac", _NODE)
            world.status("a/mac", objects.running(["192.168.50.77"], world.topology.nodes[_NODE].addresses[4]))
            agent.expect_metric("podgate_further_addresses", lambda value: value == 32, "as many as are taken of one pod")
            agent.expect_metric("podgate_uncovered_addresses", lambda value: value == 9, "the others")
            agent.expect_metric("podgate_pods_without_namespace", lambda value: value == 1, "the pod behind macvlan")
            body = agent.get("/readyz?verbose")[1]
            for part in ("note addresses: no rule covers addresses of a/web (", "the network namespace of a/mac was not found"):
                require(part in body, f"/readyz?verbose does not say {part!r}: {body}")
            require(agent.get("/readyz") == (200, "ok\n"), f"/readyz says {agent.get('/readyz')}")
            await_said(agent, begun, "network namespace of a pod was not found")
            time.sleep(2.5)  # some looks
            for words in ("pod has addresses that no rule covers", "network namespace of a pod was not found"):
                require(said(agent)[begun:].count(words) == 1, f"the log says it more than once, or never: {words}")
        finally:
            for address in many:
                web.run(["ip", "addr", "del", address, "dev", "eth0"], check=False)
            home().enter()
            other.close()


CASES = [closed_where_the_pod_is_isolated, comes_and_goes, a_second_family, a_peer_is_a_peer_at_each_of_them,
         one_that_gives_itself_others, restarts_open_nothing, links_of_their_own, what_cannot_be_covered_is_told]
