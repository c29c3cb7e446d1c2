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
    {"tenant",           tenant },
    { "client_id",       client },
    { "certificate",     "@pem" },
    { "login_url",       url    },
    { "graph_url",       url    },
    { "ca_file",         ca     },
    { "timeout.connect", "10000"},
    { "timeout.request", "20000"},
    { "assertion",       "ps256"},
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
        {"token-401",               EASG_E_AUTH,        "AADSTS7000222"                              },
        { "token-503@1",            EASG_OK,            ""                                           },
        { "token-no-consent",       EASG_E_DENIED,      "application permission GroupMember.Read.All"},
        { "graph-401@1",            EASG_OK,            ""                                           },
        { "graph-401",              EASG_E_AUTH,        "a fresh token was refused too"              },
        { "graph-403",              EASG_E_DENIED,      "application permission"                     },
        { "graph-503@2",            EASG_OK,            ""                                           },
        { "graph-503",              EASG_E_UNAVAILABLE, "cannot serve now"                           },
        { "graph-429@3",            EASG_OK,            ""                                           },
        { "graph-429",              EASG_E_THROTTLED,   "too many requests"                          },
        { "graph-foreign-nextlink", EASG_E_PROTOCOL,    "the token is not sent there"                },
        { "graph-bad-json",         EASG_E_PROTOCOL,    "JSON"                                       },
        { "graph-half-page",        EASG_OK,            ""                                           },
        { "graph-loop",             EASG_E_PROTOCOL,    "circle"                                     },
        { "graph-reset@1",          EASG_OK,            ""                                           },
        { "graph-unknown-enum",     EASG_OK,            ""                                           },
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
    }
    stop();
    strbuf_clear(&answer);
    return check_done();
}
