"""Pods on a bridge, where packets of one node pass the rules only with br_netfilter; and pods that nothing can be enforced
for. What an agent does about it, what it says, and what packets do meanwhile."""

import contextlib
import json
import time

from labs.net.netns import Namespace
from labs.net.patience import PATIENCE_SECONDS

from . import objects
from .cases_events import await_event
from .probes import Listening
from .world import SPARE, require

_NODE = "n1"  # where a/web, a/client and b/client hang on the bridge cni0
_DENY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
_POLICED = ("deny * -> a/web",)
# What a node without it shows: neighbours on the bridge get through, others do not.
_BYPASSED = ("deny * -> a/web", "allow a/client -> a/web", "allow b/client -> a/web")
_FAMILIES = ("iptables", "ip6tables")
_ON, _OFF = ["1", "1"], ["0", "0"]
# As in the chart's container: /proc/sys is read-only, and CAP_NET_ADMIN is the only capability.
CONTAINED = ("unshare", "--mount", "sh", "-c",
              'mount -o bind,ro /proc/sys /proc/sys && exec setpriv --bounding-set=-all,+net_admin "$@"', "sh")
# As on a node where the module is not loaded.
_NO_MODULE = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/sys/net/bridge && exec "$@"', "sh")


def _node(world):
    return world.topology.nodes[_NODE].namespace


def _set_sysctls(world, value):
    """Those that are about all bridges of the node."""
    for family in _FAMILIES:
        _node(world).write_sysctl(f"net/bridge/bridge-nf-call-{family}", value)


def _sysctls(world):
    values = []
    with _node(world):
        for family in _FAMILIES:
            with open(f"/proc/sys/net/bridge/bridge-nf-call-{family}", encoding="ascii") as file:
                values.append(file.read().strip())
    return values


def _set_switches(world, value, bridge="cni0"):
    """A bridge's own."""
    _node(world).ip(f"link set {bridge} type bridge " + " ".join(f"nf_call_{family} {value}" for family in _FAMILIES))


def _switches(world, bridge="cni0"):
    link, = json.loads(_node(world).run(["ip", "-json", "-details", "link", "show", bridge]).stdout)
    return [str(link["linkinfo"]["info_data"][f"nf_call_{family}"]) for family in _FAMILIES]


@contextlib.contextmanager
def _filter_off(world):
    """Both for the start of a case; the sysctls are on again at its end, whatever happens. The agent must not be running meanwhile."""
    _set_sysctls(world, 0)
    _set_switches(world, 0)
    try:
        yield
    finally:
        _set_sysctls(world, 1)


def said(agent):
    with open(agent.agent.log, encoding="utf-8", errors="replace") as file:
        return file.read()


