/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against servers that misbehave: every row names the status that the agent must see.
 */
#include "certs.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "peer.h"

#define CONNECT_MS 1500u
#define TOTAL_MS   2500

static struct peer peer;
static char *dir;

enum { GET, POST, POST_IDEMPOTENT };

static char *slurp(const char *name, size_t *len)
{
    static char buf[32768];
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    *len = f ? fread(buf, 1, sizeof buf, f) : 0;
    if (f)
        fclose(f);
    return buf;
}

static struct http *client(struct http_options o, easg_error *err)
{
    static char ca[4096];
    struct http *h = NULL;

    if (!o.ca_file) {
        snprintf(ca, sizeof ca, "%s/ca.crt", dir);
        o.ca_file = ca;
    }
    if (!o.connect_timeout_ms)
        o.connect_timeout_ms = CONNECT_MS;
    if (http_create(&o, &h, err) != EASG_OK)
        printf("# http_create: %s\n", err->message);
    return h;
}

static easg_status call(struct http *h, const char *server, const char *path, int kind,
                        struct strbuf *body, struct http_response *resp, easg_error *err)
{
    char url[300];
    struct http_request r = { .method = kind == GET ? "GET" : "POST",
                              .url = url,
                              .body = kind == GET ? NULL : "payload",
                              .body_len = kind == GET ? 0 : 7,
                              .timeout_ms = TOTAL_MS,
                              .max_response = 1000000,
                              .idempotent = kind == POST_IDEMPOTENT,
                              .collect = body };

    err_clear(err);
    snprintf(url, sizeof url, "https://localhost:%d%s", peer_port(&peer, server), path);
    return http_perform(h, &r, resp, err);
}

static long executed(const char *path)
{
    easg_error err = EASG_ERROR_INIT;
    struct http *h = client((struct http_options){ 0 }, &err);
    struct strbuf body = STRBUF_INIT(100);
    struct http_response resp;
    char url[100];
    long n = -1;

    snprintf(url, sizeof url, "/count?%s", path);
    if (h && call(h, "main", url, GET, &body, &resp, &err) == EASG_OK)
        n = strtol(strbuf_str(&body), NULL, 10);
    strbuf_clear(&body);
    http_destroy(h);
    return n;
}

