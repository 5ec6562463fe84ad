"""charts/image/index: images of several architectures become one multi-arch image, and nothing else does."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

_IMAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "charts", "image")
sys.path.insert(0, _IMAGE)

import archive  # noqa: E402  pylint: disable=wrong-import-position
import image_index  # noqa: E402  pylint: disable=wrong-import-position

_ARCHITECTURES = (("arm64", None), ("amd64", None), ("arm", "v7"))
_TAGS = ("r.test/podgate:1.2.3", "r.test/podgate:latest")


class _Files:
    """A folder with one small image for each architecture, made as charts/image/build makes them."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="pg-index.")
        self.path = self._folder.name
        self.images = [self.image(arch, variant) for arch, variant in _ARCHITECTURES]
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def image(self, arch, variant, name=None, version="1.2.3"):
        root = f"{self.path}/{name or arch}"
        os.makedirs(f"{root}/usr/bin")
        with open(f"{root}/usr/bin/podgate", "w", encoding="ascii") as file:
            file.write(f"of {arch}")
        labels = {"org.opencontainers.image.version": version, "org.opencontainers.image.title": "Podgate"}
        blobs, descriptor = archive.image(root, arch, variant, 1, {"Cmd": ["run"]}, labels)
        archive.write(f"{root}.tar", blobs, descriptor, ["r.test/podgate:1.2.3"], 1)
        return f"{root}.tar"

    def joined(self, *images, out="all.tar", tags=_TAGS):
        """What `index` prints. Raises CalledProcessError with its message."""
        command = [f"{_IMAGE}/index", *images, "--out", f"{self.path}/{out}", *(part for tag in tags for part in ("--tag", tag))]
        environment = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    def content(self, name):
        with tarfile.open(f"{self.path}/{name}") as tar:
            return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}

    def bytes(self, name):
        with open(f"{self.path}/{name}", "rb") as file:
            return file.read()


def an_index_lists_every_platform():
    with _Files() as files:
        said = files.joined(*files.images).splitlines()
        content = files.content("all.tar")
    assert json.loads(content.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    top = json.loads(content.pop("index.json"))
    assert top["mediaType"] == "application/vnd.oci.image.index.v1+json" and top["schemaVersion"] == 2, top
    blobs = {"sha256:" + name.rpartition("/")[2]: data for name, data in content.items()}
    assert all(name.startswith("blobs/sha256/") for name in content), sorted(content)
    for digest, data in blobs.items():
        assert digest == "sha256:" + hashlib.sha256(data).hexdigest(), digest
    used = set()

    def follow(descriptor):
        used.add(descriptor["digest"])
        assert len(blobs[descriptor["digest"]]) == descriptor["size"], descriptor
        return blobs[descriptor["digest"]]

    # One entry for each tag, all for the one index.
    assert [one["annotations"]["io.containerd.image.name"] for one in top["manifests"]] == list(_TAGS), top
    assert [one["annotations"]["org.opencontainers.image.ref.name"] for one in top["manifests"]] == ["1.2.3", "latest"], top
    assert len({one["digest"] for one in top["manifests"]}) == 1 and said[2] == top["manifests"][0]["digest"], said
    index = json.loads(follow(top["manifests"][0]))
    assert index["mediaType"] == top["manifests"][0]["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert index["annotations"]["org.opencontainers.image.version"] == "1.2.3", index
    assert [one["platform"] for one in index["manifests"]] == [
        {"architecture": "amd64", "os": "linux"}, {"architecture": "arm", "os": "linux", "variant": "v7"},
        {"architecture": "arm64", "os": "linux"}], index
    assert said[3:] == [f"{image_index.text_of(one['platform'])} {one['digest']}" for one in index["manifests"]], said
    for one in index["manifests"]:
        assert one["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
        manifest = json.loads(follow(one))
        config = json.loads(follow(manifest["config"]))
        assert {key: config[key] for key in one["platform"]} == one["platform"], config
        for part in manifest["layers"]:
            follow(part)
    assert used == set(blobs), used ^ set(blobs)


def an_index_does_not_depend_on_the_order():
    with _Files() as files:
        files.joined(*files.images, out="one.tar")
        files.joined(*reversed(files.images), out="two.tar")
        assert files.bytes("one.tar") == files.bytes("two.tar")


def an_index_refuses_what_does_not_fit():
    def refused(says, *images, tags=_TAGS):
        try:
            files.joined(*images, out="refused.tar", tags=tags)
        except subprocess.CalledProcessError as error:
            assert re.search(says, error.stderr) and error.stderr.startswith("image/index: "), error.stderr
        else:
            raise AssertionError(f"it is taken, though {says}")
        assert not os.path.exists(f"{files.path}/refused.tar"), "a file is written all the same"

    with _Files() as files:
        arm64, amd64, arm = files.images
        refused(r"arm64-again\.tar and .*arm64\.tar are both for linux/arm64", arm64, amd64, files.image("arm64", None, "arm64-again"))
        refused(r"both for linux/arm/v7", arm, arm)
        refused(r"version '1\.2\.4'.*'1\.2\.3'", amd64, files.image("arm64", None, "newer", version="1.2.4"))
        refused(r"has no tag", amd64, tags=("r.test:5000/podgate",))
        files.joined(*files.images)
        refused(r"no image manifest", f"{files.path}/all.tar")
        with open(f"{files.path}/text.tar", "w", encoding="ascii") as file:
            file.write("no tar")
        refused(r"cannot read .*text\.tar", f"{files.path}/text.tar")
        refused(r"cannot read .*missing\.tar", f"{files.path}/missing.tar")
        with open(f"{files.path}/damaged.tar", "wb") as file:
            file.write(files.bytes("arm.tar").replace(b'"Cmd"', b'"cmd"'))
        refused(r"damaged\.tar is damaged", amd64, f"{files.path}/damaged.tar")


TESTS = (an_index_lists_every_platform, an_index_does_not_depend_on_the_order, an_index_refuses_what_does_not_fit)
