/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.h - the verbs, each defined in cmd_NAME.c.
 */
#ifndef EASG_VERBS_H
#define EASG_VERBS_H

#include "cli.h"

extern const struct verb verb_adopt;
extern const struct verb verb_apply;
extern const struct verb verb_approve;
extern const struct verb verb_audit;
extern const struct verb verb_check;
extern const struct verb verb_config;
extern const struct verb verb_device;
extern const struct verb verb_devices;
extern const struct verb verb_explain;
extern const struct verb verb_help;
extern const struct verb verb_mail;
extern const struct verb verb_plan;
extern const struct verb verb_plugins;
extern const struct verb verb_policy;
extern const struct verb verb_release;
extern const struct verb verb_replay;
extern const struct verb verb_run;
extern const struct verb verb_service;
extern const struct verb verb_status;
extern const struct verb verb_sync;
extern const struct verb verb_version;
extern const struct verb verb_worker;

#endif
