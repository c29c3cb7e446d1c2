/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_cmdlets.h - the cmdlets, each defined in one of the cmdlets_*.c files.
 */
#ifndef LAB_CMDLETS_H
#define LAB_CMDLETS_H

#include "lab_run.h"

extern const struct cmdlet cmd_get_command, cmd_select, cmd_measure, cmd_set_server_settings,
    cmd_get_server, cmd_get_cas, cmd_set_cas, cmd_get_mailbox, cmd_get_user, cmd_get_recipient,
    cmd_get_eas_device, cmd_get_mobile_device, cmd_get_eas_statistics, cmd_get_mobile_statistics,
    cmd_remove_eas_device, cmd_remove_mobile_device, cmd_clear_eas_device, cmd_clear_mobile_device,
    cmd_get_settings, cmd_set_settings, cmd_get_rule, cmd_new_rule, cmd_set_rule, cmd_remove_rule,
    cmd_get_class, cmd_get_throttling, cmd_get_eas_policy, cmd_get_mobile_policy,
    cmd_set_eas_policy, cmd_set_mobile_policy;

/* A mandatory text that may not be blank. NULL: a terminating error was raised. */
const char *need_text(struct run *r, struct stage *s, const char *name);
/* The mailbox of an identity, as far as this session sees it; NONE and an error otherwise. */
uint32_t need_mailbox(struct run *r, struct stage *s, const char *identity);
/* -WhatIf: 1 when nothing may be changed. */
int only_asked(struct stage *s);
void not_found(struct run *r, struct stage *s, const char *identity);
int sees_mailbox(const struct run *r, uint32_t mailbox);
int refuse(struct run *r, struct stage *s, const char *exception, const char *message, int category,
           const char *category_name, const char *target);

#define EX_NOT_FOUND "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
#define EX_ARGUMENT  "System.ArgumentException"

#endif
