/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets_device.c - Get-, Remove- and Clear- of ActiveSyncDevice and MobileDevice, and the
 * statistics, under both names.
 */
#include <string.h>

#include "lab_cmdlets.h"

enum { OLD_NAME, NEW_NAME, STATISTICS };

static int open_list(struct run *r, struct stage *s, int mode)
{
    const char *identity = stage_text(s, "Identity");
    const char *mailbox = stage_text(s, "Mailbox");
    char why[160];

    s->mode = mode;
    s->extra = NONE;
    if (mode != STATISTICS && !stage_limit(r, s))
        return 0;
    if (*stage_text(s, "Filter")) {
        s->filter = filter_parse(stage_text(s, "Filter"), why);
        if (!s->filter)
            return refuse(r, s, EX_ARGUMENT, why, 5, "InvalidArgument", stage_text(s, "Filter"));
    }
    if (*identity && *mailbox)
        return refuse(r, s, EX_ARGUMENT,
                      "Parameter set cannot be resolved using the specified "
                      "named parameters.",
                      5, "InvalidArgument", identity);
    if (*mailbox) {
        uint32_t i = need_mailbox(r, s, mailbox);

        if (i == NONE)
            return r->state == RUN_GOING;
        s->extra = lab.m.mailboxes[i].first; /* cursor in the mailbox's list */
        s->only = 0;
        if (s->extra == NONE)
            s->limit = 0;
    } else if (*identity) {
        uint32_t i = text_find_device(&lab.m, identity);

        if (i == NONE || !sees_mailbox(r, lab.m.devices[i].mailbox)) {
            not_found(r, s, identity);
            return r->state == RUN_GOING;
        }
        s->only = i;
    } else if (mode == STATISTICS && !s->up)
        return need_text(r, s, "Identity") != NULL;
    return 1;
}

/* The next device of the mailbox, the one that was named, or the next of all. */
static uint32_t advance(struct stage *s)
{
    uint32_t i;

    if (s->extra != NONE) {
        i = s->extra;
        s->extra = lab.m.devices[i].next;
        if (s->extra == NONE)
            s->at = UINT64_MAX - 1; /* the list ends here */
        else
            s->at = 0;
        return i;
    }
    if (s->only != NONE) {
        if (s->at)
            return NONE;
        s->at = UINT64_MAX - 1;
        return s->only;
    }
    return s->at < lab.m.n_devices ? (uint32_t)s->at++ : NONE;
}

static int wanted(const struct run *r, const struct stage *s, uint32_t i)
{
    const struct device *d = &lab.m.devices[i];
    const struct make *k = &makes[d->make];

    if ((d->flags & DEV_REMOVED) || !sees_mailbox(r, d->mailbox))
        return 0;
    if (stage_switch(s, "ActiveSync", 0) && k->client != CLIENT_EAS)
        return 0;
    if (stage_switch(s, "UniversalOutlook", 0) && k->client != CLIENT_OUTLOOK)
        return 0;
    if (stage_switch(s, "RestApi", 0) && k->client != CLIENT_REST)
        return 0;
    if (stage_switch(s, "OWAforDevices", 0))
        return 0;
    return !s->filter || filter_device(s->filter, &lab.m, i);
}

static int next_device(struct run *r, struct stage *s, struct item *out)
{
    for (;;) {
        uint32_t i;

        if (!s->limit || s->at == UINT64_MAX - 1)
            return 0;
        i = advance(s);
        if (i == NONE)
            return 0;
        if (!wanted(r, s, i))
            continue;
        if (!stage_room(r, s))
            return 0;
        *out = (struct item){ .kind = s->mode == STATISTICS ? &kind_statistics
                                      : s->mode == NEW_NAME ? &kind_device
                                                            : &kind_device_2010,
                              .index = i };
        if (s->given == 3 && fault_strikes("blank-identity", s->c->name, NULL))
            out->blank = 1;
        return 1;
    }
}

static int next_statistics(struct run *r, struct stage *s, struct item *out)
{
    if (!s->up)
        return next_device(r, s, out);
    if (!s->up->c->next(r, s->up, out))
        return 0;
    out->kind = &kind_statistics;
    return 1;
}

static int open_old(struct run *r, struct stage *s)
{
    return open_list(r, s, OLD_NAME);
}

static int open_new(struct run *r, struct stage *s)
{
    return open_list(r, s, NEW_NAME);
}

static int open_statistics(struct run *r, struct stage *s)
{
    return open_list(r, s, STATISTICS);
}

