/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets_mailbox.c - Get-CASMailbox, Set-CASMailbox, Get-Mailbox, Get-User, Get-Recipient.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_cmdlets.h"

const char *need_text(struct run *r, struct stage *s, const char *name)
{
    const struct clx *v = stage_arg(s, name);
    char message[200];
    char id[200];

    if (v && !clx_is_nil(v) && *stage_text(s, name))
        return clx_text(v);
    if (!v)
        lab_print(message, sizeof message,
                  "Cannot process command because of one or more missing mandatory parameters: %s.",
                  name);
    else
        lab_print(message, sizeof message,
                  "Cannot bind argument to parameter '%s' because it is %s.", name,
                  clx_is_nil(v) ? "null" : "an empty string");
    lab_print(id, sizeof id, "%s,%s",
              !v              ? "MissingMandatoryParameter"
              : clx_is_nil(v) ? "ParameterArgumentValidationErrorNullNotAllowed"
                              : "ParameterArgumentValidationErrorEmptyStringNotAllowed",
              s->c->name);
    run_fail(r, &(struct failure){ .exception =
                                       "System.Management.Automation.ParameterBindingException",
                                   .message = message,
                                   .id = id,
                                   .category = 5,
                                   .category_name = "InvalidArgument",
                                   .target = "",
                                   .activity = s->c->name });
    return NULL;
}

int only_asked(struct stage *s)
{
    return stage_switch(s, "WhatIf", 0);
}

int sees_mailbox(const struct run *r, uint32_t mailbox)
{
    return r->shell->entire_forest || !(lab.m.mailboxes[mailbox].flags & MBX_CHILD);
}

int refuse(struct run *r, struct stage *s, const char *exception, const char *message, int category,
           const char *category_name, const char *target)
{
    run_exchange_error(r, s, exception, message, category, category_name, target);
    s->only = NONE;
    s->limit = 0;
    return r->state == RUN_GOING;
}

void not_found(struct run *r, struct stage *s, const char *identity)
{
    char message[500];

    lab_print(message, sizeof message,
              "The operation couldn't be performed because object '%.300s' couldn't be found on "
              "'dc01.contoso.example'.",
              identity);
    refuse(r, s, EX_NOT_FOUND, message, 13, "ObjectNotFound", identity);
}

uint32_t need_mailbox(struct run *r, struct stage *s, const char *identity)
{
    uint32_t i = text_find_mailbox(&lab.m, identity);

    if (i != NONE && sees_mailbox(r, i))
        return i;
    not_found(r, s, identity);
    return NONE;
}

/* ---- Get- ---- */

enum { AS_CAS, AS_MAILBOX, AS_USER, AS_RECIPIENT };

static const struct kind *const kinds[4] = { &kind_cas_mailbox, &kind_mailbox, &kind_user,
                                             &kind_recipient };

static int get_open(struct run *r, struct stage *s, int mode)
{
    const char *identity = stage_text(s, "Identity");
    char why[160];

    s->mode = mode;
    if (!stage_limit(r, s))
        return 0;
    if (*stage_text(s, "Filter")) {
        s->filter = filter_parse(stage_text(s, "Filter"), why);
        if (!s->filter)
            return refuse(r, s, EX_ARGUMENT, why, 5, "InvalidArgument", stage_text(s, "Filter"));
    }
    if (*identity) { /* a blank one returns everything, as Exchange does */
        uint32_t i = need_mailbox(r, s, identity);

        if (i == NONE)
            return r->state == RUN_GOING;
        s->only = i;
    }
    if (*stage_text(s, "Anr")) {
        s->only = text_find_mailbox(&lab.m, stage_text(s, "Anr"));
        s->limit = s->only == NONE ? 0 : s->limit;
    }
    return 1;
}

static int get_next(struct run *r, struct stage *s, struct item *out)
{
    while (s->limit && s->at < (s->only == NONE ? lab.m.n_mailboxes : 1)) {
        uint32_t i = s->only == NONE ? (uint32_t)s->at : s->only;

        s->at++;
        if (!sees_mailbox(r, i))
            continue;
        if (s->filter && !filter_mailbox(s->filter, &lab.m, i))
            continue;
        if (s->mode == AS_MAILBOX && *stage_text(s, "RecipientTypeDetails") &&
            !lab_same(stage_text(s, "RecipientTypeDetails"),
                      lab.m.mailboxes[i].flags & MBX_SHARED ? "SharedMailbox" : "UserMailbox"))
            continue;
        if (!stage_room(r, s))
            return 0;
        *out = (struct item){ .kind = kinds[s->mode], .index = i };
        return 1;
    }
    return 0;
}

