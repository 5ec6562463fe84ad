"""Much of everything: memory stays bounded, and what can be taken is taken. Each bound is of the agent's peak (VmHWM)."""

import contextlib

from labs.api import objects

from . import faults
from .scene import AFTER, BEFORE

_PAGES = {"streaming": "400"}
_MANY = 10_000
_BIG = 1_500_000


def list_that_never_ends(scene):
    """A minute is what a streaming list gets; then it comes in pages."""
    scene.begin()
    scene.withstand(faults.NeverEnds(compacts=True, times=1, kinds=("pods",), lasting=True), times=1, told="some")


def _pods(count, annotation=0):
    made = []
    for i in range(count):
        labels = {"app": f"a{i % 500}", "tier": f"t{i % 7}"}
        pod = objects.pod(f"many{i % 50}/p{i}", f"far{i % 50}", labels, [("http", 8080, "TCP")])
        pod.update(objects.running([f"10.{100 + i // 60000}.{i // 250 % 240}.{i % 250 + 2}"], f"172.31.0.{i % 50 + 1}"))
        if annotation:
            pod["metadata"]["annotations"] = {"much": "x" * annotation}
        made.append(pod)
    return made


@contextlib.contextmanager
def _with_pods(scene, made):
    scene.double.call("fill", "pods", made)
    try:
        yield
    finally:
        scene.double.call("empty", "pods", "many")


def ten_thousand_in_one_chunk(scene):
    """As API servers before 1.33 answer: whole, whatever was asked for."""
    scene.begin(**_PAGES)
    with _with_pods(scene, _pods(_MANY)):
        scene.withstand(faults.OneChunk(compacts=True), times=6, told="all", memory_mib=64)


def ten_thousand_streaming(scene):
    scene.begin()
    with _with_pods(scene, _pods(_MANY)):
        scene.withstand(faults.Fault(compacts=True), times=6, told="all", memory_mib=48)


def objects_of_1500_kb_streaming(scene):
    scene.begin()
    with _with_pods(scene, _pods(20, _BIG)):
        scene.withstand(faults.Fault(compacts=True), times=6, told="all", memory_mib=48)


def events_of_1500_kb(scene):
    scene.begin()
    with scene.traffic():
        for round_ in range(6):
            for name in ("a/web", "a/client", "b/web", "b/client"):
                much = {"metadata": {"annotations": {"much": str(round_) * _BIG}}}
                scene.world.api.ask("PATCH", objects.path("Pod", name), much)
        scene.change()
        scene.world.expect(*AFTER)
    scene.sound(48)


def storm_of_events(scene):
    """As many events as two agents take, of pods that policies select by turns; other kinds' news come through."""
    scene.begin()
    with scene.traffic():
        with scene.fault(faults.Storm(compacts=True)):
            scene.met(1)
            scene.world.hold(*BEFORE, seconds=3)
            scene.change()
            scene.world.expect(*AFTER)
    scene.sound(48)


def objects_of_1500_kb_in_pages(scene):
    """Together they are longer than a page may be: smaller pages are asked for."""
    scene.begin(**_PAGES)
    with _with_pods(scene, _pods(40, _BIG)):
        scene.withstand(faults.Fault(compacts=True), times=6, told="all", memory_mib=64)


def policy_of_1500_kb(scene):
    scene.begin()
    blocks = [{"ipBlock": {"cidr": f"203.{i // 256}.{i % 256}.0/24"}} for i in range(30_000)]
    scene.world.policy("b/much", podSelector={"matchLabels": {"app": "none"}}, ingress=[{"from": blocks}])
    scene.withstand(faults.Fault(compacts=True), times=6, told="all", memory_mib=96)


def _huge_chunk(scene, modes, filling, memory_mib):
    scene.begin()
    scene.withstand(faults.HugeChunk(modes=modes, filling=filling, compacts=modes != ("watch",)), times=2,
                    memory_mib=memory_mib)


def a_200_mb_chunk_for_watches(scene):
    _huge_chunk(scene, ("watch",), b"\n", 48)


def a_200_mb_chunk_for_lists(scene):
    _huge_chunk(scene, ("initial",), b"\n", 48)


def a_200_mb_chunk_for_pages(scene):
    """Smaller pages are asked for, in vain; when it is over, pages grow again, or 10,000 would come one by one."""
    scene.begin(**_PAGES)
    with _with_pods(scene, _pods(_MANY)):
        scene.withstand(faults.HugeChunk(modes=("list",), kinds=("pods",), compacts=True), times=5, told="some",
                        memory_mib=72)
        scene.listed("pods")
    scene.sound(72)


def a_line_without_end(scene):
    _huge_chunk(scene, ("initial", "watch"), b"x", 64)


def a_text_without_end(scene):
    """A name that never ends, inside of JSON."""
    scene.begin()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbebc200\r\n"
    event = b'{"type": "ADDED", "object": {"metadata": {"name": "' + b"n" * 40_000_000
    scene.withstand(faults.Raw([head + event], modes=faults.STREAMS), times=3, memory_mib=80)


CASES = [list_that_never_ends, objects_of_1500_kb_in_pages, ten_thousand_in_one_chunk, ten_thousand_streaming,
         objects_of_1500_kb_streaming, events_of_1500_kb, storm_of_events, policy_of_1500_kb, a_200_mb_chunk_for_watches,
         a_200_mb_chunk_for_lists, a_200_mb_chunk_for_pages, a_line_without_end, a_text_without_end]
