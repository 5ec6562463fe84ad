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


def _to_end(world):
    """Namespace c with two pods on n1, which let only pods of a in. One stays for a while after its deletion."""
    world.namespace("c", {})
    world.pod("c/stall", *SPARE, grace=600)
    world.policy("c/guests", policyTypes=["Ingress", "Egress"], ingress=[
        {"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}])
    world.expect(*_AS_BEFORE)


_AS_BEFORE = ("deny * -> c/stall", "deny c/stall -> *", "allow a/* -> c/stall")


def ending_keeps_the_isolation(world):
    """CVE-2024-7598: the policies of a namespace go before its pods."""
    _to_end(world)
    world.end_namespace("c")
    world.remove("NetworkPolicy", "c/guests")
    world.remove("Pod", "c/stall", grace=600)
    world.hold(*_AS_BEFORE, seconds=2)
    world.label("Namespace", "b", team="a")  # what the policy allows is looked up as ever
    world.expect(*_AS_BEFORE, "allow b/* -> c/stall")
    world.remove("Pod", "c/stall")
    world.expect()
    world.remove_namespace("c")
    # Another namespace of the same name owes nothing to the first.
    world.namespace("c", {})
    world.pod("c/stall", *SPARE)
    world.expect()


def ending_keeps_the_isolation_without_an_agent(world):
    """The policy goes while no agent sees it: its pod stays isolated, and what was allowed nobody knows any more."""
    _to_end(world)
    world.agents["n1"].stop()
    world.end_namespace("c")
    world.remove("NetworkPolicy", "c/guests")
    world.agents["n1"].start()
    world.expect("deny * -> c/stall", "deny c/stall -> *")
    world.hold("deny * -> c/stall", "deny c/stall -> *", seconds=1)
    world.remove("Pod", "c/stall")
    world.expect()


CASES = [labels_move_a_whole_namespace, both_selectors, comes_and_goes, ending_keeps_the_isolation,
         ending_keeps_the_isolation_without_an_agent]
