"""Established flows follow the policy: exactly those that a change denies are cut, the others live on."""

import contextlib
import re
import time

from labs.net.patience import PATIENCE_SECONDS

from .conversation import Conversation, Echoes, silent
from .world import FAMILIES, require

# How long the tombstone of a UDP flow stands: then what its server goes on to say is a flow of its own, and is answered.
_UDP_TOMBSTONE_SECONDS = 5
_SERVICE = {4: "10.96.0.77", 6: "fd00:10:96::77"}
_ONLY_CLIENTS = {"podSelector": {"matchLabels": {"app": "web"}},
                 "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "client"}}}]}]}


@contextlib.contextmanager
def _talking():
    """A list to put conversations in; they end with the case."""
    everything = []
    try:
        yield everything
    finally:
        for conversation in everything:
            conversation.close()


@contextlib.contextmanager
def _sysctl(world, **values):
    """A setting of conntrack on both nodes for the time of a case."""
    before = {}
    for node in world.topology.nodes.values():
        for key, value in values.items():
            with node.namespace:
                path = f"/proc/sys/net/netfilter/{key}"
                with open(path, encoding="ascii") as file:
                    before[node, key] = file.read().strip()
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(value))
    try:
        yield
    finally:
        for (node, key), value in before.items():
            node.namespace.write_sysctl(f"net/netfilter/{key}", value)


def _entries(world, node, *arguments):
    """Lines of conntrack's list."""
    done = world.topology.nodes[node].namespace.run(["conntrack", "-L", "-o", "id", *arguments])
    return [line for line in done.stdout.splitlines() if " src=" in line]


def _identities(world, conversation):
    """The entries of a conversation, by node: they change when a flow is cut and begun anew."""
    found = {}
    for node in world.topology.nodes:
        for line in _entries(world, node, "-p", conversation.protocol, "-f", f"ipv{conversation.family}"):
            if f"sport={conversation.source_port} " in line and conversation.source_address in line:
                found[node] = re.search(r"\bid=(\d+)", line).group(1)
    return found


def _alive(conversations, **how):
    quiet = silent(conversations, **how)
    return [conversation for conversation in conversations if conversation not in quiet]


def _names(conversations):
    return ", ".join(conversation.name for conversation in conversations)


def _expect_cut(conversations, since=None):
    """Waits until nothing passes any more, then sees it stay so. Returns the longest wait."""
    begin = last = since or time.monotonic()
    while alive := _alive(conversations):
        last = time.monotonic()
        require(last - begin < PATIENCE_SECONDS, f"{_names(alive)}: lives {PATIENCE_SECONDS} s after it was denied")
    back = _alive(conversations)
    require(not back, f"{_names(back)}: was cut and came back")
    return last - begin


def _expect_alive(conversations):
    for conversation in conversations:
        require(conversation.works(), f"{conversation.name} should have lived on and is cut")


def exactly_the_denied(world):
    world.expect()
    # An entry of UDP expires after half a minute; a slow machine takes longer to look at all of them.
    with _talking() as talks, _sysctl(world, nf_conntrack_udp_timeout=3600):
        def talk(source, protocol, family):
            end = world.endpoint(source) if source in world.slots else world.topology.nodes[source]
            talks.append(Conversation(end, world.endpoint("a/web"), protocol, family))
            return talks[-1]

        pairs = [(protocol, family) for protocol in ("tcp", "udp") for family in FAMILIES]
        denied = [talk(source, *pair) for source in ("a/far", "b/web", "b/far") for pair in pairs]
        alive = [talk(source, *pair) for source in ("a/client", "b/client") for pair in pairs]
        # From the node itself: never policed. And what the pod itself began: its own business.
        alive += [talk("n1", *pair) for pair in pairs]
        for pair in pairs:
            talks.append(Conversation(world.endpoint("a/web"), world.endpoint("a/far"), *pair))
            alive.append(talks[-1])
        before = {conversation: _identities(world, conversation) for conversation in alive}
        require(all(before.values()), "a conversation without an entry in conntrack")
        world.policy("a/p", **_ONLY_CLIENTS)
        world.slowest = max(world.slowest, _expect_cut(denied))
        _expect_alive(alive)
        world.expect("deny * -> a/web", "allow */client -> a/web")
        time.sleep(1.2)  # the pass that looks again
        _expect_cut(denied)
        _expect_alive(alive)
        for conversation, ids in before.items():
            require(_identities(world, conversation) == ids, f"{conversation.name} has another entry than before")


