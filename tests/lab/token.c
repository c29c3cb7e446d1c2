/* SPDX-License-Identifier: Apache-2.0
 *
 * token.c - Entra's token endpoint for client credentials: a certificate assertion that is really
 * verified, or a secret; and the check of the tokens that it gave out.
 */
#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab.h"

#define MAX_JTI 4096

static char *used[MAX_JTI]; /* assertions seen, so that none is accepted twice */
static unsigned n_used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- errors ---- */

static void refuse(struct reply *r, unsigned status, const char *error, unsigned code,
                   const char *text)
{
    guid_text trace;
    guid_text correlation;
    time_text when;

    random_guid(trace, 0);
    random_guid(correlation, 0);
    text_time((uint64_t)time(NULL), when);
    when[10] = ' ';
    lab.stats.token_refusals++;
    r->status = status;
    buf_fmt(&r->body,
            "{\"error\":\"%s\",\"error_description\":\"AADSTS%u: %s Trace ID: %s Correlation ID: "
            "%s Timestamp: %s\",\"error_codes\":[%u],\"timestamp\":\"%s\",\"trace_id\":\"%s\","
            "\"correlation_id\":\"%s\",\"error_uri\":\"https://localhost:%u/error?code=%u\"}",
            error, code, text, trace, correlation, when, code, when, trace, correlation,
            lab.graph_port, code);
}

/* ---- the form ---- */

static char *form_value(const struct call *c, const char *name)
{
    size_t k = strlen(name);
    const char *p = c->body;

    while (*p) {
        const char *end = strchr(p, '&');
        size_t n = end ? (size_t)(end - p) : strlen(p);

        if (n > k && strncmp(p, name, k) == 0 && p[k] == '=') {
            char *v = lab_strndup(p + k + 1, n - k - 1);

            lab_unpercent(v, 1);
            return v;
        }
        p += n + (end != NULL);
    }
    return NULL;
}

/* ---- assertions ---- */

static cJSON *segment(const char *p, size_t n)
{
    struct buf b = { 0 };
    cJSON *j = NULL;

    if (buf_unbase64url(&b, p, n))
        j = cJSON_Parse(b.p);
    buf_clear(&b);
    return j;
}

static const char *text_of(const cJSON *j, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, name);

    return cJSON_IsString(v) ? v->valuestring : "";
}

static double number_of(const cJSON *j, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, name);

    return cJSON_IsNumber(v) ? v->valuedouble : -1;
}

static X509 *registered(void)
{
    BIO *b = BIO_new_mem_buf(lab.app_pem, -1);
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    BIO_free(b);
    return x;
}

