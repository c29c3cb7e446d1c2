/* SPDX-License-Identifier: Apache-2.0
 *
 * pastrun.h - the part of `explain` that tells of a recorded run, and where an input comes from.
 */
#ifndef EASG_PASTRUN_H
#define EASG_PASTRUN_H

#include "cli.h"
#include "policy.h"

enum origin { FROM_MANAGER, FROM_CONFIG, FROM_EXCHANGE, FROM_CLIENT };
enum origin origin_of(const struct policy_input *in, const char *input);
const char *origin_name(enum origin o);
/* The number of a row by its name; 0: none of ours. */
unsigned row_number(const char *row);

/* "  name           value"; nothing when there is no value. */
void say(const char *name, const char *value);

/* Everything that `who` had in that run; an exit code. */
int explain_past(struct cli *cli, const char *org, const char *who, const char *run);

#endif
