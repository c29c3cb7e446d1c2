#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that a script can check.

    lint.py layers|banned|headers|style|exports|manuals SOURCE BUILD

Each check prints `file:line: what, and what to do` and exits 1 when it found something; 77 with a
line SKIP when a tool is missing.
"""
import os
import re
import shutil
import sqlite3
import subprocess
import sys

# room -> rooms whose headers it may include. The product's rooms only; tests may know anything.
SUPPORT = {"sdk/support"}
LIB_BELOW = {
    "xml": [], "json": [],
    "http": ["xml", "json"],
    "auth": ["http", "xml", "json"],
    "oauth": ["http", "auth", "json", "xml"],
    "wsman": ["http", "auth", "oauth", "xml", "json"],
    "psrp": ["wsman", "http", "auth", "xml", "json"],
    "exchange": ["psrp", "wsman", "http", "auth", "xml", "json"],
    "ews": ["http", "auth", "oauth", "xml", "json"],
    "source": ["exchange", "ews", "psrp", "wsman", "http", "auth", "oauth", "xml", "json"],
    "graph": ["http", "auth", "oauth", "xml", "json"],
}
CORE = {
    "platform": [],
    "log": ["platform"],
    "policy": [],
    "config": ["platform", "log", "policy"],
    "store": ["platform", "log"],
    "plugin": ["config", "log", "platform", "store", "policy"],
    "mail": ["platform"],
    "sync": ["mail", "plugin", "store", "policy", "config", "log", "platform"],
    "worker": ["sync", "plugin", "store", "policy", "config", "log", "platform"],
    "supervisor": ["config", "store", "log", "platform", "policy"],
    "cli": ["sync", "supervisor", "worker", "mail", "plugin", "store", "policy", "config", "log", "platform"],
}
# header -> the only room that may include it
OWNED = {
    "curl/curl.h": "plugins/lib/http",
    "libxml/": "plugins/lib/xml",
    "cjson/": "plugins/lib/json",
    "gssapi/": "plugins/lib/auth",
    "sqlite3.h": "core/store",
    "yaml.h": "core/config",
}
BANNED = {
    "strcpy": "strbuf or memcpy", "strcat": "strbuf", "sprintf": "snprintf or strbuf_addf",
    "vsprintf": "vsnprintf", "gets": "fgets", "strtok": "strchr", "atoi": "text_parse_u64",
    "atol": "text_parse_u64", "system": "proc_spawn", "popen": "proc_spawn", "signal": "sigaction",
    "setlocale": "no locale", "chdir": "absolute paths", "LoadLibrary": "dl_open",
    "dlclose": "plugins are never unloaded", "assert": "xassert", "malloc": "mem_alloc",
    "calloc": "mem_array", "realloc": "mem_grow", "strdup": "mem_strdup", "strndup": "mem_dup",
}
PRODUCT = ("core/", "sdk/", "plugins/")


def files(source, endings, roots=("core", "sdk", "plugins", "tests")):
    for root in roots:
        for folder, dirs, names in os.walk(os.path.join(source, root)):
            dirs[:] = sorted(d for d in dirs if d not in ("bin", "obj", "node_modules", "data", "__pycache__"))
            for name in sorted(names):
                if name.endswith(endings):
                    path = os.path.join(folder, name)
                    yield os.path.relpath(path, source), path


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blank(text, strings=True):
    """Comments (and string contents) as spaces, so that columns and lines stay."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def spaces(m):
        s = m.group(0)
        if s[0] in "\"'" and not strings:
            return s
        return re.sub(r"[^\n]", " ", s)
    return re.sub(pattern, spaces, text, flags=re.S)


def room_of(rel):
    parts = rel.split("/")
    if rel.startswith("plugins/lib/"):
        return "/".join(parts[:3])
    if parts[0] == "plugins":
        return "/".join(parts[:2])
    if parts[0] == "sdk":
        return "/".join(parts[:2])
    if parts[0] == "core" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def allowed(room):
    parts = room.split("/")
    if room == "sdk/include":
        return set()
    if room == "sdk/support":
        return set()
    if parts[0] == "sdk":
        return SUPPORT | {"core/plugin", "core/config", "core/log", "core/platform", "core/policy"} \
            if parts[1] == "conformance" else SUPPORT
    if room.startswith("plugins/lib/"):
        return SUPPORT | {"plugins/lib/" + x for x in LIB_BELOW.get(parts[2], [])}
    if parts[0] == "plugins":
        return SUPPORT | {"plugins/lib/" + x for x in LIB_BELOW}
    if parts[0] == "core" and len(parts) == 2:
        return SUPPORT | {"core/" + x for x in CORE.get(parts[1], [])}
    return SUPPORT | {"core/" + x for x in CORE}


