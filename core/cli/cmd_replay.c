/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_replay.c - `easgate replay ORG RUN`: what a recorded run decided, decided again: by the same
 * policy, which must come to the same bit for bit, or by another one, to see what it would change.
 */
#include "verbs.h"

#include "asof.h"
#include "err.h"
#include "table.h"

#include <string.h>

enum { TEXT_LIMIT = 100 };

struct values {
    const char *org;
    const char *run;
    const char *policy;
    int64_t limit;
};

struct replay {
    struct table *t; /* text */
    struct jsonout *j;
    int64_t limit, shown;
    int64_t devices, differ, partial, unread;
    int64_t moves[4][4]; /* recorded action, action now */
    char base[65];
};

static const char *const actions[4] = { "leave", "allow", "block", "withdraw" };

static size_t number_of(const char *action)
{
    size_t i;

    for (i = 0; i < 4; i++)
        if (strcmp(actions[i], action) == 0)
            return i;
    return 0;
}

/* "waits (rest)", "spared", or "goes". */
static const char *gate_text(const char *gate, const char *ring, char out[CLI_SAFE])
{
    char safe[CLI_SAFE];

    if (!gate)
        return "goes";
    if (!ring)
        return gate;
    snprintf(out, CLI_SAFE, "%.10s (%.80s)", gate, cli_safe(ring, safe));
    return out;
}

static void why(const struct asof_item *x, struct strbuf *b)
{
    char a[CLI_SAFE], c[CLI_SAFE];

    asof_difference(&x->was_in, &x->in, b);
    if (x->was_rule || x->rule) {
        if (!x->was_rule || !x->rule || strcmp(x->was_rule, x->rule) != 0)
            strbuf_addf(b, "%slocal rule: %s -> %s", b->len ? ", " : "",
                        x->was_rule ? x->was_rule : "none", x->rule ? x->rule : "none");
    }
    if ((x->gate && !x->now_gate) || (x->gate && strcmp(x->gate, x->now_gate) != 0) ||
        (x->ring && x->now_ring && strcmp(x->ring, x->now_ring) != 0))
        strbuf_addf(b, "%s%s -> %s", b->len ? ", " : "", gate_text(x->gate, x->ring, a),
                    gate_text(x->now_gate, x->now_ring, c));
    if (x->unread)
        strbuf_addf(b, "%sinputs that this version cannot read", b->len ? ", " : "");
}

static void json_side(struct jsonout *j, const char *key, const char *row, const char *action,
                      const char *reason, const char *mail, const char *rule, const char *gate,
                      const char *ring)
{
    json_open_object(j, key);
    json_text(j, "row", row);
    json_text(j, "action", action);
    json_text(j, "reason", reason);
    json_text(j, "mail", mail);
    json_text(j, "rule", rule);
    json_text(j, "gate", gate);
    json_text(j, "ring", ring);
    json_close(j);
}

static void show(struct replay *r, const struct asof_item *x)
{
    struct strbuf b = STRBUF_INIT(8192);
    char was[64], now[64];

    why(x, &b);
    if (r->j) {
        json_open_object(r->j, NULL);
        json_text(r->j, "device", x->device);
        json_text(r->j, "mailbox", x->mailbox);
        json_text(r->j, "user", x->user);
        json_text(r->j, "device_id", x->device_id);
        json_side(r->j, "recorded", x->was_row, x->was_action, x->was_reason, x->was_mail,
                  x->was_rule, x->gate, x->ring);
        json_side(r->j, "replayed", policy_row_name(x->now.row), policy_action_name(x->now.action),
                  policy_reason_name(x->now.reason), policy_mail_name(x->now.mail), x->rule,
                  x->now_gate, x->now_ring);
        json_text(r->j, "because", strbuf_str(&b));
        json_close(r->j);
    } else {
        snprintf(was, sizeof(was), "%.12s (%.4s)", x->was_action, x->was_row);
        snprintf(now, sizeof(now), "%.12s (%.4s)", policy_action_name(x->now.action),
                 policy_row_name(x->now.row));
        table_row(r->t, (const char *const[]){ x->device_id, x->user ? x->user : x->mailbox, was,
                                               now, strbuf_str(&b) });
    }
    strbuf_clear(&b);
}

