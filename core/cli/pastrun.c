/* SPDX-License-Identifier: Apache-2.0
 *
 * pastrun.c - `easgate explain ORG WHO --run RUN`: the row that decided then, the facts with their
 * age and source as of that run, and what held a change back.
 */
#include "pastrun.h"

#include "age.h"
#include "asof.h"
#include "err.h"
#include "table.h"

#include <string.h>

/* ---- where an input comes from ---- */

enum origin origin_of(const struct policy_input *in, const char *input)
{
    static const char *const manager[] = { "data",   "licence",   "targeted",  "exempt",
                                           "record", "activated", "compliance" };
    static const char *const exchange[] = { "foreign", "default_access", "entry" };
    size_t i;

    for (i = 0; i < sizeof(manager) / sizeof(manager[0]); i++)
        if (strcmp(manager[i], input) == 0)
            return FROM_MANAGER;
    for (i = 0; i < sizeof(exchange) / sizeof(exchange[0]); i++)
        if (strcmp(exchange[i], input) == 0)
            return FROM_EXCHANGE;
    if (strcmp(input, "client") == 0)
        return FROM_CLIENT;
    if (strcmp(input, "platform") == 0)
        return in->record == RECORD_MANAGED || in->record == RECORD_RETIRING ? FROM_MANAGER
                                                                             : FROM_CLIENT;
    return FROM_CONFIG;
}

const char *origin_name(enum origin o)
{
    static const char *const names[] = { "device manager", "configuration", "Exchange",
                                         "the client's own claim" };

    return names[o];
}

unsigned row_number(const char *row)
{
    unsigned i;

    for (i = 1; i < 64 && strcmp(policy_row_name(i), "?") != 0; i++)
        if (strcmp(policy_row_name(i), row) == 0)
            return i;
    return 0;
}

void say(const char *name, const char *value)
{
    char safe[CLI_SAFE];

    if (value && *value)
        printf("  %-14s %s\n", name, cli_safe(value, safe));
}

/* ---- one decision of the run ---- */

struct past {
    struct cli *cli;
    const struct asof *a;
    struct jsonout *j; /* NULL: text */
    size_t n;
};

/* As of when, in the run: the facts that it decided on, Exchange as it listed it. */
static const char *as_of(const struct past *p, const struct asof_item *x, enum origin o)
{
    switch (o) {
    case FROM_MANAGER: return x->base->facts_at[0] ? x->base->facts_at : NULL;
    case FROM_EXCHANGE:
    case FROM_CLIENT:
        return x->base->run_no == p->a->run.base_no ? p->a->run.base_started : x->decided_at;
    default: return NULL;
    }
}

static void print_inputs(const struct past *p, const struct asof_item *x)
{
    static const struct table_column columns[] = {
        { "INPUT", 0 }, { "VALUE", 0 }, { "FROM", 0 }, { "AS OF", 0 }, { "AGE THEN", 0 }
    };
    struct table *t = table_create(stdout, columns, 5, cli_width(), 2);
    char age[AGE_SIZE];
    size_t i;

    if (!t)
        return;
    for (i = 0; policy_input_name(i); i++) {
        enum origin o = origin_of(&x->was_in, policy_input_name(i));
        const char *at = as_of(p, x, o);

        table_row(t, (const char *const[]){ policy_input_name(i), policy_input_value(&x->was_in, i),
                                            origin_name(o), at,
                                            at ? age_text(at, x->base->clock, age) : NULL });
    }
    table_finish(t);
}

static void print_item(const struct past *p, const struct asof_item *x)
{
    char id[CLI_SAFE], user[CLI_SAFE], text[CLI_SAFE], age[AGE_SIZE];
    unsigned row = row_number(x->was_row);

    printf("%s of %s, as it stood after run %s (%s)\n", cli_safe(x->device_id, id),
           cli_safe(x->user ? x->user : x->mailbox, user), p->a->run.run, p->a->run.started);
    say("key", x->device);
    snprintf(text, sizeof(text), "%.12s (row %.4s, reason %.40s), decided %s by run %.36s",
             x->was_action, x->was_row, x->was_reason, age_text(x->decided_at, p->cli->now, age),
             x->by_run ? x->by_run : "that is not kept any more");
    say("verdict", text);
    if (row)
        say("because", policy_row_text(row));
    say("local rule", x->was_rule);
    if (x->gate && strcmp(x->gate, "waits") == 0) {
        snprintf(text, sizeof(text), "its ring, %.80s, was not enforced before %.24s",
                 x->ring ? x->ring : "", x->opens_at ? x->opens_at : "its time");
        say("held back", text);
    } else if (x->gate) {
        snprintf(text, sizeof(text),
                 "it had access when enforcement began (policy.grandfather), until %.24s",
                 x->opens_at ? x->opens_at : "it is found compliant");
        say("held back", text);
    }
    if (strcmp(x->was_mail, "none") != 0)
        say("mail", x->was_mail);
    say("managed device", x->managed_device ? x->managed_device : "none that counts");
    if (x->base->digest[0]) {
        snprintf(text, sizeof(text), "%.16s... (v_policies)", x->base->digest);
        say("policy", text);
    }
    say("decided again", x->partial ? "the table's inputs alone were kept, and come to the same"
                         : x->same  ? "by the same policy and clock it comes to the same"
                                    : "it does not come to the same: see easgate replay");
    printf("\n");
    print_inputs(p, x);
}

