# SPDX-License-Identifier: Apache-2.0
"""Starts exchange-peer with throw-away certificates, and ends it: with Peer(dll, ...) as peer."""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request


def skip(why):
    print("SKIP: " + why, flush=True)
    sys.exit(77)


def make_certificates(where):
    """ca.pem, server.pem and server.key; the name is localhost."""
    def openssl(*args):
        r = subprocess.run(["openssl", *args], cwd=where, capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError("openssl %s: %s" % (args[0], r.stderr))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=peer CA",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(os.path.join(where, "ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "ext", "-out", "server.pem")


class Peer:
    """One running peer. It ends when this program does, however that happens: its input closes."""

    def __init__(self, dll, *options, where=None):
        self.own = where is None
        self.dir = where or tempfile.mkdtemp(prefix="exchange-peer-")
        make_certificates(self.dir)
        self.ca = os.path.join(self.dir, "ca.pem")
        self.process = subprocess.Popen(
            ["dotnet", dll, "--dir", self.dir, "--cert", os.path.join(self.dir, "server.pem"), "--key",
             os.path.join(self.dir, "server.key"), "--until-stdin-closes", *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "exchange-peer: ready\n":
            raise RuntimeError("exchange-peer did not start: %r, exit code %s" % (line, self.process.wait()))
        with open(os.path.join(self.dir, "peer.json")) as f:
            self.info = json.load(f)
        with open(self.info["password_file"]) as f:
            self.password = f.read()
        self.tls = ssl.create_default_context(cafile=self.ca)

    def stats(self):
        url = "https://localhost:%d/peer/stats" % self.info["port"]
        with urllib.request.urlopen(url, context=self.tls) as r:
            return json.load(r)

    def close(self):
        self.process.stdin.close()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self.own:
                shutil.rmtree(self.dir)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
