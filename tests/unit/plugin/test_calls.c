/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls into a module: what comes back is judged, a refusal is obeyed, each item has one result.
 */
#include "check.h"
#include "fake.h"

#include "err.h"
#include "text.h"

#define WHO "source fake-source (plugin fake 1.2.3)"

/* ---- a status and its message -----------------------------------------------------------------
 */

static easg_status say_status;
static char say_message[sizeof(((easg_error *)0)->message)];

static easg_status say(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                       easg_error *err)
{
    (void)self;
    (void)run;
    (void)to;
    memcpy(err->message, say_message, sizeof say_message);
    err->retry_after_ms = 7;
    return say_status;
}

static void test_statuses(struct bench *b, struct session_ref *s)
{
    static const struct {
        const char *name;
        easg_status returned;
        const char *message;
        easg_status want;
        const char *text;
    } rows[] = {
        {"as it came",                      EASG_E_AUTH, "refused for ada", EASG_E_AUTH,  "refused for ada"},
        { "no message",                     EASG_E_AUTH, "",                EASG_E_AUTH,
         WHO " gave no reason for 'auth' from list()"                                                      },
        { "unknown status",                 -99,         "odd",             EASG_E_FAIL,  "odd"            },
        { "unknown status without message", -99,         "",                EASG_E_FAIL,
         WHO " gave no reason for 'fail' from list()"                                                      },
        { "positive status",                5,           "odd",             EASG_E_USAGE,
         WHO " returned 5 from list(), which is no status"                                                 },
        { "two lines",                      EASG_E_FAIL, "one\ntwo",        EASG_E_FAIL,  "one\\x0atwo"    },
        { "not UTF-8",                      EASG_E_FAIL, "a\xff",           EASG_E_FAIL,  "a\\xff"         },
        { "ok with a message",              EASG_OK,     "left over",       EASG_OK,      ""               },
    };
    struct source_sink to = { 0 };
    easg_query q = { .struct_size = (uint32_t)sizeof q };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        say_status = rows[i].returned;
        memset(say_message, 0, sizeof say_message);
        memcpy(say_message, rows[i].message, strlen(rows[i].message));
        fake.list = say;
        CHECK_INT(source_list(s, &q, &to, &err), rows[i].want);
        CHECK_STR(err.message, rows[i].text);
        if (rows[i].want == EASG_E_AUTH)
            CHECK_INT(err.retry_after_ms, 7);
    }
    ROW("no NUL");
    memset(say_message, 'x', sizeof say_message);
    say_status = EASG_E_FAIL;
    {
        easg_error err = EASG_ERROR_INIT;

        CHECK_INT(source_list(s, &q, &to, &err), EASG_E_FAIL);
        CHECK(strlen(err.message) < sizeof err.message);
    }
    ROW("");
    (void)b;
}

/* ---- open and create ----------------------------------------------------------------------------
 */

static easg_status open_nothing(easg_instance *self, easg_session **out, easg_error *err)
{
    (void)self;
    (void)out;
    (void)err;
    return EASG_OK;
}

static easg_status open_both(easg_instance *self, easg_session **out, easg_error *err)
{
    static char object;
    void *p = &object;

    (void)self;
    *out = p;
    return err_set(err, EASG_E_AUTH, "no");
}

static void test_open(struct bench *b)
{
    struct session_ref *s = NULL;
    easg_error err = EASG_ERROR_INIT;

    fake.open = open_nothing;
    CHECK_INT(source_open(b->instance, b->run, NULL, &s, &err), EASG_E_USAGE);
    CHECK_STR(err.message, WHO " returned ok without an object in open()");
    CHECK_HAS(b->last_log, "module broke its contract");
    CHECK_HAS(b->last_log, "1.2.3");
    fake.open = open_both;
    CHECK_INT(source_open(b->instance, b->run, NULL, &s, &err), EASG_E_USAGE);
    CHECK_STR(err.message, WHO " returned an object beside an error in open()");
    fake.open = NULL;
}

/* ---- refusals ---- */

static int after;
static easg_status returned;

static easg_status go_on(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                         easg_error *err)
{
    easg_mailbox m = { .struct_size = (uint32_t)sizeof m, .mailbox_id = TEXT_LIT("m1") };
    easg_status st = EASG_OK;

    (void)self;
    (void)run;
    (void)err;
    after = 0;
    for (int i = 0; i < 5; i++) {
        st = to->mailbox(to, &m);
        after += st == EASG_E_LIMIT;
    }
    return returned;
}

static easg_status second_is_too_much(void *user, const easg_mailbox *m, easg_error *err)
{
    int *n = user;

    (void)m;
    return ++*n < 2 ? EASG_OK : err_set(err, EASG_E_LIMIT, "the store is full");
}

