"""Builds two nodes with pod slots, a LAN between them and a host outside the cluster. See README.md for the kinds.

A topology is built once and used by all cases: a case gives its pods to slots.
"""

import os
import sys
import time

from .netns import LabError, Namespace, home
from .patience import PATIENCE_SECONDS

KINDS = ("bridge", "routed", "vxlan", "tun")
NODES = ("n1", "n2")
SLOTS = 12
# name: (IPv4, IPv6)
EXTERNALS = {
    "ext1": ("198.51.100.1", "2001:db8:100::1"),
    "ext2": ("198.51.100.2", "2001:db8:100::2"),
    "ext3": ("198.51.100.130", "2001:db8:100::130"),
    "ext4": ("203.0.113.9", "2001:db8:113::9"),
}
_GATEWAY4, _GATEWAY6 = "192.168.50.100", "fd00:50::100"  # of the nodes: the outside host


def number(node):
    return NODES.index(node) + 1


def node_addresses(node):
    n = number(node)
    return f"192.168.50.1{n}", f"fd00:50::1{n}"


def slot_addresses(node, slot):
    n = number(node)
    return f"10.244.{n}.{10 + slot}", f"fd00:10:244:{n}::{10 + slot}"


def _pod_ranges(node):
    n = number(node)
    return f"10.244.{n}.0/24", f"fd00:10:244:{n}::/64"


class Endpoint:
    """Something with one address of each family that can be probed, and probe."""

    __slots__ = ("name", "namespace", "addresses")

    def __init__(self, name, namespace, addresses):
        self.name, self.namespace = name, namespace
        self.addresses = {4: addresses[0], 6: addresses[1]}


