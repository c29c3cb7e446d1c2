# SPDX-License-Identifier: Apache-2.0
"""Saved plans that became stale, said row by row; applied twice; approved in part. Entries of another
tool, taken over by device, by file and by list, and given back.

    plan.py BUILD [DEVICES]"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from organisation import Organisation  # noqa: E402

o = Organisation(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300)
check, easgate, sql, lists = o.check, o.easgate, o.sql, o.lists


def set_lab(**what):
    o.ask("/set", json.dumps(what).encode())


def moved(text):
    """The rows of what moved: {device id: (verb, why)}."""
    rows, on = {}, False
    for line in text.splitlines():
        if line.startswith("what moved since"):
            on = True
        elif on and line.startswith("  ") and "DEVICE ID" not in line:
            f = line.split(None, 2)
            rows[f[0]] = (f[1], f[2].strip())
    return rows


try:
    easgate("sync", "contoso", "--full", "--limit", "1")
    o.edit(r"^mode: audit", "mode: enforce")
    o.append("brakes: { blast_devices: 400, blast_percent: 50 }\n")

    # ---- a plan that is stale ----
    plan = os.path.join(o.home, "one.plan")
    easgate("plan", "contoso", "--out", plan, "--limit", "1", want=(2,))
    before = lists()
    gone = sql("SELECT device, device_id, managed_device FROM v_decisions WHERE row = 'D14' AND cross_user = 0 LIMIT 2")
    new = sql("SELECT device, device_id, managed_device FROM v_decisions WHERE row = 'D19' AND managed_device IN"
              " (SELECT managed_device FROM v_decisions GROUP BY 1 HAVING count(*) = 1) LIMIT 1")[0]
    set_lab(managed=gone[0][2], compliance="compliant")
    set_lab(device=gone[1][0], remove=True)
    set_lab(managed=new[2], compliance="noncompliant")
    out = easgate("apply", "contoso", plan, want=(1,))
    rows = moved(out)
    check("a block that is not wanted any more is named: " + out[-600:], rows.get(gone[0][1]), ("block", "it would not be done any more"))
    check("a partnership that is gone is named", rows.get(gone[1][1]), ("block", "the partnership is gone"))
    check("a block that is new is named", rows.get(new[1]), ("block", "not in the plan"))
    check("and nothing else moved", len(rows), 3)
    check("nothing was written", lists(), before)
    check("the error says so: " + o.errors, "plan" in o.errors)
    a = json.loads(easgate("apply", "contoso", plan, "--json", want=(1,)))
    check("the same in JSON", a["exit_code"], 1)

    # ---- one that is not ----
    easgate("plan", "contoso", "--out", plan, "--limit", "1", want=(2,))
    saved = open(plan).read()
    with open(plan, "w") as f:
        f.write(saved.replace('"verb": "block"', '"verb": "allow"', 1) if '"verb": "block"' in saved else saved.replace('block', 'allow', 1))
    easgate("apply", "contoso", plan, want=(1, 30))
    check("a plan that was changed by hand is refused: " + o.errors[-200:], lists(), before)
    with open(plan, "w") as f:
        f.write(saved)
    o.append("# a remark changes nothing that is decided, but it is another file\n")
    easgate("apply", "contoso", plan, want=(1, 30))
    check("a plan of another configuration is refused: " + o.errors[-200:], "configuration" in o.errors)
    check("and nothing was written", lists(), before)
    easgate("plan", "contoso", "--out", plan, "--limit", "1", want=(2,))
    easgate("apply", "contoso", plan, "--limit", "1")
    done = lists()
    check("the plan was carried out", done != before)
    again = json.loads(easgate("apply", "contoso", plan, "--json"))
    check("applied twice it changes nothing", [lists(), again["run"]["applied"]], [done, "0" if isinstance(again["run"]["applied"], str) else 0])
    easgate("plan", "contoso", "--limit", "1", want=(0,))
    easgate("release", "contoso", want=(30, 1))
    check("released in mode enforce it would all come back: " + o.errors[-200:], lists(), done)

    # ---- entries of another tool ----
    boxes = sql("SELECT DISTINCT mailbox, user, device_id FROM v_decisions WHERE row = 'D19' AND user IS NOT NULL GROUP BY user LIMIT 6")
    for mailbox, user, device_id in boxes:
        set_lab(mailbox=mailbox, allowed=[device_id])
    easgate("sync", "contoso", "--full", "--limit", "1")
    with_theirs = lists()
    row_of = lambda d: sql("SELECT row FROM v_decisions WHERE mailbox = ? AND device_id = ?", d[0], d[2])[0][0]
    check("an entry of somebody else stands", {row_of(d) for d in boxes}, {"D07"})
    easgate("adopt", "contoso", "--list", "allowed", "--device", boxes[0][2], "--dry-run", want=(2,))
    check("a dry run takes nothing over", sql("SELECT count(*) FROM v_ledger WHERE adopted <> 'none'")[0][0], 0)
    easgate("adopt", "contoso", "--list", "allowed", "--device", boxes[0][2])
    check("by device", sql("SELECT device_id, list, before, adopted FROM v_ledger WHERE adopted <> 'none'"),
          [(boxes[0][2], "allowed", "allowed", "allowed")])
    csv = os.path.join(o.home, "entries.csv")
    with open(csv, "w") as f:
        f.write("mailbox,device_id,list\n# of the old connector\n%s,%s,allowed\n\"%s\",%s\n%s,%s,blocked\n%s,NOSUCHDEVICE1,allowed\n"
                % (boxes[1][0], boxes[1][2], boxes[2][1], boxes[2][2].lower(), boxes[3][0], boxes[3][2], boxes[4][0]))
    easgate("adopt", "contoso", "--list", "allowed", "--file", csv, want=(1,))
    check("by file: by id, by name, not the other list", sorted(r[0] for r in sql("SELECT device_id FROM v_ledger WHERE adopted <> 'none'")),
          sorted(b[2] for b in boxes[:3]))
    check("what was not found is told", sql("SELECT count(*) FROM v_audit WHERE event = 'ledger.not_found' AND detail LIKE '%NOSUCHDEVICE1%'")[0][0], 1)
    with open(csv, "w") as f:
        f.write("mailbox,device_id,list\nx,y,sometimes\n")
    easgate("adopt", "contoso", "--file", csv, want=(30,))
    check("a mistake has its line: " + o.errors[-200:], "entries.csv:2: the third field is allowed or blocked" in o.errors)
    check("Exchange was not asked", lists(), with_theirs)
    easgate("sync", "contoso", "--full", "--limit", "1")
    now = lists()
    check("what was taken over follows the decision", [boxes[k][2] in now[boxes[k][0]][0] for k in range(6)], [False] * 3 + [True] * 3)
    easgate("adopt", "contoso", "--list", "allowed")
    check("by list: all the rest", sql("SELECT count(*) FROM v_ledger WHERE adopted = 'allowed'")[0][0] >= 3)

    # ---- and back ----
    o.edit(r"^mode: enforce", "mode: audit")
    out = easgate("release", "contoso", "--limit", "1")
    check("nothing of ours is left", sql("SELECT count(*) FROM v_ledger")[0][0], 0)
    now = lists()
    check("entries that were taken over and still stood are there", [boxes[k][2] in now[boxes[k][0]][0] for k in range(3, 6)], [True] * 3)
    check("no block of ours is left", {m: (before[m], now[m]) for m in before if before[m][1] != now[m][1]}, {})

    # ---- held, and let go one by one ----
    o.edit(r"^mode: audit", "mode: enforce")
    o.edit(r"^brakes: .*$", "brakes: { blast_devices: 1, blast_percent: 1 }")
    easgate("sync", "contoso", "--full", "--limit", "1")
    held = sql("SELECT run, device, device_id, mailbox FROM v_actions WHERE state = 'held' ORDER BY device")
    check("the brake holds them", len(held) > 3)
    run = held[0][0]
    easgate("approve", "contoso", run[:8], "--device", held[0][1], "--device", held[1][2])
    left = sql("SELECT count(*) FROM v_actions WHERE state = 'held'")[0][0]
    check("two went, the others did not", len(held) - left, 2)
    now = lists()
    check("just these are blocked", [held[k][2] in now[held[k][3]][1] for k in range(3)], [True, True, False])
    easgate("approve", "contoso", run[:8], "--limit", "1")
    check("the rest in whole", sql("SELECT count(*) FROM v_actions WHERE state = 'held'")[0][0], 0)
    easgate("approve", "contoso", run[:8], want=(1,))
    easgate("audit", "contoso", "verify")
finally:
    o.close()
sys.exit(o.report())