def layers(source, _build):
    bad = []
    owner = {}
    for rel, path in files(source, (".h",), ("core", "sdk", "plugins")):
        if rel.startswith("sdk/include/"):
            continue
        name = os.path.basename(rel)
        if name in owner:
            bad.append(f"{rel}:1: the name {name} is taken by {owner[name][1]}: choose another")
        owner[name] = (room_of(rel), rel)
    for rel, path in files(source, (".c", ".h"), ("core", "sdk", "plugins")):
        room = room_of(rel)
        for n, line in enumerate(blank(read(path), strings=False).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not m:
                continue
            header = m.group(2)
            for prefix, only in OWNED.items():
                # An example stands for somebody else's plugin: it brings its own libraries.
                if header.startswith(prefix) and room != only and not rel.startswith("sdk/examples/"):
                    bad.append(f"{rel}:{n}: {header} belongs to {only} alone")
            if m.group(1) == '"':
                base = os.path.basename(header)
                if base in owner and owner[base][0] != room and owner[base][0] not in allowed(room):
                    bad.append(f"{rel}:{n}: {room} may not know {owner[base][0]} ({header}); "
                               "see core/ARCHITECTURE.md, \"who may know whom\"")
        if room.startswith("sdk/include"):
            for n, line in enumerate(read(path).splitlines(), 1):
                m = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
                if m and m.group(1) not in ("stddef.h", "stdint.h"):
                    bad.append(f"{rel}:{n}: the ABI's headers include stddef.h and stdint.h only")
        if rel.startswith(PRODUCT) and not rel.startswith(("core/platform/", "plugins/lib/auth/")):
            for n, line in enumerate(read(path).splitlines(), 1):
                if re.match(r"\s*#\s*(if|ifdef|ifndef|elif).*\b(_WIN32|__linux__|__unix__|__APPLE__)\b", line) \
                        and not rel.startswith("sdk/include/"):
                    bad.append(f"{rel}:{n}: platforms are told apart in core/platform only")
    return bad


def banned(source, _build):
    bad = []
    pattern = re.compile(r"(?<![\w>.])(" + "|".join(BANNED) + r")\s*\(")
    for rel, path in files(source, (".c", ".h"), ("core", "sdk", "plugins")):
        raw = read(path).splitlines()
        for n, line in enumerate(blank(read(path)).splitlines(), 1):
            for m in pattern.finditer(line):
                if f"lint: allow {m.group(1)} because" in raw[n - 1]:
                    continue
                if m.group(1) == "signal" and "core/platform" in rel:
                    continue
                bad.append(f"{rel}:{n}: {m.group(1)}() is banned: {BANNED[m.group(1)]}, "
                           f"or /* lint: allow {m.group(1)} because ... */")
    return bad


def headers(source, _build):
    """Each public header compiles alone, as C99, C11, C2x and C++17."""
    bad = []
    include = os.path.join(source, "sdk/include")
    compilers = [("gcc", ["-std=c99"]), ("gcc", ["-std=c11"]), ("gcc", ["-std=c2x"]),
                 ("g++", ["-std=c++17", "-x", "c++"]), ("clang", ["-std=c11"]), ("clang", ["-std=c2x"])]
    compilers = [(c, o) for c, o in compilers if shutil.which(c)]
    if not compilers:
        print("SKIP: no compiler")
        sys.exit(77)
    for rel, path in files(source, (".h",), ("sdk/include",)):
        name = os.path.relpath(path, include)
        for compiler, options in compilers:
            p = subprocess.run([compiler, *options, "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", include,
                                "-fsyntax-only", "-"] if "-x" in options else
                               [compiler, *options, "-x", "c", "-Wall", "-Wextra", "-pedantic", "-Werror",
                                "-I", include, "-fsyntax-only", "-"],
                               input=f"#include <{name}>\nextern int easg_lint_unit;\n", text=True,
                               capture_output=True)
            if p.returncode:
                bad.append(f"{rel}:1: does not compile alone with {compiler} {' '.join(options)}: "
                           + p.stderr.strip().splitlines()[0])
    return bad


def style(source, _build):
    bad = []
    for rel, path in files(source, (".c", ".h", ".sh", ".py", ".cs", "CMakeLists.txt", ".cmake", ".sql"),
                           ("core", "sdk", "plugins", "tests", "etc", "packaging")):
        text = read(path)
        lines = text.splitlines()
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
            bad.append(f"{rel}:1: the licence line is missing: SPDX-License-Identifier: Apache-2.0")
        if text and not text.endswith("\n"):
            bad.append(f"{rel}:{len(lines)}: no line end at the end")
        for n, line in enumerate(lines, 1):
            if line.rstrip() != line:
                bad.append(f"{rel}:{n}: blanks at the end of the line")
            if rel.endswith((".c", ".h")):
                if "\t" in line:
                    bad.append(f"{rel}:{n}: a tab: indent with 4 spaces")
                if len(line) > 100 and "http" not in line and '"' not in line:
                    bad.append(f"{rel}:{n}: {len(line)} columns, more than 100")
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) and "tests/lint/" not in rel:
                bad.append(f"{rel}:{n}: left open: finish it")
    return bad


