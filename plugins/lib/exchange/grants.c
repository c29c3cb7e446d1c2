/* SPDX-License-Identifier: Apache-2.0
 *
 * grants.c - cmdlets that only some configurations need: which the account has, and what gives it
 * to them. They are asked for when they are needed, so that a run without them costs nothing more.
 */
#include <string.h>

#include "exch_admin_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define NEED_MAX 16

/* Two names of one cmdlet stand together, the newer one first. */
static const struct {
    uint32_t need;
    const char *cmdlet;
    const char *older; /* NULL: it has one name */
} cmdlets[] = {
    { EASG_NEED_ORG_SETTINGS, "Set-ActiveSyncOrganizationSettings", NULL },
    { EASG_NEED_DEVICE_RULES, "Get-ActiveSyncDeviceAccessRule", NULL },
    { EASG_NEED_DEVICE_RULES, "New-ActiveSyncDeviceAccessRule", NULL },
    { EASG_NEED_DEVICE_RULES, "Set-ActiveSyncDeviceAccessRule", NULL },
    { EASG_NEED_DEVICE_RULES, "Remove-ActiveSyncDeviceAccessRule", NULL },
    { EASG_NEED_DEVICE_RULES, "Get-ActiveSyncDeviceClass", NULL },
    { EASG_NEED_MAILBOX_POLICIES, "Get-MobileDeviceMailboxPolicy", "Get-ActiveSyncMailboxPolicy" },
    { EASG_NEED_MAILBOX_POLICIES, "Set-MobileDeviceMailboxPolicy", "Set-ActiveSyncMailboxPolicy" },
    { EASG_NEED_DEVICE_REMOVE, "Remove-MobileDevice", "Remove-ActiveSyncDevice" },
    { EASG_NEED_DEVICE_WIPE, "Clear-MobileDevice", "Clear-ActiveSyncDevice" },
    { EASG_NEED_DEVICE_WIPE, "Get-MobileDeviceStatistics", "Get-ActiveSyncDeviceStatistics" },
};
#define N_CMDLETS (sizeof(cmdlets) / sizeof(cmdlets[0]))

const char *exch_need_at(uint32_t needs, size_t n)
{
    for (size_t i = 0; i < N_CMDLETS; i++) {
        if (!(cmdlets[i].need & needs))
            continue;
        if (n-- == 0)
            return cmdlets[i].cmdlet;
        if (cmdlets[i].older && n-- == 0)
            return cmdlets[i].older;
    }
    return NULL;
}

/* ---- Get-Command ---- */

struct granting {
    struct exch *x;
    struct exch_grant *grants;
    size_t n;
};

static int has_parameter(const struct clixml_value *command, const char *wanted)
{
    const struct clixml_value *p = clixml_items(clixml_get(command, "Parameters"));
    easg_str text = clixml_get_text(command, "Definition");
    int told = p != NULL;

    for (; p; p = p->next) {
        easg_str name = p->key ? clixml_text(p->key) : clixml_get_text(p, "Name");

        if (name.ptr && text_ieq(name.ptr, name.len, wanted, strlen(wanted)))
            return 1;
    }
    for (p = clixml_items(clixml_get(command, "ParameterSets")); p; p = p->next) {
        easg_str set = clixml_text(p);

        told |= set.ptr != NULL;
        if (set.ptr && strstr(set.ptr, wanted))
            return 1;
    }
    if (text.ptr && strstr(text.ptr, " [-"))
        return strstr(text.ptr, wanted) != NULL;
    return !told; /* not said: the cmdlet itself will say */
}

static easg_status on_command(void *user, const char *xml, size_t len, easg_error *err)
{
    struct granting *g = user;
    const struct clixml_value *v;
    easg_status st = clixml_tree_read(g->x->tree, xml, len, &v, err);
    easg_str name;

    if (st != EASG_OK)
        return st;
    name = clixml_get_text(v, "Name");
    for (size_t i = 0; name.ptr && i < g->n; i++)
        if (text_ieq(name.ptr, name.len, g->grants[i].cmdlet, strlen(g->grants[i].cmdlet))) {
            g->grants[i].present = 1;
            g->grants[i].parameter = !g->grants[i].wants || has_parameter(v, g->grants[i].wants);
        }
    return EASG_OK;
}

