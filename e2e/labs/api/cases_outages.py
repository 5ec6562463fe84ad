"""The API server goes away and comes back; agents are stopped, killed and started. Rules stay, packets do not notice."""

import contextlib
import json
import os
import time
import urllib.request

from labs.net.patience import PATIENCE_SECONDS

from . import objects
from .steady import steady_traffic
from .world import SPARE, require

_FRIENDS = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
    {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"friend": "yes"}}}]}]}
_RULES = ("deny * -> a/web", "allow a/client -> a/web", "allow b/far -> a/web", "deny a/far -> *", "allow a/far -> b/*")


def _set_scene(world):
    """_RULES hold: a web with two friends, and a client that may only go to the other namespace."""
    world.policy("a/friends", **_FRIENDS)
    world.policy("a/out", podSelector={"matchLabels": {"app": "far"}}, policyTypes=["Egress"],
                 egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}])
    world.label("Pod", "a/client", friend="yes")
    world.label("Pod", "b/far", friend="yes")
    world.expect(*_RULES)


def _steady_traffic(world):
    """Flows that _RULES allow and deny."""
    return steady_traffic(world, allowed=(("a/client", "a/web"), ("b/far", "a/web"), ("a/far", "b/web")),
                          denied=(("b/client", "a/web"), ("b/web", "a/web"), ("a/far", "a/client")))


def server_killed(world):
    _set_scene(world)
    with _steady_traffic(world):
        world.server.kill()
        world.hold(*_RULES, seconds=1.5)
        world.server.up()
        world.label("Pod", "a/web", other="changed")  # something to see that says nothing new
        world.hold(*_RULES)
    world.label("Pod", "b/far", friend=None)
    world.expect(*_RULES, "deny b/far -> a/web")
    world.remove("NetworkPolicy", "a/friends")
    world.expect("deny a/far -> *", "allow a/far -> b/*")


@contextlib.contextmanager
def _agents_cut_off(world):
    """Agents' connections to the API server are refused; kill it first, so that none is open."""
    inside = world.server.namespace
    inside.run(["nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
                       "add rule inet cut in iifname br0 tcp dport 6443 reject with tcp reset"])
    try:
        yield
    finally:
        inside.run(["nft", "delete table inet cut"])


def _compact(world):
    """Drops all of etcd's history but the present."""
    def ask(path, body):
        request = urllib.request.Request(f"http://127.0.0.1:2379/v3/kv/{path}", json.dumps(body).encode())
        with world.server.namespace, urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)
    revision = ask("range", {"key": "AA=="})["header"]["revision"]
    ask("compaction", {"revision": revision, "physical": True})


