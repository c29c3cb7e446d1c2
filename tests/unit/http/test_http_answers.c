/* SPDX-License-Identifier: Apache-2.0
 *
 * What a good server's answers become: bodies, headers, statuses; and requests and files of ours
 * that are refused before anything is sent.
 */
#include "certs.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "peer.h"

static struct peer peer;
static char *dir;
static char ca[4096];

static void url_of(char *out, size_t size, const char *path)
{
    snprintf(out, size, "https://localhost:%d%s", peer_port(&peer, "main"), path);
}

static struct http *client(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { .ca_file = ca, .user_agent = "easgate/test" };
    struct http *h = NULL;

    CHECK_INT(http_create(&o, &h, &err), EASG_OK);
    return h;
}

static easg_status get(struct http *h, const char *path, struct strbuf *body,
                       struct http_response *resp, easg_error *err)
{
    char url[300];
    struct http_request r = {
        .method = "GET", .url = url, .timeout_ms = 5000, .max_response = 100000, .collect = body
    };

    url_of(url, sizeof url, path);
    r.gzip = strcmp(path, "/gzip") == 0;
    return http_perform(h, &r, resp, err);
}

static void test_bodies(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http *h = client();
    struct strbuf body = STRBUF_INIT(100000);
    struct http_response resp;
    const unsigned char *der;
    char big[20000];
    char url[300];
    const char *headers[] = { "Content-Type: application/soap+xml", "X-One: 1" };
    struct http_request r = { .method = "PATCH",
                              .url = url,
                              .headers = headers,
                              .n_headers = 2,
                              .authorization = "Bearer abc",
                              .body = big,
                              .body_len = sizeof big,
                              .timeout_ms = 5000,
                              .max_response = 100000,
                              .collect = &body };

    CHECK_INT(http_server_certificate(h, &der), 0);
    CHECK_INT(get(h, "/ok", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "hello");
    CHECK_INT(resp.opened_connection, 1);
    CHECK_INT(resp.bytes, 5);
    CHECK_STR(http_content_type(h), "text/plain");
    CHECK_INT(http_date(h), 1795514400000);
    CHECK(http_server_certificate(h, &der) > 100 && der[0] == 0x30);
    CHECK_INT(get(h, "/chunked", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "hello world");
    CHECK_INT(resp.opened_connection, 0);
    CHECK(http_header(h, "X-Trailer", 0) == NULL);
    CHECK_INT(get(h, "/gzip", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "hello packed");
    CHECK_INT(get(h, "/interim", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "after");
    CHECK(http_header(h, "x-early", 0) == NULL);

    CHECK_INT(get(h, "/cookie", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "none");
    CHECK_INT(get(h, "/cookie", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "MS-WSMAN=abc");
    CHECK_INT(resp.opened_connection, 0);
    http_disconnect(h);
    CHECK_INT(http_server_certificate(h, &der), 0);
    CHECK_INT(get(h, "/cookie", &body, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "none");
    CHECK_INT(resp.opened_connection, 1);

    memset(big, 'b', sizeof big);
    url_of(url, sizeof url, "/echo");
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&body), "PATCH /echo application/soap+xml None bbb");
    CHECK(body.len > sizeof big);
    r.method = "POST";
    r.body_len = 0;
    r.idempotent = 1;
    r.n_headers = 0;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK_STR(strbuf_str(&body), "POST /echo None None ");
    CHECK_INT(resp.opened_connection, 0);
    CHECK_INT(resp.body_taken, 0);
    url_of(url, sizeof url, "/headers");
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&body), "('authorization', 'Bearer abc')");
    CHECK_HAS(strbuf_str(&body), "('user-agent', 'easgate/test')");
    r.authorization = NULL;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK(strstr(strbuf_str(&body), "authorization") == NULL);
    CHECK(strstr(strbuf_str(&body), "accept-encoding") == NULL);
    strbuf_clear(&body);
    http_destroy(h);
}

static easg_status refuse_piece(void *user, const char *ptr, size_t len, easg_error *err)
{
    (*(int *)user)++;
    return err_set(err, EASG_E_PROTOCOL, "piece of %zu bytes begins with %c", len, ptr[0]);
}

/* The receiver's refusal comes back as it is; the client works on. */
static void test_receiver(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http *h = client();
    struct http_response resp;
    struct strbuf small = STRBUF_INIT(3);
    char url[300];
    int calls = 0;
    struct http_request r = { .method = "POST",
                              .url = url,
                              .body = "x",
                              .body_len = 1,
                              .timeout_ms = 5000,
                              .max_response = 100,
                              .on_body = refuse_piece,
                              .user = &calls };

    url_of(url, sizeof url, "/ok");
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_PROTOCOL);
    CHECK_STR(err.message, "piece of 5 bytes begins with h");
    CHECK_INT(resp.body_taken, 1);
    CHECK_INT(calls, 1);
    r.on_body = NULL;
    r.collect = &small;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_LIMIT);
    r.collect = NULL;
    r.max_response = 4;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_LIMIT);
    r.max_response = 5;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    /* an error's body does not go to the receiver */
    r.on_body = refuse_piece;
    url_of(url, sizeof url, "/status?401");
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK_INT(calls, 1);
    CHECK_STR(strbuf_str(http_error_body(h)), "why");
    strbuf_clear(&small);
    http_destroy(h);
}

