/* SPDX-License-Identifier: Apache-2.0
 *
 * The token: assertions checked with OpenSSL by a reader of our own, what the login service is
 * sent, how long a token is kept, and what each refusal says.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <time.h>

#include "../graph/cloud.h"
#include "check.h"
#include "err.h"
#include "oauth.h"
#include "text.h"

static struct cloud cloud;
static int64_t clock_ms, wall_ms;

static easg_time now(void *user)
{
    (void)user;
    return wall_ms;
}

static int64_t monotonic(void *user)
{
    (void)user;
    return clock_ms;
}

static struct oauth_options options(const struct http_options *http)
{
    return (struct oauth_options){ .login_url = cloud.url,
                                   .tenant = CLOUD_TENANT,
                                   .client_id = CLOUD_CLIENT,
                                   .scope = "https://graph.microsoft.com/.default",
                                   .pem = cloud.pem,
                                   .pem_len = cloud.pem_len,
                                   .http = http,
                                   .now = now,
                                   .monotonic_ms = monotonic };
}

static struct oauth *create(struct oauth_options o)
{
    easg_error err = EASG_ERROR_INIT;
    struct oauth *out = NULL;

    CHECK_INT(oauth_create(&o, &out, &err), EASG_OK);
    CHECK_STR(err.message, "");
    return out;
}

/* base64url, read by the test itself. */
static size_t unbase64url(const char *ptr, size_t len, unsigned char *out)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const char *at = strchr(set, ptr[i]);

        if (!at)
            return 0;
        bits = bits << 6 | (unsigned)(at - set);
        have += 6;
        if (have >= 8)
            out[n++] = (unsigned char)(bits >> (have -= 8));
    }
    out[n] = '\0';
    return n;
}

