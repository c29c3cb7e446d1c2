# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share: a lab, an agent beside it, a proxy that misbehaves, and the database
as rows that two runs can be compared by."""
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
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.900r\n  want: %.900r" % (what, got, want), flush=True)


def done():
    print("%d checks, %d failed" % (checks, failed))
    return 1 if failed else 0


def need(build):
    for name in ("bin/easgate", "bin/easgate-lab", "lib/easgate/plugins/exchange-onprem.so", "lib/easgate/plugins/intune.so"):
        if not os.path.exists(os.path.join(build, name)):
            print("SKIPPED: %s is not built" % name)
            sys.exit(77)


class Lab:
    def __init__(self, build, *options, devices=60, mode="enforce"):
        self.build, self.home = build, tempfile.mkdtemp(prefix="fault-")
        self.dir = os.path.join(self.home, "lab")
        self.exe = os.path.join(build, "bin", "easgate")
        self.process = subprocess.Popen(
            [os.path.join(build, "bin", "easgate-lab"), "--dir", self.dir, "--devices", str(devices), "--mode", mode,
             "--quiet", "--until-stdin-closes", *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(self.dir, "lab.json")) as f:
            self.info = json.load(f)
        self.tls = ssl.create_default_context(cafile=os.path.join(self.dir, "ca.pem"))
        self.org = os.path.join(self.dir, "etc", "orgs.d", "contoso.yaml")
        self.config = os.path.join(self.dir, "etc", "easgate.yaml")
        self.db = os.path.join(self.dir, "state", "contoso.db")
        # What goes out at once is not what these tests are about.
        self.edit(r"^schedule:", "brakes: { blast_devices: 500 }\nschedule:")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        shutil.rmtree(self.home)

    def ask(self, path):
        with urllib.request.urlopen(self.info["control"] + path, context=self.tls) as r:
            return r.read().decode()

    def tell(self, path, value):
        with urllib.request.urlopen(self.info["control"] + path, json.dumps(value).encode(), context=self.tls) as r:
            return r.read().decode()

    def set(self, **value):
        self.tell("/set", value)

    def fault(self, spec):
        self.tell("/fault", {"spec": spec})

    def heal(self):
        self.tell("/fault", {"clear": True})

    def stats(self):
        return json.loads(self.ask("/stats"))

    def lists(self):
        rows = [json.loads(line) for line in self.ask("/mailboxes").splitlines()]
        return {r["mailbox"]: (sorted(r["allowed"]), sorted(r["blocked"])) for r in rows}

    def edit(self, pattern, text):
        """Changes the organisation's file."""
        with open(self.org) as f:
            old = f.read()
        new = re.sub(pattern, lambda _: text, old, flags=re.M)
        if new == old:
            raise RuntimeError("nothing in %s matches %r" % (self.org, pattern))
        with open(self.org, "w") as f:
            f.write(new)

    def start(self, *args):
        return subprocess.Popen([self.exe, *args, "--config", self.config], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *args, timeout=240):
        p = self.start(*args)
        out, _ = p.communicate(timeout=timeout)
        return p.returncode, out

    def sync(self, *args):
        code, out = self.run("sync", "contoso", "--limit", "0", *args)
        return code, self.last_run(), out

    def rows(self, sql, *args):
        db = sqlite3.connect("file:%s?mode=ro" % self.db, uri=True)
        try:
            db.row_factory = sqlite3.Row
            return [dict(r) for r in db.execute(sql, args)]
        finally:
            db.close()

    def last_run(self):
        runs = self.rows("SELECT * FROM v_runs") if os.path.exists(self.db) else []
        return max(runs, key=lambda r: r["run_no"]) if runs else {}

    def wait_for_rest(self, endpoint):
        """Until cas-failover would ask that server again: 1 s, doubled with each failure."""
        e = self.rows("SELECT last_failed, failures FROM endpoint WHERE id=?", endpoint)[0]
        end = e["last_failed"] / 1000 + 2 ** (e["failures"] - 1)
        while time.time() <= end:
            time.sleep(0.05)

    def endpoints(self):
        return {r["id"]: r for r in self.rows("SELECT * FROM v_endpoints")}


class Toxic:
    def __init__(self, port):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "toxic.py"), str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError("the proxy did not take %r" % command)

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait(30)
