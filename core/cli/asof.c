/* SPDX-License-Identifier: Apache-2.0
 *
 * asof.c - a recorded run, decided again. The verdict of each device is made anew from the inputs
 * that were kept with it, from the policy that the run went by (or another one), from what the
 * client said of itself then and from the run's own clock; nothing of today comes in.
 */
#include "asof.h"

#include "err.h"
#include "jsonin.h"
#include "text.h"

#include <string.h>

enum { POLICIES_MAX = 4096 };

/* ---- which run ---- */

easg_status asof_find(struct store *s, const char *org, const char *name, struct asof_run *out,
                      easg_error *err)
{
    const struct store_arg args[] = { STORE_ARG_TEXT(name) };
    char safe[CLI_SAFE];
    struct records r = { 0 };
    easg_status st;

    memset(out, 0, sizeof(*out));
    st = query_records(s,
                       "SELECT run, run_no, started_at, kind, status, decided FROM v_runs"
                       " WHERE substr(run, 1, length(?1)) = ?1 ORDER BY run_no",
                       args, 1, 2, &r, err);
    if (st == EASG_OK && r.n == 0)
        st = err_set(err, EASG_E_NOTFOUND,
                     "%s has no run %s; `easgate status %s` names the last ones, v_runs all", org,
                     cli_safe(name, safe), org);
    else if (st == EASG_OK && r.n > 1)
        st = err_set(err, EASG_E_CONFIG, "several runs begin with %s: %s, %s", cli_safe(name, safe),
                     record_get(&r.items[0], "run"), record_get(&r.items[1], "run"));
    if (st == EASG_OK) {
        const struct record *x = &r.items[0];

        snprintf(out->run, sizeof(out->run), "%s", record_get(x, "run"));
        snprintf(out->started, sizeof(out->started), "%s", record_get(x, "started_at"));
        snprintf(out->kind, sizeof(out->kind), "%s", record_get(x, "kind"));
        snprintf(out->status, sizeof(out->status), "%s", record_get(x, "status"));
        out->run_no = record_int(x, "run_no");
        out->decided = record_null(x, "decided") != NULL;
    }
    records_clear(&r);
    if (st == EASG_OK)
        st = query_records(s,
                           "SELECT run, run_no, started_at FROM v_runs WHERE run_no <= ?1"
                           " AND kind IN ('full', 'quick') AND decided IS NOT NULL"
                           " ORDER BY run_no DESC LIMIT 1",
                           (struct store_arg[]){ STORE_ARG_INT(out->run_no) }, 1, 1, &r, err);
    if (st == EASG_OK && r.n) {
        out->base_no = record_int(&r.items[0], "run_no");
        snprintf(out->base, sizeof(out->base), "%s", record_get(&r.items[0], "run"));
        snprintf(out->base_started, sizeof(out->base_started), "%s",
                 record_get(&r.items[0], "started_at"));
    }
    records_clear(&r);
    return st;
}

/* ---- by which policy ---- */

static easg_status load_policy(struct asof *a, int64_t run_no, struct asof_policy *p,
                               easg_error *err)
{
    const struct store_arg args[] = { STORE_ARG_INT(run_no) };
    struct records r = { 0 };
    easg_status st = query_records(a->store,
                                   "SELECT r.started_ms, r.local_min, r.facts_at, r.policy, p.text"
                                   " FROM v_runs r LEFT JOIN v_policies p ON p.policy = r.policy"
                                   " WHERE r.run_no = ?1",
                                   args, 1, 1, &r, err);

    p->run_no = run_no;
    p->clock = EASG_TIME_NONE;
    if (st == EASG_OK && r.n) {
        const struct record *x = &r.items[0];
        const char *text = record_null(x, "text");

        p->clock = record_int(x, "started_ms");
        p->local_min = (int)record_int(x, "local_min");
        snprintf(p->facts_at, sizeof(p->facts_at), "%s", record_get(x, "facts_at"));
        snprintf(p->digest, sizeof(p->digest), "%s", record_get(x, "policy"));
        if (text)
            st = cfg_policy_parse("(the policy of the run)", text, strlen(text), &p->config, err);
    }
    records_clear(&r);
    return st;
}

static easg_status policy_of(struct asof *a, int64_t run_no, const struct asof_policy **out,
                             easg_error *err)
{
    struct asof_policy *grown;
    easg_status st;
    size_t i;

    for (i = a->n_policies; i-- > 0;) /* the one that was asked for last is asked for again */
        if (a->policies[i].run_no == run_no) {
            *out = &a->policies[i];
            return EASG_OK;
        }
    if (a->n_policies == POLICIES_MAX)
        return err_set(err, EASG_E_LIMIT, "the decisions come from more than %d runs",
                       POLICIES_MAX);
    if (!a->policies) { /* whole at once: items point into it */
        grown = mem_array(POLICIES_MAX, sizeof(*grown));
        if (!grown)
            return err_nomem(err);
        a->policies = grown;
    }
    st = load_policy(a, run_no, &a->policies[a->n_policies], err);
    if (st == EASG_OK)
        *out = &a->policies[a->n_policies++];
    return st;
}

