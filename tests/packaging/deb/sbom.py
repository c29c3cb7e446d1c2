#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is each package's bill of materials true?    sbom.py DIR (of build.sh)

Beside the form of CycloneDX 1.5, it is compared with what does not come from the script that wrote it: the files of the
package with their digests, the libraries that each file names, the package's Depends, and the versions in .buildinfo.
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

failures = checks = 0


def check(ok, text):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print("not ok -", text)


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def form(name, bom):
    check(bom.get("bomFormat") == "CycloneDX" and bom.get("specVersion") == "1.5", name + ": not CycloneDX 1.5")
    check(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom.get("serialNumber", "")), name + ": serial number")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bom["metadata"]["timestamp"]), name + ": time stamp")
    refs = [bom["metadata"]["component"]["bom-ref"]] + [c["bom-ref"] for c in bom["components"]]
    check(len(refs) == len(set(refs)), name + ": a bom-ref is there twice")
    for c in bom["components"]:
        check(c["type"] in ("library", "file") and c["name"], "%s: component %s" % (name, c.get("name")))
        if c["type"] == "library":
            check(re.fullmatch(r"pkg:deb/debian/[a-z0-9.%B+-]+@[^?@/]+\?arch=\w+", c["purl"]), name + ": purl " + c["purl"])
    told = [d["ref"] for d in bom["dependencies"]]
    check(sorted(told) == sorted(refs), name + ": components and dependencies are not the same set")
    for d in bom["dependencies"]:
        for ref in d["dependsOn"]:
            check(ref in refs, "%s: %s depends on %s, which is not there" % (name, d["ref"], ref))


def truth(deb, name, bom, versions):
    fields = {f: run("dpkg-deb", "-f", str(deb), f).strip() for f in ("Version", "Architecture", "Depends")}
    me = bom["metadata"]["component"]
    check(me["name"] == name and me["version"] == fields["Version"], "%s: says %s %s" % (name, me["name"], me["version"]))
    libraries = {c["name"]: c for c in bom["components"] if c["type"] == "library"}
    files = {c["name"]: c["hashes"][0]["content"] for c in bom["components"] if c["type"] == "file"}
    direct = {n for n, c in libraries.items() if {"name": "easgate:linked", "value": "directly"} in c["properties"]}
    ours = {"easgate", "easgate-plugins", "easgate-dev", "systemd"}
    depends = {re.split(r"[ (|:]", d.strip())[0] for d in fields["Depends"].split(",")} - ours
    check(depends == direct, "%s: Depends %s, the bill says %s" % (name, sorted(depends), sorted(direct)))
    for n, c in libraries.items():
        check(versions.get(n) == c["version"], "%s: %s %s, buildinfo says %s" % (name, n, c["version"], versions.get(n)))
    check(any("licenses" in c for c in libraries.values()), name + ": no licence of any library")
    edges = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
    with tempfile.TemporaryDirectory() as tmp:
        run("dpkg-deb", "-x", str(deb), tmp)
        seen = set()
        for path in pathlib.Path(tmp).rglob("*"):
            if not path.is_file() or path.is_symlink() or path.read_bytes()[:4] != b"\x7fELF":
                continue
            inside = "/" + str(path.relative_to(tmp))
            seen.add(inside)
            check(files.get(inside) == hashlib.sha256(path.read_bytes()).hexdigest(), "%s: digest of %s" % (name, inside))
            needs = re.findall(r"\(NEEDED\).*\[(\S+)\]", run("readelf", "-d", str(path)))
            check(len(edges.get("file:" + inside, [])) == len({s for s in needs if not s.startswith("ld-linux")}) or
                  0 < len(edges.get("file:" + inside, [])) <= len(needs), "%s: %s needs %s" % (name, inside, needs))
        check(seen == set(files), "%s: files %s" % (name, sorted(seen ^ set(files))))


def main():
    where = pathlib.Path(sys.argv[1])
    info = next(where.glob("*.buildinfo")).read_text()
    versions = dict(re.findall(r"^ ([a-z0-9][a-z0-9+.-]*)(?::\w+)? \(= ([^)]*)\)", info, re.M))
    debs = sorted(d for d in where.glob("*.deb") if "-dbgsym_" not in d.name)
    check(len(debs) == 3, "three packages expected, there are %d" % len(debs))
    for deb in debs:
        name = deb.name.split("_")[0]
        with tempfile.TemporaryDirectory() as tmp:
            run("dpkg-deb", "-x", str(deb), tmp)
            bom = json.loads((pathlib.Path(tmp) / "usr/share/doc" / name / (name + ".cdx.json")).read_text())
        form(name, bom)
        truth(deb, name, bom, versions)
        print("%s: %d libraries, %d files" % (name, sum(c["type"] == "library" for c in bom["components"]),
                                              sum(c["type"] == "file" for c in bom["components"])))
    print("%d checks, %d failed" % (checks, failures))
    sys.exit(1 if failures else 0)


main()