static const struct param old_params[] = {
    {"Identity",            P_TEXT,   1},
    { "Mailbox",            P_TEXT,   0},
    { "Filter",             P_TEXT,   0},
    { "OrganizationalUnit", P_TEXT,   0},
    { "ResultSize",         P_TEXT,   0},
    { "SortBy",             P_TEXT,   0},
    { "Monitoring",         P_SWITCH, 0},
    { NULL,                 P_ANY,    0},
};
static const struct param new_params[] = {
    {"Identity",            P_TEXT,   1},
    { "Mailbox",            P_TEXT,   0},
    { "Filter",             P_TEXT,   0},
    { "OrganizationalUnit", P_TEXT,   0},
    { "ResultSize",         P_TEXT,   0},
    { "SortBy",             P_TEXT,   0},
    { "Monitoring",         P_SWITCH, 0},
    { "ActiveSync",         P_SWITCH, 0},
    { "OWAforDevices",      P_SWITCH, 0},
    { "RestApi",            P_SWITCH, 0},
    { "UniversalOutlook",   P_SWITCH, 0},
    { NULL,                 P_ANY,    0},
};
static const struct param statistics_params[] = {
    {"Identity",                    P_TEXT,   1},
    { "Mailbox",                    P_TEXT,   0},
    { "GetMailboxLog",              P_SWITCH, 0},
    { "NotificationEmailAddresses", P_LIST,   0},
    { "ShowRecoveryPassword",       P_SWITCH, 0},
    { "ActiveSync",                 P_SWITCH, 0},
    { NULL,                         P_ANY,    0},
};

const struct cmdlet cmd_get_eas_device = {
    "Get-ActiveSyncDevice", 0, old_params, open_old, next_device, "Tasks.GetActiveSyncDevice"
};
const struct cmdlet cmd_get_mobile_device = { "Get-MobileDevice", CMD_SINCE_2013,
                                              new_params,         open_new,
                                              next_device,        "Tasks.GetMobileDevice" };
const struct cmdlet cmd_get_eas_statistics = {
    "Get-ActiveSyncDeviceStatistics",     0, statistics_params, open_statistics, next_statistics,
    "Tasks.GetActiveSyncDeviceStatistics"
};
const struct cmdlet cmd_get_mobile_statistics = { "Get-MobileDeviceStatistics",
                                                  CMD_SINCE_2013,
                                                  statistics_params,
                                                  open_statistics,
                                                  next_statistics,
                                                  "Tasks.GetMobileDeviceStatistics" };

/* ---- Remove- and Clear- ---- */

static uint32_t named_device(struct run *r, struct stage *s)
{
    const char *identity = need_text(r, s, "Identity");
    uint32_t i;

    if (!identity)
        return NONE;
    i = text_find_device(&lab.m, identity);
    if (i == NONE || !sees_mailbox(r, lab.m.devices[i].mailbox)) {
        not_found(r, s, identity);
        return NONE;
    }
    return i;
}

static int open_remove(struct run *r, struct stage *s)
{
    uint32_t i = named_device(r, s);

    if (i == NONE ||
        run_confirm(r, s, "Are you sure you want to remove this mobile device?", 0) <= 0)
        return 0;
    if (!only_asked(s))
        lab.m.devices[i].flags |= DEV_REMOVED;
    return 1;
}

static int open_clear(struct run *r, struct stage *s)
{
    uint32_t i = named_device(r, s);

    if (i == NONE ||
        run_confirm(r, s, "All data on this mobile device will be removed. Continue?", 0) <= 0)
        return 0;
    if (only_asked(s))
        return 1;
    if (stage_switch(s, "Cancel", 0))
        lab.m.devices[i].flags &= (uint8_t) ~(DEV_WIPE_REQUESTED | DEV_WIPE_ACKED);
    else
        lab.m.devices[i].flags |= DEV_WIPE_REQUESTED;
    return 1;
}

static const struct param remove_params[] = {
    {"Identity", P_TEXT, 1},
    { NULL,      P_ANY,  0}
};
static const struct param clear_params[] = {
    {"Identity",                    P_TEXT,   1},
    { "Cancel",                     P_SWITCH, 0},
    { "NotificationEmailAddresses", P_LIST,   0},
    { NULL,                         P_ANY,    0},
};
static const struct param clear_mobile_params[] = {
    {"Identity",                    P_TEXT,   1},
    { "Cancel",                     P_SWITCH, 0},
    { "NotificationEmailAddresses", P_LIST,   0},
    { "AccountOnly",                P_SWITCH, 0},
    { NULL,                         P_ANY,    0},
};
const struct cmdlet cmd_remove_eas_device = {
    "Remove-ActiveSyncDevice", CMD_WRITES | CMD_CONFIRMS, remove_params, open_remove, NULL,
    "Tasks.RemoveMobileDevice"
};
const struct cmdlet cmd_remove_mobile_device = { "Remove-MobileDevice",
                                                 CMD_WRITES | CMD_CONFIRMS | CMD_SINCE_2013,
                                                 remove_params,
                                                 open_remove,
                                                 NULL,
                                                 "Tasks.RemoveMobileDevice" };
const struct cmdlet cmd_clear_eas_device = {
    "Clear-ActiveSyncDevice", CMD_WRITES | CMD_CONFIRMS, clear_params, open_clear, NULL,
    "Tasks.ClearMobileDevice"
};
const struct cmdlet cmd_clear_mobile_device = { "Clear-MobileDevice",
                                                CMD_WRITES | CMD_CONFIRMS | CMD_SINCE_2013,
                                                clear_mobile_params,
                                                open_clear,
                                                NULL,
                                                "Tasks.ClearMobileDevice" };
