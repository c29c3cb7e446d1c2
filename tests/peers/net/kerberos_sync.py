#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole agent through Kerberos: Apache with mod_auth_gssapi stands before easgate-lab's Exchange and
lets in nobody without a ticket. By keytab, by password, through proxies, after a redirect; a keytab that
is too old asks the KDC once.

usage: kerberos_sync.py BUILD-DIRECTORY
"""
import base64
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

from net import PASSWORD, REALM, Net, missing

failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.900r\n  want: %.900r" % (what, got, want), flush=True)


def certificates(net):
    """ca.crt, clientca.crt, good.pem"""
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("ca", "clientca"):
        net.tool("openssl", "req", "-x509", *new, "-keyout", net.path(name + ".key"), "-out", net.path(name + ".crt"),
                 "-subj", "/CN=" + name, "-addext", "keyUsage=critical,keyCertSign")
    net.tool("openssl", "req", *new[:-2], "-keyout", net.path("good.key"), "-out", net.path("good.csr"), "-subj", "/CN=x")
    net.write("ext", "subjectAltName=DNS:localhost\n")
    net.tool("openssl", "x509", "-req", "-in", net.path("good.csr"), "-CA", net.path("ca.crt"), "-CAkey",
             net.path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", net.path("ext"), "-out", net.path("good.crt"))
    with open(net.path("good.crt")) as a, open(net.path("good.key")) as b:
        net.write("good.pem", a.read() + b.read(), 0o600)


class Lab:
    def __init__(self, build, where):
        os.mkdir(where)
        self.dir = where
        self.process = subprocess.Popen([os.path.join(build, "bin", "easgate-lab"), "--dir", where, "--devices", "150",
                                         "--quiet", "--until-stdin-closes"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(where, "lab.json")) as f:
            self.info = json.load(f)
        with open(os.path.join(where, "exchange.password")) as f:
            self.password = f.read().strip()

    def stats(self):
        tls = ssl.create_default_context(cafile=os.path.join(self.dir, "ca.pem"))
        with urllib.request.urlopen(self.info["control"] + "/stats", context=tls) as r:
            return json.load(r)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Redirector(http.server.BaseHTTPRequestHandler):
    """Sends every request on to `target`; notes what log-on it was shown."""
    protocol_version = "HTTP/1.1"
    target = None
    shown = []

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Redirector.shown.append(self.headers.get("Authorization", "-").split(" ")[0])
        self.send_response(302)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()


def redirector(net, target):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirector)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(net.path("good.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Redirector.target = target
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Agent:
    count = 0

    def __init__(self, build, net, lab, port, auth, more="", sink=""):
        Agent.count += 1
        self.exe = os.path.join(build, "bin", "easgate")
        self.dir = net.path("agent%d" % Agent.count)
        self.config = os.path.join(self.dir, "etc", "easgate.yaml")
        os.makedirs(os.path.join(self.dir, "etc", "orgs.d"))
        os.mkdir(os.path.join(self.dir, "state"), 0o700)
        with open(self.config, "w") as f:
            f.write("state_dir: %s\nlog: { level: info, format: text }\n" % os.path.join(self.dir, "state"))
        with open(os.path.join(self.dir, "etc", "orgs.d", "contoso.yaml"), "w") as f:
            f.write("""organization: contoso
mode: audit
source:
  module: exchange-onprem
  server: localhost:%d
  auth: %s
  ca_file: "%s"
%ssink:
  module: intune
  tenant: %s
  client_id: %s
  certificate: "file:%s"
  login_url: %s
  graph_url: %s
  ca_file: "%s"
%spolicy:
  include_groups: [ %s ]
  exclude_groups: [ %s ]
schedule: { quick: 2h, full: "daily 02:00", jitter: 10m }
""" % (port, auth, net.path("ca.crt"), more, lab.info["tenant"], lab.info["client_id"],
                os.path.join(lab.dir, "graph.pem"), lab.info["graph"], lab.info["graph"], os.path.join(lab.dir, "ca.pem"),
                sink, lab.info["include_group"], lab.info["exclude_group"]))

    def __call__(self, *args):
        r = subprocess.run([self.exe, *args, "--config", self.config], capture_output=True, text=True, timeout=240)
        return r.returncode, r.stdout, r.stderr

    def enforce(self):
        path = os.path.join(self.dir, "etc", "orgs.d", "contoso.yaml")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("mode: audit", "mode: enforce\nbrakes: { blast_devices: 500 }"))

    def devices(self):
        code, out, err = self("devices", "contoso", "--json", "--limit", "0")
        try:
            return len(json.loads(out)["devices"])
        except (ValueError, KeyError):
            raise RuntimeError("devices: exit code %d: %.300s %.300s" % (code, out, err))


def succeeds(what, agent):
    code, out, err = agent("sync", "contoso", "--full")
    check("%s: the exit code is 0 %s" % (what, (out + err)[-700:] if code else ""), code, 0)
    if code == 0:
        check(what + ": every device came", agent.devices(), 150)


def refused(what, agent, net, log, text, asked=1):
    before = len(net.log_ons(log))
    code, out, err = agent("sync", "contoso", "--full")
    check(what + ": the exit code says hold", code, 30)
    check("%s: the reason is told: %s" % (what, (out + err)[-700:]), text in out + err)
    check(what + ": the KDC was asked once", len(net.log_ons(log)) - before, asked)


def main():
    why = missing()
    if why:
        print("SKIP: " + why)
        return 77
    build = os.path.abspath(sys.argv[1])
    where = tempfile.mkdtemp(prefix="kerberos-sync-")
    os.chmod(where, 0o755)
    net = Net(where)
    lab = None
    try:
        certificates(net)
        lab = Lab(build, tempfile.mkdtemp(prefix="kerberos-lab-") + "/lab")
        shutil.copy(os.path.join(lab.dir, "ca.pem"), net.path("lab-ca.pem"))
        net.realm()
        basic = base64.b64encode(("%s:%s" % (lab.info["exchange_user"], lab.password)).encode()).decode()
        net.apache(extra="SSLProxyEngine on\nSSLProxyCACertificateFile %s\nSSLProxyCheckPeerName on\n"
                   % net.path("lab-ca.pem"),
                   locations="""