static int verify(const X509 *x, const char *text, size_t len, const unsigned char *sig,
                  size_t sig_len, int pss, int salt)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    int ok = EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, X509_get0_pubkey(x)) == 1;

    if (ok && pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_sha256()) == 1;
    ok = ok && EVP_DigestVerify(ctx, sig, sig_len, (const unsigned char *)text, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

static void test_assertion(enum oauth_alg alg)
{
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth_options o = options(&http);
    easg_error err = EASG_ERROR_INIT;
    struct strbuf a = STRBUF_INIT(8192), b = STRBUF_INIT(8192);
    unsigned char header[512], claims[2048], sig[1024], hash[32], given[64];
    BIO *in = BIO_new_mem_buf(cloud.pem, (int)cloud.pem_len);
    X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
    const char *dot, *dot2, *thumb;
    unsigned len = sizeof hash;
    struct oauth *oauth;
    size_t n;
    char text[300];

    ROW(alg == OAUTH_PS256 ? "PS256" : "RS256");
    o.alg = alg;
    oauth = create(o);
    CHECK_INT(oauth_make_assertion(oauth, &a, &err), EASG_OK);
    CHECK_INT(oauth_make_assertion(oauth, &b, &err), EASG_OK);
    dot = strchr(strbuf_str(&a), '.');
    dot2 = dot ? strchr(dot + 1, '.') : NULL;
    if (!CHECK(dot2 != NULL && strchr(dot2 + 1, '.') == NULL))
        return;
    CHECK(unbase64url(a.ptr, (size_t)(dot - a.ptr), header) > 0);
    CHECK(unbase64url(dot + 1, (size_t)(dot2 - dot - 1), claims) > 0);
    n = unbase64url(dot2 + 1, strlen(dot2 + 1), sig);
    CHECK_INT(n, 256);
    if (alg == OAUTH_PS256) {
        CHECK(verify(x, a.ptr, (size_t)(dot2 - a.ptr), sig, n, 1, 32));
        CHECK(!verify(x, a.ptr, (size_t)(dot2 - a.ptr), sig, n, 1, 20));
        CHECK(!verify(x, a.ptr, (size_t)(dot2 - a.ptr), sig, n, 0, 0));
        CHECK_HAS((char *)header, "\"alg\":\"PS256\"");
        thumb = strstr((char *)header, "\"x5t#S256\":\"");
        X509_digest(x, EVP_sha256(), hash, &len);
        thumb = thumb ? thumb + 12 : "";
    } else {
        CHECK(verify(x, a.ptr, (size_t)(dot2 - a.ptr), sig, n, 0, 0));
        CHECK_HAS((char *)header, "\"alg\":\"RS256\"");
        thumb = strstr((char *)header, "\"x5t\":\"");
        X509_digest(x, EVP_sha1(), hash, &len);
        thumb = thumb ? thumb + 7 : "";
    }
    a.ptr[20] ^= 1;
    CHECK(!verify(x, a.ptr, (size_t)(dot2 - a.ptr), sig, n, alg == OAUTH_PS256, 32));
    CHECK_INT(unbase64url(thumb, strcspn(thumb, "\""), given), len);
    CHECK(memcmp(given, hash, len) == 0);
    snprintf(text, sizeof text, "\"aud\":\"%s/" CLOUD_TENANT "/oauth2/v2.0/token\"", cloud.url);
    CHECK_HAS((char *)claims, text);
    CHECK_HAS((char *)claims, "\"iss\":\"" CLOUD_CLIENT "\",\"sub\":\"" CLOUD_CLIENT "\"");
    snprintf(text, sizeof text, "\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}",
             (long long)wall_ms / 1000 - 60, (long long)wall_ms / 1000,
             (long long)wall_ms / 1000 + 480);
    CHECK_HAS((char *)claims, text);
    CHECK_HAS((char *)claims, "\"jti\":\"");
    CHECK(strcmp(strbuf_str(&b) + (dot - a.ptr), dot) != 0); /* a jti of its own */
    X509_free(x);
    BIO_free(in);
    strbuf_clear(&a);
    strbuf_clear(&b);
    oauth_destroy(oauth);
    ROW("");
}

static void test_request(void)
{
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth_options o = options(&http);
    easg_error err = EASG_ERROR_INIT;
    const char *header = NULL;
    struct oauth *oauth = create(o);

    (void)cloud_log();
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, "Bearer token-1");
    CHECK(oauth_certificate_expires(oauth) > wall_ms + 98 * 86400000LL);
    {
        const char *line = cloud_log_line(cloud_log(), 0);

        CHECK_HAS(line, "\"path\": \"/" CLOUD_TENANT "/oauth2/v2.0/token\"");
        CHECK_HAS(line, "\"body\": \"grant_type=client_credentials&client_id=" CLOUD_CLIENT
                        "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
                        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                        "%3Ajwt-bearer&client_assertion=ey");
        CHECK_HAS(line, "\"content-type\": \"application/x-www-form-urlencoded\"");
        CHECK(line && strstr(line, "authorization") == NULL);
    }
    oauth_destroy(oauth);

    /* a secret with the characters that break a form */
    o.pem = NULL;
    o.client_secret = "a+b/c=d&e f%\xc3\xa9~";
    o.client_secret_len = strlen(o.client_secret);
    oauth = create(o);
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_HAS(cloud_log(), "&client_secret=a%2Bb%2Fc%3Dd%26e%20f%25%C3%A9~\"");
    CHECK_INT(oauth_certificate_expires(oauth), EASG_TIME_NONE);
    oauth_destroy(oauth);
}

