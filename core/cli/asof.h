/* SPDX-License-Identifier: Apache-2.0
 *
 * asof.h - what stood when a recorded run had ended: its decisions with their inputs, the policy it
 * went by, its clock; and the same decided again.
 */
#ifndef EASG_ASOF_H
#define EASG_ASOF_H

#include "cli.h"
#include "policy.h"

/* The run of a replay, and the run whose facts, policy and clock it went by: itself, or where it
 * did not decide on everybody, the last one before it that did. */
struct asof_run {
    char run[64], started[32], kind[16], status[16];
    int64_t run_no, base_no;
    char base[64], base_started[32];
    int decided; /* the run decided on its own */
};
/* By its UUID or a beginning of it that no other run has. EASG_E_NOTFOUND, EASG_E_CONFIG. */
easg_status asof_find(struct store *s, const char *org, const char *name, struct asof_run *out,
                      easg_error *err);

/* A policy with the clock to read it by. */
struct asof_policy {
    int64_t run_no;
    char digest[65];
    struct org_config *config; /* NULL: the run did not record one */
    easg_time clock;
    int local_min;
    char facts_at[32]; /* "" */
};

struct asof {
    struct store *store;
    struct asof_run run;
    struct org_config *other; /* --policy; borrowed */
    easg_time enforced_since; /* EASG_TIME_NONE */
    struct asof_policy *policies;
    size_t n_policies;
};

/* One decision as it was recorded, and as it comes out now. */
struct asof_item {
    const char *device, *mailbox, *user, *device_id, *managed_device, *inputs, *decided_at, *by_run;
    const char *was_row, *was_action, *was_reason, *was_mail, *was_rule; /* was_rule NULL: none */
    const char *gate, *ring, *opens_at; /* held back then: "waits", "spared"; NULL */
    struct policy_input was_in, in;
    struct policy_verdict now;
    const char *rule;               /* name of the rule that fits now; NULL */
    const char *now_gate;           /* "waits", "spared", NULL: goes */
    const char *now_ring;           /* NULL */
    const struct asof_policy *base; /* what it was decided by */
    int unread;                     /* inputs that were kept and cannot be read any more */
    int partial;                    /* recorded before claims and policies were: inputs alone */
    int same;                       /* row, action, reason, mail, rule, inputs and gate */
};
typedef easg_status (*asof_fn)(void *user, const struct asof_item *item, easg_error *err);

easg_status asof_open(struct asof *a, struct store *s, const char *org, const char *run,
                      struct org_config *other, easg_error *err);
/* Every decision that stood then; those of one device or user when `who` is not NULL. The item is
 * borrowed for the call. */
easg_status asof_each(struct asof *a, const char *who, asof_fn fn, void *user, easg_error *err);
void asof_close(struct asof *a);

/* The facts that may differ between two sets of inputs: "compliance: compliant -> noncompliant". */
void asof_difference(const struct policy_input *was, const struct policy_input *now,
                     struct strbuf *out);

/* Puts what `config` says into the inputs: options, and the first rule that fits. Returns its name;
 * NULL: none. `s` has everything but `in` and the local time. */
const char *asof_apply_rules(const struct org_config *config, struct policy_subject *s,
                             easg_time now, int local_min, struct policy_input *in);

#endif
