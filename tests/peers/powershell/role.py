#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`check --role-script`, parsed and run by PowerShell's engine: what do the roles hold that it makes?

usage: role.py EXCHANGE-PEER.dll BUILD
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from peer import skip

# In place of Exchange's cmdlets. A new role holds all that a parent may: what the script names, and more.
FUNCTIONS = r"""
$heldBy = @{}; $cutTo = @{}; $grouped = @{}; $remoteOn = @{}
$parents = 'Mail Recipients', 'View-Only Configuration', 'View-Only Recipients', 'Recipient Policies', 'Organization Client Access',
           'Organization Configuration', 'User Options'
$all = %s
function New-ManagementRole { param([Parameter(Mandatory)]$Name, [Parameter(Mandatory)]$Parent)
    if ($parents -notcontains $Parent) { throw "no built-in role is called '$Parent'" }
    if ($heldBy.ContainsKey($Name)) { throw "there is a role '$Name' already" }
    $heldBy[$Name] = [System.Collections.Generic.List[string]]@($all) }
function Role($identity) { $name = $identity.Split('\')[0]
    if (-not $heldBy.ContainsKey($name)) { throw "there is no role '$name'" }
    $name }
function Get-ManagementRoleEntry { param([Parameter(Mandatory, Position = 0)][string]$Identity)
    $name = Role $Identity; $like = $Identity.Split('\')[1]
    @($heldBy[$name]) | Where-Object { $_ -like $like } | ForEach-Object { [pscustomobject]@{ Name = $_; Role = $name } } }
function Remove-ManagementRoleEntry { [CmdletBinding(SupportsShouldProcess)] param([Parameter(Mandatory, ValueFromPipeline)]$Identity)
    process { if (-not $PSBoundParameters.ContainsKey('Confirm')) { throw 'would ask a person' }
              [void]$heldBy[$Identity.Role].Remove($Identity.Name) } }
function Set-ManagementRoleEntry { param([Parameter(Mandatory, Position = 0)][string]$Identity, [string[]]$Parameters, [switch]$AddParameter)
    $name = Role $Identity; $cmdlet = $Identity.Split('\')[1]
    if ($heldBy[$name] -notcontains $cmdlet) { throw "the role '$name' does not hold $cmdlet" }
    $cutTo[$cmdlet] = @($Parameters) }
function New-RoleGroup { param([Parameter(Mandatory)]$Name, [string[]]$Roles, [string[]]$Members)
    $Roles | ForEach-Object { [void](Role $_) }
    $grouped[$Name] = @{ roles = @($Roles); members = @($Members) } }
function Set-User { param([Parameter(Mandatory, Position = 0)]$Identity, $RemotePowerShellEnabled) $remoteOn[$Identity] = $RemotePowerShellEnabled }
function Show-Result {
    foreach ($r in $heldBy.Keys) { "made|$r|"; foreach ($c in $heldBy[$r]) { "role|$r|$c" } }
    foreach ($c in $cutTo.Keys) { foreach ($p in $cutTo[$c]) { "parameter|$c|$p" } }
    foreach ($g in $grouped.Keys) { foreach ($r in $grouped[$g].roles) { "group|$g|$r" }
                                   foreach ($m in $grouped[$g].members) { "member|$g|$m" } }
    foreach ($u in $remoteOn.Keys) { "remote|$u|$($remoteOn[$u])" } }
"""
DANGEROUS = ["Remove-Mailbox", "Set-Mailbox", "Clear-MobileDevice", "Remove-MobileDevice", "New-ManagementRoleAssignment",
             "Set-OrganizationConfig", "Search-Mailbox", "New-MailboxExportRequest"]
# What a run in mode enforce sends at least.
NEEDED = {"Get-MobileDevice", "Get-CASMailbox", "Set-CASMailbox", "Get-User", "Get-ActiveSyncOrganizationSettings",
          "Get-ExchangeServer"}