static void test_cache(void)
{
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth *oauth = create(options(&http));
    easg_error err = EASG_ERROR_INIT;
    const char *header = NULL;
    char first[64];

    cloud_script("[[200,[],\"{\\\"token_type\\\":\\\"bearer\\\",\\\"expires_in\\\":\\\"3600\\\","
                 "\\\"access_token\\\":\\\"one\\\"}\"]]");
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, "Bearer one");
    clock_ms += 3239 * 1000; /* a tenth of its life is 360 s */
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, "Bearer one");
    /* near its end the renewal fails: the old one is used on, and asked for again after a while */
    clock_ms += 2000;
    cloud_script("[[503,[],\"x\"],[503,[],\"x\"],[503,[],\"x\"],[503,[],\"x\"]]");
    (void)cloud_log();
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, "Bearer one");
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    {
        const char *log = cloud_log();

        CHECK(cloud_log_line(log, 0) != NULL && cloud_log_line(log, 1) == NULL);
    }
    clock_ms += 31000;
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK(cloud_log_line(cloud_log(), 0) != NULL);
    /* at its end there is nothing left */
    clock_ms += 360 * 1000;
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_E_UNAVAILABLE);
    CHECK(header == NULL);
    cloud_script("[]");
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    snprintf(first, sizeof first, "%s", header);
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_STR(header, first);
    oauth_drop(oauth);
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK(strcmp(header, first) != 0);
    oauth_destroy(oauth);
}

static void test_refusals(void)
{
    static const struct {
        const char *script; /* status, headers, body without the outer quoting */
        easg_status want;
        int64_t native;
        const char *says;
        int sticks;
    } rows[] = {
        { "401,[],{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid "
          "client secret\",\"error_codes\":[7000215],\"trace_id\":\"tr-1\"}",
          EASG_E_AUTH, 7000215, "AADSTS7000215: the client secret is wrong", 1 },
        { "401,[],{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", EASG_E_AUTH, 7000222,
          "has expired", 1 },
        { "401,[],{\"error\":\"invalid_client\",\"error_codes\":[700027]}", EASG_E_AUTH, 700027,
          "upload it to the app registration", 1 },
        { "400,[],{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: App "
          "not found\"}",
          EASG_E_CONFIG, 700016, "check client_id and tenant", 1 },
        { "400,[],{\"error\":\"invalid_scope\",\"error_codes\":[70011]}", EASG_E_CONFIG, 70011,
          "scope is not valid", 1 },
        { "400,[],{\"error\":\"invalid_grant\",\"error_codes\":[53003]}", EASG_E_DENIED, 53003,
          "Conditional Access", 1 },
        { "400,[],{\"error\":\"invalid_grant\",\"error_codes\":[65001]}", EASG_E_DENIED, 65001,
          "consent", 1 },
        { "400,[],{\"error\":\"strange\",\"error_codes\":[987654],\"error_description\":"
          "\"AADSTS987654: new \\u202e trick\"}",
          EASG_E_AUTH, 987654, "AADSTS987654: new \\u{202e} trick", 1 },
        { "400,[],{\"error\":\"invalid_request\"}", EASG_E_CONFIG, 400, "invalid_request", 1 },
        { "400,[],{\"error\":\"invalid_grant\",\"error_codes\":[50196]}", EASG_E_THROTTLED, 50196,
          "in a loop", 0 },
        { "429,[[\"Retry-After\",\"1.5\"]],{\"error\":\"x\"}", EASG_E_THROTTLED, 429, "token", 0 },
        { "503,[[\"Retry-After\",\"3\"]],oops", EASG_E_UNAVAILABLE, 503, "token", 0 },
        { "403,[],<html>blocked by proxy</html>", EASG_E_DENIED, 403, "HTTP 403", 1 },
        { "200,[],<html>please log in</html>", EASG_E_PROTOCOL, 0, "log-on page", 0 },
        { "200,[],{\"token_type\":\"Bearer\",\"access_token\":\"x\"}", EASG_E_PROTOCOL, 0,
          "expires_in is missing", 0 },
        { "200,[],{\"token_type\":\"mac\",\"access_token\":\"x\",\"expires_in\":1}",
          EASG_E_PROTOCOL, 0, "not of type Bearer", 0 },
        { "200,[],{\"token_type\":\"Bearer\",\"access_token\":\"x\\ny: z\",\"expires_in\":1}",
          EASG_E_PROTOCOL, 0, "characters that none may", 0 },
    };
    struct http_options http = { .ca_file = cloud.ca };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct oauth *oauth = create(options(&http));
        struct strbuf script = STRBUF_INIT(4096);
        easg_error err = EASG_ERROR_INIT;
        const char *body = strchr(strstr(rows[i].script, "]],") ? strstr(rows[i].script, "]],") + 2
                                                                : strstr(rows[i].script, "[],") + 2,
                                  ',');
        const char *header;

        ROW(rows[i].says);
        strbuf_addf(&script, "[[%.*s,\"", (int)(body - rows[i].script), rows[i].script);
        strbuf_add_json(&script, body + 1, strlen(body + 1));
        strbuf_adds(&script, "\"]]");
        cloud_script(strbuf_str(&script));
        CHECK_INT(oauth_get(oauth, 5000, &header, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_HAS(err.message, "localhost:");
        CHECK_INT(err.native_code, rows[i].native);
        if (rows[i].native == 7000215)
            CHECK_HAS(err.message, "trace tr-1");
        if (strstr(rows[i].script, "Retry-After"))
            CHECK_INT(err.retry_after_ms, strstr(rows[i].script, "1.5") ? 1500 : 3000);
        /* hopeless: it is not tried again */
        CHECK_INT(oauth_get(oauth, 5000, &header, &err), rows[i].sticks ? rows[i].want : EASG_OK);
        strbuf_clear(&script);
        oauth_destroy(oauth);
    }
    ROW("");
}

static void test_clock(void)
{
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth *oauth = create(options(&http));
    easg_error err = EASG_ERROR_INIT;
    const char *header;

    /* our clock is fast by an hour: the second assertion is made by the server's */
    wall_ms += 3600 * 1000;
    cloud_script(
        "[[401,[],\"{\\\"error\\\":\\\"invalid_client\\\",\\\"error_codes\\\":[700024]}\"]]");
    (void)cloud_log();
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK(oauth_clock_skew_ms(oauth) > 3500 * 1000 && oauth_clock_skew_ms(oauth) < 3700 * 1000);
    {
        const char *log = cloud_log();

        CHECK(cloud_log_line(log, 1) != NULL && cloud_log_line(log, 2) == NULL);
    }
    oauth_destroy(oauth);
    /* twice refused: said so, with the difference */
    oauth = create(options(&http));
    cloud_script(
        "[[401,[],\"{\\\"error\\\":\\\"invalid_client\\\",\\\"error_codes\\\":[700024]}\"],"
        "[401,[],\"{\\\"error\\\":\\\"invalid_client\\\",\\\"error_codes\\\":[700024]}\"]]");
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "set this machine's clock (trace none); it is 3");
    CHECK_HAS(err.message, "s ahead of the server's");
    oauth_destroy(oauth);
    wall_ms -= 3600 * 1000;
}

