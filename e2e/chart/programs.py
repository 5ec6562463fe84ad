"""The program in the image does what the chart asks of it: every container's arguments, given to the real podgate."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

from labs.net.patience import PATIENCE_SECONDS

from . import rules
from .helm import hooks, one



class Programs:
    """podgate in the API server's network namespace, as a container of the node's network."""

    def __init__(self, cluster, podgate):
        self.cluster, self._podgate = cluster, podgate

    def start(self, arguments, **variables):
        environment = {"PATH": os.environ["PATH"], "KUBECONFIG": self.cluster.kubeconfig, **variables}
        with self.cluster.namespace:
            return subprocess.Popen([self._podgate, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def get(self, url):
        """(status, body); status 0: nobody answers."""
        done = self.cluster.namespace.run(["curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}", url], check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    @contextlib.contextmanager
    def running(self, arguments, **variables):
        process = self.start(arguments, **variables)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def _until(question, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while not question():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def _heeds_sigterm(process):
    """Whether the signal no longer just kills it, as it does to every process until it has begun."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        masks = re.findall(r"^Sig(?:Blk|Ign|Cgt):\s*([0-9a-f]+)$", file.read(), re.M)
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)


def agent_serves_what_the_chart_asks(programs, helm):
    """Probes answer, both addresses are served, and every metric that an alert or the dashboard names is there."""
    objects = helm.render("--set=podMonitor.enabled=true,prometheusRule.enabled=true,grafanaDashboard.enabled=true")
    container = rules.agent(objects)["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    # An agent whose cluster has no such Node is not ready.
    programs.cluster.kubectl("create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}))
    for address in ("172.30.0.1", "fd00:30::1"):  # as a node's address comes from the API
        arguments = [a.replace("$(HOST_IP)", address) for a in container["args"]]
        with programs.running([*arguments, "--dry-run"], NODE_NAME="n1") as process:
            probes = f"http://127.0.0.1:{ports['probes']}"
            _until(lambda: process.poll() is None and programs.get(probes + "/readyz")[0] == 200,  # pylint: disable=cell-var-from-loop
                   f"/readyz never answers 200 with {arguments}")
            assert programs.get(probes + "/healthz")[0] == 200
            host = f"[{address}]" if ":" in address else address
            status, metrics = programs.get(f"http://{host}:{ports['metrics']}/metrics")
            assert status == 200, status
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=PATIENCE_SECONDS) == 0, process.returncode
    served = set(re.findall(r"^([a-z_]+)", metrics, re.M))
    named = set(re.findall(r"\b(podgate_[a-z_]+)", " ".join(
        alert["expr"] for group in one(objects, "PrometheusRule")["spec"]["groups"] for alert in group["rules"])))
    assert named and named <= served, named - served
    shown = {name for panel in rules.dashboard(objects)["panels"] for target in panel["targets"]
             for name in re.findall(r"([a-z_]+)\{", target["expr"])} - {"up"}  # which is Prometheus' own
    assert shown and shown <= served, shown - served


def cleaner_stays_until_it_is_told(programs, helm):
    cleaner = next(o for o in helm.render("--set=cleanup.onUninstall=true") if o["kind"] == "DaemonSet" and hooks(o))
    first, second = rules.containers(cleaner["spec"]["template"]["spec"])
    table = ["nft", "list", "table", "inet", "podgate"]
    programs.cluster.namespace.run(["nft", "add", "table", "inet", "podgate"])
    process = programs.start(first["args"])
    assert process.wait(timeout=PATIENCE_SECONDS) == 0, process.stderr.read()
    assert programs.cluster.namespace.run(table, check=False).returncode != 0, "the table is still there"
    with programs.running(second["args"]) as process:
        _until(lambda: process.poll() is not None or _heeds_sigterm(process), "it never takes care of SIGTERM")
        time.sleep(1)
        assert process.poll() is None, f"ended with {process.returncode}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0, process.returncode


def waiter_waits_for_the_last_node(programs, helm):
    """With a DaemonSet that is real, and a status as its controller writes it."""
    kubectl, namespace = programs.cluster.kubectl, programs.cluster.name
    objects = helm.render("--set=cleanup.onUninstall=true", release="one", namespace=namespace)
    cleaner = next(o for o in objects if o["kind"] == "DaemonSet" and hooks(o))
    name = cleaner["metadata"]["name"]
    arguments = one(objects, "Job")["spec"]["template"]["spec"]["containers"][0]["args"]

    def status(wanted, ready):
        text = {"status": {"observedGeneration": 1, "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "numberMisscheduled": 0,
                           "numberReady": ready}}
        kubectl("-n", namespace, "patch", "daemonset", name, "--subresource=status", "--type=merge", f"--patch={json.dumps(text)}")

    hurried = [a if not a.startswith("--timeout") else "--timeout=1" for a in arguments]
    process = programs.start(hurried)
    assert process.wait(timeout=PATIENCE_SECONDS) == 1
    assert "404" in process.stderr.read()
    kubectl("-n", namespace, "create", "-f", "-", given=json.dumps(cleaner))
    try:
        with programs.running(arguments) as process:
            status(2, 1)
            time.sleep(1.5)
            assert process.poll() is None, f"ended with {process.returncode}: {process.stderr.read()}"
            status(2, 2)
            assert process.wait(timeout=PATIENCE_SECONDS) == 0, process.stderr.read()
    finally:
        kubectl("-n", namespace, "delete", "daemonset", name)
