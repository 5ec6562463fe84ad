"""Runs Podgate's programs on a state's manifests, and gives their answers as lists of truth values."""

import json
import os
import subprocess

from .netns import LabError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("PODGATE_BUILD", os.path.join(ROOT, "build", "release"))
PODGATE = os.path.join(BUILD, "podgate")
INTERPRET = os.path.join(BUILD, "unit", "podgate_interpret")
APPLY = os.path.join(BUILD, "unit", "podgate_apply")
UNIT_NFT = os.path.join(BUILD, "unit", "unit_nft")
BAD_INPUT = 4  # the exit code for input with errors; answers are given all the same


class Options:
    """How a case wants the programs to run, and to end."""

    def __init__(self, broken=False, pod_to_node="", deny=""):
        self.codes = (0, BAD_INPUT) if broken else (0,)  # the exit codes to expect
        self._judging = ["--pod-to-node", pod_to_node] if pod_to_node else []
        self._deny = ["--deny", deny] if deny else []
        self.rejects = deny == "reject"

    def flags(self, judging):
        """For the programs that only judge, or for those that make a ruleset."""
        return self._judging if judging else self._judging + self._deny


PLAIN = Options()


def missing(programs):
    """What has to be built first; empty when all are there."""
    absent = [os.path.relpath(program, ROOT) for program in programs if not os.access(program, os.X_OK)]
    return f"not built: {', '.join(absent)} (cmake --preset release && cmake --build --preset release)" if absent else ""


def end_text(end, family, target=False):
    if end.name.count("/"):
        return end.name
    if end.kind == "node":
        return f"node:{end.name}"
    address = end.addresses[family]
    return f"ip:[{address}]" if target and family == 6 else f"ip:{address}"


def probe_text(check):
    """The connection as explain takes it: FROM TO:PORT/PROTO."""
    port = "" if check.protocol == "icmp" else f":{check.port}"
    return (f"{end_text(check.source, check.family)} "
            f"{end_text(check.target, check.family, True)}{port}/{check.protocol}")


def _run(argv, options, given=None):
    done = subprocess.run(argv, input=given, capture_output=True, text=True)
    if done.returncode not in options.codes:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()[:300]}")
    return done.stdout


def ask(program, manifest, checks, options=PLAIN):
    """[(allowed, answer)] for each check, in order; `answer` is the program's whole JSON object.
    `program` is PODGATE (the reference evaluator) or INTERPRET (the interpreter of the compiled ruleset)."""
    answers = [None] * len(checks)
    for family in (4, 6):
        mine = [index for index, check in enumerate(checks) if check.family == family]
        if not mine:
            continue
        command = [program] + (["explain"] if program == PODGATE else [])
        output = _run(command + options.flags(True) + ["-f", manifest, "--family", f"ipv{family}", "--probes", "-"], options,
                      "".join(probe_text(checks[index]) + "\n" for index in mine))
        lines = output.splitlines()
        if len(lines) != len(mine):
            raise LabError(f"{' '.join(command)}: {len(lines)} answers to {len(mine)} probes")
        for index, line in zip(mine, lines):
            answer = json.loads(line)
            if answer.get("verdict") not in ("allow", "deny"):
                raise LabError(f"{' '.join(command)}: probe '{probe_text(checks[index])}': {answer.get('error') or line}")
            answers[index] = (answer["verdict"] == "allow", answer)
    return answers


def ruleset(manifest, node, options=PLAIN):
    """The node's ruleset as `nft -f` text."""
    return _run([PODGATE, "dry-run", "-f", manifest, "--node", node] + options.flags(False), options)