static void test_wire(void)
{
    static const struct {
        const char *path;
        int kind;
        easg_status want;
        int http;
        const char *text;
    } rows[] = {
        { "/ok", GET, EASG_OK, 200, "" },
        { "/chunked", POST, EASG_OK, 200, "" },
        { "/nocontent", POST, EASG_OK, 204, "" },
        { "/close", GET, EASG_E_UNREACHABLE, 0, "lost before the answer" },
        { "/close", POST, EASG_E_UNCERTAIN, 0, "may or may not have run" },
        { "/close", POST_IDEMPOTENT, EASG_E_UNREACHABLE, 0, "lost before the answer" },
        { "/rst", POST, EASG_E_UNCERTAIN, 0, "may or may not have run" },
        { "/cut-chunk", GET, EASG_E_UNREACHABLE, 200, "" },
        { "/cut-chunk", POST, EASG_E_UNCERTAIN, 200, "the answer broke off" },
        { "/cut-chunk-rst", POST, EASG_E_UNCERTAIN, 200, "the answer broke off" },
        { "/no-last-chunk", POST, EASG_E_UNCERTAIN, 200, "the answer broke off" },
        { "/short", GET, EASG_E_UNREACHABLE, 200, "" },
        { "/short", POST, EASG_E_UNCERTAIN, 200, "the answer broke off" },
        { "/nolength", GET, EASG_E_PROTOCOL, 200, "neither a length nor chunks" },
        { "/nolength", POST, EASG_E_UNCERTAIN, 200, "neither a length nor chunks" },
        { "/error-nolength", GET, EASG_OK, 503, "" },
        { "/badchunk", POST, EASG_E_UNCERTAIN, 200, "" },
        { "/garbage", GET, EASG_E_PROTOCOL, 0, "does not speak HTTP" },
        { "/bighead", GET, EASG_E_LIMIT, 200, "bytes of headers" },
        { "/hang", GET, EASG_E_TIMEOUT, 0, "no complete answer within 2500 ms" },
        { "/hang", POST, EASG_E_UNCERTAIN, 0, "no complete answer in time" },
        { "/endless", GET, EASG_E_LIMIT, 200, "longer than 1000000 bytes" },
        { "/bomb", GET, EASG_E_LIMIT, 200, "longer than 1000000 bytes" },
        { "/status?401", POST, EASG_OK, 401, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct http *h = client((struct http_options){ 0 }, &err);
        struct strbuf body = STRBUF_INIT(2000000);
        struct http_response resp;
        char url[300];

        ROW(rows[i].path);
        if (!CHECK(h != NULL))
            continue;
        if (strcmp(rows[i].path, "/bomb") == 0) {
            struct http_request r = { .method = "GET",
                                      .url = url,
                                      .timeout_ms = TOTAL_MS,
                                      .max_response = 1000000,
                                      .gzip = 1 };

            snprintf(url, sizeof url, "https://localhost:%d/bomb", peer_port(&peer, "main"));
            CHECK_INT(http_perform(h, &r, &resp, &err), rows[i].want);
        } else {
            CHECK_INT(call(h, "main", rows[i].path, rows[i].kind, &body, &resp, &err),
                      rows[i].want);
        }
        CHECK_INT(resp.status, rows[i].http);
        CHECK_INT(http_status(h), rows[i].http);
        CHECK_INT(resp.opened_connection, 1);
        CHECK_HAS(err.message, rows[i].text);
        if (rows[i].want != EASG_OK)
            CHECK_HAS(err.message, http_endpoint(h));
        if (rows[i].kind != GET)
            CHECK_INT(resp.body_taken, 1);
        strbuf_clear(&body);
        http_destroy(h);
    }
    ROW("");
}

/* A reused connection that dies without an answer: the body was executed once, never twice. */
static void test_never_twice(void)
{
    static const char *const paths[] = { "/close", "/rst" };

    for (size_t i = 0; i < 2; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct http *h = client((struct http_options){ 0 }, &err);
        struct http_response resp;
        long before = executed(paths[i]);

        ROW(paths[i]);
        if (!CHECK(h != NULL))
            continue;
        CHECK_INT(call(h, "main", "/ok", POST, NULL, &resp, &err), EASG_OK);
        CHECK_INT(call(h, "main", paths[i], POST, NULL, &resp, &err), EASG_E_UNCERTAIN);
        CHECK_INT(err.domain, EASG_DOMAIN_CURL);
        CHECK_INT(err.native_code, 65);
        CHECK_INT(executed(paths[i]) - before, 1);
        /* the same for a request without a body that is not harmless: a connection of its own */
        CHECK_INT(call(h, "main", "/ok", POST, NULL, &resp, &err), EASG_OK);
        {
            char url[300];
            struct http_request r = {
                .method = "DELETE", .url = url, .timeout_ms = TOTAL_MS, .max_response = 1000
            };

            snprintf(url, sizeof url, "https://localhost:%d%s", peer_port(&peer, "main"), paths[i]);
            before = executed(paths[i]);
            CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_UNCERTAIN);
            CHECK_INT(executed(paths[i]) - before, 1);
        }
        http_destroy(h);
    }
    ROW("");
}

