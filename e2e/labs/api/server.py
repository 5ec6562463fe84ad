"""The API server of e2e/setup/apiserver, from Python: started, killed, started again, compacted, asked."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from labs.net.netns import LabError, Namespace
from labs.net.patience import PATIENCE_SECONDS

from . import objects
from .client import MERGE, Client

_SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "setup", "apiserver")


class NamedNamespace(Namespace):
    """A network namespace that `ip netns` made."""

    def __init__(self, name):  # pylint: disable=super-init-not-called
        self.name = name
        self._outer = []
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def path(self):
        return f"/run/netns/{self.name}"


class Server:
    """A context manager: up when entered, gone without a trace when left, on Ctrl-C and SIGTERM too."""

    def __init__(self, feature_gates=""):
        """feature_gates: as kube-apiserver's option."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self._environment = {**os.environ, "FEATURE_GATES": feature_gates}
        self.folder = tempfile.mkdtemp(prefix="pg-api.")
        self.namespace = None
        self.admin = None

    def __enter__(self):
        try:
            self.up()
            with open(f"{self.folder}/namespace", encoding="ascii") as file:
                self.namespace = NamedNamespace(file.read().strip())
            pki = f"{self.folder}/pki"
            self.admin = Client(self.namespace, f"{pki}/ca.crt", f"{pki}/admin.crt", f"{pki}/admin.key")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.admin:
            self.admin.close()
        if self.namespace:
            self.namespace.close()
        subprocess.run([f"{_SCRIPTS}/down", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def remains(self):
        """What is still there after the end, as sentences. Tracers end a moment after what they traced."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (left := self._remains()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def _remains(self):
        left = [f"{place} is still there" for place in (self.folder, f"/run/netns/{self.namespace.name}") if os.path.exists(place)]
        for process in os.listdir("/proc"):
            if process.isdigit():
                try:
                    with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
                        line = file.read()
                except OSError:
                    continue
                if self.folder + "/" in line:
                    left.append(f"process {process} still runs: {line.split(chr(0))[0]}")
        return left

    def up(self):
        """Starts what does not run; returns when the server is ready."""
        done = subprocess.run([f"{_SCRIPTS}/up", self.folder], stdout=subprocess.PIPE, check=False, env=self._environment)
        if done.returncode != 0:
            raise LabError(f"the API server did not start: e2e/setup/apiserver/up ended with {done.returncode}")

    def kill(self):
        """kill -9, and wait until it is gone: every client's connection is reset."""
        with open(f"{self.folder}/pids/kube-apiserver", encoding="ascii") as file:
            pid = int(file.read().split()[0])
        os.kill(pid, signal.SIGKILL)
        while _alive(pid):
            time.sleep(0.01)
        self.admin.close()

    def as_agent(self):
        """A client with the agent's service-account token."""
        with open(f"{self.folder}/agent.token", encoding="ascii") as file:
            return Client(self.namespace, f"{self.folder}/pki/ca.crt", token=file.read().strip())

    def kubeconfig(self):
        return f"{self.folder}/agent.kubeconfig"

    def attach(self, node, number):
        """Gives a node (an Endpoint of the lab) a way to the API server, 172.30.0.(10 + number), and makes its Node."""
        node.namespace.ip(f"link add api type veth peer name node{number} netns {self.namespace.path}",
                          f"addr add 172.30.0.{10 + number}/24 dev api", f"addr add fd00:30::{10 + number}/64 dev api nodad",
                          "link set api up")
        self.namespace.ip(f"link set node{number} master br0 up")
        self.register(node.name, [*node.addresses.values(), f"172.30.0.{10 + number}"])

    def register(self, name, addresses):
        """As a kubelet does it: makes the Node, or gives it these addresses."""
        if self.admin.send("GET", objects.path("Node", name))[0] == 404:
            self.admin.ask("POST", objects.collection("Node"), objects.node(name))
        self.admin.ask("PATCH", objects.path("Node", name) + "/status", objects.node_status(addresses), MERGE)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
