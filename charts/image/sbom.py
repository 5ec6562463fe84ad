"""The image's software bill of materials: SPDX 2.3 as JSON (spdx.github.io/spdx-spec/v2.3).

It lists every file of the image with its checksums, under the package that owns it.
"""

import hashlib
import json
import re
import time

# Short licence names in Debian's machine-readable copyright files that map to exactly one SPDX licence.
_SPDX = {
    "expat": "MIT", "mit": "MIT", "mit/x11": "MIT", "zlib": "Zlib", "isc": "ISC", "public-domain": None,
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "bsl-1.0": "BSL-1.0", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later", "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later",
    "lgpl-3+": "LGPL-3.0-or-later",
}


def licence(copyright_text):
    """The SPDX expression for a copyright file, or NOASSERTION if it is uncertain."""
    if not re.match(r"Format:\s*https?://www\.debian\.org/doc/packaging-manuals/copyright-format/1\.0", copyright_text):
        return "NOASSERTION"
    names = set()
    for paragraph in re.split(r"\n\s*\n", copyright_text):
        files = re.search(r"^Files:\s*(.*)$", paragraph, re.M)
        name = re.search(r"^License:\s*(.*)$", paragraph, re.M)
        if files and files[1].strip() != "debian/*":
            names.add(_SPDX.get(name[1].strip().lower()) if name else None)
    return " AND ".join(sorted(names)) if names and None not in names else "NOASSERTION"


def document(podgate, arch, epoch, packages, files, compiled_in):
    """Returns the document as text.

    podgate      (version, revision, expression of its licence)
    packages     {name: debian.Package}; files {path in the image: (content, package name or "podgate")}
    compiled_in  {name: debian.Package}: header-only libraries, which are compiled into the binary
    """
    version, revision, own_licence = podgate
    entries, by_package = [], {}
    for path in sorted(files):
        content, package = files[path]
        sha1 = hashlib.sha1(content).hexdigest()
        identity = "SPDXRef-File-" + hashlib.sha256(path.encode()).hexdigest()[:16]
        by_package.setdefault(package, []).append((sha1, identity))
        entries.append({
            "SPDXID": identity,
            "fileName": "./" + path,
            "checksums": [{"algorithm": "SHA1", "checksumValue": sha1},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}],
            "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION",
        })

    listed = [_entry("podgate", version, "Organization: Podgate", own_licence, f"pkg:generic/podgate@{version}", by_package.get("podgate"))]
    listed[0]["sourceInfo"] = f"built from revision {revision}"
    listed[0]["primaryPackagePurpose"] = "CONTAINER"
    relations = [_relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Package-podgate")]
    for name, package in sorted({**compiled_in, **packages}.items()):
        locator = f"pkg:deb/debian/{name}@{package.version}?arch={package.arch}&distro=bookworm"
        entry = _entry(name, package.version, "Organization: Debian", licence(package.copyright()), locator, by_package.get(name))
        entry["sourceInfo"] = f"built from the source package {package.source} {package.source_version}"
        listed.append(entry)
        kind = "CONTAINS" if name in packages else "STATIC_LINK"
        relations.append(_relation("SPDXRef-Package-podgate", kind, entry["SPDXID"]))
    for entry in listed:
        for _, identity in by_package.get(entry["name"], []):
            relations.append(_relation(entry["SPDXID"], "CONTAINS", identity))

    content = {"packages": listed, "files": entries, "relationships": relations}
    unique = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    head = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"podgate-{version}-{arch}",
        "documentNamespace": f"https://github.com/podgate/podgate/spdx/{version}/{arch}/{unique}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: podgate-image-rootfs"]},
    }
    return json.dumps({**head, **content}, indent=1, ensure_ascii=False) + "\n"


def _entry(name, version, supplier, expression, locator, files):
    entry = {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name,
        "versionInfo": version,
        "supplier": supplier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": bool(files),
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": expression,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}],
    }
    if files:
        sums = "".join(sorted(sha1 for sha1, _ in files))
        entry["packageVerificationCode"] = {"packageVerificationCodeValue": hashlib.sha1(sums.encode()).hexdigest()}
    return entry


def _relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
