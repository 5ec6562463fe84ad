"""An agent whose name is not its machine's, a machine whose Node has other addresses, a second agent on one machine: nothing
in the kernel changes because of them.
"""

import contextlib
import subprocess
import time

from labs.net.patience import PATIENCE_SECONDS

from .agent import Agent
from .cases_events import await_event
from .probes import OPTIONS, Listening, expect_ready, get
from .world import require

_NODE = "n1"
_WRONG = "worker-99"
_DENY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
_RULES = ("deny * -> a/web",)


def _table(world):
    """What the kernel of the node holds, without its counters' values."""
    return world.topology.nodes[_NODE].namespace.run(["nft", "-s", "list", "table", "inet", "podgate"]).stdout


@contextlib.contextmanager
def _named(world, *options):
    """In place of the node's agent one that was given the wrong name; the right one, and its table, afterwards."""
    right = world.agents[_NODE]
    right.stop()
    wrong = Agent(right.node, right.podgate, world.server.kubeconfig(), world.server.folder, traced=False,
                  options=(*OPTIONS, *options), name=_WRONG)
    wrong.start()
    try:
        yield wrong
    finally:
        wrong.kill()
        world.api.send("DELETE", f"/api/v1/nodes/{_WRONG}")  # if there is one
        right.start()


def _says(world, *parts):
    """Waits until the node's agent is not ready and says all parts, and is alive."""
    node = world.topology.nodes[_NODE].namespace
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        body = expect_ready(node, False)
        missing = [part for part in parts if part not in body]
        if not missing:
            break
        require(time.monotonic() < end, f"/readyz does not say {missing[0]!r} but: {body}")
        time.sleep(0.05)
    require(get(node, "/healthz")[0] == 200, "an agent with a wrong name is alive")


def wrong_name_changes_nothing(world):
    world.policy("a/deny", **_DENY)
    world.expect(*_RULES)
    before = _table(world)
    with _named(world) as wrong:
        _says(world, f"the cluster has no Node {_WRONG}: check --node: by the addresses in its pods' statuses this machine is node n1",
              "the rules in the kernel stay as they are")
        world.hold(*_RULES, seconds=1)
        await_event(world, "WrongNode", "Node", _WRONG)
        require(_table(world) == before, "the table was changed under a wrong name")
        require("policies are enforced" not in wrong.last_words(), "an agent with a wrong name says that it enforces policies")
        # The Node comes to be, with this machine's addresses. What the kernel holds is n1's all the same.
        world.server.register(_WRONG, world.topology.nodes[_NODE].addresses.values())
        _says(world, f"no pod of the cluster runs on node {_WRONG}, and this kernel isolates 1 pod under node n1: check --node, or give "
                     "--node-renamed to take its table over")
        world.hold(*_RULES)
        require(_table(world) == before, "the table of another node was changed")
    world.expect(*_RULES)
    require(_table(world) == before, "the right agent found another table than it left")


def renamed_when_told(world):
    world.policy("a/deny", **_DENY)
    world.expect(*_RULES)
    world.server.register(_WRONG, world.topology.nodes[_NODE].addresses.values())
    node = world.topology.nodes[_NODE].namespace
    with _named(world, "--node-renamed"):
        expect_ready(node)
        require(f"NetworkPolicy of node {_WRONG}," in _table(world), "the table does not name the new node")
        world.expect()  # no pod is on the new node
    # The table is the other node's now; without it the agent goes on by itself.
    with Listening(world, _NODE) as agent:
        agent.expect_problem(f"this kernel isolates 0 pods under node {_WRONG}")
        node.run(["nft", "delete", "table", "inet", "podgate"])
        agent.expect_ready()
        world.expect(*_RULES)


def other_addresses(world):
    world.policy("a/deny", **_DENY)
    world.expect(*_RULES)
    world.server.register(_NODE, ["192.0.2.1", "2001:db8::1"])
    with Listening(world, _NODE) as agent:
        agent.expect_problem("Node n1 has the addresses 192.0.2.1, 2001:db8::1, and this machine has none of them: check --node")
        world.remove("NetworkPolicy", "a/deny")
        world.hold(*_RULES, seconds=1)
        world.server.register(_NODE, world.topology.nodes[_NODE].addresses.values())
        agent.expect_ready()
        world.expect()


def second_agent(world):
    world.expect()
    first = world.agents[_NODE]
    command = [first.podgate, "run", "--node", _NODE, "--kubeconfig", world.server.kubeconfig()]
    second = first.node.namespace.popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = second.communicate(timeout=PATIENCE_SECONDS)
    said = said.decode()
    require(second.returncode == 2, f"a second agent ended with {second.returncode}: {said}")
    require(f"another agent (pid {first.pid}, node {_NODE})" in said, f"a second agent does not name the first, {first.pid}: {said}")
    require(first.running(), "the first agent ended")
    # An agent that was killed is in nobody's way.
    first.kill()
    first.start()
    world.policy("a/deny", **_DENY)
    world.expect(*_RULES)


CASES = [wrong_name_changes_nothing, renamed_when_told, other_addresses, second_agent]
