"""A machine of the lab: network, mount, PID, UTS, IPC and cgroup namespaces, with a process 1 that all others in it die with.

Nothing of it has a name on the real machine but its folder and its cgroups; both go with it. Numbers of processes are those
of the caller's own PID namespace.
"""

import os
import re
import shutil
import signal
import subprocess
import time

from labs.net.netns import LabError, Namespace
from labs.net.patience import START_SECONDS

_INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "machine-init")


def _hierarchies():
    """{mount point: options that mount the hierarchy again}; {mount point: None} where there is only the unified one."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            place, (kind, _, options) = before.split()[4], after.split()[:3]
            if kind == "cgroup2" and place == "/sys/fs/cgroup":
                return {place: None}
            if kind == "cgroup" and place.startswith("/sys/fs/cgroup/"):
                own = [option for option in options.split(",") if option not in ("rw", "ro")]
                found[place] = ",".join(["none", *own] if any(o.startswith("name=") for o in own) else own)
    if not found:
        raise LabError("there are no cgroups below /sys/fs/cgroup, which kubelet and containerd need")
    return found


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class MachineNamespace(Namespace):
    """A network namespace that somebody else made, by the path of a file that stands for it."""

    def __init__(self, name, path):  # pylint: disable=super-init-not-called
        self.name = name
        self._outer = []
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)


class Machine:
    """folder: the cluster's; the machine's own files lie in FOLDER/NAME, output of its programs in FOLDER/log/NAME-PROGRAM."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.own = f"{folder}/{name}"
        self._group = f"{os.path.basename(folder)}-{name}"
        self._namespace = None

    # -- beginning and end ---------------------------------------------------------------------------

    def boot(self):
        """Starts it; returns when its process 1 waits for work."""
        os.makedirs(self.own)
        os.makedirs(f"{self.folder}/log", exist_ok=True)
        hierarchies = _hierarchies()
        for place, options in hierarchies.items():
            os.makedirs(f"{place}/{self._group}", exist_ok=True)
            if options and "cpuset" in options.split(","):
                for file in ("cpuset.cpus", "cpuset.mems"):
                    with open(f"{place}/{file}", encoding="ascii") as read:
                        _write(f"{place}/{self._group}/{file}", read.read())
        described = "unified" if None in hierarchies.values() else " ".join(
            f"{os.path.basename(place)}={options}" for place, options in hierarchies.items())
        unshare = ["unshare", "--net", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--fork", "--kill-child",
                   "--propagation", "private", "--", _INIT, self.folder, self.name]
        with open(f"{self.folder}/log/{self.name}-init", "ab") as log:
            outer = subprocess.Popen(unshare, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                     env={**os.environ, "CGROUPS": described}, preexec_fn=self._join_groups)
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(f"{self.own}/booted"):
            if outer.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"the machine {self.name} did not start: {self.last_words('init')}")
            time.sleep(0.01)
        with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as file:
            _write(f"{self.own}/pid", file.read().split()[0])
        self.ip("link set lo up")

    def _join_groups(self):
        for place in _hierarchies():
            for leaf in ("/init", ""):  # `init`: the unified hierarchy, once the machine runs
                if os.path.isdir(f"{place}/{self._group}{leaf}"):
                    _write(f"{place}/{self._group}{leaf}/cgroup.procs", str(os.getpid()))
                    break

    @property
    def pid(self):
        """Of its process 1, or None when it does not run (any more)."""
        try:
            with open(f"{self.own}/pid", encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:  # an id that was reused meanwhile is somebody else's
                return pid if f"{self.folder}\0{self.name}\0".encode() in file.read() else None
        except (OSError, ValueError):
            return None

    def kill(self):
        """Ends process 1, and with it, by the kernel, every process in the machine."""
        if self._namespace:
            self._namespace.close()
            self._namespace = None
        if pid := self.pid:
            os.kill(pid, signal.SIGKILL)

    def clear(self):
        """After kill(): waits until all is gone, then removes the machine's cgroups."""
        deadline = time.monotonic() + START_SECONDS
        for place in _hierarchies():
            while os.path.isdir(top := f"{place}/{self._group}"):
                for folder, _, _ in os.walk(top, topdown=False):
                    try:
                        os.rmdir(folder)
                    except OSError:
                        pass  # a process in there has not gone yet
                if time.monotonic() > deadline:
                    raise LabError(f"the cgroup {top} cannot be removed {START_SECONDS} s after everything in it was killed")
                time.sleep(0.02)

    def remains(self):
        """What is still there after the end, as sentences."""
        left = [f"{place}/{self._group} is still there" for place in _hierarchies() if os.path.isdir(f"{place}/{self._group}")]
        return left + ([f"{self.name} still runs"] if self.pid else [])

    # -- inside --------------------------------------------------------------------------------------

    def inside(self, *argv):
        """The command that runs argv in all of the machine's namespaces."""
        # --root: where the lab itself runs in a chroot, the mount namespace's root is another one than the machine's.
        return ["nsenter", "-t", str(self._alive()), "--net", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--root", "--wd",
                "--", *argv]

    def on_its_network(self, *argv):
        """The command that runs argv here, with the caller's files, but on the machine's network."""
        return ["nsenter", "-t", str(self._alive()), "--net", "--", *argv]

    def _alive(self):
        pid = self.pid
        if not pid:
            raise LabError(f"the machine {self.name} does not run")
        return pid

    def start(self, program, argv, **environment):
        """Runs a program in it until the machine ends, in its cgroups; does not wait. Returns the process (outside)."""
        with open(f"{self.folder}/log/{self.name}-{program}", "ab") as log:
            return subprocess.Popen(self.inside(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                    env={**os.environ, **environment}, preexec_fn=self._join_groups)

    def run(self, *argv, check=True, **options):
        """Runs a command in it to its end; its output as text."""
        done = subprocess.run(self.inside(*argv), capture_output=True, text=True, check=False, **options)
        if check and done.returncode != 0:
            raise LabError(f"{self.name}: {' '.join(argv)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done

    def ip(self, *commands):
        """Commands of ip(8), each without the word `ip`. Names of network namespaces are numbers of processes."""
        done = subprocess.run(self.on_its_network("ip", "-batch", "-"), input="\n".join(commands) + "\n", capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{self.name}: ip {'; '.join(commands)}: {done.stderr.strip()}")

    def sysctl(self, **settings):
        """net__ipv4__ip_forward=1 stands for net.ipv4.ip_forward = 1."""
        self.namespace.sysctl(**settings)

    @property
    def namespace(self):
        """Its network namespace, for sockets made there."""
        if not self._namespace:
            self._namespace = MachineNamespace(self.name, f"/proc/{self._alive()}/ns/net")
        return self._namespace

    def last_words(self, program, lines=8):
        try:
            with open(f"{self.folder}/log/{self.name}-{program}", encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:]).strip() or "it said nothing"
        except FileNotFoundError:
            return "it said nothing"


def remove(folder):
    """A cluster's folder, once nothing in it is mounted any more."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounted = [line.split()[4] for line in file if re.match(rf"{re.escape(folder)}/", line.split()[4])]
    if mounted:
        raise LabError(f"{mounted[0]} is still mounted; the folder stays")
    shutil.rmtree(folder, ignore_errors=True)
