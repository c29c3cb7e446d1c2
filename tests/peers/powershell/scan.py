#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent and its source module against PowerShell's own engine: full scans, access writes with
read-back, errors. The lab plays Microsoft Graph for the same people.

usage: scan.py exchange-peer.dll BUILD-DIRECTORY
"""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request

from peer import Peer, skip
from probe import client, unlimited
from psrp import Client, boolean

failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.900r\n  want: %.900r" % (what, got, want), flush=True)


class Lab:
    """easgate-lab, of which only the Graph side is used once its people were read."""

    def __init__(self, build, devices):
        self.dir = tempfile.mkdtemp(prefix="scan-")
        lab = os.path.join(self.dir, "lab")
        os.mkdir(lab)
        self.process = subprocess.Popen([os.path.join(build, "bin", "easgate-lab"), "--dir", lab, "--devices", str(devices),
                                         "--mode", "enforce", "--quiet", "--until-stdin-closes"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(lab, "lab.json")) as f:
            self.info = json.load(f)
        self.lab = lab
        self.tls = ssl.create_default_context(cafile=os.path.join(lab, "ca.pem"))
        with open(os.path.join(lab, "exchange.password")) as f:
            self.password = f.read().strip()
        self.population = os.path.join(self.dir, "population.jsonl")
        self.write_population()

    def write_population(self):
        """The partnerships of the lab, with the SIDs that only its Get-User tells."""
        c = Client(self.info["cas_ports"][0], self.info["exchange_user"], self.password, self.tls).open()
        c.run("Set-ADServerSettings", ("ViewEntireForest", boolean(True)))
        sids = {str(u["Guid"]): None if u["Sid"].nil else str(u["Sid"]) for u in c.run("Get-User", unlimited()).output}
        c.close()
        with urllib.request.urlopen(self.info["control"] + "/devices", context=self.tls) as r:
            self.devices = [json.loads(line) for line in r.read().decode().splitlines()]
        with open(self.population, "w") as f:
            for d in self.devices:
                f.write(json.dumps({k: d[k] for k in ("mailbox", "upn", "device_id", "guid", "type", "listed")}
                                   | {"sid": sids[d["mailbox"]]}) + "\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        shutil.rmtree(self.dir)


class Agent:
    """A configuration, an empty state directory, and the program."""
    count = 0

    def __init__(self, build, lab, peer, mode, password=None, **source):
        Agent.count += 1
        self.exe = os.path.join(build, "bin", "easgate")
        self.dir = os.path.join(lab.dir, "agent%d" % Agent.count)
        os.makedirs(os.path.join(self.dir, "etc", "orgs.d"))
        os.mkdir(os.path.join(self.dir, "state"), 0o700)
        secret = os.path.join(self.dir, "password")
        with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(password or peer.password)
        self.config = os.path.join(self.dir, "etc", "easgate.yaml")
        with open(self.config, "w") as f:
            f.write("state_dir: %s\nlog: { level: info, format: text }\n" % os.path.join(self.dir, "state"))
        more = "".join("  %s: %s\n" % kv for kv in source.items())
        with open(os.path.join(self.dir, "etc", "orgs.d", "contoso.yaml"), "w") as f:
            f.write("""organization: contoso
mode: %s
source:
  module: exchange-onprem
  server: localhost:%d
  auth: { method: basic, user: %s, password: "file:%s" }
  ca_file: "%s"
%ssink:
  module: intune
  tenant: %s
  client_id: %s
  certificate: "file:%s"
  login_url: %s
  graph_url: %s
  ca_file: "%s"
policy:
  include_groups: [ %s ]
  exclude_groups: [ %s ]