easg_status exch_grants(struct exch *x, struct exch_grant *grants, size_t n, easg_error *err)
{
    struct granting g = { x, grants, n };
    struct psrp_value names[NEED_MAX];
    struct psrp_value columns[2] = { PSRP_V_LIT("Name"), PSRP_V_LIT("Parameters") };
    struct psrp_parameter name = { "Name", PSRP_V_ARRAY(names, n) };
    struct psrp_parameter property = { "Property", PSRP_V_ARRAY(columns, 2) };
    struct psrp_command commands[2] = { { "Get-Command", &name, 1 },
                                        { "Select-Object", &property, 1 } };
    struct exch_failure failure = { 0 };
    struct exch_call call = { .commands = commands,
                              .n = x->select_columns ? 2 : 1,
                              .flags = EXCH_TOLERATE, /* one error a cmdlet that is not there */
                              .output = on_command,
                              .user = &g,
                              .failure = &failure };

    if (n > NEED_MAX)
        return err_set(err, EASG_E_USAGE, "too many cmdlets in one question");
    for (size_t i = 0; i < n; i++) {
        names[i] = PSRP_V_TEXT(text_str(grants[i].cmdlet));
        grants[i].present = grants[i].parameter = 0;
    }
    return exch_run(x, &call, err);
}

const char *exch_either(struct exch *x, const char *newer, const char *older, easg_error *err)
{
    struct exch_grant grants[2] = { { .cmdlet = newer }, { .cmdlet = older } };

    if (exch_grants(x, grants, 2, err) != EASG_OK)
        return NULL;
    if (grants[0].present || grants[1].present)
        return grants[0].present ? newer : older;
    (void)err_set(err, EASG_E_DENIED,
                  "%s: the account has neither it nor %s; easgate check ORG --role-script prints "
                  "what to grant",
                  newer, older);
    return NULL;
}

easg_status exch_need_each(struct exch *x, uint32_t needs,
                           void (*fn)(void *user, const char *cmdlet, int present, int alone),
                           void *user, easg_error *err)
{
    struct exch_grant grants[2 * N_CMDLETS];
    size_t n = 0;
    easg_status st = EASG_OK;
    const char *cmdlet;

    memset(grants, 0, sizeof(grants));
    while ((cmdlet = exch_need_at(needs, n)) != NULL && n < 2 * N_CMDLETS)
        grants[n++].cmdlet = cmdlet;
    for (size_t at = 0; st == EASG_OK && at < n; at += NEED_MAX)
        st = exch_grants(x, grants + at, n - at < NEED_MAX ? n - at : NEED_MAX, err);
    n = 0;
    for (size_t i = 0; st == EASG_OK && i < N_CMDLETS; i++) {
        int here;

        if (!(cmdlets[i].need & needs))
            continue;
        here = grants[n].present;
        if (cmdlets[i].older) {
            fn(user, cmdlets[i].cmdlet, here, !grants[n + 1].present);
            fn(user, cmdlets[i].older, grants[n + 1].present, !here);
            n += 2;
        } else {
            fn(user, cmdlets[i].cmdlet, here, 1);
            n++;
        }
    }
    return st;
}

/* ---- the role script ---- */

void exch_need_script(uint32_t needs, struct strbuf *out)
{
    const struct {
        uint32_t needs;
        const char *role, *parent;
    } roles[] = { { EASG_NEED_ORG_SETTINGS | EASG_NEED_DEVICE_RULES, "easgate Organisation",
                    "Organization Client Access" },
                  { EASG_NEED_MAILBOX_POLICIES, "easgate Mailbox Policies", "Recipient Policies" },
                  { EASG_NEED_DEVICE_REMOVE | EASG_NEED_DEVICE_WIPE, "easgate Device Commands",
                    "Mail Recipients" } };

    for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++) {
        uint32_t mine = needs & roles[r].needs;
        const char *cmdlet;

        if (!mine)
            continue;
        strbuf_addf(out,
                    "\n# What the configuration asks for beyond that.\n"
                    "New-ManagementRole -Name '%s' -Parent '%s'\n$keep = ",
                    roles[r].role, roles[r].parent);
        for (size_t i = 0; (cmdlet = exch_need_at(mine, i)) != NULL; i++)
            strbuf_addf(out, "%s'%s'", i ? ",\n        " : "", cmdlet);
        strbuf_addf(out,
                    "\nGet-ManagementRoleEntry '%s\\*' | Where-Object { $keep -notcontains $_.Name "
                    "} |\n    Remove-ManagementRoleEntry -Confirm:$false\n"
                    "New-ManagementRoleAssignment -Role '%s' -SecurityGroup 'easgate'\n",
                    roles[r].role, roles[r].role);
    }
}
