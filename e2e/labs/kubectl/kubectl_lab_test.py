#!/usr/bin/python3
"""What e2e/kubectl_cases makes of the cases, without a cluster: translation, changes, scripts, and every case against a double.

The double keeps objects as an API server would and gives addresses of its own; the reference evaluator says what its
network lets through. So a case that is translated wrongly is judged wrongly here. Usage: e2e/labs/kubectl/kubectl_lab_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from labs.kubectl import cluster, limits, objects, probes  # noqa: E402
from labs.kubectl.blocks import Addresses, Untranslatable, translated  # noqa: E402
from labs.kubectl.changes import Changes, ObjectChanges, Pod, State  # noqa: E402
from labs.kubectl.driver import Driver, route_source  # noqa: E402
from labs.net import programs  # noqa: E402
from labs.net.cases import Check, load_cases  # noqa: E402
from labs.net.expect import End  # noqa: E402
from labs.net.patience import PATIENCE_SECONDS  # noqa: E402

CASES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "cases")
NAMES = objects.Names("run")


def addresses():
    known = Addresses()
    known.add_pod("x/a", {4: "10.244.1.11", 6: "fd00:10:244:1::11"}, {4: "10.30.1.7", 6: "fd00:30:1::7"})
    known.add_pod("x/c", {4: "10.244.2.11", 6: "fd00:10:244:2::11"}, {4: "10.30.2.9"})
    known.add_other("n1", {4: "192.168.50.11"}, {4: "172.18.0.2"})
    return known


def block(cidr, *holes):
    spec = {"ingress": [{"from": [{"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}]}]}
    return translated(spec, addresses(), NAMES.namespace)["ingress"][0]["from"][0]["ipBlock"]


class Blocks(unittest.TestCase):
    def test_a_pods_own_address_becomes_the_one_that_it_has_here(self):
        self.assertEqual(block("10.244.1.11/32"), {"cidr": "10.30.1.7/32"})
        self.assertEqual(block("fd00:10:244:1::11/128"), {"cidr": "fd00:30:1::7/128"})
        self.assertEqual(block("0.0.0.0/0", "10.244.2.11/32"), {"cidr": "0.0.0.0/0", "except": ["10.30.2.9/32"]})

    def test_a_block_stays_where_it_means_the_same(self):
        for cidr, holes in (("0.0.0.0/0", ()), ("::/0", ()), ("198.51.100.0/24", ("198.51.100.2/32",)), ("10.0.0.0/8", ()),
                            ("0.0.0.0/0", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))):
            self.assertEqual(block(cidr, *holes), {"cidr": cidr, **({"except": list(holes)} if holes else {})})

    def test_a_block_that_would_mean_others_here_is_refused(self):
        for cidr, holes in (("10.244.2.0/24", ()), ("192.168.50.11/32", ()), ("0.0.0.0/0", ("10.244.2.0/24",)),
                            ("10.30.0.0/16", ()), ("10.244.0.0/16", ("10.244.1.11/32",)), ("fd00:10:244:2::11/128", ()),
                            ("198.51.100.77/25", ()), ("010.0.0.0/8", ())):
            with self.assertRaises(Untranslatable, msg=cidr):
                block(cidr, *holes)

    def test_namespaces_are_selected_by_their_names_here(self):
        spec = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "z", "ns": "z"}, "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["z", "nowhere"]},
            {"key": "ns", "operator": "Exists"}]}, "podSelector": {"matchLabels": {"kubernetes.io/metadata.name": "z"}}}
        found = translated(spec, addresses(), NAMES.namespace)
        self.assertEqual(found["namespaceSelector"]["matchLabels"], {"kubernetes.io/metadata.name": "run-z", "ns": "z"})
        self.assertEqual(found["namespaceSelector"]["matchExpressions"][0]["values"], ["run-z", "run-nowhere"])
        self.assertEqual(found["podSelector"], spec["podSelector"])  # a pod may have any label


class PodManifests(unittest.TestCase):
    setting = objects.Setting(NAMES, "agnhost", {"n1": "worker", "n2": "worker2"}, {"tcp": {80, 81}, "udp": {53}})

    def test_a_pod_answers_at_all_ports_with_its_name(self):
        pod = objects.pod(self.setting.without({("tcp", 81)}), "x/a", {"node": "n2", "slot": 1, "ports": {"dns": "53/udp"}})
        self.assertEqual(pod["metadata"], {"namespace": "run-x", "name": "a"})
        self.assertEqual(pod["spec"]["nodeName"], "worker2")
        serve = pod["spec"]["containers"][0]
        self.assertEqual(serve["env"], [{"name": "SERVE_PORT_80", "value": "x/a"}, {"name": "SERVE_UDP_PORT_53", "value": "x/a"}])
        self.assertEqual(serve["ports"], [{"name": "dns", "containerPort": 53, "protocol": "UDP"}])

    def test_only_a_restartable_init_container_goes_on(self):
        pod = objects.pod(self.setting, "x/b", {"node": "n1", "slot": 2, "initPorts": {"web": "8080/tcp"},
                                               "plainInitPorts": {"web": "81/tcp"}})
        self.assertEqual([item.get("restartPolicy") for item in pod["spec"]["initContainers"]], ["Always", None])

    def test_a_pod_in_the_nodes_network_listens_nowhere(self):
        pod = objects.pod(self.setting, "x/h", {"node": "n1", "hostNetwork": True})
        self.assertTrue(pod["spec"]["hostNetwork"])
        self.assertEqual([item["args"] for item in pod["spec"]["containers"]], [["pause"]])


class Differences(unittest.TestCase):
    @staticmethod
    def state(namespaces, **pods):
        return State(namespaces, {name.replace("_", "/"): Pod({}, form, labels) for name, (form, labels) in pods.items()})

    def test_labels_change_in_place_and_everything_else_anew(self):
        present = self.state({"x": {"team": "red"}, "y": {}}, x_a=("1", {"pod": "a", "old": ""}), x_b=("1", {}), y_a=("1", {}), x_c=("1", {}))
        wanted = self.state({"x": {"team": "blue"}, "z": {"ns": "z"}}, x_a=("1", {"pod": "b"}), x_b=("2", {}), z_a=("1", {}))
        change = Changes(present, wanted)
        self.assertEqual((change.namespaces_gone, change.namespaces_new), (["y"], ["z"]))
        self.assertEqual(change.namespace_labels, {"x": {"team": "blue"}, "z": {"ns": "z"}})
        self.assertEqual((change.pods_gone, change.pods_new), (["x/b", "x/c"], ["x/b", "z/a"]))
        self.assertEqual(change.pod_labels, {"x/a": {"pod": "b", "old": None}})

    def test_objects(self):
        change = ObjectChanges({("k", "a"): 1, ("k", "b"): 2, ("k", "c"): 3}, {("k", "b"): 2, ("k", "c"): 4, ("k", "d"): 5})
        self.assertEqual((change.gone, change.new, change.replaced), ([1], [5], [4]))


A, B = (End(name, "pod", "n1", {}) for name in ("x/a", "x/b"))
NODE = End("n1", "node", "n1", {})


def probe(source=A, target=B, protocol="tcp", port=80, closed=False, address="10.0.0.2"):
    return probes.Probe(Check(source, target, protocol, port, 4, True, closed), address, port,
                        target.name if target.kind == "pod" else None)


class Scripts(unittest.TestCase):
    def results(self, made, programs_of_pod, on_node=False):
        """What a real shell says, with programs of ours in place of the pod's."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in programs_of_pod.items():
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"#!/bin/sh\n{text}\n")
                os.chmod(path, 0o755)
            text = probes.script(made, on_node, quiet=5).replace("/agnhost ", f"{folder}/agnhost ")
            done = subprocess.run(["sh"], input=text, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                                  env={"PATH": f"{folder}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        probes.read(done.stdout, made)
        return [item.result for item in made]

    def test_a_pod(self):
        told = r'''IFS=' &='; read -r _ _ address _ port _; printf 'HTTP/1.0 200 OK\r\nA: b\r\n\r\n'
case $address in
  10.0.0.2) echo '{"responses":["x/b"]}' ;;
  10.0.0.3) echo '{"errors":["Get \"http://10.0.0.3:80/\": dial tcp 10.0.0.3:80: connect: connection refused"]}' ;;
  10.0.0.4) exec sleep 60 ;;
  10.0.0.5) echo '{"errors":["dial tcp: i/o timeout"]}' ;;
  10.0.0.6) echo '{"responses":["x/c"]}' ;;
  *) echo '{"errors":["dial tcp: connect: no route to host"]}' ;;
esac'''
        made = [probe(address=f"10.0.0.{number}") for number in (2, 3, 4, 5, 6, 7)] * 20 + [probe(protocol="icmp"), probe(protocol="udp")]
        seen = self.results(made, {"nc": told, "ping": "exit 0"})
        self.assertEqual(seen[:6], ["open", "refused", "silent", "silent", "answered by x/c", "dial tcp: connect: no route to host"])
        self.assertEqual(seen[:6] * 20 + ["open", "open"], seen)
        self.assertEqual([item.allowed for item in made[:6]], [True] + [False] * 5)

    def test_a_node(self):
        told = '''case $2 in 10.0.0.2:80) ;; '[fd00::2]:80') echo REFUSED >&2; exit 1 ;;
  *) echo TIMEOUT >&2; exit 1 ;; esac'''
        made = [probe(source=NODE, address=address) for address in ("10.0.0.2", "fd00::2", "10.0.0.3")] * 7
        self.assertEqual(self.results(made, {"agnhost": told}, on_node=True), ["open", "refused", "silent"] * 7)

    def test_a_refusal_counts_only_where_nobody_listens(self):
        for item, expected in ((probe(), False), (probe(closed=True), True), (probe(target=NODE), True)):
            item.result = "refused"
            self.assertEqual(item.allowed, expected)


class Double(cluster.Cluster):
    """Keeps objects as an API server would; pods are ready at once and have addresses that no case names."""

    def __init__(self):
        super().__init__("kubectl")
        self.objects, self._count = {}, 0
        for number, name in enumerate(("control-plane", "worker", "worker2"), 1):
            self.objects["Node", "", name] = {
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "spec": {"taints": [{"key": "control-plane", "effect": "NoSchedule"}]} if number == 1 else {},
                "status": {"conditions": [{"type": "Ready", "status": "True"}],
                           "addresses": [{"type": "InternalIP", "address": address} for address in self.node(number)]}}

    @staticmethod
    def node(number):
        return f"172.18.0.{number}", f"fc00:f853::{number}"

    @staticmethod
    def key(item):
        return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]

    def run(self, *args, given=None, seconds=60):
        items = given if isinstance(given, list) else []
        return {"get": self.got, "create": self.created, "replace": self.replaced, "delete": self.deleted, "label": self.labelled,
                "exec": lambda items, *_: "ping\nnc\n"}[args[0]](items, *args[1:]) or ""

    def got(self, items, *args):
        if args[0] == "nodes":
            found = [item for key, item in self.objects.items() if key[0] == "Node"]
        elif args[0] == "service":
            found = [self.objects["Service", args[2], args[3]]]
        else:
            found = [self.objects[self.key(item)] for item in items]
        return json.dumps({"kind": "List", "items": found})

    def created(self, items, *_):
        for item in json.loads(json.dumps(items)):  # a copy, and what has no form in JSON is found out
            assert self.key(item) not in self.objects, item
            if item["kind"] != "Namespace":
                assert ("Namespace", "", item["metadata"]["namespace"]) in self.objects, item
            self._count += 1
            number = self._count
            if item["kind"] == "Namespace":
                item["metadata"]["labels"] = {"kubernetes.io/metadata.name": item["metadata"]["name"]}
            if item["kind"] == "Service":
                item["spec"]["clusterIPs"] = [f"10.96.7.{number % 250}", f"fd00:10:96::{number}"]
            if item["kind"] == "Pod":
                node = {"worker": 2, "worker2": 3}[item["spec"]["nodeName"]]
                own = (f"10.30.{node}.{number % 250}", f"fd00:30:{node}::{number}")
                assert own[0] not in str([pod.get("status") for pod in self.objects.values()])
                ips = self.node(node) if item["spec"].get("hostNetwork") else own
                item["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "podIP": ips[0],
                                  "podIPs": [{"ip": ip} for ip in ips], "hostIP": self.node(node)[0],
                                  "hostIPs": [{"ip": ip} for ip in self.node(node)]}
            self.objects[self.key(item)] = item

    def replaced(self, items, *_):
        for item in items:
            assert self.key(item) in self.objects, item
            self.objects[self.key(item)] = item

    def deleted(self, items, *_):
        for item in items:
            gone = self.objects.pop(self.key(item), None)
            if gone and item["kind"] == "Namespace":
                self.objects = {key: other for key, other in self.objects.items() if key[1] != item["metadata"]["name"]}

    def labelled(self, _, *args):
        args = [arg for arg in args if arg != "--overwrite"]
        namespace = args[args.index("-n") + 1] if "-n" in args else ""
        kind, name, *texts = args[2:] if namespace else args
        labels = self.objects[{"namespace": "Namespace", "pod": "Pod"}[kind], namespace, name]["metadata"].setdefault("labels", {})
        for text in texts:
            key, equals, value = text.partition("=")
            if equals:
                labels[key] = value
            else:
                del labels[key.removesuffix("-")]


class Judged(Driver):
    """Connections as the reference evaluator says, from the objects that are in the double."""

    def _run(self, probes_, tries):
        by_address = {item["ip"]: f"{key[1]}/{key[2]}" for key, pod in self.cluster.objects.items()
                      if key[0] == "Pod" and not pod["spec"].get("hostNetwork") for item in pod["status"]["podIPs"]}

        def end(end_, address=None):
            if end_.kind == "node":
                return End(self.nodes[end_.node], "node", None, {})
            here = "/".join(self.names.split(end_.name))
            # The address that a probe goes to must be that of the pod that it means.
            assert address is None or by_address[address] == here, (end_.name, address)
            return End(here, "pod", None, {})

        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"apiVersion": "v1", "kind": "List", "items": list(self.cluster.objects.values())}, file)
            file.flush()
            checks = [Check(end(probe_.check.source), end(probe_.check.target, None if probe_.check.via else probe_.address),
                            probe_.check.protocol, probe_.check.port, probe_.check.family, None) for probe_ in probes_]
            answers = programs.ask(programs.PODGATE, file.name, checks)
        for probe_, (allowed, _) in zip(probes_, answers):
            probe_.result = "open" if allowed else "silent"
        return []


