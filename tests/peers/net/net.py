#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real servers on free ports of 127.0.0.1, in one directory: an MIT realm, Apache with
mod_auth_gssapi, an acceptor that can demand channel binding, squid. Everything is called localhost.

    net.py --check          exit code 77 and a line SKIP when something is not installed
    net.py DIR              needs DIR/good.pem, ca.crt, clientca.crt, client.pem; prints NAME NUMBER lines
                            (ports, and process ids of what a test may stop) and "ready"; ends when
                            standard input closes

Needs Debian's python3, for which python3-gssapi is built.
"""
import ctypes
import glob
import http.server
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REALM = "EXCHANGE.TEST"
MODULES = "/usr/lib/apache2/modules"
PASSWORD = "Passw0rd!"
NOBODY = 65534
FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") or [None])[0]

NEEDED = [("/usr/sbin/krb5kdc", "krb5-kdc"), ("/usr/sbin/kdb5_util", "krb5-kdc"),
          ("/usr/sbin/kadmin.local", "krb5-admin-server or krb5-kdc"), ("/usr/bin/kinit", "krb5-user"),
          ("/usr/sbin/apache2", "apache2"), (MODULES + "/mod_auth_gssapi.so", "libapache2-mod-auth-gssapi"),
          ("/usr/sbin/squid", "squid"), ("/usr/lib/squid/negotiate_kerberos_auth", "squid"),
          ("/usr/bin/openssl", "openssl")]


def missing():
    for path, package in NEEDED:
        if not os.path.exists(path):
            return "%s is not installed (%s)" % (package, path)
    try:
        import cryptography  # noqa: F401
        import gssapi  # noqa: F401
    except ImportError as e:
        return "python3-gssapi and python3-cryptography are not installed for %s (%s)" % (sys.executable, e)
    if not glob.glob("/usr/lib/*/gssntlmssp/gssntlmssp.so"):
        return "gss-ntlmssp is not installed"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def shed():
    """In the child: no privilege, and gone when the parent is."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Backend(http.server.BaseHTTPRequestHandler):
    """The application behind Apache: says who was let in, and how much came."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = ("user=%s body=%d\n" % (self.headers.get("X-Remote-User", "-"), len(body))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)


class Net:
    """Starts what it is told to, in `where`; close() ends it."""

    def __init__(self, where):
        self.dir = os.path.abspath(where)
        self.ports = {}
        self.pids = {}
        self.children = []
        for name in ("krb5", "log", "apache", "squid-basic", "squid-nego"):
            os.makedirs(self.path(name), exist_ok=True)
        for name in ("KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "GSS_MECH_CONFIG"):
            os.environ.pop(name, None)
        os.environ["KRB5_CONFIG"] = self.path("krb5/krb5.conf")
        os.environ["KRB5_KDC_PROFILE"] = self.path("krb5/kdc.conf")
        os.environ["KRB5RCACHEDIR"] = self.path("krb5")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def own(self):
        """What was written so far belongs to the user of the servers."""
        if os.geteuid() == 0:
            for folder, dirs, files in os.walk(self.dir):
                os.chown(folder, NOBODY, NOBODY)
                for name in files:
                    os.chown(os.path.join(folder, name), NOBODY, NOBODY, follow_symlinks=False)

    def tool(self, *args, **more):
        r = subprocess.run(args, capture_output=True, text=True, timeout=60, **more)
        if r.returncode:
            raise RuntimeError("%s: %s" % (args[0], r.stderr + r.stdout))
        return r.stdout

    def start(self, name, port, *args, **env):
        self.own()
        log = open(self.path("log/%s.out" % name), "ab")
        child = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=shed,
                                 env=dict(os.environ, **env), cwd=self.dir)
        log.close()
        self.children.append(child)
        self.pids[name] = child.pid
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return child
            except OSError:
                if child.poll() is not None or time.monotonic() > deadline:
                    with open(self.path("log/%s.out" % name), errors="replace") as f:
                        raise RuntimeError("%s did not start (exit code %s): %s"
                                           % (name, child.poll(), f.read()[-2000:]))
                time.sleep(0.02)

    def close(self):
        for child in reversed(self.children):
            for what in (signal.SIGTERM, signal.SIGCONT):
                try:
                    child.send_signal(what)
                except OSError:
                    pass
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []

    # ---- the realm ----

    def krb5_conf(self, name, port):
        self.write(name, """[libdefaults]
 default_realm = %s
 dns_lookup_kdc = false
 dns_lookup_realm = false
 udp_preference_limit = 1
 permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96
 default_ccache_name = FILE:%s
 default_client_keytab_name = FILE:%s
[realms]
 %s = {
  kdc = 127.0.0.1:%d
 }
