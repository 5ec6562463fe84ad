"""What a tenant may do in a namespace of his own that hurt others once. Each attack makes what stays, or goes on until it is stopped.

The numbers are those of the report in which the attacks were found first. Most need nothing but the API; 25 needs an API server
that takes CIDRs in the old form (the gate StrictIPCIDRValidation off, as before 1.36), 27 a process on the node, 28 one in a pod.
"""

import collections
import contextlib
import random
import socket
import struct

from labs.api import objects, probes
from labs.api.cases_events import await_event
from labs.api.client import MERGE
from labs.net.netns import LabError

from .scene import HOSTILE

_LINGER0 = struct.pack("ii", 1, 0)  # close with a reset: no port stays taken
_FLOWS = 120_000


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
    """20: policies that select nothing fill what the agent keeps of policies: half a megabyte of JSON each, many times that in memory."""
    for n in range(8):
        scene.policy(f"big{n}", podSelector={"matchLabels": {"none": "none"}}, policyTypes=["Ingress"], ingress=[{}] * 190_000)
    for n in range(4):
        scene.policy(f"blocks{n}", podSelector={"matchLabels": {"none": "none"}}, policyTypes=["Ingress"],
                     ingress=[{"from": _blocks(n << 15, 12_000)}])


def pods_with_many_labels(scene, count=26):
    """21: pods of half a megabyte each, some that wait for a node and some that are said to be elsewhere."""
    def fat(api, n):
        labels = {f"k{n}-{i}": "v" for i in range(40_000)}
        api.ask("POST", objects.collection("Pod", HOSTILE), objects.pod(f"{HOSTILE}/fat{n}", "n9" if n % 2 else "", labels))
    scene.in_parallel(count, fat)


def nested_port_ranges(scene):
    """22: one policy of 100 KB whose port ranges make a million pieces, each with peers of its own."""
    scene.pods(1)
    scene.policy("ranges", **_ranges())


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


def floods_of_warnings(scene):
    """25: a policy with 200 CIDRs of a form that is warned about, changed twenty times a second."""
    def change(api, i):
        blocks = [{"ipBlock": {"cidr": f"010.{i >> 8 & 255}.{i & 255}.{n}/32"}} for n in range(200)]
        made = objects.policy(f"{HOSTILE}/old", policyTypes=["Ingress"], ingress=[{"from": blocks}])
        if i:
            _send(api, "PATCH", objects.path("NetworkPolicy", f"{HOSTILE}/old"), {"spec": made["spec"]}, MERGE)
        else:
            api.ask("POST", objects.collection("NetworkPolicy", HOSTILE), made)
    scene.repeat(change, 0.05)


def floods_of_events(scene):
    """26: many policies that are over their budget, made and deleted over and over, while the agent has something to say itself."""
    scene.pods(1)
    spec = _too_many_selectors()

    def change(api, i):
        name = f"{HOSTILE}/e{i % 40}"
        _send(api, "DELETE", objects.path("NetworkPolicy", name), None)
        _send(api, "POST", objects.collection("NetworkPolicy", HOSTILE), objects.policy(name, **spec))
    scene.repeat(change, 0.1)


def _too_many_selectors():
    return {"policyTypes": ["Ingress"], "ingress": [{"from": [_excluding(f"x{i}") for i in range(2001)]}]}


def others_are_heard(scene):
    """Beside 26: the Event about somebody else's broken policy, and the agent's own about its node."""
    name = "victim/broken"
    scene.api.ask("POST", objects.collection("NetworkPolicy", "victim"),
                  objects.policy(name, podSelector={"matchLabels": {"app": "server"}}, **_too_many_selectors()))
    try:
        scene.node.namespace.run(["nft", "add", "counter", "inet", "podgate", "theirs"])
        await_event(scene, "OverBudget", "NetworkPolicy", "broken")
        await_event(scene, "RulesChanged", "Node", scene.node.name)
    finally:
        scene.api.send("DELETE", objects.path("NetworkPolicy", name))
    scene.follow(True)
    return "others' Events came"


