# SPDX-License-Identifier: Apache-2.0
"""login.py BUILD: our token requests before oidc-provider, which verifies signature, audience, time and replay."""
import subprocess
import sys
import os

from peers import CLIENT, TENANT, Peers

GRAPH = "https://graph.microsoft.com"


def main():
    build = sys.argv[1]
    with Peers(build) as peers:
        peers.certificates()
        url = "https://localhost:%d" % peers.login(GRAPH)
        done = subprocess.run([os.path.join(build, "tests", "peer_graph_login"), url, peers.path("ca.pem"), peers.path("app.pem"),
                               peers.path("other.pem"), peers.path("secret"), TENANT, CLIENT, GRAPH], timeout=300)
        status, used = peers.call(url + "/test/used")
        print("%d token requests were judged: %d answered with a token" % (len(used), sum(u["status"] == 200 for u in used)))
        if status != 200 or not any(u["status"] == 200 and u["alg"] == "PS256" for u in used):
            print("not ok - the server saw no PS256")
            return 1
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
