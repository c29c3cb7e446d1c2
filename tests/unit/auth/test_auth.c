/* SPDX-License-Identifier: Apache-2.0
 *
 * Basic against a real server, and the legs of a scheme made for the test: what goes out, how
 * often, and what is never sent again.
 */
#include "../http/certs.h"
#include "../http/peer.h"
#include "auth.h"
#include "check.h"
#include "err.h"

static struct peer peer;
static char *dir;
static struct http *http;
static struct strbuf body = STRBUF_INIT(10000);

static easg_status post(struct auth *a, const char *path, const char *payload,
                        struct http_response *resp, easg_error *err)
{
    char url[200];
    struct http_request r = { .method = "POST",
                              .url = url,
                              .body = payload,
                              .body_len = strlen(payload),
                              .timeout_ms = 5000,
                              .max_response = 10000,
                              .collect = &body };

    err_clear(err);
    snprintf(url, sizeof url, "https://localhost:%d%s", peer_port(&peer, "main"), path);
    return a ? auth_perform(a, http, &r, resp, err) : http_perform(http, &r, resp, err);
}

/* What the server was sent since the last call. */
static const char *sent(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;

    CHECK_INT(post(NULL, "/log", "x", &resp, &err), EASG_OK);
    return strbuf_str(&body);
}

static void test_basic(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct auth *a = NULL;

    CHECK_INT(auth_create_basic("CONTOSO\\svc", 11,
                                "s\xc3\xa9"
                                "cret",
                                7, &a, &err),
              EASG_OK);
    CHECK_STR(auth_scheme(a), "Basic");
    CHECK_INT(post(a, "/basic", "payload", &resp, &err), EASG_OK);
    CHECK_INT(resp.status, 200);
    CHECK_INT(post(a, "/basic", "payload2", &resp, &err), EASG_OK);
    CHECK_STR(sent(), "Basic Q09OVE9TT1xzdmM6c8OpY3JldA== 7; Basic Q09OVE9TT1xzdmM6c8OpY3JldA== 8");
    auth_destroy(a);

    CHECK_INT(auth_create_basic("svc", 3, "wrong", 5, &a, &err), EASG_OK);
    CHECK_INT(post(a, "/basic", "payload", &resp, &err), EASG_E_AUTH);
    CHECK_INT(err.native_code, 401);
    CHECK_HAS(err.message, "Basic log-on refused (the server offers: Negotiate, Kerberos, Basic)");
    CHECK(strstr(err.message, "wrong") == NULL);
    /* never a second time: three tries lock an account */
    CHECK_INT(post(a, "/basic", "payload", &resp, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "Basic log-on refused");
    CHECK_STR(sent(), "Basic c3ZjOndyb25n 7");
    auth_destroy(a);
}

static void test_basic_config(void)
{
    static const struct {
        const char *user, *password;
        easg_status want;
    } rows[] = {
        { "", "x", EASG_E_CONFIG },       { "a:b", "x", EASG_E_CONFIG },
        { "a\nb", "x", EASG_E_CONFIG },   { "a", "", EASG_E_CONFIG },
        { "a", "x\r\ny", EASG_E_CONFIG }, { "a", "x:y", EASG_OK },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct auth *a = NULL;

        ROW(rows[i].user);
        CHECK_INT(auth_create_basic(rows[i].user, strlen(rows[i].user), rows[i].password,
                                    strlen(rows[i].password), &a, &err),
                  rows[i].want);
        CHECK_INT(a != NULL, rows[i].want == EASG_OK);
        auth_destroy(a);
    }
    ROW("");
}

static void test_https_only(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct auth *a = NULL;
    struct http_request r = {
        .method = "POST", .url = "http://localhost:1/", .timeout_ms = 1000, .max_response = 10
    };

    CHECK_INT(auth_create_basic("svc", 3, "secret", 6, &a, &err), EASG_OK);
    CHECK_INT(auth_perform(a, http, &r, &resp, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "https");
    auth_destroy(a);
}

/* A scheme of three legs that holds for the connection. */
static int begun, destroyed;
static size_t certificate_len;

static easg_status legs_begin(struct auth *a, struct auth_connection *c, struct strbuf *header,
                              easg_error *err)
{
    (void)a;
    (void)err;
    begun++;
    certificate_len = c->certificate_len;
    CHECK_STR(c->host, "localhost");
    return strbuf_adds(header, "Legs one");
}

static easg_status legs_step(struct auth *a, struct auth_connection *c, int status,
                             const char *const *challenges, size_t n, struct strbuf *header,
                             enum auth_next *next, easg_error *err)
{
    (void)a;
    (void)c;
    (void)err;
    if (status == 200) {
        CHECK(n == 1 && strcmp(challenges[0], "Legs proof") == 0);
        *next = AUTH_DONE;
        return EASG_OK;
    }
    if (n == 1 && strcmp(challenges[0], "Legs challenge") == 0) {
        *next = AUTH_SEND;
        return strbuf_adds(header, "Legs two");
    }
    *next = AUTH_REFUSED;
    return EASG_OK;
}

static void legs_destroy(struct auth *a)
{
    (void)a;
    destroyed++;
}

static void test_legs(void)
{
    static const struct auth_ops ops = { .scheme = "Legs",
                                         .per_connection = 1,
                                         .begin = legs_begin,
                                         .step = legs_step,
                                         .destroy = legs_destroy };
    struct auth scheme = { .ops = &ops };
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;

    http_disconnect(http);
    CHECK_INT(post(&scheme, "/legs", "payload", &resp, &err), EASG_OK);
    CHECK(certificate_len > 100);
    CHECK_INT(begun, 1);
    CHECK_INT(post(&scheme, "/legs", "again", &resp, &err), EASG_OK);
    CHECK_INT(begun, 1); /* the connection is logged on: no header, one request */
    CHECK_STR(sent(), "- 0; Legs one 7; Legs two 7; - 5");
    /* the connection goes away: start over */
    CHECK_INT(post(NULL, "/drop", "x", &resp, &err), EASG_OK);
    CHECK_INT(post(&scheme, "/legs", "third", &resp, &err), EASG_OK);
    CHECK_INT(begun, 2);
    CHECK_INT(resp.status, 200);
    auth_destroy(&scheme);
    CHECK_INT(destroyed, 1);
}

int main(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "test CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "good", .san = "DNS:localhost", .issuer = "ca", .from_days = -1, .to_days = 10 },
    };
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { 0 };
    char script[4096], ca[4096];
    char python[] = "python3";

    if (!peer_python())
        return check_skip("python3 is not installed, so that there is no server to test against");
    dir = certs_tempdir();
    snprintf(script, sizeof script, "%s/tests/unit/auth/authd.py", check_source());
    snprintf(ca, sizeof ca, "%s/ca.crt", dir ? dir : "");
    o.ca_file = ca;
    if (!dir || certs_make(dir, wishes, 2) != 0 ||
        peer_start(&peer, (char *[]){ python, script, dir, NULL }) != 0 ||
        http_create(&o, &http, &err) != EASG_OK) {
        printf("not ok - the servers could not be started\n");
        return 1;
    }
    test_basic();
    test_basic_config();
    test_https_only();
    test_legs();
    http_destroy(http);
    strbuf_clear(&body);
    peer_stop(&peer);
    certs_remove(dir);
    return check_done();
}
