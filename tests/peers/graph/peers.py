# SPDX-License-Identifier: Apache-2.0
"""Starts third-party servers from npm for the tests beside this file; skips loudly without them."""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "p+8~/q=&%25 #w-secret"


def skip(why):
    print("SKIP " + why)
    sys.exit(77)


def install(build):
    """node_modules below the build directory, as the lock file says; nothing is fetched twice."""
    for program in ("node", "npm", "openssl"):
        if not shutil.which(program):
            skip("%s is not installed: no third-party Graph and login servers" % program)
    major = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode().lstrip("v").split(".")[0]
    if int(major) < 20:
        skip("node %s is too old: 20 is needed" % major)
    where = os.path.join(build, "tests", "peers", "graph", "npm")
    os.makedirs(where, exist_ok=True)
    with open(os.path.join(HERE, "package-lock.json"), "rb") as f:
        lock = f.read()
    stamp = os.path.join(where, "installed")
    if os.path.exists(stamp) and open(stamp, "rb").read() == lock:
        return where
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), where)
    try:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=where, timeout=480,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = done.stdout.decode(errors="replace")
        code = done.returncode
    except subprocess.TimeoutExpired:
        code, text = 1, "npm took longer than 480 s"
    if code != 0:
        print(text[-2000:])
        skip("the npm packages are not to be had: no third-party Graph and login servers")
    with open(stamp, "wb") as f:
        f.write(lock)
    return where


class Peers:
    """A directory with certificates, and the processes that were started. All end with the block."""

    def __init__(self, build):
        self.build = build
        self.npm = install(build)
        self.dir = tempfile.mkdtemp(prefix="easgate-graph-peer-")
        self.processes = []
        # ES modules are found beside the program only, so that the servers are run from there.
        for name in ("login.mjs", "front.mjs"):
            shutil.copy(os.path.join(HERE, name), self.npm)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in reversed(self.processes):
            if p.stdin:
                p.stdin.close()
            try:
                p.wait(3)
            except subprocess.TimeoutExpired:
                p.terminate()
                p.wait(20)
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.dir, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def certificates(self):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                     "-subj", "/CN=peers", "-addext", "basicConstraints=critical,CA:TRUE")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=localhost")
        with open(self.path("san"), "w", encoding="utf-8") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                     "-extfile", "san", "-out", "tls.crt")
        for name in ("app", "other"):
            self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".crt",
                         "-days", "60", "-subj", "/CN=" + name)
            with open(self.path(name + ".pem"), "wb") as f:
                for part in (name + ".crt", name + ".key"):
                    f.write(open(self.path(part), "rb").read())
            os.chmod(self.path(name + ".pem"), 0o600)
        with open(self.path("secret"), "w", encoding="utf-8") as f:
            f.write(SECRET)
        os.chmod(self.path("secret"), 0o600)

    def tls(self):
        return ssl.create_default_context(cafile=self.path("ca.pem"))

    def start(self, program, setup):
        name = self.path(program + ".json")
        with open(name, "w", encoding="utf-8") as f:
            json.dump(dict(setup, key=self.path("tls.key"), cert=self.path("tls.crt")), f)
        p = subprocess.Popen(["node", program, name], cwd=self.npm, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=open(self.path(program + ".log"), "wb"))
        self.processes.append(p)
        line = p.stdout.readline().decode()
        if not line.startswith("{"):
            raise RuntimeError("%s did not start: %s" % (program, open(self.path(program + ".log")).read()[-2000:]))
        return json.loads(line)

    def login(self, graph):
        return self.start("login.mjs", {"tenant": TENANT, "client_id": CLIENT, "client_secret": SECRET,
                                        "app": self.path("app.crt"), "graph": graph})["port"]

    def front(self, mode, spec, behind="", ca=""):
        """TLS, then prism, then what is behind: the address to talk to."""
        ports = self.start("front.mjs", {"behind": behind, "ca": ca})
        words = [mode, spec] + (["http://127.0.0.1:%d" % ports["shim"], "--errors"] if mode == "proxy" else [])
        url = "https://localhost:%d" % ports["port"]
        self.call(url + "/front/prism", {"port": self.prism(*words)})
        return url

    def prism(self, *words):
        """Plain http on a free port. It does not say which, so that one is looked for first."""
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        log = open(self.path("prism.log"), "wb")
        program = os.path.join(self.npm, "node_modules", "@stoplight", "prism-cli", "dist", "index.js")
        p = subprocess.Popen(["node", program, words[0], "--port", str(port), "--host", "127.0.0.1", *words[1:]],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(p)
        end = time.monotonic() + 90
        while time.monotonic() < end and p.poll() is None:
            if b"Prism is listening" in open(self.path("prism.log"), "rb").read():
                return port
            time.sleep(0.1)
        raise RuntimeError("prism did not start: " + open(self.path("prism.log")).read()[-2000:])

    def call(self, url, body=None, headers=None, method=None, form=None):
        data = json.dumps(body).encode() if body is not None else form.encode() if form is not None else None
        request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, context=self.tls(), timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as e:
            text = e.read().decode()
            return e.code, json.loads(text) if text.startswith(("{", "[")) else text
