/* SPDX-License-Identifier: Apache-2.0
 *
 * The lab as a child process, its controls, and the module's surroundings.
 */
#include "labs.h"

#include <stdio.h>
#include <string.h>

#include "../../unit/http/certs.h"
#include "../../unit/http/peer.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "text.h"

static const easg_module *module;
static struct peer lab;
static char *dir;
static char server[80];
static char graph[80];
static char user[80];
static char ca[1200];
static char password[200];
static size_t password_len;
static struct fakehost_secret secret;
static struct http *side;
static struct strbuf answer = STRBUF_INIT(64u * 1024u * 1024u);

const easg_module *labs_module(void)
{
    char path[4096];

    if (!module) {
        (void)snprintf(path, sizeof(path), "%s/lib/easgate/plugins/exchange-onprem.so",
                       check_build());
        module = fakehost_load(path, EASG_KIND_SOURCE, "exchange-onprem");
    }
    return module;
}

static size_t slurp(const char *name, char *buf, size_t size)
{
    char path[4200];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    n = f ? fread(buf, 1, size - 1, f) : 0;
    buf[n] = '\0';
    if (f)
        (void)fclose(f);
    return n;
}

static void text_of(const struct json *doc, const char *name, char *out, size_t size)
{
    easg_error err = EASG_ERROR_INIT;
    easg_str s = { NULL, 0 };

    CHECK_INT(json_get_str(doc, name, 0, &s, &err), EASG_OK);
    (void)snprintf(out, size, "%s", s.ptr ? s.ptr : "");
}

int labs_start(const char *const *arguments)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    static char fixed[4][24] = { "--dir", "--quiet", "--until-stdin-closes", "" };
    char program[4096];
    char json[65536];
    char words[24][80];
    char url[200];
    char *argv[32];
    struct http_options o = { .ca_file = ca };
    struct json *doc = NULL;
    easg_error err = EASG_ERROR_INIT;
    size_t n = 0;
    size_t len;

    dir = certs_tempdir();
    if (!dir)
        return -1;
    (void)snprintf(program, sizeof(program), "%s/bin/easgate-lab", check_build());
    (void)snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
    argv[n++] = program;
    argv[n++] = fixed[0];
    argv[n++] = dir;
    argv[n++] = fixed[1];
    argv[n++] = fixed[2];
    for (size_t i = 0; arguments && arguments[i] && i < 24; i++) {
        (void)snprintf(words[i], sizeof(words[i]), "%s", arguments[i]);
        argv[n++] = words[i];
    }
    argv[n] = NULL;
    if (peer_start(&lab, argv) != 0)
        return -1;
    len = slurp("lab.json", json, sizeof(json));
    password_len = slurp("exchange.password", password, sizeof(password));
    while (password_len && password[password_len - 1] == '\n')
        password_len--;
    secret = (struct fakehost_secret){ "password", password, password_len };
    if (!CHECK_INT(json_parse(json, len, &limits, &doc, &err), EASG_OK))
        return -1;
    text_of(doc, "graph", graph, sizeof(graph));
    text_of(doc, "exchange_user", user, sizeof(user));
    {
        const struct json *cas = NULL;
        easg_str first = { NULL, 0 };

        CHECK_INT(json_get_array(doc, "cas", 1, &cas, &err), EASG_OK);
        CHECK_INT(json_str(json_first(cas), &first, &err), EASG_OK);
        (void)snprintf(url, sizeof(url), "%s", first.ptr ? first.ptr : "");
    }
    (void)snprintf(server, sizeof(server), "%.*s", (int)strcspn(url + 8, "/"), url + 8);
    json_destroy(doc);
    if (http_create(&o, &side, &err) != EASG_OK) {
        printf("# %s\n", err.message);
        return -1;
    }
    return 0;
}

void labs_stop(void)
{
    static const char *const subs[] = { "etc/orgs.d/contoso.yaml", "etc/orgs.d", "etc/easgate.yaml",
                                        "etc", "state" };

    http_destroy(side);
    side = NULL;
    peer_stop(&lab);
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        char path[4200];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, subs[i]);
        (void)remove(path);
    }
    certs_remove(dir);
    dir = NULL;
    strbuf_clear(&answer);
}

const char *labs_control(const char *method, const char *path, const char *body)
{
    static const char *const headers[] = { "Content-Type: application/json" };
    char address[300];
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp = { 0 };
    struct http_request r = { .method = method,
                              .url = address,
                              .headers = headers,
                              .n_headers = 1,
                              .body = body,
                              .body_len = body ? strlen(body) : 0,
                              .timeout_ms = 20000,
                              .max_response = 60000000,
                              .collect = &answer };

    (void)snprintf(address, sizeof(address), "%s%s", graph, path);
    if (http_perform(side, &r, &resp, &err) != EASG_OK || resp.status != 200)
        printf("# %s: %d %s\n", path, resp.status, err.message);
    CHECK_INT(resp.status, 200);
    return strbuf_str(&answer);
}

