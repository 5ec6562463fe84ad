"""Kubernetes' own NetworkPolicy specs (k8s.io/kubernetes/test/e2e) against a cluster.

Each spec makes namespaces of its own, so that several processes (lanes) run side by side; most of the time is waiting.
"""

import collections
import json
import os
import re
import subprocess
import time

import yaml

from labs.net.netns import LabError

_LIST = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "setup", "cluster", "upstream.yaml")
_OPTIONS = ("--provider=skeleton", "--allowed-not-ready-nodes=0", "--ginkgo.no-color", "--ginkgo.timeout=2h")

Spec = collections.namedtuple("Spec", "name passed seconds message")


def _list():
    with open(_LIST, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _command(cluster, report, *arguments):
    argv, environment = cluster.command("e2e.test", f"--kubeconfig={cluster.folder}/pki/admin.kubeconfig", *_OPTIONS,
                                        f"--ginkgo.json-report={report}", *arguments)
    return argv, environment


def _reports(path):
    """The specs of a report that were not left out."""
    with open(path, encoding="utf-8") as file:
        for suite in json.load(file):
            for one in suite["SpecReports"] or ():
                if one["LeafNodeType"] == "It" and one["State"] not in ("skipped", "pending"):
                    yield one


def _name(report):
    return " ".join([*(report["ContainerHierarchyTexts"] or ()), report["LeafNodeText"]])


def specs(cluster, smoke=False):
    """(names to run, {name: reason} of those that are not)"""
    chosen = _list()
    report = f"{cluster.folder}/specs.json"
    argv, environment = _command(cluster, report, f"--ginkgo.focus={chosen['focus']}", "--ginkgo.dry-run")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not os.path.exists(report):
        raise LabError(f"e2e.test --ginkgo.dry-run ended with {done.returncode}: {done.stdout[-500:]}")
    names = sorted(_name(one) for one in _reports(report))
    left_out = {}
    for entry in chosen["excluded"]:
        found = [name for name in names if entry["name"] in name]
        if not found:
            raise LabError(f"{_LIST}: no spec is called {entry['name']!r} (any more)")
        left_out.update({name: entry["reason"] for name in found})
    wanted = [name for name in names if name not in left_out]
    if smoke:
        few = []
        for words in chosen["smoke"]:
            found = [name for name in wanted if words in name and "[LinuxOnly]" not in name]
            if len(found) != 1:
                raise LabError(f"{_LIST}: {words!r} means {len(found)} specs, not one")
            few += found
        return few, {}
    return wanted, left_out


def run(cluster, names, lanes, tell):
    """Runs the specs; tell(Spec) at the end of each lane's. All results, in the order of the names."""
    folder = f"{cluster.folder}/log"
    running = []
    for lane in range(min(lanes, len(names))):
        focus = "|".join(f"{re.escape(name)}$" for name in names[lane::lanes]).replace("\\ ", " ")
        report = f"{folder}/upstream-{time.time_ns()}.json"
        argv, environment = _command(cluster, report, f"--ginkgo.focus={focus}", "--ginkgo.v")
        with open(f"{folder}/upstream-{lane}", "ab") as log:
            running.append((subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log), report))
    results = {}
    try:
        for process, report in running:
            process.wait()
            for one in _reports(report) if os.path.exists(report) else ():
                failure = one.get("Failure", {}).get("Message", "").strip().partition("\n")[0]
                spec = Spec(_name(one), one["State"] == "passed", one["RunTime"] / 1e9, f"{one['State']}: {failure}")
                results[spec.name] = spec
                tell(spec)
    finally:
        for process, _ in running:
            process.kill()
            process.wait()
    for name in names:
        if name not in results:
            results[name] = Spec(name, False, 0, "was not run: see the logs")
            tell(results[name])
    return [results[name] for name in names]
