"""Fills the API server with a cluster: many pods, most of them on nodes that do not exist here, and many policies.

Every policy has what real ones have: peers by label in their own and in other namespaces, a block with holes, a named
port, a range, and DNS to everywhere.
"""

import os

from . import objects
from .client import MERGE

_PORTS = (("http", 8080, "TCP"), ("metrics", 9100, "TCP"))


class Cluster:
    """Sizes and names; everything follows from numbers, so that the same sizes always give the same cluster."""

    def __init__(self, pods, policies, namespaces, local, local_prefix="10.244.1.", first=100):
        """`local` pods stand on node n1 and have addresses local_prefix + (first …)."""
        self.pods, self.policies, self.namespaces, self.local = pods, policies, namespaces, local
        self.apps = max(5, pods // namespaces // 5)  # about five pods of an app in each namespace
        self._local_prefix, self._first = local_prefix, first

    def pod(self, i):
        """(manifest, status)"""
        labels = {"app": f"a{i // self.namespaces % self.apps}", "tier": f"t{i % 7}", "pod-template-hash": f"h{i % 53}"}
        if i < self.local:
            node, host, address = "n1", "192.168.50.11", f"{self._local_prefix}{self._first + i}"
        else:
            node, host = f"far{i % 50}", f"172.31.0.{i % 50 + 1}"
            address = f"10.{100 + i // 60000}.{i // 250 % 240}.{i % 250 + 2}"
        made = objects.pod(f"ns{i % self.namespaces}/p{i}", node, labels, _PORTS)
        return made, objects.running([address], host)

    def policy(self, k):
        def app(number):
            return {"matchLabels": {"app": f"a{number % self.apps}"}}
        namespace, round_ = k % self.namespaces, k // self.namespaces
        return objects.policy(
            f"ns{namespace}/np{k}", podSelector=app(round_), policyTypes=["Ingress", "Egress"],
            ingress=[
                {"from": [{"podSelector": app(7 * k + 1)},
                          {"namespaceSelector": {"matchLabels": {"team": f"t{k % 5}"}},
                           "podSelector": {"matchLabels": {"tier": f"t{k % 7}"}}}],
                 "ports": [{"port": 8080}, {"port": "metrics"}]},
                {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.96.0.0/16", f"10.{k % 200}.0.0/16"]}}],
                 "ports": [{"port": 443}, {"port": 30000, "endPort": 30100}]}],
            egress=[
                {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]},
                {"to": [{"podSelector": app(3 * k + 2)}], "ports": [{"port": 8080}]}])

    def make(self, client, processes=4):
        """Writes it all, over as many connections as processes."""
        for i in range(self.namespaces):
            name = f"ns{i}"
            client.ask("POST", objects.collection("Namespace"), objects.namespace(name, {"team": f"t{i % 5}"}))
            client.ask("POST", objects.collection("ServiceAccount", name), objects.default_account(name))
        client.close()  # each process opens its own
        children = []
        for number in range(processes):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    for i in range(number, self.pods, processes):
                        made, status = self.pod(i)
                        name = f"{made['metadata']['namespace']}/{made['metadata']['name']}"
                        client.ask("POST", objects.collection("Pod", made["metadata"]["namespace"]), made)
                        client.ask("PATCH", objects.path("Pod", name) + "/status", status, MERGE)
                    for k in range(number, self.policies, processes):
                        made = self.policy(k)
                        client.ask("POST", objects.collection("NetworkPolicy", made["metadata"]["namespace"]), made)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
        if failed:
            raise RuntimeError(f"{len(failed)} of {processes} loading processes failed")
