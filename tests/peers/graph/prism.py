# SPDX-License-Identifier: Apache-2.0
"""prism.py BUILD proxy|mock: our Graph requests before prism, with Microsoft's OpenAPI description.

proxy  prism stands between the agent and easgate-lab and checks every request and every answer
mock   prism makes the answers up, as the description allows, and our module must survive each
"""
import collections
import json
import os
import re
import subprocess
import sys

from peers import CLIENT, TENANT, Peers

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(HERE, "..", "..", "data", "graph", "graph-easgate-test.openapi.yaml")
failures = 0


def check(good, text):
    global failures
    if not good:
        failures += 1
        print("not ok - " + text[:2000], flush=True)
    return bool(good)


class Lab:
    def __init__(self, peers, devices):
        self.dir = peers.path("lab")
        self.proc = subprocess.Popen(
            [os.path.join(peers.build, "bin", "easgate-lab"), "--dir", self.dir, "--devices", str(devices), "--seed", "7",
             "--page-size", "40", "--default-access", "quarantine", "--mode", "enforce", "--quiet", "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        peers.processes.append(self.proc)
        line = self.proc.stdout.readline().decode()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            self.about = json.load(f)
        self.ca = os.path.join(self.dir, "ca.pem")


def judged(peers, front):
    """What came through since the last call: all of it must be without fault."""
    seen = peers.call(front + "/front/seen")[1]
    table = collections.Counter()
    for r in seen:
        path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", r["url"].split("?")[0])
        table["%s %s" % (r["method"], path)] += 1
        check(200 <= r.get("status", 0) < 300 and not r.get("violations") and not r.get("problem"),
              "%s %s: HTTP %s, %s %s\n%s" % (r["method"], r["url"], r.get("status"), r.get("violations"), r.get("problem"), r["body"]))
    return table


def agent(peers, lab, *words):
    done = subprocess.run([os.path.join(peers.build, "bin", "easgate"), *words, "--config", os.path.join(lab.dir, "etc", "easgate.yaml")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    return done.returncode, done.stdout.decode(errors="replace")


def proxy(peers):
    lab = Lab(peers, 90)
    peers.certificates()
    front = peers.front("proxy", SPEC, lab.about["graph"], lab.ca)
    with open(peers.path("both.pem"), "wb") as f:
        for name in (lab.ca, peers.path("ca.pem")):
            f.write(open(name, "rb").read())
    org = os.path.join(lab.dir, "etc", "orgs.d", "contoso.yaml")
    with open(org, encoding="utf-8") as f:
        text = f.read()
    head, sink = text.split("sink:\n")
    sink = re.sub(r"(login|graph)_url: .*", lambda m: "%s_url: %s" % (m.group(1), front), sink, count=2)
    # A secret, because the audience of an assertion would be the front's name.
    sink = re.sub(r"certificate: .*", 'client_secret: "file:%s"' % os.path.join(lab.dir, "graph.secret"), sink, count=1)
    sink = re.sub(r"ca_file: .*", 'ca_file: "%s"' % peers.path("both.pem"), sink, count=1)
    report = peers.path("report.jsonl")
    sink = sink.replace("  module: intune\n", "  module: intune\n  report: { file: %s, connector: true, notes: true }\n" % report)
    with open(org, "w", encoding="utf-8") as f:
        f.write(head + "sink:\n" + sink)
    code, out = agent(peers, lab, "sync", "contoso", "--full", "--limit", "3")
    check(code == 0, "the sync ended with %d\n%s" % (code, out))
    table = judged(peers, front)
    for need in ("GET /v1.0/groups/{id}/transitiveMembers/microsoft.graph.user", "GET /v1.0/users", "GET /v1.0/deviceManagement/managedDevices", "GET /v1.0/deviceManagement/exchangeConnectors",
                 "POST /v1.0/deviceManagement/exchangeConnectors", "POST /v1.0/$batch"):
        check(table[need] >= 1, "no request %s came through: %s" % (need, dict(table)))
    check(table["GET /v1.0/deviceManagement/managedDevices"] >= 2, "no second page")
    with open(report, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    kinds = collections.Counter(line["type"] for line in lines)
    check(kinds["run"] == 1 and kinds["device"] > 40, "the report file: %s" % kinds)
    check(all(line["verb"] in ("allow", "block", "withdraw") and line["device_id"] and line["user"] for line in lines if line["type"] == "device"),
          "lines of devices lack something: %s" % lines[:2])
    # The second run is a heartbeat of the same object; everything given back takes the object away.
    code, out = agent(peers, lab, "sync", "contoso", "--full", "--limit", "3")
    check(code == 0, "the second sync ended with %d\n%s" % (code, out))
    second = judged(peers, front)
    check(second["PATCH /v1.0/deviceManagement/exchangeConnectors/{id}"] == 1 and not second["POST /v1.0/deviceManagement/exchangeConnectors"],
          "the second run: %s" % dict(second))
    with open(org, encoding="utf-8") as f:
        text = f.read().replace("mode: enforce", "mode: audit")
    with open(org, "w", encoding="utf-8") as f:
        f.write(text)
    code, out = agent(peers, lab, "release", "contoso")
    check(code == 0, "release ended with %d\n%s" % (code, out))
    third = judged(peers, front)
    check(third["DELETE /v1.0/deviceManagement/exchangeConnectors/{id}"] == 1, "release: %s" % dict(third))
    for name, n in sorted((table + second + third).items()):
        print("%5d  %s" % (n, name))
    # The judge has teeth.
    connectors = front + "/v1.0/deviceManagement/exchangeConnectors"
    bearer = {"Authorization": "Bearer x"}
    for body in ({"status": "asleep"}, {"@odata.type": "#microsoft.graph.deviceManagementExchangeConnector", "status": "asleep",
                                        "lastSyncDateTime": "yesterday", "exchangeConnectorType": "onPremises"}):
        status, said = peers.call(connectors, body, bearer)
        check(status == 422, "a wrong request was answered with %s %s" % (status, said))
    status, said = peers.call(front + "/v1.0/deviceManagement/managedDevice", None, bearer)
    check(status == 404, "a path that is not described was answered with %s %s" % (status, said))
    peers.call(front + "/front/seen")


def mock(peers):
    peers.certificates()
    # The generator in prism cannot make dates by format and pattern at once.
    with open(SPEC, encoding="utf-8") as f:
        text = f.read()
    spec = peers.path("mock.yaml")
    with open(spec, "w", encoding="utf-8") as f:
        f.write(re.sub(r"(?m)^ *pattern: \^\[0-9\]\{4,\}.*\n", "", text))
    front = peers.front("mock", spec)
    login = "https://localhost:%d" % peers.login(front)
    done = subprocess.run([os.path.join(peers.build, "tests", "peer_graph_mock"), front, login, peers.path("ca.pem"), peers.path("app.pem"),
                           TENANT, CLIENT], timeout=600)
    check(done.returncode == 0, "peer_graph_mock ended with %d" % done.returncode)


def main():
    with Peers(sys.argv[1]) as peers:
        {"proxy": proxy, "mock": mock}[sys.argv[2]](peers)
    print("%d failures" % failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
