#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Organisation policy and device commands, end to end: the program, the module and the lab's
Exchange. What Exchange decides is looked up beside the protocols (/lab/org, /lab/devices, counters).

usage: admin.py BUILD-DIRECTORY
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fault", "exchange"))
import faultlab  # noqa: E402
from faultlab import Lab, check  # noqa: E402

BUILD = sys.argv[1]
POLICY = """organization_policy:
  default_access_level: quarantine
  user_mail_insert: "Ask the help desk: 4711"
  admin_mail_recipients: [ b@contoso.example, a@contoso.example ]
  device_rules:
    device_type: { iPhone: allow, Palm: block }
  mailbox_policies:
    Default: { allow_simple_password: false, password_min_length: 8 }
"""


def org(lab):
    return json.loads(lab.ask("/org"))


def rules(lab):
    return {"%s:%s" % (r["by"], r["query"]): r["level"] for r in org(lab)["rules"]}


def sent(lab, cmdlet):
    return lab.stats()["cmdlets"].get(cmdlet, 0)


def changes(lab, state):
    return [r["name"] for r in lab.rows("SELECT name FROM v_org_changes WHERE state = ? ORDER BY name", state)]


def policy():
    with Lab(BUILD, devices=40, mode="enforce") as lab:
        before = org(lab)
        # without a word about it nothing is asked
        lab.sync("--full")
        check("absent: the rules are not even read", sent(lab, "Get-ActiveSyncDeviceAccessRule"), 0)
        lab.edit(r"^schedule:", POLICY + "schedule:")
        code, out = lab.run("config", "check")
        check("config check", (code, "7 items that are decided for everybody" in out), (0, True))
        plan = os.path.join(lab.home, "plan.json")
        code, out = lab.run("plan", "contoso", "--out", plan, "--json")
        shown = json.loads(out[out.index("{\n"):] if not out.startswith("{") else out)
        check("plan --json", sorted(c["name"] for c in shown["policy_changes"]),
              ["Default/allow_simple_password", "Default/password_min_length", "admin_mail_recipients",
               "default_access_level", "device_type:Palm", "device_type:iPhone", "user_mail_insert"])
        check("plan: nothing was changed", org(lab), before)
        # somebody else was faster: the plan is stale
        lab.tell("/org", {"rule": {"by": "DeviceType", "query": "iPhone", "level": "Block"}})
        code, out = lab.run("apply", "contoso", plan)
        check("apply of a plan that moved", (code, "plan is stale" in out, "device_type:iPhone" in out), (1, True, True))
        check("nothing of it was written", rules(lab).get("DeviceType:iPhone"), "Block")
        code, out = lab.run("plan", "contoso", "--out", plan)
        check("plan: exit code", code, 2)
        check("plan: what waits", "easgate approve contoso" in out and "--policy" in out)
        code, out = lab.run("apply", "contoso", plan)
        check("apply", code, 0)
        check("apply: what may go out did", changes(lab, "done"),
              ["admin_mail_recipients", "device_type:iPhone", "user_mail_insert"])
        held = ["Default/allow_simple_password", "Default/password_min_length", "default_access_level", "device_type:Palm"]
        check("apply: the rest is held", changes(lab, "held"), held)
        got = org(lab)
        check("Exchange: recipients", got["admins"], ["a@contoso.example", "b@contoso.example"])
        check("Exchange: text", got["user_mail"], "Ask the help desk: 4711")
        check("Exchange: default", got["level"], "Allow")
        code, run, _ = lab.sync("--full")
        check("second sync: empty", (code, run["planned"], run["applied"], run["held"]), (0, 0, 0, 4))
        code, out = lab.run("status", "contoso")
        check("status", "4 changes for everybody" in out)
        run = lab.rows("SELECT run FROM v_org_changes WHERE state = 'held' LIMIT 1")[0]["run"]
        check("approve without --policy is about devices", lab.run("approve", "contoso", run)[0], 1)
        check("... and Exchange stays", org(lab)["level"], "Allow")
        code, out = lab.run("approve", "contoso", run[:8], "--policy")
        got = org(lab)
        check("approve --policy", (code, got["level"], rules(lab)["DeviceType:Palm"]), (0, "Quarantine", "Block"))
        check("Exchange: mailbox policy", (got["policies"][0]["AllowSimplePassword"], got["policies"][0]["MinPasswordLength"],
                                           got["policies"][1]["MinPasswordLength"]), (0, 8, before["policies"][1]["MinPasswordLength"]))
        # what Exchange makes of it: no exemption, no rule -> the default; a rule wins over it
        states = {}
        for line in lab.ask("/devices").splitlines():
            d = json.loads(line)
            if d["reason"] in ("Global", "DeviceRule"):
                states.setdefault((d["type"] == "iPhone", d["reason"]), set()).add(d["state"])
        check("ABQ: the rule lets iPhones in", states.get((True, "DeviceRule")), {"Allowed"})
        check("ABQ: nothing is let in by the default", "Allowed" in states.get((False, "Global"), set()), False)
        events = {r["event"] for r in lab.rows("SELECT event FROM v_audit")}
        check("audit", {"orgpolicy.planned", "orgpolicy.held", "orgpolicy.approved", "orgpolicy.change.done"} - events, set())
        device = lab.rows("SELECT key FROM v_devices WHERE type = 'iPhone' LIMIT 1")[0]["key"]
        code, out = lab.run("explain", "contoso", device)
        check("explain", "device_type:iPhone: allow (written by easgate)" in out)
        code, out = lab.run("check", "contoso")
        check("check: a rule that fits nobody", "no device has shown the text of the rule device_type:Palm" in out)
        # rights
        code, out = lab.run("check", "contoso", "--role-script")
        check("role script", all(w in out for w in ("Set-ActiveSyncOrganizationSettings", "New-ActiveSyncDeviceAccessRule",
                                                    "Set-MobileDeviceMailboxPolicy")) and "Clear-" not in out)
        lab.fault("no-cmdlet:New-ActiveSyncDeviceAccessRule")
        code, out = lab.run("check", "contoso", "--online")
        check("check --online names the cmdlet", (code != 0, bool(re.search(
            r"error +contoso +source cmdlet New-ActiveSyncDeviceAccessRule", out))), (True, True))
        lab.edit("Palm: block", "Palm: block, Nokia: allow")
        code, run, out = lab.sync("--full")
        failed = lab.rows("SELECT name, error FROM v_org_changes WHERE state = 'failed'")
        check("a cmdlet that is not granted fails its change alone", (code, [f["name"] for f in failed]), (1, ["device_type:Nokia"]))
        check("... with the remedy", "New-ActiveSyncDeviceAccessRule" in (failed[0]["error"] if failed else ""))
        check("... and holds nothing", lab.rows("SELECT count(*) AS n FROM v_org WHERE name = 'hold'")[0]["n"], 0)
        lab.heal()
        # given back
        lab.edit("^mode: enforce", "mode: audit")
        code, out = lab.run("release", "contoso", "--limit", "1")
        got = org(lab)
        check("release", (code, "nothing of ours is left" in out), (0, True))
        check("release: rules", rules(lab), dict({"%s:%s" % (r["by"], r["query"]): r["level"] for r in before["rules"]},
                                                 **{"DeviceType:iPhone": "Block"}))
        check("release: the rest", {k: got[k] for k in ("level", "user_mail", "admins", "policies")},
              {k: before[k] for k in ("level", "user_mail", "admins", "policies")})
        check("the audit chain is whole", lab.run("audit", "contoso", "verify")[0], 0)


