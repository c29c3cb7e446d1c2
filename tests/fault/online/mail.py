#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mail preview` in every language and template, and `mail test` with real servers: the lab's EWS, and aiosmtpd.

usage: mail.py BUILD SOURCE
"""
import base64
import datetime
import email
import email.policy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exchange"))
from faultlab import Lab, check, done, need  # noqa: E402

TEMPLATES = ("about-to-be-blocked", "blocked", "quarantined", "allowed-again", "digest")
LANGUAGES = ("en", "nl", "de", "fr")
DEBIAN_PYTHON = "/usr/bin/python3"      # whose packages aiosmtpd is one of

EWS = """notifier:
  module: ews-mail
  mailbox: notify@contoso.example
  autodiscover: { server: "localhost:%d" }
  auth: { method: basic, user: CONTOSO\\svc-easgate, password: "file:%s/exchange.password" }
  ca_file: "%s/ca.pem"
schedule:"""
SMTP = """notifier:
  module: notifier-smtp
  server: localhost:%d
  from: notify@contoso.example
  auth: { user: notify, password: "file:%s/smtp.password" }
  ca_file: "%s/smtp.crt"
schedule:"""


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)


def configure(lab, notifier):
    write(lab.org, PLAIN)
    lab.edit(r"^schedule:", notifier)


def preview(lab):
    subjects = set()
    for template in TEMPLATES:
        for language in LANGUAGES:
            code, out = lab.run("mail", "preview", "contoso", "--template", template, "--lang", language, "--json")
            m = json.loads(out)
            check("preview %s %s" % (template, language), (code, m["language"], "{{" in m["text"] + m["html"] + m["subject"]),
                  (0, language, False))
            check("preview %s %s: both forms" % (template, language), (len(m["text"]) > 100, "<html lang=\"%s\">" % language
                                                                      in m["html"]), (True, True))
            subjects.add(m["subject"])
    check("every subject is another", len(subjects), len(TEMPLATES) * len(LANGUAGES))
    code, out = lab.run("mail", "preview", "contoso", "--lang", "ja")
    check("a language that is not there: the configured one", (code, "Content-Language: en" in out), (0, True))
    code, out = lab.run("mail", "preview", "contoso", "--html")
    check("--html", (code, out.startswith("<!DOCTYPE html>")), (0, True))
    code, out = lab.run("mail", "preview", "contoso", "--template", "nonsense")
    check("a template that is not there", (code != 0, "digest" in out), (True, True))
    code, out = lab.run("mail", "test", "contoso")
    check("test needs --to", (code != 0, "--to" in out), (True, True))
    code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example")
    check("test without a notifier", (code != 0, "no notifier" in out), (True, True))


def read(raw, template, language, to):
    m = email.message_from_bytes(raw, policy=email.policy.default)
    check("%s: no defects" % template, [p.defects for p in m.walk() if p.defects], [])
    check("%s: head" % template, (str(m["To"]), str(m["From"]).count("notify@contoso.example"), m["Content-Language"],
                                  m["Auto-Submitted"] is not None), (to, 1, language, True))
    check("%s: text and HTML" % template, (len(m.get_body(("plain",)).get_content()) > 100,
                                           "</html>" in m.get_body(("html",)).get_content()), (True, True))
    return str(m["Subject"])


def ews(lab):
    configure(lab, EWS % (lab.info["cas_ports"][0], lab.dir, lab.dir))
    for i, template in enumerate(TEMPLATES):
        code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example", "--template", template, "--lang", "nl")
        check("EWS %s: taken" % template, (code, "ews-mail took a mail to anna@contoso.example" in out), (0, True))
        sent = [json.loads(line) for line in lab.ask("/mail").splitlines()]
        check("EWS %s: one more in the mailbox" % template, len(sent), i + 1)
        check("EWS %s: where" % template, (sent[-1]["folder"], sent[-1]["to"]), ("sentitems", "anna@contoso.example"))
        read(base64.b64decode(sent[-1]["mime"]), template, "nl", "anna@contoso.example")
    # The answer is lost after the message was taken: found in Sent Items, and not sent again.
    lab.fault("ews-create:lost=after@1")
    code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example")
    lab.heal()
    check("EWS, answer lost: settled by a search", (code, len(lab.ask("/mail").splitlines())), (0, len(TEMPLATES) + 1))
    code, out = lab.run("mail", "test", "contoso", "--to", "nobody@contoso.example")
    check("EWS, refused recipient: exit code", code != 0)
    check("EWS, refused recipient: said", "ErrorInvalidRecipients" in out or out)
    code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example\nBcc: x@contoso.example")
    check("EWS, an address that is none", code != 0)


def smtp(lab, source):
    """aiosmtpd with STARTTLS and a log-on."""
    if not os.path.exists(os.path.join(sys.argv[1], "lib/easgate/plugins/notifier-smtp.so")):
        print("SKIPPED: notifier-smtp is not built")
        return
    if subprocess.run([DEBIAN_PYTHON, "-c", "import aiosmtpd"], capture_output=True).returncode:
        print("SKIPPED: python3-aiosmtpd is not installed")
        return
    box = os.path.join(lab.home, "box")
    os.mkdir(box)
    key, crt, both = (os.path.join(lab.dir, "smtp." + n) for n in ("key", "crt", "pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    key, "-out", crt, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    with open(both, "w") as out:
        for name in (crt, key):
            with open(name) as f:
                shutil.copyfileobj(f, out)
    server = subprocess.Popen([DEBIAN_PYTHON, os.path.join(source, "tests/plugins/notifier-smtp/smtpd.py"), both, box],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[1])
        while server.stdout.readline().strip() != "ready":
            pass
        write(os.path.join(lab.dir, "smtp.password"), "geheim")
        configure(lab, SMTP % (port, lab.dir, lab.dir))
        for i, template in enumerate(TEMPLATES):
            code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example", "--template", template, "--lang", "fr")
            check("SMTP %s: taken" % template, (code, "notifier-smtp took a mail" in out), (0, True))
            check("SMTP %s: one more" % template, len([n for n in os.listdir(box) if n.endswith(".eml")]), i + 1)
            with open(os.path.join(box, "%d.eml" % (i + 1)), "rb") as f:
                read(f.read(), template, "fr", "anna@contoso.example")
        code, out = lab.run("mail", "test", "contoso", "--to", "nobody@contoso.example")
        check("SMTP, refused recipient", (code != 0, "no such user" in out or "550" in out), (True, True))
        code, out = lab.run("check", "contoso", "--online")
        check("SMTP: check --online logs on", [line.split()[0] for line in out.splitlines() if " notifier log-on" in line], ["ok"])
        write(os.path.join(lab.dir, "smtp.password"), "falsch")
        code, out = lab.run("mail", "test", "contoso", "--to", "anna@contoso.example")
        check("SMTP, wrong password", (code != 0, len(os.listdir(box))), (True, len(TEMPLATES)))
        code, out = lab.run("check", "contoso", "--online")
        check("SMTP: check --online says so", [line.split()[0] for line in out.splitlines() if " notifier log-on" in line],
              ["error"])
    finally:
        server.stdin.close()
        server.wait(30)


def undeliverable(build):
    """A mail that cannot be delivered is shown, and stops the block only where that is configured."""
    for required in (False, True):
        with Lab(build, devices=30) as lab:
            lab.edit(r"^schedule:", EWS % (lab.info["cas_ports"][0], lab.dir, lab.dir))
            lab.edit(r"^schedule:", "mail: { wait: 0, required: %s, digest: { to: [ desk@contoso.example ], every: run } }\n"
                     "schedule:" % ("true" if required else "false"))
            lab.fault("ews-create:item=ErrorInvalidRecipients")
            code, run, out = lab.sync("--full")
            lab.heal()
            name = "required: %s" % required
            failed = lab.rows("SELECT m.user, m.device_id, m.error, a.state AS action FROM v_mail m JOIN v_actions a"
                              " ON a.device_id=m.device_id AND a.verb='block' WHERE m.state='failed' AND m.user IS NOT NULL")
            check("%s: mails failed" % name, len(failed) > 0)
            check("%s: the blocks" % name, {r["action"] for r in failed}, {"planned" if required else "done"})
            code, out = lab.run("status", "contoso")
            check("%s: status" % name, ("mail failed" in out, "failed" in out and "ErrorInvalidRecipients" in out), (True, True))
            code, out = lab.run("explain", "contoso", failed[0]["device_id"])
            lines = [line for line in out.splitlines() if "failed" in line and "ErrorInvalidRecipients" in line]
            check("%s: explain" % name, len(lines) >= 1)
            # The help desk hears of it with the next run.
            code, run, out = lab.sync("--full")
            desk = [m for m in map(json.loads, lab.ask("/mail").splitlines()) if m["to"] == "desk@contoso.example"]
            body = "".join(email.message_from_bytes(base64.b64decode(m["mime"]), policy=email.policy.default)
                           .get_body(("plain",)).get_content() for m in desk)
            check("%s: the digest names who was not told" % name, [r["user"] for r in failed if r["user"] not in body], [])
            check("%s: each digest once" % name, len({m["key"] for m in desk}), len(desk))


def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def agent(build):
    """A block that was announced takes effect when its mail said so; the schedule asks for hours later."""
    with Lab(build, devices=30) as lab:
        lab.edit(r"^schedule:", EWS % (lab.info["cas_ports"][0], lab.dir, lab.dir))
        lab.edit(r"^schedule:", "mail: { wait: 6s }\nschedule:")
        process = lab.start("run")
        try:
            end = time.time() + 120
            waiting = done_ = []
            while time.time() < end and process.poll() is None:
                if os.path.exists(lab.db):
                    try:
                        told = lab.rows("SELECT device_id, deadline FROM v_mail WHERE template='about-to-be-blocked'"
                                        " AND state='sent'")
                        waiting = told or waiting
                        done_ = lab.rows("SELECT device_id, finished_at FROM v_actions WHERE verb='block' AND state='done'")
                    except sqlite3.Error:
                        pass    # being made
                if waiting and {r["device_id"] for r in waiting} <= {r["device_id"] for r in done_}:
                    break
                time.sleep(0.2)
        finally:
            process.terminate()
            out, _ = process.communicate(timeout=60)
        check("the agent announced blocks", len(waiting) > 0)
        at = {r["device_id"]: when(r["finished_at"]) for r in done_}
        late = [at.get(r["device_id"], 1e12) - when(r["deadline"]) for r in waiting]
        check("none before its time", [x for x in late if x < 0], [])
        check("all of them within half a minute", [x for x in late if x > 30], [])
        runs = lab.rows("SELECT kind FROM v_runs ORDER BY started_at")
        check("one full run, and a quick one for the blocks", [r["kind"] for r in runs][:2], ["full", "quick"])
        check("no runs in circles", len(runs) <= 4)
        print("announced %d blocks, applied %.0f to %.0f s after their instant, %d runs" % (
            len(waiting), min(late, default=0), max(late, default=0), len(runs)))


need(sys.argv[1])
undeliverable(sys.argv[1])
agent(sys.argv[1])
with Lab(sys.argv[1], devices=5) as the_lab:
    with open(the_lab.org) as file:
        PLAIN = file.read()
    preview(the_lab)
    ews(the_lab)
    smtp(the_lab, sys.argv[2])
sys.exit(done())
