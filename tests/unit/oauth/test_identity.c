/* SPDX-License-Identifier: Apache-2.0
 *
 * test_identity.c - tokens of a managed identity: what each service is asked with, which file of
 * Arc's agent is read and which never, what a refusal comes to; and that plain http goes to this
 * machine's own addresses alone.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../http/peer.h"
#include "check.h"
#include "err.h"
#include "oauth.h"

#define HEADER "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
#define USER   "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

static char dir[] = "/tmp/easg-identity.XXXXXX";
static char keys[64], base[64];
static int64_t clock_ms;

static easg_time now(void *user)
{
    (void)user;
    return (easg_time)time(NULL) * 1000;
}

static int64_t monotonic(void *user)
{
    (void)user;
    return clock_ms;
}

struct row {
    const char *name, *path;
    enum oauth_identity_kind kind;
    const char *client_id, *header;
    easg_status want;
    const char *token; /* or part of the error */
};

static const struct row rows[] = {
    { "a virtual machine", "/vm", OAUTH_IDENTITY_IMDS, NULL, NULL, EASG_OK, "Bearer token-of-vm" },
    { "a user-assigned identity", "/vm", OAUTH_IDENTITY_IMDS, USER, NULL, EASG_OK,
      "Bearer token-of-vm-" USER },
    { "one that the machine has not", "/vm", OAUTH_IDENTITY_IMDS,
      "ffffffff-0000-4000-8000-000000000000", NULL, EASG_E_CONFIG, "Identity not found" },
    { "a service that is brought up to date", "/busy", OAUTH_IDENTITY_IMDS, NULL, NULL,
      EASG_E_UNAVAILABLE, "not ready" },
    { "too many questions", "/slow-down", OAUTH_IDENTITY_IMDS, NULL, NULL, EASG_E_THROTTLED, "" },
    { "denied", "/denied", OAUTH_IDENTITY_IMDS, NULL, NULL, EASG_E_DENIED, "not this one" },
    { "no token in the answer", "/junk", OAUTH_IDENTITY_IMDS, NULL, NULL, EASG_E_PROTOCOL,
      "access_token" },
    { "Azure Arc", "/arc", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_OK, "Bearer token-of-arc" },
    { "a key file elsewhere", "/arc-outside", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_UNTRUSTED,
      "nothing is read" },
    { "a key file by dots", "/arc-dots", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_UNTRUSTED,
      "nothing is read" },
    { "no key file at all", "/arc-etc", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_UNTRUSTED,
      "nothing is read" },
    { "a key file that is none", "/arc-big", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_PROTOCOL,
      "is no key file" },
    { "a key file that is not there", "/arc-none", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_DENIED,
      "himds" },
    { "a challenge without a file", "/arc-mute", OAUTH_IDENTITY_ARC, NULL, NULL, EASG_E_PROTOCOL,
      "did not name its key file" },
    { "an app", "/app", OAUTH_IDENTITY_APP, NULL, HEADER, EASG_OK, "Bearer token-of-app" },
    { "an app with a wrong header", "/app", OAUTH_IDENTITY_APP, NULL, "x", EASG_E_AUTH,
      "wrong header" },
    { "a token that has expired", "/app-late", OAUTH_IDENTITY_APP, NULL, HEADER, EASG_E_PROTOCOL,
      "expired" },
};

static struct oauth_options options(const struct http_options *http, const struct row *r,
                                    const char *url)
{
    struct oauth_options o = { .scope = "https://graph.microsoft.com/.default",
                               .http = http,
                               .now = now,
                               .monotonic_ms = monotonic };

    o.identity.kind = r->kind;
    o.identity.endpoint = url;
    o.identity.client_id = r->client_id;
    o.identity.header = r->header;
    o.identity.header_len = r->header ? strlen(r->header) : 0;
    o.identity.key_dir = keys;
    return o;
}

/* By a proxy that does not exist: it must not be asked. */
static void test_row(const struct row *r)
{
    struct http_options http = { .proxy = "http://127.0.0.1:9" };
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;
    const char *header = NULL;
    struct oauth_options o;
    char url[128];

    ROW(r->name);
    snprintf(url, sizeof url, "%s%s", base, r->path);
    o = options(&http, r, url);
    if (!CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK)) {
        CHECK_STR(err.message, "");
        return;
    }
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), r->want);
    if (r->want == EASG_OK)
        CHECK_STR(header ? header : err.message, r->token);
    else
        CHECK_HAS(err.message, r->token);
    CHECK(strstr(err.message, HEADER) == NULL);
    CHECK(strstr(err.message, "what nobody") == NULL);
    if (r->want == EASG_E_THROTTLED)
        CHECK_INT(err.retry_after_ms, 3000);
    oauth_destroy(oauth);
}

