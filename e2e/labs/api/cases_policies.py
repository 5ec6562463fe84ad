"""Policies that come, change and go."""


def added_changed_deleted(world):
    world.expect()
    world.policy("a/p", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress"])
    world.expect("deny * -> a/web")
    web_from_client = {"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}
    world.policy("a/p", podSelector={"matchLabels": {"app": "web"}}, ingress=[web_from_client])
    world.expect("deny * -> a/web", "allow a/client -> a/web")
    world.policy("a/p", podSelector={"matchLabels": {"app": "web"}}, ingress=[
        {**web_from_client, "ports": [{"port": 8080}]},
        {"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}], "ports": [{"port": 53, "protocol": "UDP"}]}])
    world.expect("deny * -> a/web", "allow a/client -> a/web:8080/tcp", "allow b/* -> a/web:53/udp")
    world.remove("NetworkPolicy", "a/p")
    world.expect()


def egress(world):
    world.policy("a/out", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Egress"])
    world.expect("deny a/client -> *")
    world.policy("a/out", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Egress"], egress=[
        {"to": [{"podSelector": {}}]},
        {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 9090}]}])
    world.expect("deny a/client -> *", "allow a/client -> a/*", "allow a/client -> */web:9090/tcp")
    world.remove("NetworkPolicy", "a/out")
    world.expect()


def selects_other_pods(world):
    for app in ("web", "client", "far"):
        world.policy("a/p", podSelector={"matchLabels": {"app": app}}, policyTypes=["Ingress"])
        world.expect(f"deny * -> a/{app}")
    world.policy("a/p", policyTypes=["Ingress"])
    world.expect("deny * -> a/*")


def union_loses_one(world):
    for source in ("client", "far"):
        world.policy(f"b/from-{source}", podSelector={"matchLabels": {"app": "web"}},
                     ingress=[{"from": [{"podSelector": {"matchLabels": {"app": source}}}]}])
    world.expect("deny * -> b/web", "allow b/client -> b/web", "allow b/far -> b/web")
    world.remove("NetworkPolicy", "b/from-client")
    world.expect("deny * -> b/web", "allow b/far -> b/web")
    world.remove("NetworkPolicy", "b/from-far")
    world.expect()


def both_directions(world):
    world.policy("a/all", policyTypes=["Ingress", "Egress"])
    world.policy("b/all", policyTypes=["Ingress", "Egress"])
    world.expect("deny * -> *")
    world.policy("a/all", policyTypes=["Ingress", "Egress"], egress=[{"to": [{"namespaceSelector": {}}]}])
    world.expect("deny * -> *")
    world.policy("b/all", policyTypes=["Ingress", "Egress"], ingress=[{"from": [{"namespaceSelector": {}}]}])
    world.expect("deny * -> *", "allow a/* -> b/*")


def blocks(world):
    client = world.endpoint("a/client").addresses
    world.policy("b/p", podSelector={"matchLabels": {"app": "web"}}, ingress=[
        {"from": [{"ipBlock": {"cidr": f"{client[4]}/32"}}, {"ipBlock": {"cidr": f"{client[6]}/128"}}]}])
    world.expect("deny * -> b/web", "allow a/client -> b/web")
    world.policy("b/p", podSelector={"matchLabels": {"app": "web"}}, ingress=[
        {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{client[4]}/32"]}},
                  {"ipBlock": {"cidr": "::/0", "except": [f"{client[6]}/128"]}}]}])
    world.expect("deny a/client -> b/web")


def named_ports(world):
    world.policy("a/http", podSelector={}, ingress=[{"ports": [{"port": "http"}]}])
    world.expect("deny * -> a/*", "allow * -> a/*:8080/tcp")
    world.remove("Pod", "a/web")
    world.pod("a/web", "n1", 1, ports=[("http", 9090, "TCP")])
    world.expect("deny * -> a/*", "allow * -> a/*:8080/tcp", "deny * -> a/web", "allow * -> a/web:9090/tcp")
    world.remove("NetworkPolicy", "a/http")
    world.policy("b/out", policyTypes=["Egress"], egress=[{"to": [{"namespaceSelector": {}}], "ports": [{"port": "http"}]}])
    world.expect("deny b/* -> *", "allow b/* -> *:8080/tcp", "deny b/* -> a/web", "allow b/* -> a/web:9090/tcp")


CASES = [added_changed_deleted, egress, selects_other_pods, union_loses_one, both_directions, blocks, named_ports]
