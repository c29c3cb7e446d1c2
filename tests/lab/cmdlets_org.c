/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets_org.c - organisation settings, device access rules, device classes, servers, policies,
 * and the session's view of the forest.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_cmdlets.h"

/* ---- listings of few objects ---- */

static int skip(const struct stage *s, uint32_t i)
{
    if (s->c == &cmd_get_rule)
        return lab.m.rules[i].removed;
    if (s->c == &cmd_get_class)
        return !*makes[i].type;
    return 0;
}

static int list_next(struct run *r, struct stage *s, struct item *out, const struct kind *k,
                     uint32_t n)
{
    while (s->limit && s->at < n) {
        uint32_t i = (uint32_t)s->at++;
        char name[720];

        if (skip(s, i))
            continue;
        *out = (struct item){ .kind = k, .index = i };
        if (*stage_text(s, "Identity") || s->only != NONE) {
            guid_text guid = "";

            k->tostring(out, name);
            if (k == &kind_rule)
                model_guid(&lab.m, GUID_RULE, i, guid);
            if (!lab_same(name, stage_text(s, "Identity")) &&
                !lab_same(guid, stage_text(s, "Identity")))
                continue;
            s->only = 0;
        }
        return 1;
    }
    if (*stage_text(s, "Identity") && s->only == NONE && s->limit) {
        s->limit = 0;
        not_found(r, s, stage_text(s, "Identity"));
    }
    return 0;
}

static int next_rule(struct run *r, struct stage *s, struct item *out)
{
    return list_next(r, s, out, &kind_rule, lab.m.n_rules);
}

static int next_class(struct run *r, struct stage *s, struct item *out)
{
    return list_next(r, s, out, &kind_class, n_makes);
}

static int next_server(struct run *r, struct stage *s, struct item *out)
{
    return list_next(r, s, out, &kind_server, lab.opt.cas);
}

static int next_throttling(struct run *r, struct stage *s, struct item *out)
{
    return list_next(r, s, out, &kind_throttling, 1);
}

static int next_policy(struct run *r, struct stage *s, struct item *out)
{
    return list_next(r, s, out, s->c == &cmd_get_eas_policy ? &kind_policy_2010 : &kind_policy,
                     N_POLICIES);
}

static const struct param identity_params[] = {
    { "Identity", P_TEXT, 1 }, { "Filter", P_TEXT, 0 }, { "SortBy", P_TEXT, 0 }, { NULL, P_ANY, 0 }
};
static const struct param server_params[] = { { "Identity", P_TEXT, 1 },
                                              { "Domain", P_TEXT, 0 },
                                              { "Status", P_SWITCH, 0 },
                                              { NULL, P_ANY, 0 } };
const struct cmdlet cmd_get_rule = {
    "Get-ActiveSyncDeviceAccessRule",     0, identity_params, NULL, next_rule,
    "Tasks.GetActiveSyncDeviceAccessRule"
};
const struct cmdlet cmd_get_class = {
    "Get-ActiveSyncDeviceClass",     0, identity_params, NULL, next_class,
    "Tasks.GetActiveSyncDeviceClass"
};
const struct cmdlet cmd_get_server = {
    "Get-ExchangeServer", 0,
    server_params,        NULL,
    next_server,          "SystemConfigurationTasks.GetExchangeServer"
};
const struct cmdlet cmd_get_throttling = { "Get-ThrottlingPolicy", 0,
                                           identity_params,        NULL,
                                           next_throttling,        "Tasks.GetThrottlingPolicy" };
const struct cmdlet cmd_get_eas_policy = {
    "Get-ActiveSyncMailboxPolicy",     0, identity_params, NULL, next_policy,
    "Tasks.GetActiveSyncMailboxPolicy"
};
const struct cmdlet cmd_get_mobile_policy = {
    "Get-MobileDeviceMailboxPolicy", CMD_SINCE_2013, identity_params, NULL, next_policy,
    "Tasks.GetMobileMailboxPolicy"
};

