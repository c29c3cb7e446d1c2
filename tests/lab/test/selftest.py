# SPDX-License-Identifier: Apache-2.0
"""The lab against an independent client: selftest.py PROGRAM [CASE...]

Every check says what was not so; the exit code is 0 only when all held.
"""
import base64
import datetime
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import decide
from labclient import Checks, Fault, Lab, Result, Session, now, text

PROGRAM = sys.argv[1]
SOURCE = os.environ.get("EASGATE_SOURCE", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
check = Checks()


def fault_of(call, *args, **kw):
    try:
        call(*args, **kw)
    except Fault as f:
        return f
    return Fault(200, 0, "", "no fault came")


def broken(call, *args, **kw):
    """The exception's name, or '' when there was none."""
    try:
        call(*args, **kw)
    except Exception as e:  # whatever the client runs into is what the case asks for
        return type(e).__name__
    return ""


# ---- protocol ----------------------------------------------------------------------------------

def case_opening():
    with Lab(PROGRAM) as lab:
        s = Session(lab)
        check.same(s.shell, str(s.pool).upper(), "the client's ShellId is kept")
        check(s.has_shell_element, "CreateResponse has rsp:Shell")
        check.same(s.capability, [0x00010002, 0x00021009, 0x00021005], "messages of the opening")
        check(s.cookie and s.cookie.startswith("MS-WSMAN="), "the MS-WSMAN cookie is set")
        check.same(fault_of(Session, lab, password="wrong").status, 401, "a wrong password")
        check.same(fault_of(Session, lab, resource="http://x/y").code, 2150858811, "another resource")
        check.same(fault_of(Session, lab, timeout="PTS").code, 2150858767, "a bad OperationTimeout")
        f = fault_of(s.receive, str(uuid.uuid4()).upper(), Result())
        check.same((f.code, f.subcode), (2150858843, "w:InvalidSelectors"), "an unknown command")
        s.timeout = "PT0.3S"
        t = now()
        f = fault_of(s.receive, None, Result())
        check.same((f.status, f.code, f.subcode), (500, 2150858793, "w:TimedOut"), "long poll")
        check(0.25 < now() - t < 5, f"the long poll lasted {now() - t:.2f} s")
        s.timeout = "PT20S"
        other = Session.__new__(Session)
        other.__dict__.update(s.__dict__)
        other.conn = lab.http(lab.about["cas_ports"][0])
        got = []
        t = threading.Thread(target=lambda: got.append(fault_of(other.receive, None, Result()).code))
        t.start()
        s.delete()
        t.join(10)
        check(got in ([995], [2150858843]), f"a Receive under way when the shell is deleted: {got}")
        s.conn = lab.http(lab.about["cas_ports"][0])
        check.same(fault_of(s.call, "Get-Command").code, 2150858843, "a deleted shell")
        st = lab.control("stats")
        check.same((st["shells_open"], st["shells_created"], st["shells_deleted"]), (0, 1, 1), "shells")


def case_recorded_bytes():
    """curl sends the first request of a recorded Windows conversation; the answer's PSRP messages
    have to be the recorded server's, but for ids and versions."""
    path = os.path.join(SOURCE, "tests", "data", "pypsrp", "test_psrp_open_runspace.yml")
    if not os.path.exists(path):
        print("SKIP: the recordings are not in", os.path.dirname(path))
        return
    with open(path, encoding="utf-8") as f:
        raw = f.read()
    requests = re.findall(r"- request: (<s:Envelope.*?</s:Envelope>)", raw, re.S)
    responses = re.findall(r"  response: (<s:Envelope.*?</s:Envelope>)", raw, re.S)

    def messages(xml):
        out = []
        for s in re.findall(r'<rsp:Stream Name="stdout">([^<]*)<', xml):
            b = base64.b64decode(s)
            while b:
                n = struct.unpack(">I", b[17:21])[0]
                kind = struct.unpack("<I", b[25:29])[0]
                out.append((b[:17], kind, b[29 + 16 + 16 - 0:21 + n][:40], b[61:21 + n]))
                b = b[21 + n:]
        return out

    with Lab(PROGRAM) as lab, tempfile.TemporaryDirectory() as tmp:
        got = []
        for i, q in enumerate(requests):
            q = q.replace("powershell/Microsoft.PowerShell", "powershell/Microsoft.Exchange")
            body = os.path.join(tmp, f"{i}.xml")
            with open(body, "w", encoding="utf-8") as f:
                f.write(q)
            out = subprocess.run(
                ["curl", "-sS", "--cacert", os.path.join(lab.dir, "ca.pem"), "-u",
                 f"{lab.about['exchange_user']}:{lab.password()}", "-H",
                 "Content-Type: application/soap+xml;charset=UTF-8", "--data-binary", "@" + body,
                 "-w", "\n%{http_code}", lab.about["cas"][0]], capture_output=True, check=True)
            text_, _, code = out.stdout.decode().rpartition("\n")
            got.append(text_)
            check.same(code, "200", f"recorded request {i}")
        ours = messages(got[1]) + messages(got[2])
        theirs = messages(responses[1]) + messages(responses[2])
        check.same([m[1] for m in ours], [m[1] for m in theirs], "message types")
        check.same([m[0] for m in ours], [m[0] for m in theirs], "object ids and flags")
        check.same(ours[0][3], theirs[0][3], "SESSION_CAPABILITY byte for byte")
        check.same(ours[2][3], theirs[2][3], "RUNSPACEPOOL_STATE byte for byte")
        sel = 'Name="ShellId">76056A84-51DC-4F24-9262-CA2A55464B2B<'
        check(sel in got[0] and sel in responses[0], "the ShellId selector")


def case_winrm2():
    with Lab(PROGRAM, "--winrm2", "--exchange", "2010") as lab:
        s = Session(lab)
        check(s.shell != str(s.pool).upper(), "the server chooses the ShellId")
        check(not s.has_shell_element, "no rsp:Shell")
        check.same(s.private[0]["protocolversion"], "2.1", "protocolversion")
        names = [text(c["Name"]) for c in s.call("Get-Command").output]
        check("Get-ActiveSyncDevice" in names, "the old name is there")
        check("Get-MobileDevice" not in names, "the new name is not")
        wire, cid = s.start(("Get-ActiveSyncDevice", {"ResultSize": "Unlimited"}))
        check(wire != str(cid).upper(), "the server chooses the CommandId")
        r = s.finish(wire)
        check.same((r.state, len(r.output)), (4, visible(lab)), "devices")
        e = s.call("Get-CASMailbox", Identity="nobody").errors
        check(len(e) == 1 and re.fullmatch(r"[0-9A-F]+,Microsoft\.Exchange\.Management\.\S+",
                                           e[0]["FullyQualifiedErrorId"]), f"error id of 2010: {e}")
        s.delete()


def visible(lab, forest=False):
    rows = lab.control("devices")
    return len([d for d in rows if forest or "@emea." not in d["upn"]])


def case_fragments():
    for options, envelope in ((("--fragment", "300"), 153600), (("--envelope", "32768"), 512000),
                              ((), 512000)):
        with Lab(PROGRAM, "--devices", "80", *options) as lab:
            s = Session(lab, envelope=envelope)
            s.call("Set-ADServerSettings", ViewEntireForest=True)
            r = s.call("Get-MobileDevice", ResultSize="Unlimited")
            check.same(len(r.output), 80, f"devices with {options}")
            big = [d for d in r.output if len(d["DeviceUserAgent"] or "") > 32768]
            check(len(big) >= 1, "a message larger than a fragment is there")
            wire, _ = s.start(("Get-CASMailbox", {"Identity": "x" * 5000}), size=1000)
            r = s.finish(wire)
            check.same(len(r.errors), 1, "a CREATE_PIPELINE in several fragments")
            s.delete()


def case_bad_fragments():
    with Lab(PROGRAM) as lab:
        s = Session(lab)
        for what, spoil in (("gap", lambda p: p[:8] + struct.pack(">Q", 1) + p[16:]),
                            ("cut", lambda p: p[:-5]),
                            ("wrong pool", lambda p: p[:29] + bytes(16) + p[45:])):
            keep = s.fragments
            s.fragments = lambda d, n, k=keep, sp=spoil: [sp(p) for p in k(d, n)]
            f = fault_of(s.start, ("Get-Command", {}))
            check.same(f.code, 87, f"fragments: {what}: {f.message}")
            s.fragments = keep
        s.delete()


def case_quotas():
    with Lab(PROGRAM, "--fault", "quota-commands:5") as lab:
        shells = [Session(lab) for _ in range(18)]
        f = fault_of(Session, lab)
        check.same(f.subcode, "w:QuotaLimit", "the 19th shell")
        shells[0].delete()
        shells[0] = Session(lab)
        for _ in range(5):
            shells[1].start(("Get-Command", {"Name": "Get-Command"}))
        f = fault_of(shells[1].start, ("Get-Command", {}))
        check.same(f.subcode, "w:QuotaLimit", "commands without Terminate use up their slots")
        for _ in range(7):
            check.same(shells[2].call("Get-Command", Name="Get-Command").state, 4, "with Terminate")
        check.same(lab.control("stats")["shells_peak"], 18, "shells_peak")


def case_pipelines():
    with Lab(PROGRAM) as lab:
        s = Session(lab, envelope=153600)
        r = s.run(("Get-MobileDevice", {"ResultSize": "Unlimited"}), ("Measure-Object", {}))
        check.same(r.output[0]["Count"], visible(lab), "Measure-Object")
        r = s.run(("Get-MobileDevice", {"ResultSize": "Unlimited"}),
                  ("Select-Object", {"Property": ["DeviceId", "guid", "DeviceAccessState", "Nope"],
                                     "First": 3}))
        check.same(len(r.output), 3, "Select-Object -First")
        check.same(sorted(k for k in r.output[0] if k[0] != "#"),
                   ["DeviceAccessState", "DeviceId", "Guid", "Nope"], "columns")
        check(r.output[0]["#type"].startswith("Selected.Microsoft.Exchange."), "type of a selection")
        r = s.run(("Get-MobileDevice", {"Mailbox": "user0000032"}), ("Get-MobileDeviceStatistics", {}))
        check.same(len(r.output), 5, "statistics through a pipeline")
        check("LastSuccessSync" in r.output[0] and "DeviceID" in r.output[0], "statistics' columns")
        r = s.run(statements=[[("Get-ActiveSyncOrganizationSettings", {})],
                              [("Get-CASMailbox", {"Identity": "user0000001"})]])
        check.same([o["#type"].rsplit(".", 1)[1] for o in r.output],
                   ["ActiveSyncOrganizationSettings", "CASMailbox"], "two statements")
        wire, cid = s.start(("Get-CASMailbox", {"Identity": "user0000001"}), no_input=False)
        s.timeout = "PT0.2S"
        check.same(fault_of(s.receive, wire, Result()).code, 2150858793, "waits for end of input")
        s.timeout = "PT20S"
        s.send(wire, s.fragments(s.message(0x00041003, cid, ""), 32768)[0])
        check.same(len(s.finish(wire).output), 1, "after the end of input")
        wire, cid = s.start(("Get-MobileDevice", {"ResultSize": "Unlimited"}))
        s.receive(wire, Result())
        s.signal(wire, "powershell/signal/ctrl_c")
        check.same(s.finish(wire).state, 3, "a stopped pipeline")
        s.incoming.clear()
        xml = ('<Obj RefId="0"><MS><Obj N="Name" RefId="1"><LST><S>Get-Active*</S></LST></Obj>'
               '<I32 N="CommandType">8</I32><Nil N="Namespace" /><Nil N="ArgumentList" /></MS></Obj>')
        wire, _ = s.start(kind=0x0002100A, xml=xml)
        r = s.finish(wire)
        check.same(r.output[0]["Count"], len(r.output) - 1, "GET_COMMAND_METADATA")
        check("Identity" in r.output[1]["Parameters"], "parameters of a command")
        s.delete()


def case_errors():
    with Lab(PROGRAM) as lab:
        s = Session(lab)
        for what, got, want in (
                ("cmdlet", s.call("Get-Foo"), "CommandNotFoundException"),
                ("parameter", s.call("Get-CASMailbox", Bar="1"), "NamedParameterNotFound,Get-CASMailbox"),
                ("ambiguous", s.call("Set-CASMailbox", Identity="a", ActiveSync="1"),
                 "AmbiguousParameter,Set-CASMailbox"),
                ("script", s.run(("!Get-Command", {})), "ScriptsNotAllowed"),
                ("blank", s.call("Set-CASMailbox", Identity=""),
                 "ParameterArgumentValidationErrorEmptyStringNotAllowed,Set-CASMailbox"),
                ("null", s.call("Remove-MobileDevice", Identity=None, Confirm=False),
                 "ParameterArgumentValidationErrorNullNotAllowed,Remove-MobileDevice"),
                ("level", s.call("Set-ActiveSyncOrganizationSettings", DefaultAccessLevel="Maybe"),
                 "ParameterArgumentTransformationError,Set-ActiveSyncOrganizationSettings")):
            check.same(got.state, 5, f"{what}: state")
            check.same(got.reason and got.reason["FullyQualifiedErrorId"], want, f"{what}: id")
        r = s.call("Get-CASMailbox", Identity="nobody")
        check.same((r.state, len(r.errors), len(r.output)), (4, 1, 0), "a non-terminating error")
        check("[FailureCategory=Cmdlet-ManagementObjectNotFoundException]" in
              r.errors[0]["FullyQualifiedErrorId"], "FailureCategory")
        r = s.call("Get-CASMailbox", Identity="nobody", ErrorAction="Stop")
        check.same(r.state, 5, "ErrorAction Stop")
        check.same(len(s.call("Get-CASMailbox", Id="user0000001").output), 1, "an abbreviated name")
        check.same(len(s.run(("Get-CASMailbox", {"@0": "user0000001"})).output), 1, "by position")
        s.delete()


def case_prompts():
    with Lab(PROGRAM) as lab:
        victim = lab.control("devices")[0]["guid"]
        s = Session(lab)
        r = s.call("Remove-MobileDevice", Identity=victim)
        check.same(r.reason and r.reason["FullyQualifiedErrorId"], "HostFunctionNotImplemented",
                   "a prompt without a host")
        s.delete()
        s = Session(lab, host_null=False)
        for answer, left in ((2, True), (0, False)):
            wire, cid = s.start(("Remove-MobileDevice", {"Identity": victim}))
            r = Result()
            check.same(s.receive(wire, r), "Pending", "state while a prompt waits")
            check.same(len(r.calls), 1, "one host call")
            xml = ('<Obj RefId="0"><MS><I64 N="ci">%d</I64><Obj N="mi" RefId="1"><TN RefId="0"><T>'
                   "System.Management.Automation.Remoting.RemoteHostMethodId</T></TN><ToString>"
                   'PromptForChoice</ToString><I32>26</I32></Obj><I32 N="mr">%d</I32></MS></Obj>'
                   % (int(r.calls[0]["ci"]), answer))
            s.send(wire, s.fragments(s.message(0x00041101, cid, xml), 32768)[0], "pr")
            check.same(s.finish(wire, r).state, 4, "state after the answer")
            check.same(victim in [d["guid"] for d in lab.control("devices")], left,
                       f"the device is there after answer {answer}")
        other = lab.control("devices")[0]["guid"]
        r = s.call("Remove-MobileDevice", Identity=other, Confirm=False)
        check.same((r.state, r.calls), (4, []), "-Confirm:$false asks nothing")
        check(other not in [d["guid"] for d in lab.control("devices")], "the device is gone")
        s.delete()


# ---- the organisation --------------------------------------------------------------------------

def case_listings():
    with Lab(PROGRAM, "--devices", "1500") as lab:
        s = Session(lab, envelope=512000)
        r = s.call("Get-MobileDevice")
        check.same(len(r.output), 1000, "the default of ResultSize")
        check(len(r.warnings) == 1 and "first 1000" in r.warnings[0], f"the warning: {r.warnings}")
        r = s.call("Get-MobileDevice", ResultSize=7)
        check.same((len(r.output), len(r.warnings)), (7, 1), "ResultSize 7")
        home = len(s.call("Get-MobileDevice", ResultSize="Unlimited").output)
        check.same(home, visible(lab), "one domain only")
        s.call("Set-ADServerSettings", ViewEntireForest=True)
        r = s.call("Get-MobileDevice", ResultSize="Unlimited", Identity="")
        check.same(len(r.output), 1500, "the whole forest, and a blank identity returns all")
        check(home < 1500, "the second domain has devices")
        boxes = s.call("Get-CASMailbox", ResultSize="Unlimited").output
        check.same(len(boxes), lab.about["mailboxes"], "mailboxes")
        dns = {b["DistinguishedName"] for b in boxes}
        tails = {d["DistinguishedName"].split(",CN=ExchangeActiveSyncDevices,", 1)[1] for d in r.output}
        check(tails <= dns, "each device's DN ends with its mailbox's DN")
        rows = {d["guid"]: d for d in lab.control("devices")}
        check.same({d["Guid"] for d in r.output}, set(rows), "GUIDs agree with the control surface")
        check.same(len(rows), 1500, "GUIDs are unique")
        one = r.output[700]
        for form in (one["Guid"], one["DistinguishedName"], text(one["Identity"])):
            got = s.call("Get-MobileDevice", Identity=form).output
            check.same([d["Guid"] for d in got], [one["Guid"]], f"by {form[:40]}")
        box = boxes[20]
        for form in (box["Guid"], box["DistinguishedName"], text(box["Identity"]), box["DisplayName"],
                     text(box["PrimarySmtpAddress"]), box["SamAccountName"]):
            got = s.call("Get-CASMailbox", Identity=form).output
            check.same([d["Guid"] for d in got], [box["Guid"]], f"mailbox by {form[:40]}")
        sids = s.call("Get-User", ResultSize="Unlimited").output
        check.same(len({text(u["Sid"]) for u in sids}), len(boxes), "SIDs are unique")
        since = sorted(d["WhenChangedUTC"] for d in r.output)[-50]
        got = s.call("Get-MobileDevice", ResultSize="Unlimited",
                     Filter=f"WhenChangedUTC -gt '{since}'").output
        check.same(len(got), len([d for d in r.output if d["WhenChangedUTC"] > since]), "a date filter")
        got = s.call("Get-MobileDevice", ResultSize="Unlimited",
                     Filter="DeviceAccessState -eq 'Blocked' -and -not (DeviceType -eq 'BlackBerry')")
        check.same(len(got.output), len([d for d in r.output if text(d["DeviceAccessState"]) == "Blocked"
                                         and d["DeviceType"] != "BlackBerry"]), "a state filter")
        got = s.call("Get-MobileDevice", Filter="Nope -eq 'x'")
        check.same(len(got.errors), 1, "a filter on what cannot be filtered")
        lab.control("set", {"touch_devices": 40})
        stamp = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60))
        got = s.call("Get-MobileDevice", ResultSize="Unlimited", Filter="WhenChangedUTC -gt '"
                     + stamp.strftime("%Y-%m-%dT%H:%M:%SZ") + "'").output
        check.same(len(got), 40, "devices that changed after touch_devices")
        s.delete()