def _expect_said(agent, begun, words, times):
    """Waits until the log has the words so often since then; more often is wrong."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (count := said(agent)[begun:].count(words)) < times and time.monotonic() < end:
        time.sleep(0.02)
    require(count == times, f"the log says {count} times, not {times}: {words}: {said(agent)[begun:]}")


def await_said(agent, begun, words):
    end = time.monotonic() + PATIENCE_SECONDS
    while words not in said(agent)[begun:]:
        require(time.monotonic() < end, f"the log does not say: {words}: {said(agent)[begun:]}")
        time.sleep(0.02)


def turned_on_by_the_agent(world):
    """With the rights of the chart's container: the bridge's own switch, and not the sysctls."""
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    with Listening(world, _NODE, prefix=CONTAINED, start=False) as agent, _filter_off(world):
        begun = len(said(agent))
        world.expect(*_BYPASSED)  # that it matters at all
        agent.agent.start()
        require(agent.expect_ready() == "ok\n", "ready, and still something to say")
        require(_switches(world) == _ON, f"the agent is ready and the bridge's switches are {_switches(world)}")
        world.hold(*_POLICED)  # at once
        require(_sysctls(world) == _OFF, f"the agent has set the sysctls: {_sysctls(world)}")
        require(agent.metric("podgate_unpoliced_pods") == 0, "pods are counted that are policed")
        _expect_said(agent, begun, "bridge filtering enabled", 2)  # one line for each family
        require(said(agent)[begun:].count("bridge=cni0") == 2, "the log does not name the bridge")


@contextlib.contextmanager
def _other_bridge(world):
    """virbr0 in the node with two guests, as libvirt makes it: (a question whether a packet from one to the other arrives)."""
    node, guests = _node(world), [Namespace("guest1"), Namespace("guest2")]
    try:
        node.ip("link add virbr0 type bridge mcast_snooping 0", "link set virbr0 up", *(
            f"link add vnet{i} type veth peer name eth0 netns {guest.path}" for i, guest in enumerate(guests)), *(
            f"link set vnet{i} master virbr0 up" for i in range(len(guests))))
        for i, guest in enumerate(guests):
            guest.ip("link set lo up", "link set eth0 up", f"addr add 192.168.122.{i + 1}/24 dev eth0",
                     f"addr add fd00:122::{i + 1}/64 dev eth0 nodad")
        # What a filter that looked at them would do to the guests' packets.
        node.run(["nft", "-f", "-"], input="table inet guests { chain forward { type filter hook forward priority 5;"
                                           " ip saddr 192.168.122.0/24 drop; ip6 saddr fd00:122::/64 icmpv6 type echo-request drop; }; }")
        yield lambda address: guests[0].run(["ping", "-c", "1", "-W", "1", address], check=False).returncode == 0
    finally:
        node.run(["nft", "delete", "table", "inet", "guests"], check=False)
        node.run(["ip", "link", "del", "virbr0"], check=False)
        for guest in guests:
            guest.close()


def other_bridges_are_left_alone(world):
    world.policy("a/deny", **_DENY)
    addresses = ("192.168.122.2", "fd00:122::2")
    with Listening(world, _NODE, prefix=CONTAINED, start=False) as agent, _filter_off(world), _other_bridge(world) as arrives:
        for address in addresses:
            _set_switches(world, 0, "virbr0")
            end = time.monotonic() + PATIENCE_SECONDS  # the ports begin to forward
            while not arrives(address):
                require(time.monotonic() < end, f"the guests do not reach each other: {address}")
            _set_switches(world, 1, "virbr0")
            require(not arrives(address), f"that packets are filtered would not be seen: {address}")
        _set_switches(world, 0, "virbr0")
        agent.agent.start()
        agent.expect_ready()
        world.expect(*_POLICED)
        time.sleep(1.5)  # some looks
        require(_switches(world, "virbr0") == _OFF, f"the agent has turned on virbr0: {_switches(world, 'virbr0')}")
        for address in addresses:
            require(arrives(address), f"packets of virbr0 are filtered: {address}")


def turned_off_under_way(world):
    """By somebody else: on again. The sysctls do not matter to an agent that runs."""
    world.policy("a/deny", **_DENY)
    with Listening(world, _NODE, prefix=CONTAINED, start=False) as agent, _filter_off(world):
        agent.agent.start()
        agent.expect_ready()
        world.expect(*_POLICED)
        begun = len(said(agent))
        for times in range(1, 4):
            _set_switches(world, 0)
            begin = time.monotonic()
            while _switches(world) != _ON:
                require(time.monotonic() - begin < PATIENCE_SECONDS, f"{PATIENCE_SECONDS} s after it was turned off it is still off")
                time.sleep(0.01)
            world.slowest = max(world.slowest, time.monotonic() - begin)
            _expect_said(agent, begun, "bridge filtering was disabled, re-enabled", 2 * times)  # one line for each family
        require(said(agent)[begun:].count("bridge=cni0") == 6, "the log does not name the bridge")
        world.expect(*_POLICED)
        for value in (1, 0):
            _set_sysctls(world, value)
            world.hold(*_POLICED)
        agent.expect_ready()


def without_the_module(world):
    """Nothing that an agent may do helps: it is not ready, says why, and enforces what it can."""
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    with Listening(world, _NODE, prefix=_NO_MODULE, start=False) as agent, _filter_off(world):
        begun = len(said(agent))
        agent.agent.start()
        await_said(agent, begun, "policies are enforced")
        agent.expect_problem("IPv4 packets between pods on bridge cni0 bypass the rules: br_netfilter is not loaded",
                             "IPv6 packets between pods on bridge cni0 bypass the rules", "`modprobe br_netfilter`")
        require(agent.metric("podgate_unpoliced_pods") == 3, f"{agent.metric('podgate_unpoliced_pods')} pods are counted")
        require(agent.get("/healthz")[0] == 200, "a bypass must not restart the agent")
        _expect_said(agent, begun, "bypass the rules", 2)  # one line for each family
        world.expect(*_BYPASSED)


def told_not_to_touch_it(world):
    """With --bridge-filter=check: somebody else has to, by the sysctls or by the bridge's own switch."""
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    problem = ("IPv4 packets between pods on bridge cni0 bypass the rules: nf_call_iptables of the bridge is 0, "
               "net.bridge.bridge-nf-call-iptables is 0, and the agent does not turn it on (--bridge-filter=check or --dry-run)",
               "run `ip link set cni0 type bridge nf_call_ip6tables 1` on this node")
    with Listening(world, _NODE, "--bridge-filter=check", start=False) as agent, _filter_off(world):
        begun = len(said(agent))
        agent.agent.start()
        await_said(agent, begun, "policies are enforced")
        agent.expect_problem(*problem)
        time.sleep(1.5)
        agent.expect_problem(*problem)
        require(_switches(world) == _sysctls(world) == _OFF, "the agent turned it on all the same")
        require(agent.metric("podgate_unpoliced_pods") == 3, f"{agent.metric('podgate_unpoliced_pods')} pods are counted")
        require(agent.get("/healthz")[0] == 200, "a bypass must not restart the agent")
        _expect_said(agent, begun, "bypass the rules", 2)  # one line for each family
        world.expect(*_BYPASSED)
        for turn in (_set_switches, _set_sysctls):
            turn(world, 1)
            require(agent.expect_ready() == "ok\n", "mended, and still something to say")
            require(agent.metric("podgate_unpoliced_pods") == 0, "mended, and still pods are counted")
            world.expect(*_POLICED)
            turn(world, 0)
            agent.expect_problem(*problem)