static easg_status on_item(void *user, const struct asof_item *x, easg_error *err)
{
    struct replay *r = user;

    (void)err;
    r->devices++;
    r->partial += x->partial;
    r->unread += x->unread;
    snprintf(r->base, sizeof(r->base), "%s", x->base->digest);
    if (x->same)
        return EASG_OK;
    r->differ++;
    r->moves[number_of(x->was_action)][x->now.action % 4]++;
    if (r->limit < 0 || r->shown < r->limit) {
        show(r, x);
        r->shown++;
    }
    return EASG_OK;
}

/* ---- the verb ---- */

static void print_head(const struct asof *a, const struct values *v)
{
    char safe[CLI_SAFE];

    printf("run %s, %s, %s, %s\n", a->run.run, a->run.kind, a->run.started, a->run.status);
    if (a->run.base_no && a->run.base_no != a->run.run_no)
        printf("it did not decide on everybody; what stood then was decided by run %s, %s\n",
               a->run.base, a->run.base_started);
    if (v->policy)
        printf("decided by %s instead of the policy of the run\n", cli_safe(v->policy, safe));
}

static void print_foot(const struct asof *a, const struct replay *r)
{
    size_t i, k;

    if (r->shown < r->differ)
        printf("%lld of %lld differences; --limit 0 shows all\n", (long long)r->shown,
               (long long)r->differ);
    for (i = 0; i < 4; i++)
        for (k = 0; k < 4; k++)
            if (r->moves[i][k])
                printf("%6lld  %s -> %s\n", (long long)r->moves[i][k], actions[i], actions[k]);
    if (r->partial && a->other)
        printf("%lld decisions were recorded before policies were: rules on what a client says "
               "could not be asked\n",
               (long long)r->partial);
    else if (r->partial)
        printf("%lld decisions were recorded before policies were: the inputs of the table alone "
               "were decided again\n",
               (long long)r->partial);
    if (!r->differ)
        printf("%lld devices, all as recorded%s\n", (long long)r->devices,
               a->other ? "" : ", bit for bit");
    else
        printf("%lld devices, %lld differ\n", (long long)r->devices, (long long)r->differ);
}

/* A list of groups is a fact by the time the device manager answers: it cannot be replayed. */
static int same_groups(const easg_str *const *a, size_t n, const easg_str *const *b, size_t m)
{
    size_t i;

    if (n != m)
        return 0;
    for (i = 0; i < n; i++)
        if (a[i]->len != b[i]->len || memcmp(a[i]->ptr, b[i]->ptr, a[i]->len) != 0)
            return 0;
    return 1;
}

static int groups_differ(const struct asof *a)
{
    const struct org_config *was = a->n_policies ? a->policies[0].config : NULL;

    return was && a->other &&
           (!same_groups(was->include_groups, was->n_include_groups, a->other->include_groups,
                         a->other->n_include_groups) ||
            !same_groups(was->exclude_groups, was->n_exclude_groups, a->other->exclude_groups,
                         a->other->n_exclude_groups));
}

static const char not_groups[] =
    "include_groups or exclude_groups differ from those of the run: who was in them is a fact that "
    "was recorded, so targeted and exempt stay what they were";

static easg_status replay_json(struct cli *cli, struct asof *a, const struct values *v,
                               struct replay *r, easg_error *err)
{
    struct jsonout j;
    easg_status st;
    size_t i, k;

