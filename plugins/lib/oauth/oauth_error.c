/* SPDX-License-Identifier: Apache-2.0
 *
 * What Entra's refusals mean, by their AADSTS number, and what a person does about each.
 */
#include "oauth_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json.h"
#include "text.h"

static const struct {
    int64_t code;
    easg_status status;
    const char *text;
} known[] = {
    { 50196, EASG_E_THROTTLED, "Entra says that this client asks in a loop: wait" },
    { 53003, EASG_E_DENIED,
      "blocked by Conditional Access for workload identities: let the app's policy admit this "
      "machine" },
    { 65001, EASG_E_DENIED, "no administrator has consented to the app's permissions: grant it" },
    { 70011, EASG_E_CONFIG, "the scope is not valid: graph_url must be the origin of a Graph" },
    { 90002, EASG_E_CONFIG, "the tenant does not exist in this cloud: check tenant and login_url" },
    { 650056, EASG_E_DENIED,
      "the app is misconfigured or has no consent: check its API permissions" },
    { 700011, EASG_E_CONFIG, "the app is not known in this tenant: check client_id and tenant" },
    { 700016, EASG_E_CONFIG, "the app is not known in this tenant: check client_id and tenant" },
    { 700021, EASG_E_CONFIG, "the assertion names another app: check client_id" },
    { 700023, EASG_E_CONFIG, "the assertion is for another endpoint: check login_url and tenant" },
    { 700024, EASG_E_AUTH, "the assertion is outside its time: set this machine's clock" },
    { 700027, EASG_E_AUTH,
      "the certificate is not one of the app's: upload it to the app registration, or use the one "
      "that is there" },
    { 1002012, EASG_E_CONFIG, "the scope does not end in /.default: check graph_url" },
    { 7000215, EASG_E_AUTH, "the client secret is wrong: it is the secret's value, not its id" },
    { 7000218, EASG_E_FAIL, "the request arrived without a credential: does a proxy rewrite it" },
    { 7000222, EASG_E_AUTH, "the client secret has expired: make a new one, or use a certificate" },
};

/* The number from error_codes, or from the text "AADSTS700027: ...". 0: none. */
static int64_t number_of(const struct json *doc, const easg_str *description)
{
    const struct json *codes = json_first(json_find(doc, "error_codes"));
    easg_error ignored = EASG_ERROR_INIT;
    const char *at;
    int64_t n = 0;

    if (codes && json_int(codes, &n, &ignored) == EASG_OK && n > 0)
        return n;
    at = description->ptr ? strstr(description->ptr, "AADSTS") : NULL;
    n = at ? (int64_t)strtoul(at + 6, NULL, 10) : 0;
    return n > 0 && n < 1000000000 ? n : 0;
}

static easg_status by_word(const easg_str *error, int http)
{
    if (text_eq(error, "temporarily_unavailable"))
        return EASG_E_UNAVAILABLE;
    if (text_eq(error, "unauthorized_client") || text_eq(error, "invalid_request") ||
        text_eq(error, "invalid_scope") || text_eq(error, "unsupported_grant_type"))
        return EASG_E_CONFIG;
    if (text_eq(error, "interaction_required") || text_eq(error, "consent_required"))
        return EASG_E_DENIED;
    return http == 403 ? EASG_E_DENIED : EASG_E_AUTH;
}

static void add_skew(const struct oauth *o, easg_error *err)
{
    size_t len = strlen(err->message);
    long long s = o->skew_ms / 1000;

    if (s != 0)
        (void)snprintf(err->message + len, sizeof err->message - len,
                       "; it is %lld s %s the server's", s < 0 ? -s : s,
                       s < 0 ? "behind" : "ahead of");
}

easg_status oauth_explain(struct oauth *o, easg_error *err)
{
    const struct strbuf *body = http_error_body(o->http);
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    easg_error ignored = EASG_ERROR_INIT;
    struct json *doc = NULL;
    easg_str error = { NULL, 0 }, text = { NULL, 0 }, trace = { NULL, 0 };
    easg_status st = http_check(o->http, "token", err);
    int http = http_status(o->http);
    char safe[160], safe_trace[64];
    int64_t n;

    if (http == 429 || http >= 500 || http == 408 || http == 407)
        return st;
    if (json_parse(strbuf_str(body), body->len, &limits, &doc, &ignored) != EASG_OK ||
        json_get_str(doc, "error", 1, &error, &ignored) != EASG_OK) {
        json_destroy(doc);
        return st; /* not Entra's: HTTP's own words */
    }
    if (json_get_str(doc, "error_description", 0, &text, &ignored) != EASG_OK)
        text = (easg_str){ NULL, 0 };
    if (json_get_str(doc, "trace_id", 0, &trace, &ignored) != EASG_OK)
        trace = (easg_str){ NULL, 0 };
    n = number_of(doc, &text);
    (void)text_safe(trace.ptr ? trace.ptr : "none", trace.ptr ? trace.len : 4, safe_trace,
                    sizeof safe_trace);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].code == n) {
            const char *words = known[i].text;

            if (o->federated && (n == 700024 || n == 700027))
                words = "the federated token has expired, or its issuer's key is not known: look "
                        "at what renews its file";
            st = err_native(err, known[i].status, EASG_DOMAIN_PLUGIN, n,
                            "%s: token refused, AADSTS%lld: %s (trace %s)", http_endpoint(o->http),
                            (long long)n, words, safe_trace);
            if (n == 700024 && o->key)
                add_skew(o, err);
            json_destroy(doc);
            return st;
        }
    }
    (void)text_safe(text.ptr ? text.ptr : error.ptr, text.ptr ? text.len : error.len, safe,
                    sizeof safe);
    st = err_native(err, by_word(&error, http), n ? EASG_DOMAIN_PLUGIN : EASG_DOMAIN_HTTP,
                    n ? n : http,
                    "%s: token refused: %s (trace %s): look the number up in Entra's "
                    "list of error codes",
                    http_endpoint(o->http), safe, safe_trace);
    json_destroy(doc);
    return st;
}
