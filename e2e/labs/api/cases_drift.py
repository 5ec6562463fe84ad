"""Others change the rules of a node, and agents die in the middle of a change: repaired soon and by name, and no packet is
judged wrongly meanwhile but by what the others did themselves."""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time

from labs.net.patience import PATIENCE_SECONDS

from .probes import Listening
from .steady import steady_traffic
from .world import require

_NODE = "n1"             # where the pods a/web and a/client are
_FRIENDS = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
    {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"friend": "yes"}}}]}]}
_RULES = ("deny * -> a/web", "allow a/client -> a/web", "allow b/far -> a/web")
_ALLOWED = (("a/client", "a/web"), ("b/far", "a/web"), ("b/web", "b/client"))
_DENIED = (("b/client", "a/web"), ("b/web", "a/web"))


def _set_scene(world):
    world.policy("a/friends", **_FRIENDS)
    world.label("Pod", "a/client", friend="yes")
    world.label("Pod", "b/far", friend="yes")
    world.expect(*_RULES)


# -- the node's rules, as nft sees them ----------------------------------------------------------------


def _namespace(world):
    return world.topology.nodes[_NODE].namespace


def _table(world):
    """The table without values of counters, as objects of nft's JSON in an order of their own; None: there is no table;
    empty: a commit overtook nft, which then prints half of it."""
    done = _namespace(world).run(["nft", "-j", "-s", "list", "table", "inet", "podgate"], check=False)
    if done.returncode != 0:
        return None
    try:
        entries = json.loads(done.stdout)["nftables"]
    except json.JSONDecodeError:
        return []
    made = []
    for entry in entries:
        for kind, thing in entry.items():
            if kind == "metainfo":
                continue
            for key in ("handle", "packets", "bytes"):
                thing.pop(key, None)
            if isinstance(thing.get("elem"), list):
                thing["elem"].sort(key=json.dumps)
            made.append(f"{kind} {json.dumps(thing)}")
    def key(thing):  # rules have an order within their chain, which sorting keeps
        return "rule " + json.loads(thing[5:])["chain"] if thing.startswith("rule ") else thing
    return sorted(made, key=key)


def _counters(world):
    """Packets counted so far, by counter."""
    done = _namespace(world).run(["nft", "-j", "list", "counters", "table", "inet", "podgate"])
    return {entry["counter"]["name"]: entry["counter"]["packets"]
            for entry in json.loads(done.stdout)["nftables"] if "counter" in entry}


