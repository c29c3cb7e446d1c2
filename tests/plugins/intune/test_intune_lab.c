/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared object against the simulated organisation: all that it brings is what the lab knows,
 * and each fault of the lab is an error that says what to do. With an argument N it lists N managed
 * devices and prints what that costs.
 */
#include <sys/resource.h>
#include <time.h>

#include "../../unit/http/certs.h"
#include "../../unit/http/peer.h"
#include "../support/fakehost.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "json.h"
#include "text.h"

static const easg_module *module;
static const easg_sink_ops *ops;
static struct peer lab;
static char *dir;
static char url[200], tenant[64], client[64], include[64], exclude[64], ca[4096], pem[16384];
static int64_t persons, managed;
static struct fakehost_secret secret;
static struct http *side;
static struct strbuf answer = STRBUF_INIT(64u * 1024u * 1024u);

static const struct fakehost_option config[] = {
    { "tenant", tenant },           { "client_id", client },        { "certificate", "@pem" },
    { "login_url", url },           { "graph_url", url },           { "ca_file", ca },
    { "timeout.connect", "10000" }, { "timeout.request", "20000" }, { "assertion", "ps256" },
};

static size_t slurp(const char *name, char *buf, size_t size)
{
    char path[4200];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    n = f ? fread(buf, 1, size - 1, f) : 0;
    buf[n] = '\0';
    if (f)
        fclose(f);
    return n;
}

static void copy(const struct json *doc, const char *name, char *out, size_t size)
{
    easg_error err = EASG_ERROR_INIT;
    easg_str s = { NULL, 0 };

    CHECK_INT(json_get_str(doc, name, 1, &s, &err), EASG_OK);
    snprintf(out, size, "%s", s.ptr ? s.ptr : "");
}

static int start(const char *devices, const char *page)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    char program[4096], json[65536];
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { .ca_file = ca };
    struct json *doc = NULL;
    char arg[][24] = { "--dir",    "--devices", "--page-size", "--quiet", "--until-stdin-closes",
                       "--managed" };
    char n[24], p[24];
    char *argv[] = { program, arg[0], NULL, arg[1], n, arg[5], n, arg[2], p, arg[3], arg[4], NULL };
    size_t len;

    dir = certs_tempdir();
    argv[2] = dir;
    snprintf(n, sizeof n, "%s", devices);
    snprintf(p, sizeof p, "%s", page);
    snprintf(program, sizeof program, "%s/bin/easgate-lab", check_build());
    snprintf(ca, sizeof ca, "%s/ca.pem", dir ? dir : "");
    if (!dir || peer_start(&lab, argv) != 0)
        return -1;
    len = slurp("lab.json", json, sizeof json);
    secret = (struct fakehost_secret){ "pem", pem, slurp("graph.pem", pem, sizeof pem) };
    if (json_parse(json, len, &limits, &doc, &err) != EASG_OK)
        return -1;
    copy(doc, "graph", url, sizeof url);
    copy(doc, "tenant", tenant, sizeof tenant);
    copy(doc, "client_id", client, sizeof client);
    copy(doc, "include_group", include, sizeof include);
    copy(doc, "exclude_group", exclude, sizeof exclude);
    CHECK_INT(json_get_int(doc, "persons", 1, &persons, &err), EASG_OK);
    CHECK_INT(json_get_int(doc, "managed", 1, &managed, &err), EASG_OK);
    json_destroy(doc);
    return http_create(&o, &side, &err) == EASG_OK ? 0 : -1;
}

static void stop(void)
{
    char tree[4200];

    http_destroy(side);
    side = NULL;
    peer_stop(&lab);
    /* the lab's own sub-directories, then the rest */
    for (int i = 0; i < 4; i++) {
        static const char *const subs[] = { "etc/orgs.d/contoso.yaml", "etc/orgs.d",
                                            "etc/easgate.yaml", "etc" };

        snprintf(tree, sizeof tree, "%s/%s", dir, subs[i]);
        remove(tree);
    }
    snprintf(tree, sizeof tree, "%s/state", dir);
    remove(tree);
    certs_remove(dir);
}