def refused():
    with Lab(BUILD, devices=10, mode="enforce") as lab:
        lab.edit(r"^schedule:", "organization_policy: { user_mail_insert: \"%s\", device_rules: { device_type: { \"iP*\": allow } } }\nschedule:"
                 % ("x" * 257))
        code, out = lab.run("config", "check")
        check("config check: what Exchange would not take", (code, "257 characters" in out, "no wildcards" in out), (30, True, True))


def commands(generation):
    old = generation == "2010"
    with Lab(BUILD, "--exchange", generation, devices=20, mode="enforce") as lab:
        remove, clear = ("Remove-ActiveSyncDevice", "Clear-ActiveSyncDevice") if old else ("Remove-MobileDevice", "Clear-MobileDevice")
        lab.sync("--full")
        rows = lab.rows("SELECT key, device_id FROM v_devices ORDER BY key LIMIT 3")
        code, out = lab.run("device", "remove", "contoso", rows[0]["key"])
        check("%s: off unless it is configured" % generation, (code, "switched off" in out), (1, True))
        lab.edit(r"^schedule:", "device_commands: { remove: true, wipe: true }\norganization_policy: { mailbox_policies: "
                 "{ Executives: { password_required: false, password_max_failed: 9 } } }\nschedule:")
        requests = lab.stats()["exchange_requests"]
        for blank in ("", " "):
            code, out = lab.run("device", "wipe", "contoso", blank)
            check("%s: a blank device is refused" % generation, (code in (30, 64), lab.stats()["exchange_requests"]), (True, requests))
        code, out = lab.run("device", "remove", "contoso", rows[0]["key"])
        token = re.search(r"--confirm (\S+)", out)
        check("%s: told, not done" % generation, (code, "%s -Identity %s" % (remove, rows[0]["key"]) in out, sent(lab, remove)),
              (2, True, 0))
        token = token.group(1) if token else "none"
        with open(lab.db, "rb") as f:
            check("%s: the token is not in the state" % generation, token.encode() in f.read(), False)
        for args in (("remove", "contoso", rows[1]["key"]), ("wipe", "contoso", rows[0]["key"])):
            code, out = lab.run("device", *args, "--confirm", token)
            check("%s: another device or command" % generation, (code, "another command or another device" in out), (1, True))
        check("%s: nothing was sent" % generation, (sent(lab, remove), sent(lab, clear)), (0, 0))
        code, out = lab.run("device", "remove", "contoso", rows[0]["key"], "--confirm", token)
        check("%s: done and read back" % generation, (code, "the partnership is gone" in out, sent(lab, remove)), (0, True, 1))
        code, out = lab.run("device", "remove", "contoso", rows[0]["key"], "--confirm", token)
        check("%s: once" % generation, (code, "used already" in out, sent(lab, remove)), (1, True, 1))
        code, out = lab.run("device", "wipe", "contoso", rows[1]["key"], "--account-only")
        if old:
            check("2010: no wipe of the account alone, and none of the device instead",
                  (code, "no wipe of the account alone" in out, sent(lab, clear)), (1, True, 0))
        else:
            check("%s: the account alone" % generation, (code, "-AccountOnly:$true" in out), (2, True))
        code, out = lab.run("device", "wipe", "contoso", rows[1]["key"], "--json")
        told = json.loads(out)
        code, out = lab.run("device", "wipe", "contoso", rows[1]["key"], "--confirm", told["token"])
        check("%s: wiped" % generation, (code, "asked for" in out, sent(lab, clear)), (0, True, 1))
        code, run, _ = lab.sync("--full")
        run = lab.rows("SELECT run FROM v_org_changes WHERE state = 'held' LIMIT 1")[0]["run"]
        check("%s: mailbox policy" % generation, lab.run("approve", "contoso", run, "--policy")[0], 0)
        p = org(lab)["policies"][1]
        check("%s: mailbox policy, read back" % generation, (p["PasswordEnabled"], p["MaxPasswordFailedAttempts"]), (0, 9))
        check("%s: by the cmdlets of this version" % generation, sent(lab, "Set-ActiveSyncMailboxPolicy") > 0, old)
        events = [r["event"] for r in lab.rows("SELECT event FROM v_audit WHERE event LIKE 'device.command.%'")]
        check("%s: audit" % generation, (events.count("device.command.done"), events.count("device.command.refused")), (2, 4))
        check("%s: the audit chain is whole" % generation, lab.run("audit", "contoso", "verify")[0], 0)


def main():
    faultlab.need(BUILD)
    policy()
    refused()
    commands("2010")
    commands("se")
    return faultlab.done()


sys.exit(main())
