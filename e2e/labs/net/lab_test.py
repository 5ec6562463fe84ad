#!/usr/bin/python3
"""The lab judged by itself: what its patterns mean, and that its packets show what is there and nothing else.

Usage: e2e/labs/net/lab_test.py; as root, else the part with packets is skipped (in CI: fails).
"""

import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from labs.net import injector, netlink, wire, world  # noqa: E402
from labs.net.expect import End, Expectation  # noqa: E402
from labs.net.netns import LabError  # noqa: E402
from labs.net.prober import Probe, Prober  # noqa: E402
from labs.net.topology import KINDS, Topology  # noqa: E402
from labs.net.world import CaseError  # noqa: E402

BOTH = {4: "", 6: ""}
A, B, C = (End(name, "pod", "n1", BOTH) for name in ("x/a", "x/b", "y/c"))
NODE, OUTSIDE = End("n1", "node", "n1", BOTH), End("ext1", "ext", None, BOTH)
ENDS = [A, B, C, NODE, OUTSIDE]


def allowed(entries, source, target, port="80/tcp", family=4):
    number, _, protocol = port.rpartition("/")
    return Expectation(entries, ENDS).allowed(source, target, protocol, int(number or 0), family)


class Patterns(unittest.TestCase):
    def test_the_last_match_decides(self):
        entries = [{"default": "allow"}, {"deny": "* -> x/a"}, {"allow": ["y/c -> x/*:80,53/udp"]}]
        self.assertFalse(allowed(entries, B, A))
        self.assertTrue(allowed(entries, C, A))
        self.assertTrue(allowed(entries, C, A, "53/udp"))
        self.assertFalse(allowed(entries, C, A, "53/tcp"))
        self.assertTrue(allowed(entries, A, B))

    def test_ports(self):
        entries = [{"default": "deny"}, {"allow": "* -> x/b:8000-8010/tcp,*/udp,icmp"}]
        for port, expected in (("8000/tcp", True), ("8010/tcp", True), ("8011/tcp", False), ("8000/sctp", False),
                               ("1/udp", True), ("icmp", True)):
            self.assertEqual(allowed(entries, A, B, port), expected, port)
        self.assertFalse(allowed([{"default": "deny"}, {"allow": "* -> x/b:80"}], A, B, "icmp"))

    def test_families_groups_and_negation(self):
        entries = [{"default": "deny"}, {"allow": ["ext -> x/a @6", "!x/* -> x/b"]}]
        self.assertFalse(allowed(entries, OUTSIDE, A))
        self.assertTrue(allowed(entries, OUTSIDE, A, family=6))
        self.assertTrue(allowed(entries, C, B))
        self.assertFalse(allowed(entries, A, B))

    def test_what_is_always_allowed_is_out_of_reach_of_ordinary_patterns(self):
        for source, target in ((A, A), (NODE, A), (A, NODE)):
            self.assertTrue(allowed([{"default": "deny"}, {"deny": "* -> *"}], source, target))
        self.assertFalse(allowed([{"default": "allow"}, {"deny": "self -> x/a"}], A, A))
        self.assertFalse(allowed([{"default": "allow"}, {"deny": "x/* -> own-node"}], A, NODE))
        self.assertFalse(allowed([{"default": "allow"}, {"deny": "own-node -> x/a"}], NODE, A))
        self.assertTrue(allowed([{"default": "allow"}, {"deny": "own-node -> x/a"}], A, NODE))

    def test_mistakes_are_named(self):
        for entries in ([], [{"deny": "* -> *"}], [{"default": "allow"}, {"deny": "x/q -> *"}],
                        [{"default": "allow"}, {"deny": "x/a"}], [{"default": "allow"}, {"deny": "* -> x/a:http"}],
                        [{"default": "allow"}, {"reject": "* -> *"}]):
            with self.assertRaises(CaseError, msg=str(entries)):
                Expectation(entries, ENDS)


class World(unittest.TestCase):
    def test_changes_merge_labels_and_leave_the_old_state_alone(self):
        before = world.standard_world()
        after = world.changed(before, {"pods": {"x/a": {"labels": {"pod": None, "new": "v"}}}, "namespaces": {"z": None}})
        self.assertEqual(after["pods"]["x/a"]["labels"], {"tier": "front", "new": "v"})
        self.assertEqual(before["pods"]["x/a"]["labels"], {"pod": "a", "tier": "front"})
        self.assertNotIn("z/a", after["pods"])


class Wire(unittest.TestCase):
    def test_crc32c(self):
        self.assertEqual(wire.crc32c(b"123456789"), 0xE3069283)  # the check value of CRC-32C

    def test_sctp_round_trip(self):
        self.assertEqual(wire.parse_sctp(wire.sctp_init(20000, 80, 7)), (20000, 80, wire.INIT, 7))
        self.assertEqual(wire.parse_sctp(wire.sctp_init_ack(80, 20000, 7)), (80, 20000, wire.INIT_ACK, 7))
        self.assertIsNone(wire.parse_sctp(b"short"))


FILTER = """table inet test {
  chain forward { type filter hook forward priority -5; policy accept;
    ct state established,related accept
    icmpv6 type { 133-137 } accept
    meta l4proto sctp sctp dport 7000 accept
    ip daddr 10.244.2.11 drop
    ip6 daddr fd00:10:244:2::11 reject with icmpx admin-prohibited
  }
}
"""
JUDGED = """
table inet test {
  chain forward {
    type filter hook forward priority 0;
    ct state new th dport 7000 accept
    meta l4proto { tcp, udp } drop
  }
}
"""
INVALID = """table inet test {
  chain forward { type filter hook forward priority -5; policy accept;
    ip daddr 10.244.2.11 ct state invalid drop
  }
}
"""
PORTS = (("tcp", 80), ("udp", 53), ("sctp", 7000), ("icmp", 0))


