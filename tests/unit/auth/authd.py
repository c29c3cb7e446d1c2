# SPDX-License-Identifier: Apache-2.0
"""authd.py DIR - an HTTPS server that wants a log-on. It notes what it was sent: /log tells. Paths:
/basic (svc:secret), /legs (a scheme of three legs, bound to the connection). Ends when standard
input closes."""
import base64
import http.server
import os
import ssl
import sys
import threading

notes = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state = 0

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        auth = self.headers.get("Authorization", "-")
        if self.path == "/log":
            self.reply(200, "; ".join(notes).encode())
            notes.clear()
            return
        notes.append(f"{auth} {len(body)}")
        if self.path == "/basic":
            good = "Basic " + base64.b64encode("CONTOSO\\svc:s\u00e9cret".encode()).decode()
            if auth == good:
                self.reply(200, b"in")
            else:
                self.reply(401, b"", [("WWW-Authenticate", "Negotiate"),
                                      ("WWW-Authenticate", "Kerberos"),
                                      ("WWW-Authenticate", 'Basic realm="x"')])
        elif self.path == "/legs":
            if self.state == 2 and auth == "-":
                self.reply(200, b"in")
            elif auth == "Legs one":
                self.state = 1
                self.reply(401, b"", [("WWW-Authenticate", "Legs challenge")])
            elif auth == "Legs two" and self.state == 1:
                self.state = 2
                self.reply(200, b"in", [("WWW-Authenticate", "Legs proof")])
            else:
                self.state = 0
                self.reply(401, b"", [("WWW-Authenticate", "Legs")])
        elif self.path == "/drop":
            self.close_connection = True
            self.reply(200, b"bye", [("Connection", "close")])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(f"{sys.argv[1]}/good.pem")
server.socket = ctx.wrap_socket(server.socket, server_side=True)
print("main", server.server_address[1])
print("ready", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
