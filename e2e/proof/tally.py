"""Counts of packets that had to pass, or had to be dropped, and of those that did otherwise."""

import collections

MOST_FAULTS = 500

# when: monotonic seconds, first and last possible moment; count: packets
Fault = collections.namedtuple("Fault", "begin end where flow family kind count")


class Tally:
    """Of one process. kind: stream, connect, connection, exchange, injected udp, …; where: the topology."""

    def __init__(self):
        self.sent = collections.Counter()    # (where, kind, allowed): packets
        self.wrong = collections.Counter()   # the same
        self.control = collections.Counter()  # kind: packets of the control flow, and kind + " lost"
        self.faults = []
        self.notes = []                      # what the lab itself has to say

    def add(self, where, kind, flow, packets):
        self.sent[where, kind, flow.allowed] += packets

    def fault(self, begin, end, where, kind, flow, family, count):
        self.wrong[where, kind, flow.allowed] += count
        if len(self.faults) < MOST_FAULTS:
            name = f"{flow.source} -> {flow.target} ({'allowed' if flow.allowed else 'denied'})"
            self.faults.append(Fault(begin, end, where, name, family, kind, count))

    def merge(self, other):
        for mine, theirs in ((self.sent, other.sent), (self.wrong, other.wrong), (self.control, other.control)):
            mine.update(theirs)
        self.faults += other.faults
        self.notes += other.notes


def table(tally):
    """Lines: for each topology and kind the packets of both sorts, and the wrong ones."""
    lines = [f"{'':9} {'traffic':17} {'had to pass':>13} {'dropped':>8} {'had to be dropped':>18} {'passed':>8}"]
    for where, kind in sorted({key[:2] for key in tally.sent}):
        lines.append(f"{where:9} {kind:17} {tally.sent[where, kind, True]:13,} {tally.wrong[where, kind, True]:8,} "
                     f"{tally.sent[where, kind, False]:18,} {tally.wrong[where, kind, False]:8,}")
    sums = [sum(count for key, count in counter.items() if key[2] == allowed)
            for allowed in (True, False) for counter in (tally.sent, tally.wrong)]
    lines.append(f"{'all':27} {sums[0]:13,} {sums[1]:8,} {sums[2]:18,} {sums[3]:8,}")
    return lines
