"""The Debian machine that builds the image: architectures, libraries, and the packages that own them."""

import functools
import os
import re
import subprocess

import elf

# Image architecture: (Debian's name, multiarch triplet, EM_… of its binaries, variant)
ARCHITECTURES = {
    "amd64": ("amd64", "x86_64-linux-gnu", 62, None),
    "arm64": ("arm64", "aarch64-linux-gnu", 183, None),
    "arm": ("armhf", "arm-linux-gnueabihf", 40, "v7"),
}


class Missing(Exception):
    """This machine lacks something that the image needs."""


def host_architecture():
    name = _output("dpkg", "--print-architecture").strip()
    return next((arch for arch, (debian, *_) in ARCHITECTURES.items() if debian == name), name)


def closure(binary, arch):
    """All libraries that the binary needs, directly or not: {path in the image: path on this machine}, and its interpreter.

    All of them are in the multiarch folder, where the loader looks without a cache.
    """
    _, triplet, machine, _ = ARCHITECTURES[arch]
    top = elf.Elf(binary)
    if top.machine != machine:
        raise Missing(f"{binary} is not a binary for {arch}: its machine is {top.machine}, not {machine}")
    if not top.interpreter:
        raise Missing(f"{binary} has no interpreter: statically linked binaries are not supported")
    found, left = {}, list(top.needed)
    while left:
        name = left.pop()
        inside = f"usr/lib/{triplet}/{name}"
        if inside in found:
            continue
        path = next((p for p in (f"/usr/lib/{triplet}/{name}", f"/lib/{triplet}/{name}") if os.path.exists(p)), None)
        if not path:
            raise Missing(f"{binary} needs {name} for {arch}, which is not installed: install its package for that architecture")
        found[inside] = os.path.realpath(path)
        left += elf.Elf(path).needed
    return found, top.interpreter


@functools.lru_cache(maxsize=None)
def owner(path):
    """The package that owns a file, with its architecture if dpkg states it."""
    names = [path]
    # dpkg lists a file with or without /usr, depending on whether its package is older than the merged /usr.
    names.append(path[4:] if path.startswith("/usr/") else "/usr" + path)
    for name in names:
        done = subprocess.run(["dpkg-query", "--search", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        for line in done.stdout.splitlines():
            package, _, file = line.partition(": ")
            if file == name and not package.startswith("diversion "):
                return package.split(", ")[0]
    raise Missing(f"no package owns {path}: the image may contain only files of Debian packages")


class Package:
    """One binary package, from dpkg's records."""

    def __init__(self, name):
        self.name, _, _ = name.partition(":")
        fields = "${Version}\\n${Architecture}\\n${source:Package}\\n${source:Version}\\n${Maintainer}\\n"
        text = _output("dpkg-query", "--show", "--showformat", fields, name)
        self.version, self.arch, self.source, self.source_version, self.maintainer = text.splitlines()[:5]
        # Image scanners read this; the list of configuration files is irrelevant here.
        status = _output("dpkg-query", "--status", name)
        self.status = re.sub(r"^Conffiles:\n(?: .*\n)*", "", status, flags=re.M)

    def copyright(self):
        try:
            with open(f"/usr/share/doc/{self.name}/copyright", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError as error:
            raise Missing(f"{self.name} has no copyright file on this machine ({error}): the image must contain its licences") from error


def installed(pattern):
    """The installed packages whose names match, without architectures."""
    text = _output("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n")
    names = {line.split()[1] for line in text.splitlines() if line.startswith("installed ")}
    return sorted(name for name in names if re.fullmatch(pattern, name))


def _output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