/* ---- the assertion of another issuer ---- */

static const char *federated_now; /* NULL: the file is gone */
static int federated_asked;

static easg_status read_federated(void *user, struct strbuf *jwt, easg_error *err)
{
    (void)user;
    federated_asked++;
    return federated_now ? strbuf_adds(jwt, federated_now)
                         : err_set(err, EASG_E_CONFIG, "the file is gone");
}

static void test_federated(void)
{
    static const struct {
        const char *jwt;
        easg_status want;
        const char *says;
    } rows[] = {
        { "aaa.bbb.ccc\n", EASG_OK, "" },
        { "aaa.bbb", EASG_E_CONFIG, "three parts" },
        { "a.b.c.d", EASG_E_CONFIG, "three parts" },
        { "a.b.c d", EASG_E_CONFIG, "three parts" },
        { "", EASG_E_CONFIG, "three parts" },
        { NULL, EASG_E_CONFIG, "the file is gone" },
    };
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth_options o = options(&http);
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth;
    const char *header, *log;

    o.pem = NULL;
    o.federated = read_federated;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].jwt ? rows[i].jwt : "(none)");
        oauth = create(o);
        federated_now = rows[i].jwt;
        (void)cloud_log();
        CHECK_INT(oauth_get(oauth, 5000, &header, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        log = cloud_log();
        if (rows[i].want == EASG_OK)
            CHECK_HAS(log, "client_assertion=aaa.bbb.ccc\"");
        else
            CHECK(cloud_log_line(log, 0) == NULL); /* nothing is sent that is no token */
        oauth_destroy(oauth);
    }
    ROW("renewed by somebody else");
    oauth = create(o);
    federated_asked = 0;
    federated_now = "one.one.one";
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    federated_now = "two.two.two";
    oauth_drop(oauth);
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_OK);
    CHECK_INT(federated_asked, 2);
    log = cloud_log();
    CHECK_HAS(log, "client_assertion=one.one.one");
    CHECK_HAS(log, "client_assertion=two.two.two");
    CHECK_INT(oauth_certificate_expires(oauth), EASG_TIME_NONE);
    /* outside its time: a second one of the same file would be no better */
    oauth_drop(oauth);
    wall_ms += 3600 * 1000;
    cloud_script(
        "[[401,[],\"{\\\"error\\\":\\\"invalid_client\\\",\\\"error_codes\\\":[700024]}\"]]");
    CHECK_INT(oauth_get(oauth, 5000, &header, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "the federated token has expired");
    CHECK(cloud_log_line(cloud_log(), 1) == NULL);
    wall_ms -= 3600 * 1000;
    oauth_destroy(oauth);
    ROW("");
}

