# SPDX-License-Identifier: Apache-2.0
"""Reads the recordings of tests/data/pypsrp: the small part of YAML that they are written in.

A recording is {"messages": [{"request": text, "response": text, "transport_error": {...}}]}; its long
texts are plain, single-quoted or double-quoted scalars folded over indented lines.
"""
import base64
import re
import struct
import uuid

KEY = re.compile(r"^( *)(- )?([A-Za-z_]+):(?: (.*))?$")


def _double(text):
    simple = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "0": "\0", "/": "/", " ": " ", "e": "\x1b"}

    def one(m):
        if m.group(1) in "xuU":
            return chr(int(m.group(2), 16))
        return simple[m.group(1)]
    return re.sub(r'\\(?:(x)([0-9a-fA-F]{2})|(u)([0-9a-fA-F]{4}))',
                  lambda m: chr(int(m.group(2) or m.group(4), 16)),
                  re.sub(r'\\([nrt"\\0/ e])', one, text)) if "\\" in text else text


def _fold(lines):
    out, blank = lines[0], 0
    for line in lines[1:]:
        if not line.strip():
            blank += 1
            continue
        if out.endswith("\\") and not out.endswith("\\\\"):
            out = out[:-1] + line.strip()           # an escaped line break of a double-quoted text
        else:
            out = out.rstrip() + ("\n" * blank if blank else " ") + line.strip()
        blank = 0
    return out


def _scalar(lines):
    text = _fold(lines).strip()
    if text[:1] == "'":
        assert text[-1] == "'", "unterminated text"
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        assert text[-1] == '"', "unterminated text"
        return _double(text[1:-1])
    assert not text or text[0] not in "|>&*!{[", "YAML that this reader does not know: " + text[:40]
    return text


def load(path):
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    assert lines[0] == "messages:", path + " is not a recording"
    messages, i = [], 1
    where = None
    while i < len(lines):
        if not lines[i].strip():
            i += 1
            continue
        m = KEY.match(lines[i])
        assert m, "%s:%d: not understood: %.60s" % (path, i + 1, lines[i])
        indent, dash, key, value = len(m.group(1)), m.group(2), m.group(3), m.group(4)
        if dash:
            messages.append({})
        depth = indent + (2 if dash else 0)
        if not value:
            where = messages[-1][key] = {}
            i += 1
            continue
        text, i = [value], i + 1
        while i < len(lines) and (not lines[i].strip() or len(lines[i]) - len(lines[i].lstrip(" ")) > depth):
            text.append(lines[i])
            i += 1
        (messages[-1] if depth == 2 else where)[key] = _scalar(text)
    return messages


NS = {"s": "http://www.w3.org/2003/05/soap-envelope", "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
      "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
      "r": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"}
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Request:
    """What matters of a request, recorded or live."""

    def __init__(self, root):
        self.action = root.findtext("s:Header/a:Action", None, NS).strip()
        self.verb = self.action.rsplit("/", 1)[1]
        self.message_id = self._guid(root.findtext("s:Header/a:MessageID", None, NS))
        body = root.find("s:Body", NS)
        shell = body.find("r:Shell", NS)
        self.shell = self._guid(shell.get("ShellId")) if shell is not None else self._guid(
            root.findtext("s:Header/w:SelectorSet/w:Selector[@Name='ShellId']", None, NS))
        self.command = self.signal = None
        self.fragments = b""
        for e in body.iter():
            tag = e.tag.rsplit("}", 1)[1]
            if e.get("CommandId"):
                self.command = self._guid(e.get("CommandId"))
            if tag == "Code":
                self.signal = e.text.strip()
            if tag in ("creationXml", "Arguments", "Stream") and e.text and e.text.strip():
                self.fragments += base64.b64decode(e.text)

    @staticmethod
    def _guid(text):
        m = GUID.search(text or "")
        return uuid.UUID(m.group(0)) if m else None

    def messages(self):
        """(type, pool id, pipeline id, first bytes) of each message that starts in this request."""
        data, out = self.fragments, []
        while data:
            _, _, flags, size = struct.unpack(">QQBI", data[:21])
            blob, data = data[21:21 + size], data[21 + size:]
            assert len(blob) == size, "the request ends inside a fragment"
            if flags & 1:
                out.append((struct.unpack("<I", blob[4:8])[0], uuid.UUID(bytes_le=blob[8:24]),
                            uuid.UUID(bytes_le=blob[24:40]), blob[40:]))
        return out