static void test_refusal(struct bench *b, struct session_ref *s)
{
    int n = 0;
    struct source_sink to = { .mailbox = second_is_too_much, .user = &n };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    easg_error err = EASG_ERROR_INIT;

    fake.list = go_on;
    returned = EASG_E_LIMIT;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_LIMIT);
    CHECK_STR(err.message, "the store is full");
    CHECK_INT(after, 4);
    CHECK_INT(n, 2);

    n = 0;
    returned = EASG_OK;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_USAGE);
    CHECK_STR(err.message, WHO " returned ok from list() although it had been refused with "
                               "'limit': the store is full");

    n = 0;
    returned = EASG_E_FAIL;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_LIMIT);
    CHECK_STR(err.message, "the store is full");
    (void)b;
}

/* A receiver that was kept after its call. */
static const easg_source_receiver *kept;

static easg_status keep(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                        easg_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    kept = to;
    return EASG_OK;
}

static void test_stale_receiver(struct bench *b, struct session_ref *s)
{
    struct source_sink to = { 0 };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    easg_mailbox m = { .struct_size = (uint32_t)sizeof m, .mailbox_id = TEXT_LIT("m1") };
    easg_error err = EASG_ERROR_INIT;

    fake.list = keep;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_OK);
    CHECK_INT(kept->mailbox(kept, &m), EASG_E_USAGE);
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_USAGE);
    CHECK_STR(err.message, WHO " called a receiver() from a thread or at a time when it must not, "
                               "seen in list()");
    CHECK_INT(source_list(s, &q, &to, &err), EASG_OK);
    (void)b;
}

/* ---- apply ---- */

enum trick { ALL, FORGET_ONE, TWICE, STRANGER, NO_REASON, OLD_RESULT };
static enum trick trick;

static easg_status emit(const easg_result_receiver *to, const char *key, easg_status st,
                        const easg_error *why)
{
    easg_item_result r = { .struct_size = (uint32_t)sizeof r,
                           .status = st,
                           .listed = EASG_LISTED_BLOCKED,
                           .key = text_str(key),
                           .error = why };

    if (trick == OLD_RESULT)
        r.struct_size = (uint32_t)offsetof(easg_item_result, error);
    return to->emit(to, &r);
}

static easg_status tricks(easg_instance *self, const easg_change *const *items, size_t n,
                          const easg_result_receiver *to, easg_error *err)
{
    easg_status st = EASG_OK;

    (void)self;
    (void)err;
    for (size_t i = 0; i < n && st == EASG_OK; i++) {
        if (trick == FORGET_ONE && i == 1)
            continue;
        st = emit(to, trick == STRANGER && i == 1 ? "nobody" : items[i]->key.ptr,
                  trick == NO_REASON ? -55 : EASG_OK, NULL);
        if (trick == TWICE && i == 0 && st == EASG_OK)
            st = emit(to, items[i]->key.ptr, EASG_OK, NULL);
    }
    return st;
}

struct seen {
    int n;
    easg_status status;
    uint32_t listed;
    char text[480];
};

static easg_status on_result(void *user, const easg_item_result *r, easg_error *err)
{
    struct seen *seen = user;

    (void)err;
    seen->n++;
    seen->status = r->status;
    seen->listed = r->listed;
    (void)snprintf(seen->text, sizeof seen->text, "%s", r->error ? r->error->message : "");
    return EASG_OK;
}

