/* SPDX-License-Identifier: Apache-2.0
 *
 * source-csv: rows become mailboxes and devices, changes go to the outbox once, and what the outbox
 * says holds from then on.
 */
#include "check.h"
#include "example.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define MAILBOXES                                                                                  \
    "mailbox_id,display_name,upn,smtp,allowed,blocked,eas_disabled\n"                              \
    "m1,Ada,ada@x.example,ada@x.example;a@x.example,OLD1;d1,X9,\n"                                 \
    "m2,Grace,grace@x.example,,,,yes\n"
#define DEVICES                                                                                    \
    "key,device_id,mailbox_id,type,os,access,last_sync,changed\n"                                  \
    "k1,D1,m1,iPhone,iOS,quarantined,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z\n"                  \
    "k2,D2,m2,Pixel,Android,allowed,,2026-11-20T00:00:00Z\n"
#define CONFIG                                                                                     \
    "mailboxes: @/mailboxes.csv\ndevices: @/devices.csv\noutbox: @/outbox.jsonl\n"                 \
    "default_access: quarantined\n"

static struct strbuf seen = STRBUF_INIT(65536);

static easg_status on_org(void *user, const easg_org_settings *o, easg_error *err)
{
    (void)user;
    (void)err;
    return strbuf_addf(&seen, "org default=%u\n", (unsigned)o->default_access);
}

static void add_list(const char *name, const easg_str *const *list, size_t n)
{
    strbuf_addf(&seen, " %s=", name);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&seen, "%s%s", i ? "," : "", list[i]->ptr);
}

static easg_status on_mailbox(void *user, const easg_mailbox *m, easg_error *err)
{
    (void)user;
    (void)err;
    strbuf_addf(&seen, "%s %s flags=%u", m->mailbox_id.ptr, m->display_name.ptr,
                (unsigned)m->flags);
    add_list("smtp", m->smtp, m->n_smtp);
    add_list("allowed", m->allowed, m->n_allowed);
    add_list("blocked", m->blocked, m->n_blocked);
    return strbuf_addc(&seen, '\n');
}

static easg_status on_device(void *user, const easg_device *d, easg_error *err)
{
    (void)user;
    (void)err;
    return strbuf_addf(&seen, "%s %s of %s %s access=%u\n", d->key.ptr, d->device_id.ptr,
                       d->mailbox_id.ptr, d->os.ptr, (unsigned)d->access);
}

static easg_status on_result(void *user, const easg_item_result *r, easg_error *err)
{
    (void)user;
    (void)err;
    return strbuf_addf(&seen, "%s %s listed=%u%s%s\n", r->key.ptr, err_status_name(r->status),
                       (unsigned)r->listed, r->error ? " " : "", r->error ? r->error->message : "");
}

static easg_status list(struct example *e, easg_scope scope, const char *mailbox, easg_time since,
                        easg_error *err)
{
    struct source_sink to = { .org = on_org, .mailbox = on_mailbox, .device = on_device };
    easg_query q = { .struct_size = (uint32_t)sizeof q, .scope = scope, .since = since };
    struct session_ref *s = NULL;
    easg_status st;

    q.mailbox_id = text_str(mailbox);
    strbuf_reset(&seen);
    err_clear(err);
    st = source_open(e->instance, e->run, NULL, &s, err);
    if (st == EASG_OK)
        st = source_list(s, &q, &to, err);
    session_close(s);
    return st;
}

static easg_status apply(struct example *e, easg_verb verb, easg_error *err)
{
    easg_change c[2] = {
        {.struct_size = (uint32_t)sizeof c[0],
         .verb = verb,
         .key = TEXT_LIT("c1"),
         .mailbox_id = TEXT_LIT("m1"),
         .device_id = TEXT_LIT("D1")  },
        { .struct_size = (uint32_t)sizeof c[0],
         .verb = verb,
         .key = TEXT_LIT("c2"),
         .mailbox_id = TEXT_LIT("m2"),
         .device_id = TEXT_LIT("D\"2")}
    };
    const easg_change *items[] = { &c[0], &c[1] };
    struct result_sink to = { on_result, NULL };
    struct session_ref *s = NULL;
    easg_status st;

    strbuf_reset(&seen);
    err_clear(err);
    st = source_open(e->instance, e->run, NULL, &s, err);
    if (st == EASG_OK)
        st = source_apply(s, items, 2, &to, err);
    session_close(s);
    return st;
}

static void test_list(struct example *e)
{
    easg_error err = EASG_ERROR_INIT;

    example_file(e, "mailboxes.csv", MAILBOXES);
    example_file(e, "devices.csv", DEVICES);
    CHECK_INT(example_configure(e, EASG_KIND_SOURCE, "source-csv", CONFIG, &err), EASG_OK);
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen),
              "org default=3\n"
              "m1 Ada flags=0 smtp=ada@x.example,a@x.example allowed=OLD1,d1 blocked=X9\n"
              "m2 Grace flags=1 smtp= allowed= blocked=\n"
              "k1 D1 of m1 iOS access=3\n"
              "k2 D2 of m2 Android access=1\n");
    CHECK_INT(list(e, EASG_SCOPE_MAILBOX, "m2", EASG_TIME_NONE, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "org default=3\nm2 Grace flags=1 smtp= allowed= blocked=\n"
                                 "k2 D2 of m2 Android access=1\n");
    CHECK_INT(list(e, EASG_SCOPE_QUICK, NULL, 1794614400000, &err), EASG_OK); /* 2026-11-14 */
    CHECK(strstr(strbuf_str(&seen), "k2 D2") && !strstr(strbuf_str(&seen), "k1 D1"));
}

