#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""epad.py PORT PEM - a TLS server with MIT's GSSAPI acceptor. By path:

    /gss      Negotiate, channel binding optional          /kerberos  offers the scheme Kerberos alone
    /epa      Negotiate, channel binding required          /noproof   lets in, and keeps its own proof back
    /each     Negotiate, judges each request               /requests  what came on all connections

/epa stands for IIS with Extended Protection = Require. MIT accepts a client that sends no binding even
when the server supplied one, so "required" is the check of GSS_C_CHANNEL_BOUND_FLAG after the context is
complete. IDLE: seconds until an idle connection is closed. KRB5_KTNAME: the keytab.
"""
import base64
import hashlib
import http.server
import os
import socketserver
import ssl
import sys

import gssapi
from cryptography import x509
from gssapi.raw import ChannelBindings

GSS_C_CHANNEL_BOUND_FLAG = 2048
requests = []


def tls_server_end_point(pem):
    """RFC 5929 4.1: the hash of the certificate by its own signature's hash, but never MD5 or SHA-1."""
    certificate = x509.load_pem_x509_certificate(pem)
    name = certificate.signature_hash_algorithm.name
    if name in ("md5", "sha1"):
        name = "sha256"
    from cryptography.hazmat.primitives.serialization import Encoding
    return b"tls-server-end-point:" + hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()


class Handler(http.server.BaseHTTPRequestHandler):
    """One a connection: user and context are the state of the connection."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    user = context = None

    def log_message(self, form, *args):
        sys.stderr.write("%s %s\n" % (self.client_address[1], form % args))
        sys.stderr.flush()

    def reply(self, code, body=b"", headers=()):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def accept(self, scheme, given, body):
        challenge = [("WWW-Authenticate", scheme)]
        if not given.startswith(scheme + " "):
            return self.reply(401, b"", challenge)
        try:
            if not self.context or self.context.complete:
                bindings = ChannelBindings(application_data=self.server.bindings)
                self.context = gssapi.SecurityContext(usage="accept", channel_bindings=bindings)
            out = self.context.step(base64.b64decode(given[len(scheme) + 1:]))
            complete = self.context.complete
        except Exception as error:  # gssapi raises many types; each one is a refused token
            self.context = None
            self.log_message("gss: %s", str(error)[:200])
            return self.reply(401, b"gss error\n", challenge)
        headers = [("WWW-Authenticate", scheme + " " + base64.b64encode(out).decode())] if out else []
        if not complete:
            return self.reply(401, b"", headers)
        bound = bool(int(self.context.actual_flags) & GSS_C_CHANNEL_BOUND_FLAG)
        if self.path == "/epa" and not bound:
            self.context = None
            return self.reply(401, b"channel binding required\n", challenge)
        if self.path == "/noproof":
            headers = []
        name = str(self.context.initiator_name)
        if self.path != "/each":
            self.user = name
            headers.append(("Persistent-Auth", "true"))
        return self.reply(200, b"user=%s bound=%s body=%d\n" % (name.encode(), str(bound).encode(), len(body)), headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = self.headers.get("Authorization", "")
        if self.path == "/requests":
            said = "; ".join(requests).encode()
            requests.clear()
            return self.reply(200, said)
        requests.append("%s %d" % (given.split(" ")[0] or "-", len(body)))
        if self.user and not given:
            return self.reply(200, b"user=%s (connection) body=%d\n" % (self.user.encode(), len(body)))
        if self.path == "/kerberos":
            return self.accept("Kerberos", given, body)
        return self.accept("Negotiate", given, body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without HTTPServer's reverse DNS query

    def finish_request(self, request, client_address):
        request.settimeout(float(os.environ.get("IDLE", "60")))
        secure = self.tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(secure, client_address)
        finally:
            try:
                secure.close()
            except OSError:
                pass

    def handle_error(self, request, client_address):
        sys.stderr.write("err %s %r\n" % (client_address, sys.exc_info()[1]))


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    with open(sys.argv[2], "rb") as f:
        pem = f.read()
    server.bindings = tls_server_end_point(pem[pem.index(b"-----BEGIN CERTIFICATE"):])
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(sys.argv[2])
    server.serve_forever()


main()
