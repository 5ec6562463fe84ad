"""Datagrams between real pods at a steady pace while something happens to the agents, each judged by the rules of its moment."""

import contextlib

from labs.api.stream import Flow, Streams
from labs.api.world import Wrong, require

_INTERVAL_SECONDS = 0.002


class Count:
    """How many datagrams had to pass and had to be dropped, and that none was judged otherwise."""

    def __init__(self):
        self.sent = 0

    def __str__(self):
        return f"{self.sent:,} datagrams, 0 wrong"


def _flows(scene, allowed, denied):
    return [(verdict, f"{source} -> {target} (IPv{family})", Flow(scene.end(source), scene.end(target), family))
            for verdict, pairs in ((True, allowed), (False, denied)) for source, target in pairs for family in scene.families]


@contextlib.contextmanager
def steady(scene, allowed, denied=()):
    """allowed, denied: pairs of names of pods, source first. Wrong at the end if one datagram was lost, or passed."""
    flows, count = _flows(scene, allowed, denied), Count()
    streams = Streams([flow for _, _, flow in flows], _INTERVAL_SECONDS).start()
    try:
        yield count
    finally:
        records = streams.finish()
    problems = []
    for (verdict, name, _), record in zip(flows, records):
        require(len(record.sent) > 20, f"{name}: only {len(record.sent)} datagrams were sent")
        count.sent += len(record.sent)
        other = [index for index, arrived in enumerate(record.arrived) if arrived != verdict]
        if other:
            times = [record.sent[index] - record.sent[0] for index in (other[0], other[-1])]
            problems.append(f"{name}: {len(other)} of {len(record.sent)} were {'lost' if verdict else 'passed'}, from {times[0]:.3f} s "
                            f"to {times[1]:.3f} s")
    if problems:
        raise Wrong("; ".join(problems))


@contextlib.contextmanager
def opening(scene, allowed, denied):
    """While the rules go away: what was allowed is never lost, what was denied passes from some moment on, and not before and after
    by turns. Yields a list; at the end it holds the seconds after the first datagram at which each denied flow opened."""
    flows, moments = _flows(scene, allowed, denied), []
    streams = Streams([flow for _, _, flow in flows], _INTERVAL_SECONDS).start()
    try:
        yield moments
    finally:
        records = streams.finish()
    for (verdict, name, _), record in zip(flows, records):
        require(len(record.sent) > 20, f"{name}: only {len(record.sent)} datagrams were sent")
        if verdict:
            require(all(record.arrived), f"{name}: {record.arrived.count(False)} of {len(record.sent)} datagrams were lost")
            continue
        require(not record.arrived[0], f"{name}: passed from the beginning")
        require(record.arrived[-1], f"{name}: still dropped at the end")
        first = record.arrived.index(True)
        require(all(record.arrived[first:]), f"{name}: passed, and then was dropped again")
        moments.append(record.sent[first] - record.sent[0])
