"""What the agent may do in the cluster, and what it does on the machine."""

from . import objects
from .client import MERGE
from .world import require

_LISTED = ("/api/v1/pods", "/api/v1/namespaces", "/apis/networking.k8s.io/v1/networkpolicies")


def only_list_and_watch(world):
    agent = world.server.as_agent()
    pod = objects.path("Pod", "a/web")
    refused = [("GET", pod, None), ("GET", "/api/v1/secrets", None), ("GET", "/api/v1/nodes", None),
               ("GET", "/api/v1/configmaps", None), ("GET", "/api/v1/namespaces/kube-system/secrets", None),
               ("GET", "/apis/events.k8s.io/v1/events", None),
               ("POST", objects.collection("Pod", "a"), objects.pod("a/made", "n1", {})),
               ("POST", objects.collection("NetworkPolicy", "a"), objects.policy("a/made")),
               ("PATCH", pod, {"metadata": {"labels": {"a": "b"}}}), ("PATCH", pod + "/status", {"status": {"phase": "Failed"}}),
               ("PATCH", objects.path("Namespace", "a"), {"metadata": {"labels": {"a": "b"}}}),
               ("DELETE", pod, None), ("DELETE", _LISTED[2].replace("v1/", "v1/namespaces/a/"), None)]
    for path in _LISTED:
        status = agent.send("GET", path + "?limit=1")[0]
        require(status == 200, f"the agent's list of {path} was answered {status}")
        version = agent.ask("GET", path + "?limit=1")["metadata"]["resourceVersion"]
        events = agent.watch(f"{path}?resourceVersion={version}", 1)
        require(not any(event["type"] == "ERROR" for event in events), f"the agent's watch of {path} gave {events[-1:]}")
    node = agent.send("GET", "/api/v1/nodes/n1")[0]
    require(node == 200, f"the agent's GET of its Node was answered {node}")
    for method, path, body in refused:
        status = agent.send(method, path, body, MERGE if method == "PATCH" else "application/json")[0]
        require(status == 403, f"{method} {path} as the agent was answered {status}, not 403")
    agent.close()


def no_child_process(world):
    """Over all starts of all agents until now."""
    for agent in world.agents.values():
        world.expect()
        executed = agent.executed()
        require(not executed, f"the agent on {agent.node.name} executed {len(executed)} programs: {executed[:3]}")


CASES = [only_list_and_watch, no_child_process]
