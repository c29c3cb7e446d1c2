#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that throttles: micro delays, a quota of shells that is used up for a while, a budget
that is exceeded. The run ends, slower, without an error.

usage: throttle.py BUILD-DIRECTORY
"""
import sys
import threading
import time

import faultlab
from faultlab import Lab, check

BUILD = sys.argv[1]


def plain():
    with Lab(BUILD, devices=150) as lab:
        began = time.monotonic()
        code, run, text = lab.sync("--full")
        check("plain: exit code", (code, run["error"]), (0, None))
        return lab.lists(), run["applied"], time.monotonic() - began


def micro_delays(lists, applied, seconds):
    with Lab(BUILD, "--throttle", devices=150) as lab:
        began = time.monotonic()
        code, run, text = lab.sync("--full")
        took = time.monotonic() - began
        print("micro delays and 429: %.1f s instead of %.1f s" % (took, seconds))
        check("--throttle: exit code", (code, run["error"]), (0, None))
        check("--throttle: the same lists", lab.lists() == lists)
        check("--throttle: as many changes", run["applied"], applied)
        check("--throttle: slower", took > seconds)
        if "throttles this account" not in text:
            check("--throttle: the log says so", text[-500:], "... throttles this account ...")
        check("--throttle: no failure", run["failed"] or 0, 0)


def quota(spec, what, word):
    """Used up for some seconds: other sessions of the account, as an administrator has them."""
    with Lab(BUILD, devices=60, mode="audit") as lab:
        lab.fault(spec)
        t = threading.Timer(6, lab.heal)
        t.start()
        code, run, text = lab.sync("--full")
        t.join()
        check(what + ": waits, then ends well", (code, run["error"]), (0, None))
        if word not in text:
            check(what + ": the log says so", text[-900:], word)


def budget(applied):
    """Cmdlets that do not begin, reading ones and writing ones, are asked again and run once."""
    with Lab(BUILD, devices=150) as lab:
        for spec in ("over-budget:Get-MobileDevice@1", "over-budget:Get-CASMailbox@3", "over-budget:Set-CASMailbox@2"):
            lab.fault(spec)
        code, run, text = lab.sync("--full")
        check("over budget: exit code", (code, run["error"], run["applied"]), (0, None, applied))
        check("over budget: each wait is told", text.count("throttled, waiting 1"), 3)


def main():
    faultlab.need(BUILD)
    lists, applied, seconds = plain()
    micro_delays(lists, applied, seconds)
    budget(applied)
    quota("quota-shells:0", "no shell is left", "throttled, waiting")
    quota("quota-commands:0", "no command is left", "throttled, waiting")
    return faultlab.done()


sys.exit(main())
