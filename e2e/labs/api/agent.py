"""An agent (`podgate run`) on a node: a process in the node's namespace, watched by strace for child processes."""

import contextlib
import os
import re
import signal
import subprocess
import time

from labs.net.netns import LabError
from labs.net.patience import PATIENCE_SECONDS


class Agent:
    """Started, stopped and killed as often as a case likes. Output: FOLDER/log/agent-NODE."""

    def __init__(self, node, podgate, kubeconfig, folder, traced=True, options=(), name=None):
        """name: of the node, if it is another one than the machine plays."""
        self.name = name or node.name
        self.node, self.podgate, self._kubeconfig, self.options = node, podgate, kubeconfig, options
        self.log = f"{folder}/log/agent-{self.name}"
        self._trace = f"{folder}/log/strace-{self.name}" if traced else None
        self.prefix = ()  # words before the command, of a program that executes what follows
        self._starts = 0
        self.begun = []  # the moments of its starts (time.monotonic())
        self._process = None

    def start(self, kill_at=None):
        """kill_at: (name of a system call, N): killed when one of its threads makes that call for the N-th time."""
        command = [self.podgate, "run", "--node", self.name, "--kubeconfig", self._kubeconfig, *self.options]
        if self._trace:
            # -D: the tracer detaches itself, so that the process started here is the agent. --seccomp-bpf: no other
            # system call is slowed; but strace does not kill at the right place with it.
            how = ["--seccomp-bpf", "-e", "trace=execve,execveat"]
            if kill_at:
                call, place = kill_at
                how = ["-e", f"trace=execve,execveat,{call}", "-e", f"inject={call}:signal=KILL:when={place}"]
            command = ["strace", "-D", "-f", "-qq", *how, "-e", "signal=none", "-o", f"{self._trace}.{self._starts}",
                       "--", *command]
            self._starts += 1
        command = [*self.prefix, *command]
        self.begun.append(time.monotonic())
        with open(self.log, "ab") as log:
            self._process = self.node.namespace.popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.poll() is None

    def hold(self):
        """The process stands still until go_on()."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def stop(self, begun=True):
        """SIGTERM, as Kubernetes stops it; the exit status must be 0, or, when it may not have begun yet, the signal's."""
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"the agent on {self.node.name} ignored SIGTERM for {PATIENCE_SECONDS} s; see {self.log}") from None
        if self._trace:
            self._await_tracer()
        if status != 0 and (begun or status != -signal.SIGTERM):
            raise LabError(f"the agent on {self.node.name} ended with {status} after SIGTERM; see {self.log}")

    def kill(self):
        """kill -9."""
        if self.running():
            self._process.kill()
        if self._process:
            self._process.wait()
        if self._trace:
            self._await_tracer()

    def _await_tracer(self):
        """The tracer ends with the agent, unless that was killed before it had begun: then it stands still for ever."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (tracer := self._tracer()) and time.monotonic() < end:
            pid, stopped = tracer
            if stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _tracer(self):
        """(process number, whether it is stopped) of the last start's tracer; None: it has ended."""
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file:
                    arguments = file.read().split(b"\0")
                if f"{self._trace}.{self._starts - 1}".encode() in arguments:
                    with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
                        return int(process), file.read().rpartition(") ")[2][0] in "Tt"
            except OSError:  # it has ended meanwhile
                continue
        return None

    def memory_kib(self):
        """(resident now, the most that ever was)"""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as file:
            text = file.read()
        return tuple(int(re.search(rf"{key}:\s*(\d+)", text).group(1)) for key in ("VmRSS", "VmHWM"))

    def descriptors(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def executed(self):
        """Every program that was executed since the first start, as strace wrote it, but for the agents themselves."""
        lines = []
        for number in range(self._starts):
            path = f"{self._trace}.{number}"
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not os.path.exists(path) and time.monotonic() < deadline:
                time.sleep(0.02)
            calls = []
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    calls = [line.strip() for line in file if "exec" in line]
            # The one exception: an agent that was killed before it had begun.
            if number == self._starts - 1 and not calls or calls and self.podgate not in calls[0]:
                raise LabError(f"strace saw no start of the agent on {self.node.name}: {calls[:1]}")
            lines += calls[1:]
        return lines

    def last_words(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
