/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_admin.h - what goes beyond a run's own work: what the organisation decides for everybody
 * (orgpolicy*.c), and commands of an operator for one device (wipe.c). None of these cmdlets is
 * sent, or asked for, unless the configuration speaks of it.
 */
#ifndef EASG_EXCHANGE_ADMIN_H
#define EASG_EXCHANGE_ADMIN_H

#include <easgate/draft/device_command.h>
#include <easgate/draft/orgpolicy.h>
#include <easgate/draft/probe.h>

#include "exchange.h"

/* ---- organisation policy ---- */

#define EXCH_POLICY_PARTS                                                                          \
    (1u << EASG_PART_SETTING | 1u << EASG_PART_RULE | 1u << EASG_PART_MAILBOX_POLICY |             \
     1u << EASG_PART_DEVICE_CLASS)

/* Could the item be written? Asks nobody. */
easg_status exch_policy_check(const easg_orgpolicy_item *item, easg_error *err) EASG_MUST_CHECK;

typedef easg_status (*exch_policy_fn)(void *user, uint32_t part, const char *name,
                                      const char *value);
/* Every item of the parts. */
easg_status exch_policy_read(struct exch *x, uint32_t parts, exch_policy_fn emit, void *user,
                             easg_error *err) EASG_MUST_CHECK;
/* Writes what differs, reads back, and emits the item once. */
easg_status exch_policy_write(struct exch *x, const easg_orgpolicy_item *item, exch_policy_fn emit,
                              void *user, easg_error *err) EASG_MUST_CHECK;

/* ---- one device ---- */

typedef easg_status (*exch_tell_fn)(void *user, const char *line);
/* Looks the device up and tells what would be sent; with `go` it is sent, once, and what came of it
 * is read back and told. A name that is blank or no GUID is refused before any request. */
easg_status exch_device_command(struct exch *x, const easg_device_command *command, int go,
                                exch_tell_fn tell, void *user, easg_error *err) EASG_MUST_CHECK;

/* ---- rights ---- */

/* The n-th cmdlet that EASG_NEED_* bits ask for; NULL past the end. */
const char *exch_need_at(uint32_t needs, size_t n);
/* Which of them the account has: one call a cmdlet; `alone` 0: another one of the same use is
 * there, so that it is not missed. */
easg_status exch_need_each(struct exch *x, uint32_t needs,
                           void (*fn)(void *user, const char *cmdlet, int present, int alone),
                           void *user, easg_error *err) EASG_MUST_CHECK;
/* Appends PowerShell that makes one more role with them and adds it to the role group. */
struct strbuf;
void exch_need_script(uint32_t needs, struct strbuf *out);

#endif
