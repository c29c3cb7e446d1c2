#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `check --online` says of an organisation in good health, and of one broken hop at a time.

usage: online.py BUILD SOURCE
"""
import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exchange"))
from faultlab import Lab, check, done, need  # noqa: E402

NOTIFIER = """notifier:
  module: ews-mail
  mailbox: notify@contoso.example
  autodiscover: { server: "localhost:%d" }
  auth: { method: basic, user: CONTOSO\\svc-easgate, password: "file:%s/mail.password" }
  ca_file: "%s/ca.pem"
schedule:"""

# Every hop of an organisation in good health, in order, and how it is graded. The lab's certificates are good for some days,
# which is worth a warning.
HEALTHY = [
    ("source options", "ok"), ("source connection", "ok"), ("source certificate", "warning"), ("source clock", "ok"),
    ("source offered log-ons", "ok"), ("source log-on", "ok"), ("source runspace", "ok"),
    ("source cmdlet Get-MobileDevice", "ok"), ("source cmdlet Get-ActiveSyncOrganizationSettings", "ok"),
    ("source cmdlet Get-CASMailbox", "ok"), ("source cmdlet Set-CASMailbox", "ok"),
    ("source cmdlet Get-CASMailbox -Filter", "ok"), ("source cmdlet Get-User", "ok"),
    ("source cmdlet Get-ExchangeServer", "ok"), ("source cmdlet Select-Object", "ok"), ("source organisation", "ok"),
    ("source reading", "ok"), ("source throttling policy", "ok"), ("source server localhost", "ok"),
    ("sink options", "ok"), ("sink credential", "warning"), ("sink log-on", "ok"), ("sink clock", "ok"),
    ("sink consent User.Read.All", "ok"), ("sink consent DeviceManagementManagedDevices.Read.All", "ok"),
    ("sink consent GroupMember.Read.All", "ok"), ("sink people", "ok"), ("sink managed devices", "ok"),
    ("notifier options", "ok"), ("notifier Autodiscover", "ok"), ("notifier connection", "ok"),
    ("notifier certificate", "warning"), ("notifier clock", "ok"), ("notifier mailbox", "ok"),
]


def hops(lab):
    """Lines about the network, and the exit code."""
    code, out = lab.run("check", "contoso", "--online", "--json")
    try:
        found = json.loads(out[out.index("{"):])["checks"]
    except (ValueError, KeyError):
        print("not JSON: %s" % out)
        return code, []
    return code, [(f["check"], f["result"], f["text"] or "") for f in found
                  if f["subject"] == "contoso" and f["check"].split()[0] in ("source", "sink", "notifier") and " " in f["check"]]


def about(found, what):
    return next((f for f in found if f[0] == what), (what, "not said", ""))


def broken(lab, title, what, *words, grade="error", code=None, gone=()):
    """The hop fails, names what has to be done, and what cannot be tried after it is not called good."""
    exit_code, found = hops(lab)
    hop = about(found, what)
    check("%s: %s" % (title, what), hop[1], grade)
    for word in words:
        if word not in hop[2]:
            check("%s: says %r" % (title, word), hop[2], word)
        else:
            check("%s: says %r" % (title, word), True)
    check("%s: one line" % title, "\n" in hop[2], False)
    for name in gone:
        check("%s: %s is not called good" % (title, name), about(found, name)[1] in ("not said", "skipped"), True)
    if code is not None:
        check("%s: exit code" % title, exit_code, code)
    return found


class Edited:
    """The organisation's file with a change, put back afterwards."""

    def __init__(self, lab, pattern, text):
        self.lab, self.pattern, self.text = lab, pattern, text

    def __enter__(self):
        with open(self.lab.org) as f:
            self.old = f.read()
        self.lab.edit(self.pattern, self.text)

    def __exit__(self, *_):
        with open(self.lab.org, "w") as f:
            f.write(self.old)


class Faulty:
    def __init__(self, lab, *specs):
        self.lab, self.specs = lab, specs

    def __enter__(self):
        for spec in self.specs:
            self.lab.fault(spec)

    def __exit__(self, *_):
        self.lab.heal()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)


