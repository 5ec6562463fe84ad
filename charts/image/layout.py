"""OCI image layouts in tar files (image-layout.md of the OCI image specification).

Reading verifies every digest and size. Writing sorts names and takes all times from the caller, so the same content produces
the same bytes.
"""

import hashlib
import io
import json
import tarfile

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Broken(Exception):
    """A file is not an image layout, or its contents do not match their digests. The message is a sentence."""


class Layout:
    """index: the content of index.json. blob(descriptor): its bytes, verified."""

    def __init__(self, path):
        self.path = path
        try:
            with tarfile.open(path) as archive:
                self._files = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
            version = json.loads(self._files["oci-layout"])["imageLayoutVersion"]
            self.index = json.loads(self._files["index.json"])
        except (OSError, tarfile.TarError) as error:
            raise Broken(f"cannot read {path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise Broken(f"{path} is not an OCI image layout: oci-layout or index.json is missing or invalid") from error
        if version != "1.0.0":
            raise Broken(f"{path} has image layout version {version}, not 1.0.0")

    def blob(self, descriptor):
        data = self._files.get(path_of(descriptor["digest"]))
        if data is None:
            raise Broken(f"{self.path} lacks the blob {descriptor['digest']} that it refers to")
        if digest_of(data) != descriptor["digest"] or len(data) != descriptor["size"]:
            raise Broken(f"{self.path} is damaged: the content of blob {descriptor['digest']} does not match its digest and size")
        return data


def write(path, index, blobs, epoch, more=None):
    """index: the content of index.json; blobs {digest: bytes}; more {name: bytes}: further files at the top."""
    inside = {
        "oci-layout": json_bytes({"imageLayoutVersion": "1.0.0"}),
        "index.json": json_bytes(index),
        **(more or {}),
        **{path_of(digest): data for digest, data in blobs.items()},
    }
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for folder in ("blobs", "blobs/sha256"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, epoch
            archive.addfile(entry)
        for name in sorted(inside):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(inside[name]), 0o644, epoch
            archive.addfile(entry, io.BytesIO(inside[name]))


def top_index(descriptor, tags):
    """The content of index.json: the descriptor once for each tag. A tag is NAME:TAG in full, as runtimes list it."""
    named = [{**descriptor, "annotations": {"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": tag.rpartition(":")[2]}}
             for tag in tags]
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": named or [descriptor]}


def untagged(tags):
    """The first of the names that has no tag, or None."""
    return next((tag for tag in tags if ":" not in tag.rpartition("/")[2]), None)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def path_of(digest):
    return "blobs/" + digest.replace(":", "/")


def descriptor_of(kind, data):
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def json_bytes(value):
    return json.dumps(value, sort_keys=True).encode()
