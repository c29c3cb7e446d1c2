#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that misbehaves on request. It sees ciphertext only.

usage: toxic.py PORT          listens on a free port, prints it, forwards to 127.0.0.1:PORT

One command a line on standard input, each answered by "ok":
  pass            forwards
  refuse          no longer listens
  stall           accepts, and answers nothing
  slow            one byte a second towards the client
  reset N         after N more bytes towards the client: a reset, of every connection
  close N         the same with an orderly end
  hold N          the same, but nothing ends and nothing comes: half-open
  upreset N       after N more bytes towards the server: a reset
It ends when standard input does.
"""
import select
import socket
import struct
import sys
import time

LINGER = struct.pack("ii", 1, 0)


class Proxy:
    def __init__(self, target):
        self.target = target
        self.mode, self.left = "pass", 0
        self.pairs = {}          # socket -> its peer
        self.down = set()        # sockets that lead to the server
        self.later = []          # slow bytes: (socket, bytearray, when)
        self.port = 0
        self.listen()

    def listen(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        s.listen(64)
        self.listener, self.port = s, s.getsockname()[1]

    def drop(self, s, reset):
        peer = self.pairs.pop(s, None)
        for one in (s, peer):
            if one is None:
                continue
            self.pairs.pop(one, None)
            self.down.discard(one)
            if reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            one.close()

    def accept(self):
        client, _ = self.listener.accept()
        if self.mode == "stall":
            self.pairs[client] = None
            return
        server = socket.create_connection(("127.0.0.1", self.target))
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs[client], self.pairs[server] = server, client
        self.down.add(server)

    def strike(self, s):
        mode = self.mode
        if mode in ("reset", "upreset", "close"):
            for one in list(self.down):
                self.drop(one, mode != "close")
            self.mode = "pass"

    def forward(self, s):
        try:
            data = s.recv(65536)
        except OSError:
            data = b""
        peer = self.pairs.get(s)
        if not data or peer is None:
            if self.mode != "hold" or self.left:
                self.drop(s, False)
            else:
                self.pairs.pop(s, None)
            return
        counted = self.mode == "upreset" if s not in self.down else self.mode in ("reset", "close", "hold")
        if counted:
            if self.mode == "hold" and not self.left:
                return
            data = data[:self.left] if len(data) >= self.left else data
            self.left -= len(data)
        if self.mode == "slow" and s in self.down:
            self.later.append((peer, bytearray(data)))
            return
        try:
            peer.sendall(data)
        except OSError:
            self.drop(s, True)
            return
        if counted and not self.left:
            self.strike(s)

    def trickle(self):
        rest = []
        for peer, data in self.later:
            try:
                peer.send(data[:1])
            except OSError:
                continue
            if data[1:]:
                rest.append((peer, data[1:]))
        self.later = rest

    def command(self, line):
        words = line.split()
        if self.mode == "refuse" and words[0] != "refuse":
            self.listen()
        if words[0] == "refuse" and self.mode != "refuse":
            self.listener.close()
            for s in list(self.down):
                self.drop(s, True)
        self.mode, self.left = words[0], int(words[1]) if len(words) > 1 else 0
        print("ok", flush=True)

    def run(self):
        print(self.port, flush=True)
        last = time.monotonic()
        while True:
            watch = [sys.stdin, *self.pairs] + ([self.listener] if self.mode != "refuse" else [])
            ready, _, _ = select.select(watch, [], [], 0.5)
            if time.monotonic() - last >= 1:
                last = time.monotonic()
                self.trickle()
            for s in ready:
                if s is sys.stdin:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self.command(line)
                elif s is self.listener:
                    try:
                        self.accept()
                    except OSError:
                        pass
                elif s in self.pairs:
                    self.forward(s)


if __name__ == "__main__":
    Proxy(int(sys.argv[1])).run()
