"""Probes and metrics of a running agent, in good times and in bad."""

import contextlib
import subprocess
import time

from labs.net.patience import PATIENCE_SECONDS

from .probes import PORT, Listening, get, silent_clients
from .world import require

_NODE = "n1"
_DENY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}


def _listeners(world):
    """Local addresses of listening TCP sockets in the node, as the kernel writes them."""
    found = []
    with world.topology.nodes[_NODE].namespace:
        for name in ("tcp", "tcp6"):
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
                found += [line.split()[1] for line in file.readlines()[1:] if line.split()[3] == "0A"]
    return found


def listens_only_when_told(world):
    world.expect()
    require(not _listeners(world), f"without --listen these listen: {_listeners(world)}")
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        require(_listeners(world) == [f"0100007F:{PORT:04X}"], f"with --listen these listen: {_listeners(world)}")


def bad_addresses_are_usage_errors(world):
    for value in ("localhos:80", "127.0.0.1", "127.0.0.1:0", "[::1]", "1.2.3.4:70000"):
        done = subprocess.run([world.agents[_NODE].podgate, "run", "--node", "n", "--listen", value],
                              capture_output=True, text=True, check=False)
        require(done.returncode == 2 and value in done.stderr, f"--listen {value} ended with {done.returncode}: {done.stderr}")


def follows_what_happens(world):
    with Listening(world, _NODE) as agent:
        require(agent.expect_ready() == "ok\n", "a body of /readyz that is not ok")
        require(agent.get("/healthz") == (200, "ok\n"), f"/healthz says {agent.get('/healthz')}")
        require(agent.metric('podgate_pods{scope="local"}') == 3, "n1 has three pods")
        require(agent.metric('podgate_pods{scope="all"}') == 6, "there are six pods")
        commits = agent.metric("podgate_commits_total")
        events = agent.metric('podgate_events_total{kind="networkpolicies"}')
        world.policy("a/deny", **_DENY)
        world.expect("deny * -> a/web")
        agent.expect_metric("podgate_policies", lambda value: value == 1, "one policy was made")
        agent.expect_metric("podgate_commits_total", lambda value: value > commits, "a commit was not counted")
        agent.expect_metric('podgate_events_total{kind="networkpolicies"}', lambda value: value == events + 1, "an event was not counted")
        agent.expect_metric("podgate_event_to_commit_seconds_count", lambda value: value > 0, "a time to commit was not measured")
        # Sizes are taken once a second.
        for name in ("podgate_rules", "podgate_sets", "podgate_elements", "podgate_chains", "process_resident_memory_bytes"):
            agent.expect_metric(name, lambda value: value > 0, "nothing is counted")
        started = agent.metric("process_start_time_seconds")
        require(abs(time.time() - started) < 3600, f"the process says it started at {started}")
        agent.node.run(["nft", "delete", "table", "inet", "podgate"])
        agent.expect_metric("podgate_drift_repairs_total", lambda value: value == 1, "a repair was not counted")
        agent.expect_ready()


def without_the_api_server(world):
    with Listening(world, _NODE) as agent:
        agent.expect_ready()
        world.server.kill()
        try:
            time.sleep(2)
            require(agent.get("/healthz")[0] == 200, "/healthz depends on the API server")
            require(agent.get("/readyz")[0] == 200, "what is known is enforced, and yet the agent is not ready")
            require(agent.metric('podgate_watch_age_seconds{kind="pods"}') > 1.5, "the watch's age stands still")
            agent.agent.stop()
            agent.agent.start()
            agent.expect_problem("pods have not been listed yet")
            require(agent.get("/healthz")[0] == 200, "/healthz of an agent that has listed nothing")
        finally:
            world.server.up()
        agent.expect_ready()


def stalled_clients(world):
    """Far more than there is room for, again and again, and the probe does not wait for them: it would wait 5 s each time."""
    with Listening(world, _NODE) as agent, contextlib.ExitStack() as stack:
        agent.expect_ready()
        took = []
        for _ in range(5):
            for client in silent_clients(agent.node, 100):
                stack.enter_context(client)
            begin = time.monotonic()
            require(agent.get("/healthz")[0] == 200, "/healthz fails while others stall")
            took.append(time.monotonic() - begin)
        require(min(took) < 2, f"/healthz waits for others that stall: it was answered after {min(took):.1f} s at best")
        world.policy("a/deny", **_DENY)
        world.expect("deny * -> a/web")


def an_address_that_comes_later(world):
    with Listening(world, _NODE, "--listen=[fd00:50::99]:9198") as agent:
        agent.expect_ready()
        agent.node.ip("addr add fd00:50::99/64 dev eth0 nodad")
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while True:
                with contextlib.suppress(OSError):
                    if get(agent.node, "/readyz", host="fd00:50::99", port=9198)[0] == 200:
                        break
                require(time.monotonic() < end, "the address is there and nobody listens on it")
                time.sleep(0.2)
        finally:
            agent.node.ip("addr del fd00:50::99/64 dev eth0")


CASES = [listens_only_when_told, bad_addresses_are_usage_errors, follows_what_happens, without_the_api_server, stalled_clients,
         an_address_that_comes_later]
