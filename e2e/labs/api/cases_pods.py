"""Pods that change labels, begin, end, and leave their addresses to others."""

import time

from labs.net.patience import PATIENCE_SECONDS

from .conversation import Conversation, silent
from .world import FAMILIES, SPARE, require

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


def finished_and_still_running(world):
    """Failed is said of a pod before its containers are told to end: it is policed until they have."""
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.pod("a/job", *SPARE, labels={"app": "web"})
    world.expect("deny * -> a/web", "deny * -> a/job")
    world.status("a/job", {"status": {"phase": "Failed", "containerStatuses": [_container(running={"startedAt": _MOMENT})]}})
    world.hold("deny * -> a/web", "deny * -> a/job", seconds=1)
    world.agents["n1"].stop()  # one that starts now finds it finished
    world.agents["n1"].start()
    world.hold("deny * -> a/web", "deny * -> a/job", seconds=2)
    world.status("a/job", {"status": {"containerStatuses": [_container(terminated={"exitCode": 1})]}})
    world.expect("deny * -> a/web")


def _container(**state):
    return {"name": "main", "image": "none.invalid/main", "imageID": "", "ready": False, "restartCount": 0, "state": state}


_MOMENT = "2026-01-01T00:00:00Z"


def two_claim_one_address(world):
    """On its own node a pod keeps its address; as a peer it gets only what all claimants may."""
    world.policy("a/friends", **_WEB_FROM_FRIENDS)
    world.policy("a/client", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Ingress"], ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])
    before = ["deny * -> a/web", "deny * -> a/client", "allow a/web -> a/client"]
    world.label("Pod", "a/client", friend="yes")
    world.expect(*before, "allow a/client -> a/web")
    world.pod("b/liar", "n2", 4)  # a friend of nobody, on another node
    own = world.endpoint("a/client").addresses
    del world.slots["b/liar"]
    world.status("b/liar", {"status": {"podIP": own[4], "podIPs": [{"ip": own[4]}, {"ip": own[6]}]}})
    world.hold(*before, "allow a/client -> a/web", seconds=1)
    # A second one on its own node: the address is both's, and a friend only one of them.
    world.pod("b/twin", *SPARE)
    del world.slots["b/twin"]
    world.status("b/twin", {"status": {"podIP": own[4], "podIPs": [{"ip": own[4]}, {"ip": own[6]}]}})
    world.expect(*before)
    world.label("Pod", "b/twin", friend="yes")
    world.expect(*before, "allow a/client -> a/web")
    world.remove("Pod", "a/client")
    world.expect("deny * -> a/web", "allow a/client -> a/web")  # now the twin's, which no policy isolates
    world.remove("Pod", "b/twin")
    world.expect("deny * -> a/web")  # of another node alone, that is no friend


def an_address_takes_no_flows_along(world):
    """What the former owner began is not the next one's, whichever direction isolates that."""
    world.expect()
    world.pod("a/old", *SPARE)
    world.expect()
    talks = [Conversation(world.endpoint("a/old"), world.endpoint("a/far"), protocol, family)
             for protocol in ("tcp", "udp") for family in FAMILIES]
    try:
        world.remove("Pod", "a/old")
        del world.slots["a/old"]
        world.policy("b/closed", podSelector={"matchLabels": {"app": "new"}}, policyTypes=["Ingress"])
        world.pod("b/new", *SPARE)
        world.expect("deny * -> b/new")
        begin = time.monotonic()
        while len(silent(talks, push=True)) < len(talks):
            require(time.monotonic() - begin < PATIENCE_SECONDS, "what a/far still says to the former owner reaches b/new")
        own = [Conversation(world.endpoint("b/new"), world.endpoint("a/far"), protocol, family)
               for protocol in ("tcp", "udp") for family in FAMILIES]
        talks += own
        world.label("Pod", "b/far", other="yes")  # the world goes on: its own flows stay
        require(not silent(own, push=True), "a flow that b/new began itself does not pass")
    finally:
        for talk in talks:
            talk.close()


CASES = [finished_and_still_running, two_claim_one_address, an_address_takes_no_flows_along,
         peer_labels, selected_labels, added_and_deleted, address_comes_later, finished_peer_and_address_reused,
         finished_target_and_address_reused, deleted_and_address_reused_at_once, terminating_still_counts]