static void test_tls(void)
{
    static const struct {
        const char *server;
        const char *client_cert;
        const char *pinned;
        easg_status want;
        const char *text;
    } rows[] = {
        { "main", NULL, NULL, EASG_OK, "" },
        { "tls12", NULL, NULL, EASG_OK, "" },
        { "cnonly", NULL, NULL, EASG_OK, "" },
        { "selfsigned", NULL, NULL, EASG_E_UNTRUSTED, "self-signed" },
        { "otherca", NULL, NULL, EASG_E_UNTRUSTED, "issuer is not trusted" },
        { "expired", NULL, NULL, EASG_E_UNTRUSTED, "has expired" },
        { "notyet", NULL, NULL, EASG_E_UNTRUSTED, "not valid yet" },
        { "wronghost", NULL, NULL, EASG_E_UNTRUSTED, "another host name" },
        { "weak", NULL, NULL, EASG_E_UNTRUSTED, "too weak" },
        { "main", NULL, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", EASG_E_UNTRUSTED,
          "not the pinned one" },
        { "tls11", NULL, NULL, EASG_E_UNREACHABLE, "TLS 1.2 or newer" },
        { "plain", NULL, NULL, EASG_E_UNREACHABLE, "does not speak TLS" },
        { "closer", NULL, NULL, EASG_E_UNREACHABLE, "" },
        { "mute", NULL, NULL, EASG_E_TIMEOUT, "no connection within 1500 ms" },
        { "dead", NULL, NULL, EASG_E_UNREACHABLE, "is the service running" },
        { "client12", "client", NULL, EASG_OK, "" },
        { "client13", "client", NULL, EASG_OK, "" },
        { "client12", NULL, NULL, EASG_E_AUTH, "wants a client certificate" },
        { "client13", NULL, NULL, EASG_E_AUTH, "wants a client certificate" },
        { "client12", "otherca", NULL, EASG_E_AUTH, "refused our client certificate" },
        { "client13", "otherca", NULL, EASG_E_AUTH, "refused our client certificate" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int kind = GET; kind <= POST; kind++) {
            easg_error err = EASG_ERROR_INIT;
            struct http_options o = { .pinned_key = rows[i].pinned };
            struct http_response resp;
            struct http *h;
            char name[64];

            if (rows[i].client_cert) {
                snprintf(name, sizeof name, "%s.pem", rows[i].client_cert);
                o.client_pem = slurp(name, &o.client_pem_len);
            }
            ROW(rows[i].server);
            h = client(o, &err);
            if (!CHECK(h != NULL))
                continue;
            CHECK_INT(call(h, rows[i].server, "/ok", kind, NULL, &resp, &err), rows[i].want);
            CHECK_HAS(err.message, rows[i].text);
            CHECK_INT(resp.status, rows[i].want == EASG_OK ? 200 : 0);
            http_destroy(h);
        }
    }
    ROW("");
}