static void test_config(void)
{
    struct http_options http = { .ca_file = cloud.ca };
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;
    struct oauth_options o;
    static const struct {
        const char *file;
        const char *says;
    } files[] = {
        { "ec.pem", "RSA keys of 2048 bits" },
        { "small.pem", "RSA keys of 2048 bits" },
        { "old.pem", "expired on " },
        { "ca.crt", "no private key" },
    };

#define REFUSED(text)                                                                              \
    do {                                                                                           \
        CHECK_INT(oauth_create(&o, &oauth, &err), EASG_E_CONFIG);                                  \
        CHECK_HAS(err.message, text);                                                              \
        CHECK(oauth == NULL);                                                                      \
        o = options(&http);                                                                        \
    } while (0)
    o = options(&http);
    o.tenant = "Common";
    REFUSED("Common is no tenant");
    o.tenant = "a/../b";
    REFUSED("tenant: must be");
    o.client_id = "easgate";
    REFUSED("client_id");
    o.pem = NULL;
    REFUSED("one of certificate, client_secret and federated_token");
    o.client_secret = "x";
    REFUSED("one of certificate, client_secret and federated_token");
    o.login_url = "http://login.microsoftonline.com";
    REFUSED("login_url: ");
    o.pem = "rubbish";
    o.pem_len = 7;
    REFUSED("no BEGIN CERTIFICATE");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ROW(files[i].file);
        o.pem = cloud_file(&cloud, files[i].file, &o.pem_len);
        REFUSED(files[i].says);
    }
    ROW("");
}

static void test_no_memory(void)
{
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth_options o = options(&http);
    int failed = 0;

    for (unsigned long n = 1; n < 200; n++) {
        easg_error err = EASG_ERROR_INIT;
        struct oauth *oauth = NULL;
        const char *header = NULL;
        easg_status st;
        int hit;

        mem_fail_at(n, 0);
        st = oauth_create(&o, &oauth, &err);
        if (st == EASG_OK)
            st = oauth_get(oauth, 5000, &header, &err);
        hit = mem_fail_at(0, 0) >= n;
        CHECK(st == EASG_OK || st == EASG_E_NOMEM);
        oauth_destroy(oauth);
        if (!hit)
            break;
        failed += st == EASG_E_NOMEM;
    }
    CHECK(failed > 15);
}

int main(void)
{
    int rc = cloud_start(&cloud);

    if (rc == 77)
        return check_skip("python3 is not installed, so that there is no server to test against");
    wall_ms = (int64_t)time(NULL) * 1000;
    if (!CHECK_INT(rc, 0))
        return check_done();
    test_assertion(OAUTH_PS256);
    test_assertion(OAUTH_RS256);
    test_request();
    test_cache();
    test_refusals();
    test_clock();
    test_federated();
    test_config();
    test_no_memory();
    cloud_stop(&cloud);
    return check_done();
}