def thousands_of_connections(scene):
    """27: 2,900 connections a second to the agent's port that say one byte and stay."""
    kept = collections.deque()
    with scene.node.namespace:
        def connect(_, __):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER0)
            with contextlib.suppress(OSError):  # in progress, or refused
                client.connect(("127.0.0.1", probes.PORT))
            with contextlib.suppress(OSError):
                client.send(b"G")
            kept.append(client)
            if len(kept) > 800:
                kept.popleft().close()
        scene.repeat(connect, 1 / 2900)


def tracked_flows(scene):
    """28: a pod sends to so many ports that conntrack is full of its flows, while labels change what its policy denies."""
    end = scene.topology.slots["n1", 2]
    scene.create_pod(scene.api, f"{HOSTILE}/h0", "n1", {"app": "h0"}, end.addresses[4])
    scene.create_pod(scene.api, f"{HOSTILE}/peer", "n9", {"app": "peer"}, "10.97.0.1")
    scene.policy("peers", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {"matchLabels": {"turn": "1"}}}]}])

    def fill():
        with end.namespace:
            for _ in range(-(-_FLOWS // 60_000)):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    for port in range(1024, 61_024):
                        with contextlib.suppress(OSError):  # an ICMP error of an earlier one
                            sender.sendto(b"x", ("10.244.2.250", port))
    fill()
    with scene.node.namespace, open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as file:
        count = int(file.read())
    if count < _FLOWS * 3 // 4:
        raise LabError(f"conntrack tracks only {count} flows")

    def change(api, i):
        if i % 200 == 199:  # they last for 30 s
            fill()
        _send(api, "PATCH", objects.path("Pod", f"{HOSTILE}/peer"), {"metadata": {"labels": {"turn": str(i % 2)}}}, MERGE)
    scene.repeat(change, 0.1)


def flows_are_cut(scene):
    """Beside 28: how long a flow of the victim's lives on after it was denied."""
    times = scene.measure_cut(2)
    return "cut after ms: " + " ".join(f"{time:.0f}" for time in times)


def _flap(scene, pause=0.1):
    scene.repeat(lambda api, i: _send(api, "PATCH", objects.path("Pod", f"{HOSTILE}/h0"),
                                      {"metadata": {"labels": {"tier": "x" if i % 2 else None}}}, MERGE), pause)


def _with_tier(key, apps=()):
    """Selects the pods of all namespaces that have a tier (and are of these apps, or hostile), and is like no other selector."""
    wanted = [{"key": key, "operator": "DoesNotExist"}, {"key": "tier", "operator": "Exists"}]
    if apps:
        wanted.append({"key": "app", "operator": "In", "values": ["h0", *apps]})
    return {"namespaceSelector": {}, "podSelector": {"matchExpressions": wanted}}


def flapping_labels(scene):
    """29: a pod comes to belong to sets of a thousand pods, as many as its namespace may have, and leaves them, ten times a second."""
    scene.pods(1)
    scene.policy("flap", policyTypes=["Ingress"], ingress=[{"from": [_with_tier(f"x{i}")], "ports": [{"port": 1 + i}]} for i in range(30)])
    _flap(scene)


def flapping_at_a_step(scene):
    """29: the same with sets of 512 pods, a number at which a set's size changes; as many as the namespace may have, and many more."""
    scene.pods(2)
    scene.in_parallel(12, lambda api, i: scene.create_pod(
        api, f"{HOSTILE}/f{i}", "n9", {"app": "h0", "tier": "x"}, f"10.97.1.{i + 1}"))
    apps = [f"a{n}" for n in range(25)]  # of 20 pods each
    for n, count in enumerate((60, 400)):
        scene.policy(f"flap{n}", policyTypes=["Ingress"], podSelector={"matchLabels": {"app": f"h{n}"}}, ingress=[
            {"from": [_with_tier(f"x{n}-{i}", apps)], "ports": [{"port": 1 + i}]} for i in range(count)])
    _flap(scene)


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
    """The thousand pods of a deployment are replaced one after another, as fast as the API server takes it, while a policy selects them."""
    scene.pods(2)
    scene.policy("peers", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "roll"}}}]}])

    def come(api, number, generation):
        scene.create_pod(api, f"{HOSTILE}/r{number}-{generation}", "n9", {"app": "roll", "hash": str(generation)},
                         f"10.{94 + generation % 2}.{number // 250}.{number % 250 + 1}")
    scene.in_parallel(1000, lambda api, i: come(api, i, 0))

    def change(api, i):
        number, generation = i % 1000, i // 1000
        come(api, number, generation + 1)
        _send(api, "DELETE", objects.path("Pod", f"{HOSTILE}/r{number}-{generation}") + "?gracePeriodSeconds=0", None)
    scene.repeat(change)