/* Talks to the lab's own controls. */
static const char *control(const char *method, const char *path, const char *body)
{
    char address[300];
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    const char *headers[] = { "Content-Type: application/json" };
    struct http_request r = { .method = method,
                              .url = address,
                              .headers = headers,
                              .n_headers = 1,
                              .body = body,
                              .body_len = body ? strlen(body) : 0,
                              .timeout_ms = 20000,
                              .max_response = 60000000,
                              .collect = &answer };

    snprintf(address, sizeof address, "%s%s", url, path);
    if (http_perform(side, &r, &resp, &err) != EASG_OK || resp.status != 200)
        printf("# %s: %d %s\n", path, resp.status, err.message);
    CHECK_INT(resp.status, 200);
    return strbuf_str(&answer);
}

static easg_status fetch(struct fakehost *f, struct fakehost_log *log, easg_error *err)
{
    easg_str in = text_str(include), ex = text_str(exclude);
    const easg_str *const inp[] = { &in };
    const easg_str *const exp[] = { &ex };
    easg_facts_query q = { .struct_size = (uint32_t)sizeof q,
                           .include_groups = inp,
                           .n_include_groups = 1,
                           .exclude_groups = exp,
                           .n_exclude_groups = 1 };
    easg_sink_receiver to = fakehost_sink_receiver(log);
    easg_instance *self = NULL;
    easg_session *session = NULL;
    easg_status st;

    err_clear(err);
    st = module->create(&f->host, fakehost_config(f), &self, err);
    if (st != EASG_OK)
        return st;
    st = ops->open(self, fakehost_run(f), &session, err);
    if (st == EASG_OK) {
        st = ops->fetch(session, fakehost_run(f), &q, &to, err);
        ops->close(session);
    }
    module->destroy(self);
    return st;
}

/* What the lab says of each partnership's user and managed device is what the module brought. */
static void compare(const struct fakehost_log *log)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const char *p = control("GET", "/lab/devices", NULL);
    int people = 0, devices = 0;

    while (*p) {
        easg_error err = EASG_ERROR_INIT;
        size_t len = strcspn(p, "\n");
        struct json *doc = NULL;
        easg_str upn = { NULL, 0 }, id = { NULL, 0 };
        int licensed = 0, targeted = 0, exempt = 0;
        char needle[300], flags[8], start_of[100];
        const char *line;

        if (!CHECK_INT(json_parse(p, len, &limits, &doc, &err), EASG_OK))
            return;
        CHECK_INT(json_get_str(doc, "upn", 0, &upn, &err), EASG_OK);
        CHECK_INT(json_get_bool(doc, "licensed", 1, &licensed, &err), EASG_OK);
        CHECK_INT(json_get_bool(doc, "targeted", 1, &targeted, &err), EASG_OK);
        CHECK_INT(json_get_bool(doc, "exempt", 1, &exempt, &err), EASG_OK);
        CHECK_INT(json_get_str(doc, "managed", 0, &id, &err), EASG_OK);
        snprintf(needle, sizeof needle, " upn=%s ", upn.ptr ? upn.ptr : "?");
        line = strstr(strbuf_str(&log->text), needle);
        if (line) {
            const char *end = line + strcspn(line, "\n");
            const char *at = strstr(line, " flags=");

            snprintf(flags, sizeof flags, "%s%s%s", licensed ? "L" : "", targeted ? "T" : "",
                     exempt ? "E" : "");
            ROW(needle);
            CHECK(at && at < end && (size_t)(end - at) == 7 + strlen(flags) &&
                  memcmp(at + 7, flags, strlen(flags)) == 0);
            people++;
        }
        if (id.ptr) {
            snprintf(start_of, sizeof start_of, "managed %s ", id.ptr);
            ROW(start_of);
            CHECK(fakehost_line(log, start_of) != NULL);
            devices++;
        }
        json_destroy(doc);
        p += len + (p[len] == '\n');
    }
    ROW("");
    CHECK(people > 50);
    CHECK(devices > 50);
}

