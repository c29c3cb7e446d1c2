# SPDX-License-Identifier: Apache-2.0
"""The kit against the simulated organisation: test_lab.py BUILD intune. Two labs: one is well, one breaks off."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile


class Lab:
    def __init__(self, build, top, name, *faults):
        self.dir = os.path.join(top, name)
        words = [w for fault in faults for w in ("--fault", fault)]
        self.proc = subprocess.Popen(
            [os.path.join(build, "bin", "easgate-lab"), "--dir", self.dir, "--devices", "60", "--page-size", "25", "--quiet",
             "--until-stdin-closes", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.proc.stdout.readline().decode()
        if line != "easgate-lab: ready\n":
            raise RuntimeError("easgate-lab did not start: %r" % line)
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            self.about = json.load(f)

    def stop(self):
        self.proc.stdin.close()
        self.proc.wait(20)


def intune(lab, path, report):
    with open(path, "w", encoding="utf-8") as f:
        f.write("module: intune\ntenant: %s\nclient_id: %s\nclient_secret: file:%s\nlogin_url: %s\ngraph_url: %s\nca_file: %s\n"
                "report: { file: %s, connector: true, notes: true }\n"
                % (lab.about["tenant"], lab.about["client_id"], os.path.join(lab.dir, "graph.secret"), lab.about["graph"],
                   lab.about["graph"], os.path.join(lab.dir, "ca.pem"), report))


def main():
    build, module = sys.argv[1], sys.argv[2]
    top = tempfile.mkdtemp(prefix="easgate-conform-lab-")
    labs = []
    try:
        labs.append(Lab(build, top, "well"))
        labs.append(Lab(build, top, "broken", "graph-bad-json:managedDevices@2"))
        files = [os.path.join(top, name) for name in ("well.yaml", "broken.yaml")]
        for lab, name in zip(labs, files):
            intune(lab, name, os.path.join(top, "report.jsonl"))
        done = subprocess.run([os.path.join(build, "bin", "easgate-conform"), "--config", files[0], "--incomplete", files[1],
                               "--write", os.path.join(build, "lib", "easgate", "plugins", module + ".so")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=560)
        text = done.stdout.decode(errors="replace")
        print(text)
        skipped = re.findall(r"(?mi)^ok .*# skip.*$", text)
        passed = re.findall(r"(?m)^ok (?!.*# [Ss][Kk][Ii][Pp]).*$", text)
        print("%d passed, %d skipped" % (len(passed), len(skipped)))
        # apply() is a source's, and allocations cannot be made to fail under the sanitizers
        return 1 if done.returncode != 0 or len(skipped) > 2 or len(passed) < 11 else 0
    finally:
        for lab in labs:
            lab.stop()
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