static int open_cas(struct run *r, struct stage *s)
{
    return get_open(r, s, AS_CAS);
}

static int open_mailbox(struct run *r, struct stage *s)
{
    return get_open(r, s, AS_MAILBOX);
}

static int open_user(struct run *r, struct stage *s)
{
    return get_open(r, s, AS_USER);
}

static int open_recipient(struct run *r, struct stage *s)
{
    return get_open(r, s, AS_RECIPIENT);
}

static const struct param get_cas_params[] = {
    {"Identity",                                   P_TEXT,   1},
    { "Anr",                                       P_TEXT,   0},
    { "Filter",                                    P_TEXT,   0},
    { "ResultSize",                                P_TEXT,   0},
    { "SortBy",                                    P_TEXT,   0},
    { "OrganizationalUnit",                        P_TEXT,   0},
    { "RecipientTypeDetails",                      P_LIST,   0},
    { "ActiveSyncDebugLogging",                    P_SWITCH, 0},
    { "ProtocolSettings",                          P_SWITCH, 0},
    { "RecalculateHasActiveSyncDevicePartnership", P_SWITCH, 0},
    { "ReadFromDomainController",                  P_SWITCH, 0},
    { "IgnoreDefaultScope",                        P_SWITCH, 0},
    { "Monitoring",                                P_SWITCH, 0},
    { "Credential",                                P_ANY,    0},
    { NULL,                                        P_ANY,    0},
};
static const struct param get_params[] = {
    {"Identity",                  P_TEXT,   1},
    { "Anr",                      P_TEXT,   0},
    { "Filter",                   P_TEXT,   0},
    { "ResultSize",               P_TEXT,   0},
    { "SortBy",                   P_TEXT,   0},
    { "OrganizationalUnit",       P_TEXT,   0},
    { "RecipientType",            P_LIST,   0},
    { "RecipientTypeDetails",     P_LIST,   0},
    { "Properties",               P_LIST,   0},
    { "PropertySet",              P_TEXT,   0},
    { "ReadFromDomainController", P_SWITCH, 0},
    { "IgnoreDefaultScope",       P_SWITCH, 0},
    { "Credential",               P_ANY,    0},
    { NULL,                       P_ANY,    0},
};
const struct cmdlet cmd_get_cas = { "Get-CASMailbox", 0,        get_cas_params,
                                    open_cas,         get_next, "RecipientTasks.GetCASMailbox" };
const struct cmdlet cmd_get_mailbox = { "Get-Mailbox", 0,        get_params,
                                        open_mailbox,  get_next, "RecipientTasks.GetMailbox" };
const struct cmdlet cmd_get_user = { "Get-User", 0,        get_params,
                                     open_user,  get_next, "RecipientTasks.GetUser" };
const struct cmdlet cmd_get_recipient = {
    "Get-Recipient", 0, get_params, open_recipient, get_next, "RecipientTasks.GetRecipient"
};

/* ---- Set-CASMailbox ---- */

static unsigned each(struct idlist *l, const struct clx *v,
                     int (*change)(struct idlist *, const char *))
{
    unsigned n = 0;

    if (clx_is_nil(v))
        return 0;
    if (v->kind != CLX_LIST)
        return (unsigned)change(l, clx_text(v));
    for (size_t i = 0; i < v->n; i++)
        n += (unsigned)change(l, clx_text(v->v[i].value));
    return n;
}

static int blank_entry(const struct clx *v)
{
    if (clx_is_nil(v))
        return 0;
    if (v->kind == CLX_VALUE)
        return !*clx_text(v);
    for (size_t i = 0; i < v->n; i++)
        if (blank_entry(v->v[i].value))
            return 1;
    return 0;
}

/* A plain value overwrites, nothing clears, @{Add; Remove} changes. Returns the changes, -1 when
 * the argument is refused. */
