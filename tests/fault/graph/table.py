# SPDX-License-Identifier: Apache-2.0
"""The fault table of Graph and Entra: table.py BUILD DEVICES [ROW...]. Each row ends with no write."""
import json
import os
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import urllib.request

DONE, FAILED, LATER, HOLD = 0, 1, 20, 30

# name, faults, options for the file, exit code, status in v_runs, its text, held?
TABLE = [
    ("empty, everything", ["graph-empty"], {}, LATER, "unavailable", r"members of group .*: 0 of \d+ came, twice", False),
    ("empty, people", ["graph-empty:/users"], {}, DONE, None, None, True),
    ("empty, managed devices", ["graph-empty:managedDevices"], {}, DONE, None, None, True),
    ("empty, the groups", ["graph-empty:transitiveMembers"], {}, LATER, "unavailable", r"0 of \d+ came, twice", False),
    ("half the list, everything", ["graph-truncated"], {}, LATER, "unavailable", r"\d+ of \d+ came, twice: the list is cut", False),
    ("half the list, managed devices", ["graph-truncated:managedDevices"], {}, DONE, None, None, True),
    ("half the list, people", ["graph-truncated:/users"], {}, DONE, None, None, True),
    ("half the list, the groups", ["graph-truncated:transitiveMembers"], {}, LATER, "unavailable", r"the list is cut", False),
    ("503 for ever", ["graph-503"], {}, LATER, "unavailable", r"HTTP 503", False),
    ("503, managed devices only", ["graph-503:managedDevices"], {}, LATER, "unavailable", r"managed devices: HTTP 503", False),
    ("429 for ever", ["graph-429"], {}, LATER, "throttled", r"HTTP 429", False),
    ("connection reset", ["graph-reset:managedDevices"], {}, LATER, "unreachable", r"managed devices", False),
    ("slow", ["graph-slow"], {"timeout: { request: 200ms }": 1}, LATER, "timeout", r"\b200 ms", False),
    ("401, a new token too", ["graph-401"], {}, HOLD, "auth", r"a fresh token was refused too", False),
    ("403", ["graph-403"], {}, HOLD, "denied", r"application permission", False),
    ("403, managed devices only", ["graph-403:managedDevices"], {}, HOLD, "denied",
     r"application permission DeviceManagementManagedDevices\.Read\.All", False),
    ("token without consent", ["token-no-consent"], {}, HOLD, "denied", r"application permission GroupMember\.Read\.All", False),
    ("no token", ["token-401"], {}, HOLD, "auth", r"AADSTS7000222", False),
    ("no token now", ["token-503"], {}, LATER, "unavailable", r"token", False),
    ("wrong tenant", [], {"tenant: 11111111-2222-4333-8444-555555555555": 1}, HOLD, "config", r"AADSTS90002: the tenant does not exist", False),
    ("wrong app", [], {"client_id: 11111111-2222-4333-8444-555555555555": 1}, HOLD, "config", r"AADSTS700016", False),
    ("a group that is gone", [], {"include_groups: [ 11111111-2222-4333-8444-555555555555 ]": 1}, HOLD, "config",
     r"there is no group 11111111-2222-4333-8444-555555555555 in the tenant", False),
    ("next page elsewhere", ["graph-foreign-nextlink"], {}, FAILED, "protocol", r"the token is not sent there", False),
    ("bad JSON", ["graph-bad-json"], {}, FAILED, "protocol", r"JSON", False),
    ("bad JSON, last list", ["graph-bad-json:managedDevices"], {}, FAILED, "protocol", r"managed devices: page 1: .*JSON", False),
    ("pages in a circle", ["graph-loop:transitiveMembers"], {}, FAILED, "protocol", r"the pages go in a circle", False),
    ("pages in a circle, devices", ["graph-loop:managedDevices"], {}, FAILED, "conflict", r"managed device .* twice", False),
]

# What is over within the run costs nothing: the same is planned as without it.
HARMLESS = ["graph-empty:managedDevices@1", "graph-truncated:/users@1", "graph-empty:transitiveMembers@1", "graph-503@2", "graph-429@3",
            "graph-401@1", "graph-reset@2", "token-503@1", "graph-half-page", "graph-unknown-enum:/users"]

failures = 0


