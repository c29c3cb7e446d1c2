# SPDX-License-Identifier: Apache-2.0
"""From audit through rings to enforce, and back by release: no compliant device is blocked at any
step, by the lab's own verdict, and nothing of ours is left at the end. Every run is decided again
at the end, and must come to the same.

    rehearsal.py BUILD [DEVICES]"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from organisation import Organisation  # noqa: E402

GRACE = 3  # days: as long is the grace period of the simulated organisation
DEVICES = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
o = Organisation(sys.argv[1], DEVICES)
check, easgate, devices, lists, edit = o.check, o.easgate, o.devices, o.lists, o.edit


def compliant(d):
    """As the device manager sees it, for a person whom the policy is about."""
    return (d["licensed"] and d["targeted"] and not d["exempt"] and d["managed"] and d["management"] == "managed"
            and d["agent"] != "eas" and (d["compliance"] == "compliant" or d["compliance"] == "inGracePeriod" and o.days < GRACE))


def step(what):
    """Nobody who is compliant, and had access at the start, is locked out."""
    now = devices()
    out = [(d["upn"], d["device_id"], d["type"], d["agent"], d["compliance"]) for k, d in now.items() if compliant(d) and d["state"].lower() in ("blocked", "quarantined")
           and start[k]["state"].lower() not in ("blocked", "quarantined") and unambiguous(d)]
    blocked = sum(d["state"].lower() == "blocked" for d in now.values())
    check("%s: compliant devices that are locked out" % what, out, [])
    print("%4d s  %-34s %6d blocked" % (o.seconds(), what, blocked), flush=True)
    return blocked


def unambiguous(d):
    """Not a scenario of the first mailboxes: an id in two mailboxes, or another user's record."""
    return ids[d["device_id"].upper()] == 1 and d["guid"] not in others


def others_records():
    """The lab has a few such devices, and no more than that may be excused."""
    found = [r[0] for r in o.sql("SELECT device FROM v_decisions WHERE cross_user = 1")]
    single = [g for g in found if [d for d in start.values() if d["guid"] == g and ids[d["device_id"].upper()] == 1]]
    check("%d devices with another user's record are a few" % len(single), 1 <= len(single) <= 1 + DEVICES // 500)
    return single


def held():
    status = json.loads(easgate("status", "contoso", "--json"))
    return [h["run"] for h in status["organizations"][0]["held"]]


try:
    edit(r"^mode: enforce", "mode: audit") if "mode: enforce" in open(o.org_file).read() else None
    start, before = devices(), lists()
    ids, others = {}, []
    for d in start.values():
        ids[d["device_id"].upper()] = ids.get(d["device_id"].upper(), 0) + 1
    at_first = step("the start")

    easgate("sync", "contoso", "--full", "--limit", "1")
    check("audit writes nothing", lists() == before)
    others = others_records()
    step("audit")

    edit(r"^mode: audit", "mode: enforce")
    o.append("rings:\n  canary: { percent: 10, blast_percent: 10 }\n  rest: { delay: 3d, blast_percent: 5 }\n")
    plan = os.path.join(o.home, "canary.plan")
    easgate("plan", "contoso", "--out", plan, "--limit", "1", want=(2,))
    easgate("apply", "contoso", plan, "--limit", "1")
    canary = step("canary ring")
    check("the canary ring blocks some", canary > at_first)
    check("and by far not all", canary - at_first < DEVICES / 20)
    now = lists()
    easgate("apply", "contoso", plan, "--limit", "1")
    check("applied twice it changes nothing", lists() == now)

    o.days = 4
    easgate("sync", "contoso", "--full", "--limit", "1")
    waiting = held()
    check("the brake of the ring holds the rest", len(waiting), 1)
    step("rest, held")  # in the canary ring grace periods have ended meanwhile
    now = lists()
    check("what is held is not written", [(m, d) for m, d in o.sql("SELECT mailbox, device_id FROM v_actions WHERE state = 'held'")
                                          if d in now[m][1]], [])
    for run in waiting:
        easgate("approve", "contoso", run, "--limit", "1")
    everybody = step("rest, approved")
    check("the rest is enforced", everybody > canary)
    easgate("plan", "contoso", "--limit", "1")

    edit(r"^mode: enforce", "mode: audit")
    out = easgate("release", "contoso", "--limit", "1")
    check("release says that nothing is left", "nothing of ours is left in Exchange" in out)
    check("everybody has what he had", step("released"), at_first)
    after = lists()
    check("the difference is empty", {m: (before[m], after[m]) for m in before if before[m] != after[m]}, {})
    easgate("audit", "contoso", "verify")
    for run, kind in o.sql("SELECT run, kind FROM v_runs WHERE decided IS NOT NULL ORDER BY run_no"):
        r = json.loads(easgate("replay", "contoso", run, "--json"))
        check("the %s run is decided again bit for bit" % kind, [r["differ"], r["partial"]], [0, 0])
    print("%4d s  every run decided again" % o.seconds(), flush=True)
finally:
    o.close()
sys.exit(o.report())
