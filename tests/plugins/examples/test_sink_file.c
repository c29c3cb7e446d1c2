/* SPDX-License-Identifier: Apache-2.0
 *
 * sink-file: rows become facts, and a file that is wrong, short, cut off or old brings none.
 */
#include <time.h>
#include <utime.h>

#include "check.h"
#include "example.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define PEOPLE                                                                                     \
    "id,upn,sid,smtp,groups,licensed\n"                                                            \
    "p1,ada@x.example,S-1-5-21-1,ada@x.example; al@x.example,G1;g2,yes\n"                          \
    "p2,grace@x.example,,,,no\n"
#define DEVICES                                                                                    \
    "{\"id\":\"d1\",\"eas_id\":\"ABC\",\"user_id\":\"p1\",\"os\":\"iOS\",\"compliance\":"          \
    "\"grace\","                                                                                   \
    "\"grace_until\":\"2026-12-01T00:00:00Z\"}\n"                                                  \
    "{\"id\":\"d2\",\"user_id\":\"p2\",\"management\":\"retiring\"}\n"
#define CONFIG "people: @/people.csv\ndevices: @/devices.jsonl\n"

/* Facts as lines of text. */
static struct strbuf seen = STRBUF_INIT(65536);

static easg_status on_person(void *user, const easg_person *p, easg_error *err)
{
    (void)user;
    (void)err;
    strbuf_addf(&seen, "%s upn=%s sid=%s smtp=", p->id.ptr, p->upn.ptr,
                p->sid.ptr ? p->sid.ptr : "-");
    for (size_t i = 0; i < p->n_smtp; i++)
        strbuf_addf(&seen, "<%s>", p->smtp[i]->ptr);
    strbuf_addf(&seen, " flags=%u\n", (unsigned)p->flags);
    return strbuf_status(&seen);
}

static easg_status on_device(void *user, const easg_managed_device *d, easg_error *err)
{
    (void)user;
    (void)err;
    strbuf_addf(&seen, "%s eas=%s user=%s os=%s c=%u m=%u flags=%u grace=%lld\n", d->id.ptr,
                d->eas_id.ptr ? d->eas_id.ptr : "-", d->user_id.ptr, d->os.ptr ? d->os.ptr : "-",
                (unsigned)d->compliance, (unsigned)d->management, (unsigned)d->flags,
                d->grace_until == EASG_TIME_NONE ? -1LL : (long long)d->grace_until);
    return strbuf_status(&seen);
}

static easg_status fetch(struct example *e, const easg_facts_query *query, easg_error *err)
{
    static const easg_facts_query all = { .struct_size = (uint32_t)sizeof all };
    struct facts_sink to = { .person = on_person, .managed_device = on_device };
    struct session_ref *s = NULL;
    easg_status st;

    strbuf_reset(&seen);
    err_clear(err);
    st = sink_open(e->instance, e->run, &s, err);
    if (st == EASG_OK)
        st = sink_fetch(s, query ? query : &all, &to, err);
    session_close(s);
    return st;
}

