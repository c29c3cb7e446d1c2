/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking for a token, keeping it as long as it is good, and not asking again when asking is
 * hopeless.
 */
#include "oauth_private.h"

#include <string.h>

#include "err.h"
#include "json.h"
#include "secret.h"
#include "text.h"

#define MAX_FORM   (64u * 1024u)
#define MAX_ANSWER (128u * 1024u)
#define MIN_MARGIN (5 * 60 * 1000)
#define RETRY_MS   (30 * 1000) /* after a renewal that failed, while the old token holds */
#define MAX_JWT    16384u
#define MAX_LIFE_S (24 * 3600)
#define SKEW_FLOOR (60 * 1000) /* below it the clock is not the reason */

static easg_status check_options(const struct oauth_options *p, easg_error *err)
{
    static const char *const not_tenants[] = { "common", "organizations", "consumers" };
    const char *t = p->tenant ? p->tenant : "";

    for (size_t i = 0; i < sizeof not_tenants / sizeof *not_tenants; i++) {
        if (text_ieq(t, strlen(t), not_tenants[i], strlen(not_tenants[i])))
            return err_set(err, EASG_E_CONFIG,
                           "tenant: %s is no tenant: an app signs in to one, by its GUID or domain",
                           t);
    }
    if (!*t || t[strspn(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")])
        return err_set(err, EASG_E_CONFIG, "tenant: must be the tenant's GUID or domain");
    if (!p->client_id || strlen(p->client_id) != 36 ||
        p->client_id[strspn(p->client_id, "0123456789abcdefABCDEF-")])
        return err_set(err, EASG_E_CONFIG, "client_id: must be the app's GUID");
    if ((p->pem != NULL) + (p->client_secret != NULL) + (p->federated != NULL) != 1)
        return err_set(err, EASG_E_CONFIG,
                       "give one of certificate, client_secret and federated_token");
    return EASG_OK;
}

static char *endpoint_of(const struct oauth_options *p)
{
    struct strbuf url = STRBUF_INIT(2048);
    size_t len = strlen(p->login_url);

    while (len && p->login_url[len - 1] == '/')
        len--;
    strbuf_add(&url, p->login_url, len);
    strbuf_addf(&url, "/%s/oauth2/v2.0/token", p->tenant);
    return strbuf_take(&url);
}

static easg_status set_up(struct oauth *o, const struct oauth_options *p, easg_error *err)
{
    struct strbuf where = STRBUF_INIT(1024);
    easg_status st;

    if (p->identity.kind != OAUTH_IDENTITY_NONE)
        return oauth_identity_set_up(o, p, err);
    st = check_options(p, err);
    if (st != EASG_OK)
        return st;
    st = http_url_endpoint(p->login_url, &where, err);
    strbuf_clear(&where);
    if (st != EASG_OK)
        return err_at(err, st, "login_url");
    o->alg = p->alg;
    o->now = p->now;
    o->monotonic_ms = p->monotonic_ms;
    o->user = p->user;
    o->certificate_expires = EASG_TIME_NONE;
    o->endpoint = endpoint_of(p);
    o->client_id = mem_strdup(p->client_id);
    o->scope = mem_strdup(p->scope);
    if (!o->endpoint || !o->client_id || !o->scope)
        return err_nomem(err);
    if (p->pem) {
        st = oauth_load_key(o, p->pem, p->pem_len, err);
    } else if (p->federated) {
        o->federated = p->federated;
    } else {
        if (p->client_secret_len == 0)
            return err_set(err, EASG_E_CONFIG, "client_secret is empty");
        strbuf_reserve(&o->secret, p->client_secret_len);
        if (strbuf_add(&o->secret, p->client_secret, p->client_secret_len) != EASG_OK)
            return err_nomem(err);
    }
    return st == EASG_OK ? http_create(p->http, &o->http, err) : st;
}

easg_status oauth_create(const struct oauth_options *options, struct oauth **out, easg_error *err)
{
    struct oauth *o = mem_alloc(sizeof *o);
    easg_status st;

    *out = NULL;
    if (!o)
        return err_nomem(err);
    strbuf_init(&o->secret, 4096);
    strbuf_init(&o->bearer, MAX_ANSWER);
    st = set_up(o, options, err);
    if (st != EASG_OK) {
        oauth_destroy(o);
        return st;
    }
    *out = o;
    return EASG_OK;
}

void oauth_destroy(struct oauth *o)
{
    if (!o)
        return;
    http_destroy(o->http);
    EVP_PKEY_free(o->key);
    secret_clear(&o->secret);
    secret_clear(&o->bearer);
    mem_free(o->endpoint);
    mem_free(o->client_id);
    mem_free(o->scope);
    mem_free(o->key_dir);
    mem_free(o);
}

void oauth_drop(struct oauth *o)
{
    secret_clear(&o->bearer);
}

int64_t oauth_clock_skew_ms(const struct oauth *o)
{
    return o->skew_ms;
}

easg_time oauth_certificate_expires(const struct oauth *o)
{
    return o->certificate_expires;
}

static void add_field(struct strbuf *form, const char *name, const char *ptr, size_t len)
{
    strbuf_addf(form, "%s%s=", form->len ? "&" : "", name);
    strbuf_add_url(form, ptr, len);
}

/* Three parts in base64url: what is no JWT would only be refused with riddles. */
static easg_status read_federated(struct oauth *o, struct strbuf *jwt, easg_error *err)
{
    size_t dots = 0;
    easg_status st;

    if (!strbuf_reserve(jwt, MAX_JWT))
        return err_nomem(err);
    st = o->federated(o->user, jwt, err);
    while (jwt->len && strchr(" \t\r\n", jwt->ptr[jwt->len - 1]))
        jwt->ptr[--jwt->len] = '\0';
    if (st == EASG_OK && strbuf_status(jwt) != EASG_OK)
        return err_set(err, EASG_E_CONFIG, "federated_token: longer than %u bytes", MAX_JWT);
    for (size_t i = 0; st == EASG_OK && i < jwt->len; i++) {
        static const char set[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

        dots += jwt->ptr[i] == '.' ? 1 : memchr(set, jwt->ptr[i], sizeof set - 1) ? 0 : 3;
    }
    if (st == EASG_OK && dots != 2)
        return err_set(err, EASG_E_CONFIG,
                       "federated_token: is no signed token (three parts with dots between them)");
    return st;
}

static easg_status make_form(struct oauth *o, struct strbuf *form, easg_error *err)
{
    static const char type[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    EASG_CLEANUP(secret_clear) struct strbuf assertion = STRBUF_INIT(MAX_JWT);
    easg_status st;

    strbuf_reserve(form, MAX_FORM);
    add_field(form, "grant_type", "client_credentials", 18);
    add_field(form, "client_id", o->client_id, strlen(o->client_id));
    add_field(form, "scope", o->scope, strlen(o->scope));
    if (o->key || o->federated) {
        st = o->key ? oauth_make_assertion(o, &assertion, err) : read_federated(o, &assertion, err);
        if (st != EASG_OK)
            return st;
        add_field(form, "client_assertion_type", type, sizeof type - 1);
        add_field(form, "client_assertion", assertion.ptr, assertion.len);
    } else {
        add_field(form, "client_secret", o->secret.ptr, o->secret.len);
    }
    return strbuf_status(form) == EASG_OK ? EASG_OK : err_nomem(err);
}

/* A number, or a number in quotes. */
static easg_status number_of(const struct json *doc, const char *name, int64_t *out,
                             easg_error *err)
{
    const struct json *v = json_find(doc, name);
    easg_str s;
    uint64_t n;

    if (v && json_type(v) != JSON_STRING)
        return json_get_int(doc, name, 1, out, err);
    if (!v || json_str(v, &s, err) != EASG_OK || !text_parse_u64(s.ptr, s.len, &n) ||
        n > INT64_MAX / 1000)
        return err_set(err, EASG_E_PROTOCOL, "member %s is not a number of seconds", name);
    *out = (int64_t)n;
    return EASG_OK;
}

/* expires_in; the service of an app says only expires_on, by the clock. */
static easg_status life_of(const struct oauth *o, const struct json *doc, int64_t *seconds,
                           easg_error *err)
{
    const struct json *v = json_find(doc, "expires_in");
    easg_str s;
    uint64_t n;

    if (!v && o->identity != OAUTH_IDENTITY_NONE) {
        easg_status st = number_of(doc, "expires_on", seconds, err);

        *seconds -= o->now(o->user) / 1000;
        return st;
    }
    if (v && json_type(v) == JSON_STRING) {
        if (json_str(v, &s, err) != EASG_OK || !text_parse_u64(s.ptr, s.len, &n) || n > MAX_LIFE_S)
            return err_set(err, EASG_E_PROTOCOL, "member expires_in is not a number of seconds");
        *seconds = (int64_t)n;
        return EASG_OK;
    }
    return json_get_int(doc, "expires_in", 1, seconds, err);
}

static easg_status keep_token(struct oauth *o, const struct json *doc, easg_error *err)
{
    int64_t now = o->monotonic_ms(o->user);
    int64_t seconds = 0, life, margin;
    easg_str type, token;
    easg_status st = json_get_str(doc, "access_token", 1, &token, err);

    if (st == EASG_OK)
        st = json_get_str(doc, "token_type", 1, &type, err);
    if (st == EASG_OK)
        st = life_of(o, doc, &seconds, err);
    if (st != EASG_OK)
        return st;
    if (!text_ieq(type.ptr, type.len, "Bearer", 6))
        return err_set(err, EASG_E_PROTOCOL, "the token is not of type Bearer");
    for (size_t i = 0; i < token.len; i++) {
        if ((unsigned char)token.ptr[i] <= 0x20 || (unsigned char)token.ptr[i] >= 0x7f)
            return err_set(err, EASG_E_PROTOCOL, "the token holds characters that none may");
    }
    if (token.len == 0 || seconds <= 0)
        return err_set(err, EASG_E_PROTOCOL, "the token is empty or has expired already");
    secret_clear(&o->bearer);
    strbuf_reserve(&o->bearer, token.len + 8);
    strbuf_adds(&o->bearer, "Bearer ");
    strbuf_add(&o->bearer, token.ptr, token.len);
    if (strbuf_status(&o->bearer) != EASG_OK)
        return err_nomem(err);
    life = (seconds < MAX_LIFE_S ? seconds : MAX_LIFE_S) * 1000;
    margin = life / 10 > MIN_MARGIN ? life / 10 : MIN_MARGIN;
    if (margin > life / 2)
        margin = life / 2;
    o->expires_at = now + life;
    o->renew_at = o->expires_at - margin;
    return EASG_OK;
}

static easg_status read_token(struct oauth *o, const struct strbuf *body, easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    struct json *doc = NULL;
    easg_status st = json_parse(strbuf_str(body), body->len, &limits, &doc, err);

    if (st == EASG_OK)
        st = keep_token(o, doc, err);
    json_destroy_secret(doc);
    if (st == EASG_E_PROTOCOL)
        return err_at(err, st, "%s: the token answer is not Entra's (a log-on page of a proxy?)",
                      http_endpoint(o->http));
    return st;
}

static void note_skew(struct oauth *o)
{
    easg_time date = http_date(o->http);

    if (date != EASG_TIME_NONE)
        o->skew_ms = o->now(o->user) - date;
}

static easg_status ask(struct oauth *o, int64_t timeout_ms, easg_error *err)
{
    static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
                                           "Accept: application/json" };
    EASG_CLEANUP(secret_clear) struct strbuf form = STRBUF_INIT(MAX_FORM);
    EASG_CLEANUP(secret_clear) struct strbuf body = STRBUF_INIT(MAX_ANSWER);
    struct http_request r = { .method = "POST",
                              .url = o->endpoint,
                              .headers = headers,
                              .n_headers = 2,
                              .timeout_ms = timeout_ms,
                              .max_response = MAX_ANSWER,
                              .idempotent = 1, /* a second token does no harm */
                              .collect = &body };
    struct http_response resp;
    easg_status st;

    if (!strbuf_reserve(&body, MAX_ANSWER)) /* no copies of the token behind it */
        return err_nomem(err);
    if (o->identity != OAUTH_IDENTITY_NONE) {
        st = oauth_identity_ask(o, timeout_ms, &body, err);
        return st == EASG_OK ? read_token(o, &body, err) : st;
    }
    st = make_form(o, &form, err);
    if (st != EASG_OK)
        return st;
    r.body = form.ptr;
    r.body_len = form.len;
    /* An hour has passed since the last one: an idle connection would only be in the way. */
    http_disconnect(o->http);
    st = http_perform(o->http, &r, &resp, err);
    if (st != EASG_OK)
        return err_at(err, st, "token");
    note_skew(o);
    return resp.status == 200 ? read_token(o, &body, err) : oauth_explain(o, err);
}

static int is_final(easg_status st)
{
    return st == EASG_E_AUTH || st == EASG_E_CONFIG || st == EASG_E_DENIED;
}

static easg_status renew(struct oauth *o, int64_t timeout_ms, easg_error *err)
{
    easg_status st = ask(o, timeout_ms, err);
    int64_t skew = o->skew_ms < 0 ? -o->skew_ms : o->skew_ms;

    /* "Outside its time": once more, by the server's clock. */
    if (o->key && st == EASG_E_AUTH && err->domain == EASG_DOMAIN_PLUGIN &&
        err->native_code == 700024 && skew > SKEW_FLOOR && o->shift_ms == 0) {
        o->shift_ms = o->skew_ms;
        st = ask(o, timeout_ms, err);
    }
    return st;
}

easg_status oauth_get(struct oauth *o, int64_t timeout_ms, const char **authorization,
                      easg_error *err)
{
    int64_t now = o->monotonic_ms(o->user);
    easg_error failure = EASG_ERROR_INIT;
    easg_status st = EASG_OK;

    *authorization = NULL;
    if (o->bearer.len && now >= o->expires_at)
        oauth_drop(o);
    if (!o->bearer.len && o->refused != EASG_OK) {
        err_copy(err, &o->refusal);
        return o->refused;
    }
    if (!o->bearer.len || (now >= o->renew_at && o->refused == EASG_OK)) {
        st = renew(o, timeout_ms, &failure);
        if (is_final(st)) {
            o->refused = st;
            err_copy(&o->refusal, &failure);
            o->refusal.struct_size = (uint32_t)sizeof o->refusal;
        }
    }
    if (st != EASG_OK && !o->bearer.len) {
        err_copy(err, &failure);
        return st;
    }
    if (st != EASG_OK)
        o->renew_at = now + RETRY_MS;
    *authorization = strbuf_str(&o->bearer);
    return EASG_OK;
}