def case_same_seed():
    seen = []
    for seed in ("7", "7", "8"):
        with Lab(PROGRAM, "--seed", seed, "--now", "1795600000", "--devices", "300") as lab:
            s = Session(lab, envelope=512000)
            s.call("Set-ADServerSettings", ViewEntireForest=True)
            out = s.call("Get-MobileDevice", ResultSize="Unlimited").output
            users, _ = lab.graph_all("/v1.0/users?$select=id,displayName", lab.token())
            seen.append((out, users))
            s.delete()
    check(seen[0] == seen[1], "one seed, one organisation")
    check(seen[0] != seen[2], "another seed, another organisation")


def access(lab):
    return {d["guid"]: (d["state"], d["reason"]) for d in lab.control("devices")}


def case_abq():
    with Lab(PROGRAM) as lab:
        s = Session(lab)
        s.call("Set-ADServerSettings", ViewEntireForest=True)
        d = lab.control("devices")[0]

        def want(state, reason, what):
            check.same(access(lab)[d["guid"]], (state, reason), what)

        def lists(**kw):
            return s.call("Set-CASMailbox", Identity=d["mailbox"], Confirm=False, **kw)

        want("Allowed", "Global", "default allow")
        s.call("Set-ActiveSyncOrganizationSettings", DefaultAccessLevel="Quarantine")
        want("Quarantined", "Global", "default quarantine")
        s.call("New-ActiveSyncDeviceAccessRule", QueryString="iPhone", Characteristic="DeviceType",
               AccessLevel="Allow")
        want("Allowed", "DeviceRule", "allowed by a rule")
        r = s.call("New-ActiveSyncDeviceAccessRule", QueryString="iPhone15C3",
                   Characteristic="DeviceModel", AccessLevel="Quarantine")
        want("Quarantined", "DeviceRule", "quarantine before allow")
        s.call("Set-ActiveSyncDeviceAccessRule", Identity=r.output[0]["Guid"], AccessLevel="Block")
        want("Blocked", "DeviceRule", "block before quarantine")
        lists(ActiveSyncAllowedDeviceIDs={"Add": d["device_id"]})
        want("Allowed", "Individual", "a personal allow beats rules")
        lists(ActiveSyncBlockedDeviceIDs={"Add": [d["device_id"].lower()]})
        want("Blocked", "Individual", "a personal block beats a personal allow")
        lists(ActiveSyncBlockedDeviceIDs={"Remove": [d["device_id"]]})
        want("Allowed", "Individual", "the block was taken back, without regard to case")
        lists(ActiveSyncEnabled=False)
        want("Blocked", "Unknown", "ActiveSync disabled")
        lists(ActiveSyncEnabled=True)
        box = s.call("Get-CASMailbox", Identity=d["mailbox"]).output[0]
        check(d["device_id"] in box["ActiveSyncAllowedDeviceIDs"], "the list is read back")
        stored = text(s.call("Get-MobileDevice", Identity=d["guid"]).output[0]["DeviceAccessState"])
        lists(ActiveSyncAllowedDeviceIDs=None)
        check.same(s.call("Get-CASMailbox", Identity=d["mailbox"]).output[0]
                   ["ActiveSyncAllowedDeviceIDs"], [], "null clears the list")
        want("Blocked", "DeviceRule", "the rule again")
        check.same(text(s.call("Get-MobileDevice", Identity=d["guid"]).output[0]
                        ["DeviceAccessState"]), stored, "the stored state waits for the device")
        check(lab.control("speak", {})["changed"] >= 1, "devices speak")
        after = s.call("Get-MobileDevice", Identity=d["guid"]).output[0]
        check.same((text(after["DeviceAccessState"]), text(after["DeviceAccessControlRule"])),
                   ("Blocked", "iPhone15C3 (DeviceModel)"), "stored after the device spoke")
        lists(ActiveSyncAllowedDeviceIDs=["one", "two"])
        lists(ActiveSyncAllowedDeviceIDs="three")
        check.same(s.call("Get-CASMailbox", Identity=d["mailbox"]).output[0]
                   ["ActiveSyncAllowedDeviceIDs"], ["three"], "a plain value overwrites")
        r = lists(ActiveSyncAllowedDeviceIDs={"Add": "THREE"})
        check(len(r.warnings) == 1 and "no settings" in r.warnings[0], f"nothing changed: {r.warnings}")
        check.same(lists(ActiveSyncAllowedDeviceIDs={"Plus": "x"}).state, 4, "a wrong key: state")
        check.same(len(lists(ActiveSyncAllowedDeviceIDs={"Plus": "x"}).errors), 1, "a wrong key")
        lists(ActiveSyncAllowedDeviceIDs={"Add": "what"}, WhatIf=True)
        check.same(s.call("Get-CASMailbox", Identity=d["mailbox"]).output[0]
                   ["ActiveSyncAllowedDeviceIDs"], ["three"], "-WhatIf changes nothing")
        check.same(s.call("Remove-ActiveSyncDeviceAccessRule", Identity="iPhone15C3 (DeviceModel)",
                          Confirm=False).state, 4, "a rule is removed by name")
        want("Allowed", "DeviceRule", "the other rule is left")
        r = s.call("Set-ActiveSyncOrganizationSettings", UserMailInsert="x" * 257)
        check.same(len(r.errors), 1, "UserMailInsert of 257 characters")
        s.delete()