/* ---- organisation settings ---- */

static int next_settings(struct run *r, struct stage *s, struct item *out)
{
    (void)r;
    if (s->at++ || !s->limit)
        return 0;
    *out = (struct item){ .kind = &kind_settings };
    return 1;
}

static int level_of(const char *t)
{
    for (int i = 0; i < 3; i++)
        if (lab_same(t, level_names[i]))
            return i;
    return -1;
}

static int bad_level(struct run *r, struct stage *s, const char *name, const char *value)
{
    char message[300];
    char id[160];

    lab_print(message, sizeof message,
              "Cannot process argument transformation on parameter '%s'. Cannot convert value "
              "\"%.60s\" to type \"Microsoft.Exchange.Data.Directory.SystemConfiguration."
              "DeviceAccessLevel\".",
              name, value);
    lab_print(id, sizeof id, "ParameterArgumentTransformationError,%s", s->c->name);
    run_fail(r, &(struct failure){ .exception =
                                       "System.Management.Automation.ParameterBindingException",
                                   .message = message,
                                   .id = id,
                                   .category = 5,
                                   .category_name = "InvalidData",
                                   .target = name,
                                   .activity = s->c->name });
    return 0;
}

static size_t characters(const char *t)
{
    size_t n = 0;

    for (; *t; t++)
        n += ((unsigned char)*t & 0xc0) != 0x80;
    return n;
}

/* SmtpAddress: one @ with something on both sides. */
static int smtp_valid(const char *t)
{
    const char *at = strchr(t, '@');

    return at && at > t && at[1] && !strchr(at + 1, '@') && !strpbrk(t, " \t,;<>");
}

static int smtp_check(struct run *r, struct stage *s, const struct clx *v)
{
    size_t n = v->kind == CLX_LIST ? v->n : 1;

    for (size_t i = 0; i < n; i++) {
        const char *t = clx_text(v->kind == CLX_LIST ? v->v[i].value : v);
        char message[300];

        if (!*t || smtp_valid(t))
            continue;
        lab_print(message, sizeof message,
                  "Cannot process argument transformation on parameter 'AdminMailRecipients'. The "
                  "email address \"%.100s\" isn't correct. Please use this format: user name, the "
                  "@ sign, followed by the domain name.",
                  t);
        refuse(r, s, "System.FormatException", message, 5, "InvalidData", "AdminMailRecipients");
        return 0;
    }
    return 1;
}

/* Exchange keeps at most 256 characters. */
static int set_insert(struct run *r, struct stage *s, const char *name, char **where)
{
    const struct clx *v = stage_arg(s, name);

    if (!v)
        return 1;
    if (characters(clx_text(v)) > 256) {
        refuse(r, s, "Microsoft.Exchange.Data.DataValidationException",
               "The property value is invalid. The length of the property is too long. The "
               "maximum length is 256.",
               5, "InvalidData", name);
        return 0;
    }
    free(*where);
    *where = lab_strdup(clx_text(v));
    return 1;
}