static int thumbprint_is(X509 *x, const EVP_MD *md, const char *given)
{
    unsigned char d[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct buf b = { 0 };
    int same;

    X509_digest(x, md, d, &n);
    buf_base64url(&b, d, n);
    same = strcmp(b.p, given) == 0;
    buf_clear(&b);
    return same;
}

static int signature_good(X509 *x, const char *signed_, size_t n, const char *sig, size_t sig_n,
                          int pss)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pk = NULL;
    struct buf s = { 0 };
    int ok;

    ok = ctx && buf_unbase64url(&s, sig, sig_n) &&
         EVP_DigestVerifyInit(ctx, &pk, EVP_sha256(), NULL, X509_get0_pubkey(x)) == 1;
    if (ok && pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(pk, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(pk, 32) == 1;
    ok = ok &&
         EVP_DigestVerify(ctx, (unsigned char *)s.p, s.n, (const unsigned char *)signed_, n) == 1;
    EVP_MD_CTX_free(ctx);
    buf_clear(&s);
    return ok;
}

static int seen_before(const char *jti)
{
    int there = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_used && i < MAX_JTI; i++)
        there |= strcmp(used[i], jti) == 0;
    if (!there) {
        free(used[n_used % MAX_JTI]);
        used[n_used % MAX_JTI] = lab_strdup(jti);
        n_used++;
        if (n_used == 2 * MAX_JTI)
            n_used = MAX_JTI;
    }
    pthread_mutex_unlock(&lock);
    return there;
}

static int audience_good(const char *aud, const char *tenant)
{
    static const char *const host[2] = { "localhost", "127.0.0.1" };
    char want[200];

    for (int i = 0; i < 2; i++) {
        lab_print(want, sizeof want, "https://%s:%u/%s/oauth2/v2.0/token", host[i], lab.graph_port,
                  tenant);
        if (lab_same(aud, want))
            return 1;
    }
    return 0;
}

static int claims_good(const cJSON *j, const char *tenant, const char *client, struct reply *r)
{
    double now = (double)time(NULL);
    const char *what = NULL;
    unsigned code = 0;

    if (number_of(j, "exp") < 0 || number_of(j, "exp") < now - 300) {
        code = 700024;
        what = "Client assertion is not within its valid time range.";
    } else if (number_of(j, "nbf") > now + 300 || number_of(j, "exp") > now + 86400) {
        code = 700024;
        what = "Client assertion is not within its valid time range.";
    } else if (!audience_good(text_of(j, "aud"), tenant)) {
        code = 700023;
        what = "Client assertion audience claim does not match Realm issuer.";
    } else if (!lab_same(text_of(j, "sub"), client) || !lab_same(text_of(j, "iss"), client)) {
        code = 700021;
        what = "Client assertion application identifier doesn't match 'client_id' parameter.";
    } else if (!*text_of(j, "jti")) {
        code = 700027;
        what = "Client assertion contains no 'jti'.";
    } else if (seen_before(text_of(j, "jti"))) {
        code = 700027;
        what = "Client assertion was used before (replay).";
    }
    if (what)
        refuse(r, 401, "invalid_client", code, what);
    return !what;
}

static int assertion_good(const char *a, const char *tenant, const char *client, struct reply *r)
{
    const char *dot1 = strchr(a, '.');
    const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
    cJSON *head = dot2 ? segment(a, (size_t)(dot1 - a)) : NULL;
    cJSON *body = dot2 ? segment(dot1 + 1, (size_t)(dot2 - dot1 - 1)) : NULL;
    const char *alg = text_of(head, "alg");
    X509 *x = registered();
    const char *what = NULL;
    int pss = strcmp(alg, "PS256") == 0;
    int ok = 0;

    if (!head || !body || strchr(dot2 + 1, '.')) {
        refuse(r, 400, "invalid_request", 50027, "JWT token is invalid or malformed.");
        goto out;
    }
    if (!pss && strcmp(alg, "RS256") != 0)
        what = "Client assertion contains an unsupported signature algorithm.";
    else if (pss && !*text_of(head, "x5t#S256"))
        what = "Client assertion lacks the 'x5t#S256' header.";
    else if (*text_of(head, "x5t#S256") ? !thumbprint_is(x, EVP_sha256(), text_of(head, "x5t#S256"))
                                        : !thumbprint_is(x, EVP_sha1(), text_of(head, "x5t")))
        what = "The certificate with identifier used to sign the client assertion is not "
               "registered on application.";
    else if (!signature_good(x, a, (size_t)(dot2 - a), dot2 + 1, strlen(dot2 + 1), pss))
        what = "Client assertion failed signature validation.";
    if (what)
        refuse(r, 401, "invalid_client", 700027, what);
    else
        ok = claims_good(body, tenant, client, r);
out:
    X509_free(x);
    cJSON_Delete(head);
    cJSON_Delete(body);
    return ok;
}

/* ---- tokens ---- */

static void sign(const char *p, size_t n, struct buf *out)
{
    unsigned char mac[32];
    unsigned len = sizeof mac;

    HMAC(EVP_sha256(), lab.hmac_key, sizeof lab.hmac_key, (const unsigned char *)p, n, mac, &len);
    buf_base64url(out, mac, len);
}

/* The application permissions that the administrator consented to. */
static void roles(struct buf *b)
{
    static const char *const all[] = { "DeviceManagementManagedDevices.Read.All", "User.Read.All",
                                       "GroupMember.Read.All",
                                       "DeviceManagementServiceConfig.ReadWrite.All" };
    char lacks[64] = "";
    int n = 0;

    if (fault_strikes("token-no-consent", NULL, NULL))
        return;
    (void)fault_strikes("token-lacks", NULL, lacks);
    BUF_LIT(b, "\"roles\":[");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i], lacks) != 0)
            buf_fmt(b, "%s\"%s\"", n++ ? "," : "", all[i]);
    BUF_LIT(b, "],");
}

static void issue(struct reply *r)
{
    static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"lab\"}";
    unsigned life = lab.opt.token_life ? lab.opt.token_life : 3599;
    uint64_t now = (uint64_t)time(NULL);
    struct buf granted = { 0 };
    struct buf payload = { 0 };
    struct buf token = { 0 };
    guid_text uti;

    random_guid(uti, 0);
    roles(&granted);
    buf_fmt(
        &payload,
        "{\"aud\":\"https://localhost:%u\",\"iss\":\"https://sts.windows.net/%s/\",\"iat\":%llu,"
        "\"nbf\":%llu,\"exp\":%llu,\"appid\":\"%s\",\"idtyp\":\"app\",%s\"tid\":\"%s\",\"uti\":"
        "\"%s\",\"ver\":\"1.0\"}",
        lab.graph_port, lab.tenant, (unsigned long long)now, (unsigned long long)now,
        (unsigned long long)now + life, lab.client, granted.n ? granted.p : "", lab.tenant, uti);
    buf_base64url(&token, head, sizeof head - 1);
    BUF_LIT(&token, ".");
    buf_base64url(&token, payload.p, payload.n);
    {
        struct buf mac = { 0 };

        sign(token.p, token.n, &mac);
        BUF_LIT(&token, ".");
        buf_put(&token, mac.p, mac.n);
        buf_clear(&mac);
    }
    buf_fmt(&r->body,
            "{\"token_type\":\"Bearer\",\"expires_in\":%u,\"ext_expires_in\":%u,\"access_token\":"
            "\"%s\"}",
            life, life, token.p);
    lab.stats.tokens++;
    buf_clear(&granted);
    buf_clear(&payload);
    buf_clear(&token);
}

