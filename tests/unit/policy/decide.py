# SPDX-License-Identifier: Apache-2.0
"""`easgate policy decide` against the table as data: a second way of deciding (conditions.tsv and
decision-table.tsv, first line that fits), in another language, through the program's own door.

    decide.py EASGATE SOURCE_DIR

Every pair of values of any two inputs occurs, and COMBINATIONS random ones; EASGATE_LONG=1 takes
every combination of the inputs of the table, 1,474,560 of them."""
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile

EASGATE, SOURCE = sys.argv[1:3]
COMBINATIONS = 20000
failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.500r\n  want: %.500r" % (what, got, want))


def table():
    lines = [l.rstrip("\n").split("\t") for l in open(os.path.join(SOURCE, "tests/unit/policy/conditions.tsv")) if l[0] != "#"]
    names = lines[0][1:]
    values = [v.split("|") for v in lines[1][1:]]
    rows = [(l[0], [None if c == "*" else set(c.split("|")) for c in l[1:]]) for l in lines[2:]]
    words = {}
    for l in open(os.path.join(SOURCE, "tests/data/decisions/decision-table.tsv")):
        f = l.rstrip("\n").split("\t")
        if f[0][:1] == "D" and f[0][1:].isdigit():
            words[f[0]] = f[1:4]
    return names, values, rows, words


names, values, rows, words = table()
check("conditions.tsv has 18 inputs", len(names), 18)
check("decision-table.tsv has 19 rows", len(words), 19)


def expected(v):
    for row, sets in rows:
        if all(s is None or x in s for s, x in zip(sets, v)):
            return row
    raise AssertionError("the table is not total: %r" % (v,))


def decide(lines, *args, stdin=False):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        f.write("".join(l + "\n" for l in lines))
        f.flush()
        if stdin:
            p = subprocess.run([EASGATE, "policy", "decide", "-", *args], stdin=open(f.name), capture_output=True, text=True)
        else:
            p = subprocess.run([EASGATE, "policy", "decide", f.name, *args], capture_output=True, text=True)
    return p.returncode, [json.loads(l) for l in p.stdout.splitlines()], p.stderr


def hold(vectors, what, stdin=False):
    code, out, errors = decide([json.dumps(dict(zip(names, v), id=str(i))) for i, v in enumerate(vectors)], stdin=stdin)
    check("%s: exit code (%s)" % (what, errors[:200]), code, 0)
    check("%s: a line each" % what, len(out), len(vectors))
    wrong, broken, seen = [], [], set()
    for v, o in zip(vectors, out):
        row = expected(v)
        seen.add(row)
        if [o["row"], o["action"], o["reason"], o["mail"]] != [row, *words[row]]:
            wrong.append((dict(zip(names, v)), o, row))
        i = dict(zip(names, v))
        whom = i["data"] == "ok" and i["policy"] == "on" and i["licence"] == "yes" and i["targeted"] == "yes" and i["exempt"] == "no"
        if o["action"] == "block" and not whom or o["mail"] != "none" and o["action"] != "block":
            broken.append((i, o))
        counts = i["compliance"] in ("compliant", "inGracePeriod") or i["compliance"] == "unknown-old" and i["unknown"] == "compliant" \
            or i["compliance"] == "configManager" and i["configmanager"] == "compliant"
        if o["action"] == "allow" and not (whom and i["record"] == "managed" and counts):
            broken.append((i, o))
    check("%s: decided as the table says" % what, wrong[:1], [])
    check("%s: the asserts hold" % what, broken[:1], [])
    return seen


# ---- the table ----
rnd = random.Random(20261125)
base = [v[0] for v in values]
pairs = []
for a, b in itertools.combinations(range(len(names)), 2):
    for x, y in itertools.product(values[a], values[b]):
        v = [rnd.choice(c) for c in values]
        v[a], v[b] = x, y
        pairs.append(v)
# half of them within the policy, where the rows are fine
LIVE = {"data": "ok", "policy": "on", "licence": "yes", "targeted": "yes", "exempt": "no", "foreign": "none"}
chosen = []
for n in range(COMBINATIONS):
    v = [rnd.choice(c) for c in values]
    if n % 2:
        v = [LIVE.get(name, x) for name, x in zip(names, v)]
    chosen.append(v)