def case_population():
    """Every row of the decision table is reached, by what Exchange and Graph say."""
    with Lab(PROGRAM) as lab:
        s = Session(lab, envelope=512000)
        s.call("Set-ADServerSettings", ViewEntireForest=True)
        devices = s.call("Get-MobileDevice", ResultSize="Unlimited").output
        boxes = {b["DistinguishedName"]: b
                 for b in s.call("Get-CASMailbox", ResultSize="Unlimited").output}
        sids = {u["Guid"]: text(u["Sid"]) for u in s.call("Get-User", ResultSize="Unlimited").output}
        s.delete()
        t = lab.token()
        users, _ = lab.graph_all("/v1.0/users?$select=id,userPrincipalName,proxyAddresses,assignedPlans,"
                                 "onPremisesSecurityIdentifier,onPremisesImmutableId&$top=999", t)
        managed, _ = lab.graph_all("/v1.0/deviceManagement/managedDevices", t)
        members = {}
        for g in ("include_group", "exclude_group"):
            m, _ = lab.graph_all(f"/v1.0/groups/{lab.about[g]}/transitiveMembers/microsoft.graph.user"
                                 "?$count=true&$select=id", t, ConsistencyLevel="eventual")
            members[g] = {u["id"] for u in m}
        hour = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1))
        rows, joins = {}, {"sid": 0, "immutable": 0, "proxy": 0, "none": 0}
        for b in boxes.values():
            b["#immutable"] = base64.b64encode(uuid.UUID(b["Guid"]).bytes_le).decode()
        people = {}
        for d in devices:
            b = boxes[d["DistinguishedName"].split(",CN=ExchangeActiveSyncDevices,", 1)[1]]
            if b["Guid"] not in people:
                u = people[b["Guid"]] = decide.join(b, users, sids)
                joins["none" if not u else "sid" if u["onPremisesSecurityIdentifier"] else
                      "immutable" if u["onPremisesImmutableId"] else "proxy"] += 1
            for options in ({}, {"hma": True}, {"unsupported_default": True}, {"strict": True},
                            {"override": True}, {"level": "Block"}):
                r = decide.row(d, b, people[b["Guid"]], managed, members["include_group"],
                               members["exclude_group"], now=hour.strftime("%Y-%m-%dT%H:%M:%SZ"),
                               **options)
                rows[r] = rows.get(r, 0) + 1
        for n in range(3, 20):
            check(rows.get(f"D{n:02}", 0) > 0, f"row D{n:02} is reached: {rows}")
        check(all(joins.values()), f"mailboxes are joined in every way: {joins}")
        check.same({m["complianceState"] for m in managed},
                   {"compliant", "noncompliant", "conflict", "error", "unknown", "inGracePeriod",
                    "configManager"}, "compliance states")
        ids = {}
        for d in devices:
            ids.setdefault(d["DeviceId"], set()).add(d["DistinguishedName"].split(",CN=")[2])
        check(any(len(v) > 1 for v in ids.values()), "one id in two mailboxes")
        check("validate" in ids, "the device called validate")
        hit = sum(1 for d in devices if any(m["easDeviceId"].lower() == d["DeviceId"].lower()
                                            for m in managed)) / len(devices)
        check(0.7 < hit < 0.95, f"{hit:.0%} of the devices are managed")