static void test_statuses(void)
{
    static const struct {
        int status;
        easg_status want;
        uint32_t retry_ms;
    } rows[] = {
        { 200, EASG_OK, 0 },
        { 302, EASG_E_PROTOCOL, 0 },
        { 400, EASG_E_PROTOCOL, 0 },
        { 401, EASG_E_AUTH, 0 },
        { 403, EASG_E_DENIED, 0 },
        { 404, EASG_E_NOTFOUND, 0 },
        { 409, EASG_E_CONFLICT, 0 },
        { 413, EASG_E_LIMIT, 0 },
        { 429, EASG_E_THROTTLED, 2128 },
        { 500, EASG_E_UNAVAILABLE, 0 },
        { 501, EASG_E_UNSUPPORTED, 0 },
        { 503, EASG_E_UNAVAILABLE, 30000 },
    };
    struct http *h = client();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp;
        char path[40], name[20];

        snprintf(name, sizeof name, "HTTP %d", rows[i].status);
        ROW(name);
        snprintf(path, sizeof path, "/status?%d", rows[i].status);
        CHECK_INT(get(h, path, NULL, &resp, &err), EASG_OK);
        CHECK_INT(resp.status, rows[i].status);
        CHECK_INT(http_check(h, "listing", &err), rows[i].want);
        CHECK_INT(err.retry_after_ms, rows[i].retry_ms);
        if (rows[i].want != EASG_OK) {
            CHECK_INT(err.native_code, rows[i].status);
            CHECK_HAS(err.message, "listing");
            CHECK_HAS(err.message, http_endpoint(h));
            CHECK_HAS(err.message, "request 11-22");
        }
        if (rows[i].status == 302)
            CHECK_HAS(err.message, "https://evil.example/");
        if (rows[i].status == 401) {
            CHECK_STR(http_header(h, "www-authenticate", 0), "Negotiate");
            CHECK_STR(http_header(h, "www-authenticate", 1), "Basic realm=\"x\"");
            CHECK(http_header(h, "www-authenticate", 2) == NULL);
        }
    }
    ROW("");
    http_destroy(h);
}

static void test_retry_after(void)
{
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = {
        { "0", 0 },
        { "3", 3000 },
        { "2.128", 2128 },
        { "0.2", 200 },
        { "0.0015", 1 },
        { "1. ", 1000 },
        { "99999999999999999999", 86400000 },
        { "100000", 86400000 },
        { "-1", -1 },
        { "3 apples", -1 },
        { "soon", -1 },
        { "", -1 },
        { "Tue, 24 Nov 2026 10:00:30 GMT", 30000 },
        { "Tue, 24 Nov 2026 09:00:30 GMT", 0 },
        { "Tuesday, 24-Nov-26 10:01:00 GMT", 60000 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].text);
        CHECK_INT(http_parse_retry_after(rows[i].text, 1795514400000), rows[i].want);
    }
    ROW("");
    CHECK_INT(http_parse_retry_after(NULL, 0), -1);
}

