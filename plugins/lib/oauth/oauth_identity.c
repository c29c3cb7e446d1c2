/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of a managed identity: asked of a service on this very machine, which knows who it is. It
 * speaks plain http, so that nothing but the machine's own addresses is ever asked that way; a
 * proxy never is. What keeps others out: a header that no browser and no redirected request can set
 * (Metadata, X-IDENTITY-HEADER), or a file that only members of the agent's group can read (Arc).
 */
#include "oauth_private.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "json.h"
#include "secret.h"
#include "text.h"

#define IMDS_URL   "http://169.254.169.254/metadata/identity/oauth2/token"
#define ARC_URL    "http://127.0.0.1:40342/metadata/identity/oauth2/token"
#define ARC_KEYS   "/var/opt/azcmagent/tokens"
#define MAX_URL    4096u
#define MAX_ANSWER (128u * 1024u)
#define MAX_KEY    4096u
#define MAX_PATH_N 1024u

static void add_query(struct strbuf *url, const char *name, const char *value)
{
    strbuf_addf(url, "%s%s=", strchr(strbuf_str(url), '?') ? "&" : "?", name);
    strbuf_add_url(url, value, strlen(value));
}

/* The scope without "/.default": these services still speak of resources. */
static void add_resource(struct strbuf *url, const char *scope)
{
    size_t n = strlen(scope);

    if (n > 9 && strcmp(scope + n - 9, "/.default") == 0)
        n -= 9;
    strbuf_adds(url, "&resource=");
    strbuf_add_url(url, scope, n);
}

easg_status oauth_identity_set_up(struct oauth *o, const struct oauth_options *p, easg_error *err)
{
    static const char *const versions[] = { "", "2018-02-01", "2020-06-01", "2019-08-01" };
    const struct oauth_identity *id = &p->identity;
    const char *base = id->endpoint                      ? id->endpoint
                       : id->kind == OAUTH_IDENTITY_ARC  ? ARC_URL
                       : id->kind == OAUTH_IDENTITY_IMDS ? IMDS_URL
                                                         : NULL;
    struct strbuf url = STRBUF_INIT(MAX_URL), where = STRBUF_INIT(1024);
    struct http_options http = *p->http;
    easg_status st = EASG_OK;

    if (id->kind == OAUTH_IDENTITY_APP && (!base || !id->header_len))
        return err_set(err, EASG_E_CONFIG,
                       "managed_identity: endpoint and header are needed for service: app");
    if (!http_url_local(base, &where))
        st = http_url_endpoint(base, &where, err);
    strbuf_clear(&where);
    if (st != EASG_OK)
        return err_at(err, st,
                      "managed_identity.endpoint (plain http only to 127.0.0.1, [::1] and "
                      "169.254.169.254)");
    strbuf_adds(&url, base);
    add_query(&url, "api-version", versions[id->kind]);
    add_resource(&url, p->scope);
    if (id->client_id)
        add_query(&url, "client_id", id->client_id);
    o->endpoint = strbuf_take(&url);
    o->scope = mem_strdup(p->scope);
    o->key_dir = mem_strdup(id->key_dir ? id->key_dir : ARC_KEYS);
    if (!o->endpoint || !o->scope || !o->key_dir)
        return err_nomem(err);
    if (id->header_len) {
        strbuf_reserve(&o->secret, id->header_len);
        if (strbuf_add(&o->secret, id->header, id->header_len) != EASG_OK ||
            strpbrk(strbuf_str(&o->secret), "\r\n"))
            return err_set(err, EASG_E_CONFIG, "managed_identity.header: is no header's value");
    }
    o->identity = id->kind;
    o->now = p->now;
    o->monotonic_ms = p->monotonic_ms;
    o->user = p->user;
    o->certificate_expires = EASG_TIME_NONE;
    http.plain_local = 1;
    http.proxy = NULL;
    http.proxy_authorization = NULL;
    http.proxy_authorize = NULL;
    return http_create(&http, &o->http, err);
}

/* ---- one question ---- */

static easg_status get(struct oauth *o, const char *authorization, int64_t timeout_ms,
                       struct strbuf *body, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf line = STRBUF_INIT(8192);
    const char *headers[] = { "Accept: application/json", "Metadata: true" };
    struct http_request r = { .method = "GET",
                              .url = o->endpoint,
                              .headers = headers,
                              .n_headers = 2,
                              .authorization = authorization,
                              .timeout_ms = timeout_ms,
                              .max_response = MAX_ANSWER,
                              .idempotent = 1,
                              .collect = body };
    struct http_response resp;
    easg_status st;

    if (o->identity == OAUTH_IDENTITY_APP) {
        strbuf_reserve(&line, o->secret.len + 32);
        strbuf_addf(&line, "X-IDENTITY-HEADER: %s", strbuf_str(&o->secret));
        if (strbuf_status(&line) != EASG_OK)
            return err_nomem(err);
        headers[1] = line.ptr;
    }
    http_disconnect(o->http);
    st = http_perform(o->http, &r, &resp, err);
    if (st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT)
        return err_at(err, st,
                      "managed identity: is this machine one that has one, and is "
                      "managed_identity.service right");
    return st == EASG_OK ? st : err_at(err, st, "managed identity");
}