# ---- Entra and Graph ---------------------------------------------------------------------------

def b64u(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def assertion(lab, alg="PS256", salt="digest", thumb=None, **claims):
    """Signed by the openssl command: another implementation than the lab's use of libcrypto."""
    pem = os.path.join(lab.dir, "graph.pem")
    der = subprocess.run(["openssl", "x509", "-in", pem, "-outform", "DER"], capture_output=True,
                         check=True).stdout
    head = {"alg": alg, "typ": "JWT"}
    if alg == "PS256":
        head["x5t#S256"] = thumb or b64u(hashlib.sha256(der).digest())
    else:
        head["x5t"] = thumb or b64u(hashlib.sha1(der).digest())
    t = int(datetime.datetime.now().timestamp())
    body = {"aud": f"{lab.about['graph']}/{lab.about['tenant']}/oauth2/v2.0/token",
            "iss": lab.about["client_id"], "sub": lab.about["client_id"], "jti": str(uuid.uuid4()),
            "nbf": t, "iat": t, "exp": t + 600}
    body.update(claims)
    signed = b64u(json.dumps(head).encode()) + "." + b64u(json.dumps(body).encode())
    opts = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"] \
        if alg == "PS256" else []
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", pem, *opts], input=signed.encode(),
                         capture_output=True, check=True).stdout
    return signed + "." + b64u(sig)


