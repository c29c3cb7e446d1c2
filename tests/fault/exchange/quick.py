#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A quick sync costs in proportion to the change: requests, bytes and CPU beside those of a full
one, and the same rows as a full one leaves.

usage: quick.py BUILD-DIRECTORY [DEVICES [PER-MILLE]]
"""
import resource
import sys

import faultlab
from faultlab import Lab, check

BUILD = sys.argv[1]
DEVICES = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
CHANGED = DEVICES * (int(sys.argv[3]) if len(sys.argv) > 3 else 10) // 1000


def cost(lab, *args):
    before, used = lab.stats(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code, out = lab.run("sync", "contoso", "--limit", "1", *args, timeout=1200)
    after, now = lab.stats(), resource.getrusage(resource.RUSAGE_CHILDREN)
    check("%s: exit code" % (args,), code in (0, 10))
    if code not in (0, 10):
        print(out)
    got = {k: after[k] - before[k] for k in ("exchange_requests", "exchange_bytes", "pipelines", "objects", "graph_requests")}
    got["cpu_ms"] = round(1000 * (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime))
    got["run"] = lab.last_run()
    print("%-14s %7d requests %11d bytes %6d pipelines %7d objects %6d ms CPU; %d Graph requests" %
          (args[0], got["exchange_requests"], got["exchange_bytes"], got["pipelines"], got["objects"], got["cpu_ms"],
           got["graph_requests"]), flush=True)
    return got


def main():
    faultlab.need(BUILD)
    with Lab(BUILD, devices=DEVICES, mode="audit") as lab:
        first = cost(lab, "--full")
        full = cost(lab, "--full")
        idle = cost(lab, "--quick")
        lab.set(touch_devices=CHANGED)
        quick = cost(lab, "--quick")
        check("full: every device", full["run"]["devices"], lab.info["devices"])
        check("quick: the changed devices, not the others", quick["run"]["devices"] is not None and
              CHANGED <= quick["objects"] < 4 * CHANGED + 100)
        check("quick: bytes below a tenth of a full scan (%d of %d)" % (quick["exchange_bytes"], full["exchange_bytes"]),
              quick["exchange_bytes"] < full["exchange_bytes"] // 10)
        check("nothing changed: bytes below a fiftieth", idle["exchange_bytes"] < full["exchange_bytes"] // 50)
        rows = "SELECT * FROM v_devices ORDER BY 1, 2"
        after_quick = lab.rows(rows)
        lab.sync("--full")
        check("a full scan afterwards finds the same", [r for r in lab.rows(rows)] == after_quick)
        print("%d of %d changed: %.1f %% of the bytes, %.1f %% of the requests, %.1f %% of the CPU" %
              (CHANGED, DEVICES, 100 * quick["exchange_bytes"] / full["exchange_bytes"], 100 * quick["exchange_requests"] / full["exchange_requests"],
               100 * quick["cpu_ms"] / full["cpu_ms"]))
        check("first: every device is new", first["run"]["devices_new"], lab.info["devices"])
    return faultlab.done()


sys.exit(main())
