# SPDX-License-Identifier: Apache-2.0
"""A second, independent client of WS-Management and PSRP: as plain as it can be, for tests only."""
import base64
import http.client
import struct
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
TERMINATE = R + "/signal/Terminate"
CTRL_C = "powershell/signal/ctrl_c"
TIMED_OUT, NO_SUCH = 2150858793, 2150858843

OUTPUT, ERROR, STATE, VERBOSE, WARNING, PROGRESS, INFORMATION, HOST_CALL = (
    0x41004, 0x41005, 0x41006, 0x41008, 0x41009, 0x41010, 0x41011, 0x41100)


class Fault(Exception):
    def __init__(self, code, text):
        super().__init__("%s: %s" % (code, text))
        self.code = code


class Http(Exception):
    def __init__(self, status):
        super().__init__("HTTP %d" % status)
        self.status = status


def fragment(number, kind, pool, pid, xml):
    blob = struct.pack("<II", 2, kind) + pool.bytes_le + pid.bytes_le + xml.encode()
    return struct.pack(">QQBI", number, 0, 3, len(blob)) + blob


def defragment(data, pending):
    """Whole messages out of whole fragments: (type, pool, pid, text)."""
    while data:
        number, index, flags, size = struct.unpack(">QQBI", data[:21])
        blob, data = data[21:21 + size], data[21 + size:]
        assert len(blob) == size, "fragment is cut off"
        if flags & 1:
            assert index == 0 and number not in pending, "second start of object %d" % number
            pending[number] = [0, b""]
        assert pending[number][0] == index, "gap in the fragments of object %d" % number
        pending[number] = [index + 1, pending[number][1] + blob]
        if flags & 2:
            m = pending.pop(number)[1]
            destination, kind = struct.unpack("<II", m[:8])
            assert destination == 1, "message is not for the client"
            yield (kind, uuid.UUID(bytes_le=m[8:24]), uuid.UUID(bytes_le=m[24:40]), m[40:].decode("utf-8-sig"))


ENUM = ('<Obj N="%s" RefId="%d"><TN RefId="%d"><T>%s</T><T>System.Enum</T><T>System.ValueType</T>'
        '<T>System.Object</T></TN><ToString>%s</ToString><I32>%d</I32></Obj>')
HOST = ('<Obj N="HostInfo" RefId="%d"><MS><B N="_isHostNull">{0}</B><B N="_isHostUINull">{0}</B>'
        '<B N="_isHostRawUINull">{0}</B><B N="_useRunspaceHost">{0}</B></MS></Obj>')
REAL_HOST = ('<Obj N="HostInfo" RefId="%d"><MS><B N="_isHostNull">false</B><B N="_isHostUINull">false</B>'
             '<B N="_isHostRawUINull">true</B><B N="_useRunspaceHost">false</B></MS></Obj>')


