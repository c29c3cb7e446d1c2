#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read_template.py FILE LANGUAGE: what a mail reader makes of a template's mail; 0 when all of it
is there, whole, and nothing of a value became markup."""
import email
import email.policy
import html.parser
import sys

USER = "\u05e9\u05dc\u05d5\u05dd <b>Zo\u00eb</b> & \"O'Neil\" \U0001f469\u200d\U0001f4bb"
PHONE = "\U0001f4f1 <script>alert(1)</script>, iPhone14,2, ID APPL{{user}}"
HELP = "help@contoso.example & <1234>"


class Reader(html.parser.HTMLParser):
    """Tags in order, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.seen, self.lang = [], [], set(), None

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag == "html":
            self.lang = dict(attrs).get("lang")
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        top = self.open.pop() if self.open else None
        if top != tag:
            raise ValueError(f"{tag} closes {top}")

    def handle_data(self, data):
        self.text.append(data)


def main():
    path, language = sys.argv[1:3]
    with open(path, "rb") as f:
        m = email.message_from_bytes(f.read(), policy=email.policy.default)
    wrong = []
    for part in m.walk():
        if part.defects:
            wrong.append(f"defects {part.defects}")
    plain = m.get_body(("plain",)).get_content()
    page = m.get_body(("html",)).get_content()
    r = Reader()
    r.feed(page)
    r.close()
    text = "".join(r.text)
    if r.open:
        wrong.append(f"never closed: {r.open}")
    if r.lang != language or m["Content-Language"] != language:
        wrong.append(f"language {r.lang}, {m['Content-Language']}")
    if r.seen & {"script", "b"}:
        wrong.append("a value became markup")
    for name, body in (("text", plain), ("HTML", text)):
        for value in (USER, PHONE, HELP):
            if value not in body:
                wrong.append(f"the {name} lacks {value!r}")
        rest = body.replace(PHONE, "")
        if "{{" in rest or "}}" in rest:
            wrong.append(f"the {name} has a hole left")
        if "\ufffd" in body:
            wrong.append(f"the {name} has broken characters")
    if not m["Subject"] or "{" in m["Subject"]:
        wrong.append(f"subject {m['Subject']!r}")
    for w in wrong:
        print("#", w)
    return bool(wrong)


sys.exit(main())
