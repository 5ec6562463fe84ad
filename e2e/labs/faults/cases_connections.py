"""The way to the server: no connection, half of one, one to somebody else."""

import time

from labs.net.patience import PATIENCE_SECONDS

from . import faults
from .scene import AFTER, BEFORE, require


def refused(scene):
    scene.begin()
    with scene.traffic():
        with scene.fault(faults.Refused()):
            begin, before = time.monotonic(), scene.double.call("attempts")
            scene.change()
            scene.world.hold(*BEFORE, seconds=4)
            while (tries := scene.double.call("attempts") - before) < 6:
                require(time.monotonic() < begin + PATIENCE_SECONDS, f"two agents tried {tries} times only")
                time.sleep(0.1)
            span = time.monotonic() - begin
        require(tries <= 2 * (5 + 4.2 * span), f"two agents were refused {tries} times in {span:.1f} s")
        scene.world.expect(*AFTER)
    scene.sound()


def packets_dropped(scene):
    """SYNs vanish: an attempt takes 10 s."""
    scene.begin()
    with scene.traffic():
        with scene.fault(faults.Dropped()):
            scene.change()
            scene.world.hold(*BEFORE, seconds=12)
        scene.world.expect(*AFTER)
    scene.sound()


def accepted_and_silent(scene):
    """Not even TLS answers; the connections stay so when others work again."""
    scene.begin()
    scene.withstand(faults.Mute(), times=4)


def reset_at_once(scene):
    scene.begin()
    scene.withstand(faults.ClosedAtAccept(), times=6)


def no_tls(scene):
    scene.begin()
    scene.withstand(faults.Plaintext(), times=6)


def _not_trusted(scene, certificate, says):
    scene.begin()
    begin = time.monotonic()
    before = len(scene.double.call("connections"))
    with scene.traffic():
        with scene.fault(faults.Certificate(certificate)):
            while len(scene.double.call("connections")) < before + 8:
                require(time.monotonic() < begin + PATIENCE_SECONDS, "the agents do not try again")
                time.sleep(0.1)
            scene.change()
            scene.world.hold(*BEFORE, seconds=0.5)
        scene.world.expect(*AFTER)
    for node, agent in scene.world.agents.items():
        require(says in agent.last_words(200), f"the agent on {node} does not say: {says}")
    scene.sound()  # … and no request was made to it


def wrong_authority(scene):
    _not_trusted(scene, "authority", "is not trusted")


def wrong_name(scene):
    _not_trusted(scene, "name", "somebody.invalid")


def certificate_expired(scene):
    _not_trusted(scene, "expired", "expired")


CASES = [packets_dropped, accepted_and_silent, refused, reset_at_once, no_tls, wrong_authority, wrong_name,
         certificate_expired]