    cli_json_begin(cli, &j);
    r->j = &j;
    json_text(&j, "organization", v->org);
    json_text(&j, "run", a->run.run);
    json_text(&j, "started_at", a->run.started);
    json_text(&j, "decided_by_run", a->run.base_no ? a->run.base : NULL);
    json_text(&j, "policy_file", v->policy);
    json_open_array(&j, "differences");
    st = asof_each(a, NULL, on_item, r, err);
    json_close(&j);
    json_text(&j, "recorded_policy", r->base[0] ? r->base : NULL);
    json_int(&j, "devices", r->devices);
    json_int(&j, "differ", r->differ);
    json_int(&j, "partial", r->partial);
    json_int(&j, "unread", r->unread);
    json_open_array(&j, "moves");
    for (i = 0; i < 4; i++)
        for (k = 0; k < 4; k++)
            if (r->moves[i][k]) {
                json_open_object(&j, NULL);
                json_text(&j, "from", actions[i]);
                json_text(&j, "to", actions[k]);
                json_int(&j, "devices", r->moves[i][k]);
                json_close(&j);
            }
    json_close(&j);
    json_text(&j, "note", groups_differ(a) ? not_groups : NULL);
    if (st != EASG_OK)
        json_text(&j, "error", err->message);
    cli->failed_json = 1;
    if (cli_json_end(cli, &j, CLI_DONE) != CLI_DONE && st == EASG_OK)
        st = err_set(err, EASG_E_FAIL, "the document could not be written");
    return st;
}

static easg_status replay_text(struct asof *a, const struct values *v, struct replay *r,
                               easg_error *err)
{
    static const struct table_column columns[] = { { "DEVICE ID", TABLE_FLEX },
                                                   { "USER", TABLE_FLEX },
                                                   { "RECORDED", 0 },
                                                   { "NOW", 0 },
                                                   { "BECAUSE", TABLE_FLEX } };
    easg_status st;

    print_head(a, v);
    r->t = table_create(stdout, columns, 5, cli_width(), 0);
    if (!r->t)
        return err_nomem(err);
    st = asof_each(a, NULL, on_item, r, err);
    table_finish(r->t);
    if (st != EASG_OK)
        return st;
    if (groups_differ(a))
        printf("%s\n", not_groups);
    print_foot(a, r);
    return EASG_OK;
}

static int run_replay(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct org_config *other = NULL;
    struct store *s = NULL;
    struct replay r;
    struct asof a;
    easg_status st = EASG_OK;

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));
    r.limit = v->limit == 0 ? -1 : v->limit > 0 ? v->limit : cli->json ? -1 : TEXT_LIMIT;
    if (v->policy)
        st = cfg_policy_load(v->policy, &other, &err);
    if (st == EASG_OK)
        st = cli_open_store(cli, v->org, &s, &err);
    if (st == EASG_OK)
        st = asof_open(&a, s, v->org, v->run, other, &err);
    if (st == EASG_OK && cli->json)
        st = replay_json(cli, &a, v, &r, &err);
    else if (st == EASG_OK)
        st = replay_text(&a, v, &r, &err);
    asof_close(&a);
    org_config_destroy(other);
    store_close(s);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    return r.differ ? CLI_CHANGES : CLI_DONE;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "RUN",
      .offset = offsetof(struct values, run),
      .required = 1,
      .doc = "the run, or a beginning of its name" },
    { .type = ARG_TEXT,
      .name = "policy",
      .offset = offsetof(struct values, policy),
      .value = "FILE",
      .doc =
          "decide by this file instead: an organisation's, or its policy, rules and rings alone" },
    { .type = ARG_NUMBER,
      .name = "limit",
      .offset = offsetof(struct values, limit),
      .value = "N",
      .doc = "show at most N differences; 0: all (the default is 100 in text)" },
    { .type = ARG_END }
};

const struct verb verb_replay = {
    .name = "replay",
    .summary = "decide a recorded run again, also by another policy",
    .text =
        "Takes every decision that stood after the run, with the inputs, the policy and the clock\n"
        "that were recorded, and decides it anew. By the run's own policy it must come to the\n"
        "same; with --policy the difference is what that policy would have changed. Nothing is\n"
        "asked and nothing is written. Exit code 2 when there are differences.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_replay
};
