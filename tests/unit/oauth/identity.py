# SPDX-License-Identifier: Apache-2.0
"""The identity services of a machine in Azure, as their documentation describes them, on loopback in
plain http: /vm (instance metadata), /arc (Azure Arc, key files in DIR), /app (an app's own).

    identity.py DIR    prints "http PORT", "ready"; ends when its standard input closes"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

DIR = sys.argv[1]
GRAPH = "https://graph.microsoft.com"
KEY = os.path.join(DIR, "tokens", "4f1c.key")
os.makedirs(os.path.dirname(KEY))
with open(KEY, "w") as f:
    f.write("the content of the key file")
with open(os.path.join(DIR, "outside.key"), "w") as f:
    f.write("what nobody is to be told")
with open(os.path.join(DIR, "tokens", "big.key"), "w") as f:
    f.write("x" * 5000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, *headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        q = dict(urllib.parse.parse_qsl(url.query))
        token = {"access_token": "token-of" + url.path.replace("/", "-"), "token_type": "Bearer", "resource": q.get("resource")}
        soon = str(int(time.time()) + 3600)
        if q.get("resource") != GRAPH or "scope" in q:
            return self.say(400, {"error": "invalid_resource", "error_description": "not the resource: %r" % q})
        if self.headers.get("X-Forwarded-For") or self.headers.get("Proxy-Authorization"):
            return self.say(400, {"error": "invalid_request", "error_description": "came by a proxy"})
        if url.path in ("/app", "/app-late"):
            if q.get("api-version") != "2019-08-01" or self.headers.get("X-IDENTITY-HEADER") != "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a" \
                    or self.headers.get("Metadata"):
                return self.say(401, {"error": "unauthorized", "error_description": "wrong header"})
            return self.say(200, dict(token, expires_on=soon if url.path == "/app" else str(int(time.time()) - 5)))
        if self.headers.get("Metadata") != "true":
            return self.say(400, {"error": "bad_request_102", "error_description": "Required metadata header not specified"})
        if url.path == "/vm":
            if q.get("api-version") != "2018-02-01":
                return self.say(400, {"error": "bad_version"})
            if q.get("client_id") == "ffffffff-0000-4000-8000-000000000000":
                return self.say(400, {"error": "invalid_request", "error_description": "Identity not found"})
            if "client_id" in q:
                token["access_token"] += "-" + q["client_id"]
            return self.say(200, dict(token, expires_in="86399", expires_on=soon, ext_expires_in="86399"))
        if url.path == "/busy":
            return self.say(410, {"error": "gone"})
        if url.path == "/slow-down":
            return self.say(429, {"error": "too many"}, ("Retry-After", "3"))
        if url.path == "/denied":
            return self.say(403, {"error": "forbidden", "error_description": "not this one"})
        if url.path == "/junk":
            return self.say(200, {"token": "none"})
        if url.path.startswith("/arc"):
            path = {"/arc": KEY, "/arc-outside": os.path.join(DIR, "outside.key"), "/arc-big": os.path.join(DIR, "tokens", "big.key"),
                    "/arc-dots": os.path.join(DIR, "tokens", "..", "outside.key"), "/arc-none": os.path.join(DIR, "tokens", "no.key"),
                    "/arc-etc": "/etc/passwd"}.get(url.path)
            if q.get("api-version") != "2020-06-01":
                return self.say(400, {"error": "bad_version"})
            given = self.headers.get("Authorization")
            if url.path == "/arc" and given == "Basic the content of the key file":
                return self.say(200, dict(token, expires_in=3599))
            if given:
                return self.say(401, {"error": "unauthorized", "error_description": "got %r" % given})
            if not path:
                return self.say(401, {"error": "unauthorized"})
            return self.say(401, {"error": "unauthorized"}, ("WWW-Authenticate", "Basic realm=" + path))
        self.say(404, {"error": "not_found"})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("http", server.server_address[1])
print("ready", flush=True)
sys.stdin.read()
