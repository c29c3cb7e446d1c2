# SPDX-License-Identifier: Apache-2.0
"""An independent client of the lab: WS-Man, PSRP, CLIXML, token and Graph in the standard library.

It shares no code with the lab or with the agent, so that the lab's own reading of the protocols is
checked by somebody else's.
"""
import base64
import http.client
import json
import os
import re
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ET

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
R = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
X = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
F = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.Exchange"
HOST_NULL = ("<Obj N=\"HostInfo\" RefId=\"3\"><MS><B N=\"_isHostNull\">%s</B><B N=\"_isHostUINull\">%s</B>"
             "<B N=\"_isHostRawUINull\">true</B><B N=\"_useRunspaceHost\">true</B></MS></Obj>")


class Fault(Exception):
    def __init__(self, status, code, subcode, message):
        super().__init__(f"HTTP {status}, fault {code} {subcode}: {message}")
        self.status, self.code, self.subcode, self.message = status, code, subcode, message


class Lab:
    """Starts easgate-lab with the options given and ends it with the block."""

    def __init__(self, program, *options):
        self.dir = tempfile.mkdtemp(prefix="easgate-lab-")
        self.proc = subprocess.Popen(
            [program, "--dir", self.dir, "--quiet", "--until-stdin-closes", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.proc.stdout.readline().decode()
        if line != "easgate-lab: ready\n":
            raise RuntimeError(f"the lab did not start: {line!r}")
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            self.about = json.load(f)
        self.tls = ssl.create_default_context(cafile=os.path.join(self.dir, "ca.pem"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        rc = self.proc.wait(20)
        subprocess.run(["rm", "-rf", self.dir], check=True)
        if rc != 0:
            raise RuntimeError(f"the lab ended with {rc}")

    def password(self):
        with open(os.path.join(self.dir, "exchange.password"), encoding="utf-8") as f:
            return f.read()

    def secret(self):
        with open(os.path.join(self.dir, "graph.secret"), encoding="utf-8") as f:
            return f.read()

    def http(self, port):
        return http.client.HTTPSConnection("localhost", port, context=self.tls, timeout=30)

    def control(self, path, body=None):
        c = self.http(self.about["graph_port"])
        c.request("POST" if body is not None else "GET", "/lab/" + path,
                  json.dumps(body) if body is not None else None)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        if r.status != 200:
            raise RuntimeError(f"/lab/{path}: HTTP {r.status} {text}")
        if path in ("devices", "mailboxes"):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)

    def token_request(self, **form):
        form.setdefault("client_id", self.about["client_id"])
        form.setdefault("grant_type", "client_credentials")
        form.setdefault("scope", self.about["graph"] + "/.default")
        c = self.http(self.about["graph_port"])
        c.request("POST", f"/{self.about['tenant']}/oauth2/v2.0/token",
                  urllib.parse.urlencode({k: v for k, v in form.items() if v is not None}),
                  {"Content-Type": "application/x-www-form-urlencoded"})
        r = c.getresponse()
        out = r.status, json.loads(r.read())
        c.close()
        return out

    def token(self):
        status, body = self.token_request(client_secret=self.secret())
        if status != 200:
            raise RuntimeError(f"token: HTTP {status} {body}")
        return body["access_token"]

    def graph(self, path, token, method="GET", body=None, **headers):
        if path.startswith("https://"):
            path = re.sub(r"^https://[^/]+", "", path)
        c = self.http(self.about["graph_port"])
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers["Authorization"] = "Bearer " + token
        c.request(method, path, json.dumps(body) if body is not None else None, headers)
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, (json.loads(text) if text else None), dict(r.getheaders())

    def graph_all(self, path, token, **headers):
        out, pages = [], 0
        while path:
            status, body, _ = self.graph(path, token, **headers)
            if status != 200:
                raise RuntimeError(f"{path}: HTTP {status} {body}")
            out += body["value"]
            path = body.get("@odata.nextLink")
            pages += 1
        return out, pages


def unescape(s):
    units = re.sub(r"_[xX]([0-9A-Fa-f]{4})_", lambda m: chr(int(m.group(1), 16)), s or "")
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def value(e, refs):
    """CLIXML element to Python: dicts for objects with properties, lists, strings."""
    tag = e.tag
    if tag == "Nil":
        return None
    if tag == "Ref":
        return refs[e.get("RefId")]
    if tag in ("I32", "U32", "I64", "By"):
        return int(e.text)
    if tag == "B":
        return e.text == "true"
    if tag != "Obj":
        return unescape(e.text)
    out = {}
    for k in e:
        if k.tag == "ToString":
            out["#"] = unescape(k.text)
        elif k.tag in ("Props", "MS"):
            for p in k:
                out[unescape(p.get("N"))] = value(p, refs)
        elif k.tag == "LST":
            out = [value(i, refs) for i in k]
        elif k.tag == "DCT":
            out = {value(n[0], refs): value(n[1], refs) for n in k}
        elif k.tag == "TN":
            if isinstance(out, dict):
                out["#type"] = k[0].text
        elif k.tag != "TNRef":
            out = out.get("#", value(k, refs))
    refs[e.get("RefId")] = out
    return out


def decode(xml):
    if not xml:
        return None
    return value(ET.fromstring(xml), {})


def argument(name, v, ids):
    n = f' N="{name}"' if name else ""
    if v is None:
        return f"<Nil{n}/>"
    if isinstance(v, bool):
        return f"<B{n}>{str(v).lower()}</B>"
    if isinstance(v, int):
        return f"<I32{n}>{v}</I32>"
    if isinstance(v, str):
        t = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", v)
        t = t.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"<S{n}>{t}</S>"
    ids[0] += 1
    ref = ids[0]
    if isinstance(v, dict):
        inner = "".join(f"<En>{argument('Key', k, ids)}{argument('Value', w, ids)}</En>"
                        for k, w in v.items())
        return (f'<Obj{n} RefId="{ref}"><TN RefId="{ref}"><T>System.Collections.Hashtable</T>'
                f"<T>System.Object</T></TN><DCT>{inner}</DCT></Obj>")
    inner = "".join(argument(None, w, ids) for w in v)
    return (f'<Obj{n} RefId="{ref}"><TN RefId="{ref}"><T>System.Object[]</T><T>System.Array</T>'
            f"<T>System.Object</T></TN><LST>{inner}</LST></Obj>")


def command_xml(name, args, ids, script=False):
    ids[0] += 1
    inner = ""
    for k, v in args.items():
        ids[0] += 1
        n = "<Nil N=\"N\"/>" if k.startswith("@") else f'<S N="N">{k}</S>'
        inner += f'<Obj RefId="{ids[0]}"><MS>{n}{argument("V", v, ids)}</MS></Obj>'
    ids[0] += 1
    return (f'<Obj RefId="{ids[0]}"><MS>{argument("Cmd", name, ids)}'
            f'<B N="IsScript">{str(script).lower()}</B><Nil N="UseLocalScope"/>'
            f'<Obj N="Args" RefId="{ids[0] + 5000}"><TN RefId="{ids[0] + 5000}">'
            f"<T>System.Collections.ArrayList</T><T>System.Object</T></TN><LST>{inner}</LST></Obj></MS></Obj>")


class Result:
    def __init__(self):
        self.output, self.errors, self.warnings, self.calls = [], [], [], []
        self.state, self.reason, self.receives, self.types = None, None, 0, []
        self.raw = 0


class Session:
    """One shell with one runspace pool."""

    def __init__(self, lab, cas=0, query="", envelope=153600, host_null=True, timeout="PT20S",
                 password=None, resource=RESOURCE, cookies=True, idle=None):
        self.lab, self.query, self.envelope, self.timeout = lab, query, envelope, timeout
        self.resource, self.keep_cookies = resource, cookies
        self.conn = lab.http(lab.about["cas_ports"][cas])
        cred = f"{lab.about['exchange_user']}:{password or lab.password()}"
        self.auth = "Basic " + base64.b64encode(cred.encode()).decode()
        self.cookie = None
        self.pool = uuid.uuid4()
        self.object = 0
        self.shell = None
        self.rid = None
        self.session = str(uuid.uuid4()).upper()
        ok = str(host_null).lower()
        first = self.message(0x00010002, uuid.UUID(int=0),
                             '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version>'
                             '<Version N="PSVersion">2.0</Version>'
                             '<Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>')
        second = self.message(0x00010004, uuid.UUID(int=0),
                              '<Obj RefId="0"><MS><I32 N="MinRunspaces">1</I32>'
                              '<I32 N="MaxRunspaces">1</I32>' + HOST_NULL % (ok, ok) +
                              '<Nil N="ApplicationArguments" /></MS></Obj>')
        blob = base64.b64encode(b"".join(self.fragments(first, 32768) + self.fragments(second, 32768)))
        idle = f"<rsp:IdleTimeOut>{idle}</rsp:IdleTimeOut>" if idle else ""
        body = self.post("x:Create", f'<rsp:Shell ShellId="{str(self.pool).upper()}">{idle}'
                         "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout"
                         '</rsp:OutputStreams><creationXml xmlns="http://schemas.microsoft.com/'
                         f'powershell">{blob.decode()}</creationXml></rsp:Shell>',
                         '<wsman:OptionSet s:mustUnderstand="true"><wsman:Option MustComply="true" '
                         'Name="protocolversion">2.3</wsman:Option></wsman:OptionSet>')
        self.shell = body.find(f".//{{{W}}}Selector").text
        self.has_shell_element = body.find(f".//{{{R}}}Shell") is not None
        self.incoming = {}
        pool = Result()
        while pool.state is None:
            self.receive(None, pool)
        self.capability, self.private = pool.types, pool.output

    # -- envelopes

    def post(self, action, body, extra="", status=200):
        uri = {"x": X, "rsp": R}[action.split(":")[0]] + "/" + action.split(":")[1]
        mid = "uuid:" + str(uuid.uuid4()).upper()
        sel = (f'<wsman:SelectorSet><wsman:Selector Name="ShellId">{self.shell}</wsman:Selector>'
               "</wsman:SelectorSet>") if self.shell else ""
        path = "/powershell" + self.query
        xml = (f'<s:Envelope xmlns:s="{S}" xmlns:wsa="{A}" xmlns:wsman="{W}" xmlns:wsmv="{P}" '
               f'xmlns:rsp="{R}"><s:Header><wsa:Action s:mustUnderstand="true">{uri}</wsa:Action>'
               f'<wsmv:DataLocale s:mustUnderstand="false" xml:lang="en-US" /><wsman:Locale '
               f's:mustUnderstand="false" xml:lang="en-US" /><wsman:MaxEnvelopeSize '
               f's:mustUnderstand="true">{self.envelope}</wsman:MaxEnvelopeSize><wsa:MessageID>{mid}'
               f"</wsa:MessageID><wsman:OperationTimeout>{self.timeout}</wsman:OperationTimeout>"
               f'<wsa:ReplyTo><wsa:Address s:mustUnderstand="true">{A}/role/anonymous</wsa:Address>'
               f'</wsa:ReplyTo><wsman:ResourceURI s:mustUnderstand="true">{self.resource}'
               f'</wsman:ResourceURI><wsmv:SessionId s:mustUnderstand="false">uuid:{self.session}'
               f"</wsmv:SessionId><wsa:To>https://localhost{path}</wsa:To>{extra}{sel}</s:Header>"
               f"<s:Body>{body}</s:Body></s:Envelope>")
        headers = {"Content-Type": "application/soap+xml;charset=UTF-8", "Authorization": self.auth}
        if self.cookie and self.keep_cookies:
            headers["Cookie"] = self.cookie
        self.conn.request("POST", path, xml.encode(), headers)
        r = self.conn.getresponse()
        data = r.read()
        self.status, self.bytes = r.status, len(data)
        if r.getheader("Set-Cookie"):
            self.cookie = r.getheader("Set-Cookie").split(";")[0]
        if not data.startswith(b"<s:Envelope"):
            raise Fault(r.status, 0, "", data.decode(errors="replace")[:200])
        root = ET.fromstring(data)
        if root.find(f".//{{{A}}}RelatesTo").text != mid:
            raise RuntimeError("RelatesTo is not our MessageID")
        fault = root.find(f".//{{{S}}}Fault")
        if fault is not None:
            f = fault.find(f".//{{{F}}}WSManFault")
            raise Fault(r.status, int(f.get("Code")), fault.find(f".//{{{S}}}Subcode/{{{S}}}Value").text,
                        f.find(f"{{{F}}}Message").text)
        if r.status != status:
            raise RuntimeError(f"HTTP {r.status}")
        if len(data) > self.envelope:
            raise RuntimeError(f"an envelope of {len(data)} bytes, {self.envelope} were allowed")
        return root

    # -- messages and fragments

    def message(self, kind, pid, xml):
        return struct.pack("<II", 2, kind) + self.pool.bytes_le + pid.bytes_le + xml.encode()

    def fragments(self, data, size):
        self.object += 1
        out, at, n = [], 0, 0
        while at < len(data) or not n:
            part = data[at:at + size - 21]
            flags = (1 if at == 0 else 0) | (2 if at + len(part) >= len(data) else 0)
            out.append(struct.pack(">QQBI", self.object, n, flags, len(part)) + part)
            at += len(part)
            n += 1
        return out

    def feed(self, raw, result):
        while raw:
            oid, fid, flags, n = struct.unpack(">QQBI", raw[:21])
            part, raw = raw[21:21 + n], raw[21 + n:]
            if len(part) != n:
                raise RuntimeError("a fragment is cut")
            have = self.incoming.setdefault(oid, [])
            if bool(flags & 1) != (fid == 0) or len(have) != fid:
                raise RuntimeError(f"fragment {fid} of object {oid} is out of order")
            have.append(part)
            if not flags & 2:
                continue
            whole = b"".join(self.incoming.pop(oid))
            dest, kind = struct.unpack("<II", whole[:8])
            if dest != 1 or whole[40:43] != b"\xef\xbb\xbf":
                raise RuntimeError("not a message to a client")
            self.handle(kind, whole[43:].decode(), result)

    def handle(self, kind, xml, result):
        v = decode(xml)
        result.types.append(kind)
        result.raw += len(xml)
        if kind in (0x00041004, 0x00021009, 0x00010002):
            result.output.append(v)
        elif kind == 0x00041005:
            result.errors.append(v)
        elif kind == 0x00041009:
            result.warnings.append(v["InformationalRecord_Message"])
        elif kind == 0x00041100:
            result.calls.append(v)
        elif kind == 0x00041006:
            result.state, result.reason = v["PipelineState"], v.get("ExceptionAsErrorRecord")
        elif kind == 0x00021005:
            result.state = v["RunspaceState"]
        else:
            raise RuntimeError(f"message type {kind:08x}")

    def receive(self, cid, result):
        c = f' CommandId="{cid}"' if cid else ""
        root = self.post("rsp:Receive", f"<rsp:Receive><rsp:DesiredStream{c}>stdout</rsp:DesiredStream>"
                         "</rsp:Receive>",
                         '<wsman:OptionSet s:mustUnderstand="true"><wsman:Option Name='
                         '"WSMAN_CMDSHELL_OPTION_KEEPALIVE">True</wsman:Option></wsman:OptionSet>')
        result.receives += 1
        for s in root.iter(f"{{{R}}}Stream"):
            if cid and s.get("CommandId") != cid:
                raise RuntimeError("a Stream of another command")
            self.feed(base64.b64decode(s.text), result)
        state = root.find(f".//{{{R}}}CommandState")
        return state.get("State").rsplit("/", 1)[1] if state is not None else None

    # -- pipelines

    def start(self, *stages, no_input=True, size=32768, statements=None, kind=0x00021006, xml=None):
        ids = [20]
        if xml is None:
            def lst(cmds):
                return "".join(command_xml(n, a, ids, n.startswith("!")) if not n.startswith("!")
                               else command_xml(n[1:], a, ids, True) for n, a in cmds)
            extra = '<Nil N="ExtraCmds"/>'
            if statements:
                inner = "".join(f'<Obj RefId="{8000 + i}"><MS><Obj N="Cmds" RefId="{8100 + i}"><LST>'
                                f"{lst(c)}</LST></Obj></MS></Obj>" for i, c in enumerate(statements))
                extra = f'<Obj N="ExtraCmds" RefId="7999"><LST>{inner}</LST></Obj>'
                stages = statements[0]
            xml = (f'<Obj RefId="0"><MS><B N="NoInput">{str(no_input).lower()}</B>'
                   '<B N="AddToHistory">false</B>' + HOST_NULL % ("true", "true") +
                   f'<Obj N="PowerShell" RefId="4"><MS><B N="IsNested">false</B>{extra}'
                   f'<Obj N="Cmds" RefId="5"><LST>{lst(stages)}</LST></Obj><Nil N="History"/>'
                   '<B N="RedirectShellErrorOutputPipe">false</B></MS></Obj><B N="IsNested">false</B>'
                   "</MS></Obj>")
        cid = uuid.uuid4()
        parts = self.fragments(self.message(kind, cid, xml), size)
        root = self.post("rsp:Command", f'<rsp:CommandLine CommandId="{str(cid).upper()}"><rsp:Command />'
                         f"<rsp:Arguments>{base64.b64encode(parts[0]).decode()}</rsp:Arguments>"
                         "</rsp:CommandLine>")
        wire = root.find(f".//{{{R}}}CommandId").text
        for part in parts[1:]:
            self.send(wire, part)
        return wire, cid

    def send(self, wire, raw, stream="stdin"):
        c = f' CommandId="{wire}"' if wire else ""
        self.post("rsp:Send", f'<rsp:Send><rsp:Stream Name="{stream}"{c}>'
                  f"{base64.b64encode(raw).decode()}</rsp:Stream></rsp:Send>")

    def finish(self, wire, result=None):
        result = result or Result()
        state = None
        while state != "Done":
            state = self.receive(wire, result)
        self.signal(wire, R + "/signal/Terminate")
        return result

    def signal(self, wire, code):
        self.post("rsp:Signal", f'<rsp:Signal CommandId="{wire}"><rsp:Code>{code}</rsp:Code></rsp:Signal>')

    def run(self, *stages, **how):
        wire, _ = self.start(*stages, **how)
        return self.finish(wire)

    def call(self, name, **args):
        return self.run((name, args))

    def delete(self):
        self.post("x:Delete", "")
        self.conn.close()


def text(v):
    """A value in any of the shapes that Exchange writes."""
    if isinstance(v, dict):
        return v.get("#", "")
    return v


class Checks:
    def __init__(self):
        self.made = self.failed = 0

    def __call__(self, ok, what):
        self.made += 1
        if not ok:
            self.failed += 1
            print("# not so:", what)
        return ok

    def same(self, got, want, what):
        return self(got == want, f"{what}: got {got!r}, want {want!r}")

    def done(self):
        bad = self.failed or not self.made
        print(f"{'not ok' if bad else 'ok'} - {self.made} checks, {self.failed} failed")
        return 1 if bad else 0


def now():
    return time.monotonic()