static void test_facts(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;

    fakehost_init(&f, config, sizeof config / sizeof *config, &secret, 1);
    fakehost_log_init(&log);
    CHECK_INT(fetch(&f, &log, &err), EASG_OK);
    CHECK_STR(err.message, "");
    CHECK_INT(log.people, persons);
    CHECK_INT(log.managed, managed);
    CHECK(log.licensed > 0 && log.licensed < log.people);
    CHECK(log.targeted > 0 && log.exempt > 0 && log.exempt < log.people);
    compare(&log);
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

static void test_faults(void)
{
    static const struct {
        const char *spec;
        easg_status want;
        const char *says;
    } rows[] = {
        { "token-401", EASG_E_AUTH, "AADSTS7000222" },
        { "token-503@1", EASG_OK, "" },
        { "token-no-consent", EASG_E_DENIED, "application permission GroupMember.Read.All" },
        { "graph-401@1", EASG_OK, "" },
        { "graph-401", EASG_E_AUTH, "a fresh token was refused too" },
        { "graph-403", EASG_E_DENIED, "application permission" },
        { "graph-503@2", EASG_OK, "" },
        { "graph-503", EASG_E_UNAVAILABLE, "cannot serve now" },
        { "graph-429@3", EASG_OK, "" },
        { "graph-429", EASG_E_THROTTLED, "too many requests" },
        { "graph-foreign-nextlink", EASG_E_PROTOCOL, "the token is not sent there" },
        { "graph-bad-json", EASG_E_PROTOCOL, "JSON" },
        { "graph-half-page", EASG_OK, "" },
        { "graph-loop", EASG_E_PROTOCOL, "circle" },
        { "graph-reset@1", EASG_OK, "" },
        { "graph-unknown-enum", EASG_OK, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;
        char spec[100];

        ROW(rows[i].spec);
        snprintf(spec, sizeof spec, "{\"spec\":\"%s\"}", rows[i].spec);
        control("POST", "/lab/fault", spec);
        fakehost_init(&f, config, sizeof config / sizeof *config, &secret, 1);
        fakehost_log_init(&log);
        log.count_only = 1;
        CHECK_INT(fetch(&f, &log, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        if (rows[i].want == EASG_OK) {
            CHECK_INT(log.people, persons);
            CHECK_INT(log.managed, managed);
        } else {
            CHECK_HAS(err.message, "localhost:");
        }
        if (strcmp(rows[i].spec, "graph-unknown-enum") == 0)
            CHECK_HAS(strbuf_str(&f.log), "state that is not known here");
        fakehost_log_clear(&log);
        fakehost_clear(&f);
        control("POST", "/lab/fault", "{\"clear\":true}");
    }
    ROW("");
}

/* ---- reports ---- */

static char report_file[4200];

struct session {
    struct fakehost_option options[sizeof config / sizeof *config + 4];
    struct fakehost f;
    struct fakehost_log log;
    easg_instance *self;
    easg_session *session;
};

/* A run of its own, with what an earlier one kept: `from` gives it over. */
static void open_session(struct session *s, const char *connector, const char *replace,
                         const char *notes, struct session *from)
{
    struct fakehost_option *all = s->options;
    easg_error err = EASG_ERROR_INIT;
    size_t n = sizeof config / sizeof *config;

    memset(s, 0, sizeof *s);
    memcpy(all, config, sizeof config);
    all[n++] = (struct fakehost_option){ "report.file", report_file };
    all[n++] = (struct fakehost_option){ "report.connector", connector };
    all[n++] = (struct fakehost_option){ "report.replace", replace };
    all[n++] = (struct fakehost_option){ "report.notes", notes };
    fakehost_init(&s->f, all, n, &secret, 1);
    fakehost_log_init(&s->log);
    if (from) {
        s->f.states = from->f.states;
        from->f.states = NULL;
    }
    CHECK_INT(module->create(&s->f.host, fakehost_config(&s->f), &s->self, &err), EASG_OK);
    CHECK_INT(ops->open(s->self, fakehost_run(&s->f), &s->session, &err), EASG_OK);
    CHECK_STR(err.message, "");
}

static void close_session(struct session *s)
{
    ops->close(s->session);
    module->destroy(s->self);
    fakehost_log_clear(&s->log);
    fakehost_clear(&s->f);
}

static easg_status report(struct session *s, uint32_t flags, easg_error *err)
{
    easg_run_report r = { .struct_size = (uint32_t)sizeof r,
                          .status = EASG_OK,
                          .scope = EASG_SCOPE_FULL,
                          .devices = 300,
                          .applied = 7,
                          .flags = flags,
                          .started = 1795600000000,
                          .finished = 1795600060000,
                          .endpoint = TEXT_LIT("cas1.contoso.example:443") };

    err_clear(err);
    return ops->report(s->session, fakehost_run(&s->f), &r, err);
}

/* How often a path was asked for is what the lab says; here how many requests it saw at all. */
static int64_t requests(void)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const char *text = control("GET", "/lab/stats", NULL);
    easg_error err = EASG_ERROR_INIT;
    struct json *doc = NULL;
    int64_t n = -1;

    CHECK_INT(json_parse(text, strlen(text), &limits, &doc, &err), EASG_OK);
    CHECK_INT(json_get_int(doc, "graph_requests", 1, &n, &err), EASG_OK);
    json_destroy(doc);
    return n;
}

static int lines_with(const char *word)
{
    static char text[200000];
    FILE *f = fopen(report_file, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    int hits = 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        hits++;
    return hits;
}

static void test_connector(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct session a, b, c;
    int64_t before;

    ROW("created, then kept up to date, found again without its id, deleted");
    open_session(&a, "true", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&a.f.log), "an exchange connector object was made in Intune");
    before = requests();
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_INT(requests() - before, 2); /* list, PATCH */
    open_session(&b, "true", "false", "false", NULL);
    CHECK_INT(report(&b, 0, &err), EASG_OK);
    CHECK(strstr(strbuf_str(&b.f.log), "was made in Intune") == NULL);
    ROW("of another agent: left alone, told once");
    open_session(&c, "true", "false", "false", NULL);
    c.f.org = "fabrikam";
    CHECK_INT(report(&c, 0, &err), EASG_OK);
    CHECK_INT(report(&c, 0, &err), EASG_OK);
    {
        const char *once = strstr(strbuf_str(&c.f.log), "connector of another agent");

        CHECK(once != NULL && strstr(once + 1, "connector of another agent") == NULL);
    }
    ROW("switched off: ours is deleted, and nothing is sent from then on");
    close_session(&c);
    open_session(&c, "false", "false", "false", &b);
    before = requests();
    CHECK_INT(report(&c, 0, &err), EASG_OK);
    CHECK_INT(requests() - before, 1);
    CHECK_HAS(strbuf_str(&c.f.log), "was deleted from Intune");
    CHECK_INT(report(&c, 0, &err), EASG_OK);
    CHECK_INT(requests() - before, 1);
    ROW("the object is gone, its id is not: made anew; the last report takes it away");
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_INT(report(&a, EASG_REPORT_LAST, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&a.f.log), "was deleted from Intune");
    close_session(&a);
    close_session(&b);
    close_session(&c);
    ROW("replaced when that is wanted");
    open_session(&a, "true", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    open_session(&b, "true", "true", "false", NULL);
    b.f.org = "fabrikam";
    CHECK_INT(report(&b, 0, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&b.f.log), "was taken over");
    CHECK_INT(report(&b, EASG_REPORT_LAST, &err), EASG_OK);
    close_session(&a);
    close_session(&b);
    ROW("");
}

/* A tenant that wants none: told once, remembered, and nothing is sent for a month. */
static void test_refused(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct session a, b;
    const char *hit;
    int64_t before;

    ROW("403 on connectors");
    control("POST", "/lab/fault", "{\"spec\":\"graph-403:exchangeConnectors\"}");
    open_session(&a, "true", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    hit = strstr(strbuf_str(&a.f.log), "exchange connector objects are not wanted here");
    CHECK(hit != NULL);
    CHECK_HAS(strbuf_str(&a.f.log), "DeviceManagementServiceConfig.ReadWrite.All");
    before = requests();
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_INT(requests(), before);
    CHECK(hit &&
          strstr(strstr(strbuf_str(&a.f.log), "not wanted here") + 1, "not wanted here") == NULL);
    control("POST", "/lab/fault", "{\"clear\":true}");
    open_session(&b, "true", "false", "false", &a);
    CHECK_INT(report(&b, 0, &err), EASG_OK); /* a later run: still left alone */
    CHECK_INT(requests(), before);
    b.f.clock_shift_ms += 31LL * 24 * 3600 * 1000;
    CHECK_INT(report(&b, EASG_REPORT_LAST, &err), EASG_OK);
    close_session(&a);
    close_session(&b);
    ROW("not now is not no");
    control("POST", "/lab/fault", "{\"spec\":\"graph-503:exchangeConnectors\"}");
    open_session(&a, "true", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_E_UNAVAILABLE);
    control("POST", "/lab/fault", "{\"clear\":true}");
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_INT(report(&a, EASG_REPORT_LAST, &err), EASG_OK);
    close_session(&a);
    ROW("");
}

static easg_status publish(struct session *s, const char *const *eas, size_t n, easg_error *err)
{
    static easg_device devices[64];
    static easg_device_delta deltas[64];
    static const easg_device_delta *items[64];
    static easg_kv reason = { .struct_size = sizeof reason };
    static const easg_kv *extra[] = { &reason };
    easg_result_receiver to = fakehost_result_receiver(&s->log);

    reason.key = TEXT_LIT("reason");
    reason.value = TEXT_LIT("notCompliant");
    for (size_t i = 0; i < n; i++) {
        devices[i] = (easg_device){ .struct_size = (uint32_t)sizeof *devices,
                                    .access = EASG_ACCESS_BLOCKED,
                                    .key = text_str(eas[i]),
                                    .device_id = text_str(eas[i]),
                                    .mailbox_id = TEXT_LIT("mailbox"),
                                    .extra = extra,
                                    .n_extra = 1 };
        deltas[i] =
            (easg_device_delta){ (uint32_t)sizeof *deltas, EASG_DELTA_UPDATED, &devices[i] };
        items[i] = &deltas[i];
    }
    err_clear(err);
    return ops->publish(s->session, fakehost_run(&s->f), items, n, &to, err);
}

static void test_notes(void)
{
    easg_facts_query q = { .struct_size = (uint32_t)sizeof q };
    easg_error err = EASG_ERROR_INIT;
    struct session a;
    easg_sink_receiver to;
    char ids[25][80];
    const char *eas[25];
    const char *p;
    int64_t before;
    size_t n = 0;

    open_session(&a, "false", "false", "true", NULL);
    to = fakehost_sink_receiver(&a.log);
    CHECK_INT(ops->fetch(a.session, fakehost_run(&a.f), &q, &to, &err), EASG_OK);
    for (p = strbuf_str(&a.log.text); n < 24 && (p = strstr(p, " eas=")) != NULL; p += 5) {
        if (p[5] == '-')
            continue;
        snprintf(ids[n], sizeof ids[n], "%.*s", (int)strcspn(p + 5, " "), p + 5);
        eas[n] = ids[n];
        n++;
    }
    eas[n++] = "NOBODYHASTHIS";
    ROW("25 devices: two batches, each read and then written; parts are throttled");
    control("POST", "/lab/fault", "{\"spec\":\"graph-429:part@3\"}");
    CHECK_INT(publish(&a, eas, n, &err), EASG_OK);
    control("POST", "/lab/fault", "{\"clear\":true}");
    CHECK_INT(a.log.results, 25);
    CHECK(strstr(strbuf_str(&a.log.text), "status=0") != NULL);
    CHECK_HAS(strbuf_str(&a.f.log), "notes on managed devices written");
    CHECK_HAS(strbuf_str(&a.f.log), "parts of a batch were throttled");
    CHECK_INT(lines_with("\"type\":\"device\""), 25);
    CHECK_INT(lines_with("\"device_id\":\"NOBODYHASTHIS\""), 1);
    CHECK_INT(lines_with("\"reason\":\"notCompliant\""), 25);
    ROW("a tenant that refuses");
    control("POST", "/lab/fault", "{\"spec\":\"graph-403:batch\"}");
    CHECK_INT(publish(&a, eas, n, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&a.f.log), "notes on managed devices are not wanted here");
    control("POST", "/lab/fault", "{\"clear\":true}");
    before = requests();
    CHECK_INT(publish(&a, eas, n, &err), EASG_OK);
    CHECK_INT(requests(), before);
    close_session(&a);
    ROW("");
}

static void test_reports(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct session a;

    snprintf(report_file, sizeof report_file, "%s/report.jsonl", dir);
    test_connector();
    test_refused();
    remove(report_file);
    test_notes();
    ROW("a line for each run");
    remove(report_file);
    open_session(&a, "false", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_OK);
    CHECK_INT(report(&a, EASG_REPORT_LAST, &err), EASG_OK);
    CHECK_INT(lines_with("\"type\":\"run\""), 2);
    CHECK_INT(lines_with("\"scope\":\"full\",\"status\":\"ok\",\"devices\":300,\"changed\":0,"
                         "\"applied\":7,\"held\":0,\"released\":false"),
              1);
    CHECK_INT(lines_with("\"released\":true"), 1);
    close_session(&a);
    remove(report_file);
    ROW("a file that cannot be opened");
    snprintf(report_file, sizeof report_file, "%s/nowhere/report.jsonl", dir);
    open_session(&a, "false", "false", "false", NULL);
    CHECK_INT(report(&a, 0, &err), EASG_E_FAIL);
    CHECK_HAS(err.message, "nowhere/report.jsonl cannot be opened: No such file");
    close_session(&a);
    ROW("");
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void cost(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;
    struct rusage u;
    double from, cpu;

    fakehost_init(&f, config, sizeof config / sizeof *config, &secret, 1);
    fakehost_log_init(&log);
    log.count_only = 1;
    from = cpu_seconds();
    CHECK_INT(fetch(&f, &log, &err), EASG_OK);
    cpu = cpu_seconds() - from;
    getrusage(RUSAGE_SELF, &u);
    CHECK_INT(log.managed, managed);
    printf("%llu people, %llu managed devices: %.2f s CPU, peak %ld KiB\n",
           (unsigned long long)log.people, (unsigned long long)log.managed, cpu, u.ru_maxrss);
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

int main(int argc, char **argv)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/lib/easgate/plugins/intune.so", check_build());
    module = fakehost_load(path, EASG_KIND_SINK, "intune");
    if (!CHECK(module != NULL))
        return check_done();
    ops = module->ops;
    if (start(argc > 1 ? argv[1] : "300", argc > 1 ? "999" : "50") != 0) {
        printf("not ok - the lab could not be started\n");
        return 1;
    }
    if (argc > 1) {
        cost();
    } else {
        test_facts();
        test_faults();
        test_reports();
    }
    stop();
    strbuf_clear(&answer);
    return check_done();
}