def pods_elsewhere(world):
    """A macvlan pod, whose packets never pass this node's rules, and one whose address nobody knows the way to."""
    node, other = world.topology.nodes[_NODE].namespace, world.topology.slots[SPARE].namespace
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        begun = len(said(agent))
        node.ip(f"link add mv0 link eth0 netns {other.path} type macvlan mode bridge")
        try:
            other.ip("addr add 192.168.50.77/24 dev mv0", "link set mv0 up")
            for name, addresses in (("a/mac", ["192.168.50.77"]), ("a/lost", ["10.99.0.1"])):
                world.pending_pod(name, _NODE)
                world.status(name, objects.running(addresses, world.topology.nodes[_NODE].addresses[4]))
            time.sleep(2)
            require(agent.get("/readyz")[0] == 200, "pods that have only just come are an alarm already")
            # Whoever makes such pods must not hold up the update of all agents: named, and no reason not to be ready.
            end = time.monotonic() + PATIENCE_SECONDS
            while not all(part in (body := agent.get("/readyz?verbose")[1]) for part in (
                    "a/mac (192.168.50.77 is reached through eth0", "a/lost (10.99.0.1 has no route of its own")):
                require(time.monotonic() < end, f"/readyz?verbose does not name both pods: {body}")
                time.sleep(0.1)
            require(agent.get("/readyz") == (200, "ok\n"), f"/readyz says {agent.get('/readyz')}")
            require(agent.metric("podgate_unpoliced_pods") == 2, "two pods were to be counted")
            _expect_said(agent, begun, "policies cannot be enforced for a pod", 2)
            world.policy("a/deny", **_DENY)
            world.expect(*_POLICED)  # the others are policed as ever
            for name in ("mac", "lost"):
                regarding = await_event(world, "NotEnforceable", "Pod", name)["regarding"]
                require(regarding["uid"] == world.api.ask("GET", objects.path("Pod", f"a/{name}"))["metadata"]["uid"],
                        "the event is about another pod of that name")
            for name in ("a/mac", "a/lost"):
                world.remove("Pod", name)
            agent.expect_ready()
        finally:
            other.run(["ip", "link", "del", "mv0"], check=False)


def a_dry_run_touches_nothing(world):
    with Listening(world, _NODE, "--dry-run", start=False) as agent, _filter_off(world):
        agent.agent.start()
        agent.expect_problem("does not turn it on")
        require(_switches(world) == _sysctls(world) == _OFF, "a dry run turned it on")
        agent.agent.stop()


CASES = [turned_on_by_the_agent, other_bridges_are_left_alone, turned_off_under_way, without_the_module, told_not_to_touch_it,
         pods_elsewhere, a_dry_run_touches_nothing]
