/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy_mailbox.c - settings of mobile device mailbox policies that exist. Policies are neither
 * made nor removed, nor given to mailboxes.
 */
#include <stdio.h>
#include <string.h>

#include "exch_admin_private.h"

#include "err.h"
#include "text.h"

#define MAX_SETTINGS 16

struct reading {
    int legacy;
    exch_policy_fn emit;
    void *user;
};

static easg_status on_policy(void *user, const struct clixml_record *r, easg_error *err)
{
    struct reading *p = user;
    easg_str policy = exch_slot(r, 0);
    easg_status st = EASG_OK;

    if (!policy.ptr || policy.len > 200)
        return err_set(err, EASG_E_PROTOCOL, "a mailbox policy without Name");
    for (size_t i = 0; st == EASG_OK && i < exch_policy_settings_n; i++) {
        easg_str value = exch_slot(r, (unsigned)i + 1);
        char name[300], text[64];

        if (!value.ptr || value.len >= sizeof(text)) /* this version has no such setting */
            continue;
        for (size_t k = 0; k <= value.len; k++) {
            char c = value.ptr[k];

            text[k] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
        (void)snprintf(name, sizeof(name), "%.*s/%s", (int)policy.len, policy.ptr,
                       exch_policy_settings[i].word);
        st = p->emit(p->user, EASG_PART_MAILBOX_POLICY, name, text);
        if (st != EASG_OK)
            st = err_set(err, st, "the host refused an item");
    }
    return st;
}

easg_status exch_mailbox_policies_read(struct exch *x, exch_policy_fn emit, void *user,
                                       easg_error *err)
{
    static const char mobile[] = "Get-MobileDeviceMailboxPolicy";
    const char *columns[MAX_SETTINGS + 2] = { "Name" };
    const char *cmdlet = exch_either(x, mobile, "Get-ActiveSyncMailboxPolicy", err);
    struct psrp_command command = { cmdlet, NULL, 0 };
    struct reading r = { cmdlet != mobile, emit, user };

    if (!cmdlet)
        return x->broken ? EASG_E_UNAVAILABLE : EASG_E_DENIED;
    for (size_t i = 0; i < exch_policy_settings_n && i < MAX_SETTINGS; i++)
        columns[i + 1] = r.legacy ? exch_policy_settings[i].legacy : exch_policy_settings[i].mobile;
    return exch_run_records(x, &command, columns, on_policy, &r, NULL, err);
}

easg_status exch_mailbox_policy_set(struct exch *x, const char *name, const char *value,
                                    easg_error *err)
{
    static const char mobile[] = "Set-MobileDeviceMailboxPolicy";
    const char *cmdlet = exch_either(x, mobile, "Set-ActiveSyncMailboxPolicy", err);
    const char *word = exch_policy_word(name);
    const struct exch_policy_setting *s = exch_policy_setting(word);
    struct psrp_parameter p[3];
    struct psrp_command command = { cmdlet, p, 3 };
    struct exch_call call = { .commands = &command, .n = 1, .flags = EXCH_WRITES };
    uint64_t number = 0;

    if (!cmdlet)
        return x->broken ? EASG_E_UNAVAILABLE : EASG_E_DENIED;
    if (!s)
        return err_set(err, EASG_E_USAGE, "no such setting");
    p[0] = (struct psrp_parameter){ "Identity",
                                    PSRP_V_TEXT(((easg_str){ name, (size_t)(word - 1 - name) })) };
    p[1].name = cmdlet == mobile ? s->mobile : s->legacy;
    if (s->kind == 'b')
        p[1].value = PSRP_V_BOOL(value[0] == 't');
    else if (text_parse_u64(value, strlen(value), &number))
        p[1].value = (struct psrp_value){ .kind = PSRP_INT, .number = (int64_t)number };
    else
        p[1].value = PSRP_V_LIT("Unlimited");
    p[2] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    return exch_run(x, &call, err);
}