seen = hold(pairs, "every pair") | hold(chosen, "random") | hold(chosen[:500], "standard input", stdin=True)
check("every row was reached", sorted(seen), sorted(words))
if os.environ.get("EASGATE_LONG"):
    table_inputs = [v if i < 15 else v[:1] for i, v in enumerate(values)]
    table_inputs[names.index("override")] = ["no", "yes"]
    count = 0
    every = itertools.product(*table_inputs)
    while chunk := list(itertools.islice(every, 100000)):
        count += len(chunk)
        hold(chunk, "every combination, up to %d" % count)
    check("all combinations", count, 1474560)

# ---- a mistake: named by line, and nothing is decided ----
for line, want in [('{"recrod": "managed"}', "did you mean record"), ('{"record": "manged"}', "'manged' is none of none, ambiguous"),
                   ('{"record": 3}', "'3' is none of"), ('{"record": "managed"', "column"), ('[]', "column"),
                   ('{"record": "none", "record": "none"}', ""), ('{"at": "tomorrow"}', "a time such as"),
                   ('{"expect": 3}', "a row (D11) or an action")]:
    code, out, errors = decide(['{"record": "none"}', "", line, '{"record": "managed"}'])
    check("%s: exit code" % line, code, 1)
    check("%s: nothing is decided" % line, out, [])
    check("%s: the line is named: %s" % (line, errors), ":3: " in errors and want in errors)

# ---- what must come out ----
check("as expected", decide(['{"record":"none","expect":"D11"}', '{"record":"none","expect":"block"}'])[0], 0)
code, out, errors = decide(['{"record":"none","expect":"allow"}'])
check("not as expected", [code, out[0]["as_expected"], "1 of 1 lines" in errors], [1, False, True])

# ---- a policy ----
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
    f.write("""policy: { override: "on", unsupported_platform: default }
rules:
  kiosk: { match: { user: "kiosk*", schedule: "mon-sun 00:00-24:00" }, action: allow, owner: it }
  board: { match: { group: [ 0F7B1D2E-5C1A-4F43-9C4E-0A7F3F6F3B11 ] }, action: leave, owner: it }
  old: { match: { user: "old*" }, action: allow, owner: it, expires: 2026-01-01 }
  tablet: { match: { model: "Tab*", record: none }, action: block, owner: it }
""")
    f.flush()
    rows_of = lambda out: [(o["row"], o["action"], o.get("rule")) for o in out]
    code, out, errors = decide(
        ['{"record":"managed"}', '{"record":"managed","override":"no"}', '{"record":"none","platform":"other"}',
         '{"record":"none","user":"KIOSK7@contoso.example"}', '{"record":"none","user":"kiosk7","foreign":"block"}',
         '{"record":"none","groups":"aaaaaaaa-5c1a-4f43-9c4e-0a7f3f6f3b11 0f7b1d2e-5c1a-4f43-9c4e-0a7f3f6f3b11"}',
         '{"record":"none","groups":"aaaaaaaa-5c1a-4f43-9c4e-0a7f3f6f3b11"}',
         '{"record":"none","user":"old1","at":"2025-12-31T23:59:59Z"}', '{"record":"none","user":"old1","at":"2026-01-01T00:00:00Z"}',
         '{"record":"none","model":"Tab 7"}', '{"record":"managed","model":"Tab 7"}',
         '{"record":"none","rule":"withdraw"}', '{"record":"managed","data":"stale","user":"kiosk1"}'], "--policy", f.name)
    check("by a policy: %s" % errors, code, 0)
    check("by a policy", rows_of(out), [
        ("D17", "allow", None), ("D19", "withdraw", None), ("D09", "withdraw", None), ("R01", "allow", "kiosk"), ("D06", "leave", None),
        ("R01", "leave", "board"), ("D11", "block", None), ("R01", "allow", "old"), ("D11", "block", None), ("R01", "block", "tablet"),
        ("D17", "allow", None), ("R01", "withdraw", None), ("D01", "leave", None)])
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
    f.write("policy: { overide: auto }\n")
    f.flush()
    code, out, errors = decide(['{"record":"none"}'], "--policy", f.name)
    check("a wrong policy: %s" % errors, [code, out, ":1:" in errors and "override" in errors], [30, [], True])

print("%d checks, %d failed" % (checks, failed))
sys.exit(1 if failed else 0)