static int open_set_settings(struct run *r, struct stage *s)
{
    const struct clx *v;
    int level = -1;

    if ((v = stage_arg(s, "DefaultAccessLevel")) != NULL) {
        level = level_of(clx_text(v));
        if (level < 0)
            return bad_level(r, s, "DefaultAccessLevel", clx_text(v));
    }
    if ((v = stage_arg(s, "AdminMailRecipients")) != NULL && !smtp_check(r, s, v))
        return 0;
    if (run_confirm(r, s, "Are you sure you want to perform this action?", 0) <= 0)
        return 0;
    if (only_asked(s))
        return 1;
    if (!set_insert(r, s, "UserMailInsert", &lab.m.org.user_mail) ||
        !set_insert(r, s, "OtaNotificationMailInsert", &lab.m.org.ota_mail))
        return 0;
    if (level >= 0)
        lab.m.org.level = (enum level)level;
    if ((v = stage_arg(s, "AllowAccessForUnSupportedPlatform")) != NULL)
        lab.m.org.allow_unsupported = clx_true(v);
    if ((v = stage_arg(s, "AdminMailRecipients")) != NULL) {
        for (unsigned i = 0; i < lab.m.org.n_admins; i++)
            free(lab.m.org.admins[i]);
        lab.m.org.n_admins = 0;
        if (v->kind == CLX_VALUE && *clx_text(v))
            lab.m.org.admins[lab.m.org.n_admins++] = lab_strdup(clx_text(v));
        for (size_t i = 0; v->kind == CLX_LIST && i < v->n && lab.m.org.n_admins < 8; i++)
            lab.m.org.admins[lab.m.org.n_admins++] = lab_strdup(clx_text(v->v[i].value));
    }
    return 1;
}

static const struct param set_settings_params[] = {
    { "Identity", P_TEXT, 1 },
    { "DefaultAccessLevel", P_TEXT, 0 },
    { "UserMailInsert", P_TEXT, 0 },
    { "OtaNotificationMailInsert", P_TEXT, 0 },
    { "AdminMailRecipients", P_ANY, 0 },
    { "AllowAccessForUnSupportedPlatform", P_TEXT, 0 },
    { NULL, P_ANY, 0 },
};
const struct cmdlet cmd_get_settings = {
    "Get-ActiveSyncOrganizationSettings",     0, identity_params, NULL, next_settings,
    "Tasks.GetActiveSyncOrganizationSettings"
};
const struct cmdlet cmd_set_settings = { "Set-ActiveSyncOrganizationSettings",
                                         CMD_WRITES | CMD_MAY_ASK,
                                         set_settings_params,
                                         open_set_settings,
                                         NULL,
                                         "Tasks.SetActiveSyncOrganizationSettings" };

/* ---- device access rules ---- */

static uint32_t named_rule(struct run *r, struct stage *s)
{
    const char *identity = need_text(r, s, "Identity");
    uint32_t i;

    if (!identity)
        return NONE;
    i = model_find_guid(&lab.m, GUID_RULE, identity);
    for (uint32_t k = 0; i == NONE && k < lab.m.n_rules; k++) {
        char name[400];

        lab_print(name, sizeof name, "%s (%s)", lab.m.rules[k].query,
                  characteristic_names[lab.m.rules[k].by]);
        if (!lab.m.rules[k].removed && lab_same(name, identity))
            i = k;
    }
    if (i < lab.m.n_rules && !lab.m.rules[i].removed)
        return i;
    not_found(r, s, identity);
    return NONE;
}

static int open_new_rule(struct run *r, struct stage *s)
{
    const char *query = need_text(r, s, "QueryString");
    const char *by = query ? need_text(r, s, "Characteristic") : NULL;
    const char *access = by ? need_text(r, s, "AccessLevel") : NULL;
    int level;

    if (!access)
        return 0;
    level = level_of(access);
    if (level < 0)
        return bad_level(r, s, "AccessLevel", access);
    s->only = NONE;
    for (int k = 0; k < 5; k++) {
        if (!lab_same(by, characteristic_names[k]))
            continue;
        for (uint32_t i = 0; i < lab.m.n_rules; i++)
            if (!lab.m.rules[i].removed && lab.m.rules[i].by == k &&
                lab_same(lab.m.rules[i].query, query)) {
                refuse(r, s, "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException",
                       "Active Directory operation failed. The object already exists.", 3,
                       "ResourceExists", query);
                return 0;
            }
        if (run_confirm(r, s, "Are you sure you want to perform this action?", 0) <= 0)
            return 0;
        if (!only_asked(s))
            s->only = model_add_rule(&lab.m, k, query, (enum level)level);
        return 1;
    }
    return bad_level(r, s, "Characteristic", by);
}

