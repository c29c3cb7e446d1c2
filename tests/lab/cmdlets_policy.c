/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets_policy.c - Set- of mailbox policies, under both names with the parameters of each, and
 * what the organisation decides for everybody, for the tests.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_cmdlets.h"

static int bad_value(struct run *r, struct stage *s, const char *name, const char *value)
{
    char message[300];

    lab_print(message, sizeof message,
              "Cannot process argument transformation on parameter '%s'. Cannot convert value "
              "\"%.60s\".",
              name, value);
    refuse(r, s, "System.Management.Automation.ParameterBindingException", message, 5,
           "InvalidData", name);
    return 0;
}

/* 1: a value that the setting can have. */
static int read_value(const struct policy_field *f, const struct clx *v, int *out)
{
    const char *t = clx_text(v);
    char *end;
    long n;

    if (f->kind == 'b') {
        if (!lab_same(t, "true") && !lab_same(t, "false"))
            return 0;
        *out = lab_same(t, "true");
        return 1;
    }
    if (f->kind == 'u' && lab_same(t, "Unlimited")) {
        *out = -1;
        return 1;
    }
    n = strtol(t, &end, 10);
    *out = (int)n;
    return *t && !*end && n >= 0 && n <= (strstr(f->mobile, "Length") ? 18 : 50);
}

static int open_set(struct run *r, struct stage *s)
{
    const char *identity = need_text(r, s, "Identity");
    int legacy = s->c == &cmd_set_eas_policy;
    int values[N_POLICY_FIELDS];
    int k = 0;

    if (!identity)
        return 0;
    while (k < N_POLICIES && !lab_same(identity, policy_names[k]))
        k++;
    if (k == N_POLICIES) {
        not_found(r, s, identity);
        return 0;
    }
    memcpy(values, lab.m.policies[k], sizeof values);
    for (int f = 0; f < N_POLICY_FIELDS; f++) {
        const char *name = legacy ? policy_fields[f].legacy : policy_fields[f].mobile;
        const struct clx *v = stage_arg(s, name);

        if (v && !read_value(&policy_fields[f], v, &values[f]))
            return bad_value(r, s, name, clx_text(v));
    }
    if (run_confirm(r, s, "Are you sure you want to perform this action?", 0) <= 0)
        return 0;
    if (!only_asked(s))
        memcpy(lab.m.policies[k], values, sizeof values);
    return 1;
}

static const struct param eas_params[] = {
    { "Identity", P_TEXT, 1 },
    { "AllowNonProvisionableDevices", P_TEXT, 0 },
    { "DevicePasswordEnabled", P_TEXT, 0 },
    { "AlphanumericDevicePasswordRequired", P_TEXT, 0 },
    { "AllowSimpleDevicePassword", P_TEXT, 0 },
    { "PasswordRecoveryEnabled", P_TEXT, 0 },
    { "RequireDeviceEncryption", P_TEXT, 0 },
    { "AttachmentsEnabled", P_TEXT, 0 },
    { "MinDevicePasswordLength", P_TEXT, 0 },
    { "DevicePasswordHistory", P_TEXT, 0 },
    { "MaxDevicePasswordFailedAttempts", P_TEXT, 0 },
    { NULL, P_ANY, 0 },
};
static const struct param mobile_params[] = {
    { "Identity", P_TEXT, 1 },
    { "AllowNonProvisionableDevices", P_TEXT, 0 },
    { "PasswordEnabled", P_TEXT, 0 },
    { "AlphanumericPasswordRequired", P_TEXT, 0 },
    { "AllowSimplePassword", P_TEXT, 0 },
    { "PasswordRecoveryEnabled", P_TEXT, 0 },
    { "RequireDeviceEncryption", P_TEXT, 0 },
    { "AttachmentsEnabled", P_TEXT, 0 },
    { "MinPasswordLength", P_TEXT, 0 },
    { "PasswordHistory", P_TEXT, 0 },
    { "MaxPasswordFailedAttempts", P_TEXT, 0 },
    { NULL, P_ANY, 0 },
};
const struct cmdlet cmd_set_eas_policy = {
    "Set-ActiveSyncMailboxPolicy",     CMD_WRITES | CMD_MAY_ASK, eas_params, open_set, NULL,
    "Tasks.SetActiveSyncMailboxPolicy"
};
const struct cmdlet cmd_set_mobile_policy = { "Set-MobileDeviceMailboxPolicy",
                                              CMD_WRITES | CMD_MAY_ASK | CMD_SINCE_2013,
                                              mobile_params,
                                              open_set,
                                              NULL,
                                              "Tasks.SetMobileMailboxPolicy" };