int token_check(const char *authorization)
{
    const char *t = authorization && lab_starts(authorization, "Bearer ") ? authorization + 7 : "";
    const char *dot1 = strchr(t, '.');
    const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
    struct buf mac = { 0 };
    cJSON *j;
    int status = 401;

    if (!dot2)
        return 401;
    sign(t, (size_t)(dot2 - t), &mac);
    if (strcmp(mac.p, dot2 + 1) == 0) {
        j = segment(dot1 + 1, (size_t)(dot2 - dot1 - 1));
        if (j && number_of(j, "exp") > (double)time(NULL))
            status = cJSON_GetObjectItemCaseSensitive(j, "roles") ? 0 : 403;
        cJSON_Delete(j);
    }
    buf_clear(&mac);
    return status;
}

/* ---- the endpoint ---- */

static int basic_credentials(const struct call *c, char **client, char **secret)
{
    const char *a = c->header(c, "Authorization");
    struct buf b = { 0 };
    char *colon;

    if (!a || !lab_starts(a, "Basic ") || !buf_unbase64(&b, a + 6, strlen(a + 6))) {
        buf_clear(&b);
        return 0;
    }
    colon = strchr(b.p, ':');
    if (colon) {
        *colon = 0;
        *client = lab_strdup(b.p);
        *secret = lab_strdup(colon + 1);
        lab_unpercent(*client, 1);
        lab_unpercent(*secret, 1);
    }
    buf_clear(&b);
    return colon != NULL;
}

void token_handle(const struct call *c, struct reply *r)
{
    char tenant[64];
    char want[80];
    char *grant = form_value(c, "grant_type");
    char *client = form_value(c, "client_id");
    char *scope = form_value(c, "scope");
    char *secret = form_value(c, "client_secret");
    char *type = form_value(c, "client_assertion_type");
    char *assertion = form_value(c, "client_assertion");

    r->type = "application/json; charset=utf-8";
    reply_header(r, "Cache-Control", "no-store");
    lab_print(tenant, sizeof tenant, "%s", c->path + 1);
    *strchr(tenant, '/') = 0; /* the path ends with /oauth2/v2.0/token */
    if (!client)
        basic_credentials(c, &client, &secret);
    lab_print(want, sizeof want, "https://localhost:%u/.default", lab.graph_port);
    if (fault_strikes("token-503", NULL, NULL)) {
        reply_header(r, "Retry-After", "0.2");
        refuse(r, 503, "temporarily_unavailable", 90033, "A transient error has occurred.");
    } else if (fault_strikes("token-401", NULL, NULL))
        refuse(r, 401, "invalid_client", 7000222, "The provided client secret keys are expired.");
    else if (strcmp(c->method, "POST") != 0)
        refuse(r, 400, "invalid_request", 900561, "The endpoint only accepts POST requests.");
    else if (!lab_same(tenant, lab.tenant) && !lab_same(tenant, "contoso.example"))
        refuse(r, 400, "invalid_request", 90002,
               "Tenant not found. Check to make sure you have "
               "the correct tenant ID.");
    else if (!grant || strcmp(grant, "client_credentials") != 0)
        refuse(r, 400, "unsupported_grant_type", 70003,
               "The app requested an unsupported grant "
               "type.");
    else if (!client || !lab_same(client, lab.client))
        refuse(r, 400, "unauthorized_client", 700016,
               "Application was not found in the directory "
               "'Contoso'.");
    else if (!scope || (!lab_same(scope, want) &&
                        !(lab_starts(scope, "https://127.0.0.1:") && strstr(scope, "/.default"))))
        refuse(r, 400, "invalid_scope", 1002012,
               "The provided value for scope is not valid. "
               "Client credential flows must have a scope value "
               "with /.default suffixed to the resource "
               "identifier (application ID URI).");
    else if (assertion) {
        if (!type || strcmp(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") != 0)
            refuse(r, 400, "invalid_request", 50027, "The client_assertion_type is not valid.");
        else if (assertion_good(assertion, tenant, client, r))
            issue(r);
    } else if (!secret)
        refuse(r, 401, "invalid_client", 7000218,
               "The request body must contain the following "
               "parameter: 'client_assertion' or "
               "'client_secret'.");
    else if (strcmp(secret, lab.client_secret) != 0)
        refuse(r, 401, "invalid_client", 7000215, "Invalid client secret provided.");
    else
        issue(r);
    free(grant);
    free(client);
    free(scope);
    free(secret);
    free(type);
    free(assertion);
}
