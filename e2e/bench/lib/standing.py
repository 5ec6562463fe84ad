"""A node's agent beside an API server that has a made-up cluster in it. No packets: what is measured is the agent.

Up to some ten thousand pods the API server is a real one; beyond, it is the double of e2e/labs/faults, which keeps the objects
in its memory. Everything is gone when the block ends.
"""

import collections
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from labs.api import objects
from labs.api.agent import Agent
from labs.api.client import MERGE
from labs.api.server import Server
from labs.faults import pki
from labs.faults.double import Double
from labs.net.netns import LabError, Namespace, die_with_parent, home
from labs.net.patience import PATIENCE_SECONDS
from labs.net.topology import Endpoint

from .cluster import Cluster

NODE = "node-0"
MOST_REAL = 20000             # pods that a real API server is filled with
_WRITERS = 6
_TABLE = ["nft", "delete", "table", "inet", "podgate"]
_KINDS = {"Namespace": "namespaces", "Pod": "pods", "NetworkPolicy": "networkpolicies"}

# What the agent says of one application of changes, microseconds each, and the netlink batches that it took.
Applied = collections.namedtuple("Applied", "waited compile commit steps")


class Standing:
    """api: writes go there. agent: not started. extra: objects besides the cluster's."""

    def __init__(self, server, podgate, real):
        self.api, self.real, self._server, self._podgate = server.admin, real, server, podgate
        self.node = Endpoint(NODE, Namespace(NODE), ("192.168.50.11", "fd00:50::11"))
        self.node.namespace.ip("link set lo up")
        server.attach(self.node, 1)
        self.agent = Agent(self.node, podgate, server.kubeconfig(), server.folder, traced=False,
                           options=("--log-format", "json", "--log-level", "debug"))
        self._read = 0          # bytes of the log

    # -- the agent -----------------------------------------------------------------------------------

    def lines(self):
        """What the agent has said since the last call."""
        if not os.path.exists(self.agent.log):
            return []
        with open(self.agent.log, "rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def start(self, fresh=True):
        """Seconds from the start to the first table in force, and the agent's own line about it. fresh: no table is there
        before."""
        if fresh:
            self.node.namespace.run(_TABLE, check=False)
        self.lines()
        begin = time.monotonic()
        self.agent.start()
        while time.monotonic() < begin + PATIENCE_SECONDS:
            for line in self.lines():
                if _message(line) == "policies are enforced":
                    return time.monotonic() - begin, line
            if not self.agent.running():
                break
            time.sleep(0.001)
        raise LabError("the agent does not come up; it said last:\n" + self.agent.last_words())

    def applied(self, seconds=2.0, quiet=0.02):
        """What the agent applied from now on until nothing came for a moment; at most so many seconds for the first."""
        found, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            new = [Applied(*(line.get(key, 0) for key in ("waited_us", "compile_us", "commit_us", "steps")))
                   for line in self.lines() if _message(line) == "change applied"]
            if new:
                found += new
                until = time.monotonic() + quiet
            time.sleep(0.001)
        return found

    def settle(self):
        """Waits until the agent has nothing more to do."""
        while self.applied(seconds=0.5, quiet=0.5):
            pass

    # -- the cluster ---------------------------------------------------------------------------------

    def fill(self, made):
        """Writes objects; namespaces must come first."""
        if not self.real:
            for kind, plural in _KINDS.items():
                for part in _parts((one for one in made() if one["kind"] == kind), 5000):
                    self._server.call("fill", plural, part)
            return
        write(self.api, made)

    def close(self):
        self.agent.kill()
        self.node.namespace.close()


def write(api, made):
    """Writes all objects that made() gives, over several connections at once; namespaces must come first."""
    for one in made():
        if one["kind"] == "Namespace":
            _write_namespace(api, one)
    api.close()  # each process opens its own
    children = []
    for number in range(_WRITERS):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die_with_parent()
                for index, one in enumerate(made()):
                    if index % _WRITERS == number and one["kind"] != "Namespace":
                        objects.create(api, one)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]):
        raise LabError("the API server did not take the whole cluster")


def _write_namespace(api, made):
    """kube-system is there from the beginning, without what the controllers put into it."""
    name = made["metadata"]["name"]
    api.ask("POST", objects.collection("Namespace"), made, accept=(409,))
    api.ask("PATCH", objects.path("Namespace", name), {"metadata": {"labels": made["metadata"]["labels"]}}, MERGE)
    api.ask("POST", objects.collection("ServiceAccount", name), objects.default_account(name), accept=(409,))


def _message(line):
    return line.get("msg", line.get("message"))


def _parts(items, size):
    part = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


@contextlib.contextmanager
def standing(podgate, pods, policies, extra=(), real=None):
    """A Standing with a cluster in it. real: None for what the size asks for."""
    home()
    real = pods <= MOST_REAL if real is None else real
    with contextlib.ExitStack() as stack:
        if real:
            server = stack.enter_context(Server())
        else:
            folder = tempfile.mkdtemp(prefix="pg-double.")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            server = Double(folder, *pki.make(folder))
            stack.callback(server.close)
            server.configure(("first-token",))
        made = Standing(server, podgate, real)
        stack.callback(made.close)
        made.fill(lambda: (one for part in (Cluster(pods, policies).objects() if pods else (), extra) for one in part))
        yield made


def sizes(arguments):
    """[(pods, policies)] of --pods, a tenth as many policies as pods."""
    return [(pods, pods // 10) for pods in arguments.pods]


def median(values):
    return statistics.median(values) if values else None


def offline(podgate, pods, policies, node=NODE):
    """(text of the ruleset, path): what dry-run makes of the same cluster. The file is the caller's to remove."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        Cluster(pods, policies).write(file)
    done = subprocess.run([podgate, "dry-run", "-f", file.name, "--node", node], capture_output=True, text=True, check=True)
    return done.stdout, file.name
