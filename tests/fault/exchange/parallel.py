#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""parallel: N. The same lists and rows as one session leaves, sooner; bounded by what the server
grants; a session that is lost takes no other with it and doubles no write.

usage: parallel.py BUILD-DIRECTORY [DEVICES [LATENCY-MS]]
"""
import sys
import time

import faultlab
from faultlab import Lab, check

BUILD = sys.argv[1]
DEVICES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
LATENCY = int(sys.argv[3]) if len(sys.argv) > 3 else 40
ROWS = "SELECT device_id, access, access_reason FROM v_devices ORDER BY 1, 2, 3"


def lab_of(n, *options, **more):
    lab = Lab(BUILD, *options, devices=DEVICES, **more)
    lab.edit(r"^  module: exchange-.*\n", "  module: exchange-%s\n  parallel: %d\n" % (lab.info["profile"], n))
    return lab


def timed(lab, *args):
    before, start = lab.stats(), time.monotonic()
    code, run, out = lab.sync(*args)
    took, after = time.monotonic() - start, lab.stats()
    return code, run, out, took, after["exchange_requests"] - before["exchange_requests"], after


def fresh(n):
    """A full sync that writes, and a quick one after a third of the devices changed."""
    with lab_of(n) as lab:
        lab.fault("slow:%d" % LATENCY)
        code, _, out, full, requests, stats = timed(lab, "--full")
        check("parallel %d: full: exit code; %s" % (n, out[-300:]), code, 0)
        check("parallel %d: every pipeline was released" % n, stats["pipelines_terminated"], stats["pipelines"])
        check("parallel %d: every shell was deleted" % n, stats["shells_open"], 0)
        check("parallel %d: sessions" % n, stats["shells_peak"], n)
        changes = stats["list_changes"]
        lab.set(touch_devices=DEVICES // 3)
        code, _, out, quick, more, stats = timed(lab, "--quick")
        check("parallel %d: quick: exit code; %s" % (n, out[-300:]), code in (0, 10))
        check("parallel %d: quick: every pipeline was released" % n, stats["pipelines_terminated"], stats["pipelines"])
        print("parallel %d: full %.1f s, %d requests; quick %.1f s, %d requests; %d ms latency" %
              (n, full, requests, quick, more, LATENCY), flush=True)
        return lab.lists(), lab.rows(ROWS), changes, full


def granted():
    with lab_of(8, "--fault", "quota-shells:2") as lab:
        code, _, out, _, _, stats = timed(lab, "--full")
        check("two shells granted: exit code; %s" % out[-300:], code, 0)
        check("two shells granted: never more", stats["shells_peak"] <= 2)
        check("two shells granted: all deleted", stats["shells_open"], 0)
        yield lab.lists()
    with lab_of(4, "--throttle") as lab:
        code, _, out, _, _, stats = timed(lab, "--full")
        check("throttled: exit code; %s" % out[-300:], code, 0)
        check("throttled: all deleted", stats["shells_open"], 0)
        yield lab.lists()
    with lab_of(3, "--profile", "hosted") as lab:
        code, _, out, _, _, stats = timed(lab, "--full")
        check("hosted: exit code; %s" % out[-300:], code, 0)
        check("hosted: three sessions at most", stats["shells_peak"] <= 3)
        check("hosted: the tenant's budget was waited for", stats["over_budget"] > 0)
        yield lab.lists()


def lost(lists, changes):
    """A connection is reset in the midst of the writes, at different moments."""
    for fault in ("reset:Command@25", "reset:Receive@31", "reset:Signal@28", "lost-shell:Command@30"):
        with lab_of(4) as lab:
            lab.fault(fault)
            lab.sync("--full")
            lab.heal()
            for _ in range(3):
                code, run, out = lab.sync("--full")
                if code in (0, 10) and lab.lists() == lists:
                    break
            stats = lab.stats()
            check("%s: the next runs settle it; %s" % (fault, out[-200:]), lab.lists() == lists)
            check("%s: no write was doubled" % fault, stats["list_changes"], changes)
            check("%s: no shell is left but the lost one" % fault, stats["shells_open"] <= 1)


faultlab.need(BUILD)
one_lists, one_rows, one_changes, one_time = fresh(1)
lists, rows, changes, took = fresh(4)
check("the same lists", lists == one_lists)
check("the same rows", rows == one_rows)
check("the same number of changes", changes, one_changes)
check("sooner: %.1f s, not %.1f s" % (took, one_time), took < 0.85 * one_time)
for got in granted():
    check("bounded: the same lists", got == one_lists)
lost(one_lists, one_changes)
sys.exit(faultlab.done())