/* ---- Arc: a key file that is named in the answer ---- */

/* The file must lie in the agent's own directory: whoever answers on that port could otherwise name
 * any file that we can read. */
static easg_status key_path(const struct oauth *o, char path[MAX_PATH_N], easg_error *err)
{
    static const char prefix[] = "Basic realm=";
    const char *challenge = http_header(o->http, "WWW-Authenticate", 0);
    size_t dir = strlen(o->key_dir), n;
    char safe[160];

    if (!challenge || strncmp(challenge, prefix, sizeof prefix - 1) != 0)
        return err_set(
            err, EASG_E_PROTOCOL,
            "managed identity: the service did not name its key file: is it Azure Arc's");
    challenge += sizeof prefix - 1;
    n = strlen(challenge);
    if (n >= MAX_PATH_N || n <= dir + 5 || strncmp(challenge, o->key_dir, dir) != 0 ||
        (challenge[dir] != '/' && challenge[dir] != '\\') || strpbrk(challenge + dir + 1, "/\\:") ||
        strcmp(challenge + n - 4, ".key") != 0)
        return err_set(err, EASG_E_UNTRUSTED,
                       "managed identity: the key file %s is not one in %s: nothing is read",
                       text_safe(challenge, n, safe, sizeof safe), o->key_dir);
    memcpy(path, challenge, n + 1);
    return EASG_OK;
}

static easg_status read_key(const char *path, struct strbuf *value, easg_error *err)
{
    char bytes[MAX_KEY + 1];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    int bad = !f || ferror(f);

    if (f)
        fclose(f);
    if (!bad && n && n <= MAX_KEY) {
        strbuf_reserve(value, n + 8);
        strbuf_adds(value, "Basic ");
        strbuf_add(value, bytes, n);
    }
    secret_wipe(bytes, sizeof bytes);
    if (bad || n == 0)
        return err_set(err, EASG_E_DENIED,
                       "managed identity: %s cannot be read: the agent's user has to be in the "
                       "group himds",
                       path);
    if (n > MAX_KEY || strbuf_status(value) != EASG_OK || strpbrk(strbuf_str(value), "\r\n"))
        return err_set(err, EASG_E_PROTOCOL, "managed identity: %s is no key file", path);
    return EASG_OK;
}

static easg_status answer_challenge(struct oauth *o, int64_t timeout_ms, struct strbuf *body,
                                    easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf value = STRBUF_INIT(MAX_KEY + 16);
    char path[MAX_PATH_N];
    easg_status st = key_path(o, path, err);

    if (st == EASG_OK)
        st = read_key(path, &value, err);
    return st == EASG_OK ? get(o, strbuf_str(&value), timeout_ms, body, err) : st;
}

/* ---- what it said ---- */

static easg_status refused(struct oauth *o, easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const struct strbuf *body = http_error_body(o->http);
    easg_error ignored = EASG_ERROR_INIT;
    struct json *doc = NULL;
    easg_str text = { NULL, 0 };
    easg_status st = http_check(o->http, "managed identity", err);
    int http = http_status(o->http);
    char safe[200];

    /* The service says "not found" and "gone" while it is being brought up to date. */
    if (http == 404 || http == 410)
        return err_native(err, EASG_E_UNAVAILABLE, EASG_DOMAIN_HTTP, http,
                          "%s: managed identity: the service is not ready", http_endpoint(o->http));
    if (http == 429 || http >= 500)
        return st;
    if (json_parse(strbuf_str(body), body->len, &limits, &doc, &ignored) == EASG_OK &&
        json_get_str(doc, "error_description", 0, &text, &ignored) != EASG_OK)
        text = (easg_str){ NULL, 0 };
    text_safe(text.ptr ? text.ptr : "no reason given", text.ptr ? text.len : 15, safe, sizeof safe);
    st = err_native(err,
                    http == 400   ? EASG_E_CONFIG
                    : http == 403 ? EASG_E_DENIED
                                  : EASG_E_AUTH,
                    EASG_DOMAIN_HTTP, http,
                    "%s: managed identity refused: %s: has this machine an identity, and is "
                    "managed_identity.client_id one of its own",
                    http_endpoint(o->http), safe);
    json_destroy(doc);
    return st;
}

easg_status oauth_identity_ask(struct oauth *o, int64_t timeout_ms, struct strbuf *body,
                               easg_error *err)
{
    easg_status st = get(o, NULL, timeout_ms, body, err);

    if (st == EASG_OK && o->identity == OAUTH_IDENTITY_ARC && http_status(o->http) == 401)
        st = answer_challenge(o, timeout_ms, body, err);
    if (st != EASG_OK)
        return st;
    return http_status(o->http) == 200 ? EASG_OK : refused(o, err);
}
