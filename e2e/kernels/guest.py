"""A guest: another kernel in QEMU on this machine's files, which it sees read-only below an overlay in memory.

The guest has no disk and no network; what it writes is lost when it ends. Its output comes through a virtio serial port, apart
from the kernel's console. QEMU ends when the guest powers off, on close(), or with the process that started it.
"""

import os
import selectors
import shlex
import subprocess
import tempfile
import time

from labs.net.netns import die_with_parent

from . import archive
from .kernel import STORE, Unavailable

BOOT_SECONDS = 1800  # an idle machine takes 10
_MEMORY_MIB = 3072
_CPUS = 2
_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
_BUSYBOX = "/bin/busybox"  # statically linked: the initramfs has no libraries
_QEMU = "qemu-system-x86_64"
# The script that guest_init executes as process 1. The port is not a terminal, so lines arrive unchanged.
_JOB = """cd {folder} || exit 1
export {environment}
exec </dev/null >/dev/vport*p1 2>&1
hostname guest
ip link set lo up
dmesg -n 1
ulimit -n 65536
echo {greeting}
{command}
echo 1 >/proc/sys/kernel/sysrq
echo o >/proc/sysrq-trigger
sleep 60
"""
_GREETING = "the guest is up"


class GuestError(Exception):
    """The guest did not boot, or exceeded its time limit."""


def _share(path, tag):
    return f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap,readonly=on"


class Guest:
    """Boots and runs one command as root in `folder`. `lines` yields its output."""

    def __init__(self, kernel, command, folder, environment):
        self._scratch = tempfile.TemporaryDirectory(dir=STORE, prefix="guest-")
        self._console = os.path.join(self._scratch.name, "console")
        initial = os.path.join(self._scratch.name, "initial.gz")
        job = _JOB.format(folder=shlex.quote(folder), greeting=shlex.quote(_GREETING), command=shlex.join(command),
                          environment=" ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()))
        with open(os.path.join(os.path.dirname(__file__), "guest_init"), "rb") as file:
            files = {"init": (file.read(), 0o755), "job": (job.encode(), 0o644)}
        with open(_BUSYBOX, "rb") as file:
            files["bin/busybox"] = (file.read(), 0o755)
        archive.write(initial, files, kernel.module_files(_MODULES))
        argv = [_QEMU, "-M", "q35", "-cpu", "max", "-smp", str(_CPUS), "-m", str(_MEMORY_MIB), "-display", "none",
                "-monitor", "none", "-no-reboot", "-nic", "none", "-accel", "tcg,thread=multi",
                "-kernel", kernel.image, "-initrd", initial,
                # On a busy machine ticks of the emulated timer come late: the kernel must not take it for broken.
                "-append", "console=ttyS0 quiet panic=-1 mitigations=off apparmor=0 no_timer_check",
                "-serial", f"file:{self._console}",
                "-device", "virtio-serial-pci", "-chardev", "file,id=out,path=/dev/stdout", "-device", "virtserialport,chardev=out",
                "-virtfs", _share("/", "machine"), "-virtfs", _share(kernel.modules, "modules")]
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                             preexec_fn=die_with_parent)
        except FileNotFoundError:
            self._scratch.cleanup()
            raise Unavailable(f"{_QEMU} is not installed (.ci/deps kernels installs it)") from None
        self._deadline = time.monotonic() + BOOT_SECONDS
        self.booted_after = None  # seconds

    def allow(self, seconds):
        """Sets the time limit: seconds from now."""
        self._deadline = time.monotonic() + seconds

    def lines(self):
        """The lines of output after boot, until the guest powers off. GuestError if it exceeds the time limit."""
        begin, pending = time.monotonic(), b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                left = self._deadline - time.monotonic()
                if left <= 0 or not waiting.select(left):
                    raise GuestError(self._why("exceeded its time limit"))
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    break
                *whole, pending = (pending + data).split(b"\n")
                for line in (item.decode(errors="replace") for item in whole):
                    if self.booted_after is not None:
                        yield line
                    elif line == _GREETING:
                        self.booted_after = time.monotonic() - begin
                    else:
                        print(line)  # from QEMU itself
        if self.booted_after is None:
            raise GuestError(self._why("did not boot"))

    def _why(self, what):
        with open(self._console, encoding="utf-8", errors="replace") as file:
            last = [line for line in file.read().splitlines() if line.strip()][-8:]
        return f"the guest {what}; last lines of its console:\n" + "\n".join(f"  {line}" for line in last)

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._scratch.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
