# SPDX-License-Identifier: Apache-2.0
"""exchange-hosted and exchange-dedicated against the profiles of the lab: sources.py BUILD PROFILE."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fault", "exchange"))
import faultlab  # noqa: E402
from faultlab import Lab, check  # noqa: E402

BUILD, PROFILE = sys.argv[1], sys.argv[2]


def verdicts(lab):
    return lab.rows("SELECT * FROM v_decisions")


def lists_of(build, *options):
    """What an ordinary organisation of the same seed ends with."""
    with Lab(build, *options) as lab:
        code, _, out = lab.sync("--full")
        check("onprem: exit code; %s" % out[-300:], code, 0)
        return lab.lists(), len(verdicts(lab))


def hosted():
    lists, decisions = lists_of(BUILD)
    with Lab(BUILD, "--profile", "hosted") as lab:
        code, run, out = lab.sync("--full")
        stats = lab.stats()
        check("exit code; %s" % out[-600:], code, 0)
        check("every device", run["devices"], lab.info["devices"])
        check("the same decisions as at home", len(verdicts(lab)), decisions)
        check("the same lists as at home", lab.lists() == lists)
        check("the front door sent the session on", stats["redirects"] >= 1)
        check("the tenant's budget ran out, and was waited for", stats["over_budget"] > 0)
        check("never more shells than a tenant's account has", stats["shells_peak"] <= 3)
        check("every shell was deleted", stats["shells_open"], 0)
        check("nobody was asked for servers", "Get-ExchangeServer" in stats["cmdlets"], False)
        check("no forest", "Set-ADServerSettings" in stats["cmdlets"], False)
        check("quick", lab.sync("--quick")[0] in (0, 10))
        code, out = lab.run("check", "contoso", "--online")
        check("check --online; %s" % out[-900:], code, 0)
        check("check --online says nothing of servers", "Get-ExchangeServer" in out, False)

        lab.edit(r"^  organization: contoso.example\n", "")
        code, _, out = lab.sync("--full")
        check("without a tenant nothing is listed", (code != 0, "Organization parameter" in out), (True, True))
        lab.edit(r"^  redirect: ", "  delegated_org: contoso.example\n  redirect: ")
        code, run, out = lab.sync("--full")
        check("delegated: exit code; %s" % out[-300:], code in (0, 10))
        check("delegated: every device", run["devices"], lab.info["devices"])
        lab.edit(r"^  delegated_org: .*\n", "  organization: fabrikam.example\n")
        code, _, out = lab.sync("--full")
        check("another tenant", (code != 0, "couldn't be found" in out), (True, True))
        lab.edit(r"^  organization: .*\n", "  organization: \"*\"\n")
        code, _, out = lab.sync("--full")
        check("a wildcard is refused", (code, "source.organization is the name or domain" in out), (30, True))
        lab.edit(r"^  organization: .*\n", "  organization: contoso.example\n")
        lab.fault("no-cmdlet:Get-CASMailbox/Organization")
        code, _, out = lab.sync("--full")
        check("no parameter -Organization", (code, "so nothing can be confined to" in out), (30, True))
        lab.heal()
        lab.edit(r"^  redirect: .*\n", "")
        code, _, out = lab.sync("--full")
        check("a redirect that was not allowed", (code, "source.redirect.allow" in out), (30, True))


def dedicated():
    lists, decisions = lists_of(BUILD)
    with Lab(BUILD, "--profile", "dedicated", "--cas", 2) as lab:
        code, run, out = lab.sync("--full")
        stats = lab.stats()
        check("exit code; %s" % out[-600:], code, 0)
        check("every device", run["devices"], lab.info["devices"])
        check("the same decisions as at home", len(verdicts(lab)), decisions)
        check("the same lists as at home", lab.lists() == lists)
        check("Autodiscover was asked, once", stats["discovers"], 1)
        found = lab.endpoints()
        check("both servers were found", sorted(e["url"] for e in found.values() if e["url"]), sorted(lab.info["cas"]))
        check("check --online", lab.run("check", "contoso", "--online")[0], 0)
    with Lab(BUILD, "--profile", "dedicated", "--fault", "no-cmdlet:Get-ExchangeServer") as lab:
        code, run, out = lab.sync("--full", "--verbose")
        check("without Get-ExchangeServer: exit code; %s" % out[-600:], code, 0)
        check("without Get-ExchangeServer: every device", run["devices"], lab.info["devices"])
        check("it is told, not held against it", "no further servers" in out)
        lab.edit(r"^  autodiscover: .*\n", "  server: localhost:%d\n" % lab.info["cas_ports"][0])
        before = lab.stats()["discovers"]
        check("a server that is named", lab.sync("--full")[0] in (0, 10))
        check("a server that is named: Autodiscover is not asked", lab.stats()["discovers"], before)
        lab.edit(r"^  server: .*\n", "")
        code, _, out = lab.sync("--full")
        check("neither server nor address", (code, "autodiscover.mailbox must be a mail address" in out), (30, True))
        lab.edit(r"^  auth: ", "  autodiscover: { server: \"localhost:%d\", mailbox: a@contoso.example }\n  auth: " %
                 lab.info["cas_ports"][0])
        for ways in ("ad-soap:ews=https://elsewhere.example/EWS/", "ad-pox:ews=https://elsewhere.example/EWS/",
                     "ad-json:ews=https://elsewhere.example/EWS/"):
            lab.fault(ways)
        code, _, out = lab.sync("--full", "--verbose")
        check("a host that was not allowed", (code, "elsewhere.example" in out, "set `source.server`" in out),
              (20, True, True))


faultlab.need(BUILD)
{"hosted": hosted, "dedicated": dedicated}[PROFILE]()
sys.exit(faultlab.done())
