"""Pods on a bridge, where packets of one node pass the rules only with br_netfilter; and pods that nothing can be enforced
for. What an agent does about it, what it says, and what packets do meanwhile."""

import contextlib
import time

from labs.net.patience import PATIENCE_SECONDS

from . import objects
from .cases_events import await_event
from .probes import Listening
from .world import SPARE, require

_NODE = "n1"  # where a/web, a/client and b/client hang on the bridge cni0
_FAMILIES = ("iptables", "ip6tables")
_DENY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
_POLICED = ("deny * -> a/web",)
# What a node without it shows: neighbours on the bridge get through, others do not.
_BYPASSED = ("deny * -> a/web", "allow a/client -> a/web", "allow b/client -> a/web")
# Sees the node's settings and cannot change them, as in a container.
_READ_ONLY = ("unshare", "--mount", "sh", "-c", 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"', "sh")


def _set_filter(world, value):
    for family in _FAMILIES:
        world.topology.nodes[_NODE].namespace.write_sysctl(f"net/bridge/bridge-nf-call-{family}", value)


def _filter(world):
    with world.topology.nodes[_NODE].namespace:
        values = []
        for family in _FAMILIES:
            with open(f"/proc/sys/net/bridge/bridge-nf-call-{family}", encoding="ascii") as file:
                values.append(file.read().strip())
        return values


@contextlib.contextmanager
def _filter_off(world):
    """For the start of a case; on again at its end, whatever happens. The agent must not be running meanwhile."""
    _set_filter(world, 0)
    try:
        yield
    finally:
        _set_filter(world, 1)


def _said(agent):
    with open(agent.agent.log, encoding="utf-8", errors="replace") as file:
        return file.read()


def _expect_said(agent, begun, words, times):
    """Waits until the log has the words so often since then; more often is wrong."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (count := _said(agent)[begun:].count(words)) < times and time.monotonic() < end:
        time.sleep(0.02)
    require(count == times, f"the log says {count} times, not {times}: {words}: {_said(agent)[begun:]}")


def switched_on_by_the_agent(world):
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    with Listening(world, _NODE, start=False) as agent, _filter_off(world):
        begun = len(_said(agent))
        world.expect(*_BYPASSED)  # that it matters at all
        agent.agent.start()
        agent.expect_ready()
        require(_filter(world) == ["1", "1"], f"the agent is ready and the settings are {_filter(world)}")
        world.expect(*_POLICED)
        _expect_said(agent, begun, "switched the filtering of bridged packets on", 2)


def switched_off_under_way(world):
    world.policy("a/deny", **_DENY)
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        world.expect(*_POLICED)
        begun = len(_said(agent))
        for _ in range(3):
            _set_filter(world, 0)
            begin = time.monotonic()
            while _filter(world) != ["1", "1"]:
                require(time.monotonic() - begin < PATIENCE_SECONDS, f"{PATIENCE_SECONDS} s after it was switched off it is still off")
                time.sleep(0.01)
            world.slowest = max(world.slowest, time.monotonic() - begin)
        world.expect(*_POLICED)
        end = time.monotonic() + PATIENCE_SECONDS
        while "somebody switched the filtering of bridged packets off" not in _said(agent)[begun:]:
            require(time.monotonic() < end, "the log does not say that it was switched off")
            time.sleep(0.02)


def not_to_be_switched_on(world):
    """With settings that it cannot change the agent is not ready, says why, and enforces what it can."""
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    with Listening(world, _NODE, prefix=_READ_ONLY, start=False) as agent, _filter_off(world):
        begun = len(_said(agent))
        agent.agent.start()
        end = time.monotonic() + PATIENCE_SECONDS
        while "policies are enforced" not in _said(agent)[begun:]:
            require(time.monotonic() < end, "the agent does not get to enforce anything")
            time.sleep(0.02)
        agent.expect_problem("bridge cni0 bypass the rules", "net.bridge.bridge-nf-call-iptables is 0", "Read-only file system",
                             "`sysctl -w net.bridge.bridge-nf-call-ip6tables=1`", "bridge.sysctl=init")
        require(_filter(world) == ["0", "0"], "the setting was not read-only")
        require(agent.metric("podgate_unpoliced_pods") == 3, f"{agent.metric('podgate_unpoliced_pods')} pods are counted")
        require(agent.get("/healthz")[0] == 200, "a bypass must not restart the agent")
        _expect_said(agent, begun, "bypass the rules", 2)  # one line for each family
        world.expect(*_BYPASSED)
        _set_filter(world, 1)
        require(agent.expect_ready() == "ok\n", "mended, and still something to say")
        require(agent.metric("podgate_unpoliced_pods") == 0, "mended, and still pods are counted")
        world.expect(*_POLICED)


def told_not_to_touch_it(world):
    """With --bridge-sysctl=check; a bridge's own switch is as good."""
    world.policy("a/deny", **_DENY)
    world.expect(*_POLICED)
    node = world.topology.nodes[_NODE].namespace
    with Listening(world, _NODE, "--bridge-sysctl=check", start=False) as agent, _filter_off(world):
        agent.agent.start()
        agent.expect_problem("is not to set it")
        time.sleep(1.5)
        agent.expect_problem("is not to set it")
        require(_filter(world) == ["0", "0"], "the agent changed the settings all the same")
        node.ip("link set cni0 type bridge nf_call_iptables 1 nf_call_ip6tables 1")
        try:
            agent.expect_ready()
            world.expect(*_POLICED)
        finally:
            node.ip("link set cni0 type bridge nf_call_iptables 0 nf_call_ip6tables 0")
        agent.expect_ready(False)


def pods_elsewhere(world):
    """A macvlan pod, whose packets never pass this node's rules, and one whose address nobody knows the way to."""
    node, other = world.topology.nodes[_NODE].namespace, world.topology.slots[SPARE].namespace
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        begun = len(_said(agent))
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
            _expect_said(agent, begun, "nothing can be enforced for a pod", 2)
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
        agent.expect_problem("is not to set it")
        require(_filter(world) == ["0", "0"], "a dry run changed the settings")
        agent.agent.stop()


CASES = [switched_on_by_the_agent, switched_off_under_way, not_to_be_switched_on, told_not_to_touch_it, pods_elsewhere,
         a_dry_run_touches_nothing]
