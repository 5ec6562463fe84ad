"""Podgate in a cluster, as a user installs it: the image on the nodes, the chart by helm."""

import json
import os
import subprocess

from labs.net.netns import LabError
from labs.net.patience import START_SECONDS

from .cluster import CHART

_TOP = os.path.dirname(os.path.dirname(CHART))
RELEASE, NAMESPACE = "podgate", "kube-system"


def make_image(podgate, out):
    """The image as an archive, from a binary that is built already."""
    done = subprocess.run([f"{_TOP}/charts/image/build", "--binary", podgate, "--out", out], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"charts/image/build ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")


class Installation:
    """The release `podgate` in kube-system."""

    def __init__(self, cluster):
        self.cluster = cluster

    def install(self, *options):
        """Returns as soon as the API server has everything; pods are still to start."""
        self.cluster.helm("install", RELEASE, CHART, "--namespace", NAMESPACE, *options)

    def upgrade(self, *options):
        """Returns when every node runs the new one."""
        self.cluster.helm("upgrade", RELEASE, CHART, "--namespace", NAMESPACE, "--reuse-values", "--wait", "--timeout", f"{START_SECONDS}s", *options)

    def test(self):
        """`helm test`; its output."""
        done = self.cluster.helm("test", RELEASE, "--namespace", NAMESPACE, "--timeout", f"{START_SECONDS}s", check=False)
        if done.returncode != 0:
            raise LabError(f"helm test ended with {done.returncode}: {done.stdout[-1500:]}{done.stderr[-500:]}")
        return done.stdout

    def uninstall(self):
        self.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", f"{START_SECONDS}s")

    def pods(self):
        """{node: the agent's pod, as the API has it}"""
        found = json.loads(self.cluster.kubectl("get", "pods", "--namespace", NAMESPACE, "--output", "json", "--selector",
                                                f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/name=podgate"))["items"]
        return {pod["spec"].get("nodeName"): pod for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def ready(self, node):
        """Whether the agent's pod there is Ready."""
        pod = self.pods().get(node)
        return bool(pod) and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))

    def readyz(self, node, port=9480):
        """(status, body) of /readyz on the node's loopback."""
        done = self.cluster.nodes[node].machine.run("curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}",
                                                    f"http://127.0.0.1:{port}/readyz", check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body.strip()

    def logs(self, node, lines=15):
        pod = self.pods().get(node)
        if not pod:
            return "there is no pod"
        return self.cluster.kubectl("logs", "--namespace", NAMESPACE, f"--tail={lines}", pod["metadata"]["name"], "--all-containers",
                                    check=False).stdout

    def table(self, node):
        """The text of the node's table; empty when there is none."""
        return self.cluster.nodes[node].machine.run("nft", "list", "table", "inet", "podgate", check=False).stdout
