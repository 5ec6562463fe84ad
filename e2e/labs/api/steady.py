"""Datagrams at a steady pace while something happens: not one may be judged otherwise than before and after."""

import contextlib

from .stream import Flow, Streams
from .world import FAMILIES, Wrong, require


@contextlib.contextmanager
def steady_traffic(world, allowed, denied=(), interval=0.001):
    """allowed, denied: pairs of names of pods, source first; interval: seconds between a flow's datagrams. Wrong at the
    end if any datagram was lost or passed.
    """
    expected = {Flow(world.endpoint(source), world.endpoint(target), family): (verdict, f"{source} -> {target} (IPv{family})")
                for verdict, pairs in ((True, allowed), (False, denied)) for source, target in pairs for family in FAMILIES}
    streams = Streams(list(expected), interval).start()
    try:
        yield
    finally:
        records = streams.finish()
    for (verdict, name), record in zip(expected.values(), records):
        require(len(record.sent) > 20, f"{name}: only {len(record.sent)} datagrams were sent")
        other = [index for index, arrived in enumerate(record.arrived) if arrived != verdict]
        if other:
            after = record.sent[other[0]] - record.sent[0]
            raise Wrong(f"{name}: {len(other)} of {len(record.sent)} datagrams were {'lost' if verdict else 'passed'}, "
                        f"the first after {after:.3f} s")