<Location /powershell>
  AuthType GSSAPI
  AuthName exchange
  {keytab}
  GssapiAllowedMech krb5
  Require user svc-easgate@%s
  RequestHeader set Authorization "Basic %s"
</Location>
ProxyPass /powershell https://localhost:%d/powershell
""" % (REALM, basic, lab.info["cas_ports"][0]))
        net.ports["graph"] = int(lab.info["graph"].rsplit(":", 1)[1])
        net.proxies()
        port = net.ports["web"]
        user = "svc-easgate@" + REALM
        keytab = "{ method: kerberos, user: %s, keytab: %s }" % (user, net.path("krb5/client.keytab"))
        for name, text in (("pw", PASSWORD), ("wrong", "wrong"), ("px", "pr0xy"), ("px-wrong", "nope")):
            net.write(name, text, 0o600)
            if os.geteuid() == 0:
                os.chown(net.path(name), 0, 0)

        succeeds("keytab", Agent(build, net, lab, port, keytab))
        succeeds("password", Agent(build, net, lab, port, "{ method: negotiate, user: %s, password: \"file:%s\" }"
                                   % (user, net.path("pw"))))
        proxy = """  proxy:
    url: http://localhost:%d
    user: CONTOSO\\px
    password: "file:%s"
""" % (net.ports["squid-basic"], net.path("px"))
        succeeds("proxy with Basic, for both", Agent(build, net, lab, port, keytab, proxy, proxy))
        with open(net.path("log/squid-basic.access")) as f:
            tunnels = f.read()
        for what, number in (("Exchange", port), ("Graph", net.ports["graph"])):
            check("%s was reached through the proxy" % what, "TCP_TUNNEL/200" in tunnels and "localhost:%d " % number in tunnels)
        succeeds("proxy with Negotiate", Agent(build, net, lab, port, keytab, """  proxy:
    url: http://localhost:%d
    auth: negotiate
    keytab: %s
""" % (net.ports["squid-nego"], net.path("krb5/client.keytab"))))
        succeeds("TLS 1.3, a proxy passed by", Agent(build, net, lab, port, keytab, """  tls: { min: 1.3 }
  proxy: { url: "http://localhost:1" }
  no_proxy: [ localhost ]
"""))

        sent_on = redirector(net, "https://localhost:%d/powershell" % port)
        succeeds("redirect", Agent(build, net, lab, sent_on, keytab, "  redirect: { allow: [ localhost ] }\n"))
        check("redirect: no log-on was shown on the way", set(Redirector.shown), {"-"})
        code, out, err = Agent(build, net, lab, sent_on, keytab)("sync", "contoso", "--full")
        check("a redirect that is not allowed: hold", (code, "which is not followed" in out + err), (30, True))
        Redirector.target = "https://localhost:%d/powershell" % sent_on
        code, out, err = Agent(build, net, lab, sent_on, keytab, "  redirect: { allow: [ localhost ] }\n")("sync", "contoso", "--full")
        check("redirects in a circle end", (code, "more than 5 times" in out + err), (30, True))

        agent = Agent(build, net, lab, port, keytab, "  parallel: 3\n")
        agent.enforce()
        succeeds("three sessions, a ticket each", agent)
        stats = lab.stats()
        check("three sessions: they wrote together", (stats["shells_peak"], stats["list_changes"] > 10), (3, True))
        check("three sessions: nothing is left open", (stats["shells_open"], stats["pipelines_terminated"]),
              (0, stats["pipelines"]))

        refused("an old keytab", Agent(build, net, lab, port, "{ method: kerberos, user: svc-stale@%s, keytab: %s }"
                                       % (REALM, net.path("krb5/stale.keytab"))), net, "PREAUTH_FAILED",
                "the keytab holds an older one")
        refused("a wrong password", Agent(build, net, lab, port, "{ method: kerberos, user: %s, password: \"file:%s\" }"
                                          % (user, net.path("wrong"))), net, "PREAUTH_FAILED", "the password is wrong")
        refused("a proxy's wrong password", Agent(build, net, lab, port, keytab, """  proxy:
    url: http://localhost:%d
    user: CONTOSO\\px
    password: "file:%s"
""" % (net.ports["squid-basic"], net.path("px-wrong"))), net, "PREAUTH_FAILED", "the proxy refused our log-on", 0)
    finally:
        net.close()
        if lab:
            lab.close()
            shutil.rmtree(os.path.dirname(lab.dir), ignore_errors=True)
        if os.environ.get("EASGATE_KEEP") != "1":
            shutil.rmtree(where, ignore_errors=True)
    print("%s - %d checks, %d failed" % ("not ok" if failed or not checks else "ok", checks, failed))
    return 1 if failed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
