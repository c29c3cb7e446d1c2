#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a package's software bill of materials: CycloneDX 1.5, JSON.

sbom.py PACKAGE PACKAGE_ROOT SUBSTVARS OUTPUT      run by debian/rules, in the source tree, after dh_shlibdeps

What the package links comes from the ELF files themselves (DT_NEEDED) and from dpkg, which knows whose file each library
is; dpkg's own dependencies give the rest of the graph. Nothing is typed in by hand. The versions are those of the machine
that built it; the archive may install newer ones. No clock and no random number: the same build gives the same bytes.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def installed():
    """Every package of this machine: name -> fields; provided names too, where one package provides them."""
    fields = ["Package", "Version", "Architecture", "source:Package", "source:Version", "Depends", "Pre-Depends", "Provides", "Homepage"]
    packages, provided = {}, {}
    for line in run("dpkg-query", "-W", "-f", "${db:Status-Status}\t" + "\t".join("${%s}" % f for f in fields) + "\n").splitlines():
        status, *values = line.split("\t")
        if status != "installed":
            continue
        p = dict(zip(fields, values))
        packages.setdefault(p["Package"], p)
        for name in re.findall(r"([a-z0-9][a-z0-9+.-]+)(?:\s*\([^)]*\))?", p["Provides"]):
            provided.setdefault(name, p["Package"])
    return packages, provided


def depends_on(package, packages, provided):
    """Names that it depends on, of each alternative the first that is installed."""
    names = set()
    for clause in ", ".join(filter(None, [package["Pre-Depends"], package["Depends"]])).split(","):
        for choice in clause.split("|"):
            name = choice.split("(")[0].split(":")[0].strip()
            name = name if name in packages else provided.get(name)
            if name:
                names.add(name)
                break
    return names


def licences(name):
    """Short names of the licences in a machine-readable copyright file; else none."""
    path = pathlib.Path("/usr/share/doc") / name / "copyright"
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return []
    if not text.lstrip().lower().startswith("format:"):
        return []
    found = set()
    for paragraph in re.split(r"\n\s*\n", text):
        if re.search(r"^Files:", paragraph, re.M) and not re.search(r"^Files:\s*debian/\S*\s*$", paragraph, re.M):
            found.update(re.findall(r"^License:[ \t]*(\S.*?)\s*$", paragraph, re.M))
    return [{"license": {"name": n}} for n in sorted(found)]


def purl(p, version=None, arch=None):
    quote = lambda s: s.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
    return "pkg:deb/debian/%s@%s?arch=%s" % (quote(p["Package"]), quote(version or p["Version"]), arch or p["Architecture"])


def elf_files(root):
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        with path.open("rb") as f:
            if f.read(4) == b"\x7fELF":
                yield path


def needed(path):
    return re.findall(r"^\s*NEEDED\s+(\S+)", run("objdump", "-p", str(path)), re.M)


def owners(sonames):
    """The package of each library, by the linker's cache and dpkg; /lib and /usr/lib are one."""
    cache = run("/sbin/ldconfig", "-p")
    tries = {}
    for soname in sonames:
        for p in re.findall(r"^\s*%s \([^)]*\) => (\S+)" % re.escape(soname), cache, re.M):
            for place in (p, os.path.realpath(p), re.sub(r"^/usr/", "/", p), "/usr" + p):
                tries.setdefault(place, soname)
    # one question for all of them; those that are nobody's make it fail, which is looked at below
    said = subprocess.run(["dpkg-query", "-S", *sorted(tries)], capture_output=True, text=True).stdout
    found = {}
    for line in said.splitlines():
        package, _, place = line.partition(": ")
        if place in tries:
            found.setdefault(tries[place], package.split(":")[0])
    for soname in sonames:
        if soname not in found:
            sys.exit("sbom: no package owns %s" % soname)
    return found


def main():
    name, root, substvars, output = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    packages, provided = installed()
    version = run("dpkg-parsechangelog", "-S", "Version").strip()
    arch = run("dpkg-architecture", "-qDEB_HOST_ARCH").strip()
    when = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    files, direct = [], set()
    needs = {path: needed(path) for path in elf_files(root)}
    package_of = owners(sorted({s for names in needs.values() for s in names}))
    for path, names in needs.items():
        inside = "/" + str(path.relative_to(root))
        linked = sorted({package_of[s] for s in names})
        direct.update(linked)
        files.append(({"type": "file", "bom-ref": "file:" + inside, "name": inside,
                       "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]}, linked))
    # what dpkg-shlibdeps found must be the same set: two ways to one answer
    with open(substvars, encoding="utf-8") as f:
        line = re.search(r"^shlibs:Depends=(.*)$", f.read(), re.M)
    listed = {re.split(r"[ (]", d.strip())[0] for d in line.group(1).split(",")} if line else set()
    if listed - direct:
        sys.exit("sbom: dpkg-shlibdeps names %s, the files do not" % sorted(listed - direct))

    graph, todo = {}, sorted(direct)
    while todo:
        p = todo.pop()
        if p not in graph:
            graph[p] = sorted(depends_on(packages[p], packages, provided))
            todo.extend(graph[p])
    ref = {p: purl(packages[p]) for p in graph}
    components = []
    for p in sorted(graph):
        d = packages[p]
        c = {"type": "library", "bom-ref": ref[p], "name": p, "version": d["Version"], "purl": ref[p], "scope": "required",
             "properties": [{"name": "debian:source", "value": "%s %s" % (d["source:Package"], d["source:Version"])},
                            {"name": "easgate:linked", "value": "directly" if p in direct else "indirectly"}]}
        known = licences(p)
        if known:
            c["licenses"] = known
        components.append(c)
    me = "pkg:deb/debian/%s@%s?arch=%s" % (name, version, arch)
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": when,
            "tools": {"components": [{"type": "application", "name": "packaging/deb/sbom.py"}]},
            "component": {"type": "application", "bom-ref": me, "name": name, "version": version, "purl": me,
                          "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components + [f for f, _ in files],
        "dependencies": [{"ref": me, "dependsOn": [f["bom-ref"] for f, _ in files]}] +
                        [{"ref": f["bom-ref"], "dependsOn": [ref[o] for o in linked]} for f, linked in files] +
                        [{"ref": ref[p], "dependsOn": [ref[d] for d in graph[p]]} for p in sorted(graph)]}
    bom["serialNumber"] = "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True)))
    os.makedirs(os.path.dirname(output), exist_ok=True)
    with open(output, "w", encoding="utf-8") as f:
        json.dump(bom, f, indent=1)
        f.write("\n")
    os.chmod(output, 0o644)


main()