static void json_item(const struct past *p, const struct asof_item *x)
{
    struct jsonout *j = p->j;
    unsigned row = row_number(x->was_row);
    size_t i;

    json_open_object(j, NULL);
    json_text(j, "device", x->device);
    json_text(j, "mailbox", x->mailbox);
    json_text(j, "user", x->user);
    json_text(j, "device_id", x->device_id);
    json_open_object(j, "decision");
    json_text(j, "row", x->was_row);
    json_text(j, "action", x->was_action);
    json_text(j, "reason", x->was_reason);
    json_text(j, "mail", x->was_mail);
    json_text(j, "rule", x->was_rule);
    json_text(j, "text", row ? policy_row_text(row) : NULL);
    json_text(j, "decided_at", x->decided_at);
    json_text(j, "run", x->by_run);
    json_text(j, "managed_device", x->managed_device);
    json_text(j, "gate", x->gate);
    json_text(j, "ring", x->ring);
    json_text(j, "opens_at", x->opens_at);
    json_close(j);
    json_text(j, "policy", x->base->digest[0] ? x->base->digest : NULL);
    json_time(j, "clock", x->base->clock);
    json_bool(j, "same_again", x->same);
    json_open_array(j, "inputs");
    for (i = 0; policy_input_name(i); i++) {
        enum origin o = origin_of(&x->was_in, policy_input_name(i));

        json_open_object(j, NULL);
        json_text(j, "name", policy_input_name(i));
        json_text(j, "value", policy_input_value(&x->was_in, i));
        json_text(j, "from", origin_name(o));
        json_text(j, "as_of", as_of(p, x, o));
        json_close(j);
    }
    json_close(j);
    json_close(j);
}

static easg_status on_item(void *user, const struct asof_item *x, easg_error *err)
{
    struct past *p = user;

    (void)err;
    if (p->j) {
        json_item(p, x);
    } else {
        if (p->n)
            printf("\n");
        print_item(p, x);
    }
    p->n++;
    return EASG_OK;
}

int explain_past(struct cli *cli, const char *org, const char *who, const char *run)
{
    easg_error err = EASG_ERROR_INIT;
    struct past p = { cli, NULL, NULL, 0 };
    struct store *s = NULL;
    struct jsonout j;
    struct asof a;
    char safe[CLI_SAFE];
    easg_status st;
    int code = CLI_DONE;

    memset(&a, 0, sizeof(a));
    p.a = &a;
    st = cli_open_store(cli, org, &s, &err);
    if (st == EASG_OK)
        st = asof_open(&a, s, org, run, NULL, &err);
    if (st == EASG_OK && cli->json) {
        cli_json_begin(cli, &j);
        p.j = &j;
        json_text(&j, "organization", org);
        json_text(&j, "run", a.run.run);
        json_text(&j, "started_at", a.run.started);
        json_text(&j, "decided_by_run", a.run.base_no ? a.run.base : NULL);
        json_open_array(&j, "devices");
    }
    if (st == EASG_OK)
        st = asof_each(&a, who, on_item, &p, &err);
    if (st == EASG_OK && p.n == 0)
        st = err_set(&err, EASG_E_NOTFOUND,
                     "run %s of %s has no decision about '%s'; a key, a device id, a UPN or a "
                     "mailbox GUID is expected",
                     a.run.run, org, cli_safe(who, safe));
    if (p.j) {
        json_close(&j);
        if (st != EASG_OK)
            json_text(&j, "error", err.message);
        cli->failed_json = 1;
        code = cli_json_end(cli, &j, CLI_DONE);
    }
    asof_close(&a);
    store_close(s);
    return st == EASG_OK ? code : cli_fail(cli, st, &err);
}
