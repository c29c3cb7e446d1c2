/* SPDX-License-Identifier: Apache-2.0
 *
 * orgcheck.c - organization_policy and device_commands against what the source can do.
 */
#include "orgcheck.h"

#include <easgate/draft/probe.h>

#include "drafts.h"
#include "err.h"

#include <stdio.h>
#include <string.h>

uint32_t org_needs(const struct org_config *org)
{
    uint32_t needs = 0;

    if (org->orgpolicy.parts & 1u << EASG_PART_SETTING)
        needs |= EASG_NEED_ORG_SETTINGS;
    if (org->orgpolicy.parts & 1u << EASG_PART_RULE)
        needs |= EASG_NEED_DEVICE_RULES;
    if (org->orgpolicy.parts & 1u << EASG_PART_MAILBOX_POLICY)
        needs |= EASG_NEED_MAILBOX_POLICIES;
    if (org->device_commands.remove)
        needs |= EASG_NEED_DEVICE_REMOVE;
    if (org->device_commands.wipe)
        needs |= EASG_NEED_DEVICE_WIPE;
    return needs;
}

static void check_policy(struct instance_ref *source, const struct org_config *org,
                         struct checks *checks)
{
    easg_error err = EASG_ERROR_INIT;
    char text[CLI_SAFE];
    size_t bad = 0;

    for (size_t i = 0; i < org->orgpolicy.n; i++) {
        const struct orgpolicy_entry *e = &org->orgpolicy.items[i];
        easg_status st;

        err_clear(&err);
        st = orgpolicy_check(source, e->part, e->name, e->value, &err);
        if (st == EASG_OK)
            continue;
        bad++;
        err_at(&err, st, "%s", cfg_where(e->node));
        check_error(checks, EASG_E_CONFIG, org->name, "policy", &err);
    }
    if (bad || !org->orgpolicy.parts)
        return;
    snprintf(text, sizeof(text), "%zu items that are decided for everybody%s", org->orgpolicy.n,
             org->orgpolicy.rules_exclusive ? "; rules of others are taken away" : "");
    check_add(checks, CHECKED_OK, org->name, "policy", text);
}

/* Exchange compares a rule's text exactly, and says nothing when it fits nobody. */
static void check_classes(struct cli *cli, const struct org_config *org, struct checks *checks)
{
    easg_error ignored = EASG_ERROR_INIT;
    struct store *s = NULL;
    int64_t any = 0;

    if (store_open_readonly(cli->agent->state_dir, org->name, &s, &ignored) == EASG_OK &&
        query_int(s, "SELECT count(*) FROM v_org_policy WHERE part = 'device_class'", NULL, 0, 0,
                  &any, &ignored) == EASG_OK)
        for (size_t i = 0; any && i < org->orgpolicy.n; i++) {
            const struct orgpolicy_entry *e = &org->orgpolicy.items[i];
            const struct store_arg name = STORE_ARG_TEXT(e->name);
            char text[CLI_SAFE], safe[CLI_SAFE];
            int64_t n = 0;

            if (e->part != EASG_PART_RULE ||
                (strncmp(e->name, "device_type:", 12) != 0 &&
                 strncmp(e->name, "device_model:", 13) != 0) ||
                query_int(s,
                          "SELECT count(*) FROM v_org_policy WHERE part = 'device_class' AND name ="
                          " ?1 COLLATE NOCASE",
                          &name, 1, 0, &n, &ignored) != EASG_OK ||
                n)
                continue;
            snprintf(
                text, sizeof(text),
                "%.60s: no device has shown the text of the rule %.300s so far; it is compared "
                "exactly",
                cfg_where(e->node), cli_safe(e->name, safe));
            check_add(checks, CHECKED_WARNING, org->name, "policy", text);
        }
    store_close(s);
}

static void check_commands(struct instance_ref *source, const struct org_config *org,
                           struct checks *checks)
{
    const struct org_device_commands *c = &org->device_commands;
    easg_error err = EASG_ERROR_INIT;

    if ((c->remove && !device_command_known(source, EASG_DEVICE_REMOVE)) ||
        (c->wipe && !device_command_known(source, EASG_DEVICE_WIPE))) {
        err_set(&err, EASG_E_UNSUPPORTED, "the module %s can neither remove nor wipe a device",
                org->source.id);
        check_error(checks, EASG_E_CONFIG, org->name, "commands", &err);
    } else if (c->remove || c->wipe) {
        check_add(checks, CHECKED_OK, org->name, "commands",
                  !c->wipe     ? "an operator may remove partnerships"
                  : !c->remove ? "an operator may wipe devices"
                               : "an operator may remove partnerships and wipe devices");
    }
}

void check_beyond(struct cli *cli, struct registry *registry, const struct org_config *org,
                  struct checks *checks)
{
    struct instance_ref *source = NULL;
    struct module_ref *module = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (!org_needs(org) || !org->source.id)
        return;
    st = registry_find(registry, EASG_KIND_SOURCE, org->source.id,
                       cfg_get(org->source.node, "module"), &module, &err);
    if (st == EASG_OK)
        st = instance_create(registry, module, org->source.node, NULL, &source, &err);
    if (st != EASG_OK) {
        check_error(checks, st, org->name, "policy", &err);
        return;
    }
    check_policy(source, org, checks);
    if (cli)
        check_classes(cli, org, checks);
    check_commands(source, org, checks);
    instance_destroy(source);
}
