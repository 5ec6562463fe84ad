"""Linux kernels to boot, as Debian packages them: fetched once, unpacked below build/kernels/, never installed.

A kernel is a folder with boot/vmlinuz-VERSION and lib/modules/VERSION. Where the packages lie is taken from the sources
that apt on this machine is configured with: suites of other releases are looked for at the same places.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.path.join(ROOT, "build", "kernels")
# The kernel: (the suite that has it, the suite of this machine's whose place has that one as well)
SUITES = {"5.10": ("bullseye-security", "bookworm-security"), "6.1": ("bookworm-security", "bookworm-security"),
          "6.12": ("bookworm-backports", "bookworm")}
_META = "linux-image-amd64"  # depends on the newest kernel of its suite


class Unavailable(Exception):
    """This machine cannot have that kernel; the text says why."""


class Kernel:
    """`image`: the file to boot; `modules`: the folder of modules of all versions; `version`: as uname -r says it."""

    def __init__(self, folder):
        images = glob.glob(os.path.join(glob.escape(folder), "boot", "vmlinuz-*"))
        if len(images) != 1:
            raise Unavailable(f"{folder} has {len(images)} files boot/vmlinuz-*; it should be one unpacked kernel package")
        self.image = images[0]
        self.version = os.path.basename(self.image).removeprefix("vmlinuz-")
        self.modules = next((path for path in (f"{folder}/lib/modules", f"{folder}/usr/lib/modules")
                             if os.path.isdir(f"{path}/{self.version}")), None)
        if not self.modules:
            raise Unavailable(f"{folder} has no lib/modules/{self.version}")
        if not os.path.exists(f"{self.modules}/{self.version}/modules.dep"):  # packages leave it to their installation
            _run("depmod", "-b", self.modules.removesuffix("/lib/modules"), self.version)

    def module_files(self, names):
        """The files of these modules and of what they need, in the order of loading. What is built in has none."""
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
                raise Unavailable(f"Linux {self.version} has no module {name}, which the guest needs to see this machine's files")
        return [f"{self.modules}/{self.version}/{path}" for path in found]


def _module_name(path):
    return os.path.basename(path.strip()).partition(".ko")[0].replace("-", "_")


def _run(*argv, cwd=None):
    """The command's output; Unavailable with the last line that it said when it fails."""
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable(f"there is no program {argv[0]} (.ci/deps kernels installs it)") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{argv[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout


def _place(suite):
    """The address at which this machine's apt gets a suite of Debian's."""
    listed = _run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for line in listed.splitlines():
        release, component, address = line.split(" ", 2)
        if (release, component) == (suite, "main"):
            return address
    raise Unavailable(f"apt on this machine has no source of Debian's {suite}")


def _fetch(name, into):
    """Downloads the kernel's package with apt, by lists of its own: the machine's are left as they are."""
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
        raise Unavailable(f"Debian's {suite} has no {_META}")
    _run("apt-get", *options, "download", "-qq", found.group(1), cwd=into)
    return glob.glob(f"{glob.escape(into)}/linux-image-*.deb")[0]


def get(name):
    """The Kernel called "5.10", "6.1" or "6.12", or that in a folder."""
    if name not in SUITES:
        if not os.path.isdir(name):
            raise Unavailable(f"there is no kernel {name}: it is one of {', '.join(SUITES)}, a folder with one, or host")
        return Kernel(os.path.abspath(name))
    folder = os.path.join(STORE, name)
    if not os.path.isdir(folder):
        os.makedirs(STORE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=STORE, prefix="fetch-") as scratch:
            package = _fetch(name, scratch)
            _run("dpkg-deb", "-x", package, f"{scratch}/unpacked")
            Kernel(f"{scratch}/unpacked")  # must be one
            shutil.move(f"{scratch}/unpacked", folder)
    return Kernel(folder)
