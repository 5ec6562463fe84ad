"""Cyclonus' generated cases against a cluster, group by group of its tags; its verdicts are read from what it prints."""

import collections
import os
import re
import subprocess
import time

import yaml

from labs.net.netns import LabError
from labs.net.patience import START_SECONDS

_LIST = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "setup", "cluster", "cyclonus.yaml")
_NAMESPACES = ("x", "y", "z")

# verdict: passed, failed or known; wrong: connections that were not as cyclonus expects, of its last try
Case = collections.namedtuple("Case", "group name verdict wrong")


def settings():
    with open(_LIST, encoding="utf-8") as file:
        return yaml.safe_load(file)


def groups(chosen=()):
    """The groups to run, by name; none: all."""
    found = settings()["groups"]
    unknown = set(chosen) - {group["name"] for group in found}
    if unknown:
        raise LabError(f"{_LIST}: no group is called {', '.join(sorted(unknown))}; there are {', '.join(one['name'] for one in found)}")
    return [group for group in found if not chosen or group["name"] in chosen]


def _arguments(group, before):
    """before: tags of the groups before this one, whose cases are run there."""
    chosen = settings()
    return [*chosen["options"], "--include", ",".join(group["tags"]),
            "--exclude", ",".join(before)]


def listed(cluster, group, before):
    """[name] of the group's cases, as cyclonus generates them."""
    argv, environment = cluster.command("cyclonus", *_arguments(group, before), "--list")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"cyclonus --list ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return re.findall(r"^test #\d+: (.*)$", done.stdout, re.MULTILINE)


def make_namespaces(cluster):
    """With the service accounts that cyclonus does not wait for. Its pods in there serve all groups."""
    for name in _NAMESPACES:
        cluster.kubectl("create", "namespace", name)
        cluster.kubectl("label", "namespace", name, f"ns={name}")
    deadline = time.monotonic() + START_SECONDS
    for name in _NAMESPACES:
        while cluster.kubectl("get", "serviceaccount", "default", "--namespace", name, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise LabError(f"the namespace {name} has no service account after {START_SECONDS} s")
            time.sleep(0.2)


def run(cluster, group, before, tell):
    """Runs one group; tell(Case) after each. Cases that cyclonus did not come to count as failed."""
    known = {one["name"] for one in settings()["known"]}
    log_path = f"{cluster.folder}/log/cyclonus-{group['name'].replace('/', '-')}"
    argv, environment = cluster.command("cyclonus", *_arguments(group, before))
    names, results, wrong = [], [], None
    with open(log_path, "w", encoding="utf-8") as log, \
            subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                             errors="replace") as process:
        try:
            for line in process.stdout:
                log.write(line)
                if listing := re.match(r"test #\d+: (.*)", line):
                    names.append(listing.group(1))
                elif line.startswith("starting test case #"):
                    wrong = None
                elif counted := re.match(r"(?:Discrepancy found:)?(\d+) wrong, \d+ ignored, \d+ correct", line):
                    wrong = (wrong or 0) + int(counted.group(1))  # a line for each step, of its last try
                elif ended := re.match(r"(finished|broken) policy #(\d+)(.*)", line):
                    name = names[int(ended.group(2)) - 1]
                    if wrong is None:
                        print(f"     cyclonus could not set up a case of {group['name']}{ended.group(3)}", flush=True)
                    verdict = "failed" if wrong is None else "passed" if not wrong else "known" if name in known else "failed"
                    results.append(Case(group["name"], name, verdict, -1 if wrong is None else wrong))
                    tell(results[-1])
        except BaseException:
            process.kill()
            raise
    if not names:
        with open(log_path, encoding="utf-8") as log:
            raise LabError(f"cyclonus ended with {process.returncode} before it named its cases: {log.read()[-1000:]}")
    if process.returncode:
        with open(log_path, encoding="utf-8") as log:
            fatal = [line.strip() for line in log if "level=fatal" in line] or ["it did not say why"]
        print(f"     cyclonus itself ended with {process.returncode} in {group['name']}: {fatal[-1][:300]}", flush=True)
    for name in names[len(results):]:
        results.append(Case(group["name"], name, "failed", -1))
        tell(results[-1])
    return results
