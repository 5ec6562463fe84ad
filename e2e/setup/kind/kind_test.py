#!/usr/bin/python3
"""What e2e/setup/kind/run writes and runs, without kind: routes, CNI configuration, cluster configuration, workflow, missing tools."""

import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import unittest

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)
import routing  # noqa: E402


def node(name, number, families=2):
    return {"metadata": {"name": name},
            "spec": {"podCIDRs": [f"10.244.{number}.0/24", f"fd00:10:244:{number}::/64"][:families]},
            "status": {"addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": f"172.18.0.{number}"},
                                     {"type": "InternalIP", "address": f"fc00:f853::{number}"}][:1 + families]}}


NODES = [node("worker2", 3), node("control-plane", 1), node("worker", 2)]


class Routing(unittest.TestCase):
    def test_routes_lead_to_the_other_nodes_pods(self):
        made = [" ".join(command) for command in routing.commands(NODES[2], NODES)]
        self.assertEqual(made[1:], [
            "ip -4 route replace 10.244.1.0/24 via 172.18.0.1", "ip -6 route replace fd00:10:244:1::/64 via fc00:f853::1",
            "ip -4 route replace 10.244.3.0/24 via 172.18.0.3", "ip -6 route replace fd00:10:244:3::/64 via fc00:f853::3"])

    def test_pods_get_addresses_and_default_routes_of_both_families(self):
        written = json.loads(routing.conflist(NODES[2]))
        ptp, portmap = written["plugins"]
        self.assertEqual((ptp["type"], portmap["type"]), ("ptp", "portmap"))
        self.assertFalse(ptp["ipMasq"])  # policies judge the pods' own addresses
        self.assertEqual(ptp["ipam"]["ranges"], [[{"subnet": "10.244.2.0/24"}], [{"subnet": "fd00:10:244:2::/64"}]])
        self.assertEqual(ptp["ipam"]["routes"], [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}])

    def test_one_family(self):
        one = [node("a", 1, 1), node("b", 2, 1)]
        self.assertTrue(routing.has_everything(one, 1))
        self.assertFalse(routing.has_everything(one))
        self.assertEqual(len(routing.commands(one[0], one)), 2)
        self.assertEqual(len(json.loads(routing.conflist(one[0]))["plugins"][0]["ipam"]["ranges"]), 1)

    def test_what_is_missing_is_named(self):
        with self.assertRaisesRegex(routing.RoutingError, "node a has no podCIDRs"):
            routing.conflist(node("a", 1, 0))
        other = node("b", 2)
        other["status"]["addresses"].pop()
        with self.assertRaisesRegex(routing.RoutingError, "node b has no IPv6 InternalIP"):
            routing.commands(NODES[0], [NODES[0], other])


class Files(unittest.TestCase):
    @staticmethod
    def read(*path):
        with open(os.path.join(TOP, *path), encoding="utf-8") as file:
            return yaml.safe_load(file)

    def test_the_cluster_is_dual_stack_and_has_no_plugin_of_its_own(self):
        config = self.read("e2e", "setup", "kind", "config.yaml")
        network = config["networking"]
        self.assertEqual((network["ipFamily"], network["disableDefaultCNI"]), ("dual", True))
        self.assertEqual([item["role"] for item in config["nodes"]], ["control-plane", "worker", "worker"])
        pods, services = ([ipaddress.ip_network(text) for text in network[key].split(",")] for key in ("podSubnet", "serviceSubnet"))
        for networks in (pods, services):
            self.assertEqual([item.version for item in networks], [4, 6])
        self.assertFalse(any(one.overlaps(two) for one, two in zip(pods, services)))
        self.assertLessEqual(pods[1].prefixlen, 56)  # nodes get a /64 each

    def test_the_workflow_runs_it_and_pins_its_actions(self):
        workflow = self.read(".github", "workflows", "kind.yml")
        on = workflow.get("on") or workflow[True]  # YAML 1.1 reads the key `on` as a truth value
        self.assertEqual(set(on), {"pull_request", "push"})
        steps = workflow["jobs"]["kind"]["steps"]
        for step in steps:
            if "uses" in step:
                self.assertRegex(step["uses"], r"^[\w.-]+/[\w.-]+@v[\d.]+$")
        self.assertIn("e2e/setup/kind/run", " ".join(step.get("run", "") for step in steps))


class Tools(unittest.TestCase):
    def test_missing_tools_are_all_named_at_once(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([sys.executable, os.path.join(HERE, "run")], env={"PATH": empty}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("docker, kind, kubectl, helm", done.stderr)

    def test_a_run_makes_routes_loads_the_image_and_cleans_up(self):
        """With doubles of the tools that write down how they were called."""
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "log")
            nodes = os.path.join(folder, "nodes.json")
            with open(nodes, "w", encoding="utf-8") as file:
                json.dump({"kind": "List", "items": NODES}, file)
            for tool in ("docker", "kind", "kubectl", "helm"):
                path = os.path.join(folder, tool)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f'#!/bin/sh\necho "{tool} $* [${{KUBECONFIG##*/}}]" >>{log}\n'
                               f'case "{tool} $1 $2" in "kubectl get nodes") cat {nodes} ;; "helm test "*) exit 1 ;; esac\n')
                os.chmod(path, 0o755)
            done = subprocess.run([sys.executable, os.path.join(HERE, "run"), "--name", "trial"], capture_output=True, text=True,
                                  env={"PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": "/the/users/own"})
            with open(log, encoding="utf-8") as file:
                calls = file.read().splitlines()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("helm test", done.stderr)
        self.assertTrue(all(call.endswith("[kubeconfig]") for call in calls if not call.startswith("docker info")), calls)
        order = [next(index for index, call in enumerate(calls) if call.startswith(start)) for start in (
            "kind create cluster --name trial", "kubectl get nodes", "docker exec -i worker", "docker exec worker ip -6 route",
            "kubectl wait", "docker build", "kind load docker-image", "helm install podgate", "helm test", "kind delete cluster")]
        self.assertEqual(order, sorted(order), calls)
        self.assertEqual(sum("route replace" in call for call in calls), 12)


if __name__ == "__main__":
    unittest.main()
