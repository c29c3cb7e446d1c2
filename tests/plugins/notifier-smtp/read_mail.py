#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read_mail.py FILE: the mail of test_smtp.c as a mail reader sees it; 0 when it is whole."""
import email
import email.policy
import sys

with open(sys.argv[1], "rb") as f:
    m = email.message_from_bytes(f.read(), policy=email.policy.default)
want = {
    "Subject": ("Ger\u00e4t \u05e9\u05dc\u05d5\u05dd", m["Subject"]),
    "From": ("Contoso \U0001f4f1", m["From"].addresses[0].display_name),
    "Message-ID": ("<run-1@contoso.example>", m["Message-ID"]),
    "key": ("run-1", m["X-Easgate-Notification-Id"]),
    "text": ("Hallo Zo\u00eb \U0001f469\n.\n..\nFrom here\n", m.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n") + "\n"),
    "html": ("<p>Hallo Zo\u00eb</p>", m.get_body(("html",)).get_content().strip()),
}
wrong = [f"# {k} is {got!r}, not {w!r}" for k, (w, got) in want.items() if w != got]
wrong += [f"# {p.defects}" for p in m.walk() if p.defects]
print("\n".join(wrong))
sys.exit(bool(wrong))
