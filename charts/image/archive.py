"""An image as one tar file that is both an OCI image layout and a Docker archive.

`docker load`, `ctr images import`, `podman load` and `skopeo copy` read it. It has one layer. Names are sorted, every owner is
root, and all times are given, so the same folder produces the same bytes.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import time

_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def layer(root, epoch):
    """(tar, compressed tar) of a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(_below(root)):
            entry = archive.gettarinfo(os.path.join(root, path), arcname=path)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = epoch
            if entry.isfile():
                with open(os.path.join(root, path), "rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)
    plain = buffer.getvalue()
    return plain, gzip.compress(plain, compresslevel=9, mtime=0)


def _below(root):
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            yield os.path.relpath(os.path.join(folder, name), root)


def image(root, arch, variant, epoch, settings, labels):
    """{digest: bytes} of layer, config and manifest, and the manifest's descriptor."""
    plain, packed = layer(root, epoch)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    platform = {"architecture": arch, "os": "linux", **({"variant": variant} if variant else {})}
    config = _json({
        **platform, "created": when,
        "config": {**settings, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
        "history": [{"created": when, "created_by": "podgate charts/image/build", "comment": "root file system"}],
    })
    manifest = _json({
        "schemaVersion": 2, "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, config), "layers": [_descriptor(_LAYER, packed)],
        "annotations": labels,
    })
    blobs = {_digest(data): data for data in (packed, config, manifest)}
    return blobs, {**_descriptor(_MANIFEST, manifest), "platform": platform}


def write(path, blobs, descriptor, tags, epoch):
    """The tar file. A tag is NAME:TAG in full, as runtimes list it."""
    manifest = json.loads(blobs[descriptor["digest"]])
    named = [{**descriptor, "annotations": {"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": tag.rpartition(":")[2]}}
             for tag in tags]
    inside = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": named or [descriptor]}),
        "manifest.json": _json([{"Config": _blob(manifest["config"]["digest"]), "RepoTags": list(tags),
                                 "Layers": [_blob(one["digest"]) for one in manifest["layers"]]}]),
        **{_blob(digest): data for digest, data in blobs.items()},
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


def _digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _blob(digest):
    return "blobs/" + digest.replace(":", "/")


def _descriptor(kind, data):
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}


def _json(value):
    return json.dumps(value, sort_keys=True).encode()
