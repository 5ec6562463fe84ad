"""What a tenant may do in a namespace of his own that hurt others once, on the API server as it is. Each attack makes what stays, or goes on
until it is stopped. (Floods of warnings need objects that only older API servers accept: see LogAbout's unit tests.)
"""

from labs.api import objects, probes
from labs.api.client import MERGE

from .scene import HOSTILE, require


def _every(labels):
    return {"podSelector": {"matchLabels": labels}, "namespaceSelector": {}}


def _excluding(key):
    """Selects every pod of the cluster, and is like no other selector."""
    return {"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}}


def _blocks(first, count):
    return [{"ipBlock": {"cidr": f"20.{(first + i) >> 16 & 255}.{(first + i) >> 8 & 255}.{(first + i) & 255}/32"}} for i in range(count)]


def _send(api, method, path, body, content_type="application/json"):
    """An attacker does not mind what he is answered."""
    api.send(method, path, body, content_type)


def megabytes_of_policies(scene):
    """20: policies that select nothing fill what the agent keeps of policies."""
    for n in range(12):
        scene.policy(f"big{n}", podSelector={"matchLabels": {"none": "none"}}, policyTypes=["Ingress"],
                     ingress=[{"from": _blocks(n << 15, 12000)}])


def pods_with_many_labels(scene):
    """21: pods of half a megabyte each, some that wait for a node and some that are said to be elsewhere."""
    for n in range(30):
        labels = {f"k{n}-{i}": "v" for i in range(30000)}
        made = objects.pod(f"{HOSTILE}/fat{n}", "n9" if n % 2 else "", labels)
        scene.api.ask("POST", objects.collection("Pod", HOSTILE), made)


def nested_port_ranges(scene):
    """22: one policy of 100 KB whose port ranges make half a million pieces."""
    scene.pods(1)
    scene.policy("ranges", policyTypes=["Ingress"], ingress=[
        {"from": [_every({"app": f"a{n % 50}"})], "ports": [{"protocol": "TCP", "port": 1 + n, "endPort": 65535 - n}]} for n in range(900)])


def thousands_of_sets(scene):
    """23: three pods, each with a policy of thousands of selectors of its own."""
    scene.pods(3)
    for n in range(3):
        scene.policy(f"sets{n}", podSelector={"matchLabels": {"app": f"h{n}"}}, policyTypes=["Ingress"], ingress=[
            {"from": [_excluding(f"x{n}-{i}")], "ports": [{"port": 1 + i}]} for i in range(1900)])


def millions_of_elements(scene):
    """24: one policy whose selectors all mean everybody."""
    scene.pods(1)
    scene.policy("elements", policyTypes=["Ingress", "Egress"], ingress=[
        {"from": [_excluding(f"x{i}")], "ports": [{"port": 1 + i}]} for i in range(1900)])


def floods_of_events(scene):
    """26: many policies that are over their budget, made and deleted over and over, while the agent has something to say itself."""
    scene.pods(1)
    spec = {"policyTypes": ["Ingress"], "ingress": [{"from": [_excluding(f"x{i}") for i in range(2001)]}]}

    def change(api, i):
        name = f"{HOSTILE}/e{i % 40}"
        _send(api, "DELETE", objects.path("NetworkPolicy", name), None)
        _send(api, "POST", objects.collection("NetworkPolicy", HOSTILE), objects.policy(name, **spec))
    scene.repeat(change, 0.1)


def silent_connections(scene):
    """27: connections to the agent's port that say nothing; the kubelet's probe must be answered all the same."""
    clients = probes.silent_clients(scene.node.namespace, 400)

    def probe(_, i):
        require(probes.get(scene.node.namespace, "/readyz")[0] == 200, "/readyz is not answered beside silent clients")
        clients[i % 400].close()
        clients[i % 400], = probes.silent_clients(scene.node.namespace, 1)
    scene.repeat(probe, 0.01)


def flapping_labels(scene):
    """29: a pod comes to belong to hundreds of sets that are as large as their step, and leaves them, ten times a second."""
    scene.pods(1)
    scene.policy("flap", policyTypes=["Ingress"], ingress=[
        {"from": [{"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": f"x{i}", "operator": "DoesNotExist"},
                                                                                   {"key": "tier", "operator": "Exists"}]}}],
         "ports": [{"port": 1 + i}]} for i in range(30)])

    def change(api, i):
        _send(api, "PATCH", objects.path("Pod", f"{HOSTILE}/h0"), {"metadata": {"labels": {"tier": "x" if i % 2 else None}}}, MERGE)
    scene.repeat(change, 0.1)


def churn(scene):
    """A hundred changes a second: policies, and labels of pods that they select."""
    scene.pods(4)

    def change(api, i):
        name = f"{HOSTILE}/c{i % 20}"
        if i % 2:
            _send(api, "PATCH", objects.path("Pod", f"{HOSTILE}/h{i % 4}"), {"metadata": {"labels": {"turn": str(i)}}}, MERGE)
        elif i % 40 < 20:
            _send(api, "POST", objects.collection("NetworkPolicy", HOSTILE), objects.policy(
                name, podSelector={"matchLabels": {"app": f"h{i % 4}"}}, policyTypes=["Ingress"],
                ingress=[{"from": [_every({"app": f"a{i % 50}"})], "ports": [{"port": 1 + i % 1000}]}]))
        else:
            _send(api, "DELETE", objects.path("NetworkPolicy", name), None)
    scene.repeat(change, 0.01)


def rollout(scene):
    """Pods of a deployment come and go elsewhere, hundreds of them, while policies select them."""
    scene.pods(2)
    scene.policy("peers", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "roll"}}}]}])

    def change(api, i):
        name = f"{HOSTILE}/r{i % 200}"
        if i >= 200:
            _send(api, "DELETE", objects.path("Pod", name) + "?gracePeriodSeconds=0", None)
        _send(api, "POST", objects.collection("Pod", HOSTILE), objects.pod(name, "n9", {"app": "roll", "hash": str(i)}))
        _send(api, "PATCH", objects.path("Pod", name) + "/status",
              objects.running([f"10.97.{i % 200}.{i // 200 % 250 + 1}"], "172.18.0.99"), MERGE)
    scene.repeat(change)


def everything_that_stands(scene):
    """All that stays where it is put, at once: what an agent that starts finds."""
    megabytes_of_policies(scene)
    pods_with_many_labels(scene)
    scene.pods(5)
    for n, made in enumerate((_ranges(), _sets(), _sets("y"))):
        scene.policy(f"all{n}", **made)


def _ranges():
    return {"policyTypes": ["Ingress"], "ingress": [
        {"ports": [{"protocol": "TCP", "port": 1 + n, "endPort": 65535 - n}]} for n in range(900)]}


def _sets(key="x"):
    return {"policyTypes": ["Ingress"], "ingress": [
        {"from": [_excluding(f"{key}{i}")], "ports": [{"port": 1 + i}]} for i in range(1900)]}


ATTACKS = [megabytes_of_policies, pods_with_many_labels, nested_port_ranges, thousands_of_sets, millions_of_elements,
           floods_of_events, silent_connections, flapping_labels, churn, rollout]