def exports(source, build):
    """A plugin exports easg_plugin_entry and nothing else."""
    bad = []
    folder = os.path.join(build, "lib/easgate/plugins")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    plugins = [n for n in names if n.endswith(".so")]
    if not plugins:
        return [f"{folder}: no plugin was built"]
    for name in plugins:
        out = subprocess.run(["nm", "-D", "--defined-only", os.path.join(folder, name)],
                             capture_output=True, text=True, check=True).stdout
        symbols = {line.split()[-1] for line in out.splitlines()}
        symbols = {s for s in symbols if not s.startswith(("__asan", "__odr_asan", "__sanitizer", "__ubsan"))}
        if symbols != {"easg_plugin_entry"}:
            bad.append(f"{name}: exports {sorted(symbols)[:8]}, not easg_plugin_entry alone")
    return bad


def columns(source, page):
    """The columns of each view, in order, as the schema makes them and as easgate-state(5) lists them: an
    item `.TP .B v_NAME` with every column in italics (.I, .IR)."""
    ours = set()  # functions that the program adds to SQL
    while True:
        db = sqlite3.connect(":memory:")
        for name in ours:
            db.create_function(name, -1, lambda *args: None)
        try:
            for rel, path in sorted(files(source, (".sql",), ("core/store",))):
                db.executescript(read(path))
            break
        except sqlite3.Error as e:
            missing = re.match(r"no such function: (\w+)", str(e))
            if not missing or missing.group(1) in ours:
                return [f"{rel}:1: {e}"]
            ours.add(missing.group(1))
    described, view = {}, None
    for line in page.splitlines():
        if line.startswith((".SH", ".SS")):
            view = None
        m = re.match(r"\.B (v_\w+)$", line)
        if m:
            view = m.group(1)
            described[view] = []
        m = re.match(r"\.(IR?) (.*)$", line)
        if m and view:
            words = re.findall(r'"[^"]*"|\S+', m.group(2))
            described[view] += [w for i, w in enumerate(words) if (m.group(1) == "I" or i % 2 == 0) and re.fullmatch(r"\w+", w)]
    bad = []
    for (view,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"):
        have = [c[1] for c in db.execute(f"PRAGMA table_info({view})")]
        told = described.pop(view, [])
        if have != told:
            bad.append(f"core/man/easgate-state.5:1: {view}: not listed: {', '.join(c for c in have if c not in told) or 'none'}; "
                       f"no such column: {', '.join(c for c in told if c not in have) or 'none'}; or the order is another one")
    bad += [f"core/man/easgate-state.5:1: there is no view {view}" for view in described]
    return bad


def manuals(source, _build):
    """Every verb, module, view and column has its place in a manual page, and the pages format cleanly."""
    bad = []
    pages = {}
    for rel, path in files(source, tuple(f".{n}" for n in range(1, 9)), ("core", "sdk", "plugins", "tests")):
        pages[rel] = read(path)
    text = "\n".join(pages.values()).replace("\\-", "-")
    main = next((t for r, t in pages.items() if r.endswith("easgate.8")), "").replace("\\-", "-")
    if not main:
        bad.append("core/man/easgate.8:1: missing")
    for rel, path in files(source, (".c",), ("core/cli",)):
        m = re.match(r"core/cli/cmd_(\w+)\.c$", rel)
        if m and m.group(1) != "worker" and m.group(1).replace("_", "-") not in main:
            bad.append(f"{rel}:1: the verb {m.group(1)} is not in easgate.8")
    for name in os.listdir(os.path.join(source, "plugins")):
        folder = os.path.join(source, "plugins", name)
        if name != "lib" and os.path.isdir(folder) and os.listdir(folder) \
                and not any(f"/easgate-{name}.7" in r for r in pages):
            bad.append(f"plugins/{name}:1: no manual page easgate-{name}.7")
    views = set()
    for rel, path in files(source, (".sql",), ("core/store",)):
        views |= set(re.findall(r"CREATE VIEW\s+(?:IF NOT EXISTS\s+)?(v_\w+)", read(path), re.I))
    for view in sorted(views):
        if view not in text:
            bad.append(f"core/store: the view {view} is in no manual page")
    bad += columns(source, next((t for r, t in pages.items() if r.endswith("easgate-state.5")), ""))
    man = shutil.which("man")
    if man:
        for rel in pages:
            p = subprocess.run([man, "--warnings", "-l", "-E", "UTF-8", "-Tutf8", "-Z", os.path.join(source, rel)],
                               capture_output=True, text=True, env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="100"))
            for line in p.stderr.splitlines()[:3]:
                bad.append(f"{rel}:1: {line}")
    return bad


CHECKS = {f.__name__: f for f in (layers, banned, headers, style, exports, manuals)}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    found = CHECKS[sys.argv[1]](sys.argv[2], sys.argv[3])
    for line in found[:200]:
        print(line)
    print(f"{sys.argv[1]}: {len(found)} found")
    sys.exit(1 if found else 0)