class Topology:
    """Everything built: `nodes`, `slots[(node, slot)]` and `externals`, all Endpoints."""

    def __init__(self, kind, slots=SLOTS):
        if kind not in KINDS:
            raise LabError(f"no topology {kind!r}; there are {', '.join(KINDS)}")
        missing = self.missing(kind)
        if missing:
            raise LabError(f"topology {kind}: {missing}")
        home()
        self.kind = kind
        self.processes = []
        self.namespaces = []
        self.nodes, self.slots, self.externals = {}, {}, {}
        self._build_lan()
        for node in NODES:
            for slot in range(1, slots + 1):
                namespace = self._namespace(f"{node}-slot{slot}")
                self.slots[node, slot] = Endpoint(f"{node}/{slot}", namespace, slot_addresses(node, slot))
            self._attach = self._attach_routed if kind == "routed" else self._attach_bridged
            self._attach(node, slots)
        {"vxlan": self._join_vxlan, "tun": self._join_tun}.get(kind, self._join_hostgw)()
        self._settle()

    @staticmethod
    def missing(kind):
        """Why this machine cannot have that topology; empty when it can."""
        if kind == "tun" and not os.path.exists("/dev/net/tun"):
            return "there is no /dev/net/tun (load the module tun)"
        if kind != "routed" and not os.path.exists("/proc/sys/net/bridge"):
            return "bridged packets cannot be filtered: there is no /proc/sys/net/bridge (load the module br_netfilter)"
        return ""

    def _namespace(self, name):
        namespace = Namespace(f"{self.kind}:{name}")
        self.namespaces.append(namespace)
        # Before any link exists: no duplicate-address detection (it would cost a second), no reverse-path filter
        # (answers of a tunnelled path may come back another way).
        for scope in ("all", "default"):
            namespace.write_sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
            namespace.write_sysctl(f"net/ipv6/conf/{scope}/accept_ra", 0)
            namespace.write_sysctl(f"net/ipv4/conf/{scope}/rp_filter", 0)
        # A closed port answers each probe, however many there are in a second.
        namespace.sysctl(net__ipv4__icmp_ratemask=0, net__ipv6__icmp__ratelimit=0)
        namespace.ip("link set lo up")
        return namespace

    def _bridge_filter(self, namespace, value):
        if os.path.exists("/proc/sys/net/bridge"):
            with namespace:
                for name in ("iptables", "ip6tables", "arptables"):
                    namespace.write_sysctl(f"net/bridge/bridge-nf-call-{name}", 0 if name == "arptables" else value)

    @staticmethod
    def _track_connections(namespace):
        """The settings of conntrack come with its module, which the kernel loads for the first rule that asks for it."""
        with namespace:
            if os.path.exists("/proc/sys/net/netfilter/nf_conntrack_tcp_loose"):
                return
        namespace.run(["nft", "-f", "-"], input="table inet lab {\n chain lab {\n ct state new\n }\n}\ndelete table inet lab\n")

    def _build_lan(self):
        lan = self._namespace("lan")
        lan.ip("link add lan type bridge mcast_snooping 0", "link set lan up")
        self._bridge_filter(lan, 0)
        outside = self._namespace("outside")
        members = {"outside": (outside, (_GATEWAY4, _GATEWAY6))}
        for node in NODES:
            namespace = self._namespace(node)
            self._track_connections(namespace)
            namespace.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1,
                             net__netfilter__nf_conntrack_tcp_loose=0)  # a segment of no connection is invalid
            self._bridge_filter(namespace, 1)
            self.nodes[node] = Endpoint(node, namespace, node_addresses(node))
            members[node] = (namespace, node_addresses(node))
        for name, (namespace, addresses) in members.items():
            lan.ip(f"link add {name} type veth peer name eth0 netns {namespace.path}", f"link set {name} master lan up")
            namespace.ip("link set eth0 up", f"addr add {addresses[0]}/24 dev eth0",
                         f"addr add {addresses[1]}/64 dev eth0 nodad")
        for node in self.nodes.values():
            node.namespace.ip(f"route add default via {_GATEWAY4}", f"route add default via {_GATEWAY6}")
        commands = []
        for name, addresses in EXTERNALS.items():
            commands += [f"addr add {addresses[0]}/32 dev lo", f"addr add {addresses[1]}/128 dev lo nodad"]
            self.externals[name] = Endpoint(name, outside, addresses)
        for node in NODES:
            commands += [f"route add {pods} via {via}" for pods, via in zip(_pod_ranges(node), node_addresses(node))]
        outside.ip(*commands)

    def _attach_bridged(self, node, slots):
        n, namespace = number(node), self.nodes[node].namespace
        commands = ["link add cni0 type bridge mcast_snooping 0", f"addr add 10.244.{n}.1/24 dev cni0",
                    f"addr add fd00:10:244:{n}::1/64 dev cni0 nodad", "link set cni0 up"]
        for slot in range(1, slots + 1):
            pod = self.slots[node, slot].namespace
            commands += [f"link add p{slot} type veth peer name eth0 netns {pod.path}",
                         f"link set p{slot} master cni0 up", f"link set p{slot} type bridge_slave hairpin on"]
        namespace.ip(*commands)
        for slot in range(1, slots + 1):
            pod = self.slots[node, slot]
            pod.namespace.ip("link set eth0 up", f"addr add {pod.addresses[4]}/24 dev eth0",
                             f"addr add {pod.addresses[6]}/64 dev eth0 nodad", f"route add default via 10.244.{n}.1",
                             f"route add default via fd00:10:244:{n}::1")

    def _attach_routed(self, node, slots):
        namespace = self.nodes[node].namespace
        commands = []
        for slot in range(1, slots + 1):
            pod = self.slots[node, slot]
            commands += [f"link add p{slot} type veth peer name eth0 netns {pod.namespace.path}", f"link set p{slot} up",
                         f"addr add fe80::1/64 dev p{slot} nodad", f"route add {pod.addresses[4]}/32 dev p{slot}",
                         f"route add {pod.addresses[6]}/128 dev p{slot}"]
        namespace.ip(*commands)
        for slot in range(1, slots + 1):
            namespace.write_sysctl(f"net/ipv4/conf/p{slot}/proxy_arp", 1)  # answers for 169.254.1.1
            namespace.write_sysctl(f"net/ipv4/neigh/p{slot}/proxy_delay", 0)
            pod = self.slots[node, slot]
            pod.namespace.ip("link set eth0 up", f"addr add {pod.addresses[4]}/32 dev eth0",
                             f"addr add {pod.addresses[6]}/128 dev eth0 nodad",
                             "route add 169.254.1.1 dev eth0 scope link", "route add default via 169.254.1.1",
                             "route add default via fe80::1 dev eth0")

    def _other(self, node):
        return NODES[1 - NODES.index(node)]

    def _join_hostgw(self):
        for node in NODES:
            there = self._other(node)
            self.nodes[node].namespace.ip(
                *(f"route add {pods} via {via}" for pods, via in zip(_pod_ranges(there), node_addresses(there))))

    def _join_vxlan(self):
        """As flannel does it: one device per family, and for each other node a route, a neighbour and an fdb entry."""
        mac = {node: f"02:00:00:00:00:0{number(node)}" for node in NODES}
        for node in NODES:
            there = self._other(node)
            m, namespace = number(there), self.nodes[node].namespace
            for family, device, local, remote, own, via in (
                    (4, "flannel.1", node_addresses(node)[0], node_addresses(there)[0],
                     f"10.244.{number(node)}.0/32", f"10.244.{m}.0"),
                    (6, "flannel-v6.1", node_addresses(node)[1], node_addresses(there)[1],
                     f"fd00:10:244:{number(node)}::/128", f"fd00:10:244:{m}::")):
                namespace.ip(
                    f"link add {device} address {mac[node]} mtu 1430 type vxlan id 1 dev eth0 local {local} dstport 8472 nolearning",
                    f"addr add {own} dev {device}" + (" nodad" if family == 6 else ""), f"link set {device} up",
                    f"neigh add {via} lladdr {mac[there]} dev {device} nud permanent",
                    f"route add {_pod_ranges(there)[0 if family == 4 else 1]} via {via} dev {device} onlink")
                namespace.run(["bridge", "fdb", "append", mac[there], "dev", device, "dst", remote])

    def _join_tun(self):
        relay = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tun_relay.py")
        for node in NODES:
            there = self._other(node)
            namespace = self.nodes[node].namespace
            process = namespace.popen([sys.executable, relay, "tun0", node_addresses(node)[0], node_addresses(there)[0]],
                                      stdout=-1)
            self.processes.append(process)
            if process.stdout.readline() != b"ready\n":
                raise LabError(f"topology tun: the relay of {node} did not start")
            namespace.ip("link set tun0 mtu 1400 up", f"addr add 10.244.{number(node)}.0/32 dev tun0",
                         *(f"route add {pods} dev tun0" for pods in _pod_ranges(there)))

    def _settle(self):
        """The kernel wakes new links a little later, in the background; until then they lose packets."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting = {namespace: None for namespace in self.namespaces}
        while waiting:
            waiting = {namespace: idle for namespace in waiting if (idle := namespace.idle_links())}
            if time.monotonic() > deadline:
                raise LabError("links that never came up: " + ", ".join(
                    f"{namespace.name} {' '.join(idle)}" for namespace, idle in waiting.items()))
            if waiting:
                time.sleep(0.01)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
        home().enter()
        for namespace in self.namespaces:
            namespace.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