static void test_facts(struct example *e)
{
    easg_str g1 = TEXT_LIT("g1");
    easg_str g2 = TEXT_LIT("G2");
    const easg_str *include[] = { &g1 };
    const easg_str *exclude[] = { &g2 };
    easg_facts_query q = { .struct_size = (uint32_t)sizeof q,
                           .include_groups = include,
                           .n_include_groups = 1,
                           .exclude_groups = exclude,
                           .n_exclude_groups = 1 };
    easg_error err = EASG_ERROR_INIT;

    example_file(e, "people.csv", PEOPLE);
    example_file(e, "devices.jsonl", DEVICES);
    CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file", CONFIG, &err), EASG_OK);
    CHECK_INT(fetch(e, NULL, &err), EASG_OK);
    CHECK_STR(err.message, "");
    /* licensed 1, targeted 2, exempt 4; activated 1, registered 2 */
    CHECK_STR(strbuf_str(&seen),
              "p1 upn=ada@x.example sid=S-1-5-21-1 smtp=<ada@x.example><al@x.example> flags=3\n"
              "p2 upn=grace@x.example sid=- smtp= flags=2\n"
              "d1 eas=ABC user=p1 os=iOS c=2 m=1 flags=3 grace=1796083200000\n"
              "d2 eas=- user=p2 os=- c=0 m=2 flags=2 grace=-1\n");
    CHECK_INT(fetch(e, &q, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "<al@x.example> flags=7\n");
    CHECK_HAS(strbuf_str(&seen), "smtp= flags=0\n");
}

static void test_wrong(struct example *e)
{
    static const struct {
        const char *people, *devices, *config;
        easg_status want;
        const char *text;
    } rows[] = {
        { PEOPLE "p1,x@x.example,,,,\n", DEVICES, "", EASG_E_CONFIG,
          "people.csv:4: id 'p1' was given in line 2" },
        { "id,upn\np1,a,b\n", DEVICES, "", EASG_E_CONFIG,
          "people.csv:2: has 3 fields, the first line names 2 columns" },
        { PEOPLE, "{\"id\":\"d1\",\"compliance\":\"ok\"}\n", "", EASG_E_CONFIG,
          "devices.jsonl:1: column 'compliance' is 'ok' and not one of unknown, compliant, grace, "
          "noncompliant, conflict, error, external" },
        { "id,upn\n", DEVICES, "", EASG_E_PROTOCOL,
          "people.csv:2: the file has 0 rows, at least 1 are expected" },
        { PEOPLE, "", "", EASG_E_PROTOCOL,
          "devices.jsonl:1: the file has 0 rows, at least 1 are expected" },
        { PEOPLE, DEVICES, "min_devices: 3\n", EASG_E_PROTOCOL,
          "devices.jsonl:3: the file has 2 rows, at least 3 are expected" },
        { PEOPLE, "{\"id\":\"d1\"}\n{\"id\":\"d2", "", EASG_E_CONFIG,
          "devices.jsonl:2: ends inside a string: cut off?" },
        { PEOPLE, DEVICES, "trailer: true\n", EASG_E_PROTOCOL,
          "people.csv:4: ends without its last row (#end:COUNT): written or copied in part" },
        { PEOPLE "#end:3,,,,,\n", DEVICES, "trailer: true\n", EASG_E_PROTOCOL,
          "people.csv:4: its last row counts 3 rows, there are 2: written or copied in part" },
        { PEOPLE "#end:2,,,,,\np3,,,,,\n", DEVICES, "trailer: true\n", EASG_E_PROTOCOL,
          "people.csv:5: stands behind the last row" },
        { PEOPLE "#end:2,,,,,\n", DEVICES, "trailer: true\nmax_age: 1h\n", EASG_E_CONFIG,
          "people.csv:4: max_age is set, so its last row must be #end:COUNT:TIME" },
        { PEOPLE "#end:2:2020-01-01T00:00:00Z,,,,,\n", DEVICES, "trailer: true\nmax_age: 1h\n",
          EASG_E_UNAVAILABLE, "people.csv:4: was written more than 1h ago" },
        { PEOPLE "#end:2:soon,,,,,\n", DEVICES, "trailer: true\n", EASG_E_CONFIG,
          "people.csv:4: its last row must be #end:COUNT:TIME, as 2026-01-31T08:00:00Z" },
    };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char config[256];

        ROW(rows[i].text);
        example_file(e, "people.csv", rows[i].people);
        example_file(e, "devices.jsonl", rows[i].devices);
        (void)snprintf(config, sizeof config, "%s%s", CONFIG, rows[i].config);
        CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file", config, &err), EASG_OK);
        CHECK_INT(fetch(e, NULL, &err), rows[i].want);
        CHECK_STR(err.message, rows[i].text);
    }
    ROW("");
    CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file",
                                "people: @/none.csv\ndevices: @/devices.jsonl\n", &err),
              EASG_OK);
    CHECK_INT(fetch(e, NULL, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "/none.csv: cannot be read: ");
}

