"""The lines between the program that runs parts and the one that counts them."""

import re

_CLOSING = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$")
_BEGIN = re.compile(r"=== (\w+), at most (\d+) s$")
_END = re.compile(r"--- (\w+): (\d+) passed, (\d+) failed, (\d+) skipped, (\d+) s$")


def closing(line):
    """(passed, failed, skipped) of the line that every program of the tests ends with; None for any other line."""
    found = _CLOSING.match(line.rstrip("\n"))
    return tuple(int(word) for word in found.groups()) if found else None


def begin(name, seconds):
    return f"=== {name}, at most {seconds} s"


def end(name, passed, failed, skipped, seconds):
    return f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped, {seconds:.0f} s"


class Tally:
    """Follows the lines of a run; what began and did not end, or never began, is a failure."""

    def __init__(self, names):
        self.results = dict.fromkeys(names)  # name: (passed, failed, skipped, seconds)
        self.running = None

    def follow(self, line):
        """The seconds that may pass from here on, if the line says so."""
        if found := _BEGIN.match(line):
            self.running = found.group(1)
            return int(found.group(2))
        if found := _END.match(line):
            self.results[found.group(1)] = tuple(int(word) for word in found.groups()[1:])
            self.running = None
        return None

    def close(self):
        """Prints a line for each part and the totals; whether all is well."""
        totals = [0, 0, 0]
        for name, result in self.results.items():
            passed, failed, skipped, seconds = result or (0, 1, 0, 0)
            took = f"{seconds:4} s" if result else "did not end" if name == self.running else "not run"
            print(f"{name:10} {passed:4} passed {failed:3} failed {skipped:3} skipped  {took}")
            totals = [total + count for total, count in zip(totals, (passed, failed, skipped))]
        print("{} passed, {} failed, {} skipped".format(*totals), flush=True)
        return totals[1] == 0
