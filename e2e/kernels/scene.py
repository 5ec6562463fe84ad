"""What the parts with agents share: the world of labs/api on the kernel they run on, with a double in place of the API
server, and lines that say what was found.

A real API server is too heavy for an emulated machine; what is looked at here is between agent and kernel.
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

NODE = "n1"  # the node whose agent listens; the pods a/web, a/client and b/client are there


class Checks:
    """One line for each thing that is looked at, and the closing line."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, truth, seen=""):
        """`seen`: what there is to say about it, whether it is right or not."""
        self.passed += bool(truth)
        self.failed += not truth
        print(f"{'ok  ' if truth else 'FAIL'} {name}" + (f": {seen}" if seen else ""), flush=True)

    def known(self, name, seen):
        """Not as it should be, and the caller was told so."""
        self.skipped += 1
        print(f"known {name}: {seen}", flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip {name}: {reason}", flush=True)

    def run(self, name, step, *arguments):
        """A step that raises when something is wrong; it passes otherwise, and returns what there is to say."""
        begin = time.monotonic()
        try:
            seen = step(*arguments)
        except (Wrong, ApiError, LabError) as error:
            if "Unknown device type" in str(error):
                self.skip(name, "this kernel has no such device")
            else:
                self.check(name, False, error)
        except Exception:  # a fault of the step itself: the others still run
            self.check(name, False, traceback.format_exc())
        else:
            self.check(name, True, f"{seen + ', ' if seen else ''}{time.monotonic() - begin:.1f} s")

    def close(self):
        """The exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


@contextlib.contextmanager
def world():
    """A World without agents: reset() starts them."""
    with WellBehaved() as double:
        made = World(double, programs.PODGATE, traced=False)
        made.agents[NODE].options = probes.OPTIONS
        try:
            yield made
        finally:
            made.close()


def said(made, since=0):
    """What the agent of NODE has written, from a place of its log on."""
    with open(made.agents[NODE].log, "rb") as file:
        file.seek(since)
        return file.read().decode(errors="replace")


def pages(made):
    """(status, text) of /readyz, and the text of its long form."""
    namespace = made.topology.nodes[NODE].namespace
    return (*probes.get(namespace, "/readyz"), probes.get(namespace, "/readyz?verbose")[1])


def wait_for(what, sentence):
    """Until what() is true; Wrong when it never is, with a sentence or what a function says then."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        if time.monotonic() > end:
            raise Wrong(f"after {PATIENCE_SECONDS} s: {sentence() if callable(sentence) else sentence}")
        time.sleep(0.1)
