"""Debian's kernel packages: downloaded once and unpacked in build/kernels/, never installed.

A kernel is a folder with boot/vmlinuz-VERSION and lib/modules/VERSION. Packages are downloaded from the hosts in this machine's
apt configuration; suites of other releases are expected on the same hosts.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.path.join(ROOT, "build", "kernels")
# Kernel: (the suite that contains it, the suite in this machine's apt configuration whose host serves it)
SUITES = {"5.10": ("bullseye-security", "bookworm-security"), "6.1": ("bookworm-security", "bookworm-security"),
          "6.12": ("bookworm-backports", "bookworm")}
_META = "linux-image-amd64"  # depends on the newest kernel of its suite


class Unavailable(Exception):
    """The kernel cannot be obtained or booted here; the text says why."""


class Unobtainable(Unavailable):
    """Nobody serves its package to this machine."""


class Kernel:
    """`image`: the file to boot. `modules`: the folder lib/modules. `version`: the output of uname -r."""

    def __init__(self, folder):
        images = glob.glob(os.path.join(glob.escape(folder), "boot", "vmlinuz-*"))
        if len(images) != 1:
            raise Unavailable(f"{folder} has {len(images)} files boot/vmlinuz-*, expected 1: unpack one kernel package there")
        self.image = images[0]
        self.version = os.path.basename(self.image).removeprefix("vmlinuz-")
        self.modules = next((path for path in (f"{folder}/lib/modules", f"{folder}/usr/lib/modules")
                             if os.path.isdir(f"{path}/{self.version}")), None)
        if not self.modules:
            raise Unavailable(f"{folder} has no lib/modules/{self.version}")
        if not os.path.exists(f"{self.modules}/{self.version}/modules.dep"):  # packages create it when they are installed
            _run("depmod", "-b", self.modules.removesuffix("/lib/modules"), self.version)

    def module_files(self, names):
        """The files of these modules and their dependencies, in loading order; none for built-in ones."""
        needs, builtin = {}, set()
        with open(f"{self.modules}/{self.version}/modules.dep", encoding="ascii") as file:
            for line in file:
                path, _, others = line.partition(":")
                needs[_module_name(path)] = (path, others.split())
        with open(f"{self.modules}/{self.version}/modules.builtin", encoding="ascii") as file:
            builtin = {_module_name(line) for line in file}
        found = {}  # a dictionary keeps the order
        for name in names:
            if name in needs:
                path, others = needs[name]
                found.update(dict.fromkeys([*reversed(others), path]))
            elif name not in builtin:
                raise Unavailable(f"Linux {self.version} has no module {name}, which the guest needs to mount this machine's files")
        return [f"{self.modules}/{self.version}/{path}" for path in found]


def _module_name(path):
    return os.path.basename(path.strip()).partition(".ko")[0].replace("-", "_")


def _run(*argv, cwd=None):
    """The command's output. If it fails: Unavailable, with the last line it printed."""
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable(f"{argv[0]} is not installed (.ci/deps kernels installs it)") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{argv[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout


def _place(suite):
    """The base URL of a Debian suite in this machine's apt configuration."""
    listed = _run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for line in listed.splitlines():
        release, component, address = line.split(" ", 2)
        if (release, component) == (suite, "main"):
            return address
    raise Unavailable(f"the apt configuration of this machine has no source for {suite}")


def _fetch(name, into):
    """Downloads the kernel's package with apt. Package lists are private: the machine's own do not change."""
    suite, neighbour = SUITES[name]
    with open(f"{into}/sources.list", "w", encoding="ascii") as file:
        file.write(f"deb {_place(neighbour)} {suite} main\n")
    for folder in ("lists/partial", "cache/archives/partial"):
        os.makedirs(f"{into}/{folder}")
    options = []
    for key, value in (("Dir::Etc::SourceList", f"{into}/sources.list"), ("Dir::Etc::SourceParts", "/dev/null"),
                       ("Dir::State::Lists", f"{into}/lists"), ("Dir::Cache", f"{into}/cache"), ("APT::Sandbox::User", "root")):
        options += ["-o", f"{key}={value}"]
    _run("apt-get", *options, "update", "-qq", "--error-on=any")
    found = re.search(r"Depends: (linux-image-\S+)", _run("apt-cache", *options, "depends", _META))
    if not found:
        raise Unavailable(f"{suite} does not contain {_META}")
    _run("apt-get", *options, "download", "-qq", found.group(1), cwd=into)
    return glob.glob(f"{glob.escape(into)}/linux-image-*.deb")[0]


def get(name):
    """The Kernel of that name in SUITES, or the one in a folder."""
    if name not in SUITES:
        if not os.path.isdir(name):
            raise Unavailable(f"{name} is neither a folder nor one of {', '.join(SUITES)}, host")
        return Kernel(os.path.abspath(name))
    folder = os.path.join(STORE, name)
    if not os.path.isdir(folder):
        os.makedirs(STORE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=STORE, prefix="fetch-") as scratch:
            try:
                package = _fetch(name, scratch)
            except Unavailable as reason:
                raise Unobtainable(str(reason)) from None
            _run("dpkg-deb", "-x", package, f"{scratch}/unpacked")
            Kernel(f"{scratch}/unpacked")  # fails if it is none
            shutil.move(f"{scratch}/unpacked", folder)
    return Kernel(folder)