def check(good, text):
    global failures
    if not good:
        failures += 1
        lines = text.splitlines()
        print("not ok - " + "\n    ".join(lines[:12] + (["..."] if len(lines) > 12 else [])), flush=True)
    return good


class Lab:
    def __init__(self, build, devices):
        self.dir = tempfile.mkdtemp(prefix="easgate-graph-fault-")
        self.proc = subprocess.Popen(
            [os.path.join(build, "bin", "easgate-lab"), "--dir", self.dir, "--devices", str(devices), "--seed", "7",
             "--page-size", "20", "--default-access", "quarantine", "--mode", "enforce", "--quiet", "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.proc.stdout.readline().decode()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            self.about = json.load(f)
        self.tls = ssl.create_default_context(cafile=os.path.join(self.dir, "ca.pem"))

    def control(self, path, body=None):
        request = urllib.request.Request(self.about["control"] + "/" + path,
                                         data=json.dumps(body).encode() if body is not None else None)
        with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
            text = answer.read().decode()
        if path in ("devices", "mailboxes"):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)

    def written(self):
        """What the agent has done to Exchange so far, and what came of it."""
        stats = self.control("stats")
        return stats["list_changes"], stats["cmdlets"].get("Set-CASMailbox", 0), json.dumps(self.control("mailboxes"))

    def stop(self):
        self.proc.stdin.close()
        self.proc.wait(20)
        shutil.rmtree(self.dir)


class Agent:
    def __init__(self, build, lab):
        self.program = os.path.join(build, "bin", "easgate")
        self.lab = lab
        self.org = os.path.join(lab.dir, "etc", "orgs.d", "contoso.yaml")
        with open(self.org, encoding="utf-8") as f:
            self.good = f.read()
        self.state = os.path.join(lab.dir, "state")
        self.saved = os.path.join(lab.dir, "saved")

    def run(self, *words):
        out = subprocess.run([self.program, *words, "--config", os.path.join(self.lab.dir, "etc", "easgate.yaml")],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        return out.returncode, out.stdout.decode(errors="replace")

    def query(self, sql):
        db = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.state, "contoso.db"), uri=True)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def save(self):
        shutil.copytree(self.state, self.saved)

    def restore(self):
        shutil.rmtree(self.state)
        shutil.copytree(self.saved, self.state)
        with open(self.org, "w", encoding="utf-8") as f:
            f.write(self.good)

    def configure(self, lines):
        text = self.good
        for line in lines:
            key = line.split(":")[0]
            if re.search(r"(?m)^ *%s: .*$" % key, text):
                text = re.sub(r"(?m)^( *)%s: .*$" % key, lambda m: m.group(1) + line, text)
            else:
                text = text.replace("  module: intune\n", "  module: intune\n  %s\n" % line)
        with open(self.org, "w", encoding="utf-8") as f:
            f.write(text)


def something_due(lab):
    """Devices that a good run would now block, and others that it would let in."""
    block, allow = 0, 0
    for d in lab.control("devices"):
        decided = d["licensed"] and d["targeted"] and not d["exempt"] and d["management"] == "managed"
        if decided and d["compliance"] == "compliant" and d["listed"] == "allowed" and block < 4:
            lab.control("set", {"managed": d["managed"], "compliance": "noncompliant"})
            block += 1
        elif decided and d["compliance"] == "noncompliant" and d["listed"] == "blocked" and allow < 2:
            lab.control("set", {"managed": d["managed"], "compliance": "compliant"})
            allow += 1
    return block, allow


