"""Namespaces that change labels, come and go."""

from .world import SPARE


def labels_move_a_whole_namespace(world):
    world.policy("a/team", policyTypes=["Ingress"],
                 ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "friends"}}}]}])
    world.expect("deny * -> a/*")
    world.label("Namespace", "b", team="friends")
    world.expect("deny * -> a/*", "allow b/* -> a/*")
    world.label("Namespace", "a", team="friends")
    world.expect()
    world.label("Namespace", "b", team="b")
    world.expect("deny b/* -> a/*")
    world.label("Namespace", "a", team=None)
    world.expect("deny * -> a/*")


def both_selectors(world):
    world.policy("a/p", podSelector={"matchLabels": {"app": "web"}}, ingress=[
        {"from": [{"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]},
                   "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["client", "far"]}]}}]}])
    world.expect("deny * -> a/web", "allow b/client -> a/web", "allow b/far -> a/web")
    world.label("Namespace", "b", team="a")
    world.expect("deny * -> a/web")
    world.label("Namespace", "b", team=None)
    world.expect("deny * -> a/web", "allow b/client -> a/web", "allow b/far -> a/web")


def comes_and_goes(world):
    world.policy("a/by-name", policyTypes=["Ingress"], ingress=[
        {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "c"}}}]}])
    world.expect("deny * -> a/*")
    world.namespace("c", {})
    world.pod("c/new", *SPARE)
    world.expect("deny * -> a/*", "allow c/new -> a/*")
    world.remove("Pod", "c/new")
    world.remove_namespace("c")
    world.expect("deny * -> a/*")
    del world.slots["c/new"]
    world.namespace("c", {})
    world.pod("c/new", *SPARE)
    world.expect("deny * -> a/*", "allow c/new -> a/*")


CASES = [labels_move_a_whole_namespace, both_selectors, comes_and_goes]
