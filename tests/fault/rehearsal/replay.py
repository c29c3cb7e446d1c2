# SPDX-License-Identifier: Apache-2.0
"""Runs of the past: decided again bit for bit, by another policy, and explained as they stood; rules
and rings by groups of the device manager's directory.

    replay.py BUILD [DEVICES]"""
import json
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from organisation import Organisation  # noqa: E402

o = Organisation(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300)
check, easgate, sql = o.check, o.easgate, o.sql


def replay(run, *args, want=(0,)):
    return json.loads(easgate("replay", "contoso", run, "--json", *args, want=want))


def same(run, what):
    r = replay(run)
    check("%s: devices" % what, r["devices"] > o.devices_asked * 9 // 10)
    check("%s: all the same again" % what, [r["differ"], r["partial"], r["unread"]], [0, 0, 0])


def policy_file(text):
    path = os.path.join(o.home, "other.yaml")
    with open(path, "w") as f:
        f.write(text)
    return path


try:
    group = o.info["nested_group"]
    said = easgate("sync", "contoso", "--full", "--limit", "1")
    check("the first audit says how many devices carry an EAS id: " + said[-400:],
          [any(line.startswith("  %-8s " % p) and " of " in line for line in said.splitlines()) for p in ("ios", "android")], [True, True])
    first = o.last_run()
    same(first, "the first run")

    # A ring of one group, and a rule on what clients say.
    o.append("""rings:
  canary: { group: %s, blast_percent: 50 }
  rest: { delay: 3d, blast_percent: 50 }
rules:
  pads: { match: { type: "iPad*", record: none }, action: block, owner: it }
  circle: { match: { group: [ %s ], compliance: noncompliant }, action: leave, owner: it, expires: 2100-01-01 }
""" % (group, group))
    easgate("sync", "contoso", "--full", "--limit", "1")
    members = sql("SELECT x.user, x.managed_device FROM v_history x WHERE x.member_of = ? AND x.row = 'D19'", group)
    check("two members with a compliant device", len(members) >= 2)
    o.ask("/set", json.dumps({"managed": members[0][1], "compliance": "noncompliant"}).encode())
    o.ask("/set", json.dumps({"managed": members[1][1], "management": "retirePending"}).encode())
    o.edit(r"^mode: audit", "mode: enforce")
    easgate("sync", "contoso", "--full", "--limit", "1")
    second = o.last_run()
    in_group = {u for (u,) in sql("SELECT DISTINCT user FROM v_history WHERE member_of = ?", group)}
    check("the group has members with devices", len(in_group) > 0)
    ours = {u for (u,) in sql("SELECT DISTINCT user FROM v_ledger")}
    check("the canary ring is the group", ours, {members[1][0]})
    waits = sql("SELECT device, user, ring, opens_at FROM v_gate WHERE word = 'waits' AND ended_run_no IS NULL")
    check("the rest waits", len(waits) > 0 and all(w[2] == "rest" and w[3] for w in waits))
    check("nobody of the group waits", {w[1] for w in waits} & in_group, set())
    ruled = sql("SELECT user, action FROM v_decisions WHERE rule = 'circle'")
    check("the rule of the group decides for it alone", ruled, [(members[0][0], "leave")])
    check("and somebody else is not compliant", sql("SELECT count(*) > 0 FROM v_decisions WHERE row = 'D14'")[0][0], 1)
    same(first, "the first run, later")
    same(second, "with rings and rules")

    # Facts and the clock move on.
    device, user, _, opens = waits[0]
    easgate_says = easgate("explain", "contoso", device)
    check("explain says that its ring waits", "its ring, rest, is not enforced before" in easgate_says)
    for (managed,) in sql("SELECT managed_device FROM v_devices WHERE row = 'D19' LIMIT 12"):
        o.ask("/set", json.dumps({"managed": managed, "compliance": "noncompliant"}).encode())
    o.days = 4
    easgate("sync", "contoso", "--full", "--limit", "1")
    third = o.last_run()
    check("the gate is over", sql("SELECT count(*) FROM v_gate WHERE ended_run_no IS NULL")[0][0], 0)
    for run, what in ((first, "first"), (second, "second"), (third, "third")):
        same(run, "after four days, the %s run" % what)
    o.days = 5
    easgate("sync", "contoso", "--quick", "--limit", "1")
    same(o.last_run(), "a quick run")

    # As it stood then.
    past = json.loads(easgate("explain", "contoso", device, "--run", second[:10], "--json"))["devices"][0]
    check("then it was held back", [past["decision"]["gate"], past["decision"]["ring"], past["decision"]["opens_at"]], ["waits", "rest", opens])
    check("and comes to the same", past["same_again"], True)
    facts_at = sql("SELECT facts_at FROM v_runs WHERE run = ?", second)[0][0]
    by_name = {i["name"]: i for i in past["inputs"]}
    check("facts are as old as they were then", by_name["licence"]["as_of"], facts_at)
    check("and from whom", [by_name[n]["from"] for n in ("compliance", "foreign", "client", "override")],
          ["device manager", "Exchange", "the client's own claim", "configuration"])
    check("in words", "was not enforced before" in easgate("explain", "contoso", device, "--run", second))
    moved = sql("SELECT h.device_id, h.row FROM v_history h WHERE h.run = ? AND h.row = 'D14' LIMIT 1", third)
    was = json.loads(easgate("explain", "contoso", moved[0][0], "--run", first, "--json"))["devices"][0]
    check("its earlier row is still known", was["decision"]["row"] != "D14")

    # By another policy.
    none = replay(second, "--policy", policy_file("policy: { enabled: false }\n"), want=(2,))
    live = sql("SELECT count(*) FROM v_decisions WHERE action = 'block'")[0][0]
    check("a policy switched off blocks nobody", [m for m in none["moves"] if m["to"] in ("block", "allow")], [])
    check("and takes back blocks", [m["devices"] for m in none["moves"] if m["from"] == "block"][0] > live // 2)
    at_once = replay(second, "--policy", policy_file("""rings:
  canary: { group: %s }
  rest: { delay: 0 }
rules:
  pads: { match: { type: "iPad*", record: none }, action: block, owner: it }
  circle: { match: { group: [ %s ], compliance: noncompliant }, action: leave, owner: it }
""" % (group, group)), want=(2,))
    check("without the delay those who waited go", at_once["differ"], len(waits))
    check("and nothing else is different", {(d["recorded"]["row"] == d["replayed"]["row"], d["recorded"]["gate"], d["replayed"]["gate"])
                                            for d in at_once["differences"]}, {(True, "waits", None)})
    everybody = replay(first, "--policy", policy_file('rules:\n  all: { match: { group: %s }, action: leave, owner: it }\n' % group), want=(0, 2))
    check("a group that was not asked about then is no fact of that run", everybody["differ"], 0)
    by_file = replay(second, "--policy", o.org_file)
    check("the organisation's own file is a policy too", by_file["differ"], 0)

    # Whoever changes what was kept is found out.
    copy = os.path.join(o.home, "copy")
    shutil.copytree(os.path.join(o.directory, "state"), copy)
    db = sqlite3.connect(os.path.join(copy, "contoso.db"))
    db.execute("UPDATE decision SET managed_flags = managed_flags, enrolled = enrolled, verdict = (SELECT id FROM verdict WHERE row = 'D19' LIMIT 1)"
               " WHERE id = (SELECT d.id FROM decision d JOIN verdict v ON v.id = d.verdict WHERE v.row = 'R01' AND d.run = 2 LIMIT 1)")
    check("one row is changed", db.total_changes, 1)
    db.commit()
    db.close()
    check("and it differs", replay(second, "--state-dir", copy, want=(2,))["differ"], 1)

    # Words.
    check("an unknown run", "has no run" in (easgate("replay", "contoso", "ffffffff-0", want=(1,)) + o.errors))
    check("a run that does not know the device", "has no decision about" in (easgate("explain", "contoso", "nobody", "--run", first, want=(1,)) + o.errors))

    # A group that the directory does not have: nothing is decided, nothing is written.
    lists, decided = o.lists(), sql("SELECT count(*) FROM v_history")[0][0]
    o.edit(group + " \\]", "00000000-1111-4222-8333-444444444444 ]")
    easgate("sync", "contoso", "--full", "--limit", "1", want=(30,))
    check("the group is named: " + o.errors[-300:], "00000000-1111-4222-8333-444444444444" in o.errors)
    check("nothing was decided", sql("SELECT count(*) FROM v_history")[0][0], decided)
    check("nothing was written", o.lists(), lists)
    o.edit("00000000-1111-4222-8333-444444444444", group)
    easgate("sync", "contoso", "--full", "--limit", "1")
    easgate("audit", "contoso", "verify")
finally:
    o.close()
sys.exit(o.report())
