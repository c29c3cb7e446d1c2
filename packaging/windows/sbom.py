#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the MSI's software bill of materials: CycloneDX 1.5, JSON, on standard output.

sbom.py STAGE VERSIONS VERSION

Components are the source packages that VERSIONS names (written by build-windeps.sh); which file needs which comes from the
import tables of the files themselves. No clock and no random number: the same stage gives the same bytes."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone

# whose DLL it is: name in VERSIONS -> beginning of the file's name
DLLS = {"openssl": ("libcrypto-", "libssl-"), "sqlite3": ("libsqlite3",), "libyaml": ("libyaml",), "libxml2": ("libxml2",),
        "cjson": ("libcjson",), "curl": ("libcurl",)}
LICENCES = {"openssl": "Apache-2.0", "sqlite3": "blessing", "libyaml": "MIT", "libxml2": "MIT", "cjson": "MIT", "curl": "curl",
            "zlib": "Zlib"}


def imports(path):
    text = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
    return re.findall(r"DLL Name: (\S+)", text)


def owner(dll):
    for name, starts in DLLS.items():
        if dll.lower().startswith(starts):
            return name
    return None


def main():
    stage, version = pathlib.Path(sys.argv[1]), sys.argv[3]
    when = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    me = "pkg:generic/easgate@%s?arch=x86_64&os=windows" % version
    components, refs, depends = [], {}, {}
    for line in open(sys.argv[2], encoding="utf-8"):
        name, debian, digest = line.split()
        refs[name] = "pkg:deb/debian/%s@%s?arch=source" % (name, debian.replace("+", "%2B").replace(":", "%3A"))
        c = {"type": "library", "bom-ref": refs[name], "name": name, "version": debian, "purl": refs[name], "scope": "required",
             "licenses": [{"license": {"id": LICENCES[name]}}]}
        if digest != "static":
            c["properties"] = [{"name": "easgate:dsc-sha256", "value": digest}]
        components.append(c)
        depends.setdefault(refs[name], set())
    depends[me] = set()
    for path in sorted(p for p in stage.rglob("*") if p.suffix in (".exe", ".dll")):
        inside = str(path.relative_to(stage)).replace("/", "\\")
        ref = "file:" + inside
        components.append({"type": "file", "bom-ref": ref, "name": inside,
                           "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]})
        whose = owner(path.name)
        needed = {refs[o] for o in map(owner, imports(path)) if o and o != whose}
        if whose:
            depends[refs[whose]] |= needed
            depends[ref] = {refs[whose]}
        else:
            depends[ref] = needed
            depends[me].add(ref)
    depends[refs["curl"]].add(refs["zlib"])  # its static library is inside
    for name in DLLS:
        if not any(owner(p.name) == name for p in stage.glob("*.dll")):
            sys.exit("sbom: no file of %s in the stage" % name)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components, sort_keys=True))
    bom = {"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5",
           "serialNumber": "urn:uuid:%s" % serial, "version": 1,
           "metadata": {"timestamp": when,
                        "tools": {"components": [{"type": "application", "name": "packaging/windows/sbom.py"}]},
                        "component": {"type": "application", "bom-ref": me, "name": "easgate", "version": version, "purl": me,
                                      "licenses": [{"license": {"id": "Apache-2.0"}}]}},
           "components": components,
           "dependencies": [{"ref": r, "dependsOn": sorted(d)} for r, d in sorted(depends.items())]}
    json.dump(bom, sys.stdout, indent=1)
    print()


main()
