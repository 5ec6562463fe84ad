"""What a pod sends that is not its own: forged senders, frames that no rule of family inet sees, neighbours' names. With
--source-guard=off each attack works, so that it is known to be one; with the guard none does, and what is the pod's own passes."""

import contextlib
import itertools
import json
import os
import socket
import struct
import time

from labs.net.patience import PATIENCE_SECONDS

from .cases_bridge import CONTAINED, await_said, said
from .probes import Listening
from .world import FAMILIES, require

_NODE = "n1"  # where a/web, a/client and b/client hang on the bridge cni0
_DENY_INGRESS = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
_ONLY_CLIENT_OF_B = {**_DENY_INGRESS, "ingress": [{"from": [{
    "namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "client"}}}]}]}
_DENY_EGRESS = {"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": ["Egress"]}
_ETHERTYPE = {4: 0x0800, 6: 0x86DD}
_ARP, _VLAN = 0x0806, 0x8100
_NOBODY = bytes.fromhex("02ad000000ee")  # a MAC address that no link has: the bridge floods it
_ICMPV6 = 58
_UDP = 17
_LISTEN = 7900
_next_port = itertools.count(42000)


def _checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _ip(source, target, protocol, payload, hops=64):
    source, target = _packed(source), _packed(target)
    if len(source) == 16:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, hops) + source + target + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, hops, protocol, 0) + source + target
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + payload


def _udp(source, target, source_port, port, data):
    head = struct.pack(">HHHH", source_port, port, 8 + len(data), 0)
    pseudo = _packed(source) + _packed(target) + struct.pack(">IHBB", 8 + len(data), 0, 0, _UDP)
    check = _checksum(pseudo + head + data) or 0xFFFF
    return _ip(source, target, _UDP, head[:6] + struct.pack(">H", check) + data)


def _icmpv6(source, target, body, hops=255):
    pseudo = _packed(source) + _packed(target) + struct.pack(">IHBB", len(body), 0, 0, _ICMPV6)
    body = body[:2] + struct.pack(">H", _checksum(pseudo + body)) + body[4:]
    return _ip(source, target, _ICMPV6, body, hops)


class _Pod:
    """A pod of the lab, with a raw socket on its eth0."""

    def __init__(self, world, name):
        self.endpoint = world.endpoint(name)
        self.addresses = self.endpoint.addresses
        link, = json.loads(self.endpoint.namespace.run(["ip", "-json", "link", "show", "eth0"]).stdout)
        self.mac = bytes.fromhex(link["address"].replace(":", ""))

    def send(self, target_mac, ethertype, packet, source_mac=None, tags=b""):
        with self.endpoint.namespace:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("eth0", 0))
                raw.send(target_mac + (source_mac or self.mac) + tags + struct.pack(">H", ethertype) + packet)

    @contextlib.contextmanager
    def listening(self, family, port, whole=False):
        """Whether a token came: a function. whole: on every address."""
        with self.endpoint.namespace:
            server = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        server.settimeout(0.15)
        server.bind(("" if whole else self.addresses[family], port))

        def came(token):
            try:
                while True:
                    if server.recv(2048) == token:
                        return True
            except socket.timeout:
                return False
        try:
            yield came
        finally:
            server.close()

    @property
    def link_local(self):
        return "fe80::%02x%02x:%02xff:fe%02x:%02x%02x" % (self.mac[0] ^ 2, *self.mac[1:])

    def say(self, family, source_port, target, port, token):
        """From a socket of its own, as any program does."""
        with self.endpoint.namespace:
            with socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind((self.addresses[family], source_port))
                client.sendto(token, (target, port))

    def shout(self, target, port, token):
        """To a group or a link-local address, over eth0, without any right."""
        with self.endpoint.namespace:
            family = socket.AF_INET6 if ":" in target else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                if family == socket.AF_INET6:
                    client.sendto(token, (target, port, 0, socket.if_nametoindex("eth0")))
                    return
                client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _packed(self.addresses[4]))
                client.sendto(token, (target, port))


def _learn_mac(world, pod, other):
    """So that the kernels of both know each other's MAC address; a/web may deny the packet that makes them ask."""
    for family in FAMILIES:
        pod.say(family, next(_next_port), other.addresses[family], 9, b"x")
    time.sleep(0.05)


def _await_guard(agent, links):
    end = time.monotonic() + PATIENCE_SECONDS
    while agent.metric("podgate_guarded_links") != links:
        require(time.monotonic() < end, f"{agent.metric('podgate_guarded_links')} links are guarded, not {links}")
        time.sleep(0.05)


@contextlib.contextmanager
def _agent(world, guard, links=3):
    with Listening(world, _NODE, f"--source-guard={guard}", prefix=CONTAINED) as agent:
        agent.expect_ready()
        if guard == "full":
            _await_guard(agent, links)
        else:
            require(not _table(world), "the agent has left the guard that it was not to have")
        yield agent


def _with_and_without(world, attack, *rules):
    """attack(world): what got through, and all that was tried. rules: what connections of the pods' own show throughout."""
    world.expect(*rules)
    with _agent(world, "off"):
        through, tried = attack(world)
        require(sorted(through) == sorted(tried), f"without the guard only {through} of {tried} work: the attack is none")
    with _agent(world, "full") as agent:
        before = agent.metric("podgate_forged_packets_total")
        through, tried = attack(world)
        require(not through, f"got through: {through}")
        dropped = agent.metric("podgate_forged_packets_total") - before
        require(dropped >= len(tried), f"{dropped} forged packets are counted, and {len(tried)} were sent")
        world.expect(*rules)


def _forged_first_packet(world):
    """The victim's first packet to the attacker, made by the attacker: what it sends then answers it."""
    attacker, victim = _Pod(world, "a/client"), _Pod(world, "a/web")
    through, tried = [], []
    for family in FAMILIES:
        _learn_mac(world, attacker, victim)
        port, token = next(_next_port), os.urandom(8)
        with victim.listening(family, _LISTEN) as came:
            forged = _udp(victim.addresses[family], attacker.addresses[family], _LISTEN, port, b"forged")
            attacker.send(_NOBODY, _ETHERTYPE[family], forged)
            time.sleep(0.02)
            attacker.say(family, port, victim.addresses[family], _LISTEN, token)
            tried.append(f"IPv{family}")
            if came(token):
                through.append(f"IPv{family}")
    return through, tried


def a_forged_first_packet_opens_nothing(world):
    world.policy("a/deny", **_DENY_INGRESS)
    _with_and_without(world, _forged_first_packet, "deny * -> a/web")


def _forged_source(world):
    attacker, victim, friend = _Pod(world, "a/client"), _Pod(world, "a/web"), _Pod(world, "b/client")
    through, tried = [], []
    for family, source_mac in itertools.product(FAMILIES, (None, friend.mac)):
        token = os.urandom(8)
        what = f"IPv{family}" + (" with the other's MAC address" if source_mac else "")
        with victim.listening(family, _LISTEN) as came:
            packet = _udp(friend.addresses[family], victim.addresses[family], next(_next_port), _LISTEN, token)
            attacker.send(victim.mac, _ETHERTYPE[family], packet, source_mac)
            tried.append(what)
            if came(token):
                through.append(what)
        friend.say(family, next(_next_port), attacker.addresses[family], 9, b"x")  # the bridge learns its place again
    return through, tried


def a_forged_sender_is_dropped(world):
    world.policy("a/some", **_ONLY_CLIENT_OF_B)
    _with_and_without(world, _forged_source, "deny * -> a/web", "allow b/client -> a/web")


def _tagged(world):
    attacker, victim = _Pod(world, "a/client"), _Pod(world, "a/web")
    through, tried = [], []
    for family, tags in itertools.product(FAMILIES, (1, 2)):
        token = os.urandom(8)
        what = f"IPv{family} with {tags} tags"
        with victim.listening(family, _LISTEN) as came:
            packet = _udp(attacker.addresses[family], victim.addresses[family], next(_next_port), _LISTEN, token)
            attacker.send(victim.mac, _ETHERTYPE[family], packet, tags=struct.pack(">HH", _VLAN, 0) * tags)
            tried.append(what)
            if came(token):
                through.append(what)
    return through, tried


def vlan_tags_bypass_nothing(world):
    world.policy("a/deny", **_DENY_INGRESS)
    _with_and_without(world, _tagged, "deny * -> a/web")


def _neighbour(pod, address):
    found = json.loads(pod.endpoint.namespace.run(["ip", "-json", "neigh", "show", address]).stdout or "[]")
    return bytes.fromhex(found[0].get("lladdr", "").replace(":", "")) if found else b""


def _claim(attacker, address, other):
    """Tells the other pod that the attacker has the address."""
    if "." in address:
        packet = (struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + attacker.mac + _packed(address) + other.mac
                  + _packed(other.addresses[4]))
        attacker.send(other.mac, _ARP, packet)
        return
    # Solicited and override, with the target's link-layer address.
    body = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + _packed(address) + b"\x02\x01" + attacker.mac
    attacker.send(other.mac, _ETHERTYPE[6], _icmpv6(attacker.addresses[6], other.addresses[6], body))


def _impersonation(world):
    """By ARP and by a neighbour advertisement: b/client is to take the attacker for a/web."""
    attacker, victim, other = _Pod(world, "a/client"), _Pod(world, "a/web"), _Pod(world, "b/client")
    through, tried = [], []
    for family in FAMILIES:
        other.endpoint.namespace.run(["ip", "neigh", "flush", "dev", "eth0"])
        other.say(family, next(_next_port), victim.addresses[family], 9, b"x")
        end = time.monotonic() + PATIENCE_SECONDS
        while _neighbour(other, victim.addresses[family]) != victim.mac:
            require(time.monotonic() < end, "b/client does not find a/web")
            time.sleep(0.02)
        tried.append(f"IPv{family}")
        end = time.monotonic() + 1.5  # for a second after it has learnt one, the kernel takes no other ARP answer
        while time.monotonic() < end:
            _claim(attacker, victim.addresses[family], other)
            time.sleep(0.1)
            if _neighbour(other, victim.addresses[family]) == attacker.mac:
                through.append(f"IPv{family}")
                break
        for pod in (attacker, victim, other):
            pod.endpoint.namespace.run(["ip", "neigh", "flush", "dev", "eth0"])
            pod.say(family, next(_next_port), "10.244.1.1" if family == 4 else "fd00:10:244:1::1", 9, b"x")
    return through, tried


def nobody_answers_for_a_neighbour(world):
    _with_and_without(world, _impersonation)


def _router(world):
    attacker, other = _Pod(world, "a/client"), _Pod(world, "b/client")
    other.endpoint.namespace.write_sysctl("net/ipv6/conf/eth0/accept_ra", 2)
    prefix = "2001:db8:bad::"
    try:
        lifetime = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
        option = struct.pack(">BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + _packed(prefix)
        local = attacker.link_local
        attacker.send(bytes.fromhex("333300000001"), _ETHERTYPE[6], _icmpv6(local, "ff02::1", lifetime + option))
        time.sleep(0.2)
        routes = other.endpoint.namespace.run(["ip", "-6", "route", "show"]).stdout
        return (["a router advertisement"] if prefix in routes else []), ["a router advertisement"]
    finally:
        other.endpoint.namespace.write_sysctl("net/ipv6/conf/eth0/accept_ra", 0)
        other.endpoint.namespace.run(["ip", "-6", "addr", "flush", "dev", "eth0", "dynamic"], check=False)
        other.endpoint.namespace.run(["ip", "-6", "route", "flush", "root", "2001:db8:bad::/48"], check=False)
        other.endpoint.namespace.run(["ip", "-6", "route", "flush", "proto", "ra"], check=False)


def a_pod_is_no_router(world):
    _with_and_without(world, _router)


def _quoting(world):
    """ICMP errors about a datagram of the victim's to somebody else, with a message behind it."""
    attacker, victim, other = _Pod(world, "a/client"), _Pod(world, "a/web"), _Pod(world, "b/client")
    through, tried = [], []
    for family in FAMILIES:
        with victim.endpoint.namespace:
            kind = (socket.AF_INET, socket.IPPROTO_ICMP) if family == 4 else (socket.AF_INET6, _ICMPV6)
            ears = socket.socket(kind[0], socket.SOCK_RAW, kind[1])
        with ears:
            ears.settimeout(0.15)
            port, token = next(_next_port), os.urandom(16)
            victim.say(family, port, other.addresses[family], 53, b"question")
            time.sleep(0.02)
            quoted = _udp(victim.addresses[family], other.addresses[family], port, 53, b"question") + token
            source, target = attacker.addresses[family], victim.addresses[family]
            if family == 4:
                body = struct.pack(">BBHI", 3, 1, 0, 0) + quoted
                packet = _ip(source, target, 1, body[:2] + struct.pack(">H", _checksum(body)) + body[4:])
            else:
                packet = _icmpv6(source, target, struct.pack(">BBHI", 1, 1, 0, 0) + quoted, hops=64)
            attacker.send(victim.mac, _ETHERTYPE[family], packet)
            tried.append(f"IPv{family}")
            with contextlib.suppress(socket.timeout):
                while True:
                    if token in ears.recv(2048):
                        through.append(f"IPv{family}")
                        break
    return through, tried


def an_error_about_others_packets_is_no_channel(world):
    world.policy("a/deny", **_DENY_INGRESS)
    _with_and_without(world, _quoting, "deny * -> a/web")


def _other_address(world):
    attacker, target = _Pod(world, "a/client"), _Pod(world, "b/client")
    through, tried = [], []
    for family, address in ((4, "10.244.1.200"), (6, "fd00:10:244:1::200")):
        token = os.urandom(8)
        with target.listening(family, _LISTEN) as came:
            packet = _udp(address, target.addresses[family], next(_next_port), _LISTEN, token)
            attacker.send(target.mac, _ETHERTYPE[family], packet)
            tried.append(f"IPv{family}")
            if came(token):
                through.append(f"IPv{family}")
    return through, tried


def another_address_evades_no_egress_policy(world):
    for namespace in "ab":
        world.policy(f"{namespace}/deny", **_DENY_EGRESS)
    _with_and_without(world, _other_address, "deny */client -> *")


def _neighbours_of(sender, receiver):
    """Which of the addresses that are on the link alone lead a datagram from the one to the other."""
    through = []
    for target in ("10.244.1.255", "255.255.255.255", "224.0.0.1", "ff02::1", receiver.link_local):
        token = os.urandom(8)
        with receiver.listening(6 if ":" in target else 4, _LISTEN, whole=True) as came:
            sender.shout(target, _LISTEN, token)
            if came(token):
                through.append(target)
    return through


def _expect_neighbours(sender, receiver, expected):
    end = time.monotonic() + PATIENCE_SECONDS
    while (through := _neighbours_of(sender, receiver)) != expected:
        require(time.monotonic() < end, f"these lead from {sender.endpoint.name} to {receiver.endpoint.name}: {through}, not {expected}")
    require(_neighbours_of(sender, receiver) == expected, "and then it is otherwise")


def on_the_link_nothing_bypasses_isolation(world):
    """Link-local addresses, multicast and broadcast, from an ordinary program."""
    world.expect()
    with _agent(world, "full"):
        sender, isolated, other = _Pod(world, "a/client"), _Pod(world, "a/web"), _Pod(world, "b/client")
        everything = _neighbours_of(sender, isolated)
        require(len(everything) == 5, f"only these lead to a pod that nothing isolates: {everything}")
        world.policy("a/deny", **_DENY_INGRESS)
        world.expect("deny * -> a/web")
        _expect_neighbours(sender, isolated, [])
        _expect_neighbours(isolated, other, [other.link_local])  # groups may reach a/web as well
        world.policy("a/deny-egress", **{**_DENY_EGRESS, "podSelector": {"matchLabels": {"app": "web"}}})
        world.expect("deny * -> a/web", "deny a/web -> *")
        _expect_neighbours(isolated, other, [])
        for policy in ("a/deny", "a/deny-egress"):
            world.remove("NetworkPolicy", policy)
        world.expect()
        _expect_neighbours(sender, isolated, everything)


def _table(world):
    done = world.topology.nodes[_NODE].namespace.run(["nft", "list", "table", "netdev", "podgate"], check=False)
    return done.stdout if done.returncode == 0 else ""


def stays_when_the_agent_is_away(world):
    world.policy("a/deny", **_DENY_INGRESS)
    world.expect("deny * -> a/web")
    with _agent(world, "full") as agent:
        agent.agent.kill()
        through, _ = _tagged(world)
        require(not through, f"got through: {through}")
        through, _ = _forged_first_packet(world)
        require(not through, f"got through: {through}")
        world.expect("deny * -> a/web")
        agent.agent.start()
        agent.expect_ready()
        _await_guard(agent, 3)
        before = _table(world)
        for change in ("flush chain netdev podgate " + before.partition("chain ")[2].split()[0], "delete table netdev podgate"):
            begun = len(said(agent))
            world.topology.nodes[_NODE].namespace.run(["nft", *change.split()])
            await_said(agent, begun, "table netdev podgate was")
            end = time.monotonic() + PATIENCE_SECONDS
            while _table(world).count("chain ") != before.count("chain "):
                require(time.monotonic() < end, f"{change}: was not reverted")
                time.sleep(0.05)
        world.expect("deny * -> a/web")


def follows_the_pods(world):
    """A pod that comes is guarded, one that goes is not: somebody else may get its link."""
    with _agent(world, "full") as agent:
        world.remove("Pod", "b/client")
        del world.slots["b/client"]
        _await_guard(agent, 2)
        world.expect()
        world.pod("b/client", "n1", 3)
        _await_guard(agent, 3)
        world.expect()


CASES = (a_forged_first_packet_opens_nothing, a_forged_sender_is_dropped, vlan_tags_bypass_nothing, nobody_answers_for_a_neighbour,
         a_pod_is_no_router, on_the_link_nothing_bypasses_isolation, another_address_evades_no_egress_policy,
         an_error_about_others_packets_is_no_channel, stays_when_the_agent_is_away, follows_the_pods)
