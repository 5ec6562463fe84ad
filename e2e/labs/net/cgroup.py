"""A cgroup with one process in it: what the kernel charges that process with, and the limits that a container would have.

Memory is more than its resident pages: what it made the kernel keep for it (elements of sets, chains, sockets) and the pages of
files that it was the first to read. Both hierarchies, v1 and the unified one.
"""

import os

from labs.net.netns import LabError

_TOP = "/sys/fs/cgroup"
_PERIOD = 100000  # microseconds


class Cgroup:
    def __init__(self, name, limit_mib=None, milli_cpus=None):
        """limit_mib: what the kernel may charge; beyond, it kills. milli_cpus: as a container's limit `200m`."""
        self._unified = os.path.exists(f"{_TOP}/cgroup.controllers")
        controllers = ["memory"] + (["cpu"] if milli_cpus else [])
        self._paths = {}
        for controller in controllers:  # memory.peak of the unified one: Linux 5.19 or later
            top = _TOP if self._unified else f"{_TOP}/{controller}"
            if not os.path.isdir(top):
                raise LabError(f"there is no {controller} cgroup below {_TOP}")
            if self._unified and controller not in _read(f"{top}/cgroup.subtree_control").split():
                _write(f"{top}/cgroup.subtree_control", f"+{controller}")
            path = f"{top}/{name}-{os.getpid()}"
            self._paths[controller] = path
            os.makedirs(path, exist_ok=True)
        self.path = self._paths["memory"]
        if limit_mib:
            _write(f"{self.path}/{'memory.max' if self._unified else 'memory.limit_in_bytes'}", str(limit_mib << 20))
        if milli_cpus:
            quota = milli_cpus * _PERIOD // 1000
            if self._unified:
                _write(f"{self.path}/cpu.max", f"{quota} {_PERIOD}")
            else:
                _write(f"{self._paths['cpu']}/cpu.cfs_period_us", str(_PERIOD))
                _write(f"{self._paths['cpu']}/cpu.cfs_quota_us", str(quota))

    def prefix(self):
        """Words before a command that make it run in here."""
        enter = "; ".join(f"echo $$ >{path}/cgroup.procs" for path in dict.fromkeys(self._paths.values()))
        return ("sh", "-ec", f'{enter}; exec "$@"', "sh")

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
        for path in dict.fromkeys(self._paths.values()):
            os.rmdir(path)


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