/* One token is kept; near its end another one is asked for. */
static void test_kept(void)
{
    struct http_options http = { .user_agent = "test" };
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;
    const char *header = NULL;
    struct oauth_options o;
    char url[128];

    ROW("kept");
    snprintf(url, sizeof url, "%s/vm", base);
    o = options(&http, &rows[0], url);
    CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK);
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    clock_ms += 20 * 3600 * 1000;
    CHECK_INT(oauth_get(oauth, 1, &header, &err), EASG_OK); /* no time to ask: it is kept */
    CHECK_STR(header, "Bearer token-of-vm");
    clock_ms += 10 * 3600 * 1000;
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, "Bearer token-of-vm");
    oauth_destroy(oauth);
}

static void test_addresses(void)
{
    static const struct {
        const char *url;
        int fine;
    } urls[] = {
        { "http://169.254.169.254/metadata/identity/oauth2/token", 1 },
        { "http://127.0.0.1:40342/x", 1 },
        { "http://[::1]:1/x", 1 },
        { "https://identity.example/x", 1 },
        { "http://localhost/x", 0 },
        { "http://169.254.169.253/x", 0 },
        { "http://127.0.0.1.example/x", 0 },
        { "http://169.254.169.254@evil.example/x", 0 },
        { "http://user@127.0.0.1/x", 0 },
        { "http://evil.example/127.0.0.1", 0 },
        { "ftp://127.0.0.1/x", 0 },
        { "127.0.0.1/x", 0 },
        { "http://10.0.0.1/x", 0 },
    };
    struct http_options http = { .user_agent = "test" };

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct oauth_options o = options(&http, &rows[0], urls[i].url);
        easg_error err = EASG_ERROR_INIT;
        struct oauth *oauth = NULL;

        ROW(urls[i].url);
        CHECK_INT(oauth_create(&o, &oauth, &err), urls[i].fine ? EASG_OK : EASG_E_CONFIG);
        if (!urls[i].fine)
            CHECK_HAS(err.message, "managed_identity.endpoint");
        oauth_destroy(oauth);
    }
}

/* A client that was not made for it never goes without TLS. */
static void test_flag(void)
{
    struct strbuf body = STRBUF_INIT(1000);
    struct http_request r = { .method = "GET", .timeout_ms = 5000, .max_response = 1000 };
    struct http_options with = { .plain_local = 1 }, without = { .plain_local = 0 };
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct http *h = NULL;
    char url[128];

    ROW("plain_local");
    snprintf(url, sizeof url, "%s/nothing?resource=x", base);
    r.url = url;
    r.collect = &body;
    CHECK_INT(http_create(&without, &h, &err), EASG_OK);
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "absolute https address");
    http_destroy(h);
    CHECK_INT(http_create(&with, &h, &err), EASG_OK);
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    CHECK_INT(resp.status, 400);
    r.url = "http://127.0.0.2/";
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_E_CONFIG);
    http_destroy(h);
    strbuf_clear(&body);
}

int main(void)
{
    const char *python = peer_python();
    char script[512], path[64];
    char *argv[] = { (char *)(uintptr_t)python, script, dir, NULL };
    struct peer peer;
    static const char *const made[] = { "tokens/4f1c.key", "tokens/big.key", "outside.key" };

    if (!python)
        return check_skip("python3 is missing");
    if (!mkdtemp(dir))
        return 1;
    snprintf(script, sizeof script, "%s/tests/unit/oauth/identity.py", check_source());
    snprintf(keys, sizeof keys, "%s/tokens", dir);
    if (peer_start(&peer, argv) != 0)
        return 1;
    snprintf(base, sizeof base, "http://127.0.0.1:%d", peer_port(&peer, "http"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        test_row(&rows[i]);
    test_kept();
    test_addresses();
    test_flag();
    peer_stop(&peer);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, made[i]);
        unlink(path);
    }
    rmdir(keys);
    rmdir(dir);
    ROW("");
    return check_done();
}