static void test_no_proxy(void)
{
    static const struct {
        const char *list, *host;
        int passed;
    } rows[] = {
        { "", "mail.contoso.com", 0 },
        { "mail.contoso.com", "MAIL.contoso.com", 1 },
        { "contoso.com", "mail.contoso.com", 0 },
        { ".contoso.com", "mail.contoso.com", 1 },
        { ".contoso.com", "contoso.com", 1 },
        { ".contoso.com", "evilcontoso.com", 0 },
        { "a, .b.c ,d", "x.b.c", 1 },
        { "a, .b.c ,d", "d", 1 },
        { "a,,", "", 0 },
        { ".", "mail", 0 },
        { "10.0.0.1", "10.0.0.1", 1 },
        { "10.0.0.1", "10.0.0.10", 0 },
        { "*", "anything", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].list);
        CHECK_INT(http_bypasses_proxy(rows[i].list, rows[i].host, strlen(rows[i].host)),
                  rows[i].passed);
    }
    ROW("");
}

static void test_urls(void)
{
    static const struct {
        const char *a, *b;
        int same;
    } rows[] = {
        { "https://graph.microsoft.com/v1.0", "https://GRAPH.microsoft.com:443/x?y", 1 },
        { "https://graph.microsoft.com/", "https://graph.microsoft.com:444/", 0 },
        { "https://graph.microsoft.com/", "http://graph.microsoft.com/", 0 },
        { "https://graph.microsoft.com/", "https://graph.microsoft.com.evil.example/", 0 },
        { "https://graph.microsoft.com/", "https://graph.microsoft.com@evil.example/", 0 },
        { "https://graph.microsoft.com/", "https://evil.example/https://graph.microsoft.com/", 0 },
        { "https://graph.microsoft.com/", "https://graph.microsoft.com\\@evil.example/", 0 },
        { "https://graph.microsoft.com/", "//graph.microsoft.com/", 0 },
        { "https://graph.microsoft.com/", "/v1.0/next", 0 },
        { "https://graph.microsoft.com/", "", 0 },
        { "https://[::1]:8443/", "https://[::1]:8443/a", 1 },
    };
    static const char *const bad[] = { "http://host/",     "host/path",
                                       "https://",         "https://u:p@host/",
                                       "https://host/a b", "https://host/\r\nX: y" };
    easg_error err = EASG_ERROR_INIT;
    struct strbuf endpoint = STRBUF_INIT(300);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].b);
        CHECK_INT(http_same_origin(rows[i].a, rows[i].b), rows[i].same);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ROW(bad[i]);
        CHECK_INT(http_url_endpoint(bad[i], &endpoint, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, "https address");
    }
    ROW("");
    CHECK_INT(http_url_endpoint("https://mail.contoso.com/powershell", &endpoint, &err), EASG_OK);
    CHECK_STR(strbuf_str(&endpoint), "mail.contoso.com:443");
    strbuf_clear(&endpoint);
}

static void write_file(const char *name, const char *text, char *path, size_t size)
{
    FILE *f;

    snprintf(path, size, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void test_our_files(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http *h = NULL;
    struct http_options o = { 0 };
    char path[4200];
    static char good[8192], mixed[16384], old[8192];
    const char *const pem[] = { "good.pem", "ca.pem", "expired.pem" };
    char *const into[] = { good, mixed, old };

    for (int i = 0; i < 3; i++) {
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", dir, pem[i]);
        f = fopen(path, "r");
        CHECK(f && fread(into[i], 1, 8191, f) > 100);
        if (f)
            fclose(f);
    }
    o.ca_file = "/nonexistent/ca.pem";
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "ca_file /nonexistent/ca.pem cannot be read");
    write_file("garbage.pem", "not a certificate\n", path, sizeof path);
    o.ca_file = path;
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "holds no certificate");
    CHECK(h == NULL);

    o.ca_file = ca;
    o.client_pem = "rubbish";
    o.client_pem_len = 7;
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "no BEGIN CERTIFICATE");
    o.client_pem = good;
    o.client_pem_len = (size_t)(strstr(good, "-----BEGIN PRIVATE") - good);
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "no private key");
    /* certificate of one, key of the other */
    memmove(mixed, strstr(mixed, "-----BEGIN PRIVATE"),
            strlen(strstr(mixed, "-----BEGIN PRIVATE")) + 1);
    strncat(mixed, good, (size_t)(strstr(good, "-----BEGIN PRIVATE") - good));
    o.client_pem = mixed;
    o.client_pem_len = strlen(mixed);
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "belongs to another");
    o.client_pem = old;
    o.client_pem_len = strlen(old);
    CHECK_INT(http_create(&o, &h, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "has expired");
}

