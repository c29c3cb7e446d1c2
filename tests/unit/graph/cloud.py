# SPDX-License-Identifier: Apache-2.0
"""cloud.py DIR - a login service and a Graph, good and bad, on one free port of loopback over TLS.

POST /TENANT/oauth2/v2.0/token   answers as /script said, else a token
POST /script                     JSON list of [status, headers, body] for the next token requests
GET  /log                        the requests since the last call, one JSON object a line
GET  /v1.0/...                   scenarios: see graph() and intune()

Ends when standard input closes."""
import http.server
import json
import os
import ssl
import sys
import threading
import urllib.parse

log = []
script = []
counters = {}
tokens = 0
lock = threading.Lock()


def count(key):
    with lock:
        counters[key] = counters.get(key, 0) + 1
        return counters[key]


def guid(n, kind=0):
    return f"{n:08x}-0000-4000-8000-{kind:012x}"


GROUPS = {guid(1, 0xa): [1, 2, 3], guid(2, 0xa): [3, 4], guid(3, 0xa): []}
PLAN = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"


def user(n):
    plans = [{"assignedDateTime": "2026-01-01T00:00:00Z", "capabilityStatus": "Enabled",
              "service": "exchange", "servicePlanId": guid(77)}]
    if n != 4:
        plans.append({"capabilityStatus": "Deleted" if n == 3 else "Enabled",
                      "service": "SCO", "servicePlanId": PLAN.upper() if n == 2 else PLAN})
    return {"id": guid(n), "userPrincipalName": f"user{n}@contoso.com",
            "mail": None if n == 2 else f"User{n}@contoso.com",
            "proxyAddresses": [f"SMTP:user{n}@contoso.com", f"smtp:alias{n}@contoso.com",
                               "X500:/o=x", "SIP:a@b"] if n != 2 else [],
            "onPremisesSecurityIdentifier": f"S-1-5-21-1-2-3-{n}" if n != 4 else None,
            "onPremisesImmutableId": f"imm{n}==", "assignedPlans": plans}


def device(n, **more):
    d = {"id": guid(n, 0xd), "easDeviceId": f"EAS{n:06d}", "easActivated": True,
         "complianceState": "compliant", "managementState": "managed", "managementAgent": "mdm",
         "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
         "enrolledDateTime": "2026-01-02T03:04:05Z", "lastSyncDateTime": "2026-11-24T10:00:00.5Z",
         "deviceRegistrationState": "notRegistered", "azureADRegistered": None,
         "userId": guid(n % 4 + 1), "operatingSystem": "iOS", "model": "iPhone 14",
         "serialNumber": f"SN{n}"}
    d.update(more)
    return d


