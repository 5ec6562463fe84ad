"""Answers that say no, or not here, or not yet: statuses, expired versions, tokens, redirects."""

import time

from . import faults
from .scene import AFTER, BEFORE, require

_PAGES = {"streaming": "400"}


def gone_410_to_watches(scene):
    """A streaming list goes on as the watch that was not to be had."""
    scene.begin()
    scene.withstand(faults.Status(410, "Expired", "too old resource version", modes=("watch",)), times=3, told="all")


def gone_410_to_watches_after_pages(scene):
    """Each time the list works and its version is worth nothing: no hot loop of lists."""
    scene.begin(**_PAGES)
    scene.withstand(faults.Status(410, "Expired", "too old resource version", modes=("watch",)), times=12, told="all")


def gone_410_as_an_event(scene):
    scene.begin()
    scene.withstand(faults.ErrorEvent(410, "Expired"), times=6)


def gone_410_to_lists(scene):
    scene.begin()
    scene.withstand(faults.Status(410, "Expired", "too old resource version", modes=faults.LISTS, compacts=True), times=6)


def gone_410_to_pages(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Status(410, "Expired", "too old resource version", modes=("list",), compacts=True), times=6)


def pages_expire_in_the_middle(scene):
    """The first page alone must never be taken for all there is."""
    scene.begin(page_size=2, **_PAGES)
    scene.withstand(faults.ExpiresInTheMiddle(compacts=True), times=6, told="some")


def error_500_as_an_event(scene):
    scene.begin()
    scene.withstand(faults.ErrorEvent(500, "InternalError"), times=6)


def token_rotated(scene):
    """The server wants the new token before the file has it; then the file has one before the server wants it."""
    scene.begin()
    with scene.traffic():
        scene.double.configure(("second-token",))
        with scene.fault(faults.Fault()):  # none but the token; what was open ends
            scene.met(3)
            scene.change()
            scene.world.hold(*BEFORE, seconds=2)
            scene.double.write_token("second-token")
            scene.world.expect(*AFTER)
        scene.double.write_token("third-token")
        scene.double.configure(("third-token",))
        with scene.fault(faults.Fault()):
            scene.world.label("Pod", "b/far", friend="yes")
            scene.world.expect(*AFTER, "allow b/far -> a/web")
    for node, agent in scene.world.agents.items():
        require("-token" not in agent.last_words(1000), f"the agent on {node} writes its token into its log")
    scene.sound()


def forbidden_403(scene):
    """What the server says stands in the log, and can write no line of its own there."""
    scene.begin()
    scene.withstand(faults.Status(403, "Forbidden", 'pods is "forbidden"\nforged line\r\033[2J: ask somebody'), times=5)
    for node, agent in scene.world.agents.items():
        said = agent.last_words(1000)
        require("ask somebody" in said, f"the agent on {node} does not say what the server said")
        require("\nforged" not in said and "\033" not in said, f"the server writes into the log of the agent on {node}")


def _throttled(scene, code, seconds, **begin):
    """Retry-After is kept by each reader of a kind; pods have two, of all nodes and of the agent's own."""
    scene.begin(**begin)
    start = time.monotonic()
    with scene.traffic():
        with scene.fault(faults.Status(code, "TooManyRequests", "later", retry_after=seconds, compacts=bool(begin))):
            scene.met(6)
            scene.change()
            scene.world.hold(*BEFORE, seconds=0.5)
            end = time.monotonic()
        scene.world.expect(*AFTER)
    stall = scene.double.call("longest_stall")
    for node in scene.world.agents:
        for kind, readers in (("pods", 2), ("namespaces", 1), ("networkpolicies", 1)):
            times = [at for at in scene.requests(node, start, kind) if at < end]
            close = [f"{b - a:.2f} s" for a, b in zip(times, times[readers:]) if b - a < 0.95 * seconds - 2 * stall]
            require(len(close) <= 1,
                    f"the agent on {node} was told to wait {seconds} s and asked for {kind} again after {close}")
    scene.sound()