def gone_410(world):
    _set_scene(world)
    world.pod("b/new", *SPARE, labels={"friend": "yes"})
    world.expect(*_RULES, "allow b/new -> a/web")
    seen = world.api.ask("GET", "/api/v1/pods?limit=1")["metadata"]["resourceVersion"]
    world.server.kill()
    with _agents_cut_off(world):
        world.server.up()
        world.remove("Pod", "b/new")                        # objects that vanish unseen …
        world.remove("NetworkPolicy", "a/out")
        world.label("Pod", "b/far", friend=None)            # … change …
        world.label("Namespace", "b", team="changed")
        world.policy("b/web", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress"])  # … and appear
        world.hold(*_RULES, "allow b/new -> a/web", seconds=1)
        _compact(world)
        world.server.kill()
        world.server.up()
        last = world.api.watch(f"/api/v1/pods?resourceVersion={seen}", 5)[-1]
        require(last["type"] == "ERROR" and last["object"].get("code") == 410,
                f"a watch from an old version was expected to end with 410 and ended with {last}")
    world.expect("deny * -> a/web", "allow a/client -> a/web", "deny * -> b/web")


def token_replaced(world):
    _set_scene(world)
    before = world.server.as_agent()
    before.ask("GET", "/api/v1/pods?limit=1")
    account = objects.path("ServiceAccount", "kube-system/podgate")
    world.api.ask("DELETE", account)
    world.api.ask("POST", objects.collection("ServiceAccount", "kube-system"),
                  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "podgate"}})
    made = world.api.ask("POST", account + "/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                                      "spec": {"expirationSeconds": 86400}})
    world.server.kill()
    world.server.up()
    status = before.send("GET", "/api/v1/pods?limit=1")[0]
    before.close()
    require(status == 401, f"the old token was expected to be refused with 401 and got {status}")
    token = f"{world.server.folder}/agent.token"
    with open(token + ".new", "w", encoding="ascii") as file:
        file.write(made["status"]["token"])
    os.replace(token + ".new", token)
    world.label("Pod", "b/far", friend=None)
    world.expect(*_RULES, "deny b/far -> a/web")


def agent_restarted(world):
    _set_scene(world)
    with _steady_traffic(world):
        for agent in world.agents.values():
            agent.stop()
        world.hold(*_RULES, seconds=0.5)
        world.start_agents()
        world.policy("b/web", podSelector={"matchLabels": {"app": "web"}}, ingress=[
            {"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}])
        world.expect(*_RULES, "deny b/* -> b/web")
    world.label("Pod", "b/far", friend=None)
    world.expect(*_RULES, "deny b/* -> b/web", "deny b/far -> a/web")


def agent_killed(world):
    _set_scene(world)
    with _steady_traffic(world):
        for agent in world.agents.values():
            agent.kill()
        world.pod("b/new", *SPARE, labels={"friend": "yes"})  # nobody is there to see it
        world.hold(*_RULES, "deny b/new -> a/web", "deny a/far -> b/new", seconds=0.5)
        world.start_agents()
        world.expect(*_RULES, "allow b/new -> a/web")
    for agent in world.agents.values():
        agent.kill()
    world.remove("NetworkPolicy", "a/friends")
    world.remove("NetworkPolicy", "a/out")
    world.hold(*_RULES, "allow b/new -> a/web", seconds=0.5)
    world.start_agents()
    world.expect()


def many_changes(world):
    """Changes all around them, as fast as the API takes them, do not touch the flows that keep their verdict."""
    _set_scene(world)
    world.pod("b/new", *SPARE, labels={"app": "new"})
    with _steady_traffic(world):
        end = time.monotonic() + 4
        turn = 0
        while time.monotonic() < end or turn < 20:
            turn += 1
            world.label("Pod", "b/new", friend="yes" if turn % 2 else None)
            world.policy("a/friends", **_FRIENDS, policyTypes=["Ingress"] if turn % 3 else ["Ingress", "Egress"],
                         egress=[{}])
            world.policy("a/more", podSelector={"matchLabels": {"app": "web"}}, ingress=[
                {"from": [{"podSelector": {"matchLabels": {"turn": str(turn % 5)}}}], "ports": [{"port": 1000 + turn}]}])
            if turn % 4 == 0:
                world.remove("NetworkPolicy", "a/more")
                world.remove("Pod", "b/new")
                world.pod("b/new", *SPARE, labels={"app": "new"})
        world.label("Pod", "b/new", friend="yes")
        world.expect(*_RULES, "allow b/new -> a/web")


def isolated_again_and_again(world):
    """Who is allowed before, after and in between never loses a packet, however often the pod is isolated anew."""
    _set_scene(world)
    with steady_traffic(world, allowed=(("a/client", "a/web"), ("b/far", "a/web"), ("a/far", "b/web"), ("a/far", "b/client"))):
        for _ in range(20):
            world.remove("NetworkPolicy", "a/friends")
            world.label("Pod", "a/far", app="free")
            time.sleep(0.05)
            world.policy("a/friends", **_FRIENDS)
            world.label("Pod", "a/far", app="far")
            time.sleep(0.05)
    world.expect(*_RULES)


CASES = [server_killed, gone_410, token_replaced, agent_restarted, agent_killed, many_changes,
         isolated_again_and_again]