class Packets(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            if os.environ.get("CI"):
                self.fail("needs root, and CI must run it")
            self.skipTest("needs root")

    def results(self, prober, topology, closed):
        source, target = topology.slots["n1", 1], topology.slots["n2", 1]
        probes = [Probe(source, family, protocol, target.addresses[family], port)
                  for family in (4, 6) for protocol, port in PORTS]
        for probe in probes:
            (prober.unlisten if closed else prober.listen)(target, probe.family, probe.protocol, probe.port)
        prober.run(probes)
        return [probe.result for probe in probes]

    def test_every_topology(self):
        for kind in KINDS:
            missing = Topology.missing(kind)
            if missing and not os.environ.get("CI"):
                print(f"skipped {kind}: {missing}")
                continue
            with self.subTest(kind), Topology(kind, slots=2) as topology, Prober() as prober:
                self.assertEqual(self.results(prober, topology, True), ["refused", "refused", "refused", "open"] * 2)
                self.assertEqual(self.results(prober, topology, False), ["open"] * 8)
                topology.nodes["n2"].namespace.run(["nft", "-f", "-"], input=FILTER)
                seen = self.results(prober, topology, False)
                # The rejection may come back before connect() does, and TCP then waits for its next attempt.
                self.assertIn(seen.pop(4), ("rejected", "silent"))
                self.assertEqual(seen, ["silent", "silent", "open", "silent", "rejected", "open", "silent"])

    @staticmethod
    def stray(prober, target, probes):
        for probe in probes:
            prober.listen(target, probe.family, "stray", probe.port)
        prober.run(probes)

    def test_a_stray_segment_arrives_and_is_invalid_to_conntrack(self):
        for kind in ("routed", "bridge"):
            if Topology.missing(kind) and not os.environ.get("CI"):
                continue
            with self.subTest(kind), Topology(kind, slots=2) as topology, Prober() as prober:
                source, target = topology.slots["n1", 1], topology.slots["n2", 1]
                probes = [Probe(source, family, "stray", target.addresses[family], 80) for family in (4, 6)]
                self.stray(prober, target, probes)
                self.assertEqual([probe.result for probe in probes], ["open", "open"])
                topology.nodes["n2"].namespace.run(["nft", "-f", "-"], input=INVALID)
                self.stray(prober, target, probes)
                self.assertEqual([probe.result for probe in probes], ["silent", "open"])

    def test_injected_frames_are_counted_one_by_one(self):
        try:
            frames = injector.Injector(4)
        except LabError as error:
            if os.environ.get("CI"):
                raise
            self.skipTest(str(error))
        with Topology("routed", slots=2) as topology:
            node, source, target = topology.nodes["n1"].namespace, topology.slots["n1", 1], topology.slots["n1", 2]
            frames.watch(node, ["p2"])
            for family in (4, 6):  # so that the neighbour is known
                source.namespace.run(["ping", "-c1", "-W2", target.addresses[family]])
            node.run(["nft", "-f", "-"], input=JUDGED)
            with node:
                gateway, interface = injector.mac("p1"), socket.if_nametoindex("p1")
            for index, (family, protocol, port) in enumerate(((4, "udp", 7000), (6, "tcp", 7000), (4, "tcp", 7001), (6, "udp", 7001))):
                ends = source.addresses[family], target.addresses[family]
                frames.set_frames([injector.frame(index, gateway, *ends, protocol, 20000, port)], index)
            with node:
                for ports in (1, 100):  # new connections, and no others: wrong checksums would be invalid
                    frames.choose(4, ports)
                    frames.send(interface, 4000)
            self.assertEqual([frames.counted(index)[0] for index in range(4)], [2000, 2000, 0, 0])

    def test_elements_go_in_and_out_by_hand(self):
        with Topology("routed", slots=1) as topology:
            node = topology.nodes["n1"].namespace
            node.run(["nft", "add table inet t; add set inet t s { type ipv4_addr; size 8; }"])
            with node, netlink.Socket(netlink.NETLINK_NETFILTER) as nf:
                before = netlink.generation(nf)
                nf.socket.send(netlink.element_batch("t", "s", [bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))], True))
                nf.socket.send(netlink.element_batch("t", "s", [bytes((10, 0, 0, 1))], False))
                self.assertEqual(nf.errors(), [])
                self.assertEqual(netlink.generation(nf), before + 2)
                nf.socket.send(netlink.element_batch("t", "s", [bytes((10, 0, 0, 1))], False))
                self.assertEqual([error for _, error in nf.errors()], [2])  # ENOENT
            listed = node.run(["nft", "list", "set", "inet", "t", "s"]).stdout
            self.assertIn("elements = { 10.0.0.2 }", listed)

    def test_bridged_packets_meet_the_forward_hook(self):
        if Topology.missing("bridge") and not os.environ.get("CI"):
            self.skipTest(Topology.missing("bridge"))
        with Topology("bridge", slots=2) as topology, Prober() as prober:
            topology.nodes["n2"].namespace.run(["nft", "-f", "-"], input=FILTER)
            source, target = topology.slots["n2", 2], topology.slots["n2", 1]
            prober.listen(target, 4, "tcp", 80)
            probe = Probe(source, 4, "tcp", target.addresses[4], 80)
            prober.run([probe])
            self.assertEqual(probe.result, "silent")


if __name__ == "__main__":
    unittest.main()
