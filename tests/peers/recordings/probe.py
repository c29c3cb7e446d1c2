#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves the replay server with an independent client: that good conversations pass and bad ones do not.

usage: probe.py DIRECTORY-OF-RECORDINGS
"""
import os
import shutil
import ssl
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "powershell"))
import psrp  # noqa: E402
from peer import make_certificates  # noqa: E402
from replay import Replay, Server  # noqa: E402

failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.600r\n  want: %.600r" % (what, got, want), flush=True)


class Conversation:
    def __init__(self, name, clean=True, **client):
        self.name, self.clean, self.client = name, clean, client

    def __enter__(self):
        self.replay = Replay(os.path.join(sys.argv[1], self.name + ".yml"))
        self.server = Server(self.replay, os.path.join(where, "server.pem"), os.path.join(where, "server.key"))
        return psrp.Client(self.server.start(), "u", "p", ssl.create_default_context(
            cafile=os.path.join(where, "ca.pem")), path="/wsman", **self.client), self.replay

    def __exit__(self, kind, *_):
        self.server.stop()
        self.replay.finish()
        if kind is None and self.clean:
            check(self.name + " replays without mismatch", self.replay.mismatches, [])
            self.replay.report(self.name)


def good():
    with Conversation("test_psrp_open_runspace") as (c, _):
        c.open()
        check("three messages open a pool", [hex(m[0]) for m in c.pool_messages], ["0x10002", "0x21009", "0x21005"])
        check("which carry the client's pool", {m[1] for m in c.pool_messages[1:]}, {c.pool})
        c.close()
    with Conversation("test_psrp_long_running_cmdlet") as (c, _):
        c.open()
        r = c.run("Start-Sleep")
        check("long running: timed out twice on the way", c.timeouts, 2)
        check("long running: output", [str(o) for o in r.output], ["hi"])
        c.close()
    with Conversation("test_psrp_error_failed") as (c, _):
        c.open()
        r = c.run("x", script=True)
        check("error failed: state and output", (r.state, [str(o) for o in r.output][:1]), (5, ["before"]))
        check("error failed: why", r.failure is not None)
        c.close()
    with Conversation("test_psrp_stream_output_invocation") as (c, _):
        c.open()
        r = c.run("x", script=True)
        check("streams", {psrp.VERBOSE, psrp.WARNING, psrp.PROGRESS, psrp.INFORMATION, psrp.ERROR} <= set(r.raw))
        check("streams: completed although there were errors", (r.state, len(r.errors) > 0), (4, True))
        c.close()
    with Conversation("test_psrp_with_jea_configuration") as (c, _):
        c.open()
        first = c.run("Get-Item")
        check("jea: the first works", (first.state, len(first.output) > 0), (4, True))
        second = c.run("Get-Item")
        check("jea: no language", (second.state, str(second.failure["FullyQualifiedErrorId"])), (5, "ScriptsNotAllowed"))
        c.close()
    with Conversation("test_psrp_multiple_invocations") as (c, replay):
        c.open()
        check("two invocations", [str(c.run("1+1", script=True).output[0]) for _ in range(2)], ["2", "2"])
        c.close()
        check("Terminate was recorded, nothing is beyond it", replay.extra, 0)
    with Conversation("test_client_fetch_file") as (c, _):
        c.open()
        r = c.run("x", script=True)
        check("a message in eleven fragments over three answers", (max(len(x) for x in r.raw[psrp.OUTPUT]) > 300000,
                                                                   r.state), (True, 4))
        c.close()
    with Conversation("test_psrp_run_protocol_version_2.1", protocol="2.1") as (c, _):
        c.open()
        check("2.1: the server's shell id, not the client's", uuid.UUID(c.shell) != c.pool)
        cid, pid = c.command(("x", []), script=True)
        check("2.1: the server's command id", uuid.UUID(cid) != pid)
        c.send(cid, pid, [(0x41002, "<S>1</S>"), (0x41002, "<S>2</S>"), (0x41002, "<S>3</S>"), (0x41003, "")])
        r = c.drain(cid, pid)
        check("2.1: output and state", ([str(o) for o in r.output][:3], r.state), (["error", "message 1", "2"], 4))
        c.close()
    with Conversation("test_psrp_pshost_raw_ui_mocked_methods") as (c, _):
        c.open(host=True)
        asked = []

        def answer(xml):
            asked.append(">-100<" in xml)
            return None if asked[-1] else '<Obj RefId="0"><MS><Nil N="mr" /></MS></Obj>'
        r = c.run("x", script=True, answer=answer)
        check("host calls: all but one want no answer", (len(asked) > 1, asked.count(False)), (True, 1))
        c.close()
    with Conversation("test_psrp_receive_failure") as (c, _):
        c.open()
        try:
            c.receive(str(uuid.uuid4()).upper(), {})
            check("a fault for an unknown command", False)
        except psrp.Fault as f:
            check("a fault for an unknown command", f.code, psrp.NO_SUCH)
        c.close()


def bad():
    """The server has to notice."""
    with Conversation("test_psrp_error_failed", clean=False) as (c, replay):
        c.open()
        c.close()
        check("a Delete too early", [m.split(" came")[0] for m in replay.mismatches], ["Delete"])
    check("and what was not asked for", sorted(m.split()[0] for m in replay.mismatches), ["Command", "Delete", "Receive"])
    with Conversation("test_psrp_open_runspace", clean=False) as (c, replay):
        c.open()
        try:
            c.run("Get-Command")
            check("a command that was not recorded is refused", False)
        except psrp.Fault as f:
            check("a command that was not recorded is refused", (f.code, len(replay.mismatches)), (psrp.NO_SUCH, 1))
        c.close()
    with Conversation("test_psrp_open_runspace", clean=False) as (c, replay):
        c.open()
        before = replay.extra
        try:
            c.call(psrp.R + "/Receive", "<rsp:Receive><rsp:DesiredStream>stdout</rsp:DesiredStream></rsp:Receive>")
            check("one more Receive of the pool times out", False)
        except psrp.Fault as f:
            check("one more Receive of the pool times out", (f.code, replay.extra - before), (psrp.TIMED_OUT, 1))
        c.close()
        check("and is no mismatch", replay.mismatches, [])
    with Conversation("test_psrp_get_command_metadata", clean=False) as (c, replay):
        c.open()
        c.run("Get-Command")
        check("another message than the recorded one", [m.split(":")[0] for m in replay.mismatches], ["Command 3"])


def readable():
    """Every recording is read, and every message in it is whole."""
    names = sorted(n for n in os.listdir(sys.argv[1]) if n.endswith(".yml"))
    check("twelve recordings", len(names), 12)
    check("pairs", sum(len(Replay(os.path.join(sys.argv[1], n)).pairs) for n in names), 91)


where = tempfile.mkdtemp(prefix="replay-")
try:
    make_certificates(where)
    readable()
    good()
    bad()
finally:
    shutil.rmtree(where)
print("%d checks, %d failed" % (checks, failed))
sys.exit(1 if failed else 0)