static void test_apply(struct bench *b, struct session_ref *s)
{
    easg_change c[3];
    const easg_change *items[3] = { &c[0], &c[1], &c[2] };
    static const struct {
        const char *name;
        enum trick trick;
        easg_status want;
        const char *text;
        int results;
    } rows[] = {
        {"all",            ALL,        EASG_OK,      "",                                               3},
        { "one forgotten", FORGET_ONE, EASG_E_USAGE,
         WHO " returned ok without a result for k2 in apply()",                                        2},
        { "one twice",     TWICE,      EASG_E_USAGE, WHO " emitted a second result for k1 in apply()", 1},
        { "a stranger",    STRANGER,   EASG_E_USAGE,
         WHO " emitted a result that nobody asked for: nobody in apply()",                             1},
        { "no reason",     NO_REASON,  EASG_OK,      "",                                               3},
        { "old struct",    OLD_RESULT, EASG_OK,      "",                                               3},
    };

    for (int i = 0; i < 3; i++)
        c[i] = (easg_change){ .struct_size = (uint32_t)sizeof c[i],
                              .verb = EASG_VERB_BLOCK,
                              .mailbox_id = TEXT_LIT("m"),
                              .device_id = TEXT_LIT("d") };
    c[0].key = TEXT_LIT("k1");
    c[1].key = TEXT_LIT("k2");
    c[2].key = TEXT_LIT("k3");
    fake.apply = tricks;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct seen seen = { 0 };
        struct result_sink to = { on_result, &seen };
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        trick = rows[i].trick;
        CHECK_INT(source_apply(s, items, 3, &to, &err), rows[i].want);
        CHECK_STR(err.message, rows[i].text);
        CHECK_INT(seen.n, rows[i].results);
        if (trick == NO_REASON) {
            CHECK_INT(seen.status, EASG_E_FAIL);
            CHECK_STR(seen.text, WHO " gave no reason for 'fail' of this item in apply()");
        }
        CHECK_INT(seen.listed, 0); /* BLOCKED without KNOWN is no knowledge */
    }
    ROW("");
    {
        struct seen seen = { 0 };
        struct result_sink to = { on_result, &seen };
        easg_error err = EASG_ERROR_INIT;

        c[2].verb = EASG_VERB_WITHDRAW; /* not declared */
        CHECK_INT(source_apply(s, items, 3, &to, &err), EASG_E_UNSUPPORTED);
        CHECK_STR(err.message, WHO " cannot withdraw: it declares no such verb");
        c[2].verb = EASG_VERB_BLOCK;
        c[2].key = TEXT_LIT("k1");
        CHECK_INT(source_apply(s, items, 3, &to, &err), EASG_E_USAGE);
        CHECK_STR(err.message, "two changes were to be sent for k1");
        CHECK_INT(seen.n, 0);
    }
    (void)b;
}

static void test_dry_run(struct bench *b)
{
    struct run_options ro = {
        .org = "contoso", .run_id = "x", .deadline_ms = INT64_MAX, .flags = EASG_RUN_DRY
    };
    easg_change c = { .struct_size = (uint32_t)sizeof c,
                      .verb = EASG_VERB_BLOCK,
                      .key = TEXT_LIT("k") };
    const easg_change *items[] = { &c };
    struct run_ref *run = NULL;
    struct session_ref *s = NULL;
    struct seen seen = { 0 };
    struct result_sink to = { on_result, &seen };
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(run_create(&ro, &run, &err), EASG_OK);
    CHECK_INT(source_open(b->instance, run, NULL, &s, &err), EASG_OK);
    CHECK_INT(source_apply(s, items, 1, &to, &err), EASG_E_USAGE);
    CHECK_STR(err.message, "a change was to be sent in a dry run");
    session_close(s);
    run_destroy(run);
}

/* ---- failover ---- */

static easg_status choose_wild(size_t n, size_t *chosen, easg_error *err)
{
    (void)err;
    *chosen = n;
    return EASG_OK;
}

static void test_failover(void)
{
    easg_endpoint e = { .struct_size = (uint32_t)sizeof e, .id = TEXT_LIT("cas1") };
    const easg_endpoint *items[] = { &e };
    easg_error err = EASG_ERROR_INIT;
    size_t chosen = 77;
    struct bench b;

    bench_open(&b, EASG_KIND_FAILOVER, "fake-failover", "{}");
    CHECK_INT(failover_choose(b.instance, b.run, items, 1, &chosen, &err), EASG_OK);
    CHECK_INT(chosen, 0);
    chosen = 77;
    fake.choose = choose_wild;
    CHECK_INT(failover_choose(b.instance, b.run, items, 1, &chosen, &err), EASG_E_USAGE);
    CHECK_STR(err.message, "failover fake-failover (plugin fake 1.2.3) chose an endpoint that was "
                           "not offered in choose()");
    CHECK_INT(chosen, 77);
    bench_close(&b);
}

int main(void)
{
    struct session_ref *s = NULL;
    easg_error err = EASG_ERROR_INIT;
    struct bench b;

    bench_open(&b, EASG_KIND_SOURCE, "fake-source", "{}");
    test_open(&b);
    CHECK_INT(source_open(b.instance, b.run, NULL, &s, &err), EASG_OK);
    test_statuses(&b, s);
    test_refusal(&b, s);
    test_stale_receiver(&b, s);
    test_apply(&b, s);
    test_dry_run(&b);
    {
        struct endpoint_sink to = { 0 };

        CHECK_INT(source_discover(s, &to, &err), EASG_E_UNSUPPORTED);
        CHECK_STR(err.message, WHO " has no discover()");
    }
    session_close(s);
    CHECK_INT(fake.closed, 2);
    bench_close(&b);
    CHECK_INT(fake.destroyed, 1);
    test_failover();
    return check_done();
}
