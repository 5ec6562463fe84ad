"""A memory cgroup with one process in it: what the kernel charges that process with, as a container's limit does.

More than its resident pages: what it made the kernel keep for it (elements of sets, chains, sockets) and the pages of files
that it was the first to read. Both hierarchies, v1 and the unified one.
"""

import os

from labs.net.netns import LabError

_V1, _UNIFIED = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


class MemoryGroup:
    def __init__(self, name, limit_mib=None):
        """limit_mib: what the kernel may charge; beyond, it kills."""
        self._unified = os.path.exists(f"{_UNIFIED}/cgroup.controllers")
        top = _UNIFIED if self._unified else _V1  # memory.peak there: Linux 5.19 or later
        if not os.path.isdir(top):
            raise LabError("there is no memory cgroup below /sys/fs/cgroup")
        if self._unified and "memory" not in _read(f"{top}/cgroup.subtree_control").split():
            _write(f"{top}/cgroup.subtree_control", "+memory")
        self.path = f"{top}/{name}-{os.getpid()}"
        os.mkdir(self.path)
        if limit_mib:
            _write(f"{self.path}/{'memory.max' if self._unified else 'memory.limit_in_bytes'}", str(limit_mib << 20))

    def prefix(self):
        """Words before a command that make it run in here."""
        return ("sh", "-c", f'echo $$ >{self.path}/cgroup.procs && exec "$@"', "sh")

    def charged_mib(self):
        """(what cannot be taken back from it: its pages and the kernel's for it; the most that was ever charged, files too)"""
        stat = dict(line.split() for line in _read(f"{self.path}/memory.stat").splitlines())
        if self._unified:
            held = int(stat["anon"]) + int(stat.get("kernel", stat["slab"]))
            most = _read(f"{self.path}/memory.peak")
        else:
            held = int(stat["total_rss"]) + int(_read(f"{self.path}/memory.kmem.usage_in_bytes"))
            most = _read(f"{self.path}/memory.max_usage_in_bytes")
        return held / (1 << 20), int(most) / (1 << 20)

    def killed(self):
        """How often the kernel killed in here for want of memory."""
        file = "memory.events" if self._unified else "memory.oom_control"
        return int(dict(line.split() for line in _read(f"{self.path}/{file}").splitlines())["oom_kill"])

    def close(self):
        """After the process has ended."""
        os.rmdir(self.path)


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