/* New-ActiveSyncDeviceAccessRule returns what it made. */
static int next_new_rule(struct run *r, struct stage *s, struct item *out)
{
    (void)r;
    if (s->only == NONE || s->at++)
        return 0;
    *out = (struct item){ .kind = &kind_rule, .index = s->only };
    return 1;
}

static int open_set_rule(struct run *r, struct stage *s)
{
    uint32_t i = named_rule(r, s);
    int level;

    if (i == NONE)
        return 0;
    level = level_of(stage_text(s, "AccessLevel"));
    if (level < 0)
        return bad_level(r, s, "AccessLevel", stage_text(s, "AccessLevel"));
    if (run_confirm(r, s, "Are you sure you want to perform this action?", 0) <= 0)
        return 0;
    if (!only_asked(s)) {
        lab.m.rules[i].level = (enum level)level;
        lab.m.rules[i].changed = model_now(&lab.m);
    }
    return 1;
}

static int open_remove_rule(struct run *r, struct stage *s)
{
    uint32_t i = named_rule(r, s);

    if (i == NONE ||
        run_confirm(r, s, "Are you sure you want to remove this device access rule?", 0) <= 0)
        return 0;
    if (!only_asked(s))
        lab.m.rules[i].removed = 1;
    return 1;
}

static const struct param new_rule_params[] = { { "QueryString", P_TEXT, 0 },
                                                { "Characteristic", P_TEXT, 0 },
                                                { "AccessLevel", P_TEXT, 0 },
                                                { NULL, P_ANY, 0 } };
static const struct param set_rule_params[] = { { "Identity", P_TEXT, 1 },
                                                { "AccessLevel", P_TEXT, 0 },
                                                { NULL, P_ANY, 0 } };
static const struct param remove_rule_params[] = { { "Identity", P_TEXT, 1 }, { NULL, P_ANY, 0 } };
const struct cmdlet cmd_new_rule = { "New-ActiveSyncDeviceAccessRule",
                                     CMD_WRITES | CMD_MAY_ASK,
                                     new_rule_params,
                                     open_new_rule,
                                     next_new_rule,
                                     "Tasks.NewActiveSyncDeviceAccessRule" };
const struct cmdlet cmd_set_rule = { "Set-ActiveSyncDeviceAccessRule",
                                     CMD_WRITES | CMD_MAY_ASK,
                                     set_rule_params,
                                     open_set_rule,
                                     NULL,
                                     "Tasks.SetActiveSyncDeviceAccessRule" };
const struct cmdlet cmd_remove_rule = { "Remove-ActiveSyncDeviceAccessRule",
                                        CMD_WRITES | CMD_CONFIRMS,
                                        remove_rule_params,
                                        open_remove_rule,
                                        NULL,
                                        "Tasks.RemoveActiveSyncDeviceAccessRule" };

/* ---- Set-ADServerSettings ---- */

static int open_server_settings(struct run *r, struct stage *s)
{
    const struct clx *v = stage_arg(s, "ViewEntireForest");

    if (v)
        r->shell->entire_forest = clx_true(v);
    return 1;
}

static const struct param server_settings_params[] = {
    { "ViewEntireForest", P_TEXT, 0 },
    { "PreferredServer", P_TEXT, 0 },
    { "RecipientViewRoot", P_TEXT, 0 },
    { "ConfigurationDomainController", P_TEXT, 0 },
    { "SetPreferredDomainControllers", P_LIST, 0 },
    { "PreferredGlobalCatalog", P_TEXT, 0 },
    { NULL, P_ANY, 0 },
};
const struct cmdlet cmd_set_server_settings = { "Set-ADServerSettings",
                                                CMD_WRITES | CMD_MAY_ASK,
                                                server_settings_params,
                                                open_server_settings,
                                                NULL,
                                                "Tasks.SetADServerSettings" };
