"""What an agent answers at /healthz, /readyz and /metrics, asked from inside its node."""

import http.client
import os
import re
import socket
import time

from labs.net.patience import PATIENCE_SECONDS

from .world import require

PORT = 9199
OPTIONS = (f"--listen=127.0.0.1:{PORT}",)


def get(node, path, host="127.0.0.1", port=PORT):
    """(status, body) of a request from the node's namespace."""
    with node:  # the socket stays in the namespace where it was made
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
        connection.connect()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def metric(node, name):
    """The value of a sample, its labels written as they are in the text; None: there is none."""
    status, text = get(node, "/metrics")
    require(status == 200, f"/metrics was answered {status}")
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


def expect_ready(node, ready=True):
    """Waits until /readyz says so; its body."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            status, body = get(node, "/readyz")
        except OSError as error:  # not listening yet
            status, body = 0, str(error)
        if status == (200 if ready else 503):
            return body
        require(time.monotonic() < end, f"/readyz of {node.name} says {status} after {PATIENCE_SECONDS} s: {body.strip()}")
        time.sleep(0.02)


def silent_clients(node, count):
    """So many connections that say nothing; to be closed."""
    made = []
    with node:
        for _ in range(count):
            made.append(socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE_SECONDS))
    return made


class Listening:
    """A context manager: the agent of a node, started anew with --listen and other options; as it was afterwards."""

    def __init__(self, world, node, *options, prefix=(), start=True):
        self.world, self.agent = world, world.agents[node]
        self.node = world.topology.nodes[node].namespace
        self._options, self._prefix, self._start = OPTIONS + options, prefix, start

    def __enter__(self):
        self._before = self.agent.options, self.agent.prefix
        self.agent.stop(begun=False)
        self.agent.options, self.agent.prefix = self._options, self._prefix
        if self._start:
            self.agent.start()
        return self

    def __exit__(self, *_):
        self.agent.kill()
        self.agent.options, self.agent.prefix = self._before
        begun = os.path.getsize(self.agent.log)
        self.agent.start()
        end = time.monotonic() + PATIENCE_SECONDS  # strace does not like to be killed before it has begun
        while os.path.getsize(self.agent.log) == begun and time.monotonic() < end:
            time.sleep(0.02)

    def get(self, path):
        return get(self.node, path)

    def metric(self, name):
        return metric(self.node, name)

    def expect_metric(self, name, truth, sentence):
        """Waits until truth(value): packets may show what the agent did before its metrics do."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (value := self.metric(name)) is None or not truth(value):
            require(time.monotonic() < end, f"{sentence}: {name} is {value}")
            time.sleep(0.05)

    def expect_problem(self, *parts):
        """Waits until /readyz says no, and all parts; its body."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            body = self.expect_ready(False)
            missing = [part for part in parts if part not in body]
            if not missing:
                return body
            require(time.monotonic() < end, f"/readyz does not say {missing[0]!r} but: {body}")
            time.sleep(0.05)

    def expect_ready(self, ready=True):
        return expect_ready(self.node, ready)