def at_random(seed):
    """An attack of some of these kinds, of any size that the API server takes."""
    def attack(scene):
        chance = random.Random(seed)

        def some(most):
            """Mostly little, sometimes all."""
            return int(most * chance.random() ** 3)
        for n in range(some(12)):
            scene.policy(f"big{n}", podSelector={"matchLabels": {"none": "none"}}, policyTypes=["Ingress"],
                         ingress=[{"from": _blocks(n << 15, 1 + some(12_000))}])
        for n in range(some(20)):
            labels = {f"k{n}-{i}": "v" for i in range(some(30_000))}
            scene.api.ask("POST", objects.collection("Pod", HOSTILE), objects.pod(f"{HOSTILE}/fat{n}", chance.choice(["", "n9"]), labels))
        scene.pods(1 + some(8))
        made = [_rules(chance, n, 1 + some(1900)) for n in range(1 + some(10))]
        for n, rules in enumerate(made):
            selected = {"matchLabels": {"app": f"h{chance.randrange(8)}"}} if chance.random() < 0.5 else {}
            scene.policy(f"p{n}", podSelector=selected, policyTypes=["Ingress"], ingress=rules)
        changed = chance.randrange(len(made))

        def change(api, i):
            if i % 3:
                _send(api, "PATCH", objects.path("Pod", f"{HOSTILE}/h0"), {"metadata": {"labels": {"tier": "x" if i % 2 else None}}}, MERGE)
            else:
                _send(api, "PATCH", objects.path("NetworkPolicy", f"{HOSTILE}/p{changed}"),
                      {"spec": {"ingress": made[changed][:1 + chance.randrange(len(made[changed]))]}}, MERGE)
        scene.repeat(change, 10 ** -(1 + chance.random()))
    attack.__name__ = f"random_{seed}"
    return attack


def _rules(chance, policy, count):
    """So many rules of one kind."""
    kind = chance.choice(["everybody", "tier", "blocks", "ranges"])
    if kind == "ranges":
        return [{"from": [_every({"app": f"a{n % 50}"})], "ports": [{"port": 1 + n, "endPort": 65535 - n}]} for n in range(count)]
    peers = {"everybody": lambda n: _excluding(f"x{policy}-{n}"), "tier": lambda n: _with_tier(f"x{policy}-{n}"),
             "blocks": lambda n: _blocks(n, 1)[0]}[kind]
    return [{"from": [peers(n)], "ports": [{"port": 1 + n}]} for n in range(count)]


def everything_that_stands(scene):
    """All that stays where it is put, at once: what an agent that starts finds."""
    megabytes_of_policies(scene)
    pods_with_many_labels(scene, 8)  # twice what may be kept of them, and the API server takes a second for each
    scene.pods(5)
    for n, made in enumerate((_ranges(), _sets(), _sets("y"))):
        scene.policy(f"all{n}", **made)


def _ranges():
    return {"policyTypes": ["Ingress"], "ingress": [
        {"from": [{"podSelector": {"matchLabels": {"a": f"x{n}"}}}], "ports": [{"protocol": "TCP", "port": 1 + n, "endPort": 65535 - n}]}
        for n in range(990)]}


def _sets(key="x"):
    return {"policyTypes": ["Ingress"], "ingress": [
        {"from": [_excluding(f"{key}{i}")], "ports": [{"port": 1 + i}]} for i in range(1900)]}


ATTACKS = [megabytes_of_policies, pods_with_many_labels, nested_port_ranges, thousands_of_sets, millions_of_elements, floods_of_warnings,
           floods_of_events, thousands_of_connections, tracked_flows, flapping_labels, flapping_at_a_step, churn, rollout]
# What else must hold beside an attack; each says in some words what it found.
CHECKS = {floods_of_events: others_are_heard, tracked_flows: flows_are_cut}