def _nft(world, *commands):
    """One transaction of nft's own; returns its process's number."""
    process = _namespace(world).popen(["nft", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
    said = process.communicate("\n".join(commands) + "\n")[0]
    require(process.returncode == 0, f"nft refuses {'; '.join(commands)}: {said.strip()}")
    return process.pid


def _said(world, since=0):
    with open(world.agents[_NODE].log, encoding="utf-8", errors="replace") as file:
        return file.read()[since:]


def _names(world):
    """What tampering has to name: the chain and the set of a/web's peers, and its address."""
    text = _namespace(world).run(["nft", "-s", "list", "table", "inet", "podgate"]).stdout
    address = world.endpoint("a/web").addresses[4]
    chain = re.search(rf"\b{re.escape(address)} : (?:goto|jump) ([^\s,]+)", text).group(1)
    peers = re.search(r"set (peers4-\S+) \{", text).group(1)
    return address, chain, peers


# -- what others do --------------------------------------------------------------------------------------


def tampered(world):
    """Each kind of change: undone, with one line that names the process. The slowest repair is printed."""
    _set_scene(world)
    right = _table(world)
    address, chain, peers = _names(world)
    friend = world.endpoint("b/far").addresses[4]
    inet = "inet podgate"
    changes = [
        ("flush ruleset",),
        (f"delete table {inet}",),
        (f"flush chain {inet} forward",),
        (f"flush chain {inet} forward", f"delete chain {inet} forward"),
        (f"flush chain {inet} {chain}",),
        (f"delete element {inet} ingress4 {{ {address} }}",),
        (f"delete element {inet} {peers} {{ {friend} }}",),
        (f"flush set {inet} {peers}",),
        (f"add element {inet} {peers} {{ {world.endpoint('b/web').addresses[4]} }}",),
        (f"insert rule {inet} forward accept",),
        (f"add rule {inet} {chain} ip ttl 1 drop",),
        (f"add chain {inet} theirs {{ type filter hook forward priority -100; policy drop; }}",),
        (f"add chain {inet} theirs", f"add set {inet} theirs {{ type ipv4_addr . inet_service; flags interval; }}",
         f"add rule {inet} theirs ip saddr . tcp dport @theirs accept"),
        (f"add counter {inet} theirs",),
        (f"add table {inet} {{ flags dormant; }}",),
    ]
    slowest = 0.0
    for commands in changes:
        begun = len(_said(world))
        pid = _nft(world, *commands)
        done = time.monotonic()
        while _table(world) != right:
            require(time.monotonic() - done < PATIENCE_SECONDS, f"{'; '.join(commands)}: not repaired after {PATIENCE_SECONDS} s")
        slowest = max(slowest, time.monotonic() - done)
        lines = []
        while not lines:  # the log is written after the repair
            require(time.monotonic() - done < PATIENCE_SECONDS, f"{'; '.join(commands)}: no line in the log")
            lines = [line for line in _said(world, begun).splitlines() if "table inet podgate was" in line]
        require(len(lines) == 1, f"{'; '.join(commands)}: one line in the log was expected and these were found: {lines}")
        require(re.search(r'by="nft \(pid \d+\)"', lines[0]), f"{'; '.join(commands)}: {lines[0]} does not name nft")
        if _sees_all_processes():
            require(f"(pid {pid})" in lines[0], f"{'; '.join(commands)}: {lines[0]} does not name process {pid}")
    world.expect(*_RULES)
    world.slowest = slowest


def _sees_all_processes():
    """Whether numbers of processes here are those of the initial PID namespace, which the kernel tells."""
    try:
        with open("/proc/2/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip() == "kthreadd"
    except FileNotFoundError:  # a PID namespace of few processes
        return False


def tampered_while_away(world):
    """What happened while no agent ran is found when one starts; steady flows that it did not touch never notice."""
    _set_scene(world)
    right = _table(world)
    _, chain, peers = _names(world)
    with steady_traffic(world, allowed=_ALLOWED, denied=_DENIED):
        for agent in world.agents.values():
            agent.kill()
        _nft(world, "add chain inet podgate theirs", "add rule inet podgate theirs ip ttl 1 drop",
             f"add element inet podgate {peers} {{ 10.99.99.99 }}", f"add rule inet podgate {chain} ip ttl 1 accept")
        world.start_agents()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _table(world) != right:
            require(time.monotonic() < deadline, f"{PATIENCE_SECONDS} s after the start the table is not as it was")
            time.sleep(0.02)
    world.expect(*_RULES)


def counted(world):
    """Named counters go on through restarts, kills and repairs; only what deletes them begins them anew."""
    _set_scene(world)
    address, chain, _ = _names(world)
    before = _counters(world)
    require(sum(before.values()) > 0, f"no counter has counted anything: {before}")
    agent = world.agents[_NODE]
    for what in ("restart", "kill", "repair"):
        if what == "restart":
            agent.stop()
        elif what == "kill":
            agent.kill()
        else:
            _nft(world, f"insert rule inet podgate forward ip daddr {address} drop", f"flush chain inet podgate {chain}")
        world.start_agents()
        world.expect(*_RULES)
        now = _counters(world)
        fallen = [name for name, packets in before.items() if now.get(name, -1) < packets]
        require(not fallen, f"after a {what} counters have fallen: {fallen}")
        before = now


@contextlib.contextmanager
def _storm(world):
    """Somebody commits to a table of his own, all the time, as fast as nft can."""
    script = "for i in $(seq 1 20); do echo add table inet storm; echo delete table inet storm; done | nft -f -"
    with tempfile.NamedTemporaryFile(delete=False) as wanted:  # as long as this file is there
        pass
    process = _namespace(world).popen(["sh", "-c", f'while [ -e "$0" ]; do nft add table inet storm; {script}; done', wanted.name],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        require(process.poll() is None, "the storm ended by itself")
    finally:
        os.unlink(wanted.name)
        process.wait()
        _namespace(world).run(["nft", "delete", "table", "inet", "storm"], check=False)


def others_commit_all_the_time(world):
    """The agent goes on, hardly busier than without, still finds what was done to its own table, and loses no packet."""
    _set_scene(world)
    right = _table(world)
    agent = world.agents[_NODE]
    with steady_traffic(world, allowed=_ALLOWED, denied=_DENIED), _storm(world):
        used, begin = agent.cpu_seconds(), time.monotonic()
        time.sleep(4)
        share = (agent.cpu_seconds() - used) / (time.monotonic() - begin)
        require(share < 0.1, f"while others commit the agent takes {share:.0%} of a processor")
        world.policy("b/web", podSelector={"matchLabels": {"app": "web"}}, ingress=[{}])
        world.remove("NetworkPolicy", "b/web")
        for _ in range(3):
            begin = time.monotonic()
            _nft(world, "add counter inet podgate theirs")
            while _table(world) != right:
                require(time.monotonic() - begin < PATIENCE_SECONDS, f"not repaired within {PATIENCE_SECONDS} s")
                time.sleep(0.02)
    world.expect(*_RULES)


# -- killed ------------------------------------------------------------------------------------------------

_OTHER = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"], "egress": [{}], "ingress": [
    {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"friend": "yes"}}}]},
    {"from": [{"ipBlock": {"cidr": "10.99.0.0/16", "except": ["10.99.1.0/24"]}}], "ports": [{"port": 8080}]}]}