def icmp_and_sctp(world):
    world.expect()
    with _talking() as talks:
        for family in FAMILIES:
            talks += [Echoes(world.endpoint(source), world.endpoint("a/web"), family) for source in ("a/client", "b/far")]
        _expect_alive(talks)
        # Not every kernel has SCTP sockets; conntrack knows its flows all the same.
        for family in FAMILIES:
            for source in ("a/client", "b/far"):
                world.topology.nodes["n1"].namespace.run(
                    ["conntrack", "-I", "-p", "sctp", "-s", world.endpoint(source).addresses[family], "-d",
                     world.endpoint("a/web").addresses[family], "--sport", "5000", "--dport", "5001", "--state", "ESTABLISHED",
                     "--orig-vtag", "1", "--reply-vtag", "2", "-t", "600", "-u", "SEEN_REPLY,ASSURED"])
        world.policy("a/p", **_ONLY_CLIENTS)
        _expect_cut([talk for talk in talks if "n2" in talk.name.partition(" -> ")[0]])
        _expect_alive([talk for talk in talks if "n1" in talk.name.partition(" -> ")[0]])
        for family in FAMILIES:
            left = "\n".join(line for line in _entries(world, "n1", "-p", "sctp", "-f", f"ipv{family}")
                             if "UNREPLIED" not in line)
            for source, there in (("a/client", True), ("b/far", False)):
                address = world.endpoint(source).addresses[family]
                require((f"src={address} " in left) == there,
                        f"the SCTP flow of {source} (IPv{family}) is {'cut' if there else 'there'}")