def throttled_429(scene):
    _throttled(scene, 429, 3)


def throttled_watches(scene):
    """A server that is too busy for watches must not be asked for lists instead."""
    scene.begin(**_PAGES)
    start = time.monotonic()
    with scene.traffic():
        with scene.fault(faults.Status(429, "TooManyRequests", "later", retry_after=1, modes=("watch",))):
            scene.met(15)
            scene.change()
            scene.world.hold(*BEFORE, seconds=0.5)
        scene.world.expect(*AFTER)
    for node in scene.world.agents:
        require(not scene.requests(node, start, mode="list"), f"the agent on {node} listed, for want of watches")
    scene.sound()


def version_too_large(scene):
    """A server restored from a backup: it never reaches the version that is asked for. Lists tell."""
    scene.begin(**_PAGES)
    scene.withstand(faults.Status(504, "Timeout", "Too large resource version", retry_after=1, modes=("watch",)), times=8,
                    told="all")


def long_outage(scene):
    """What fails again and again is asked for ever less often."""
    scene.begin()
    with scene.traffic():
        with scene.fault(faults.Status(503, "ServiceUnavailable", "apiserver is shutting down")):
            scene.world.hold(*BEFORE, seconds=8)
            scene.change()
            start = time.monotonic()
            scene.world.hold(*BEFORE, seconds=6)
            span = time.monotonic() - start
            for node in scene.world.agents:
                asked = len(scene.requests(node, start))
                require(asked <= 3 * (span / 2 + 1),
                        f"the agent on {node} asked {asked} times in {span:.1f} s, after 8 s of refusals")
        scene.world.expect(*AFTER)
    scene.sound()


def throttled_429_at_pages(scene):
    _throttled(scene, 429, 2, **_PAGES)


def unavailable_503(scene):
    _throttled(scene, 503, 2)


def internal_error_500(scene):
    scene.begin()
    scene.withstand(faults.Status(500, "InternalError", "etcdserver: leader changed"), times=6)


def gateway_timeout_504(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Status(504, "Timeout", "", modes=faults.LISTS + ("watch",), compacts=True), times=6)


def retry_after_nonsense(scene):
    """A server, or who stands before it, may ask for a pause of a day: 30 s are the most that are granted, so it is
    not asked for more than once here; a date, a negative number and a word mean nothing."""
    scene.begin()
    for value in ("-1", "soon", "Fri, 31 Dec 1999 23:59:59 GMT", "1e9"):
        with scene.fault(faults.Status(429, "TooManyRequests", "later", retry_after=value)):
            scene.met(3)
    scene.withstand(faults.Status(429, "TooManyRequests", "later", retry_after="0"), times=4)


def _redirected(scene, code, place):
    scene.begin()
    scene.withstand(faults.Status(code, "Moved", "there", fields={"Location": place}), times=3)


def redirect_301_to_another_port(scene):
    _redirected(scene, 301, "https://172.30.0.1:6444/api/v1/pods")


def redirect_302_to_plain_http(scene):
    _redirected(scene, 302, "http://172.30.0.1:6444/api/v1/pods")


def redirect_307_to_another_host(scene):
    _redirected(scene, 307, "//172.30.0.1:6444/")


def redirect_308_at_lists(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Status(308, "Moved", "there", fields={"Location": "https://172.30.0.1:6444/"}, compacts=True),
                    times=3)


CASES = [long_outage, throttled_watches, version_too_large, token_rotated, forbidden_403, throttled_429,
         throttled_429_at_pages, unavailable_503, internal_error_500, gateway_timeout_504, retry_after_nonsense,
         gone_410_to_watches, gone_410_to_watches_after_pages, gone_410_as_an_event, gone_410_to_lists, gone_410_to_pages,
         pages_expire_in_the_middle, error_500_as_an_event, redirect_301_to_another_port, redirect_302_to_plain_http,
         redirect_307_to_another_host, redirect_308_at_lists]