easg_status asof_open(struct asof *a, struct store *s, const char *org, const char *run,
                      struct org_config *other, easg_error *err)
{
    int64_t since = 0;
    easg_status st;

    memset(a, 0, sizeof(*a));
    a->store = s;
    a->other = other;
    st = asof_find(s, org, run, &a->run, err);
    if (st == EASG_OK)
        st = query_int(s, "SELECT value FROM v_org WHERE name = 'enforced_since'", NULL, 0, 0,
                       &since, err);
    a->enforced_since = since > 0 ? since : EASG_TIME_NONE;
    return st;
}

void asof_close(struct asof *a)
{
    size_t i;

    for (i = 0; i < a->n_policies; i++)
        org_config_destroy(a->policies[i].config);
    mem_free(a->policies);
    memset(a, 0, sizeof(*a));
}

/* ---- deciding again ---- */

const char *asof_apply_rules(const struct org_config *config, struct policy_subject *s,
                             easg_time now, int local_min, struct policy_input *in)
{
    int64_t minute = now / 60000 + local_min;
    int rule;

    in->rule = RULE_NONE;
    if (!config->n_rules || in->data != DATA_OK)
        return NULL;
    s->in = in;
    s->now = now;
    s->minute = (int)(minute % 1440);
    s->weekday = (unsigned)((minute / 1440 + 3) % 7); /* 1970 began on a Thursday */
    rule = policy_rule_find(config->rules, config->n_rules, s);
    if (rule < 0)
        return NULL;
    in->rule = config->rules[rule].action;
    return config->rules[rule].name;
}

static easg_status take_input(void *user, const char *name, enum json_kind kind, const char *value,
                              easg_error *err)
{
    struct asof_item *item = user;

    (void)err;
    if (kind != JSON_TEXT || !policy_input_set(&item->was_in, name, value))
        item->unread = 1;
    return EASG_OK;
}

/* What held a change back then, and whether this policy would still at that clock. */
static void gate_again(const struct asof *a, struct asof_item *item, const struct org_config *p,
                       const struct store_row *row)
{
    const char *member_of = store_row_text(row, 22);
    easg_str user = text_str(item->user), mailbox = text_str(item->mailbox);
    easg_str groups = text_str(member_of);

    if (!item->gate)
        return;
    if (item->now.action == ACTION_LEAVE)
        return; /* nothing is wanted that could be held back */
    if (p->n_rings) {
        const struct policy_ring *r =
            &p->rings[policy_ring_find(p->rings, p->n_rings, &user, &mailbox, &groups)];
        easg_time since =
            a->enforced_since == EASG_TIME_NONE || a->enforced_since > item->base->clock
                ? item->base->clock
                : a->enforced_since;

        if (item->base->clock - since < r->delay_ms) {
            item->now_gate = "waits";
            item->now_ring = r->name;
            return;
        }
    }
    if (strcmp(item->gate, "spared") == 0 && item->now.action == ACTION_BLOCK &&
        p->grandfather_ms > 0 &&
        (p->grandfather_until == EASG_TIME_NONE || item->base->clock < p->grandfather_until))
        item->now_gate = "spared";
}

static int equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static void again(const struct asof *a, struct asof_item *item, const struct store_row *row)
{
    const struct org_config *p = a->other ? a->other : item->base->config;
    int chosen = item->managed_device != NULL;
    int known = store_row_type(row, 14) != STORE_NULL && item->base->config;
    easg_time enrolled =
        store_row_type(row, 15) == STORE_NULL ? EASG_TIME_NONE : store_row_int(row, 15);
    struct policy_subject s;

    item->in = item->was_in;
    item->partial = !known || store_row_type(row, 18) == STORE_NULL;
    item->rule = item->was_rule;
    if (p && (!item->partial || a->other)) {
        if (store_row_type(row, 14) != STORE_NULL || !chosen)
            policy_reinput(&p->policy, chosen, (uint32_t)store_row_int(row, 14), enrolled,
                           item->base->clock, &item->in);
        if (item->in.failure != FAILURE_HOLD)
            item->in.failure = (uint8_t)p->failure;
        memset(&s, 0, sizeof(s));
        s.user = text_str(item->user);
        s.device_id = text_str(item->device_id);
        s.type = text_str(store_row_text(row, 18));
        s.model = text_str(store_row_text(row, 19));
        s.os = text_str(store_row_text(row, 20));
        s.user_agent = text_str(store_row_text(row, 21));
        s.groups = text_str(store_row_text(row, 22));
        item->rule = asof_apply_rules(p, &s, item->base->clock, item->base->local_min, &item->in);
    }
    item->now = policy_decide(&item->in);
    if (item->now.row != POLICY_ROW_RULE)
        item->rule = NULL; /* it fits, and a row before it decides */
    if (p)
        gate_again(a, item, p, row);
    else
        item->now_gate = item->gate;
    item->same = strcmp(item->was_row, policy_row_name(item->now.row)) == 0 &&
                 strcmp(item->was_action, policy_action_name(item->now.action)) == 0 &&
                 strcmp(item->was_reason, policy_reason_name(item->now.reason)) == 0 &&
                 strcmp(item->was_mail, policy_mail_name(item->now.mail)) == 0 &&
                 equal(item->was_rule, item->rule) && equal(item->gate, item->now_gate) &&
                 (a->other || memcmp(&item->in, &item->was_in, sizeof(item->in)) == 0) &&
                 (a->other || !item->now_ring || equal(item->ring, item->now_ring));
}