def one_row(lab, agent, row):
    name, faults, lines, code, status, text, held = row
    before = lab.written()
    agent.restore()
    agent.configure(lines)
    for spec in faults:
        lab.control("fault", {"spec": spec})
    got, out = agent.run("sync", "contoso", "--full", "--limit", "0")
    lab.control("fault", {"clear": True})
    after = lab.written()
    fine = check(got == code, "%s: exit code %d, not %d\n%s" % (name, got, code, out))
    fine &= check(after[:2] == before[:2], "%s: the lab counts %d changes of lists and %d Set-CASMailbox, before %d and %d\n%s"
                  % (name, after[0], after[1], before[0], before[1], out))
    fine &= check(after[2] == before[2], "%s: personal lists are not what they were" % name)
    exit_code, error_status, error, applied, is_held, held_blocks = agent.query(
        "SELECT r.exit_code, r.error_status, r.error, r.applied, r.held,"
        " (SELECT count(*) FROM v_actions a WHERE a.run = r.run AND a.state <> 'held')"
        " FROM v_runs r ORDER BY r.started_at DESC LIMIT 1")[0]
    fine &= check(exit_code == code, "%s: v_runs says exit code %s" % (name, exit_code))
    fine &= check(not applied and not held_blocks, "%s: %s applied, %s actions that are not held" % (name, applied, held_blocks))
    fine &= check((error_status or None) == status, "%s: v_runs says %s: %s" % (name, error_status, error))
    fine &= check(bool(is_held) == held, "%s: %s actions held" % (name, is_held))
    if text:
        fine &= check(bool(error and re.search(text, error)), "%s: v_runs says %r, not /%s/" % (name, error, text))
    if held:
        n = agent.query("SELECT count(*) FROM v_audit WHERE event = 'guard.shrink.held'")[0][0]
        fine &= check(n == 1, "%s: %d rows guard.shrink.held in the audit chain" % (name, n))
        # When Graph lists everything again, only what was due before remains to be done.
        got, out = agent.run("sync", "contoso", "--full", "--dry-run")
        rest = agent.query("SELECT planned, held FROM v_runs ORDER BY started_at DESC LIMIT 1")[0]
        fine &= check(got == 2 and rest[1] == 0 and rest[0] == sum(one_row.due),
                      "%s: afterwards exit code %d, planned and held %s, due %s\n%s" % (name, got, rest, one_row.due, out))
    if fine:
        print("ok - %s: exit %d, %s" % (name, got if not held else code, error or "%d actions held" % is_held), flush=True)


def harmless(lab, agent, spec):
    agent.restore()
    lab.control("fault", {"spec": spec})
    got, out = agent.run("sync", "contoso", "--full", "--dry-run")
    struck = [f for f in lab.control("stats")["faults"] if f["seen"]]
    lab.control("fault", {"clear": True})
    planned = agent.query("SELECT planned, held FROM v_runs ORDER BY started_at DESC LIMIT 1")[0]
    fine = check(got == 2 and planned == (sum(one_row.due), 0), "%s: exit code %d, planned and held %s, due %s\n%s"
                 % (spec, got, planned, one_row.due, out))
    fine &= check(bool(struck), "%s: the lab never did it" % spec)
    if fine:
        print("ok - %s: planned as without it" % spec, flush=True)


def main():
    build, devices = sys.argv[1], int(sys.argv[2])
    wanted = sys.argv[3:]
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1")
    lab = Lab(build, devices)
    try:
        agent = Agent(build, lab)
        code, out = agent.run("sync", "contoso", "--full", "--limit", "0")
        check(code == 0, "the good run ended with %d\n%s" % (code, out))
        check(agent.query("SELECT applied, held FROM v_runs")[0][0] > 10, "the good run wrote nothing\n" + out)
        check(agent.query("SELECT held FROM v_runs")[0][0] == 0, "the good run held something\n" + out)
        agent.save()
        one_row.due = something_due(lab)
        check(one_row.due[0] >= 2 and one_row.due[1] >= 1, "too little is due: %s" % (one_row.due,))
        if failures == 0:
            for row in TABLE:
                if not wanted or row[0] in wanted:
                    one_row(lab, agent, row)
            for spec in HARMLESS if not wanted else []:
                harmless(lab, agent, spec)
            before = lab.written()
            agent.restore()
            code, out = agent.run("sync", "contoso", "--full", "--limit", "0")
            after = lab.written()
            check(code == 0 and after[0] > before[0], "without a fault nothing was written: exit code %d\n%s" % (code, out))
            done = dict(agent.query("SELECT verb, count(*) FROM v_actions a WHERE a.state = 'done' AND a.run ="
                                    " (SELECT run FROM v_runs ORDER BY started_at DESC LIMIT 1) GROUP BY verb"))
            check((done.get("block", 0), done.get("allow", 0)) == one_row.due, "without a fault: %s, due %s" % (done, one_row.due))
            print("ok - no fault: %s, as was due" % done if failures == 0 else "# no fault: %s" % done, flush=True)
    finally:
        lab.stop()
    print("%d rows, %d failures" % (len(TABLE) + len(HARMLESS), failures))
    return 1 if failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
