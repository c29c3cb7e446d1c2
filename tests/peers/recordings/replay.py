#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays a recorded conversation of a real Windows server to a client, over HTTPS.

usage: replay.py --recording FILE --cert FILE.pem --key FILE.pem [--port N] [--timeout SECONDS]

Prints "replay: ready PORT". Ends when its standard input closes, or --timeout after the last request;
then prints every mismatch and a line of counts. Exit code 0: all was asked for, nothing else was.
"""
import argparse
import base64
import re
import ssl
import sys
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import recording

STREAM = re.compile(r"(<(?:\w+:)?Stream\b[^>]*>)([^<]+)(?=</)")
FAULT = ('<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
         'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
         'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>'
         'http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action><a:MessageID>uuid:%s</a:MessageID>'
         '<a:RelatesTo>uuid:%s</a:RelatesTo></s:Header><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode>'
         '<s:Value>%s</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason><s:Detail>'
         '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="%d" Machine="localhost">'
         '<f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>')
SIGNALLED = ('<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
             'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
             'xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><s:Header><a:Action>'
             'http://schemas.microsoft.com/wbem/wsman/1/windows/shell/SignalResponse</a:Action>'
             '<a:MessageID>uuid:%s</a:MessageID><a:RelatesTo>uuid:%s</a:RelatesTo></s:Header><s:Body>'
             '<r:SignalResponse/></s:Body></s:Envelope>')


def upper(g):
    return str(g).upper()


class Pair:
    def __init__(self, index, message):
        self.index = index
        self.request = recording.Request(ET.fromstring(message["request"]))
        self.response = message["response"]
        # Faults came with 500, whether the recording says so or not.
        fault = ET.fromstring(self.response).find("s:Body/s:Fault", recording.NS) is not None
        self.status = int(message.get("transport_error", {}).get("code", 500 if fault else 200))
        self.invocation = None
        self.used = False


class Replay:
    """One conversation. Matches by action and by which pipeline the request is about."""

    def __init__(self, path):
        self.pairs = [Pair(i, m) for i, m in enumerate(recording.load(path))]
        self.lock = threading.Lock()
        self.mismatches, self.extra, self.reordered = [], 0, 0
        self.pool = {}          # recorded guid -> live guid, of the pool
        self.subs = {}          # the same, of each invocation
        self.live = {}          # live command id -> invocation
        ids, n = {}, 0
        for p in self.pairs:
            r = p.request
            if r.verb == "Command":
                n += 1
                ids[r.command] = n
                for g in re.findall(r"CommandId>([^<]+)<", p.response):
                    ids[uuid.UUID(g)] = n
            # A command id that no Command made (a request for a command that never was) is its own.
            if r.command and r.command not in ids:
                n += 1
                ids[r.command] = n
            p.invocation = ids.get(r.command)

    def mismatch(self, text):
        self.mismatches.append(text)

    def find(self, r):
        same = [p for p in self.pairs if not p.used and p.request.verb == r.verb]
        if r.verb in ("Command", "Create", "Delete", "Get"):
            return same[0] if same else None
        if r.verb == "Send":            # its CommandId is optional: order decides
            return same[0] if same else None
        if r.command is not None and r.command not in self.live:
            # A command that was never made: the recording has one too, or it is an error.
            strangers = [p for p in same if p.request.command and p.invocation not in self.subs]
            if strangers:
                self.live[r.command] = strangers[0].invocation
                self.subs[strangers[0].invocation] = {strangers[0].request.command: r.command}
        wanted = self.live.get(r.command) if r.command else None
        if r.command is not None and wanted is None:
            return None
        same = [p for p in same if p.invocation == wanted and p.request.signal == r.signal]
        return same[0] if same else None

    def learn(self, p, r):
        """What the live client calls the recorded pool and pipeline."""
        have, want = r.messages(), p.request.messages()
        if [m[0] for m in have] != [m[0] for m in want]:
            self.mismatch("%s %d: messages %s, recorded %s" % (r.verb, p.index, [hex(m[0]) for m in have],
                                                              [hex(m[0]) for m in want]))
        if r.verb == "Create":
            if want and have:
                self.pool[want[0][1]] = have[0][1]
            if p.request.shell and r.shell:
                self.pool[p.request.shell] = r.shell
        if r.verb == "Command":
            subs = self.subs[p.invocation] = {}
            if want and have:
                subs[want[0][2]] = have[0][2]
            if p.request.command and r.command:
                subs[p.request.command] = r.command
            # The id that the answer will name: the client's, unless the server chose its own.
            for g in re.findall(r"CommandId>([^<]+)<", p.response):
                self.live[subs.get(uuid.UUID(g), uuid.UUID(g))] = p.invocation

    def translate(self, p, r):
        subs = dict(self.pool)
        subs.update(self.subs.get(p.invocation, {}))
        text = p.response

        def stream(m):
            data = base64.b64decode(m.group(2))
            for old, new in subs.items():
                data = data.replace(old.bytes_le, new.bytes_le)
                data = data.replace(str(old).encode(), str(new).encode())
                data = data.replace(upper(old).encode(), upper(new).encode())
            return m.group(1) + base64.b64encode(data).decode()

        text = STREAM.sub(stream, text)
        for old, new in subs.items():
            text = re.sub(upper(old), upper(new), text, flags=re.I)
        return re.sub(upper(p.request.message_id), upper(r.message_id), text, flags=re.I)

    def fault(self, r, subcode, code, why):
        return 500, FAULT % (upper(uuid.uuid4()), upper(r.message_id), subcode, why, code, why)

    def answer(self, body):
        try:
            r = recording.Request(ET.fromstring(body))
            r.messages()
            assert r.message_id, "no MessageID"
        except Exception as e:
            with self.lock:
                self.mismatch("a request is not understood: %r" % e)
            return 400, ""
        with self.lock:
            p = self.find(r)
            if p is None:
                return self.unrecorded(r)
            earlier = [q for q in self.pairs[:p.index] if not q.used and q.request.verb != "Get"]
            if earlier:
                self.reordered += 1
            if r.verb == "Delete" and earlier:
                self.mismatch("Delete came before %s" % ", ".join("%s %d" % (q.request.verb, q.index) for q in earlier))
            p.used = True
            self.learn(p, r)
            return p.status, self.translate(p, r)

    def unrecorded(self, r):
        """What a good client may do beyond the recording: wait on the pool, release a command."""
        if r.verb == "Receive" and r.command is None:
            self.extra += 1
            return self.fault(r, "w:TimedOut", 2150858793, "The operation timed out. ")
        if r.verb == "Signal" and r.command in self.live:
            self.extra += 1
            return 200, SIGNALLED % (upper(uuid.uuid4()), upper(r.message_id))
        self.mismatch("%s of command %s is not in the recording, or once too often" % (r.verb, r.command))
        return self.fault(r, "w:InvalidSelectors", 2150858843, "The shell or command was not found. ")

    def finish(self):
        for p in self.pairs:
            if not p.used and p.request.verb != "Get":
                self.mismatch("%s %d was never asked for" % (p.request.verb, p.index))

    def report(self, name):
        for m in self.mismatches:
            print("mismatch: " + m)
        print("replay: %s: %d of %d pairs, %d beyond the recording, %d in another order, %d mismatches" % (
            name, sum(p.used for p in self.pairs), len(self.pairs), self.extra, self.reordered,
            len(self.mismatches)), flush=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1                   # head and body in one segment: no delayed acknowledgement
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, text = self.server.replay.answer(body)
        self.server.last = time.monotonic()
        if status == 500 and "2150858793" in text:
            time.sleep(0.02)        # a client that polls the pool must not spin
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, replay, cert, key, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.replay = replay
        self.last = time.monotonic()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(cert, key)
        self.socket = self.tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        print("replay: connection: %r" % sys.exc_info()[1], file=sys.stderr)

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self.server_address[1]

    def stop(self):
        self.shutdown()
        self.server_close()


def main():
    a = argparse.ArgumentParser(description="replay a recorded WS-Management conversation")
    a.add_argument("--recording", required=True)
    a.add_argument("--cert", required=True)
    a.add_argument("--key", required=True)
    a.add_argument("--port", type=int, default=0)
    a.add_argument("--timeout", type=float, default=120)
    o = a.parse_args()
    replay = Replay(o.recording)
    server = Server(replay, o.cert, o.key, o.port)
    print("replay: ready %d" % server.start(), flush=True)
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    while not closed.wait(0.1):
        if time.monotonic() - server.last > o.timeout:
            replay.mismatch("nothing was asked for %g s" % o.timeout)
            break
    server.stop()
    replay.finish()
    replay.report(o.recording.rsplit("/", 1)[-1])
    return 1 if replay.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
