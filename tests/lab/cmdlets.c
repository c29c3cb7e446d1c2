/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets.c - what exists, and what this account in this version may use.
 */
#include <string.h>

#include "lab_cmdlets.h"

const struct cmdlet *const cmdlets[] = {
    &cmd_get_command,
    &cmd_select,
    &cmd_measure,
    &cmd_set_server_settings,
    &cmd_get_server,
    &cmd_get_cas,
    &cmd_set_cas,
    &cmd_get_mailbox,
    &cmd_get_user,
    &cmd_get_recipient,
    &cmd_get_eas_device,
    &cmd_get_mobile_device,
    &cmd_get_eas_statistics,
    &cmd_get_mobile_statistics,
    &cmd_remove_eas_device,
    &cmd_remove_mobile_device,
    &cmd_clear_eas_device,
    &cmd_clear_mobile_device,
    &cmd_get_settings,
    &cmd_set_settings,
    &cmd_get_rule,
    &cmd_new_rule,
    &cmd_set_rule,
    &cmd_remove_rule,
    &cmd_get_class,
    &cmd_get_throttling,
    &cmd_get_eas_policy,
    &cmd_get_mobile_policy,
    &cmd_set_eas_policy,
    &cmd_set_mobile_policy,
    NULL,
};

static const struct param common[] = {
    {"Verbose",              P_SWITCH, 0},
    { "Debug",               P_SWITCH, 0},
    { "ErrorAction",         P_TEXT,   0},
    { "WarningAction",       P_TEXT,   0},
    { "InformationAction",   P_TEXT,   0},
    { "ErrorVariable",       P_TEXT,   0},
    { "WarningVariable",     P_TEXT,   0},
    { "InformationVariable", P_TEXT,   0},
    { "OutVariable",         P_TEXT,   0},
    { "OutBuffer",           P_NUMBER, 0},
    { "PipelineVariable",    P_TEXT,   0},
};
static const struct param directory = { "DomainController", P_TEXT, 0 };
static const struct param organization = { "Organization", P_TEXT, 0 };
static const struct param asks[] = {
    {"Confirm", P_SWITCH, 0},
    { "WhatIf", P_SWITCH, 0}
};

static _Atomic uint64_t executed[sizeof cmdlets / sizeof cmdlets[0]];

void cmdlet_count(const struct cmdlet *c)
{
    for (size_t i = 0; cmdlets[i]; i++)
        if (cmdlets[i] == c)
            executed[i]++;
}

void cmdlet_counts(struct buf *json)
{
    int some = 0;

    for (size_t i = 0; cmdlets[i]; i++)
        if (executed[i])
            buf_fmt(json, "%s\"%s\":%llu", some++ ? "," : "", cmdlets[i]->name,
                    (unsigned long long)executed[i]);
}

int cmdlet_visible(const struct cmdlet *c)
{
    if ((c->flags & CMD_SINCE_2013) && lab.opt.generation == EXCHANGE_2010)
        return 0;
    if (!profile_grants(c))
        return 0;
    if (fault_present("no-cmdlet")) {
        char arg[64];

        /* NAME hides a cmdlet, NAME/PARAMETER only a parameter. */
        if (fault_strikes("no-cmdlet", c->name, arg) && !strchr(arg, '/') && lab_same(arg, c->name))
            return 0;
    }
    return 1;
}

const struct cmdlet *cmdlet_find(const char *name)
{
    for (size_t i = 0; cmdlets[i]; i++)
        if (lab_same(cmdlets[i]->name, name))
            return cmdlet_visible(cmdlets[i]) ? cmdlets[i] : NULL;
    return NULL;
}

static int granted(const struct cmdlet *c, const struct param *p)
{
    char full[120];
    char arg[64];

    if (!fault_present("no-cmdlet"))
        return 1;
    lab_print(full, sizeof full, "%s/%s", c->name, p->name);
    return !(fault_strikes("no-cmdlet", full, arg) && lab_same(arg, full));
}

const struct param *cmdlet_param(const struct cmdlet *c, unsigned n)
{
    const struct param *list[5] = { c->params, common, &directory, asks, &organization };
    unsigned count[5] = { 0, sizeof common / sizeof common[0], !(c->flags & CMD_ENGINE),
                          c->flags & (CMD_CONFIRMS | CMD_MAY_ASK) ? 2 : 0,
                          profile_has_organization(c) ? 1u : 0u };

    for (const struct param *p = c->params; p && p->name; p++)
        count[0]++;
    for (int k = 0; k < 5; k++)
        for (unsigned i = 0; i < count[k]; i++)
            if (granted(c, &list[k][i]) && n-- == 0)
                return &list[k][i];
    return NULL;
}
