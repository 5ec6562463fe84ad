"""A child process that works until it is told to stop, and then gives back one object."""

import os
import pickle
import signal
import traceback

from labs.net.netns import LabError, die_with_parent


class Background:
    """work(stopped, ready): calls ready() once, ends soon after stopped() says so, returns what finish() gives back."""

    def __init__(self, work, name):
        self._name = name
        result, output = os.pipe()
        stop, self._stop = os.pipe()
        said, saying = os.pipe()
        os.set_blocking(stop, False)
        self._child = os.fork()
        if self._child == 0:
            code = 1
            try:
                die_with_parent()
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.close(self._stop)
                os.close(result)
                os.close(said)
                made = work(lambda: _closed(stop), lambda: os.write(saying, b"+"))
                with os.fdopen(output, "wb") as file:
                    pickle.dump(made, file)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        for descriptor in (output, stop, saying):
            os.close(descriptor)
        self._result = os.fdopen(result, "rb")
        if os.read(said, 1) != b"+":
            raise LabError(f"{name} did not start")
        os.close(said)

    def stop(self):
        """Does not wait."""
        if self._stop is not None:
            os.close(self._stop)
            self._stop = None

    def finish(self):
        self.stop()
        with self._result:
            data = self._result.read()
        os.waitpid(self._child, 0)
        if not data:
            raise LabError(f"{self._name} ended early")
        return pickle.loads(data)


def _closed(descriptor):
    try:
        return os.read(descriptor, 1) == b""
    except BlockingIOError:
        return False