/* The floor of TLS: what is below it is spoken only when it was asked for. */
static void test_tls_floor(void)
{
    static const struct {
        int min;
        const char *server;
        easg_status want;
    } rows[] = {
        { 10, "tls11", EASG_OK },
        { 11, "tls11", EASG_OK },
        { 12, "tls11", EASG_E_UNREACHABLE },
        { 13, "tls12", EASG_E_UNREACHABLE },
        { 13, "main", EASG_OK },
        { 10, "expired", EASG_E_UNTRUSTED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct http *h = client((struct http_options){ .tls_min = rows[i].min }, &err);
        struct http_response resp;

        ROW(rows[i].server);
        if (!CHECK_INT(call(h, rows[i].server, "/ok", POST, NULL, &resp, &err), rows[i].want))
            printf("# tls_min %d: %s\n", rows[i].min, err.message);
        http_destroy(h);
    }
    ROW("");
}

static void test_proxy(void)
{
    static const struct {
        const char *proxy;
        const char *server;
        const char *log_on;
        easg_status want;
        int64_t native;
    } rows[] = {
        { "proxy-ok", "main", "Basic cHJveHk6c2VjcmV0", EASG_OK, 0 },
        { "proxy-ok", "expired", "Basic cHJveHk6c2VjcmV0", EASG_E_UNTRUSTED, 60 },
        { "proxy-ok", "dead", "Basic cHJveHk6c2VjcmV0", EASG_E_UNREACHABLE, 503 },
        { "proxy-ok", "main", "Basic d3Jvbmc6d3Jvbmc=", EASG_E_AUTH, 407 },
        { "proxy-ok", "main", NULL, EASG_E_AUTH, 407 },
        { "proxy-407", "main", NULL, EASG_E_AUTH, 407 },
        { "proxy-403", "main", NULL, EASG_E_DENIED, 403 },
        { "proxy-503", "main", NULL, EASG_E_UNREACHABLE, 503 },
        { "proxy-502", "main", NULL, EASG_E_UNREACHABLE, 502 },
        { "proxy-close", "main", NULL, EASG_E_UNREACHABLE, 56 },
        { "proxy-garbage", "main", NULL, EASG_E_UNREACHABLE, 56 },
        { "proxy-hang", "main", NULL, EASG_E_TIMEOUT, 28 },
        { "dead", "main", NULL, EASG_E_UNREACHABLE, 7 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp;
        char proxy[64];
        struct http_options o = { .proxy = proxy, .proxy_authorization = rows[i].log_on };
        struct http *h;

        snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(&peer, rows[i].proxy));
        ROW(rows[i].proxy);
        h = client(o, &err);
        if (!CHECK(h != NULL))
            continue;
        CHECK_INT(call(h, rows[i].server, "/ok", POST, NULL, &resp, &err), rows[i].want);
        CHECK_INT(err.native_code, rows[i].native);
        CHECK_INT(resp.body_taken, rows[i].want == EASG_OK);
        http_destroy(h);
    }
    ROW("");
    CHECK_INT(executed("proxy-auth-leak"), 0);
    CHECK(executed("proxy-requests") > 0);
}

/* The environment's proxy is not used. */
static void test_environment(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct http *h;
    char proxy[64];

    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(&peer, "dead"));
    setenv("https_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    h = client((struct http_options){ 0 }, &err);
    CHECK_INT(call(h, "main", "/ok", GET, NULL, &resp, &err), EASG_OK);
    http_destroy(h);
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
}

static int polls;

static int cancel_at_second(void *user)
{
    (void)user;
    return ++polls > 1;
}

static void test_cancel(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { .cancelled = cancel_at_second };
    struct http *h = client(o, &err);
    struct http_response resp;

    polls = 0;
    CHECK_INT(call(h, "main", "/hang", POST, NULL, &resp, &err), EASG_E_CANCELLED);
    CHECK_HAS(err.message, "cancelled");
    polls = 1; /* before anything is sent */
    CHECK_INT(call(h, "main", "/ok", POST, NULL, &resp, &err), EASG_E_CANCELLED);
    CHECK_INT(resp.body_taken, 0);
    http_destroy(h);
}

int main(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "test CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "rogue", .cn = "other CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "good", .san = "DNS:localhost", .issuer = "ca", .from_days = -1, .to_days = 10 },
        { .name = "selfsigned", .san = "DNS:localhost", .from_days = -1, .to_days = 10 },
        { .name = "otherca",
          .san = "DNS:localhost",
          .issuer = "rogue",
          .from_days = -1,
          .to_days = 10 },
        { .name = "expired",
          .san = "DNS:localhost",
          .issuer = "ca",
          .from_days = -9,
          .to_days = -2 },
        { .name = "notyet", .san = "DNS:localhost", .issuer = "ca", .from_days = 5, .to_days = 10 },
        { .name = "wronghost",
          .cn = "other",
          .san = "DNS:other",
          .issuer = "ca",
          .from_days = -1,
          .to_days = 9 },
        { .name = "cnonly", .issuer = "ca", .from_days = -1, .to_days = 10 },
        { .name = "weak",
          .san = "DNS:localhost",
          .issuer = "ca",
          .rsa_bits = 1024,
          .from_days = -1,
          .to_days = 9 },
        { .name = "client", .cn = "agent", .issuer = "ca", .from_days = -1, .to_days = 10 },
    };
    char script[4096];
    char python[] = "python3";

    if (!peer_python())
        return check_skip("python3 is not installed, so that there is no server to test against");
    dir = certs_tempdir();
    snprintf(script, sizeof script, "%s/tests/unit/http/faults.py", check_source());
    if (!dir || certs_make(dir, wishes, sizeof wishes / sizeof *wishes) != 0 ||
        peer_start(&peer, (char *[]){ python, script, dir, NULL }) != 0) {
        printf("not ok - the servers could not be started\n");
        return 1;
    }
    test_wire();
    test_never_twice();
    test_tls();
    test_tls_floor();
    test_proxy();
    test_environment();
    test_cancel();
    peer_stop(&peer);
    certs_remove(dir);
    return check_done();
}
