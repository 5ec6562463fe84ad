"""Events and objects that are odd: repeated, out of order, unknown, empty, bare, versions that are no numbers; and servers
that know no streaming lists or bookmarks.
"""

from labs.api.world import Wrong, require

from . import faults
from .scene import AFTER, BEFORE

_PAGES = {"streaming": "400"}


def duplicates(scene):
    scene.begin()
    scene.withstand(faults.Duplicates(modes=faults.STREAMS, compacts=True), told="all")


def modified_before_added(scene):
    scene.begin()
    scene.withstand(faults.Renamed(modes=faults.STREAMS, compacts=True), told="all")


def deletions_of_strangers(scene):
    scene.begin()
    scene.withstand(faults.Strangers(modes=faults.STREAMS, compacts=True), told="all")


def deletions_of_nothing(scene):
    """Nobody knows of what: the list tells."""
    scene.begin()
    scene.withstand(faults.Nameless(modes=faults.STREAMS), told="all")


def _late(scene, kind, **begin):
    """A new namespace with a pod and a policy, of which one kind's news come last."""
    scene.begin(**begin)
    with scene.traffic():
        with scene.fault(faults.Late(modes=faults.STREAMS, kinds=(kind,))):
            scene.met(1)
            scene.world.namespace("c", {"team": "c"})
            scene.world.policy("b/guard", podSelector={"matchLabels": {"app": "client"}}, ingress=[
                {"from": [{"namespaceSelector": {"matchLabels": {"team": "c"}}}]}])
            scene.world.pod("c/late", "n1", 4, labels={"friend": "yes"})
            scene.world.expect(*BEFORE, "deny * -> b/client", "allow c/late -> b/client", "allow c/late -> a/web")
    scene.sound()


def namespaces_last(scene):
    _late(scene, "namespaces")


def pods_last(scene):
    _late(scene, "pods")


def policies_last(scene):
    _late(scene, "networkpolicies")


def lists_in_reverse(scene):
    """The same at a start: namespaces and policies are listed after the pods."""
    scene.begin()
    with scene.traffic():
        with scene.fault(faults.Late(modes=("initial",), kinds=("namespaces", "networkpolicies"), compacts=True)):
            scene.change()
            for agent in scene.world.agents.values():
                agent.kill()
                agent.start()
            scene.met(2)
            scene.world.expect(*AFTER)
    scene.sound()


def opaque_versions(scene):
    """No number, no order, and characters that mean something in URLs."""
    scene.begin(opaque=True)
    scene.withstand(faults.Status(410, "Expired", modes=("watch",), times=2), told="all")


def opaque_versions_in_pages(scene):
    scene.begin(opaque=True, page_size=2, **_PAGES)
    scene.withstand(faults.Refused(), times=0)


def null_lists(scene):
    scene.begin()
    scene.withstand(faults.Nulls(compacts=True), times=3, told="all")


def null_lists_in_pages(scene):
    """An empty list comes as null, too: it is one, and everything in it is gone."""
    scene.begin(**_PAGES)
    scene.withstand(faults.Nulls(compacts=True), times=3, told="all")
    with scene.fault(faults.Nulls()):
        for name in ("a/friends", "a/out", "b/guard"):
            scene.world.remove("NetworkPolicy", name)
        scene.double.call("begin", faults.Nulls(compacts=True), True)
        scene.world.expect()
    scene.sound()


def missing_fields(scene):
    scene.begin()
    scene.withstand(faults.Bare(modes=("list", "initial"), compacts=True), times=3, told="all")


def missing_fields_in_pages(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Bare(modes=("list",), compacts=True), times=3, told="all")


def no_bookmarks(scene):
    scene.begin(bookmarks=0)
    scene.withstand(faults.Cut(modes=("watch",), how="close", bytes=0, times=2), told="all")


def _without_streaming(scene, answer):
    scene.begin(streaming=answer)
    scene.withstand(faults.Fault(compacts=True), times=3, told="all")


def no_streaming_list_400(scene):
    _without_streaming(scene, "400")


def no_streaming_list_422(scene):
    _without_streaming(scene, "422")


def no_streaming_list_501(scene):
    _without_streaming(scene, "501")


def streaming_list_taken_for_a_watch(scene):
    """All objects come, and no word that these are all. A quarter of a minute of silence tells, once for all kinds."""
    scene.begin()  # in step, to begin with
    scene.double.configure(streaming="ignored", bookmarks=0)
    with scene.traffic():
        for agent in scene.world.agents.values():
            agent.kill()
        scene.change()
        for agent in scene.world.agents.values():
            agent.start()
        scene.world.expect(*AFTER)
    scene.sound()


def a_lie_is_noticed(scene):
    """The test of the tests: an API server that says that there are no policies opens what they closed, and this shows."""
    scene.begin()
    try:
        with scene.traffic():
            with scene.fault(faults.Empty(kinds=("networkpolicies",), compacts=True)):
                scene.world.expect()
    except Wrong as wrong:
        require("datagrams were passed" in str(wrong), str(wrong))
        return
    raise Wrong("denied flows passed, and nobody said so")


CASES = [streaming_list_taken_for_a_watch, duplicates, modified_before_added, deletions_of_strangers, deletions_of_nothing,
         namespaces_last, pods_last, policies_last, lists_in_reverse, opaque_versions, opaque_versions_in_pages, null_lists,
         null_lists_in_pages, missing_fields, missing_fields_in_pages, no_bookmarks, no_streaming_list_400,
         no_streaming_list_422, no_streaming_list_501, a_lie_is_noticed]