def killed_at_every_batch(world):
    """kill -9 at every single system call that brings something to the kernel or takes its answer, from the start of an
    agent with a change to make until it has made it; the next agent has to undo or finish it. Flows whose verdict
    neither policy changes lose nothing and pass nothing."""
    _set_scene(world)
    agent = world.agents[_NODE]
    kills = 0
    with steady_traffic(world, allowed=_ALLOWED, denied=_DENIED, interval=0.002):
        for call in ("sendto", "recvfrom"):
            for place in range(1, 200):
                agent.kill()
                world.policy("a/friends", **(_OTHER if place % 2 else _FRIENDS))
                begun = len(_said(world))
                agent.start(kill_at=(call, place))
                while agent.running() and "policies are enforced" not in _said(world, begun):
                    time.sleep(0.01)
                if "policies are enforced" in _said(world, begun):
                    break
                kills += 1
        agent.kill()
        world.policy("a/friends", **_FRIENDS)
        agent.start()
        world.expect(*_RULES)
    require(kills >= 20, f"an agent was killed at {kills} places only")


def killed_again_and_again(world):
    """kill -9 at any moment while changes come as fast as the API takes them."""
    _set_scene(world)
    with steady_traffic(world, allowed=_ALLOWED, denied=_DENIED):
        for turn in range(25):
            world.policy("a/friends", **(_FRIENDS if turn % 2 else _OTHER))
            world.label("Pod", "b/client", turn=str(turn))
            time.sleep(0.004 * turn)
            for agent in world.agents.values():
                agent.kill()
            world.start_agents()
        world.policy("a/friends", **_FRIENDS)
        world.expect(*_RULES)


def other_rules_are_named(world):
    node = world.topology.nodes[_NODE].namespace
    node.run(["nft", "-f", "-"], input="""table ip other-filter {
  chain KUBE-ROUTER-FORWARD {
  }
  chain FORWARD { type filter hook forward priority 10; policy drop;
    accept
  }
}""")
    try:
        with Listening(world, _NODE) as agent:
            agent.expect_ready()  # others' rules are no reason not to be
            end = time.monotonic() + PATIENCE_SECONDS
            while not all(part in (body := agent.get("/readyz?verbose")[1]) for part in (
                    "note other-rules: chains of another policy enforcer (kube-router or k3s)",
                    "note other-rules: chain FORWARD of table ip other-filter drops")):
                require(time.monotonic() < end, f"/readyz?verbose does not name the chains: {body}")
                time.sleep(0.1)
            world.expect()
    finally:
        node.run(["nft", "delete", "table", "ip", "other-filter"])


CASES = [tampered, tampered_while_away, counted, others_commit_all_the_time, killed_at_every_batch, killed_again_and_again,
         other_rules_are_named]
