"""The lines by which `inside` reports to `run`, and the totals."""

import re

_CLOSING = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$")
_BEGIN = re.compile(r"=== (\w+), at most (\d+) s$")
_END = re.compile(r"--- (\w+): (\d+) passed, (\d+) failed, (\d+) skipped, (\d+) s$")


def closing(line):
    """(passed, failed, skipped) from the last line of a test program; None for any other line."""
    found = _CLOSING.match(line.rstrip("\n"))
    return tuple(int(word) for word in found.groups()) if found else None


def begin(name, seconds):
    return f"=== {name}, at most {seconds} s"


def end(name, passed, failed, skipped, seconds):
    return f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped, {seconds:.0f} s"


class Tally:
    """Collects the results of a run. A part that did not start or did not finish counts as one failure."""

    def __init__(self, names):
        self.results = dict.fromkeys(names)  # name: (passed, failed, skipped, seconds)
        self.running = None

    def follow(self, line):
        """Reads a line. Returns the time limit in seconds if a part starts with it."""
        if found := _BEGIN.match(line):
            self.running = found.group(1)
            return int(found.group(2))
        if found := _END.match(line):
            self.results[found.group(1)] = tuple(int(word) for word in found.groups()[1:])
            self.running = None
        return None

    def close(self):
        """Prints one line per part and the totals. True if nothing failed."""
        totals = [0, 0, 0]
        for name, result in self.results.items():
            passed, failed, skipped, seconds = result or (0, 1, 0, 0)
            took = f"{seconds:4} s" if result else "did not finish" if name == self.running else "not run"
            print(f"{name:10} {passed:4} passed {failed:3} failed {skipped:3} skipped  {took}")
            totals = [total + count for total, count in zip(totals, (passed, failed, skipped))]
        print("{} passed, {} failed, {} skipped".format(*totals), flush=True)
        return totals[1] == 0
