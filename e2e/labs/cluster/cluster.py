"""A whole cluster: made, looked at, used and removed. All that is known of it lies in its folder, so that any process may do any."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from labs.net.netns import LabError
from labs.net.patience import START_SECONDS

from . import cni, machine, pki
from .control_plane import ControlPlane
from .node import Node
from .plan import Plan

_E2E = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(os.path.dirname(_E2E), "charts", "podgate")
NEEDED = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "agnhost",
          "containerd", "cni", "images")


def default_folder():
    """Where the cluster lies that commands mean when they name none."""
    return os.environ.get("PODGATE_CLUSTER") or os.path.join(tempfile.gettempdir(), "pg-cluster")


def build(*programs):
    """Makes what is not there yet; the cache folder."""
    done = subprocess.run([f"{_E2E}/setup/cluster/build", *programs], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"e2e/setup/cluster/build {' '.join(programs)} ended with {done.returncode}")
    return done.stdout.strip()


class Cluster:
    """One that is up, or (with a plan) one to be made."""

    def __init__(self, folder, plan=None):
        self.folder = os.path.realpath(folder)
        if plan is None:
            try:
                with open(f"{self.folder}/plan.json", encoding="utf-8") as file:
                    kept = json.load(file)
            except FileNotFoundError:
                raise LabError(f"there is no cluster in {self.folder}: `e2e/setup/cluster/cluster up` makes one") from None
            plan, self.cache = Plan(**kept["plan"]), kept["cache"]
        else:
            self.cache = None
        self.plan = plan
        self._arrange()

    def _arrange(self):
        self.control_plane = ControlPlane(self.folder, f"{self.cache}/bin", self.plan)
        self.nodes = {name: Node(self.folder, name, self.cache, self.plan) for name in self.plan.node_names()}

    def _machines(self):
        return [self.control_plane.machine, *(node.machine for node in self.nodes.values())]

    # -- beginning and end ---------------------------------------------------------------------------

    def up(self, say=lambda text: None):
        """Everything, until the nodes are Ready. What was made of it is removed when it fails."""
        if os.path.exists(f"{self.folder}/plan.json"):
            raise LabError(f"a cluster lies in {self.folder} already: `e2e/setup/cluster/cluster down` removes it")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # who made it takes it down, then too
        self.cache = build(*NEEDED, *(["flannel"] if self.plan.flannel else []))
        self._arrange()
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/plan.json", "w", encoding="utf-8") as file:
            json.dump({"plan": dataclasses.asdict(self.plan), "cache": self.cache}, file)
        try:
            self._up(say)
        except BaseException:
            if not os.environ.get("PODGATE_CLUSTER_KEEP"):
                self.down()
            raise

    def _up(self, say):
        begin = time.monotonic()
        def tell(what):
            say(f"{what} after {time.monotonic() - begin:.1f} s")
        pki.make(f"{self.folder}/pki", self.plan)
        self.control_plane.boot()
        self.control_plane.start_server()
        for name, node in self.nodes.items():
            node.machine.boot()
            self.control_plane.attach(name, node.machine)
            node.route()
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            prepared = [pool.submit(node.prepare) for node in self.nodes.values()]
            self.control_plane.wait()
            tell("API server ready")
            self.control_plane.start_controllers()
            for future in prepared:
                future.result()
        tell("containerd and images ready")
        client = self.control_plane.client()
        for path, made in cni.flannel_rights() if self.plan.flannel else ():
            client.ask("POST", path, made)
        for node in self.nodes.values():
            client.ask("POST", "/api/v1/nodes", node.object())
            node.start()
        self._wait_for(client, "all nodes are Ready", lambda: all(
            any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", ()))
            for node in client.ask("GET", "/api/v1/nodes")["items"]))
        self._wait_for(client, "the namespace default has its service account", lambda: client.send(
            "GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200)
        client.close()
        tell("nodes Ready")

    @staticmethod
    def _wait_for(_client, what, condition):
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise LabError(f"after {START_SECONDS} s still not: {what}")
            time.sleep(0.1)

    def down(self):
        """Ends and removes everything; harmless when little or nothing is there."""
        for one in self._machines():
            one.kill()
        for one in self._machines():
            one.clear()
        machine.remove(self.folder)

    def remains(self):
        """What is still there after the end, as sentences."""
        left = [one for each in self._machines() for one in each.remains()]
        left += [f"{self.folder} is still there"] if os.path.exists(self.folder) else []
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
                    line = file.read()
            except OSError:
                continue
            if f"{self.folder}/" in line:  # those that do not name it are in the machines' cgroups
                left.append(f"process {process} still runs: {' '.join(line.split(chr(0))[:2])}")
        return left

    # -- use -----------------------------------------------------------------------------------------

    def command(self, program, *arguments):
        """(argv, environment) of a program of the cache that talks to the API server as administrator."""
        return (self.control_plane.machine.on_its_network(f"{self.cache}/bin/{program}", *arguments),
                {**os.environ, "KUBECONFIG": f"{self.folder}/pki/admin.kubeconfig"})

    def run(self, program, *arguments, check=True, **options):
        """Runs it; the output as text. A failure is a LabError unless check=False."""
        argv, environment = self.command(program, *arguments)
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, **options)
        if check and done.returncode != 0:
            raise LabError(f"{program} {' '.join(arguments)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout if check else done

    def kubectl(self, *arguments, **options):
        return self.run("kubectl", *arguments, **options)

    def helm(self, *arguments, **options):
        return self.run("helm", *arguments, **options)

    def load(self, archive):
        """An image on every node."""
        for node in self.nodes.values():
            node.load(archive)
