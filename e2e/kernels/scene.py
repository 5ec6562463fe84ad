"""Shared by the parts that run agents: the world of labs/api with a double in place of the API server, and the lines of results.

A real API server is too heavy for an emulated machine, and these parts are about the agent and the kernel.
"""

import contextlib
import time
import traceback

from labs.api import probes
from labs.api.client import ApiError
from labs.api.world import World, Wrong
from labs.faults.double import WellBehaved
from labs.net import programs
from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS

NODE = "n1"  # its agent serves /readyz; the pods a/web, a/client and b/client are on it


class Checks:
    """Prints one line per check, and the totals."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, truth, seen=""):
        """`seen`: the observation, printed in either case."""
        self.passed += bool(truth)
        self.failed += not truth
        print(f"{'ok  ' if truth else 'FAIL'} {name}" + (f": {seen}" if seen else ""), flush=True)

    def known(self, name, seen):
        """A check that fails as expected; counts as skipped."""
        self.skipped += 1
        print(f"known {name}: {seen}", flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip {name}: {reason}", flush=True)

    def run(self, name, step, *arguments):
        """Runs a step that raises if something is wrong, and returns an observation or None."""
        begin = time.monotonic()
        try:
            seen = step(*arguments)
        except (Wrong, ApiError, LabError) as error:
            if "Unknown device type" in str(error):
                self.skip(name, "this kernel has no such device")
            else:
                self.check(name, False, error)
        except Exception:  # a bug in the step: the others still run
            self.check(name, False, traceback.format_exc())
        else:
            self.check(name, True, f"{seen + ', ' if seen else ''}{time.monotonic() - begin:.1f} s")

    def close(self):
        """The exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


@contextlib.contextmanager
def world():
    """A World; its reset() starts the agents."""
    with WellBehaved() as double:
        made = World(double, programs.PODGATE, traced=False)
        made.agents[NODE].options = probes.OPTIONS
        try:
            yield made
        finally:
            made.close()


def said(made, since=0):
    """The log of the agent on NODE, from an offset on."""
    with open(made.agents[NODE].log, "rb") as file:
        file.seek(since)
        return file.read().decode(errors="replace")


def pages(made):
    """(status of /readyz, its body, body of /readyz?verbose)"""
    namespace = made.topology.nodes[NODE].namespace
    return (*probes.get(namespace, "/readyz"), probes.get(namespace, "/readyz?verbose")[1])


def wait_for(what, sentence):
    """Polls until what() is true. Wrong if it never is; `sentence` says why, or is called to say it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        if time.monotonic() > end:
            raise Wrong(f"after {PATIENCE_SECONDS} s: {sentence() if callable(sentence) else sentence}")
        time.sleep(0.1)
