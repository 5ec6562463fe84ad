"""Agents that are started and stopped while the server is at fault. Until every kind is listed, the rules of the agent before
rule; and whatever an agent waits for, it ends when it is told to.
"""

import os
import time

from labs.api.agent import Agent
from labs.net.patience import PATIENCE_SECONDS

from . import faults
from .scene import AFTER, BEFORE, require

_PAGES = {"streaming": "400"}


def _started(scene, fault, times=2, **begin):
    """Killed and started anew under the fault: BEFORE holds, until it is over."""
    scene.begin(**begin)
    with scene.traffic():
        with scene.fault(fault):
            for agent in scene.world.agents.values():
                agent.kill()
            scene.change()
            scene.world.start_agents()
            if times:
                scene.met(times)
            scene.world.hold(*BEFORE, seconds=1.5)
        scene.world.expect(*AFTER)
    scene.sound()


def started_while_refused(scene):
    _started(scene, faults.Refused(), times=0)


def started_without_pods(scene):
    _started(scene, faults.Status(503, "ServiceUnavailable", kinds=("pods",)))


def started_without_namespaces(scene):
    _started(scene, faults.Status(403, "Forbidden", kinds=("namespaces",)))


def started_without_policies(scene):
    _started(scene, faults.Status(410, "Expired", kinds=("networkpolicies",)))


def started_with_half_a_list(scene):
    """Of policies, the first page only; and of the streaming list, all but its end."""
    _started(scene, faults.ExpiresInTheMiddle(), page_size=1, **_PAGES)


def started_with_half_a_stream(scene):
    _started(scene, faults.Cut(modes=("initial",), how="close", bytes=700), times=4)


def started_with_silence(scene):
    _started(scene, faults.Cut(modes=("initial",), how="silence", bytes=700, lasting=True, times=1), times=1)


def named_for_another_node(scene):
    """The double knows nothing of Nodes: pods tell that this machine is n1."""
    scene.begin()
    right = scene.world.agents["n1"]
    wrong = Agent(right.node, right.podgate, scene.double.kubeconfig(), scene.double.folder, traced=False, name="worker-99")
    with scene.traffic():
        right.stop()
        wrong.start()
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while "by the addresses in its pods' statuses this machine is node n1" not in wrong.last_words():
                require(time.monotonic() < end, f"the agent does not say that its name is wrong: {wrong.last_words()}")
                time.sleep(0.05)
            scene.change()
            scene.world.hold(*BEFORE, seconds=1.5)
            wrong.stop()
        finally:
            wrong.kill()
        right.start()
        scene.world.expect(*AFTER)
    scene.sound()


def token_file_gone(scene):
    """It is empty, then not there, then right. An agent does not ask without it."""
    scene.begin()
    token = f"{scene.double.folder}/token"
    scene.double.write_token("")
    with scene.traffic():
        with scene.fault(faults.Fault()):
            scene.change()
            scene.world.hold(*BEFORE, seconds=1.5)
            os.unlink(token)
            scene.world.hold(*BEFORE, seconds=1.5)
            require(not scene.double.call("played"), "an agent asked without a token")
            scene.double.write_token("first-token")
        scene.world.expect(*AFTER)
    scene.sound()


def _stopped(scene, fault, times=1, **begin):
    """SIGTERM while everything waits: exit status 0, and the rules stay."""
    scene.begin(**begin)
    with scene.traffic():
        with scene.fault(fault):
            if times:
                scene.met(times)
            for agent in scene.world.agents.values():
                agent.stop()
            scene.change()
            scene.world.hold(*BEFORE, seconds=0.3)
        scene.world.start_agents()
        scene.world.expect(*AFTER)
    scene.sound()


def stopped_while_nobody_answers(scene):
    _stopped(scene, faults.Mute())


def stopped_while_packets_are_dropped(scene):
    _stopped(scene, faults.Dropped(), times=0)


def stopped_in_a_list(scene):
    _stopped(scene, faults.Cut(modes=("initial",), how="silence", compacts=True))


def stopped_in_a_page(scene):
    _stopped(scene, faults.Cut(modes=("list",), how="silence", compacts=True), **_PAGES)


def stopped_in_an_event(scene):
    _stopped(scene, faults.Cut(modes=("watch",), how="silence", bytes=60), times=3)


def stopped_in_a_long_pause(scene):
    _stopped(scene, faults.Status(429, "TooManyRequests", "later", retry_after=25), times=3)


def stopped_in_a_flood(scene):
    _stopped(scene, faults.HugeChunk(modes=faults.STREAMS, filling=b"\n"), times=3)


CASES = [started_with_silence, started_while_refused, started_without_pods, started_without_namespaces,
         started_without_policies, started_with_half_a_list, started_with_half_a_stream, named_for_another_node, token_file_gone,
         stopped_while_nobody_answers, stopped_while_packets_are_dropped, stopped_in_a_list, stopped_in_a_page,
         stopped_in_an_event, stopped_in_a_long_pause, stopped_in_a_flood]