class EveryCase(unittest.TestCase):
    # Of each reason to skip, a word; what is skipped for another reason is a case that should have been run.
    REASONS = ("refuses its manifests", "no longer takes such blocks", "would need --", "only a kubelet", "terminating",
               "no address, or another", "alone", "by fixed addresses", "take over the address", "nothing of its matrix")

    def setUp(self):
        missing = programs.missing({programs.PODGATE})
        if missing and os.environ.get("CI"):
            self.fail(missing)
        if missing:
            self.skipTest(missing)

    def test_what_is_run_means_in_the_cluster_what_it_means_in_the_lab(self):
        cases, errors = load_cases(CASES)
        self.assertEqual(errors, [])
        double = Double()
        before = set(double.objects)
        driver = Judged(double, NAMES, "agnhost", cases, 0)
        driver.start()
        self.assertEqual(driver.nodes, {"n1": "worker", "n2": "worker2"})
        self.assertEqual((driver.families, driver.ping), ((4, 6), True))
        run = 0
        for case in cases:
            outcome = driver.run(case)
            self.assertEqual((outcome.error, [str(item) for item in outcome.wrong]), ("", []), case.name)
            for text in filter(None, (outcome.skipped, outcome.note)):
                self.assertTrue(any(reason in text for reason in self.REASONS), f"{case.name}: {text}")
            run += not outcome.skipped
        self.assertGreater(run, 0.65 * len(cases))
        driver.stop()
        self.assertEqual(set(double.objects), before)

    def test_a_wrong_verdict_is_seen(self):
        cases, _ = load_cases(CASES, "^ingress-deny-all$")
        driver = Judged(Double(), NAMES, "agnhost", cases, 0)
        driver.start()
        driver.cluster.replaced = driver.cluster.created = lambda *_: None  # policies are lost
        self.assertTrue(driver.run(cases[0]).wrong)

    def test_ports_that_are_served(self):
        cases, _ = load_cases(CASES)
        served = limits.served_ports(cases)
        self.assertIn(80, served["tcp"])
        self.assertIn(53, served["udp"])
        self.assertNotIn(objects.DIAL_PORT, served["tcp"])


class Nodes(unittest.TestCase):
    def test_a_node_may_speak_from_a_tunnels_address(self):
        self.assertEqual(route_source("10.244.1.14 via 10.244.1.0 dev flannel.1 src 10.244.2.0 uid 0\n    cache\n"), "10.244.2.0")
        self.assertEqual(route_source("fd00:30::7 from :: via fe80::1 dev eth0 proto static src fd00::12 metric 1024"), "fd00::12")
        self.assertIsNone(route_source("sh: ip: not found"))

    def test_only_those_that_take_pods(self):
        nodes = json.loads(Double().run("get", "nodes"))["items"]
        self.assertEqual([name for name, _ in cluster.workers(nodes)], ["worker", "worker2"])
        for number, node in enumerate(nodes):
            node["spec"]["podCIDR"] = f"10.244.{10 - number}.0/24"
        self.assertEqual([name for name, _ in cluster.workers(nodes)], ["worker2", "worker"])
        nodes[1]["status"]["conditions"][0]["status"] = "Unknown"
        nodes[2]["spec"]["unschedulable"] = True
        self.assertEqual(cluster.workers(nodes), [])


if __name__ == "__main__":
    unittest.main()