static void test_bad_requests(void)
{
    static const char *const evil[] = { "X-Evil: 1\r\nHost: other" };
    easg_error err = EASG_ERROR_INIT;
    struct http *h = client();
    struct http_response resp;
    char url[300];
    struct http_request r = { .method = "GET", .url = url, .timeout_ms = 1000, .max_response = 9 };

    url_of(url, sizeof url, "/ok");
    r.headers = evil;
    r.n_headers = 1;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_USAGE);
    r.n_headers = 0;
    r.authorization = "Bearer x\nEvil: 1";
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_USAGE);
    r.authorization = NULL;
    r.timeout_ms = 0;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_USAGE);
    r.timeout_ms = 1000;
    r.method = "get it";
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_USAGE);
    r.method = "GET";
    r.url = "http://localhost/";
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_CONFIG);
    r.url = url;
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    http_destroy(h);
}

/* Every allocation of ours fails once: an error, no crash, no leak. */
static void test_no_memory(void)
{
    int failed = 0;

    for (unsigned long n = 1; n < 60; n++) {
        easg_error err = EASG_ERROR_INIT;
        struct strbuf body = STRBUF_INIT(1000);
        struct http_options o = { .ca_file = ca };
        struct http_response resp;
        struct http *h = NULL;
        easg_status st;
        int hit;

        mem_fail_at(n, 0);
        st = http_create(&o, &h, &err);
        if (st == EASG_OK)
            st = get(h, "/ok", &body, &resp, &err);
        failed += st != EASG_OK;
        CHECK(st == EASG_OK || st == EASG_E_NOMEM);
        hit = mem_fail_at(0, 0) >= n;
        http_destroy(h);
        strbuf_clear(&body);
        if (!hit)
            break;
    }
    CHECK(failed >= 4);
}

int main(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "test CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "good", .san = "DNS:localhost", .issuer = "ca", .from_days = -1, .to_days = 10 },
        { .name = "expired", .issuer = "ca", .from_days = -9, .to_days = -2 },
        { .name = "selfsigned", .from_days = -1, .to_days = 10 },
        { .name = "otherca", .from_days = -1, .to_days = 10 },
        { .name = "notyet", .from_days = -1, .to_days = 10 },
        { .name = "wronghost", .from_days = -1, .to_days = 10 },
        { .name = "cnonly", .from_days = -1, .to_days = 10 },
        { .name = "weak", .from_days = -1, .to_days = 10 },
    };
    char script[4096];
    char python[] = "python3";

    test_retry_after();
    test_urls();
    test_no_proxy();
    if (!peer_python())
        return check_skip("python3 is not installed, so that there is no server to test against");
    dir = certs_tempdir();
    snprintf(script, sizeof script, "%s/tests/unit/http/faults.py", check_source());
    snprintf(ca, sizeof ca, "%s/ca.crt", dir ? dir : "");
    if (!dir || certs_make(dir, wishes, sizeof wishes / sizeof *wishes) != 0 ||
        peer_start(&peer, (char *[]){ python, script, dir, NULL }) != 0) {
        printf("not ok - the servers could not be started\n");
        return 1;
    }
    test_bodies();
    test_receiver();
    test_statuses();
    test_our_files();
    test_bad_requests();
    test_no_memory();
    peer_stop(&peer);
    certs_remove(dir);
    return check_done();
}
