# SPDX-License-Identifier: Apache-2.0
"""The kit against the simulated organisation: test_lab.py BUILD MODULE. Two labs: one is well, one breaks off."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile


class Lab:
    def __init__(self, build, top, name, *words):
        self.dir = os.path.join(top, name)
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


def source(lab, path, _):
    """The block `source:` of the lab's own configuration."""
    with open(os.path.join(lab.dir, "etc", "orgs.d", "contoso.yaml"), encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(r"(?m)^  ", "", re.search(r"(?m)^source:\n((?:  .*\n)+)", text).group(1)))


# module: (writes its configuration, options of the lab, what breaks it off, least passed, most skipped)
MODULES = {
    # apply() is a source's, and allocations cannot be made to fail under the sanitizers
    "intune": (intune, [], "graph-bad-json:managedDevices@2", 11, 2),
    "exchange-onprem": (source, [], "terminating-error", 11, 3),
    "exchange-hosted": (source, ["--profile", "hosted"], "terminating-error", 11, 3),
    "exchange-dedicated": (source, ["--profile", "dedicated"], "terminating-error", 11, 3),
}


def main():
    build, module = sys.argv[1], sys.argv[2]
    configure, options, fault, least, most = MODULES[module]
    top = tempfile.mkdtemp(prefix="easgate-conform-lab-")
    labs = []
    try:
        labs.append(Lab(build, top, "well", *options))
        labs.append(Lab(build, top, "broken", *options, "--fault", fault))
        files = [os.path.join(top, name) for name in ("well.yaml", "broken.yaml")]
        for lab, name in zip(labs, files):
            configure(lab, name, os.path.join(top, "report.jsonl"))
        done = subprocess.run([os.path.join(build, "bin", "easgate-conform"), "--config", files[0], "--incomplete", files[1],
                               "--write", os.path.join(build, "lib", "easgate", "plugins", module + ".so")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=560)
        text = done.stdout.decode(errors="replace")
        print(text)
        skipped = re.findall(r"(?mi)^ok .*# skip.*$", text)
        passed = re.findall(r"(?m)^ok (?!.*# [Ss][Kk][Ii][Pp]).*$", text)
        print("%d passed, %d skipped" % (len(passed), len(skipped)))
        return 1 if done.returncode != 0 or len(skipped) > most or len(passed) < least else 0
    finally:
        for lab in labs:
            lab.stop()
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
