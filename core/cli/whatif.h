/* SPDX-License-Identifier: Apache-2.0
 *
 * whatif.h - which facts, if they were different, would change a verdict.
 */
#ifndef EASG_WHATIF_H
#define EASG_WHATIF_H

#include "policy.h"

#include <stddef.h>

enum { WHATIF_MAX = 24 };

struct whatif {
    const char *text; /* "the device manager says compliant" */
    struct policy_verdict then;
};

/* Changes facts of `in` (never options) and asks the table; lists those that lead to another
 * action. Single facts first; where enrolment is lacking, enrolling and becoming compliant count as
 * one. The number written to `out`. */
size_t whatif(const struct policy_input *in, struct whatif out[WHATIF_MAX]);

#endif