static int set_list(struct run *r, struct stage *s, struct idlist *l, const char *name)
{
    const struct clx *v = stage_arg(s, name);
    unsigned n = 0;

    if (!v)
        return 0;
    if (blank_entry(v)) {
        refuse(r, s, "Microsoft.Exchange.Data.DataValidationException",
               "The property value is invalid. The value can't be empty.", 5, "InvalidData", name);
        return -1;
    }
    if (v->kind == CLX_DICT) {
        for (size_t i = 0; i < v->n; i++) {
            const char *key = clx_text(v->v[i].key);

            if (!lab_same(key, "Add") && !lab_same(key, "Remove")) {
                refuse(r, s, "System.Management.Automation.ParameterBindingException",
                       "The hash table contains a key other than Add and Remove.", 5,
                       "InvalidArgument", key);
                return -1;
            }
        }
        n += each(l, clx_get(v, "Remove"), idlist_remove);
        n += each(l, clx_get(v, "Add"), idlist_add);
        return (int)n;
    }
    n += l->n;
    idlist_clear(l);
    n += each(l, v, idlist_add);
    return (int)n;
}

static int set_open(struct run *r, struct stage *s)
{
    const char *identity = need_text(r, s, "Identity");
    struct mailbox *b;
    const struct clx *v;
    char message[700];
    uint32_t i;
    int allowed;
    int blocked;
    int other = 0;
    int go;

    if (!identity)
        return 0;
    i = need_mailbox(r, s, identity);
    if (i == NONE)
        return 0;
    go = run_confirm(r, s, "Are you sure you want to perform this action?", 0);
    if (go <= 0)
        return 0;
    if (fault_strikes("set-fails", s->c->name, NULL)) {
        lab_print(message, sizeof message,
                  "Active Directory operation failed on dc01.contoso.example. This error is not "
                  "retriable. Additional information: Insufficient access rights to perform the "
                  "operation.");
        refuse(r, s, "Microsoft.Exchange.Data.Directory.ADOperationException", message, 9,
               "WriteError", identity);
        return 0;
    }
    if (only_asked(s) || fault_strikes("set-ignored", s->c->name, NULL))
        return 1;
    b = &lab.m.mailboxes[i];
    allowed = set_list(r, s, &b->allowed, "ActiveSyncAllowedDeviceIDs");
    blocked = allowed < 0 ? -1 : set_list(r, s, &b->blocked, "ActiveSyncBlockedDeviceIDs");
    if (blocked < 0)
        return 0;
    if ((v = stage_arg(s, "ActiveSyncEnabled")) != NULL) {
        int on = clx_true(v);

        other |= on != !(b->flags & MBX_EAS_DISABLED);
        b->flags = (uint8_t)(on ? b->flags & ~MBX_EAS_DISABLED : b->flags | MBX_EAS_DISABLED);
    }
    if ((v = stage_arg(s, "ActiveSyncMailboxPolicy")) != NULL)
        for (uint8_t k = 0; k < N_POLICIES; k++)
            if (lab_same(clx_text(v), policy_names[k])) {
                other |= b->policy != k;
                b->policy = k;
            }
    lab.stats.set_cas_changes += (uint64_t)(allowed + blocked);
    if (allowed + blocked + other) {
        b->changed = model_now(&lab.m);
    } else {
        struct mailbox_text t;

        text_mailbox(&lab.m, i, &t);
        lab_print(message, sizeof message,
                  "The command completed successfully but no settings of '%s' have been modified.",
                  t.canonical);
        run_warn(r, message);
    }
    return 1;
}

static const struct param set_params[] = {
    {"Identity",                       P_TEXT,   1},
    { "ActiveSyncAllowedDeviceIDs",    P_ANY,    0},
    { "ActiveSyncBlockedDeviceIDs",    P_ANY,    0},
    { "ActiveSyncEnabled",             P_TEXT,   0},
    { "ActiveSyncMailboxPolicy",       P_TEXT,   0},
    { "ActiveSyncDebugLogging",        P_TEXT,   0},
    { "ActiveSyncSuppressReadReceipt", P_TEXT,   0},
    { "ResetAutoBlockedDevices",       P_SWITCH, 0},
    { "IgnoreDefaultScope",            P_SWITCH, 0},
    { "OWAEnabled",                    P_TEXT,   0},
    { "PopEnabled",                    P_TEXT,   0},
    { "ImapEnabled",                   P_TEXT,   0},
    { "MAPIEnabled",                   P_TEXT,   0},
    { NULL,                            P_ANY,    0},
};
const struct cmdlet cmd_set_cas = { "Set-CASMailbox",
                                    CMD_WRITES | CMD_MAY_ASK,
                                    set_params,
                                    set_open,
                                    NULL,
                                    "RecipientTasks.SetCASMailbox" };