def other_authority(where):
    pem = os.path.join(where, "other.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", os.path.join(where, "other.key"), "-out", pem, "-days", "2", "-subj", "/CN=Other"],
                   check=True, capture_output=True)
    return pem


def exchange(lab, port):
    server = r"^  server: localhost:%d$" % port
    with Edited(lab, server, "  server: cas1.nowhere.invalid"):
        broken(lab, "unknown name", "source connection", "cas1.nowhere.invalid", "name", "look at source.server",
               gone=("source log-on", "source certificate"))
    dead = closed_port()
    with Edited(lab, server, "  server: localhost:%d" % dead):
        broken(lab, "refused", "source connection", "localhost:%d" % dead, "no connection", "is the service running", "look at source.server",
               gone=("source log-on",))
    with Edited(lab, r'^  ca_file: .*$', '  ca_file: "%s"' % other_authority(lab.home)):
        broken(lab, "another authority", "source TLS", "localhost", "ca_file", gone=("source log-on",))
    with Faulty(lab, "expired-cert"):
        broken(lab, "expired", "source TLS", "expired", gone=("source log-on",))
    write(os.path.join(lab.dir, "exchange.password"), "wrong")
    broken(lab, "wrong password", "source log-on", "Basic log-on refused", "check user and password", gone=("source runspace", "source reading"))
    write(os.path.join(lab.dir, "exchange.password"), PASSWORD)
    for cmdlet, grade, word in (("Get-CASMailbox", "error", "Get-CASMailbox"), ("Set-CASMailbox", "warning", "mode enforce"),
                                ("Get-User", "warning", "recognised by their addresses")):
        with Faulty(lab, "no-cmdlet:" + cmdlet):
            broken(lab, "no " + cmdlet, "source cmdlet " + cmdlet, cmdlet, word, grade=grade)
    with Faulty(lab, "no-cmdlet:Get-MobileDevice", "no-cmdlet:Get-ActiveSyncDevice"):
        broken(lab, "no cmdlet for devices", "source cmdlet Get-ActiveSyncDevice", "role", grade="error")
    with Faulty(lab, "403"):
        broken(lab, "no remote PowerShell", "source runspace", "403", "RemotePowerShellEnabled", gone=("source reading",))


def graph(lab):
    with Faulty(lab, "token-no-consent"):
        found = broken(lab, "nothing consented", "sink consent User.Read.All", "not granted", "API permissions",
                       "grant admin consent", lab.info["client_id"])
        check("nothing consented: managed devices too",
              about(found, "sink consent DeviceManagementManagedDevices.Read.All")[1], "error")
        check("nothing consented: groups are a warning", about(found, "sink consent GroupMember.Read.All")[1], "warning")
        check("nothing consented: Graph says so", about(found, "sink people")[1:2], ("error",))
    with Faulty(lab, "token-lacks:DeviceManagementManagedDevices.Read.All", "graph-403:managedDevices"):
        found = broken(lab, "no consent for devices", "sink consent DeviceManagementManagedDevices.Read.All", "not granted",
                       "application permission DeviceManagementManagedDevices.Read.All")
        check("no consent for devices: people are good", about(found, "sink consent User.Read.All")[1], "ok")
        check("no consent for devices: Graph says so", about(found, "sink managed devices")[1], "error")
        check("no consent for devices: by its name", "DeviceManagementManagedDevices.Read.All" in
              about(found, "sink managed devices")[2])
    with Faulty(lab, "token-401"):
        broken(lab, "the app is refused", "sink log-on", "AADSTS", gone=("sink people",))
    dead = closed_port()
    with Edited(lab, r"^  login_url: .*$", "  login_url: https://localhost:%d" % dead):
        broken(lab, "no log-on server", "sink log-on server", "localhost:%d" % dead, "login_url", gone=("sink people",))
    with Edited(lab, r'^  certificate: .*$', '  certificate: "file:%s/nothing.pem"' % lab.dir):
        code, out = lab.run("check", "contoso", "--online")
        check("no certificate file: named", "nothing.pem" in out and code != 0)