DEVICES = [
    device(1),
    device(2, complianceState="noncompliant", deviceRegistrationState="registered"),
    device(3, complianceState="inGracePeriod", azureADRegistered=True, easActivated=False,
           complianceGracePeriodExpirationDateTime="2026-12-01T00:00:00Z"),
    device(4, complianceState="conflict", managementState="retirePending"),
    device(5, complianceState="error", managementState="wipeIssued", userId=""),
    device(6, complianceState="configManager", managementAgent="eas"),
    device(7, complianceState="unknown", easDeviceId="", enrolledDateTime="0001-01-01T00:00:00Z"),
    device(8, complianceState="quantumCompliant", managementState="discovered", easDeviceId=None,
           userId="00000000-0000-0000-0000-000000000000"),
    device(9, complianceState="compliant", managementState="entangled", managementAgent="newAgent"),
    device(10, managementState="unhealthy", model=None, serialNumber=""),
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("request-id", "req-1")
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, body=""):
        if self.path not in ("/log", "/script"):
            log.append({"method": self.command, "path": self.path, "body": body,
                        "headers": {k.lower(): v for k, v in self.headers.items()}})

    def do_POST(self):
        global tokens
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.note(body)
        if self.path == "/script":
            script[:] = json.loads(body)
            self.reply(200, {})
        elif self.path.endswith("/oauth2/v2.0/token"):
            if script:
                status, headers, text = script.pop(0)
                self.reply(status, text, headers)
            else:
                tokens += 1
                self.reply(200, {"token_type": "Bearer", "expires_in": 3599,
                                 "ext_expires_in": 3599, "access_token": f"token-{tokens}"})
        elif self.path == "/v1.0/$batch":
            self.batch(json.loads(body)["requests"])
        else:
            self.one(body)

    def do_PATCH(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.note(body)
        self.one(body)

    def do_DELETE(self):
        self.note()
        self.one("")

    def one(self, body):
        """Single objects: /v1.0/things[/status]."""
        last = self.path.rsplit("/", 1)[1]
        if last == "drop":
            self.close_connection = True
        elif last.isdigit():
            self.error(int(last), "Refused", "not in this tenant")
        elif not self.headers.get("Content-Type", "application/json").startswith("application/json"):
            self.error(415, "UnsupportedMediaType", "what is that")
        elif self.command == "POST":
            self.reply(201, {"id": "made", "got": json.loads(body)})
        else:
            self.reply(204, "")

    def batch(self, requests):
        """Parts answer in the opposite order; each by its own path."""
        overall, answers = 200, []
        for r in requests:
            url = urllib.parse.urlsplit(r["url"])
            q = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
            name = url.path.rsplit("/", 1)[1]
            answer = {"id": r["id"], "status": 200, "headers": {"Content-Type": "application/json"},
                      "body": {"id": q.get("n", ""), "method": r["method"], "got": r.get("body")}}
            if name == "busy" and count(r["url"]) <= int(q.get("tries", "1")):
                answer.update(status=int(q.get("status", "429")), body={"error": {"code": "TooManyRequests", "message": "slow down"}})
                if "after" in q:
                    answer["headers"]["Retry-After"] = q["after"]
            elif name == "no":
                answer.update(status=int(q["status"]), body={"error": {"code": "Forbidden", "message": "no \u202e right"}})
            elif name == "empty":
                answer.pop("body")
                answer["status"] = 204
            elif name == "alien":
                answer["id"] = "99"
            elif name == "word":
                answer["id"] = "first"
            elif name == "nostatus":
                answer.pop("status")
            elif name == "depends":
                overall, answer["status"] = 424, 424
            if name != "lost":
                answers.append(answer)
            if name == "twice":
                answers.append(answer)
        self.reply(overall, {"responses": answers[::-1]})

    def do_GET(self):
        self.note()
        if self.path == "/log":
            text = "\n".join(json.dumps(e) for e in log) + "\n"
            log.clear()
            counters.clear()
            self.reply(200, text)
            return
        if not self.headers.get("Authorization", "").startswith("Bearer token-"):
            self.error(401, "InvalidAuthenticationToken", "no token")
            return
        url = urllib.parse.urlsplit(self.path)
        q = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        if not self.intune(url.path, q):
            self.graph(url.path.rsplit("/", 1)[1], q)

    def error(self, status, code, message, headers=()):
        self.reply(status, {"error": {"code": code, "message": message}}, headers)

    def page(self, items, next_query=None, **more):
        out = {"@odata.context": "x"}
        if next_query is not None:
            base = self.path.split("?")[0]
            out["@odata.nextLink"] = f"https://localhost:{PORT}{base}?{next_query}"
        out.update(more)
        out["value"] = items
        self.reply(200, out)

    def intune(self, path, q):
        """Lists in pages of $top elements; the links carry $skiptoken."""
        skip = int(q.get("$skiptoken", "0"))
        top = int(q.get("$top", "3"))
        if path == "/v1.0/users":
            items = [user(n) for n in range(1, 6)]
        elif path == "/v1.0/deviceManagement/managedDevices":
            items = DEVICES
        elif path.startswith("/v1.0/groups/"):
            parts = path.split("/")
            if self.headers.get("ConsistencyLevel") != "eventual" or "$count" not in q:
                self.error(400, "Request_UnsupportedQuery", "cast without ConsistencyLevel")
                return True
            if parts[3] not in GROUPS:
                self.error(404, "Request_ResourceNotFound", "no such group")
                return True
            items = [{"id": guid(n)} for n in GROUPS[parts[3]]]
        else:
            return False
        more = {"@odata.count": len(items)} if "$count" in q and skip == 0 else {}
        if skip + top < len(items):
            keep = urllib.parse.urlencode({k: v for k, v in q.items() if k != "$skiptoken"})
            self.page(items[skip:skip + top], f"{keep}&%24skiptoken={skip + top}", **more)
        else:
            self.page(items[skip:], **more)
        return True

    def graph(self, name, q):
        n = int(q.get("n", "1"))
        two = [{"id": f"{n}a"}, {"id": f"{n}b"}]
        tries = int(q.get("tries", "1"))
        after = [("Retry-After", q["after"])] if "after" in q else []
        if name == "three":
            self.page(two, f"n={n + 1}" if n < 3 else None)
        elif name == "counted":
            self.page(two, **{"@odata.count": 7})
        elif name == "holes":  # empty pages in the middle
            self.page([] if n in (2, 3) else two, f"n={n + 1}" if n < 4 else None)
        elif name == "void":  # empty pages without end
            self.page([], f"n={n + 1}")
        elif name == "endless":
            self.page(two, f"n={n + 1}")
        elif name == "self":
            self.page(two, self.path.split("?")[1] if "?" in self.path else "")
        elif name == "circle":
            self.page(two, f"n={n % 5 + 1}")
        elif name in ("foreign", "http", "userinfo", "relative"):
            link = {"foreign": f"https://127.0.0.1:{PORT}/v1.0/three?n=2",
                    "http": f"http://localhost:{PORT}/v1.0/three?n=2",
                    "userinfo": f"https://localhost:{PORT}@127.0.0.1:{PORT}/v1.0/three?n=2",
                    "relative": "/v1.0/three?n=2"}[name]
            self.reply(200, {"value": two, "@odata.nextLink": link})
        elif name == "longlink":
            self.reply(200, {"value": two, "@odata.nextLink": "x" * 20000})
        elif name == "novalue":
            self.reply(200, {"@odata.context": "x"})
        elif name == "notlist":
            self.reply(200, {"value": {"id": 1}})
        elif name == "scalars":
            self.reply(200, {"value": ["a", "b"]})
        elif name == "numberlink":
            self.reply(200, {"value": two, "@odata.nextLink": 5})
        elif name == "cut":
            self.reply(200, json.dumps({"value": two})[:-9])
        elif name == "html":
            self.reply(200, "<html>Sign in to the guest network</html>")
        elif name == "nothing":
            self.reply(200, "")
        elif name == "inside":
            self.reply(200, {"value": two, "error": {"code": "x", "message": "y"}})
        elif name == "eventual":
            if self.headers.get("ConsistencyLevel") != "eventual":
                self.error(400, "BadRequest", "ConsistencyLevel is missing")
            else:
                self.page(two, f"n={n + 1}" if n < 3 else None)
        elif name == "busy":
            if count(self.path) <= tries:
                self.error(int(q["status"]), "TooManyRequests", "slow down", after)
            else:
                self.page(two)
        elif name == "drop":
            if count(self.path) <= tries:
                self.close_connection = True
            else:
                self.page(two)
        elif name == "stale":  # the first token is not good enough
            if count("stale") <= tries:
                self.error(401, "InvalidAuthenticationToken", "Access token has expired")
            else:
                self.page(two)
        elif name == "denied":
            self.error(403, "Authorization_RequestDenied", "Insufficient privileges \u202e\x07")
        else:
            self.error(404, "ResourceNotFound", "no such scenario")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(f"{sys.argv[1]}/good.pem")
server.socket = ctx.wrap_socket(server.socket, server_side=True)
PORT = server.server_address[1]
print("main", PORT)
print("ready", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