static int lines(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void test_apply(struct example *e)
{
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(apply(e, EASG_VERB_BLOCK, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "c1 ok listed=6\nc2 ok listed=6\n");
    CHECK_INT(lines(example_read(e, "outbox.jsonl")), 2);
    CHECK_HAS(example_read(e, "outbox.jsonl"), "\"verb\":\"block\",\"mailbox_id\":\"m2\","
                                               "\"device_id\":\"D\\\"2\"}\n");
    /* after a crash the host sends them again: nothing more is written */
    CHECK_INT(apply(e, EASG_VERB_BLOCK, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "c1 ok listed=6\nc2 ok listed=6\n");
    CHECK_INT(lines(example_read(e, "outbox.jsonl")), 2);
    /* a listing shows it: d1 of the files is D1 */
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "allowed=OLD1 blocked=X9,D1\n");
    CHECK_HAS(strbuf_str(&seen), "k1 D1 of m1 iOS access=2\n");
    CHECK_INT(apply(e, EASG_VERB_ALLOW, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "c1 ok listed=5\nc2 ok listed=5\n");
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "allowed=OLD1,D1 blocked=X9\n");
    CHECK_INT(apply(e, EASG_VERB_WITHDRAW, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "c1 ok listed=4\nc2 ok listed=4\n");
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "allowed=OLD1 blocked=X9\n");
    CHECK_HAS(strbuf_str(&seen), "k1 D1 of m1 iOS access=3\n");
}

static void test_half_line(struct example *e)
{
    static const char whole[] = "{\"time\":\"2026-11-25T08:00:00Z\",\"verb\":\"block\","
                                "\"mailbox_id\":\"m1\",\"device_id\":\"D1\"}\n";
    char text[512];
    easg_error err = EASG_ERROR_INIT;

    (void)snprintf(text, sizeof text, "%s{\"time\":\"2026-11-25T08:0", whole);
    example_file(e, "outbox.jsonl", text);
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "blocked=X9,D1\n");
    CHECK_STR(example_read(e, "outbox.jsonl"), whole);
    /* what is wrong in the middle is not thrown away */
    (void)snprintf(text, sizeof text, "{\"verb\":\"burn\"}\n%s", whole);
    example_file(e, "outbox.jsonl", text);
    CHECK_INT(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "outbox.jsonl:1: column 'mailbox_id' is required and empty");
    CHECK_STR(example_read(e, "outbox.jsonl"), text);
    CHECK_INT(example_configure(e, EASG_KIND_SOURCE, "source-csv",
                                "mailboxes: @/mailboxes.csv\ndevices: @/devices.csv\n"
                                "outbox: @/no/outbox.jsonl\n",
                                &err),
              EASG_OK);
    CHECK_INT(apply(e, EASG_VERB_BLOCK, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "c1 fail listed=0 ");
    CHECK_HAS(strbuf_str(&seen), "/no/outbox.jsonl: cannot be written: ");
}

static void test_wrong(struct example *e)
{
    static const struct {
        const char *mailboxes, *devices, *text;
    } rows[] = {
        {"mailbox_id\n",          DEVICES,
         "mailboxes.csv:2: the file has 0 rows, at least 1 are expected"      },
        { "mailbox_id,upn\n,a\n", DEVICES,
         "mailboxes.csv:2: column 'mailbox_id' is required and empty"         },
        { MAILBOXES,              "key,device_id,mailbox_id\nk1,,m1\n",
         "devices.csv:2: column 'device_id' is required and empty"            },
        { MAILBOXES,              "key,device_id,mailbox_id,access\nk1,D1,m1,open\n",
         "devices.csv:2: column 'access' is 'open' and not one of unknown, allowed, blocked, "
          "quarantined, discovery"                                            },
        { MAILBOXES,              "key,device_id,mailbox\n",
         "devices.csv:1: unknown column 'mailbox', did you mean 'mailbox_id'?"},
    };
    easg_error err = EASG_ERROR_INIT;

    example_file(e, "outbox.jsonl", "");
    CHECK_INT(example_configure(e, EASG_KIND_SOURCE, "source-csv", CONFIG, &err), EASG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].text);
        example_file(e, "mailboxes.csv", rows[i].mailboxes);
        example_file(e, "devices.csv", rows[i].devices);
        CHECK(list(e, EASG_SCOPE_FULL, NULL, EASG_TIME_NONE, &err) != EASG_OK);
        CHECK_STR(err.message, rows[i].text);
    }
    ROW("");
}

int main(void)
{
    struct example e;

    example_begin(&e);
    test_list(&e);
    test_apply(&e);
    test_half_line(&e);
    test_wrong(&e);
    example_end(&e);
    strbuf_clear(&seen);
    return check_done();
}
