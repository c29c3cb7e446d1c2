/* SPDX-License-Identifier: Apache-2.0
 *
 * exch_admin_private.h - what orgpolicy*.c, wipe.c and grants.c share.
 */
#ifndef EASG_EXCH_ADMIN_PRIVATE_H
#define EASG_EXCH_ADMIN_PRIVATE_H

#include "exch_private.h"
#include "exchange_admin.h"

/* ---- grants.c ---- */

struct exch_grant {
    const char *cmdlet;
    const char *wants; /* a parameter; NULL: none in particular */
    int present, parameter;
};
/* Asks Get-Command for at most 16. */
easg_status exch_grants(struct exch *x, struct exch_grant *grants, size_t n,
                        easg_error *err) EASG_MUST_CHECK;
/* The name that the account has, the newer one first; NULL and EASG_E_DENIED, or what failed. */
const char *exch_either(struct exch *x, const char *newer, const char *older, easg_error *err);

/* ---- orgpolicy_names.c: between our names and those of Exchange ---- */

/* "allow" for "Allow"; NULL for none of the three. */
const char *exch_level_word(const easg_str *level);
const char *exch_level_name(const char *word); /* the other way */
/* "device_type" for "DeviceType"; of one that is not known its name in small letters. */
void exch_characteristic_word(const easg_str *name, char out[40]);
const char *exch_characteristic_name(const char *word, size_t len); /* NULL: not known */

struct exch_policy_setting {
    const char *word;            /* "allow_simple_password" */
    const char *mobile, *legacy; /* property of Get-MobileDevice..., Get-ActiveSyncMailboxPolicy */
    char kind;                   /* b bool, n number, u number or unlimited, t time span */
};
extern const struct exch_policy_setting exch_policy_settings[];
extern const size_t exch_policy_settings_n;
const struct exch_policy_setting *exch_policy_setting(const char *word);
/* "Default/allow_simple_password": where the setting's word begins; NULL: there is none. */
const char *exch_policy_word(const char *name);

/* ---- orgpolicy_mailbox.c ---- */

easg_status exch_mailbox_policies_read(struct exch *x, exch_policy_fn emit, void *user,
                                       easg_error *err) EASG_MUST_CHECK;
easg_status exch_mailbox_policy_set(struct exch *x, const char *name, const char *value,
                                    easg_error *err) EASG_MUST_CHECK;

#endif
