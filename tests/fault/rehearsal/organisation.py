# SPDX-License-Identifier: Apache-2.0
"""A simulated organisation with the agent beside it: what the rehearsals share."""
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


class Organisation:
    def __init__(self, build, devices, *lab_args):
        self.failed = self.checks = 0
        self.begun = time.monotonic()
        self.devices_asked = devices
        self.build, self.days = build, 0
        for name in ("bin/easgate", "bin/easgate-lab", "lib/easgate/plugins/exchange-onprem.so",
                     "lib/easgate/plugins/intune.so"):
            if not os.path.exists(os.path.join(build, name)):
                print("SKIPPED: %s is not built" % name)
                sys.exit(77)
        self.home = tempfile.mkdtemp(prefix="rehearsal-")
        self.directory = os.path.join(self.home, "lab")
        self.lab = subprocess.Popen(
            [os.path.join(build, "bin", "easgate-lab"), "--dir", self.directory, "--devices", str(devices), "--seed", "11",
             "--default-access", "allow", "--quiet", "--until-stdin-closes", *lab_args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.lab.stdout.readline() == "easgate-lab: ready\n"
        self.info = json.load(open(os.path.join(self.directory, "lab.json")))
        self.tls = ssl.create_default_context(cafile=os.path.join(self.directory, "ca.pem"))
        self.org_file = os.path.join(self.directory, "etc", "orgs.d", "contoso.yaml")

    def check(self, what, got, want=True):
        self.checks += 1
        if got != want:
            self.failed += 1
            print("FAILED: %s\n  got:  %.600r\n  want: %.600r" % (what, got, want), flush=True)

    def ask(self, path, data=None):
        with urllib.request.urlopen(self.info["graph"] + "/lab" + path, data, context=self.tls) as r:
            return r.read().decode()

    def devices(self):
        """Every device makes a request, and what Exchange says to it."""
        self.ask("/speak", b"{}")
        return {(d["mailbox"], d["guid"]): d for d in map(json.loads, self.ask("/devices").splitlines())}

    def lists(self):
        return {m["mailbox"]: (sorted(m["allowed"]), sorted(m["blocked"]))
                for m in map(json.loads, self.ask("/mailboxes").splitlines())}

    def easgate(self, *args, want=(0,)):
        env = dict(os.environ)
        if self.days:
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=self.days)
            env["EASGATE_TEST_NOW"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        p = subprocess.run([os.path.join(self.build, "bin", "easgate"), *args, "--config",
                            os.path.join(self.directory, "etc", "easgate.yaml")],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        self.check("easgate %s exits with one of %s: %s" % (" ".join(args), want, p.stderr[-900:]), p.returncode in want)
        self.errors = p.stderr
        return p.stdout

    def edit(self, pattern, text):
        old = open(self.org_file).read()
        new = re.sub(pattern, lambda _: text, old, flags=re.M)
        assert new != old, pattern
        open(self.org_file, "w").write(new)

    def append(self, text):
        with open(self.org_file, "a") as f:
            f.write(text)

    def sql(self, query, *args):
        db = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.directory, "state", "contoso.db"), uri=True)
        rows = db.execute(query, args).fetchall()
        db.close()
        return rows

    def last_run(self):
        return self.sql("SELECT run FROM v_runs ORDER BY run_no DESC LIMIT 1")[0][0]

    def seconds(self):
        return time.monotonic() - self.begun

    def close(self):
        self.lab.stdin.close()
        self.lab.wait(60)
        shutil.rmtree(self.home)

    def report(self):
        print("%d devices, %d checks, %d failed, %d s" % (self.devices_asked, self.checks, self.failed, self.seconds()))
        return 1 if self.failed else 0