int64_t labs_stat(const char *name)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const char *text = labs_control("GET", "/lab/stats", NULL);
    struct json *doc = NULL;
    const struct json *at;
    easg_error err = EASG_ERROR_INIT;
    int64_t n = -1;

    if (!CHECK_INT(json_parse(text, strlen(text), &limits, &doc, &err), EASG_OK))
        return -1;
    at = doc;
    if (strncmp(name, "cmdlets.", 8) == 0) {
        at = json_find(doc, "cmdlets");
        name += 8;
        n = 0; /* one that was never run is not named */
    }
    if (json_get_int(at, name, 0, &n, &err) != EASG_OK)
        printf("# %s: %s\n", name, err.message);
    json_destroy(doc);
    return n;
}

void labs_fault(const char *spec)
{
    char body[200];

    (void)snprintf(body, sizeof(body), "{\"spec\":\"%s\"}", spec);
    (void)labs_control("POST", "/lab/fault", body);
}

void labs_clear_faults(void)
{
    (void)labs_control("POST", "/lab/fault", "{\"clear\":true}");
}

int labs_host_init(struct labs_host *h, const struct fakehost_option *more)
{
    const struct fakehost_option basic[] = {
        { "server", server },
        { "auth.method", "basic" },
        { "auth.user", user },
        { "auth.password", "@password" },
        { "ca_file", ca },
        { "parallel", "1" },
        { "timeout.connect", "10000" },
        { "timeout.operation", "5000" },
        { "max_envelope", "512000" },
        { "view_entire_forest", "true" },
        { "columns", "select" },
    };
    size_t n = sizeof(basic) / sizeof(basic[0]);
    easg_error err = EASG_ERROR_INIT;

    memset(h, 0, sizeof(*h));
    memcpy(h->options, basic, sizeof(basic));
    for (; more && more->key; more++) {
        size_t i = 0;

        while (i < n && strcmp(h->options[i].key, more->key) != 0)
            i++;
        h->options[i] = *more;
        n += i == n;
    }
    fakehost_init(&h->host, h->options, n, &secret, 1);
    if (!labs_module())
        return -1;
    if (labs_module()->create(&h->host.host, fakehost_config(&h->host), &h->self, &err) !=
        EASG_OK) {
        printf("# create: %s\n", err.message);
        return -1;
    }
    return 0;
}

void labs_host_clear(struct labs_host *h)
{
    if (h->self)
        labs_module()->destroy(h->self);
    fakehost_clear(&h->host);
}

easg_status labs_open(struct labs_host *h, easg_session **out, easg_error *err)
{
    char url[200];
    easg_endpoint e = { .struct_size = sizeof(e), .id = text_str(server) };

    (void)snprintf(url, sizeof(url), "https://%s/powershell", server);
    e.url = text_str(url);
    return LABS_OPS->open(h->self, fakehost_run(&h->host), &e, out, err);
}

easg_status labs_list(struct labs_host *h, easg_scope scope, easg_time since, const char *mailbox,
                      struct fakehost_log *log, easg_error *err)
{
    easg_source_receiver to = fakehost_source_receiver(log);
    easg_query q = { .struct_size = sizeof(q), .scope = scope, .since = since };
    easg_session *session = NULL;
    easg_status st;

    q.mailbox_id = text_str(mailbox);
    err_clear(err);
    st = labs_open(h, &session, err);
    if (st != EASG_OK)
        return st;
    st = LABS_OPS->list(session, fakehost_run(&h->host), &q, &to, err);
    LABS_OPS->close(session);
    return st;
}

size_t labs_devices(struct labs_device *out, size_t max)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const char *p = labs_control("GET", "/lab/devices", NULL);
    size_t n = 0;

    while (*p) {
        size_t len = strcspn(p, "\n");
        struct json *doc = NULL;
        easg_error err = EASG_ERROR_INIT;

        if (!CHECK_INT(json_parse(p, len, &limits, &doc, &err), EASG_OK))
            return n;
        if (n < max) {
            text_of(doc, "mailbox", out[n].mailbox, sizeof(out[n].mailbox));
            text_of(doc, "upn", out[n].upn, sizeof(out[n].upn));
            text_of(doc, "device_id", out[n].device_id, sizeof(out[n].device_id));
            text_of(doc, "guid", out[n].guid, sizeof(out[n].guid));
            text_of(doc, "stored", out[n].stored, sizeof(out[n].stored));
            text_of(doc, "listed", out[n].listed, sizeof(out[n].listed));
            text_of(doc, "reason", out[n].reason, sizeof(out[n].reason));
        }
        n++;
        json_destroy(doc);
        p += len + (p[len] == '\n');
    }
    return n;
}
