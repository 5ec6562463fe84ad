"""What the machine itself adds to anything that waits for an event: a process that is woken, works a little, and says when.

It is measured between the agent's events, so that it sees the same load: what its p99 is above its median, any other process
that waits has to bear as well.
"""

import os
import signal
import struct
import time

from labs.net.netns import die_with_parent

_WORK_SECONDS = 0.0003   # of processor time


class Wakeup:
    def __init__(self):
        there, self._to = os.pipe()
        self._back, back = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            try:
                die_with_parent()
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.close(self._to)
                while os.read(there, 1):
                    until = time.process_time() + _WORK_SECONDS
                    while time.process_time() < until:
                        pass
                    os.write(back, struct.pack("=d", time.monotonic()))
            finally:
                os._exit(0)
        os.close(there)
        os.close(back)

    def measure(self):
        """Seconds from an event to the end of the work."""
        begin = time.monotonic()
        os.write(self._to, b"!")
        return struct.unpack("=d", os.read(self._back, 8))[0] - begin

    def close(self):
        os.close(self._to)
        os.close(self._back)
        os.waitpid(self._child, 0)
