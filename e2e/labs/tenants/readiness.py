"""The kubelet's part: asks /readyz over and over, from a process of its own, and remembers each answer."""

import collections
import http.client
import os
import pickle
import select
import time

from labs.api import probes
from labs.net.netns import LabError, die_with_parent

_EVERY_SECONDS = 0.05  # more often than a kubelet, to meet what is rare

Answer = collections.namedtuple("Answer", "begun seconds status body")  # status 0: none came, body says why


class Readiness:
    """A context manager: asks while it is entered; afterwards `answers` holds the Answers."""

    def __init__(self, node):
        self._node = node
        self.answers = []

    def __enter__(self):
        result, output = os.pipe()
        stop, self._stop = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            code = 1
            try:
                die_with_parent()
                os.close(result)
                answers = self._ask(stop)
                with os.fdopen(output, "wb") as file:
                    pickle.dump(answers, file)
                code = 0
            finally:
                os._exit(code)
        os.close(output)
        os.close(stop)
        self._result = os.fdopen(result, "rb")
        return self

    def __exit__(self, *_):
        os.write(self._stop, b".")  # processes that were started meanwhile keep it open
        os.close(self._stop)
        with self._result:
            data = self._result.read()
        os.waitpid(self._child, 0)
        if not data:
            raise LabError("the process that asks /readyz ended early")
        self.answers = pickle.loads(data)

    def _ask(self, stop):
        answers = []
        while not answers or not select.select([stop], [], [], _EVERY_SECONDS)[0]:
            begun = time.monotonic()
            try:
                status, body = probes.get(self._node, "/readyz")
            except (OSError, http.client.HTTPException) as error:
                status, body = 0, str(error) or type(error).__name__
            answers.append(Answer(begun, time.monotonic() - begun, status, body.strip()))
        return answers