def case_token():
    jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    with Lab(PROGRAM) as lab:
        def ask(a, **kw):
            status, body = lab.token_request(client_assertion_type=jwt, client_assertion=a, **kw)
            return status, body.get("error_codes", [0])[0]

        t = int(datetime.datetime.now().timestamp())
        once = assertion(lab)
        for what, got, want in (
                ("PS256", ask(once), (200, 0)),
                ("the same again", ask(once), (401, 700027)),
                ("RS256 with x5t", ask(assertion(lab, "RS256")), (200, 0)),
                ("salt of maximum length", ask(assertion(lab, salt="max")), (401, 700027)),
                ("another thumbprint", ask(assertion(lab, thumb="abc")), (401, 700027)),
                ("a damaged signature", ask(assertion(lab)[:-8] + "AAAAAAAA"), (401, 700027)),
                ("another audience", ask(assertion(lab, aud="https://x/y")), (401, 700023)),
                ("expired", ask(assertion(lab, exp=t - 1000)), (401, 700024)),
                ("another subject", ask(assertion(lab, sub="x")), (401, 700021)),
                ("no assertion at all", ask("rubbish"), (400, 50027)),
                ("scope", ask(assertion(lab), scope="https://graph.microsoft.com/User.Read"),
                 (400, 1002012)),
                ("another client", ask(assertion(lab), client_id=str(uuid.uuid4())), (400, 700016)),
                ("no credential", lab.token_request()[1]["error_codes"], [7000218]),
                ("a wrong secret", lab.token_request(client_secret="x")[1]["error_codes"], [7000215]),
                ("the secret", lab.token_request(client_secret=lab.secret())[0], 200)):
            check.same(got, want, what)
        check.same(lab.graph("/v1.0/users", lab.token()[:-3] + "xyz")[0], 401, "a forged token")


