"""Network namespaces without names: held by file descriptor, gone with this process whatever happens to it.

setns() counts for the calling thread only; everything here is for the main thread. A process started inside a
`with namespace:` block lives in that namespace.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS = 0x8913
IFF_UP, IFF_RUNNING = 0x1, 0x40

_libc = ctypes.CDLL(None, use_errno=True)
_current = None  # the Namespace that the main thread is in; None: where the process was started


class LabError(Exception):
    """The lab itself could not be built or used; no verdict about Podgate."""


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise LabError(f"{what}: {os.strerror(error)}; the lab needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")


def die_with_parent():
    """For preexec_fn: the child gets SIGKILL when the lab's process ends, even by SIGKILL."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Namespace:
    """A new, empty network namespace with its loopback up."""

    def __init__(self, name):
        self.name = name
        self._outer = []
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(CLONE_NEWNET), f"cannot make network namespace {name}")
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _check(_libc.setns(before, CLONE_NEWNET), "cannot return to the previous network namespace")
        finally:
            os.close(before)

    @property
    def path(self):
        """For `nsenter --net=PATH` and `ip link … netns PATH`, as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def enter(self):
        """Moves the main thread here, to stay; cheap when it is here already."""
        global _current
        if _current is not self:
            _check(_libc.setns(self.fd, CLONE_NEWNET), f"cannot enter network namespace {self.name}")
            _current = self

    def __enter__(self):
        self._outer.append(_current or home())
        self.enter()
        return self

    def __exit__(self, *_):
        self._outer.pop().enter()

    def run(self, argv, **options):
        """subprocess.run in here; output captured as text, a failure is a LabError unless check=False."""
        check = options.pop("check", True)
        with self:
            done = subprocess.run(argv, capture_output=True, text=True, **options)
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"{self.name}: {' '.join(argv)} ended with {done.returncode}: {said}")
        return done

    def popen(self, argv, **options):
        """A process in here that does not outlive the lab."""
        with self:
            return subprocess.Popen(argv, preexec_fn=die_with_parent, **options)

    def ip(self, *commands):
        """Commands of ip(8), each without the word `ip`, in one process."""
        self.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n")

    def sysctl(self, **settings):
        """net__ipv4__ip_forward=1 stands for net.ipv4.ip_forward = 1."""
        with self:
            for key, value in settings.items():
                self.write_sysctl(key.replace("__", "/"), value)

    def write_sysctl(self, path, value):
        with self, open(f"/proc/sys/{path}", "w", encoding="ascii") as file:
            file.write(str(value))

    def idle_links(self):
        """Names of the links that are up and cannot carry packets yet, or no more. What is down (a module makes such) is nobody's."""
        idle = []
        with self, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for _, name in socket.if_nameindex():
                answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
                if struct.unpack_from("H", answer, 16)[0] & (IFF_UP | IFF_RUNNING) == IFF_UP:
                    idle.append(name)
        return idle

    def close(self):
        os.close(self.fd)


_home = None


def home():
    """An empty namespace that the process moves to before anything else, so that no mistake sends from the host's."""
    global _home
    if _home is None:
        _home = Namespace("home")
        _home.enter()
    return _home
