#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment: the next run ends with the database of an undisturbed one. Once over a scan
of many devices, once over writes, where Exchange's lists count too.

usage: kill.py BUILD-DIRECTORY [DEVICES [KILLS [SEED]]]
"""
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import faultlab
from faultlab import Lab, check

BUILD = sys.argv[1]
DEVICES = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 10
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261125

# Views without numbers of rows and runs, and without times of ours.
VIEWS = (
    "SELECT key, mailbox, user, smtp, display_name, device_id, type, model, os, friendly_name, user_agent, access, access_reason,"
    " listed, ours, first_sync, last_sync, verdict, reason, row, managed_device, compliance, next_change FROM v_devices ORDER BY key",
    "SELECT device, mailbox, user, device_id, row, action, reason, mail, managed_device, cross_user FROM v_decisions ORDER BY device",
    "SELECT mailbox, user, smtp, why FROM v_unmatched ORDER BY 1, 2, 3",
)
# A run that was killed has left its plan behind, marked as such.
PLAN = "SELECT DISTINCT device, verb, row FROM v_actions WHERE state='%s' ORDER BY 1"


def database(lab, state):
    return [lab.rows(sql) for sql in VIEWS] + [lab.rows(PLAN % state)]


def fresh(lab, name):
    lab.db = os.path.join(lab.home, name, "contoso.db")
    os.mkdir(os.path.dirname(lab.db), 0o700)


def command(lab, *args):
    return [lab.exe, "sync", "contoso", "--limit", "0", *args, "--config", lab.config, "--state-dir", os.path.dirname(lab.db)]


def whole(lab, *args):
    began = time.monotonic()
    r = subprocess.run(command(lab, *args), capture_output=True, text=True, timeout=600)
    if r.returncode not in (0, 10):
        print(r.stdout[-2000:], r.stderr[-2000:])
    return r.returncode, time.monotonic() - began


def killed(lab, after, *args):
    """Program and worker, both at once. Returns where it was."""
    p = subprocess.Popen(command(lab, *args), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        p.wait(after)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    p.wait()
    try:
        return "%s of %s" % (lab.last_run().get("step"), lab.last_run().get("status"))
    except sqlite3.OperationalError:
        return "an empty file"


def scans():
    rnd = random.Random(SEED)
    with Lab(BUILD, devices=DEVICES, mode="audit") as lab:
        fresh(lab, "undisturbed")
        code, seconds = whole(lab, "--full")
        check("undisturbed scan: exit code", code, 0)
        want = database(lab, "planned")
        print("%d devices, undisturbed in %.1f s; seed %d" % (DEVICES, seconds, SEED), flush=True)
        check("undisturbed scan: every device", len(want[0]), DEVICES)
        for n in range(KILLS):
            after = rnd.uniform(0.02, 1) * seconds
            fresh(lab, "kill%d" % n)
            at = killed(lab, after, "--full")
            code, again = whole(lab, "--full")
            what = "kill %d after %.2f s" % (n, after)
            print("%s: at %s; the next run took %.1f s" % (what, at, again), flush=True)
            check(what + ": the next run's exit code", code in (0, 10))
            for i, (a, b) in enumerate(zip(database(lab, "planned"), want)):
                if a != b:
                    check("%s: view %d" % (what, i), ([r for r in a if r not in b][:2], len(a)),
                          ([r for r in b if r not in a][:2], len(b)))
            check(what + ": the file is sound", [r["integrity_check"] for r in lab.rows("PRAGMA integrity_check")], ["ok"])


def writes():
    rnd = random.Random(SEED + 1)
    want = None
    now = int(time.time())  # the same population in each lab, its dates too
    for n in range(-1, KILLS // 2):
        with Lab(BUILD, "--now", now, devices=150) as lab:
            lab.fault("slow:10")
            fresh(lab, "state")
            what, at = "undisturbed writes", ""
            if n >= 0:
                after = rnd.uniform(0.1, 1) * seconds
                what = "kill %d of writes after %.2f s" % (n, after)
                at = killed(lab, after, "--full")
            code, took = whole(lab, "--full")
            check(what + ": exit code", code in (0, 10))
            stats = lab.stats()
            got = (lab.lists(), database(lab, "done")[:3], lab.rows("SELECT mailbox, device_id, list, row, reason, before FROM v_ledger ORDER BY 1, 2"))
            if n < 0:
                want, seconds, changes = got, took, stats["list_changes"]
                check(what + ": something is written", changes > 10)
                continue
            print("%s: at %s" % (what, at), flush=True)
            check(what + ": Exchange's lists", got[0] == want[0])
            for i, (a, b) in enumerate(zip(got[1], want[1])):
                if a != b:
                    check("%s: view %d" % (what, i), [r for r in a if r not in b][:2], [r for r in b if r not in a][:2])
            check(what + ": the ledger", got[2], want[2])
            check(what + ": each entry was written once", stats["list_changes"], changes)


def main():
    faultlab.need(BUILD)
    scans()
    writes()
    return faultlab.done()


sys.exit(main())