CONFIG = """organization: contoso
source:
  module: exchange-onprem
  server: cas1.contoso.example
  auth: { method: basic, user: CONTOSO\\svc-easgate, password: "env:NOTHING" }
sink: { module: intune, tenant: 11111111-2222-3333-4444-555555555555, client_id: 66666666-7777-8888-9999-000000000000,
        client_secret: "env:NOTHING" }
"""
failed = checks = 0


def check(what, got, want=True):
    global failed, checks
    checks += 1
    if got != want:
        failed += 1
        print("FAILED: %s\n  got:  %.900r\n  want: %.900r" % (what, got, want), flush=True)


def engine(dll, where, script, functions):
    for name, text in (("functions.ps1", functions), ("script.ps1", script)):
        with open(os.path.join(where, name), "w", encoding="utf-8") as f:
            f.write(text)
    r = subprocess.run(["dotnet", dll, "--script", os.path.join(where, "functions.ps1"), os.path.join(where, "script.ps1")],
                       capture_output=True, text=True, timeout=100)
    return r.returncode, r.stdout + r.stderr


def main():
    dll, build = sys.argv[1:3]
    exe = os.path.join(build, "bin", "easgate")
    if not os.path.exists(dll):
        skip("the engine is not built (%s)" % dll)
    if not os.path.exists(exe) or not os.path.exists(os.path.join(build, "lib/easgate/plugins/exchange-onprem.so")):
        skip("easgate is not built")
    where = tempfile.mkdtemp(prefix="role-")
    try:
        os.mkdir(os.path.join(where, "orgs.d"))
        with open(os.path.join(where, "orgs.d", "contoso.yaml"), "w") as f:
            f.write(CONFIG)
        with open(os.path.join(where, "easgate.yaml"), "w") as f:
            f.write('state_dir: "%s"\n' % where)
        r = subprocess.run([exe, "check", "contoso", "--role-script", "--config", os.path.join(where, "easgate.yaml")],
                           capture_output=True, text=True)
        check("the script is printed", (r.returncode, r.stderr), (0, ""))
        script = r.stdout
        names = sorted(set(re.findall(r"'([A-Z][a-z]+-[A-Za-z]+)'", script)))
        check("it names cmdlets to keep", len(names) > 6)
        functions = FUNCTIONS % ", ".join("'%s'" % n for n in names + DANGEROUS)
        code, out = engine(dll, where, script, functions)
        check("parsed and run without an error", (code, [x for x in out.splitlines() if x.startswith("error:")]), (0, []))
        if code == 0:
            said = [tuple(line.split("|")) for line in out.splitlines() if line.count("|") == 2]
            held = {c for what, _, c in said if what == "role"}
            cut = {p for what, c, p in said if what == "parameter" and c == "Set-CASMailbox"}
            check("nothing that was not named", held - set(names), set())
            check("all that a run needs", NEEDED - held, set())
            check("nothing dangerous", held & set(DANGEROUS), set())
            check("Set-CASMailbox is cut to the two lists",
                  (cut >= {"Identity", "ActiveSyncAllowedDeviceIDs", "ActiveSyncBlockedDeviceIDs"}, len(cut) <= 8), (True, True))
            check("one group", len({g for what, g, _ in said if what == "group"}), 1)
            check("with all the roles", {r for what, _, r in said if what == "group"}, {r for what, r, _ in said if what == "made"})
            check("the account is in it, and may use remote PowerShell", [(m, "True") for what, _, m in said if what == "member"],
                  [(u, on) for what, u, on in said if what == "remote"])
        # The test itself notices what is wrong.
        check("a script that does not parse", engine(dll, where, script + "\nif (", functions)[0], 1)
        check("a parent that is none", engine(dll, where, script.replace("View-Only Configuration", "No Such Role"), functions)[0], 1)
        check("a removal that would ask", engine(dll, where, script.replace("-Confirm:$false", ""), functions)[0], 1)
    finally:
        shutil.rmtree(where)
    print("%d checks, %d failed" % (checks, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
