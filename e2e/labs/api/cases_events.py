"""What agents tell the cluster as Events: for those who look at `kubectl get events` and not at an agent's log."""

import time

from labs.net.patience import PATIENCE_SECONDS

from .world import require

_NODE = "n1"


def _events(world, reason, kind, name):
    return [event for event in world.api.ask("GET", "/apis/events.k8s.io/v1/events")["items"]
            if event.get("reason") == reason and event["regarding"].get("kind") == kind and event["regarding"]["name"] == name]


def await_event(world, reason, kind, name):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := _events(world, reason, kind, name)):
        require(time.monotonic() < end, f"{PATIENCE_SECONDS} s after it happened there is no event {reason} about {kind} {name}")
        time.sleep(0.1)
    return found[0]


def repairs_are_told_once(world):
    agent = world.agents[_NODE]
    agent.stop()
    agent.start()  # forgets what it has told, as it did while other cases ran
    world.expect()
    before = len(_events(world, "RulesChanged", "Node", _NODE))
    for _ in range(3):
        world.topology.nodes[_NODE].namespace.run(["nft", "add", "counter", "inet", "podgate", "theirs"])
        time.sleep(1.2)
    end = time.monotonic() + PATIENCE_SECONDS
    while len(found := _events(world, "RulesChanged", "Node", _NODE)) == before:
        require(time.monotonic() < end, f"{PATIENCE_SECONDS} s after a repair there is no event about it")
        time.sleep(0.1)
    event = max(found, key=lambda e: e["eventTime"])
    require("changed the nftables table inet podgate; the agent reverted the change. Suspected: nft (pid " in event["note"],
            f"the event says {event['note']}")
    require(event["type"] == "Warning" and event["reportingController"] == "podgate", f"the event is {event}")
    time.sleep(6)
    require(len(_events(world, "RulesChanged", "Node", _NODE)) == before + 1, "three repairs were told more than once")


CASES = [repairs_are_told_once]
