/* SPDX-License-Identifier: Apache-2.0
 *
 * Our token requests before a login server that really verifies: login.py starts it and runs this
 * with its address and files. What our client cannot do wrong (the salt, a foreign key under a good
 * thumbprint, an assertion sent twice) is done here by hand, so that the server is seen to refuse.
 *
 *   login URL CA APP_PEM OTHER_PEM SECRET_FILE TENANT CLIENT GRAPH
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <time.h>

#include "base64.h"
#include "check.h"
#include "err.h"
#include "oauth.h"
#include "text.h"

#define HOUR_MS (3600 * 1000)

static const char *url, *tenant, *client;
static char scope[256], app[16384], other[16384], secret[256];
static size_t app_len, other_len, secret_len;
static struct http_options web = { .ca_file = NULL };
static int64_t clock_off;   /* of our clock, in milliseconds */
static int64_t clock_later; /* the same, once the certificate was read */

static easg_time now(void *user)
{
    struct timespec t;

    (void)user;
    clock_gettime(CLOCK_REALTIME, &t);
    return (easg_time)t.tv_sec * 1000 + t.tv_nsec / 1000000 + clock_off;
}

static int64_t monotonic(void *user)
{
    struct timespec t;

    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t slurp(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(buf, 1, size - 1, f) : 0;

    CHECK(n > 0 && n < size - 1);
    buf[n] = '\0';
    if (f)
        fclose(f);
    return n;
}

static struct oauth_options options(void)
{
    return (struct oauth_options){ .login_url = url,
                                   .tenant = tenant,
                                   .client_id = client,
                                   .scope = scope,
                                   .pem = app,
                                   .pem_len = app_len,
                                   .http = &web,
                                   .now = now,
                                   .monotonic_ms = monotonic };
}

/* One sign-in; the server's number is in err->native_code. */
static easg_status sign_in(const struct oauth_options *o, easg_error *err)
{
    struct oauth *oauth = NULL;
    const char *header = NULL;
    easg_status st;

    err_clear(err);
    st = oauth_create(o, &oauth, err);
    clock_off = clock_later; /* the certificate is a minute old: it is read before */
    if (st == EASG_OK)
        st = oauth_get(oauth, 20000, &header, err);
    clock_off = 0;
    CHECK((st == EASG_OK) == (header != NULL));
    if (header)
        CHECK(strncmp(header, "Bearer ", 7) == 0 && strlen(header) > 100);
    oauth_destroy(oauth);
    return st;
}

static void row(const char *name, const struct oauth_options *o, easg_status want, int64_t number,
                const char *says)
{
    easg_error err = EASG_ERROR_INIT;

    ROW(name);
    CHECK_INT(sign_in(o, &err), want);
    CHECK_INT(err.native_code, number);
    CHECK_HAS(err.message, says);
    printf("# %s: %s\n", name, want == EASG_OK ? "a token" : err.message);
}

/* ---- assertions that our client does not make ---- */

/* Posts an assertion; the HTTP status. */
static int post(const char *jwt, size_t len)
{
    static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded" };
    struct strbuf form = STRBUF_INIT(65536), to = STRBUF_INIT(1024);
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp = { 0 };
    struct http_request r = { .method = "POST",
                              .headers = headers,
                              .n_headers = 1,
                              .timeout_ms = 20000,
                              .max_response = 65536,
                              .idempotent = 1 };
    struct http *h = NULL;

    strbuf_addf(&to, "%s/%s/oauth2/v2.0/token", url, tenant);
    strbuf_addf(&form, "grant_type=client_credentials&client_id=%s&scope=", client);
    strbuf_add_url(&form, scope, strlen(scope));
    strbuf_adds(&form, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                       "%3Ajwt-bearer&client_assertion=");
    strbuf_add(&form, jwt, len);
    r.url = strbuf_str(&to);
    r.body = form.ptr;
    r.body_len = form.len;
    CHECK_INT(http_create(&web, &h, &err), EASG_OK);
    CHECK_INT(http_perform(h, &r, &resp, &err), EASG_OK);
    if (resp.status != 200)
        printf("# %.160s\n", strbuf_str(http_error_body(h)));
    http_destroy(h);
    strbuf_clear(&form);
    strbuf_clear(&to);
    return resp.status;
}

/* Signs the first two parts of `jwt` again. `salt`: RSA_PSS_SALTLEN_...; 0: PKCS #1 v1.5. */
static void sign_again(struct strbuf *jwt, const char *pem, size_t pem_len, int salt)
{
    BIO *in = BIO_new_mem_buf(pem, (int)pem_len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char sig[512];
    size_t len = sizeof sig;
    char *dot = strrchr(jwt->ptr, '.');
    size_t head = (size_t)(dot - jwt->ptr);

    CHECK_INT(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
    if (salt)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt) == 1);
    CHECK_INT(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)jwt->ptr, head), 1);
    jwt->len = head + 1;
    jwt->ptr[jwt->len] = '\0';
    CHECK_INT(base64url_encode(jwt, sig, len), EASG_OK);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(in);
}

static void assertion(struct strbuf *out, enum oauth_alg alg)
{
    struct oauth_options o = options();
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;

    o.alg = alg;
    if (CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK)) {
        clock_off = clock_later;
        CHECK_INT(oauth_make_assertion(oauth, out, &err), EASG_OK);
        clock_off = 0;
    }
    oauth_destroy(oauth);
}