schedule: { quick: 2h, full: "daily 02:00", jitter: 10m }
""" % (mode, peer.info["port"], peer.info["user"], secret, peer.ca, more, lab.info["tenant"], lab.info["client_id"],
                os.path.join(lab.lab, "graph.pem"), lab.info["graph"], lab.info["graph"], os.path.join(lab.lab, "ca.pem"),
                lab.info["include_group"], lab.info["exclude_group"]))

    def __call__(self, *args):
        r = subprocess.run([self.exe, *args, "--config", self.config], capture_output=True, text=True, timeout=240)
        return r.returncode, r.stdout, r.stderr

    def json(self, *args):
        code, out, err = self(*args, "--json")
        try:
            return code, json.loads(out)
        except ValueError:
            raise RuntimeError("%s printed no JSON (exit code %d): %.300s %.600s" % (args, code, out, err))

    def sync(self, *args):
        code, out, err = self("sync", "contoso", "--limit", "0", *args)
        last = self.json("status", "contoso")[1]["organizations"][0]["last_run"][0]
        return code, last, out + err


def writes(peer):
    return peer.stats()["cmdlets"].get("Set-CASMailbox", 0)


def tidy(peer, what):
    s = peer.stats()
    check(what + ": no shell is left", (s["shells_open"], s["shells_reaped"]), (0, 0))


def exchange_lists(peer):
    """What the peer has now, read by the independent client: {(mailbox, device): listed}."""
    c = client(peer).open()
    c.run("Set-ADServerSettings", ("ViewEntireForest", boolean(True)))
    lists = {str(b["Guid"]): (b["ActiveSyncAllowedDeviceIDs"].items, b["ActiveSyncBlockedDeviceIDs"].items)
             for b in c.run("Get-CASMailbox", unlimited()).output}
    c.close()
    return lists


def friendly_names(peer):
    c = client(peer).open()
    c.run("Set-ADServerSettings", ("ViewEntireForest", boolean(True)))
    names = {str(d["Guid"]): None if d["FriendlyName"].nil else str(d["FriendlyName"])
             for d in c.run("Get-MobileDevice", unlimited()).output}
    c.close()
    return names


def verdict_is_in(lists, d):
    allowed, blocked = lists[d["mailbox"]]
    have = (d["device_id"] in allowed, d["device_id"] in blocked)
    return have == {"allow": (True, False), "block": (False, True)}[d["verdict"]]


def whole(build, dll, lab):
    with Peer(dll, "--population", lab.population, "--default-access", "quarantine") as peer:
        audit = Agent(build, lab, peer, "audit")
        code, run, text = audit.sync()
        check("audit: exit code", (code, run["error"]), (0, None))
        check("audit: every partnership, every mailbox", (run["devices"], run["mailboxes"]),
              (peer.info["devices"], peer.info["mailboxes"]))
        check("audit: people and managed devices", (run["people"] > 0, run["managed_devices"]), (True, lab.info["managed"]))
        check("audit: nothing is written", writes(peer), 0)
        tidy(peer, "audit")
        devices = audit.json("devices", "contoso", "--limit", "0")[1]["devices"]
        check("audit: the same ids and owners", sorted((d["device_id"], d["user"]) for d in devices),
              sorted((d["device_id"], d["upn"]) for d in lab.devices))

        # What a device says of itself is cut at 1,024 bytes, between two characters.
        names = {k: n and n.encode()[:1024].decode(errors="ignore") for k, n in friendly_names(peer).items()}
        check("audit: every friendly name as another client reads it",
              [(names[d["key"]], d["friendly_name"]) for d in devices if d["friendly_name"] != names[d["key"]]], [])

        for columns in ("all", "select"):
            again = Agent(build, lab, peer, "audit", columns=columns)
            code, run, text = again.sync()
            check("columns %s: the same result" % columns, (code, run["devices"], run["error"]),
                  (0, peer.info["devices"], None))
            other = again.json("devices", "contoso", "--limit", "0")[1]["devices"]
            check("columns %s: the same devices" % columns, [strip(d) for d in other], [strip(d) for d in devices])

        agent = Agent(build, lab, peer, "enforce")
        code, run, text = agent.sync()
        check("enforce: exit code", (code, run["error"]), (0, None))
        if run["held"]:
            code, _, err = agent("approve", "contoso", run["run"])
            check("approve: exit code", code, 0)
        done = writes(peer)
        check("enforce: Set-CASMailbox was executed", done > 0)
        devices = agent.json("devices", "contoso", "--limit", "0")[1]["devices"]
        lists = exchange_lists(peer)
        decided = [d for d in devices if d["verdict"] in ("allow", "block")]
        check("enforce: both verdicts occur", {d["verdict"] for d in decided}, {"allow", "block"})
        check("enforce: every verdict is in Exchange's lists, read by another client",
              [(d["device_id"], d["verdict"], lists[d["mailbox"]]) for d in decided if not verdict_is_in(lists, d)], [])
        tidy(peer, "enforce")
        code, run, text = agent.sync("--full")
        check("second sync: nothing to change", (code in (0, 10) or (code, text), run["error"], run["applied"] or 0), (True, None, 0))
        check("second sync: no write", writes(peer), done)
        code, run, text = agent.sync("--quick")
        check("quick sync: nothing to change", (code in (0, 10) or (code, text), run["error"], writes(peer)), (True, None, done))
        tidy(peer, "quick sync")
        print("stats: %s" % peer.stats())
        wrong = Agent(build, lab, peer, "enforce", password="wrong")
        before = peer.stats()["unauthorized"]
        code, run, text = wrong.sync()
        check("wrong password: authentication, on hold", (code, run["error_status"]), (30, "auth"))
        check("wrong password: tried once", peer.stats()["unauthorized"] - before, 1)


def strip(d):
    return {k: d[k] for k in ("device_id", "user", "verdict", "row", "access", "friendly_name", "model", "first_sync")}


def broken(build, dll, lab):
    """Each of these ends with an error that names what is wrong, and without a write."""
    quarantine = ["--default-access", "quarantine"]
    people = ["--population", lab.population, *quarantine]
    cases = (("the listing breaks off", people + ["--terminate-in-list"], "ADTransientException"),
             ("the listing stops at 1000", ["--devices", 1500, "--limit1000"], "1000"),
             ("a cmdlet is not granted", people + ["--hide", "Get-CASMailbox"], "Get-CASMailbox"))
    for what, options, word in cases:
        with Peer(dll, *options) as peer:
            code, run, text = Agent(build, lab, peer, "enforce").sync()
            check(what + ": an error", (code in (1, 20, 30), run["status"]), (True, "failed"))
            if word not in text:
                check(what + ": which says so", text, word)
            check(what + ": no write", writes(peer), 0)
            tidy(peer, what)
    with Peer(dll, *people, "--restricted-select") as peer:
        code, run, text = Agent(build, lab, peer, "audit").sync()
        check("Select-Object is restricted: whole objects instead", (code, run["devices"], run["error"]),
              (0, peer.info["devices"], None))
        tidy(peer, "Select-Object is restricted")
    with Peer(dll, *people, "--hide", "Set-CASMailbox") as peer:
        code, run, text = Agent(build, lab, peer, "enforce").sync()
        check("no right to write: an error", (code != 0, run["applied"] or 0), (True, 0))
        if "Set-CASMailbox" not in text:
            check("no right to write: which says so", text, "Set-CASMailbox")
        tidy(peer, "no right to write")
    # A slow server that also asks before every change: the long poll is repeated, Confirm is false.
    with Peer(dll, *people, "--prompt", "--slow", 2500, "--restricted-select",
              "--exchange", "2010") as peer:
        agent = Agent(build, lab, peer, "enforce", **{"timeout": "{ operation: 1s }", "columns": "all"})
        code, run, text = agent.sync()
        check("2010, slow, prompting: exit code", (code, run["error"]), (0, None))
        check("2010, slow, prompting: all devices, writes", (run["devices"], writes(peer) > 0), (peer.info["devices"], True))
        check("2010, slow, prompting: the long poll timed out", peer.stats()["timed_out"] > 0)
        tidy(peer, "2010, slow, prompting")


def main():
    dll, build = sys.argv[1:]
    if not os.path.exists(dll):
        skip("PowerShell's engine was not built (%s): is dotnet there, and could its packages be restored?" % dll)
    for need in ("bin/easgate", "bin/easgate-lab", "lib/easgate/plugins/exchange-onprem.so", "lib/easgate/plugins/intune.so"):
        if not os.path.exists(os.path.join(build, need)):
            skip("%s is not built" % need)
    lab = Lab(build, 120)
    try:
        whole(build, dll, lab)
        broken(build, dll, lab)
    finally:
        lab.close()
    print("%d checks, %d failed" % (checks, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