def egress_of_the_source(world):
    world.expect()
    with _talking() as talks:
        client, web, far = (world.endpoint(f"a/{name}") for name in ("client", "web", "far"))
        denied, alive = [], []
        for family in FAMILIES:
            for protocol in ("tcp", "udp"):
                denied.append(Conversation(client, far, protocol, family))   # leaves this node
                denied.append(Conversation(client, world.endpoint("b/client"), protocol, family))
                alive.append(Conversation(client, web, protocol, family))
                alive.append(Conversation(far, client, protocol, family))    # the other one began it
                alive.append(Conversation(client, world.topology.nodes["n1"], protocol, family))
        talks += denied + alive
        world.policy("a/out", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Egress"],
                     egress=[{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])
        _expect_cut(denied)
        _expect_alive(alive)
        world.expect("deny a/client -> *", "allow a/client -> a/web")
        _expect_alive(alive)


@contextlib.contextmanager
def _service(world, target, port):
    """A Service as kube-proxy's nftables mode makes it: DNAT of its address in prerouting, and masquerade of a pod that
    reaches itself. Port 80 is the target's `port`; port 81 masquerades every client, as a NodePort does.
    """
    rules = []
    for family, word in ((4, "ip"), (6, "ip6")):
        to = target.addresses[family] if family == 4 else f"[{target.addresses[family]}]"
        rules.append(f"""table {word} services {{
  map service-ips {{ type ipv{family}_addr . inet_proto . inet_service : verdict
    elements = {{ {_SERVICE[family]} . tcp . 80 : goto endpoint, {_SERVICE[family]} . udp . 80 : goto endpoint,
                  {_SERVICE[family]} . tcp . 81 : goto external, {_SERVICE[family]} . udp . 81 : goto external }}
  }}
  chain external {{ meta mark set 0x4000
    goto endpoint
  }}
  chain endpoint {{ {word} saddr {target.addresses[family]} meta mark set 0x4000
    meta l4proto {{ tcp, udp }} dnat to {to}:{port}
  }}
  chain prerouting {{ type nat hook prerouting priority -100
    {word} daddr . meta l4proto . th dport vmap @service-ips
  }}
  chain postrouting {{ type nat hook postrouting priority 100
    meta mark & 0x4000 == 0x4000 masquerade
  }}
}}""")
    nodes = [node.namespace for node in world.topology.nodes.values()]
    for node in nodes:
        node.run(["nft", "-f", "-"], input="\n".join(rules))
    try:
        yield
    finally:
        for node in nodes:
            node.run(["nft", "delete table ip services; delete table ip6 services"])


def through_a_service(world):
    world.expect()
    web, port = world.endpoint("a/web"), 7099
    with _talking() as talks, _service(world, web, port):
        def talk(source, protocol, family, service_port):
            service = (_SERVICE[family], service_port)
            talks.append(Conversation(world.endpoint(source), web, protocol, family, service, port))
            return talks[-1]

        # UDP: one socket of the server for each client, so one after the other has the port; TCP shares it.
        denied, alive = [], []
        for family in FAMILIES:
            for service_port in (80, 81):
                denied += [talk(source, "tcp", family, service_port) for source in ("a/far", "b/far")]
                alive += [talk(source, "tcp", family, service_port) for source in ("a/client", "b/client", "a/web")]
        before = {conversation: _identities(world, conversation) for conversation in alive}
        world.policy("a/p", **_ONLY_CLIENTS)
        _expect_cut(denied)
        _expect_alive(alive)
        world.expect("deny * -> a/web", "allow */client -> a/web")
        _expect_alive(alive)
        for conversation, ids in before.items():
            require(ids and _identities(world, conversation) == ids, f"{conversation.name} has another entry than before")
        world.remove("NetworkPolicy", "a/p")
        world.expect()
        for family in FAMILIES:
            for source, lives in (("a/client", True), ("b/far", False)):
                conversation = talk(source, "udp", family, 80)
                world.policy("a/p", **_ONLY_CLIENTS)
                if lives:
                    world.expect("deny * -> a/web", "allow */client -> a/web")
                    _expect_alive([conversation])
                else:
                    _expect_cut([conversation])
                world.remove("NetworkPolicy", "a/p")
                world.expect()
                talks.pop().close()


def the_other_end_cannot_bring_it_back(world):
    # As nodes have it by default: conntrack takes up connections in their middle.
    world.expect()
    with _talking() as talks, _sysctl(world, nf_conntrack_tcp_loose=1):
        for family in FAMILIES:
            for source in ("a/client", "b/far"):
                talks.append(Conversation(world.endpoint(source), world.endpoint("a/web"), "tcp", family))
                talks.append(Conversation(world.endpoint(source), world.endpoint("a/web"), "udp", family))
        mute = silent(talks, PATIENCE_SECONDS, push=True)
        require(not mute, f"{_names(mute)}: the server says something and the client does not answer")
        begin, on_their_own = time.monotonic(), set()
        world.policy("a/p", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress"])
        _expect_cut(talks)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            alive = _alive(talks, push=True)
            if time.monotonic() > begin + _UDP_TOMBSTONE_SECONDS:
                on_their_own.update(talk for talk in talks if talk.protocol == "udp")
            wrong = [talk for talk in alive if talk not in on_their_own]
            require(not wrong, f"{_names(wrong)}: is cut, the server spoke, and the client's answer passed")
        world.expect("deny * -> a/web")
        require(not _alive([talk for talk in talks if talk not in on_their_own]), "a flow that was cut came back")
        # When it is allowed again its tuples are free: also for a new connection from the same port.
        ports = {}
        for talk in talks:
            ports[talk] = talk.source_port
            talk.close()
        talks.clear()
        world.remove("NetworkPolicy", "a/p")
        world.expect()
        for old, port in ports.items():
            source = next(world.endpoint(name) for name in ("a/client", "b/far") if world.endpoint(name).name in old.name)
            talks.append(Conversation(source, world.endpoint("a/web"), old.protocol, old.family, port=old.port, source_port=port))


def older_than_their_entries(world):
    """Conntrack takes a connection up in its middle with whatever comes first, here with what the server says."""
    world.expect()
    with _talking() as talks, _sysctl(world, nf_conntrack_tcp_loose=1):
        web, far = world.endpoint("a/web"), world.endpoint("b/far")
        denied = [Conversation(far, web, "tcp", family) for family in FAMILIES]
        alive = [Conversation(web, far, "tcp", family) for family in FAMILIES]
        alive += [Conversation(world.endpoint("a/client"), web, "tcp", family) for family in FAMILIES]
        talks += denied + alive

        for node in world.topology.nodes.values():
            for family in FAMILIES:
                node.namespace.run(["conntrack", "-D", "-p", "tcp", "-f", f"ipv{family}"], check=False)
        mute = silent(talks, PATIENCE_SECONDS, push=True)
        require(not mute, f"{_names(mute)}: the server says something and the client does not answer")
        for talk in talks:
            begun = [re.search(r"sport=(\d+) dport=(\d+)", line).groups()
                     for line in _entries(world, "n1", "-p", "tcp", "-f", f"ipv{talk.family}")]
            require((str(talk.port), str(talk.source_port)) in begun,
                    f"{talk.name}: its entry does not begin with the server's packet")
        world.policy("a/p", **_ONLY_CLIENTS)
        _expect_cut(denied)
        _expect_alive(alive)


def policy_changed_while_no_agent_ran(world):
    world.expect()
    with _talking() as talks:
        denied = [Conversation(world.endpoint("b/far"), world.endpoint("a/web"), *pair)
                  for pair in (("tcp", 4), ("udp", 6))]
        alive = [Conversation(world.endpoint("a/client"), world.endpoint("a/web"), "tcp", 6)]
        talks += denied + alive
        world.agents["n1"].kill()
        world.policy("a/p", **_ONLY_CLIENTS)
        _expect_alive(talks)
        world.agents["n1"].start()
        world.expect("deny * -> a/web", "allow */client -> a/web")
        _expect_cut(denied)
        _expect_alive(alive)


def rules_flushed_by_somebody(world):
    world.policy("a/p", **_ONLY_CLIENTS)
    world.expect("deny * -> a/web", "allow */client -> a/web")
    with _talking() as talks:
        node = world.topology.nodes["n1"].namespace
        world.agents["n1"].hold()  # it mends the rules sooner than a connection is made
        node.run(["nft", "delete table inet podgate"])
        talks.append(Conversation(world.endpoint("b/far"), world.endpoint("a/web"), "tcp", 4))
        world.agents["n1"].go_on()
        world.expect("deny * -> a/web", "allow */client -> a/web")
        _expect_cut(talks)


def nothing_stays_when_it_is_not_wanted(world):
    """What cut flows leave in conntrack goes with `podgate cleanup`, and where established flows are to be kept."""
    node = world.topology.nodes["n1"].namespace
    agent = world.agents["n1"]

    def tombstones():
        return [line for line in _entries(world, "n1") if "zone-reply=" in line]

    def await_tombstones(there, sentence):
        end = time.monotonic() + PATIENCE_SECONDS
        while bool(tombstones()) != there:
            require(time.monotonic() < end, sentence)
            time.sleep(0.05)

    world.expect()
    for leave in ("cleanup", "keep"):
        with _talking() as talks:
            talks.append(Conversation(world.endpoint("b/far"), world.endpoint("a/web"), "tcp", 4))
            world.policy("a/p", **_ONLY_CLIENTS)
            _expect_cut(talks)
            await_tombstones(True, "a flow was cut, and nothing keeps its other end from bringing it back")
            agent.stop()
            require(tombstones(), "the rules stay when the agent stops, and so must what belongs to them")
            if leave == "cleanup":
                node.run([agent.podgate, "cleanup"])
            else:
                agent.options = ("--established=keep",)
                try:
                    agent.start()
                    world.expect("deny * -> a/web", "allow */client -> a/web")
                    await_tombstones(False, "entries of cut flows stay where established flows are kept")
                    agent.stop()
                finally:
                    agent.options = ()
            require(not tombstones(), f"{len(tombstones())} entries of cut flows stay after {leave}")
        world.remove("NetworkPolicy", "a/p")
        agent.start()
        world.await_tables()
        world.expect()


def kept_when_told_so(world):
    try:
        for agent in world.agents.values():
            agent.stop()
            agent.options = ("--established=keep",)
            agent.start()
        world.expect()
        with _talking() as talks:
            talks += [Conversation(world.endpoint("b/far"), world.endpoint("a/web"), protocol, family)
                      for protocol in ("tcp", "udp") for family in FAMILIES]
            world.policy("a/p", **_ONLY_CLIENTS)
            world.expect("deny * -> a/web", "allow */client -> a/web")
            time.sleep(1.5)
            _expect_alive(talks)
    finally:
        for agent in world.agents.values():
            agent.stop()
            agent.options = ()
            agent.start()


CASES = [exactly_the_denied, icmp_and_sctp, egress_of_the_source, through_a_service, the_other_end_cannot_bring_it_back,
         older_than_their_entries, policy_changed_while_no_agent_ran, rules_flushed_by_somebody, nothing_stays_when_it_is_not_wanted, kept_when_told_so]
