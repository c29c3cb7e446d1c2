#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read_mail.py FILE SUBJECT TEXT HTML: what a mail reader makes of the mail; 0 when it is as given."""
import email
import email.policy
import sys


def main():
    path, subject, text, html = sys.argv[1:5]
    with open(path, "rb") as f:
        raw = f.read()
    m = email.message_from_bytes(raw, policy=email.policy.default)
    wrong = []

    def same(what, got, want):
        if got != want:
            wrong.append(f"{what} is {got!r}, not {want!r}")

    def lines(s):
        return s.replace("\r\n", "\n").rstrip("\n")

    for part in m.walk():
        same("defects of " + part.get_content_type(), part.defects, [])
    for name, value in m.items():
        same("defects of " + name, getattr(value, "defects", ()), ())
    same("Subject", m["Subject"], subject.replace("\t", " "))
    same("To", [a.addr_spec for a in m["To"].addresses], ["zoe.o'neill@contoso.example"])
    same("From", [(a.display_name, a.addr_spec) for a in m["From"].addresses],
         [('Contoso "IT" \\ Helpdesk', "notify@contoso.example")])
    same("Message-ID", m["Message-ID"], "<0b6c=2E17/x@contoso.example>")
    same("key", m["X-Easgate-Notification-Id"], "0b6c.17/x")
    same("Date", m["Date"].datetime.isoformat(), "2026-11-25T15:00:00+00:00")
    same("Auto-Submitted", m["Auto-Submitted"], "auto-generated")
    same("Content-Language", m["Content-Language"], "nl-BE")
    body = m.get_body(("plain",))
    same("text", lines(body.get_content()), lines(text))
    if html:
        body = m.get_body(("html",))
        same("html", lines(body.get_content()), lines(html))
        same("structure", m.get_content_type(), "multipart/alternative")
    pictures = [p for p in m.walk() if p.get_content_type() == "image/png"]
    for p in pictures:
        same("picture", p.get_content(), b"\x89PNG\r\n\x1a\n\0\1\2\xff")
        same("its id", p["Content-ID"], "<picture@easgate>")
        same("its name", p.get_filename(), "\U0001f4f1 Zo\u00eb's \u201ciPhone\u201d \U0001f469\u200d\U0001f4bb")
    for w in wrong:
        print("#", w)
    return bool(wrong)


sys.exit(main())