def case_graph():
    with Lab(PROGRAM, "--page-size", "50") as lab:
        t = lab.token()
        md = "/v1.0/deviceManagement/managedDevices"
        everything, pages = lab.graph_all(md, t)
        check.same((len(everything), pages), (lab.about["managed"], -(-lab.about["managed"] // 50)),
                   "all pages")
        check.same(len({m["id"] for m in everything}), len(everything), "ids are unique")
        status, body, head = lab.graph(md + "?$select=id,easDeviceId&$top=3", t)
        check.same([sorted(v) for v in body["value"]], [["easDeviceId", "id"]] * 3, "$select, $top")
        check("%24select=" in body["@odata.nextLink"] and "%24skiptoken=" in body["@odata.nextLink"],
              "the next link keeps the options, encoded")
        check(head.get("request-id") is not None, "request-id")
        check.same(lab.graph(md + "?$select=nope", t)[0], 400, "an unknown column")
        check.same(lab.graph(md + "?$filter=easDeviceId%20eq%20'x'", t)[0], 400, "no filter on the id")
        non, _ = lab.graph_all(md + "?$filter=complianceState%20eq%20'noncompliant'", t)
        check.same(len(non), len([m for m in everything if m["complianceState"] == "noncompliant"]),
                   "$filter")
        check.same(lab.graph(f"{md}/{everything[5]['id']}", t)[1]["easDeviceId"],
                   everything[5]["easDeviceId"], "one device")
        check.same(lab.graph(f"{md}/{everything[5]['id']}", t, "PATCH", {"easDeviceId": "x"})[0], 400,
                   "a computed property cannot be set")
        cast = f"/v1.0/groups/{lab.about['include_group']}/transitiveMembers/microsoft.graph.user"
        check.same(lab.graph(cast, t)[0], 400, "the cast without ConsistencyLevel")
        status, body, _ = lab.graph(cast + "?$count=true&$top=20", t, ConsistencyLevel="eventual")
        check.same(len(body["value"]), 20, "a page of members")
        check.same(lab.graph(body["@odata.nextLink"], t)[0], 400, "the header is wanted on every page")
        users, _ = lab.graph_all(cast + "?$count=true", t, ConsistencyLevel="eventual")
        check.same(len(users), body["@odata.count"], "@odata.count")
        plain, _ = lab.graph_all(f"/v1.0/groups/{lab.about['include_group']}/transitiveMembers", t)
        check.same(sorted(m.get("@odata.type", "user") for m in plain if "@odata.type" in m),
                   ["#microsoft.graph.device", "#microsoft.graph.group"], "other kinds of members")
        check.same(lab.graph(f"/v1.0/groups/{uuid.uuid4()}/transitiveMembers", t)[0], 404, "no group")
        parts = [{"id": str(i), "method": "GET", "url": f"/users/{u['id']}?$select=id"}
                 for i, u in enumerate(users[:20])]
        status, body, _ = lab.graph("/v1.0/$batch", t, "POST", {"requests": parts})
        got = {r["id"]: r["body"]["id"] for r in body["responses"]}
        check.same(got, {str(i): u["id"] for i, u in enumerate(users[:20])}, "a batch of 20")
        check(body["responses"][0]["id"] != "0", "answers are not in the order of the requests")
        check.same(lab.graph("/v1.0/$batch", t, "POST", {"requests": parts + parts[:1]})[0], 400,
                   "a batch of 21")


def case_delta_and_writes():
    with Lab(PROGRAM) as lab:
        t = lab.token()
        path, first = "/v1.0/users/delta?$select=id,assignedPlans", 0
        while path:
            _, body, _ = lab.graph(path, t)
            first += len(body["value"])
            path, link = body.get("@odata.nextLink"), body.get("@odata.deltaLink")
        check.same(first, lab.about["persons"], "the first round has everybody")
        check.same(lab.graph(link, t)[1]["value"], [], "nothing changed")
        d = lab.control("devices")
        lab.control("set", {"mailbox": d[0]["mailbox"], "licensed": False})
        lab.control("set", {"mailbox": d[1]["mailbox"], "leaves": True})
        got = lab.graph(link, t)[1]["value"]
        check.same(len(got), 2, "two changes")
        check.same(len([u for u in got if "@removed" in u]), 1, "one is gone")
        connector = {"@odata.type": "#microsoft.graph.deviceManagementExchangeConnector",
                     "lastSyncDateTime": "2026-11-25T00:00:00Z", "status": "connected",
                     "serverName": "cas1", "exchangeConnectorType": "onPremises", "version": "1"}
        base = "/v1.0/deviceManagement/exchangeConnectors"
        status, made, _ = lab.graph(base, t, "POST", connector)
        check.same(status, 201, "POST connector")
        check.same(lab.graph(base, t, "POST", {**connector, "status": "fine"})[0], 400, "a wrong enum")
        check.same(lab.graph(f"{base}/{made['id']}", t, "PATCH",
                             {"@odata.type": connector["@odata.type"], "status": "disconnected"})[1]
                   ["status"], "disconnected", "PATCH connector")
        check.same(len(lab.graph(base, t)[1]["value"]), 1, "GET connectors")
        check.same(lab.graph(f"{base}/{made['id']}/sync", t, "POST", {"syncType": "quickSync"})[0], 400,
                   "quickSync is no Graph value")
        check.same(lab.graph(f"{base}/{made['id']}/sync", t, "POST", {"syncType": "fullSync"})[0], 204,
                   "fullSync")
        check.same(lab.graph(f"{base}/{made['id']}", t, "DELETE")[0], 204, "DELETE connector")
        check.same(lab.graph("/v1.0/deviceManagement/conditionalAccessSettings", t)[1]["includedGroups"],
                   [lab.about["include_group"]], "conditional access settings")


# ---- control, modes, faults --------------------------------------------------------------------

def case_control():
    with Lab(PROGRAM, "--mode", "enforce", "--default-access", "quarantine") as lab:
        with open(os.path.join(lab.dir, "etc/orgs.d/contoso.yaml"), encoding="utf-8") as f:
            y = f.read()
        for part in ("mode: enforce", f"server: localhost:{lab.about['cas_ports'][0]}",
                     lab.about["tenant"], lab.about["include_group"], lab.dir + "/ca.pem"):
            check(part in y, f"contoso.yaml holds {part}")
        for name, mode in (("exchange.password", 0o600), ("graph.pem", 0o600), ("state", 0o700)):
            check.same(os.stat(os.path.join(lab.dir, name)).st_mode & 0o777, mode, f"mode of {name}")
        before = lab.control("devices")
        check(any(d["state"] == "Quarantined" for d in before), "default quarantine")
        m = next(d for d in before if d["compliance"] == "compliant")
        lab.control("set", {"managed": m["managed"], "compliance": "noncompliant"})
        lab.control("set", {"mailbox": m["mailbox"], "blocked": [m["device_id"]]})
        lab.control("set", {"device": before[-1]["guid"], "remove": True})
        after = lab.control("devices")
        row = next(d for d in after if d["guid"] == m["guid"])
        check.same((row["compliance"], row["listed"], row["state"]),
                   ("noncompliant", "blocked", "Blocked"), "what was set")
        check.same(len(after), len(before) - 1, "a device was removed")
        got = lab.control("set", {"add_devices": 25})
        check.same(got["devices"], len(before) + 25, "devices were added")
        check(broken(lab.control, "set", {"nonsense": 1}) == "RuntimeError", "nonsense is refused")
        check(broken(lab.control, "fault", {"spec": "nonsense"}) == "RuntimeError",
              "an unknown fault is refused")
        s = Session(lab)
        d = next(d for d in after if d["type"] == "iPhone" and d["managed"] is None and
                 "@emea" not in d["upn"])
        lab.control("set", {"device": d["guid"], "enrol": True})
        row = next(x for x in lab.control("devices") if x["guid"] == d["guid"])
        check.same(row["compliance"], "compliant", "enrolled")
        s.call("Set-CASMailbox", Identity=d["mailbox"], ActiveSyncAllowedDeviceIDs={"Add": "x1"})
        st = lab.control("stats")
        check.same((st["cmdlets"]["Set-CASMailbox"], st["list_changes"]), (1, 1), "counters")
        s.delete()


def case_modes():
    with Lab(PROGRAM, "--cookie", "--cas", "3") as lab:
        s = Session(lab, cas=1)
        check.same(s.call("Get-Command", Name="Get-Command").state, 4, "with the cookie")
        s.keep_cookies = False
        check.same(fault_of(s.call, "Get-Command").code, 2150858843, "without the cookie")
        s.keep_cookies = True
        s.conn = lab.http(lab.about["cas_ports"][2])
        check.same(fault_of(s.call, "Get-Command").code, 2150858843, "on another server")
        check.same(len(Session(lab).call("Get-ExchangeServer").output), 3, "three servers")
        lab.control("set", {"cas": 1, "down": True})
        check(broken(Session, lab) != "", "a server that is down")
        lab.control("set", {"cas": 1, "down": False})
        check.same(broken(Session, lab), "", "and up again")
    with Lab(PROGRAM, "--shapes", "full") as lab:
        s = Session(lab, query="?serializationLevel=Full")
        d = s.call("Get-MobileDevice", ResultSize=1).output[0]
        check.same(d["Identity"]["ObjectGuid"], d["Guid"], "identities as objects")
        check("SerializationData" in d["Identity"], "SerializationData")
        check.same(text(s.call("Get-ExchangeServer").output[0]["AdminDisplayVersion"]),
                   "Version 15.2 (Build 1544.4)", "version as an object")
        s.delete()
    with Lab(PROGRAM, "--throttle") as lab:
        t = lab.token()
        got = [lab.graph("/v1.0/users?$top=1", t) for _ in range(10)]
        waits = [h["Retry-After"] for st, _, h in got if st == 429]
        check.same(waits, ["0.128", "0.128"], "a fractional Retry-After")
    for what, extra in (("stdin", []), ("seconds", ["--seconds", "1"])):
        p = subprocess.Popen([PROGRAM, "--dir", os.path.join(tempfile.mkdtemp(), "x"), "--quiet",
                              "--until-stdin-closes", *extra], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        p.stdout.readline()
        if what == "stdin":
            p.stdin.close()
        check.same(p.wait(15), 0, f"the lab ends by {what}")
    p = subprocess.run([PROGRAM, "--nonsense"], capture_output=True, check=False)
    check.same(p.returncode, 64, "an unknown option")


def case_exchange_faults():
    with Lab(PROGRAM) as lab:
        def one(spec, call):
            lab.control("fault", {"clear": True})
            lab.control("fault", {"spec": spec})
            got = broken(call)
            lab.control("fault", {"clear": True})
            return got

        def listing():
            s = Session(lab)
            try:
                return s.call("Get-MobileDevice", ResultSize="Unlimited")
            finally:
                s.conn.close()
                s.conn = lab.http(lab.about["cas_ports"][0])
                broken(s.delete)

        for status in (401, 403, 503, 302):
            spec = "redirect" if status == 302 else str(status)
            lab.control("fault", {"spec": spec + ":Command@1"})
            check.same(fault_of(listing).status, status, f"fault {spec}")
            check.same(broken(listing), "", f"only the first request meets {spec}")
            lab.control("fault", {"clear": True})
        check(one("reset:Receive@3", listing) in ("ConnectionResetError", "RemoteDisconnected"), "reset")
        check.same(one("truncate-envelope:Receive@3", listing), "IncompleteRead", "truncate-envelope")
        for spec in ("malformed-xml:Receive", "bad-clixml@5"):
            check.same(one(spec, listing), "ParseError", spec)
        for spec in ("fragment-gap@5", "fragment-dup-start@5"):
            check.same(one(spec, listing), "RuntimeError", spec)
        check.same(one("wrong-relates@3", listing), "RuntimeError", "wrong-relates")
        check.same(one("badcert", listing), "SSLCertVerificationError", "badcert")
        check.same(one("expired-cert", listing), "SSLCertVerificationError", "expired-cert")
        lab.control("fault", {"spec": "terminating-error"})
        r = listing()
        check.same((r.state, len(r.output)), (5, 10), "terminating-error")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "blank-identity"})
        r = listing()
        check.same(len([d for d in r.output if not d["DeviceId"]]), 1, "blank-identity")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "throttle-micro"})
        check("Micro delay applied" in listing().warnings[0], "throttle-micro")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "no-cmdlet:Set-CASMailbox"})
        lab.control("fault", {"spec": "no-cmdlet:Get-CASMailbox/Filter"})
        s = Session(lab)
        check.same(s.call("Set-CASMailbox", Identity="user0000001").reason["FullyQualifiedErrorId"],
                   "CommandNotFoundException", "no-cmdlet")
        check.same(s.call("Get-CASMailbox", Filter="x").reason["FullyQualifiedErrorId"],
                   "NamedParameterNotFound,Get-CASMailbox", "no-cmdlet with a parameter")
        check("Set-CASMailbox" not in [c["Name"] for c in s.call("Get-Command").output], "Get-Command")
        check("Get-CASMailbox" in [c["Name"] for c in s.call("Get-Command").output], "the rest is there")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "drop-state"})
        wire, _ = s.start(("Get-ActiveSyncOrganizationSettings", {}))
        r = Result()
        s.receive(wire, r)
        s.timeout = "PT0.2S"
        check.same((fault_of(s.receive, wire, r).code, len(r.output)), (2150858793, 1), "drop-state")
        s.timeout = "PT20S"
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "quota-shells:1"})
        check.same(fault_of(Session, lab).subcode, "w:QuotaLimit", "quota-shells")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "host-call:Set-CASMailbox"})
        check.same(s.call("Set-CASMailbox", Identity="user0000001", Confirm=False)
                   .reason["FullyQualifiedErrorId"], "HostFunctionNotImplemented", "host-call")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "set-fails"})
        check.same(len(s.call("Set-CASMailbox", Identity="user0000001").errors), 1, "set-fails")
        lab.control("fault", {"clear": True})
        lab.control("fault", {"spec": "lost-shell:Command"})
        check.same(fault_of(s.call, "Get-Command").code, 2150858843, "lost-shell")
    with Lab(PROGRAM, "--devices", "1200", "--fault", "limit1000") as lab:
        s = Session(lab, envelope=512000)
        r = s.call("Get-MobileDevice", ResultSize="Unlimited")
        check.same((len(r.output), len(r.warnings)), (1000, 1), "limit1000")
        lab.control("fault", {"spec": "stall:Signal"})
        t = threading.Thread(target=broken, args=(s.signal, "x", "y"), daemon=True)
        t.start()
        t.join(0.5)
        check(t.is_alive(), "stall: no answer comes")


