"""An image as one tar file that is both an OCI image layout and a Docker archive.

`docker load`, `ctr images import`, `podman load` and `skopeo copy` read it. It has one layer. Names are sorted, every owner is
root, and all times are given, so the same folder produces the same bytes.
"""

import gzip
import io
import json
import os
import tarfile
import time

import layout


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
    config = layout.json_bytes({
        **platform, "created": when,
        "config": {**settings, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [layout.digest_of(plain)]},
        "history": [{"created": when, "created_by": "podgate charts/image/build", "comment": "root file system"}],
    })
    manifest = layout.json_bytes({
        "schemaVersion": 2, "mediaType": layout.MANIFEST,
        "config": layout.descriptor_of(layout.CONFIG, config), "layers": [layout.descriptor_of(layout.LAYER, packed)],
        "annotations": labels,
    })
    blobs = {layout.digest_of(data): data for data in (packed, config, manifest)}
    return blobs, {**layout.descriptor_of(layout.MANIFEST, manifest), "platform": platform}


def write(path, blobs, descriptor, tags, epoch):
    """The tar file. A tag is NAME:TAG in full, as runtimes list it."""
    manifest = json.loads(blobs[descriptor["digest"]])
    docker = [{"Config": layout.path_of(manifest["config"]["digest"]), "RepoTags": list(tags),
               "Layers": [layout.path_of(one["digest"]) for one in manifest["layers"]]}]
    layout.write(path, layout.top_index(descriptor, tags), blobs, epoch, {"manifest.json": layout.json_bytes(docker)})
