"""Pods that change labels, begin, end, and leave their addresses to others."""

from .world import SPARE

_WEB_FROM_FRIENDS = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
    {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"friend": "yes"}}}]}]}


def peer_labels(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.expect("deny * -> a/web")
    world.label("Pod", "a/client", friend="yes")
    world.expect("deny * -> a/web", "allow a/client -> a/web")
    world.label("Pod", "b/far", friend="yes")
    world.expect("deny * -> a/web", "allow a/client -> a/web", "allow b/far -> a/web")
    world.label("Pod", "a/client", friend="no")
    world.expect("deny * -> a/web", "allow b/far -> a/web")
    world.label("Pod", "b/far", friend=None)
    world.expect("deny * -> a/web")


def selected_labels(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.expect("deny * -> a/web")
    world.label("Pod", "a/web", app="retired")
    world.expect()
    world.label("Pod", "a/far", app="web")
    world.expect("deny * -> a/far")


def added_and_deleted(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/new", *SPARE, labels={"friend": "yes"})
    world.expect("deny * -> a/web", "allow a/new -> a/web")
    world.remove("Pod", "a/new")  # its packets are still tried: they are now from an address that no pod has
    world.expect("deny * -> a/web")


def address_comes_later(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pending_pod("a/new", SPARE[0], {"friend": "yes"})
    world.expect("deny * -> a/web")
    world.run_pod("a/new", *SPARE)
    world.expect("deny * -> a/web", "allow a/new -> a/web")


def finished_peer_and_address_reused(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/job", *SPARE, labels={"friend": "yes"})
    world.expect("deny * -> a/web", "allow a/job -> a/web")
    world.finish("a/job")
    world.expect("deny * -> a/web")
    del world.slots["a/job"]
    world.pod("b/new", *SPARE, labels={"app": "other"})
    world.expect("deny * -> a/web")
    world.label("Pod", "b/new", friend="yes")
    world.expect("deny * -> a/web", "allow b/new -> a/web")
    world.remove("Pod", "a/job")  # the finished one goes at last: nothing changes for its successor
    world.expect("deny * -> a/web", "allow b/new -> a/web")


def finished_target_and_address_reused(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/job", *SPARE, labels={"app": "web"})
    world.expect("deny * -> a/web", "deny * -> a/job")
    world.finish("a/job", "Failed")
    world.expect("deny * -> a/web")
    del world.slots["a/job"]
    world.pod("b/new", *SPARE, labels={"app": "other"})
    world.expect("deny * -> a/web")
    world.policy("b/friends", podSelector={"matchLabels": {"app": "other"}}, policyTypes=["Ingress"])
    world.expect("deny * -> a/web", "deny * -> b/new")
    world.remove("Pod", "a/job")
    world.expect("deny * -> a/web", "deny * -> b/new")


def deleted_and_address_reused_at_once(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/old", *SPARE, labels={"friend": "yes"})
    world.expect("deny * -> a/web", "allow a/old -> a/web")
    world.remove("Pod", "a/old")
    del world.slots["a/old"]
    world.pod("a/new", *SPARE, labels={"friend": "no"})
    world.expect("deny * -> a/web")
    world.remove("Pod", "a/new")
    del world.slots["a/new"]
    world.pod("a/old", *SPARE, labels={"friend": "yes"})  # the first one's name, address and labels
    world.expect("deny * -> a/web", "allow a/old -> a/web")


def terminating_still_counts(world):
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/new", *SPARE, labels={"friend": "yes"}, grace=600)
    world.expect("deny * -> a/web", "allow a/new -> a/web")
    world.remove("Pod", "a/new", grace=600)
    world.hold("deny * -> a/web", "allow a/new -> a/web", seconds=1)
    world.remove("Pod", "a/new")
    world.expect("deny * -> a/web")


CASES = [peer_labels, selected_labels, added_and_deleted, address_comes_later, finished_peer_and_address_reused,
         finished_target_and_address_reused, deleted_and_address_reused_at_once, terminating_still_counts]