/* ---- reading ---- */

struct walk {
    struct asof *a;
    asof_fn fn;
    void *user;
};

static easg_status on_row(void *user, const struct store_row *row, easg_error *err)
{
    struct walk *w = user;
    struct asof_item item;
    easg_error ignored = EASG_ERROR_INIT;
    int64_t run_no = store_row_int(row, 13);
    easg_status st;

    memset(&item, 0, sizeof(item));
    item.device = store_row_text(row, 0);
    item.mailbox = store_row_text(row, 1);
    item.user = store_row_text(row, 2);
    item.device_id = store_row_text(row, 3);
    item.was_row = store_row_text(row, 4);
    item.was_action = store_row_text(row, 5);
    item.was_reason = store_row_text(row, 6);
    item.was_mail = store_row_text(row, 7);
    item.was_rule = store_row_text(row, 8);
    item.managed_device = store_row_text(row, 9);
    item.inputs = store_row_text(row, 10);
    item.decided_at = store_row_text(row, 11);
    item.by_run = store_row_text(row, 12);
    item.gate = store_row_text(row, 23);
    item.ring = store_row_text(row, 24);
    item.opens_at = store_row_text(row, 25);
    item.was_in = (struct policy_input)POLICY_INPUT_DEFAULT;
    if (json_read_flat(item.inputs, strlen(item.inputs), take_input, &item, &ignored) != EASG_OK)
        item.unread = 1;
    st = policy_of(w->a, run_no > w->a->run.base_no ? run_no : w->a->run.base_no, &item.base, err);
    if (st != EASG_OK)
        return st;
    again(w->a, &item, row);
    if (item.unread)
        item.same = 0;
    return w->fn(w->user, &item, err);
}

/* Of each mailbox and device id the last decision up to the run, unless its partnership was gone by
 * then; and what was held back at that time. */
#define COLUMNS                                                                                    \
    "h.device, h.mailbox, h.user, h.device_id, h.row, h.action, h.reason, h.mail, h.rule,"         \
    " nullif(h.managed_device, ''), h.inputs, h.decided_at, h.run, h.run_no, h.managed_flags,"     \
    " h.enrolled_ms, h.decision_no, h.ended_run_no, h.type, h.model, h.os, h.user_agent,"          \
    " h.member_of"

easg_status asof_each(struct asof *a, const char *who, asof_fn fn, void *user, easg_error *err)
{
    static const char sql[] =
        "WITH last AS (SELECT *, row_number() OVER (PARTITION BY mailbox, lower(device_id)"
        " ORDER BY decision_no DESC) AS nth FROM v_history WHERE run_no <= ?1),"
        " held AS (SELECT mailbox, lower(device_id) AS id, word, ring, opens_at FROM v_gate"
        " WHERE run_no <= ?1 AND (ended_run_no IS NULL OR ended_run_no > ?1))"
        " SELECT " COLUMNS ", g.word, g.ring, g.opens_at FROM last h"
        " LEFT JOIN held g ON g.mailbox = h.mailbox AND g.id = lower(h.device_id)"
        " WHERE h.nth = 1 AND (h.ended_run_no IS NULL OR h.ended_run_no > ?1)"
        " AND (?2 IS NULL OR h.device = ?2 OR h.device_id = ?2 COLLATE NOCASE"
        " OR h.user = ?2 COLLATE NOCASE OR h.mailbox = ?2 COLLATE NOCASE OR h.managed_device = ?2)"
        " ORDER BY h.user, h.mailbox, h.device_id";
    const struct store_arg args[] = { STORE_ARG_INT(a->run.run_no), STORE_ARG_TEXT(who) };
    struct walk w = { a, fn, user };

    return store_query(a->store, sql, args, 2, on_row, &w, err);
}

void asof_difference(const struct policy_input *was, const struct policy_input *now,
                     struct strbuf *out)
{
    size_t i;

    for (i = 0; policy_input_name(i); i++) {
        const char *a = policy_input_value(was, i), *b = policy_input_value(now, i);

        if (strcmp(a, b) != 0)
            strbuf_addf(out, "%s%s: %s -> %s", out->len ? ", " : "", policy_input_name(i), a, b);
    }
}
