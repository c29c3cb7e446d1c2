#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one offence for each check in a small tree and sees that it is found, and that the tree
without it is clean."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"
PAGE = ".TH easgate\\-state 5\n.SH NAME\neasgate\\-state \\- x\n.SH VIEWS\n.TP\n.B v_y\n%s\n"
CLEAN = {
    "core/policy/decide.c": HEAD + '#include "policy.h"\n',
    "core/policy/policy.h": HEAD,
    "core/store/store.h": HEAD,
    "sdk/include/easgate/abi.h": HEAD + "#include <stdint.h>\nextern uint32_t easg_x;\n",
    "plugins/lib/http/http.h": HEAD,
    "core/man/easgate.8": ".TH easgate 8\n.SH NAME\neasgate \\- x\n",
    "core/store/schema/0.sql": "-- SPDX-License-Identifier: Apache-2.0\nCREATE VIEW v_y AS SELECT 1 AS a, 2 AS b;\n",
    "core/man/easgate-state.5": PAGE % '.IR a ", "\n.I b\n(two)',
}
OFFENCES = [
    ("layers", "core/policy/decide.c", HEAD + '#include "store.h"\n', "may not know core/store"),
    ("layers", "core/policy/more.c", HEAD + "#include <curl/curl.h>\n", "belongs to plugins/lib/http alone"),
    ("layers", "core/policy/os.c", HEAD + "#ifdef _WIN32\n#endif\n", "core/platform only"),
    ("layers", "core/sync/store.h", HEAD, "is taken by"),
    ("banned", "core/policy/decide.c", HEAD + "void f(char *a){ strcpy(a, \"x\"); }\n", "strcpy() is banned"),
    ("headers", "sdk/include/easgate/abi.h", HEAD + "size_t missing;\n", "does not compile alone"),
    ("style", "core/policy/decide.c", "int x;\n", "licence line"),
    ("style", "core/policy/decide.c", HEAD + "int x; \n", "blanks at the end"),
    ("style", "core/policy/decide.c", HEAD + "/* TO" + "DO */\n", "left open"),
    ("manuals", "core/cli/cmd_sync.c", HEAD, "the verb sync is not in easgate.8"),
    ("manuals", "core/store/schema/1.sql", "-- SPDX-License-Identifier: Apache-2.0\nCREATE VIEW v_x AS SELECT 1;\n",
     "v_x is in no manual page"),
    ("manuals", "core/man/easgate-state.5", PAGE % ".I a", "v_y: not listed: b"),
    ("manuals", "core/man/easgate-state.5", PAGE % '.IR a ", " b ", " c .', "v_y: not listed: none; no such column: c"),
    ("manuals", "core/man/easgate-state.5", PAGE % '.IR a ", " b .\n.TP\n.B v_z\n.I a', "there is no view v_z"),
]


def run(check, tree):
    p = subprocess.run([sys.executable, os.path.join(HERE, "lint.py"), check, tree, tree], capture_output=True, text=True)
    return p.returncode, p.stdout


def write(tree, files):
    for rel, text in files.items():
        path = os.path.join(tree, rel)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


failed = 0
for check, rel, text, want in [(c, None, None, None) for c in ("layers", "banned", "headers", "style", "manuals")] + OFFENCES:
    with tempfile.TemporaryDirectory() as tree:
        write(tree, CLEAN)
        if rel:
            write(tree, {rel: text})
        code, out = run(check, tree)
        ok = (code == 1 and want in out) if rel else code == 0
        print("ok" if ok else "not ok", "-", check, "finds" if rel else "is silent on the clean tree", want or "")
        if not ok:
            failed += 1
            print(out)
sys.exit(1 if failed else 0)
