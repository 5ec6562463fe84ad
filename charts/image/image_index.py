"""Joins images of several architectures to one image index (image-index.md of the OCI image specification)."""

import json

import layout


def join(layouts):
    """({digest: bytes} of all blobs, the index's descriptor, [(platform as text, descriptor of its manifest)]).

    The index lists the images sorted by platform, so the order of the files does not matter. Raises layout.Broken if two
    images have one platform or differ in an annotation that says what they are: title, version, revision and the like.
    """
    blobs, images, annotations = {}, {}, None
    for one in layouts:
        descriptor, manifest, platform = _only_image(one)
        name = text_of(platform)
        if name in images:
            raise layout.Broken(f"{one.path} and {images[name][0].path} are both for {name}: an index has one image for each platform")
        images[name] = (one, {**layout.descriptor_of(layout.MANIFEST, one.blob(descriptor)), "platform": platform})
        for part in (descriptor, manifest["config"], *manifest["layers"]):
            blobs[part["digest"]] = one.blob(part)
        stated = manifest.get("annotations", {})
        if annotations is not None and stated != annotations:
            key = min(key for key in {*stated, *annotations} if stated.get(key) != annotations.get(key))
            raise layout.Broken(f"{one.path} has {key} {stated.get(key)!r}, the files before it {annotations.get(key)!r}: "
                                "build all images from one revision")
        annotations = stated
    listed = [(name, images[name][1]) for name in sorted(images)]
    index = layout.json_bytes({"schemaVersion": 2, "mediaType": layout.INDEX, "manifests": [descriptor for _, descriptor in listed],
                               "annotations": annotations or {}})
    blobs[layout.digest_of(index)] = index
    return blobs, layout.descriptor_of(layout.INDEX, index), listed


def _only_image(one):
    """(descriptor, manifest, platform) of a layout with one image, under however many tags. The config decides the platform."""
    entries = one.index.get("manifests", [])
    if len({entry["digest"] for entry in entries}) != 1:
        raise layout.Broken(f"{one.path} holds {len(entries)} images: give files with one image each")
    if entries[0].get("mediaType") != layout.MANIFEST:
        raise layout.Broken(f"{one.path} holds no image manifest but {entries[0]['mediaType']}: give the files that `build` writes")
    manifest = json.loads(one.blob(entries[0]))
    config = json.loads(one.blob(manifest["config"]))
    return entries[0], manifest, {key: config[key] for key in ("architecture", "os", "variant") if config.get(key)}


def text_of(platform):
    """As container tools write it: linux/arm/v7."""
    return "/".join(platform[key] for key in ("os", "architecture", "variant") if key in platform)
