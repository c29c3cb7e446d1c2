#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three client access servers, the first behind a proxy that misbehaves: every failure of the wire,
while connecting, while listing and while writing; failover, fail-back, and no doubled write.

usage: failover.py BUILD-DIRECTORY [CASE...]
"""
import random
import sys

import faultlab
from faultlab import Lab, Toxic, check

BUILD = sys.argv[1]
SEED = 20261125
TIMEOUTS = "  timeout: { connect: 1s, operation: 1s }\nfailover: { module: cas-failover, enabled: true }"


def organisation(*options, enabled=True):
    lab = Lab(BUILD, "--cas", 3, *options)
    lab.edit(r"^failover:.*$", TIMEOUTS if enabled else TIMEOUTS.replace("enabled: true", "enabled: false"))
    return lab


def through(lab, port):
    lab.edit(r"^  server: .*$", "  server: localhost:%d" % port)


def undisturbed():
    with organisation() as lab:
        code, run, text = lab.sync("--full")
        check("undisturbed: exit code", (code, run["error"]), (0, None))
        s = lab.stats()
        return lab.lists(), s["cmdlets"]["Set-CASMailbox"], s["list_changes"]


faultlab.need(BUILD)
LISTS, WRITES, CHANGES = undisturbed()


def settle(lab, what):
    """What a disturbed run left is done by the next one; nothing was written twice."""
    code, run, text = lab.sync("--full")
    check(what + ": the next run ends well", (code in (0, 10), run["error"]), (True, None))
    if run["held"]:
        check(what + ": nothing is held", run["held"], 0)
    s = lab.stats()
    check(what + ": Exchange has what an undisturbed run leaves", lab.lists() == LISTS)
    check(what + ": each list entry was written once", s["list_changes"], CHANGES)
    check(what + ": each Set-CASMailbox ran once", s["cmdlets"]["Set-CASMailbox"], WRITES)


def known(lab, proxy):
    """Learns the servers in audit mode, then is ready to write."""
    through(lab, proxy.port)
    lab.edit(r"^mode: .*$", "mode: audit")
    code, run, text = lab.sync("--full")
    check("learning the servers", (code, run["endpoint"]), (0, "localhost:%d" % proxy.port))
    lab.edit(r"^mode: .*$", "mode: enforce")


def elsewhere(lab, proxy, what, code, run, text):
    check(what + ": the run ends well", (code, run["error"]), (0, None))
    check(what + ": another server took over", run["endpoint"] != "localhost:%d" % proxy.port)
    e = lab.endpoints()["localhost:%d" % proxy.port]
    check(what + ": the health says so", (e["state"], e["failures"] > 0, bool(e["last_error"])), ("down", True, True))
    if code:
        print(text)


def at_once(command):
    def case():
        with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
            known(lab, proxy)
            proxy(command)
            elsewhere(lab, proxy, command, *lab.sync("--full"))
            check(command + ": lists", lab.lists() == LISTS)
            check(command + ": writes", lab.stats()["cmdlets"]["Set-CASMailbox"], WRITES)
    return case


def frozen():
    """SIGSTOP: the kernel still accepts."""
    with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        known(lab, proxy)
        proxy.freeze()
        elsewhere(lab, proxy, "frozen", *lab.sync("--full"))
        check("frozen: lists", lab.lists() == LISTS)


def cut(kind, low, high, times):
    """In the middle: of the handshake, of a listing, of a write, as the seed has it."""
    def case():
        rnd = random.Random("%d %s" % (SEED, kind))
        for _ in range(times):
            n = rnd.randrange(low, high)
            what = "%s %d" % (kind, n)
            with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
                known(lab, proxy)
                proxy(what)
                code, run, text = lab.sync("--full")
                check(what + ": done, or a failure that says so", code in (0, 1, 20) and (code == 0 or bool(text)))
                proxy("pass")
                settle(lab, what)
    return case


def unavailable():
    with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        known(lab, proxy)
        lab.fault("503:Create@1")
        elsewhere(lab, proxy, "503", *lab.sync("--full"))


def no_such_name():
    with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        known(lab, proxy)
        lab.edit(r"^  server: .*$", "  server: cas1.contoso.invalid:443")
        code, run, text = lab.sync("--full")
        check("no such name: done elsewhere", (code, run["error"]), (0, None))
        e = lab.endpoints()["cas1.contoso.invalid:443"]
        check("no such name: the health says so", (e["state"], e["failures"]), ("down", 1))


def refused_credentials():
    for spec, code in (("401:Create", 30), ("403:Create", 30)):
        with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
            known(lab, proxy)
            lab.fault(spec)
            before = lab.stats()["connections"]
            got, run, text = lab.sync("--full")
            check(spec + ": on hold", got, code)
            check(spec + ": no other server is asked", run["endpoint"], "localhost:%d" % proxy.port)
            # The connections of both stats() are among them.
            check(spec + ": one connection", lab.stats()["connections"] - before <= 2)
            check(spec + ": nothing is written", lab.stats()["cmdlets"].get("Set-CASMailbox", 0), 0)


def switched_off():
    with organisation(enabled=False) as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        known(lab, proxy)
        proxy("refuse")
        code, run, text = lab.sync("--full")
        check("enabled: false: the run fails", (code, run["error_status"]), (20, "unreachable"))
        check("enabled: false: no other server", run["endpoint"], "localhost:%d" % proxy.port)


def fail_back():
    with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        primary = "localhost:%d" % proxy.port
        known(lab, proxy)
        proxy("refuse")
        elsewhere(lab, proxy, "fail-back: away", *lab.sync("--full"))
        second = lab.last_run()["endpoint"]
        # Still down, its rest is over: probed, without credentials, and left alone.
        lab.wait_for_rest(primary)
        failures = lab.stats()["auth_failures"]
        code, run, text = lab.sync("--quick")
        check("fail-back: still elsewhere", (code in (0, 10), run["endpoint"]), (True, second))
        check("fail-back: probed again", lab.endpoints()[primary]["failures"], 2)
        proxy("pass")
        lab.wait_for_rest(primary)
        code, run, text = lab.sync("--quick")
        check("fail-back: back on the primary", (code in (0, 10), run["endpoint"]), (True, primary))
        check("fail-back: healthy", lab.endpoints()[primary]["state"], "up")
        # The lab answers 401 to what bears none, and would take ours.
        check("fail-back: two probes, without credentials", lab.stats()["auth_failures"] - failures, 2)
        events = [r["event"] for r in lab.rows("SELECT event FROM v_audit WHERE subject=? AND event LIKE 'endpoint.%' ORDER BY rowid", primary)]
        check("fail-back: in the audit", events, ["endpoint.failed", "endpoint.failed", "endpoint.back"])


def all_gone():
    with organisation() as lab, Toxic(lab.info["cas_ports"][0]) as proxy:
        known(lab, proxy)
        proxy("refuse")
        for n in (1, 2, 3):
            lab.set(cas=n, down=True)
        code, run, text = lab.sync("--full")
        check("all gone: try later", (code, run["status"]), (20, "failed"))
        check("all gone: nothing is written", lab.stats()["cmdlets"].get("Set-CASMailbox", 0), 0)
        check("all gone: each is marked", [e["failures"] for e in lab.endpoints().values()], [1] * len(lab.endpoints()))


CASES = {
    "refuse": at_once("refuse"), "stall": at_once("stall"), "slow": at_once("slow"), "hold": at_once("hold 3000"),
    "frozen": frozen, "503": unavailable, "dns": no_such_name, "auth": refused_credentials, "off": switched_off,
    "fail-back": fail_back, "all": all_gone,
    "reset": cut("reset", 200, 90000, 3), "close": cut("close", 200, 90000, 2),
    "upreset": cut("upreset", 300, 60000, 4),
}


def main():
    print("seed %d; undisturbed: %d Set-CASMailbox, %d list changes" % (SEED, WRITES, CHANGES), flush=True)
    for name in sys.argv[2:] or CASES:
        print("- " + name, flush=True)
        CASES[name]()
    return faultlab.done()


sys.exit(main())