static void test_by_hand(void)
{
    struct strbuf jwt = STRBUF_INIT(16384);

    ROW("one assertion, twice");
    assertion(&jwt, OAUTH_PS256);
    CHECK_INT(post(jwt.ptr, jwt.len), 200);
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("PS256 signed again with a salt of 32 bytes");
    assertion(&jwt, OAUTH_PS256);
    sign_again(&jwt, app, app_len, RSA_PSS_SALTLEN_DIGEST);
    CHECK_INT(post(jwt.ptr, jwt.len), 200);
    ROW("PS256 with the longest salt");
    assertion(&jwt, OAUTH_PS256);
    sign_again(&jwt, app, app_len, RSA_PSS_SALTLEN_MAX);
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("PS256 in the header, PKCS #1 in the signature");
    assertion(&jwt, OAUTH_PS256);
    sign_again(&jwt, app, app_len, 0);
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("another key under a good thumbprint, PS256");
    assertion(&jwt, OAUTH_PS256);
    sign_again(&jwt, other, other_len, RSA_PSS_SALTLEN_DIGEST);
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("another key under a good thumbprint, RS256");
    assertion(&jwt, OAUTH_RS256);
    sign_again(&jwt, other, other_len, 0);
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("expired");
    clock_later = -HOUR_MS;
    assertion(&jwt, OAUTH_PS256);
    clock_later = 0;
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("not yet valid");
    clock_later = HOUR_MS;
    assertion(&jwt, OAUTH_RS256);
    clock_later = 0;
    CHECK_INT(post(jwt.ptr, jwt.len), 401);
    ROW("a bit of the claims changed");
    assertion(&jwt, OAUTH_PS256);
    jwt.ptr[strcspn(jwt.ptr, ".") + 40] ^= 1;
    CHECK(post(jwt.ptr, jwt.len) >= 400);
    ROW("");
    strbuf_clear(&jwt);
}

/* The app trusts whoever signs with its key: a file that somebody renews. */
static struct strbuf file = STRBUF_INIT(16384);

static easg_status read_file(void *user, struct strbuf *jwt, easg_error *err)
{
    (void)user;
    (void)err;
    return strbuf_add(jwt, file.ptr, file.len);
}

static void test_federated(void)
{
    struct oauth_options o = options();
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;
    const char *header;

    o.pem = NULL;
    o.federated = read_file;
    ROW("federated: the file as it is");
    CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK);
    assertion(&file, OAUTH_PS256);
    CHECK_INT(oauth_get(oauth, 20000, &header, &err), EASG_OK);
    ROW("federated: renewed");
    oauth_drop(oauth);
    assertion(&file, OAUTH_PS256);
    CHECK_INT(oauth_get(oauth, 20000, &header, &err), EASG_OK);
    ROW("federated: not renewed");
    oauth_drop(oauth);
    CHECK_INT(oauth_get(oauth, 20000, &header, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "look at what renews its file");
    ROW("");
    oauth_destroy(oauth);
    strbuf_clear(&file);
}

static void test_client(void)
{
    struct oauth_options o = options();
    char elsewhere[128];

    row("certificate, PS256", &o, EASG_OK, 0, "");
    o.alg = OAUTH_RS256;
    row("certificate, RS256", &o, EASG_OK, 0, "");
    o.pem = other;
    o.pem_len = other_len;
    row("certificate that is not registered, RS256", &o, EASG_E_AUTH, 700027, "upload it");
    o.alg = OAUTH_PS256;
    row("certificate that is not registered, PS256", &o, EASG_E_AUTH, 700027, "upload it");
    o = options();
    snprintf(elsewhere, sizeof elsewhere, "https://127.0.0.1%s", strrchr(url, ':'));
    o.login_url = elsewhere;
    row("another audience", &o, EASG_E_CONFIG, 700023, "check login_url and tenant");
    o = options();
    clock_later = -HOUR_MS;
    row("our clock is an hour behind: once more by the server's", &o, EASG_OK, 0, "");
    clock_later = HOUR_MS;
    row("our clock is an hour ahead", &o, EASG_OK, 0, "");
    clock_later = 0;
    o.tenant = "99999999-2222-4333-8444-555555555555";
    row("another tenant", &o, EASG_E_CONFIG, 90002, "check tenant and login_url");
    o = options();
    o.client_id = "99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    row("an app that is not known", &o, EASG_E_CONFIG, 700016, "check client_id");
    o = options();
    o.scope = "https://graph.microsoft.com/User.Read.All";
    row("a scope that is not .default", &o, EASG_E_CONFIG, 1002012, ".default");
    o = options();
    o.pem = NULL;
    o.client_secret = secret;
    o.client_secret_len = secret_len;
    row("secret with + / = & % #", &o, EASG_OK, 0, "");
    o.client_secret_len--;
    row("a wrong secret", &o, EASG_E_AUTH, 7000215, "the client secret is wrong");
    ROW("");
}

static void test_many(void)
{
    struct oauth_options o = options();
    easg_error err = EASG_ERROR_INIT;
    struct oauth *oauth = NULL;
    const char *header;

    ROW("twenty tokens, an assertion of its own each");
    CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK);
    for (int i = 0; i < 20; i++) {
        oauth_drop(oauth);
        CHECK_INT(oauth_get(oauth, 20000, &header, &err), EASG_OK);
    }
    oauth_destroy(oauth);
    ROW("");
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: login URL CA APP_PEM OTHER_PEM SECRET_FILE TENANT CLIENT GRAPH\n");
        return 64;
    }
    url = argv[1];
    web.ca_file = argv[2];
    app_len = slurp(argv[3], app, sizeof app);
    other_len = slurp(argv[4], other, sizeof other);
    secret_len = slurp(argv[5], secret, sizeof secret);
    tenant = argv[6];
    client = argv[7];
    snprintf(scope, sizeof scope, "%s/.default", argv[8]);
    test_client();
    test_by_hand();
    test_federated();
    test_many();
    return check_done();
}
