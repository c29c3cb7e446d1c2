# SPDX-License-Identifier: Apache-2.0
"""From audit through rings to enforce, and back by release: no compliant device is blocked at any
step, by the lab's own verdict, and nothing of ours is left at the end."""
import datetime
import json
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = sys.argv[1]
DEVICES = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
failed = checks = 0
begun = time.monotonic()


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.600r\n  want: %.600r" % (what, got, want), flush=True)


for name in ("bin/easgate", "bin/easgate-lab", "lib/easgate/plugins/exchange-onprem.so", "lib/easgate/plugins/intune.so"):
    if not os.path.exists(os.path.join(BUILD, name)):
        print("SKIPPED: %s is not built" % name)
        sys.exit(77)

home = tempfile.mkdtemp(prefix="rehearsal-")
directory = os.path.join(home, "lab")
lab = subprocess.Popen(
    [os.path.join(BUILD, "bin", "easgate-lab"), "--dir", directory, "--devices", str(DEVICES), "--seed", "11",
     "--default-access", "allow", "--quiet", "--until-stdin-closes"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert lab.stdout.readline() == "easgate-lab: ready\n"
info = json.load(open(os.path.join(directory, "lab.json")))
tls = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))
org_file = os.path.join(directory, "etc", "orgs.d", "contoso.yaml")
days = 0


def ask(path, data=None):
    with urllib.request.urlopen(info["graph"] + "/lab" + path, data, context=tls) as r:
        return r.read().decode()


def devices():
    ask("/speak", b"{}")
    return {(d["mailbox"], d["guid"]): d for d in map(json.loads, ask("/devices").splitlines())}


def lists():
    return {m["mailbox"]: (sorted(m["allowed"]), sorted(m["blocked"])) for m in map(json.loads, ask("/mailboxes").splitlines())}


def compliant(d):
    """As the device manager sees it, for a person whom the policy is about."""
    return (d["licensed"] and d["targeted"] and not d["exempt"] and d["managed"] and d["management"] == "managed"
            and d["agent"] != "eas" and d["compliance"] in ("compliant", "inGracePeriod"))


def easgate(*args, want=(0,)):
    env = dict(os.environ)
    if days:
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        env["EASGATE_TEST_NOW"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    p = subprocess.run([os.path.join(BUILD, "bin", "easgate"), *args, "--config", os.path.join(directory, "etc", "easgate.yaml")],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    check("easgate %s exits with one of %s: %s" % (" ".join(args), want, p.stderr[-900:]), p.returncode in want)
    return p.stdout


def edit(pattern, text):
    old = open(org_file).read()
    new = re.sub(pattern, lambda _: text, old, flags=re.M)
    assert new != old, pattern
    open(org_file, "w").write(new)


def step(what):
    """Nobody who is compliant, and had access at the start, is locked out."""
    now = devices()
    out = [(d["upn"], d["device_id"], d["type"], d["agent"], d["compliance"]) for k, d in now.items() if compliant(d) and d["state"].lower() in ("blocked", "quarantined")
           and start[k]["state"].lower() not in ("blocked", "quarantined") and unambiguous(d)]
    blocked = sum(d["state"].lower() == "blocked" for d in now.values())
    check("%s: compliant devices that are locked out" % what, out, [])
    print("%4d s  %-34s %6d blocked" % (time.monotonic() - begun, what, blocked), flush=True)
    return blocked


def unambiguous(d):
    """Not a scenario of the first mailboxes: an id in two mailboxes, or another user's record."""
    return ids[d["device_id"].upper()] == 1 and d["guid"] not in others


def others_records():
    """The lab has a few such devices, and no more than that may be excused."""
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(directory, "state", "contoso.db"), uri=True)
    found = [r[0] for r in db.execute("SELECT device FROM v_decisions WHERE cross_user = 1")]
    db.close()
    single = [g for g in found if [d for d in start.values() if d["guid"] == g and ids[d["device_id"].upper()] == 1]]
    check("%d devices with another user's record are a few" % len(single), 1 <= len(single) <= 1 + DEVICES // 500)
    return single


def held():
    status = json.loads(easgate("status", "contoso", "--json"))
    return [h["run"] for h in status["organizations"][0]["held"]]


try:
    edit(r"^mode: enforce", "mode: audit") if "mode: enforce" in open(org_file).read() else None
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
    with open(org_file, "a") as f:
        f.write("rings:\n  canary: { percent: 10, blast_percent: 10 }\n  rest: { delay: 3d, blast_percent: 5 }\n")
    plan = os.path.join(home, "canary.plan")
    easgate("plan", "contoso", "--out", plan, "--limit", "1", want=(2,))
    easgate("apply", "contoso", plan, "--limit", "1")
    canary = step("canary ring")
    check("the canary ring blocks some", canary > at_first)
    check("and by far not all", canary - at_first < DEVICES / 20)
    now = lists()
    easgate("apply", "contoso", plan, "--limit", "1")
    check("applied twice it changes nothing", lists() == now)

    days = 4
    easgate("sync", "contoso", "--full", "--limit", "1")
    waiting = held()
    check("the brake of the ring holds the rest", len(waiting), 1)
    check("what is held is not written", step("rest, held"), canary)
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
finally:
    lab.stdin.close()
    lab.wait(60)
    shutil.rmtree(home)
print("%d devices, %d checks, %d failed, %d s" % (DEVICES, checks, failed, time.monotonic() - begun))
sys.exit(1 if failed else 0)