""" % (REALM, self.path("krb5/no-default-cache"), self.path("krb5/no-default-keytab"), REALM, port))

    def realm(self):
        port = self.ports["kdc"] = free_port()
        self.krb5_conf("krb5/krb5.conf", port)
        self.krb5_conf("krb5/dead.conf", 1)
        self.write("krb5/kdc.conf", """[kdcdefaults]
 kdc_listen = 127.0.0.1:%d
 kdc_tcp_listen = 127.0.0.1:%d
[realms]
 %s = {
  database_name = %s
  key_stash_file = %s
  acl_file = %s
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  default_principal_flags = +preauth
 }
[logging]
 kdc = FILE:%s
 default = FILE:%s
""" % (port, port, REALM, self.path("krb5/principal"), self.path("krb5/stash"), self.path("krb5/acl"),
            self.path("log/kdc.log"), self.path("log/krb5.log")))
        self.write("krb5/acl", "")
        self.tool("kdb5_util", "-r", REALM, "create", "-s", "-P", "test-master")
        queries = ["addprinc -randkey HTTP/localhost", "ktadd -k %s -norandkey HTTP/localhost" % self.path("krb5/http.keytab")]
        for name, flags in (("svc-easgate", ""), ("svc-expired", "+needchange"), ("svc-disabled", "-allow_tix"),
                            ("svc-stale", "")):
            queries.append("addprinc -pw %s %s %s" % (PASSWORD, flags, name))
        queries += ["ktadd -k %s -norandkey svc-easgate" % self.path("krb5/client.keytab"),
                    "ktadd -k %s -norandkey svc-stale" % self.path("krb5/stale.keytab"),
                    "cpw -pw another svc-stale"]
        out = self.tool("kadmin.local", "-r", REALM, input="\n".join(queries) + "\n")
        if "ktadd" in out and not os.path.exists(self.path("krb5/client.keytab")):
            raise RuntimeError("kadmin.local: " + out)
        for name in glob.glob(self.path("krb5/*.keytab")):
            os.chmod(name, 0o600)
        self.start("kdc", port, "/usr/sbin/krb5kdc", "-n", "-r", REALM, "-P", self.path("krb5/kdc.pid"))
        for cache, life in (("good", "1h"), ("short", "1s")):
            self.tool("kinit", "-l", life, "-k", "-t", self.path("krb5/client.keytab"), "-c", self.path("krb5/cc_" + cache),
                      "svc-easgate")

    def log_ons(self, what):
        """Lines of the KDC's log that have it."""
        with open(self.path("log/kdc.log")) as f:
            return [line for line in f if what in line]

    # ---- Apache ----

    def backend(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    def apache(self, extra="", locations=None):
        for name in ("web", "cert", "late"):
            self.ports[name] = free_port()
        self.write("ntlm.users", "EXCHANGE:svc-easgate:%s\n" % PASSWORD, 0o600)
        hashed = self.tool("openssl", "passwd", "-apr1", PASSWORD).strip()
        self.write("htpasswd", "svc-easgate:%s\n" % hashed)
        modules = ("mpm_event authz_core authn_core authn_file authz_user auth_basic auth_gssapi ssl socache_shmcb "
                   "proxy proxy_http headers").split()
        keytab = "GssapiCredStore keytab:" + self.path("krb5/http.keytab")
        places = locations or """
<Location /wsman>
  AuthType GSSAPI
  AuthName wsman
  {keytab}
  GssapiAllowedMech krb5
  Require valid-user
</Location>
<Location /bound>
  AuthType GSSAPI
  AuthName bound
  {keytab}
  GssapiAllowedMech krb5
  GssapiConnectionBound On
  GssapiSignalPersistentAuth On
  Require valid-user
</Location>
<Location /ntlm>
  AuthType GSSAPI
  AuthName ntlm
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  Require valid-user
</Location>
<Location /basic>
  AuthType Basic
  AuthName basic
  AuthBasicProvider file
  AuthUserFile {dir}/htpasswd
  Require valid-user
</Location>
ProxyPass / http://127.0.0.1:{backend}/
"""
        self.write("apache/httpd.conf", ("""ServerRoot {dir}/apache
PidFile {dir}/apache/httpd.pid
ServerName localhost
DefaultRuntimeDir {dir}/apache
Mutex file:{dir}/apache default
ErrorLog {dir}/log/apache.err
LogLevel warn auth_gssapi:info
""" + "".join("LoadModule %s_module %s/mod_%s.so\n" % (m, MODULES, m) for m in modules) + """
LogFormat "%k user=%u \\"%r\\" %>s auth=%{{Authorization}}i" plain
CustomLog {dir}/log/apache.access plain
Listen 127.0.0.1:{web}
Listen 127.0.0.1:{cert}
Listen 127.0.0.1:{late}
KeepAlive On
KeepAliveTimeout 60
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MinSpareThreads 4
MaxSpareThreads 16
MaxRequestWorkers 16
SSLSessionCache none
SSLCertificateFile {dir}/good.pem
SSLProtocol -all +TLSv1.2 +TLSv1.3
RequestHeader set X-Remote-User expr=%{{REMOTE_USER}}
""" + extra + places + """
<VirtualHost 127.0.0.1:{web}>
  SSLEngine on
</VirtualHost>
<VirtualHost 127.0.0.1:{cert}>
  SSLEngine on
  SSLVerifyClient require
  SSLCACertificateFile {dir}/clientca.crt
  RequestHeader set X-Remote-User "expr=cert:%{{SSL_CLIENT_S_DN_CN}}"
</VirtualHost>
<VirtualHost 127.0.0.1:{late}>
  SSLEngine on
  SSLCACertificateFile {dir}/clientca.crt
  <Location /wsman-cert>
    SSLVerifyClient require
    RequestHeader set X-Remote-User "expr=cert:%{{SSL_CLIENT_S_DN_CN}}"
  </Location>
</VirtualHost>
""").format(dir=self.dir, keytab=keytab, backend=self.backend(), **{k: self.ports[k] for k in ("web", "cert", "late")}))
        self.start("apache", self.ports["web"], "/usr/sbin/apache2", "-f", self.path("apache/httpd.conf"), "-DFOREGROUND",
                   NTLM_USER_FILE=self.path("ntlm.users"), NETBIOS_COMPUTER_NAME="LOCALHOST", NETBIOS_DOMAIN_NAME="EXCHANGE")

    # ---- the acceptor ----

    def acceptor(self, name, **env):
        self.ports[name] = free_port()
        self.start(name, self.ports[name], sys.executable, "-B", os.path.join(HERE, "epad.py"), str(self.ports[name]),
                   self.path("good.pem"), KRB5_KTNAME="FILE:" + self.path("krb5/http.keytab"), **env)

    # ---- squid ----

    def squid(self, name, auth):
        port = self.ports[name] = free_port()
        folder = self.path(name)
        self.write(name + "/squid.conf", """http_port 127.0.0.1:%d
visible_hostname localhost
pid_filename %s/squid.pid
coredump_dir %s
cache_log %s/log/%s.cache
access_log stdio:%s/log/%s.access
cache deny all
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
dns_nameservers 127.0.0.1
dns_timeout 1 seconds
connect_timeout 3 seconds
%s
acl auth proxy_auth REQUIRED
acl open port %s
http_access deny CONNECT !open
http_access allow auth
http_access deny all
""" % (port, folder, folder, self.dir, name, self.dir, name, auth,
            " ".join(str(p) for n, p in self.ports.items() if not n.startswith("squid") and n != "kdc")))
        self.start(name, port, "/usr/sbin/squid", "-N", "-f", self.path(name + "/squid.conf"),
                   KRB5_KTNAME="FILE:" + self.path("krb5/http.keytab"))

    def proxies(self):
        hashed = self.tool("openssl", "passwd", "-apr1", "pr0xy").strip()
        self.write("proxy.users", "CONTOSO\\px:%s\n" % hashed)
        self.squid("squid-basic", "auth_param basic program /usr/lib/squid/basic_ncsa_auth %s\nauth_param basic children 2\n"
                   "auth_param basic casesensitive on"
                   % self.path("proxy.users"))
        self.squid("squid-nego", "auth_param negotiate program /usr/lib/squid/negotiate_kerberos_auth -k %s -s "
                   "HTTP/localhost@%s\nauth_param negotiate children 2" % (self.path("krb5/http.keytab"), REALM))

    def all(self):
        self.tool("openssl", "pkcs12", "-export", "-in", self.path("client.pem"), "-passout", "pass:p12secret",
                  "-out", self.path("client.p12"))
        self.tool("openssl", "pkey", "-in", self.path("client.pem"), "-aes256", "-passout", "pass:keysecret",
                  "-out", self.path("client.enc.key"))
        self.realm()
        self.apache()
        self.acceptor("epad")
        self.acceptor("epad-idle", IDLE="1")
        if FAKETIME:
            self.acceptor("epad-skew", LD_PRELOAD=FAKETIME, FAKETIME="+20m")
        self.proxies()
        return self


def main():
    if sys.argv[1] == "--check":
        why = missing()
        if why:
            print("SKIP: " + why)
            return 77
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    net = Net(sys.argv[1])
    try:
        net.all()
        for name, port in net.ports.items():
            print(name, port)
        print("kdc-pid", net.pids["kdc"])
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        net.close()
        if os.environ.get("EASGATE_KEEP") != "1":
            shutil.rmtree(net.dir, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