/* What programs for tables write when nobody tells them otherwise, and files that nobody renews. */
static void test_files(struct example *e)
{
    static const struct {
        const char *people;
        const char *text; /* NULL: good */
    } rows[] = {
        { "\xEF\xBB\xBF" PEOPLE, NULL },
        { "id;upn\r\np1;a@x.example\r\n", "people.csv:1: its columns are separated by semicolons" },
        { "id\tupn\np1\ta@x.example\n", "people.csv:1: its columns are separated by tabs" },
        { "\xFF\xFEi", "people.csv:1: is in UTF-16: save it as UTF-8" },
        { "PK\x03\x04", "people.csv:1: is a workbook" },
        { "id,upn\np1,\xE9va@x.example\n", "people.csv:2: " },
    };
    struct utimbuf old = { time(NULL) - 7200, time(NULL) - 7200 };
    easg_error err = EASG_ERROR_INIT;
    char path[4200];

    example_file(e, "devices.jsonl", DEVICES);
    CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file", CONFIG, &err), EASG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].text ? rows[i].text : "byte order mark");
        example_file(e, "people.csv", rows[i].people);
        CHECK_INT(fetch(e, NULL, &err), rows[i].text ? EASG_E_CONFIG : EASG_OK);
        CHECK_HAS(err.message, rows[i].text ? rows[i].text : "");
    }
    ROW("age of the file itself");
    example_file(e, "people.csv", PEOPLE);
    CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file", CONFIG "max_age: 1h\n", &err),
              EASG_OK);
    CHECK_INT(fetch(e, NULL, &err), EASG_OK);
    snprintf(path, sizeof path, "%s/devices.jsonl", e->dir);
    CHECK_INT(utime(path, &old), 0);
    CHECK_INT(fetch(e, NULL, &err), EASG_E_UNAVAILABLE);
    CHECK_HAS(err.message,
              "/devices.jsonl: was written more than 1h ago: does what makes it still run");
    ROW("");
}

static void test_trailer_and_report(struct example *e)
{
    easg_run_report report = { .struct_size = (uint32_t)sizeof report,
                               .devices = 12,
                               .changed = 3,
                               .started = 1000,
                               .finished = 2000 };
    struct session_ref *s = NULL;
    easg_error err = EASG_ERROR_INIT;

    example_file(e, "people.csv", PEOPLE "#end:2,,,,,\n");
    example_file(e, "devices.jsonl", DEVICES "{\"id\":\"#end:2\"}\n");
    CHECK_INT(example_configure(e, EASG_KIND_SINK, "sink-file",
                                CONFIG "trailer: true\nreport: @/report.jsonl\n", &err),
              EASG_OK);
    CHECK_INT(fetch(e, NULL, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&seen), "d2 eas=-");
    CHECK(!strstr(strbuf_str(&seen), "#end"));
    CHECK_INT(sink_open(e->instance, e->run, &s, &err), EASG_OK);
    CHECK_INT(sink_report(s, &report, &err), EASG_OK);
    report.status = EASG_E_AUTH;
    CHECK_INT(sink_report(s, &report, &err), EASG_OK);
    session_close(s);
    CHECK_STR(example_read(e, "report.jsonl"),
              "{\"org\":\"contoso\",\"run\":\"11111111-2222-4333-8444-555555555555\",\"status\":"
              "\"ok\",\"started\":\"1970-01-01T00:00:01Z\",\"finished\":\"1970-01-01T00:00:02Z\","
              "\"devices\":12,\"changed\":3,\"applied\":0,\"held\":0}\n"
              "{\"org\":\"contoso\",\"run\":\"11111111-2222-4333-8444-555555555555\",\"status\":"
              "\"auth\",\"started\":\"1970-01-01T00:00:01Z\",\"finished\":\"1970-01-01T00:00:02Z\","
              "\"devices\":12,\"changed\":3,\"applied\":0,\"held\":0}\n");
}

int main(void)
{
    struct example e;

    example_begin(&e);
    test_facts(&e);
    test_wrong(&e);
    test_files(&e);
    test_trailer_and_report(&e);
    example_end(&e);
    strbuf_clear(&seen);
    return check_done();
}