def mail(lab, port):
    write(os.path.join(lab.dir, "mail.password"), "wrong")
    broken(lab, "EWS refuses the account", "notifier Autodiscover", "log-on refused", "auth.user", gone=("notifier connection",))
    with Edited(lab, r"^  autodiscover: .*$", "  service_url: https://localhost:%d/EWS/Exchange.asmx" % port):
        broken(lab, "EWS refuses the account, address given", "notifier log-on", "log-on refused", "auth.user",
               gone=("notifier mailbox",))
        write(os.path.join(lab.dir, "mail.password"), PASSWORD)
        code, found = hops(lab)
        check("address given: good", about(found, "notifier mailbox")[1], "ok")
        check("address given: said", "service_url" in about(found, "notifier Autodiscover")[2])
        with Faulty(lab, "ews-get:fault=ErrorNonExistentMailbox"):
            broken(lab, "no mailbox", "notifier mailbox", "mailbox")
    with Faulty(lab, "ad-soap:http=404", "ad-pox:http=404", "ad-json:http=404"):
        code, found = hops(lab)
        check("Autodiscover is off, the usual place is taken", about(found, "notifier Autodiscover")[1:2] +
              about(found, "notifier mailbox")[1:2], ("ok", "ok"))


def text(lab):
    """The same for people: each line that is not ok says what to do; the exit code tells."""
    code, out = lab.run("check", "contoso", "--online")
    check("text: exit code in good health", code, 0)
    check("text: one line a hop", sum(1 for line in out.splitlines() if " source " in " " + line) >= 19)
    with Faulty(lab, "no-cmdlet:Get-CASMailbox"):
        code, out = lab.run("check", "contoso", "--online")
    check("text: exit code with a failure", code != 0)
    check("text: names the script", "--role-script" in out or "role" in out)


def example(lab, source):
    """A third party's module tells its own hops."""
    if not os.path.exists(os.path.join(sys.argv[1], "lib/easgate/plugins/source-csv.so")):
        print("SKIPPED: source-csv is not built")
        return
    data = os.path.join(source, "tests", "conformance", "data")
    with open(lab.org) as f:
        old = f.read()
    head, tail = old.split("source:\n", 1)
    tail = tail[tail.index("sink:"):]
    here = ('source:\n  module: source-csv\n  mailboxes: "%s/mailboxes.csv"\n  devices: "%s/devices.csv"\n'
            '  outbox: "%s/changes.jsonl"\n' % (data, data, lab.home))
    try:
        write(lab.org, head + here + tail)
        code, found = hops(lab)
        check("source-csv: its hops", [f[:2] for f in found if f[0].startswith("source ")],
              [("source options", "ok"), ("source mailboxes", "ok"), ("source devices", "ok"), ("source outbox", "ok")])
        write(lab.org, head + here.replace("mailboxes.csv", "no.csv") + tail)
        broken(lab, "source-csv: no file", "source mailboxes", "no.csv")
    finally:
        write(lab.org, old)


need(sys.argv[1])
with Lab(sys.argv[1], devices=20) as the_lab:
    CAS = the_lab.info["cas_ports"][0]
    with open(os.path.join(the_lab.dir, "exchange.password")) as password:
        PASSWORD = password.read()
    write(os.path.join(the_lab.dir, "mail.password"), PASSWORD)
    the_lab.edit(r"^schedule:", NOTIFIER % (CAS, the_lab.dir, the_lab.dir))
    exit_code, all_hops = hops(the_lab)
    check("good health: exit code", exit_code, 0)
    check("good health: every hop", [("source server localhost", f[1]) if f[0].startswith("source server") else f[:2]
                                     for f in all_hops], HEALTHY)
    text(the_lab)
    exchange(the_lab, CAS)
    graph(the_lab)
    mail(the_lab, CAS)
    example(the_lab, sys.argv[2])
    exit_code, all_hops = hops(the_lab)
    check("good again: exit code", exit_code, 0)
sys.exit(done())