def case_graph_faults():
    with Lab(PROGRAM, "--page-size", "40") as lab:
        t = lab.token()
        md = "/v1.0/deviceManagement/managedDevices"
        total = lab.about["managed"]

        def with_fault(spec, call):
            lab.control("fault", {"spec": spec})
            try:
                return call()
            finally:
                lab.control("fault", {"clear": True})

        check.same(len(with_fault("graph-empty", lambda: lab.graph_all(md, t))[0]), 0, "graph-empty")
        check.same(len(with_fault("graph-truncated", lambda: lab.graph_all(md, t))[0]), total // 2,
                   "graph-truncated")
        got = with_fault("graph-half-page", lambda: lab.graph_all(md, t))
        check.same((len(got[0]), got[1] > -(-total // 40)), (total, True), "graph-half-page")
        for spec, status in (("graph-503", 503), ("graph-429", 429), ("graph-401", 401),
                             ("graph-403", 403)):
            st, _, head = with_fault(spec + ":managedDevices@2",
                                     lambda: (lab.graph(md, t), lab.graph(md, t))[1])
            check.same(st, status, spec)
            if status in (503, 429):
                check(0 < float(head["Retry-After"]) < 1, f"{spec}: Retry-After {head['Retry-After']}")
        link = with_fault("graph-foreign-nextlink", lambda: lab.graph(md, t))[1]["@odata.nextLink"]
        check(link.startswith("https://graph.microsoft.example/"), "graph-foreign-nextlink")
        check.same(with_fault("graph-bad-json", lambda: broken(lab.graph, md, t)), "JSONDecodeError",
                   "graph-bad-json")
        odd = with_fault("graph-unknown-enum", lambda: lab.graph(md, t))[1]["value"][0]
        check(odd["complianceState"].startswith("quantum"), f"graph-unknown-enum: {odd}")
        loop = with_fault("graph-loop", lambda: lab.graph(md, t))[1]["@odata.nextLink"]
        check.same(lab.graph(loop, t)[1]["value"][0]["id"], lab.graph(md, t)[1]["value"][0]["id"],
                   "graph-loop")
        check.same(with_fault("graph-reset", lambda: broken(lab.graph, md, t)) in
                   ("ConnectionResetError", "RemoteDisconnected"), True, "graph-reset")
        check.same(with_fault("token-401", lambda: lab.token_request(client_secret=lab.secret()))[0],
                   401, "token-401")
        out = with_fault("graph-reset", lambda: subprocess.run(
            ["curl", "-sS", "--cacert", os.path.join(lab.dir, "ca.pem"), lab.about["graph"] + md],
            capture_output=True, check=False))
        check.same((out.returncode, b"reset" in out.stderr), (56, True), "curl sees a reset")
        weak = with_fault("token-no-consent", lab.token)
        check.same(lab.graph(md, weak)[0], 403, "token-no-consent")


def main():
    cases = {k[5:]: v for k, v in globals().items() if k.startswith("case_")}
    for name in sys.argv[2:] or cases:
        t = now()
        before = check.failed
        cases[name]()
        print(f"{'ok' if check.failed == before else 'not ok'}   {name} ({now() - t:.1f} s)")
    sys.exit(check.done())


if __name__ == "__main__":
    main()