def text(s):
    out = []
    for i, c in enumerate(s):
        if c == "_" and s[i + 1:i + 2] in ("x", "X"):
            out.append("_x005F_")
        elif c in "<>&\"" or ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F:
            out.append({"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}.get(c, "_x%04X_" % ord(c)))
        else:
            out.append(c)
    return "".join(out)


class Client:
    def __init__(self, port, user, password, tls, path="/powershell", timeout="PT20S", envelope=512000,
                 resource=RESOURCE, protocol="2.3"):
        self.protocol = protocol
        self.port, self.tls, self.path, self.timeout = port, tls, path, timeout
        self.envelope, self.resource = envelope, resource
        self.auth = base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
        self.url = "https://localhost:%d%s" % (port, path)
        self.session = uuid.uuid4()
        self.http = None
        self.objects = 0
        self.shell = None
        self.timeouts = self.receives = self.largest = 0
        self.kinds = []

    def post(self, body):
        if self.http is None:
            self.http = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=120)
        self.http.request("POST", self.path, body, {"Content-Type": "application/soap+xml;charset=UTF-8",
                                                    "Authorization": "Basic " + self.auth})
        r = self.http.getresponse()
        return r.status, r.read()

    def call(self, action, body, options="", shell=None):
        mid = "uuid:" + str(uuid.uuid4()).upper()
        selector = ""
        if shell or self.shell:
            selector = '<w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>' % (shell or self.shell)
        if options:
            options = '<w:OptionSet s:mustUnderstand="true">%s</w:OptionSet>' % options
        e = ('<s:Envelope xmlns:s="%s" xmlns:a="%s" xmlns:w="%s" xmlns:p="%s" xmlns:rsp="%s"><s:Header><a:To>%s</a:To>'
             '<a:Action s:mustUnderstand="true">%s</a:Action><a:MessageID>%s</a:MessageID><a:ReplyTo><a:Address>%s'
             '/role/anonymous</a:Address></a:ReplyTo><w:ResourceURI s:mustUnderstand="true">%s</w:ResourceURI>'
             '<w:MaxEnvelopeSize s:mustUnderstand="true">%d</w:MaxEnvelopeSize><w:OperationTimeout>%s'
             '</w:OperationTimeout><w:Locale xml:lang="en-US"/><p:DataLocale xml:lang="en-US"/><p:SessionId>uuid:%s'
             '</p:SessionId>%s%s</s:Header><s:Body>%s</s:Body></s:Envelope>') % (
                 S, A, W, P, R, self.url, action, mid, A, self.resource, self.envelope, self.timeout,
                 str(self.session).upper(), options, selector, body)
        status, answer = self.post(e.encode())
        if status not in (200, 500):
            raise Http(status)
        self.largest = max(self.largest, len(answer))
        root = ET.fromstring(answer)
        relates = root.findtext("{%s}Header/{%s}RelatesTo" % (S, A))
        assert relates == mid, "answer relates to %s, not to %s" % (relates, mid)
        fault = root.find("{%s}Body/{%s}Fault" % (S, S))
        if status == 500:
            assert fault is not None, "HTTP 500 without a fault"
            raise Fault(int(fault.find(".//{%s}WSManFault" % F).get("Code")),
                        fault.findtext(".//{%s}Text" % S))
        assert fault is None, "fault under HTTP 200"
        assert root.findtext("{%s}Header/{%s}Action" % (S, A)) == action + "Response"
        return root.find("{%s}Body" % S)

    def message(self, kind, pid, xml):
        self.objects += 1
        return fragment(self.objects, kind, self.pool, pid, xml)

    def open(self, host=False, until_open=True):
        self.pool = uuid.uuid4()
        self.pool_pending, self.pool_messages = {}, []
        capability = ('<Obj RefId="0"><MS><Version N="protocolversion">%s</Version><Version N="PSVersion">2.0</Version>'
                      '<Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>' % self.protocol)
        self.host = REAL_HOST if host else HOST.format("true")
        init = ('<Obj RefId="0"><MS><I32 N="MinRunspaces">1</I32><I32 N="MaxRunspaces">1</I32>'
                + ENUM % ("PSThreadOptions", 1, 0, "System.Management.Automation.Runspaces.PSThreadOptions", "Default", 0)
                + ENUM % ("ApartmentState", 2, 1, "System.Management.Automation.Runspaces.ApartmentState", "UNKNOWN", 2)
                + self.host % 3 + '<Nil N="ApplicationArguments" /></MS></Obj>')
        data = self.message(0x10002, uuid.UUID(int=0), capability) + self.message(0x10004, uuid.UUID(int=0), init)
        body = ('<rsp:Shell ShellId="%s"><rsp:IdleTimeOut>PT120S</rsp:IdleTimeOut><rsp:InputStreams>stdin pr'
                '</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>'
                '<creationXml xmlns="http://schemas.microsoft.com/powershell">%s</creationXml></rsp:Shell>' % (
                    str(self.pool).upper(), base64.b64encode(data).decode()))
        b = self.call(X + "/Create", body, '<w:Option Name="protocolversion" MustComply="true">%s</w:Option>'
                      % self.protocol)
        self.shell = b.findtext(".//{%s}Selector" % W)
        if self.protocol != "2.1":      # WinRM 2.0 chooses its own
            assert uuid.UUID(self.shell) == self.pool
        while until_open:
            self.pool_messages += self.receive(None, self.pool_pending)[0]
            for kind, pool, pid, xml in self.pool_messages:
                assert pid == uuid.UUID(int=0), "message of the pool names a pipeline"
                if kind == 0x21005:
                    state = int(ET.fromstring(xml).find(".//*[@N='RunspaceState']").text)
                    if state == 2:
                        return self
                    raise Fault(0, xml)
        return self

    def receive(self, cid, pending):
        where = ' CommandId="%s"' % cid if cid else ""
        while True:
            self.receives += 1
            try:
                b = self.call(R + "/Receive", "<rsp:Receive><rsp:DesiredStream%s>stdout</rsp:DesiredStream></rsp:Receive>"
                              % where, '<w:Option Name="WSMAN_CMDSHELL_OPTION_KEEPALIVE">True</w:Option>')
                break
            except Fault as f:
                if f.code != TIMED_OUT:
                    raise
                self.timeouts += 1
        messages = []
        for s in b.iter("{%s}Stream" % R):
            messages += defragment(base64.b64decode(s.text), pending)
        state = b.find(".//{%s}CommandState" % R)
        return messages, state.get("State").rsplit("/", 1)[1] if state is not None else None

    def pipeline(self, *commands, script=False):
        """Each command: (name, [(parameter, value as CLIXML element with N=V)])."""
        items, ref = [], 10
        for name, args in commands:
            merges = "".join(ENUM % (n, ref + i, ref + i, "System.Management.Automation.Runspaces.PipelineResultTypes",
                                     "None", 0) for i, n in enumerate((
                                         "MergeMyResult", "MergeToResult", "MergePreviousResults", "MergeError",
                                         "MergeWarning", "MergeVerbose", "MergeDebug", "MergeInformation")))
            listed = "".join('<Obj RefId="%d"><MS><S N="N">%s</S>%s</MS></Obj>' % (ref + 20 + i, n, v)
                             for i, (n, v) in enumerate(args))
            items.append('<Obj RefId="%d"><MS><S N="Cmd">%s</S><B N="IsScript">%s</B><Nil N="UseLocalScope" />%s'
                         '<Obj N="Args" RefId="%d"><TN RefId="%d"><T>System.Collections.ArrayList</T><T>System.Object</T>'
                         '</TN><LST>%s</LST></Obj></MS></Obj>' % (ref + 9, text(name), str(script).lower(), merges,
                                                                  ref + 10, ref + 9, listed))
            ref += 100
        return ('<Obj RefId="0"><MS><B N="NoInput">true</B>'
                + ENUM % ("ApartmentState", 1, 0, "System.Management.Automation.Runspaces.ApartmentState", "UNKNOWN", 2)
                + ENUM % ("RemoteStreamOptions", 2, 1, "System.Management.Automation.RemoteStreamOptions", "0", 0)
                + '<B N="AddToHistory">false</B>' + self.host % 3
                + '<Obj N="PowerShell" RefId="4"><MS><B N="IsNested">false</B><Nil N="ExtraCmds" /><Obj N="Cmds" RefId="5">'
                '<TN RefId="2"><T>System.Collections.ArrayList</T><T>System.Object</T></TN><LST>%s</LST></Obj>'
                '<Nil N="History" /><B N="RedirectShellErrorOutputPipe">true</B></MS></Obj><B N="IsNested">false</B>'
                '</MS></Obj>' % "".join(items))

    def command(self, *commands, script=False):
        pid = uuid.uuid4()
        data = self.message(0x21006, pid, self.pipeline(*commands, script=script))
        b = self.call(R + "/Command", '<rsp:CommandLine CommandId="%s"><rsp:Command></rsp:Command><rsp:Arguments>%s'
                      '</rsp:Arguments></rsp:CommandLine>' % (str(pid).upper(), base64.b64encode(data).decode()),
                      '<w:Option Name="WINRS_SKIP_CMD_SHELL">False</w:Option>')
        return b.findtext(".//{%s}CommandId" % R), pid

    def signal(self, cid, code):
        self.call(R + "/Signal", '<rsp:Signal CommandId="%s"><rsp:Code>%s</rsp:Code></rsp:Signal>' % (cid, code))

    def send(self, cid, pid, messages, stream="stdin"):
        """Messages (type, CLIXML) to a pipeline, in one Send."""
        data = b"".join(self.message(kind, pid, xml) for kind, xml in messages)
        self.call(R + "/Send", '<rsp:Send><rsp:Stream Name="%s" CommandId="%s">%s</rsp:Stream></rsp:Send>'
                  % (stream, cid, base64.b64encode(data).decode()))

    def drain(self, cid, pid, answer=None):
        """All messages until CommandState Done; host calls are answered by answer(xml)."""
        pending, result, state = {}, [], None
        while state != "Done":
            got, state = self.receive(cid, pending)
            for m in got:
                assert m[2] == pid, "message of another pipeline"
                if m[0] == HOST_CALL and answer:
                    reply = answer(m[3])
                    if reply:
                        self.send(cid, pid, [(0x41101, reply)], "pr")
            result += got
        assert not pending, "message is not complete"
        return Result(result)

    def run(self, *commands, script=False, answer=None):
        if isinstance(commands[0], str):
            commands = (commands,)
        commands = [(c[0], list(c[1:])) for c in commands]
        cid, pid = self.command(*commands, script=script)
        result = self.drain(cid, pid, answer)
        self.signal(cid, TERMINATE)
        return result

    def close(self):
        self.call(X + "/Delete", "")
        self.shell = None
        self.http.close()


class Result:
    def __init__(self, messages):
        self.messages = messages
        self.raw = {k: [m[3] for m in messages if m[0] == k] for k in {m[0] for m in messages}}
        self.output = [Value(ET.fromstring(x)) for x in self.raw.get(OUTPUT, [])]
        self.errors = [Value(ET.fromstring(x)) for x in self.raw.get(ERROR, [])]
        self.warnings = [ET.fromstring(x).findtext("ToString") for x in self.raw.get(WARNING, [])]
        last = ET.fromstring(messages[-1][3])
        assert messages[-1][0] == STATE, "the last message is not the state"
        self.state = int(last.find(".//*[@N='PipelineState']").text)
        e = last.find(".//*[@N='ExceptionAsErrorRecord']")
        self.failure = Value(e) if e is not None else None


def decode(s):
    out, i = [], 0
    s = s or ""
    while i < len(s):
        if s[i:i + 2] in ("_x", "_X") and s[i + 6:i + 7] == "_":
            try:
                out.append(int(s[i + 2:i + 6], 16))
                i += 7
                continue
            except ValueError:
                pass
        b = s[i].encode("utf-16-le")
        out += struct.unpack("<%dH" % (len(b) // 2), b)
        i += 1
    return struct.pack("<%dH" % len(out), *out).decode("utf-16-le")


class Value:
    """A CLIXML element; ["Name"] looks in MS, then in Props."""

    def __init__(self, e):
        self.e = e
        self.tag = e.tag
        self.names = [t.text for t in e.findall("TN/T")]

    def __getitem__(self, name):
        for part in ("MS", "Props"):
            for c in self.e.findall(part + "/*"):
                if c.get("N") == name:
                    return Value(c)
        raise KeyError(name)

    def __str__(self):
        if self.e.tag == "Obj":
            return decode(self.e.findtext("ToString"))
        return decode(self.e.text)

    @property
    def nil(self):
        return self.e.tag == "Nil"

    @property
    def items(self):
        lst = self.e.find("LST")
        assert lst is not None, "not a list: " + ET.tostring(self.e, "unicode")
        return [str(Value(c)) for c in lst]


def string(s):
    return '<S N="V">%s</S>' % text(s)


def boolean(b):
    return '<B N="V">%s</B>' % str(b).lower()


ARRAY = '<TN RefId="9%d"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN>'


def array(items, ref=900, n="V"):
    return '<Obj N="%s" RefId="%d">%s<LST>%s</LST></Obj>' % (n, ref, ARRAY % ref,
                                                            "".join("<S>%s</S>" % text(i) for i in items))


def table(ref=910, **entries):
    en = "".join('<En><S N="Key">%s</S>%s</En>' % (k, array(v, ref + 1 + i, "Value"))
                 for i, (k, v) in enumerate(entries.items()))
    return ('<Obj N="V" RefId="%d"><TN RefId="9%d"><T>System.Collections.Hashtable</T><T>System.Object</T></TN>'
            '<DCT>%s</DCT></Obj>' % (ref, ref, en))
