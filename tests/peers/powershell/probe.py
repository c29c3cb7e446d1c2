#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves exchange-peer with an independent client: what a test of ours may rely on.

usage: probe.py exchange-peer.dll
"""
import os
import re
import sys
import threading
import time
import uuid
import xml.etree.ElementTree as ET

import psrp
from peer import Peer, skip
from psrp import Client, Fault, Http, array, boolean, string, table

failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.600r\n  want: %.600r" % (what, got, want), flush=True)


def fault_of(what, f):
    try:
        f()
    except Fault as e:
        return e.code
    except Http as e:
        return e.status
    return "no fault: " + what


def client(peer, **more):
    return Client(peer.info["port"], peer.info["user"], more.pop("password", peer.password), peer.tls, **more)


def unlimited():
    return ("ResultSize", string("Unlimited"))


def session(peer):
    """Opening, cmdlets, objects of the documented shapes."""
    c = client(peer).open()
    kinds = [m[0] for m in c.pool_messages]
    check("the pool opens with capability, private data, state", kinds, [0x10002, 0x21009, 0x21005])
    check("the capability has a zero pool id", c.pool_messages[0][1], uuid.UUID(int=0))
    check("the engine is 7.6.9", "7.6.9" in c.pool_messages[1][3])

    r = c.run("Get-Command")
    names = [str(o) for o in r.output]
    check("Get-Command shows Exchange's cmdlets", sorted(set(peer.info["cmdlets"]) - set(names)), [])
    check("and those of a restricted session", {"Get-Command", "Select-Object", "Measure-Object"} <= set(names))
    check("and nothing else", sorted(set(names) - set(peer.info["cmdlets"])), [
        "Clear-Host", "Exit-PSSession", "Get-Command", "Get-FormatData", "Get-Help", "Measure-Object", "Out-Default",
        "Select-Object"])
    check("it completes", r.state, 4)

    r = c.run("Get-Command", ("Name", array(["Get-MobileDevice", "Set-CASMailbox"])))
    check("Get-Command -Name names two", sorted(map(str, r.output)), ["Get-MobileDevice", "Set-CASMailbox"])

    r = c.run("Get-MobileDevice", unlimited())
    check("without the forest: the own domain only", len(r.output), peer.info["devices_of_own_domain"])
    c.run("Set-ADServerSettings", ("ViewEntireForest", boolean(True)))
    r = c.run("Get-MobileDevice", unlimited())
    check("with the forest: all", len(r.output), peer.info["devices"])
    check("progress, information", (len(r.raw[psrp.PROGRESS]) >= 1, len(r.raw[psrp.INFORMATION])), (True, 1))
    d = r.output[0]
    check("type of a device", d.names[0], "Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileDevice")
    check("identity has the section sign", "\u00a7" + str(d["DeviceId"]) in str(d["Identity"]))
    check("guid", d["Guid"].tag, "G")
    check("list in an object", d["ObjectClass"].items, ["top", "msExchActiveSyncDevice"])
    friendly = [None if x["FriendlyName"].nil else str(x["FriendlyName"]) for x in r.output]
    check("emoji", friendly[3], "Ann's \U0001F4F1 \U0001F600")
    check("what looks like an escape", friendly[7], "a_x0041_b _X0042_ _xZZ_ __x005F_")
    check("controls", friendly[11], "line\r\nnext\ttab\u0001\u001f\u007f\u0085 end")
    check("mark-up", friendly[13], "<Obj RefId=\"0\">&amp;</Obj> ]]> \u2028\ufeff")
    check("null date, null text", (r.output[19]["FirstSyncTime"].nil, friendly[19]), (True, None))
    check("states", {str(x["DeviceAccessState"]) for x in r.output}, {"Allowed", "Blocked", "Quarantined"})
    check("reasons", {str(x["DeviceAccessStateReason"]) for x in r.output}, {"Global", "Individual", "DeviceRule"})

    r = c.run("Get-ActiveSyncDevice", ("ResultSize", "<I32 N=\"V\">3</I32>"))
    check("ResultSize 3", (len(r.output), len(r.warnings)), (3, 1))
    check("the older name has its own type", r.output[0].names[0].rsplit(".", 1)[1], "ActiveSyncDevice")
    wanted = [str(d["DeviceId"]), str(d["Guid"])]
    r = c.run(("Get-MobileDevice", unlimited()), ("Select-Object", ("Property", array(["DeviceId", "Guid"]))))
    check("Select-Object: as many", len(r.output), peer.info["devices"])
    o = r.output[0]
    check("Select-Object: the columns", ([x.get("N") for x in o.e.find("MS")], [str(o["DeviceId"]), str(o["Guid"])]),
          (["DeviceId", "Guid"], wanted))
    check("Select-Object: its type", o.names[0].startswith("Selected.Microsoft.Exchange."))

    r = c.run("Get-MobileDevice", ("Filter", string("WhenChanged -gt '2026-09-01T09:00:00Z' -and DeviceType -eq 'iPhone'")),
              unlimited())
    check("Filter", {str(x["DeviceType"]) for x in r.output}, {"iPhone"})
    check("Filter by date", min(str(x["WhenChangedUTC"]) for x in r.output) > "2026-09-01T09:00:00")
    r = c.run("Get-MobileDevice", ("Identity", string("")), unlimited())
    check("a blank identity returns everything", len(r.output), peer.info["devices"])
    r = c.run("Get-MobileDeviceStatistics", ("Identity", string(wanted[1])))
    check("statistics", (str(r.output[0]["DeviceID"]), r.output[0]["LastPingHeartbeat"].tag,
                         r.output[0]["DeviceWipeAckTime"].nil), (wanted[0], "U32", True))
    r = c.run("Get-ActiveSyncOrganizationSettings")
    check("settings", (str(r.output[0]["DefaultAccessLevel"]), str(r.output[0]["UserMailInsert"])),
          ("Allow", "Ask the help desk.\r\nPhone: 4711"))
    check("rules", len(c.run("Get-ActiveSyncDeviceAccessRule").output), peer.info["rules"])
    check("servers", [str(x["Fqdn"]) for x in c.run("Get-ExchangeServer").output],
          ["ex01.contoso.com", "ex02.contoso.com"])
    r = c.run("Get-Recipient", unlimited())
    check("recipients", (len(r.output), r.output[0]["EmailAddresses"].items[0]),
          (peer.info["mailboxes"], "SMTP:user000000@contoso.com"))
    check("users have a SID", str(c.run("Get-User", unlimited()).output[5]["Sid"]),
          "S-1-5-21-1004336348-1177238915-682003330-1105")
    r = c.run("Get-CASMailbox", unlimited(), ("Verbose", boolean(True)))
    check("mailboxes", len(r.output), peer.info["mailboxes"])
    check("verbose", len(r.raw[psrp.VERBOSE]), 1)
    check("an empty list is a list", r.output[0]["ActiveSyncAllowedDeviceIDs"].items, [])
    c.close()


def refusals(peer):
    c = client(peer).open()
    r = c.run("Get-Process | Stop-Process", script=True)
    check("a script is refused", (r.state, str(r.failure["FullyQualifiedErrorId"])), (5, "ScriptsNotAllowed"))
    r = c.run("Get-ChildItem")
    check("an unknown cmdlet is refused", (r.state, str(r.failure["FullyQualifiedErrorId"])),
          (5, "CommandNotFoundException"))
    r = c.run("Get-MobileDevice", ("NoSuchThing", string("x")))
    check("an unknown parameter is refused", (r.state, str(r.failure["FullyQualifiedErrorId"]).split(",")[0]),
          (5, "NamedParameterNotFound"))
    r = c.run("Get-CASMailbox", ("Identity", string("nobody@contoso.com")))
    check("not found is no terminating error", (r.state, len(r.errors)), (4, 1))
    check("with Exchange's error id", re.match(
        r"\[Server=EX01,RequestId=[0-9a-f-]{36},TimeStamp=[^]]+\] \[FailureCategory=Cmdlet-"
        r"ManagementObjectNotFoundException\] [0-9A-F]{8},Microsoft\.Exchange\.Management\.RecipientTasks\.GetCASMailbox$",
        str(r.errors[0]["FullyQualifiedErrorId"])) is not None)
    check("and its exception type", r.errors[0]["Exception"].names[0],
          "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException")
    r = c.run("Remove-MobileDevice", ("Identity", string("ffffffff-0000-0000-0000-000000000000")),
              ("Confirm", boolean(False)))
    check("removing what is not there", (r.state, len(r.errors)), (4, 1))

    # The front.
    check("unknown command", fault_of("receive", lambda: c.receive(str(uuid.uuid4()).upper(), {})), psrp.NO_SUCH)
    check("unknown signal target", fault_of("signal", lambda: c.signal(str(uuid.uuid4()), psrp.TERMINATE)), psrp.NO_SUCH)
    check("unknown shell", fault_of("delete", lambda: c.call(psrp.X + "/Delete", "", shell=str(uuid.uuid4()).upper())),
          psrp.NO_SUCH)
    c.timeout = "PT0.3S"
    start = time.monotonic()
    check("nothing to receive from the pool", fault_of("receive", lambda: c.call(
        psrp.R + "/Receive", "<rsp:Receive><rsp:DesiredStream>stdout</rsp:DesiredStream></rsp:Receive>")),
        psrp.TIMED_OUT)
    check("after the operation timeout", time.monotonic() - start >= 0.3)
    c.timeout = "20"
    check("a timeout that is no duration", fault_of("delete", lambda: c.call(psrp.X + "/Delete", "")), 2150858767)
    c.timeout = "PT20S"
    shell = c.shell
    c.close()
    check("a deleted shell", fault_of("delete", lambda: c.call(psrp.X + "/Delete", "", shell=shell)), psrp.NO_SUCH)
    check("wrong password", fault_of("create", client(peer, password="wrong").open), 401)
    check("wrong path", fault_of("create", client(peer, path="/wsman").open), 404)
    check("wrong resource", fault_of("create", client(
        peer, resource="http://schemas.microsoft.com/powershell/Microsoft.PowerShell").open), 2150858811)


def lists(c, who):
    o = c.run("Get-CASMailbox", ("Identity", string(who))).output[0]
    return o["ActiveSyncAllowedDeviceIDs"].items, o["ActiveSyncBlockedDeviceIDs"].items


def writes(peer):
    c = client(peer).open()
    boxes = c.run("Get-CASMailbox", ("Filter", string("HasActiveSyncDevicePartnership -eq $true")), unlimited()).output
    who = str(boxes[0]["Guid"])
    check("it starts empty", lists(c, who), ([], []))
    no = ("Confirm", boolean(False))

    def write(**lists_):
        args = [("ActiveSync%sDeviceIDs" % k, v) for k, v in lists_.items()]
        r = c.run("Set-CASMailbox", ("Identity", string(who)), *args, no)
        check("write %s completes" % sorted(lists_), (r.state, [str(e) for e in r.errors]), (4, []))
        return r

    write(Allowed=table(910, Add=["A1", "B2"], Remove=["Z9"]), Blocked=table(930, Add=["C3"], Remove=["A1", "B2"]))
    check("a table of Add and Remove", lists(c, who), (["A1", "B2"], ["C3"]))
    write(Allowed=table(910, Remove=["a1"]))
    check("Remove alone, in another case", lists(c, who), (["B2"], ["C3"]))
    r = write(Allowed=table(910, Add=["B2"]))
    check("the same again is a warning", ["have been modified" in w for w in r.warnings], [True])
    write(Allowed=array(["D4"]))
    check("a plain list overwrites", lists(c, who), (["D4"], ["C3"]))
    write(Blocked='<Nil N="V" />')
    check("null clears", lists(c, who), (["D4"], []))
    r = c.run("Set-CASMailbox", ("Identity", string(who)), ("ActiveSyncAllowedDeviceIDs", table(910, Put=["E5"])), no)
    check("another key is refused", (r.state, r.failure is not None), (5, True))
    r = c.run("Set-CASMailbox", ("Identity", string("")), ("ActiveSyncAllowedDeviceIDs", table(910, Add=["E5"])), no)
    check("a blank identity writes nothing", len(r.errors), 1)
    ids = str(c.run("Get-MobileDevice", ("Mailbox", string(who))).output[0]["DeviceId"])
    write(Blocked=table(910, Add=[ids]))
    d = c.run("Get-MobileDevice", ("Mailbox", string(who))).output[0]
    check("the verdict follows", (str(d["DeviceAccessState"]), str(d["DeviceAccessStateReason"])),
          ("Blocked", "Individual"))
    c.close()
    c = client(peer).open()
    check("a later session reads it back", lists(c, who), (["D4"], [ids]))
    write(Allowed=array([]), Blocked=table(910, Remove=[ids]))
    c.close()

    # Many writers, each in a session and process of its own, lose nothing.
    def writer(n):
        w = client(peer).open()
        for i in range(5):
            w.run("Set-CASMailbox", ("Identity", string(who)),
                  ("ActiveSyncAllowedDeviceIDs", table(910, Add=["W%dN%d" % (n, i)])), no)
        w.close()

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    c = client(peer).open()
    check("writers at once lose nothing", sorted(lists(c, who)[0]),
          sorted("W%dN%d" % (n, i) for n in range(3) for i in range(5)))
    c.close()


def stopping(dll):
    with Peer(dll, "--devices", 30, "--slow", 1500, "--shells", 2, "--commands", 2) as peer:
        c = client(peer, timeout="PT0.4S").open()
        before = c.timeouts
        r = c.run("Get-MobileDevice")
        check("a slow cmdlet makes the long poll time out", (c.timeouts - before >= 3, r.state), (True, 4))
        # The cmdlet may have ended before the signal on a busy machine: then once more.
        for _ in range(5):
            cid, pid = c.command(("Get-MobileDevice", []))
            c.signal(cid, psrp.CTRL_C)
            r = c.drain(cid, pid)
            if r.state == 3:
                break
        check("ctrl_c stops the pipeline", (r.state, len(r.output)), (3, 0))
        check("a finished command keeps its slot", peer.stats()["commands_open"], 1)
        c.command(("Get-ExchangeServer", []))
        check("the quota of commands", fault_of("command", lambda: c.command(("Get-ExchangeServer", []))), 2150859173)
        c.signal(cid, psrp.TERMINATE)
        check("Terminate frees the slot", c.run("Get-ExchangeServer").state, 4)
        check("and forgets the id", fault_of("receive", lambda: c.receive(cid, {})), psrp.NO_SUCH)
        second = client(peer).open()
        check("the quota of shells", fault_of("create", client(peer).open), 2150859174)
        second.close()
        cid, pid = c.command(("Get-MobileDevice", []))
        c.close()
        check("nothing is left", (peer.stats()["shells_open"], peer.stats()["commands_open"]), (0, 0))


def faults(dll):
    with Peer(dll, "--devices", 2500, "--limit1000", "--prompt") as peer:
        c = client(peer, envelope=153600).open()
        r = c.run("Get-MobileDevice", unlimited())
        check("the listing stops at 1000", (len(r.output), ["first 1000 items" in w for w in r.warnings]), (1000, [True]))
        check("no answer is larger than the envelope", c.largest <= 153600)
        who = str(c.run("Get-CASMailbox", ("ResultSize", string("1"))).output[0]["Guid"])
        change = ("Set-CASMailbox", ("Identity", string(who)), ("ActiveSyncAllowedDeviceIDs", table(910, Add=["P1"])))
        r = c.run(*change)
        check("a prompt without a host is an error", (r.state, r.failure is not None or len(r.errors) > 0), (5, True))
        check("and writes nothing", "P1" in lists(c, who)[0], False)
        check("Confirm:$false asks nothing", (c.run(*change, ("Confirm", boolean(False))).state, lists(c, who)[0]),
              (4, ["P1"]))
        c.close()
        c = client(peer).open(host=True)
        asked = []

        def answer(xml):
            e = ET.fromstring(xml)
            method, number = e.find("*/*[@N='mi']/I32").text, e.find("*/*[@N='ci']").text
            asked.append(method)
            if number == "-100":
                return None
            return ('<Obj RefId="0"><MS><I32 N="mr">0</I32><I64 N="ci">%s</I64>' % number + psrp.ENUM % (
                "mi", 1, 0, "System.Management.Automation.Remoting.RemoteHostMethodId", "PromptForChoice", 26) +
                "</MS></Obj>")

        r = c.run("Set-CASMailbox", ("Identity", string(who)), ("ActiveSyncAllowedDeviceIDs", table(910, Add=["P2"])),
                  answer=answer)
        check("the host was asked to choose", asked, ["26"])
        check("and Yes wrote", (r.state, lists(c, who)[0]), (4, ["P1", "P2"]))
        c.close()
    with Peer(dll, "--devices", 40, "--terminate-in-list", "--hide", "Get-Recipient", "--exchange", "2010",
              "--default-access", "quarantine", "--restricted-select") as peer:
        c = client(peer).open()
        c.run("Set-ADServerSettings", ("ViewEntireForest", boolean(True)))
        r = c.run("Get-ActiveSyncDevice", unlimited())
        check("a listing that breaks off", (len(r.output), r.state), (20, 5))
        check("with its category", "[FailureCategory=Cmdlet-ADTransientException]" in str(
            r.failure["FullyQualifiedErrorId"]))
        r = c.run(("Get-ActiveSyncDevice",), ("Select-Object", ("Property", string("DeviceId"))))
        check("a restricted Select-Object refuses", (r.state, str(r.failure["FullyQualifiedErrorId"])),
              (5, "ParameterArgumentValidationError,Select-Object"))
        check("2010 has no Get-MobileDevice", str(c.run("Get-MobileDevice").failure["FullyQualifiedErrorId"]),
              "CommandNotFoundException")
        check("a hidden cmdlet is unknown", str(c.run("Get-Recipient").failure["FullyQualifiedErrorId"]),
              "CommandNotFoundException")
        check("version of 2010", str(c.run("Get-ExchangeServer").output[0]["AdminDisplayVersion"]),
              "Version 14.3 (Build 123.4)")
        c.close()


def full(peer):
    """?serializationLevel=Full: nested objects, enums, repeated references, a blob to be ignored."""
    c = client(peer, path="/PowerShell?serializationLevel=Full;PSVersion=5.1").open()
    d = c.run("Get-MobileDevice", ("ResultSize", string("1"))).output[0]
    state = d["DeviceAccessState"]
    check("an enum is an object", (state.names[1], str(state), state.e.findtext("I32")), ("System.Enum", "Allowed", "1"))
    check("Identity has properties", str(d["Identity"]["ObjectGuid"]), str(d["Guid"]))
    check("Id and Identity are one object", (d["Id"].tag, d["Id"].e.get("RefId")), ("Ref", d["Identity"].e.get("RefId")))
    check("SerializationData", d["SerializationData"].tag, "BA")
    v = c.run("Get-ExchangeServer").output[0]["AdminDisplayVersion"]
    check("a version is an object", (str(v), str(v["Build"])), ("Version 15.2 (Build 1544.4)", "1544"))
    c.close()


def population(dll, here):
    path = os.path.join(here, "population.jsonl")
    with open(path, "w") as f:
        f.write('{"mailbox":"%s","upn":"ann@contoso.com","device_id":"PHONE1","guid":"%s","type":"iPad",'
                '"listed":"allowed","sid":"S-1-5-21-1-2-3-4"}\n' % (uuid.UUID(int=1), uuid.UUID(int=2)))
        f.write('{"mailbox":"%s","upn":"ann@contoso.com","device_id":"PHONE2","guid":"%s","type":null,'
                '"listed":"none","managed":null}\n' % (uuid.UUID(int=1), uuid.UUID(int=3)))
    with Peer(dll, "--population", path) as peer:
        check("counts of the file", (peer.info["mailboxes"], peer.info["devices"]), (1, 2))
        c = client(peer).open()
        check("lists of the file", lists(c, "ann@contoso.com"), (["PHONE1"], []))
        check("SID of the file", str(c.run("Get-User").output[0]["Sid"]), "S-1-5-21-1-2-3-4")
        check("devices of the file", [(str(d["DeviceId"]), str(d["Guid"])) for d in c.run("Get-MobileDevice").output],
              [("PHONE1", str(uuid.UUID(int=2))), ("PHONE2", str(uuid.UUID(int=3)))])
        c.close()


def main():
    if len(sys.argv) != 2 or not os.path.exists(sys.argv[1]):
        skip("PowerShell's engine was not built (%s): is dotnet there, and could its packages be restored?"
             % " ".join(sys.argv[1:]))
    dll = sys.argv[1]
    with Peer(dll) as peer:
        for part in (session, refusals, writes, full):
            start = time.monotonic()
            part(peer)
            print("%-10s %5.1f s, %d checks so far, %d failed" % (part.__name__, time.monotonic() - start, checks, failed),
                  flush=True)
        s = peer.stats()
        check("every shell was deleted", (s["shells_open"], s["shells_created"]), (0, s["shells_deleted"]))
        check("no shell was forgotten", s["shells_reaped"], 0)
        print("stats: %s" % s)
        population(dll, peer.dir)
    for part in (stopping, faults):
        start = time.monotonic()
        part(dll)
        print("%-10s %5.1f s, %d checks so far, %d failed" % (part.__name__, time.monotonic() - start, checks, failed),
              flush=True)
    print("%d checks, %d failed" % (checks, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
