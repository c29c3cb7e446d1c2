/* SPDX-License-Identifier: Apache-2.0
 *
 * The module `intune`: its options, its sign-in, and the order of what it reads. It brings facts
 * about people and managed devices and decides nothing.
 */
#include "intune.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "plugin_opt.h"
#include "text.h"

#define DAY_MS           (24 * 3600 * 1000LL)
#define EXPIRY_NOTICE    (30 * DAY_MS)
#define SIGN_IN_ATTEMPTS 4
#define SKEW_NOTICE_MS   (120 * 1000)
#define DEFAULT_PLAN     "c1ec4a95-1f05-45b3-a911-aa3fa01094f5" /* INTUNE_A */

void intune_log(const struct easg_session *s, easg_level level, const char *text, const char *key,
                uint64_t value, const char *key2, uint64_t value2)
{
    const easg_host *h = s->in->host;
    const char *const keys[] = { key, key2 };
    const uint64_t values[] = { value, value2 };
    char numbers[2][24];
    easg_kv kv[2];
    const easg_kv *fields[2];
    size_t n = 0;

    for (size_t i = 0; i < 2 && keys[i]; i++, n++) {
        (void)snprintf(numbers[i], sizeof numbers[i], "%" PRIu64, values[i]);
        kv[i] = (easg_kv){ .struct_size = (uint32_t)sizeof kv[i],
                           .key = text_str(keys[i]),
                           .value = text_str(numbers[i]) };
        fields[i] = &kv[i];
    }
    h->log(h, level, text, strlen(text), n ? fields : NULL, n);
}

/* ---- configuration ---- */

static const char *get_text(const easg_host *h, const easg_config *cfg, const char *path)
{
    const easg_config *node = h->cfg_get(h, cfg, path);
    easg_str s;

    return node && h->cfg_str(h, node, &s) == EASG_OK && s.len ? s.ptr : NULL;
}

static int64_t get_number(const easg_host *h, const easg_config *cfg, const char *path,
                          int64_t fallback)
{
    const easg_config *node = h->cfg_get(h, cfg, path);
    int64_t v;

    return node && h->cfg_int(h, node, &v) == EASG_OK ? v : fallback;
}

static const easg_config *get_secret(const easg_host *h, const easg_config *cfg, const char *path)
{
    const easg_config *node = h->cfg_get(h, cfg, path);

    return node && h->cfg_type(h, node) > EASG_NODE_NULL ? node : NULL;
}

static easg_status read_plans(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = in->host;
    const easg_config *list = h->cfg_get(h, cfg, "service_plans");
    size_t n = list ? h->cfg_count(h, list) : 0;

    if (!list) {
        in->plans[in->n_plans++] = TEXT_LIT(DEFAULT_PLAN);
        return EASG_OK;
    }
    if (n == 0 || n > INTUNE_MAX_PLANS)
        return err_set(err, EASG_E_CONFIG, "service_plans: between 1 and %u plans are needed",
                       INTUNE_MAX_PLANS);
    for (size_t i = 0; i < n; i++) {
        unsigned char id[16];

        if (h->cfg_str(h, h->cfg_at(h, list, i), &in->plans[i]) != EASG_OK ||
            !guid_parse(&in->plans[i], id))
            return err_set(err, EASG_E_CONFIG, "service_plans: entry %zu is not a plan's GUID",
                           i + 1);
        in->n_plans++;
    }
    return EASG_OK;
}

static easg_status read_config(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = in->host;
    const char *alg = get_text(h, cfg, "assertion");
    struct strbuf where = STRBUF_INIT(1024);
    easg_status st;

    in->tenant = get_text(h, cfg, "tenant");
    in->client_id = get_text(h, cfg, "client_id");
    in->login_url = get_text(h, cfg, "login_url");
    in->graph_url = get_text(h, cfg, "graph_url");
    in->ca_file = get_text(h, cfg, "ca_file");
    in->certificate = get_secret(h, cfg, "certificate");
    in->client_secret = get_secret(h, cfg, "client_secret");
    in->page_size = get_number(h, cfg, "page_size", 999);
    in->connect_ms = get_number(h, cfg, "timeout.connect", 15000);
    in->request_ms = get_number(h, cfg, "timeout.request", 60000);
    if (!in->login_url)
        in->login_url = "https://login.microsoftonline.com";
    if (!in->graph_url)
        in->graph_url = "https://graph.microsoft.com";
    if (!in->tenant || !in->client_id)
        return err_set(err, EASG_E_CONFIG, "tenant and client_id are needed");
    if (!in->certificate == !in->client_secret)
        return err_set(err, EASG_E_CONFIG, "give either certificate or client_secret");
    if (alg && strcmp(alg, "ps256") != 0 && strcmp(alg, "rs256") != 0)
        return err_set(err, EASG_E_CONFIG, "assertion: must be ps256 or rs256");
    in->alg = alg && strcmp(alg, "rs256") == 0 ? OAUTH_RS256 : OAUTH_PS256;
    if (in->page_size < 1 || in->page_size > 999)
        return err_set(err, EASG_E_CONFIG, "page_size: must be between 1 and 999");
    if (in->connect_ms < 100 || in->connect_ms > DAY_MS || in->request_ms < 100 ||
        in->request_ms > DAY_MS)
        return err_set(err, EASG_E_CONFIG, "timeout: must be between 100ms and 1d");
    st = http_url_endpoint(in->login_url, &where, err);
    if (st != EASG_OK)
        err_at(err, st, "login_url");
    if (st == EASG_OK && (st = http_url_endpoint(in->graph_url, &where, err)) != EASG_OK)
        err_at(err, st, "graph_url");
    strbuf_clear(&where);
    return st == EASG_OK ? read_plans(in, cfg, err) : st;
}

static easg_status EASG_CALL intune_create(const easg_host *host, const easg_config *cfg,
                                           easg_instance **out, easg_error *err)
{
    easg_instance *in = mem_alloc(sizeof *in);
    easg_status st;

    *out = NULL;
    if (!in)
        return err_nomem(err);
    in->host = host;
    st = read_config(in, cfg, err);
    if (st != EASG_OK) {
        mem_free(in);
        return opt_place(host, cfg, st, err);
    }
    *out = in;
    return EASG_OK;
}

static void EASG_CALL intune_destroy(easg_instance *in)
{
    mem_free(in);
}

/* ---- what the libraries ask of the host ---- */

static int env_cancelled(void *user)
{
    const struct easg_session *s = user;

    return s->in->host->cancelled(s->in->host, s->run);
}

static int64_t env_remaining(void *user)
{
    const struct easg_session *s = user;

    return s->in->host->remaining_ms(s->in->host, s->run);
}

static easg_status env_sleep(void *user, int64_t ms)
{
    const struct easg_session *s = user;

    return s->in->host->sleep_ms(s->in->host, s->run, ms);
}

static easg_time env_now(void *user)
{
    const struct easg_session *s = user;

    return s->in->host->now(s->in->host);
}

static int64_t env_monotonic(void *user)
{
    const struct easg_session *s = user;

    return s->in->host->monotonic_ms(s->in->host);
}

static void env_retried(void *user, const char *text, int64_t wait_ms)
{
    intune_log(user, EASG_LOG_WARNING, text, "wait_ms", (uint64_t)wait_ms, NULL, 0);
}

/* ---- session ---- */

/* Inside with_secret(): the bytes are gone when this returns, so the key is made here. */
struct sign_in {
    struct easg_session *s;
    const struct http_options *http;
    easg_error *err;
};

static easg_status EASG_CALL make_oauth(void *user, const uint8_t *ptr, size_t len)
{
    const struct sign_in *in = user;
    const easg_instance *self = in->s->in;
    struct strbuf scope = STRBUF_INIT(2048);
    size_t url_len = strlen(self->graph_url);
    struct oauth_options o = { .login_url = self->login_url,
                               .tenant = self->tenant,
                               .client_id = self->client_id,
                               .alg = self->alg,
                               .http = in->http,
                               .now = env_now,
                               .monotonic_ms = env_monotonic,
                               .user = in->s };
    easg_status st;

    while (url_len && self->graph_url[url_len - 1] == '/')
        url_len--;
    strbuf_add(&scope, self->graph_url, url_len);
    strbuf_adds(&scope, "/.default");
    if (strbuf_status(&scope) != EASG_OK)
        return err_nomem(in->err);
    o.scope = scope.ptr;
    if (self->certificate) {
        o.pem = (const char *)ptr;
        o.pem_len = len;
    } else {
        o.client_secret = (const char *)ptr;
        o.client_secret_len = len;
    }
    st = oauth_create(&o, &in->s->oauth, in->err);
    strbuf_clear(&scope);
    return st;
}

static void tell_about_credentials(struct easg_session *s)
{
    easg_time expires = oauth_certificate_expires(s->oauth);
    int64_t skew = oauth_clock_skew_ms(s->oauth);
    easg_time left = expires == EASG_TIME_NONE ? EXPIRY_NOTICE : expires - env_now(s);

    if (left < EXPIRY_NOTICE)
        intune_log(s, EASG_LOG_WARNING,
                   "the app's certificate expires soon: make a new one and upload it", "days",
                   (uint64_t)(left > 0 ? left / DAY_MS : 0), NULL, 0);
    if (skew > SKEW_NOTICE_MS || skew < -SKEW_NOTICE_MS)
        intune_log(s, EASG_LOG_WARNING,
                   skew > 0 ? "this machine's clock is ahead of the login server's"
                            : "this machine's clock is behind the login server's",
                   "seconds", (uint64_t)((skew < 0 ? -skew : skew) / 1000), NULL, 0);
}

static void EASG_CALL intune_close(easg_session *s)
{
    if (!s)
        return;
    graph_destroy(s->graph);
    oauth_destroy(s->oauth);
    mem_free(s);
}

/* The login service is asked again where waiting helps; Graph's own pages are graph's business. */
static easg_status first_token(struct easg_session *s, easg_error *err)
{
    int64_t wait = 1000;

    for (int attempt = 1;; attempt++) {
        int64_t left = env_remaining(s);
        const char *header;
        easg_status st;

        if (left <= 0)
            return err_set(err, EASG_E_TIMEOUT, "no time left to sign in");
        st = oauth_get(s->oauth, left < s->in->request_ms ? left : s->in->request_ms, &header, err);
        if ((st != EASG_E_THROTTLED && st != EASG_E_UNAVAILABLE && st != EASG_E_UNREACHABLE) ||
            attempt == SIGN_IN_ATTEMPTS)
            return st;
        if (err->retry_after_ms)
            wait = err->retry_after_ms;
        if (wait >= env_remaining(s))
            return st;
        env_retried(s, err->message, wait);
        st = env_sleep(s, wait);
        if (st != EASG_OK)
            return err_set(err, st, "stopped while waiting to sign in again");
        err_clear(err);
        wait *= 2;
    }
}

static easg_status sign_in(struct easg_session *s, easg_error *err)
{
    const easg_instance *in = s->in;
    struct http_options http = { .ca_file = in->ca_file,
                                 .user_agent = "easgate-intune/" EASGATE_VERSION,
                                 .connect_timeout_ms = (uint32_t)in->connect_ms,
                                 .stall_timeout_ms = (uint32_t)in->request_ms,
                                 .cancelled = env_cancelled,
                                 .user = s };
    struct graph_options graph = { .graph_url = in->graph_url,
                                   .http = &http,
                                   .request_timeout_ms = in->request_ms,
                                   .remaining_ms = env_remaining,
                                   .sleep_ms = env_sleep,
                                   .retried = env_retried,
                                   .user = s };
    struct sign_in with = { s, &http, err };
    const easg_config *secret = in->certificate ? in->certificate : in->client_secret;
    easg_status st = in->host->with_secret(in->host, secret, make_oauth, &with, err);

    if (st != EASG_OK)
        return st;
    st = first_token(s, err);
    tell_about_credentials(s);
    if (st != EASG_OK)
        return st;
    graph.oauth = s->oauth;
    return graph_create(&graph, &s->graph, err);
}

static easg_status EASG_CALL intune_open(easg_instance *self, const easg_run *run,
                                         easg_session **out, easg_error *err)
{
    struct easg_session *s = mem_alloc(sizeof *s);
    easg_status st;

    *out = NULL;
    if (!s)
        return err_nomem(err);
    s->in = self;
    s->run = run;
    st = sign_in(s, err);
    if (st != EASG_OK) {
        intune_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

/* Groups come first, so that each person can be handed on as soon as it is read. */
static easg_status EASG_CALL intune_fetch(easg_session *s, const easg_run *run,
                                          const easg_facts_query *query,
                                          const easg_sink_receiver *to, easg_error *err)
{
    struct guid_set targeted = { NULL, 0, 0 }, exempt = { NULL, 0, 0 };
    easg_status st;

    s->run = run;
    st = intune_fetch_groups(s, "policy.include_groups", query->include_groups,
                             query->n_include_groups, &targeted, err);
    if (st == EASG_OK)
        st = intune_fetch_groups(s, "policy.exclude_groups", query->exclude_groups,
                                 query->n_exclude_groups, &exempt, err);
    if (st == EASG_OK)
        st = intune_fetch_people(s, query->n_include_groups ? &targeted : NULL, &exempt, to, err);
    if (st == EASG_OK)
        st = intune_fetch_devices(s, to, err);
    guid_set_clear(&targeted);
    guid_set_clear(&exempt);
    return st;
}

/* ---- what the host sees ---- */

#define OPTION(var, option_name, option_type, option_flags, fallback, words, text)                 \
    static const easg_option var = { .struct_size = (uint32_t)sizeof(easg_option),                 \
                                     .type = (option_type),                                        \
                                     .flags = (option_flags),                                      \
                                     .name = (option_name),                                        \
                                     .default_value = (fallback),                                  \
                                     .allowed = (words),                                           \
                                     .doc = (text) }

OPTION(opt_tenant, "tenant", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL, NULL,
       "GUID or domain of the Entra tenant");
OPTION(opt_client_id, "client_id", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL, NULL,
       "GUID of the app registration");
OPTION(opt_certificate, "certificate", EASG_OPT_SECRET, 0, NULL, NULL,
       "PEM with the app's certificate and its private key; this or client_secret");
OPTION(opt_client_secret, "client_secret", EASG_OPT_SECRET, 0, NULL, NULL,
       "client secret of the app, where a certificate cannot be had");
OPTION(opt_assertion, "assertion", EASG_OPT_ENUM, 0, "ps256", "ps256|rs256",
       "signature of the certificate assertion; rs256 for older national clouds");
OPTION(opt_login_url, "login_url", EASG_OPT_URL, 0, "https://login.microsoftonline.com", NULL,
       "origin of the login service of the tenant's cloud");
OPTION(opt_graph_url, "graph_url", EASG_OPT_URL, 0, "https://graph.microsoft.com", NULL,
       "origin of Microsoft Graph in the tenant's cloud");
OPTION(opt_ca_file, "ca_file", EASG_OPT_STRING, 0, NULL, NULL,
       "PEM file of certificates to trust instead of the system's");
OPTION(opt_service_plans, "service_plans", EASG_OPT_LIST, 0, "[" DEFAULT_PLAN "]", NULL,
       "service plans of which one, enabled, makes a person licensed");
OPTION(opt_page_size, "page_size", EASG_OPT_INT, 0, "999", "1..999",
       "elements asked for in a page");
OPTION(opt_connect, "timeout.connect", EASG_OPT_DURATION, 0, "15s", NULL,
       "time to make a connection");
OPTION(opt_request, "timeout.request", EASG_OPT_DURATION, 0, "60s", NULL,
       "time for one request and its answer");

static const easg_option *const options[] = {
    &opt_tenant,
    &opt_client_id,
    &opt_certificate,
    &opt_client_secret,
    &opt_assertion,
    &opt_login_url,
    &opt_graph_url,
    &opt_ca_file,
    &opt_service_plans,
    &opt_page_size,
    &opt_connect,
    &opt_request,
    NULL,
};

static const easg_sink_ops ops = {
    .struct_size = (uint32_t)sizeof(easg_sink_ops),
    .open = intune_open,
    .close = intune_close,
    .fetch = intune_fetch,
};

static const easg_module module = {
    .struct_size = (uint32_t)sizeof(easg_module),
    .kind = EASG_KIND_SINK,
    .id = "intune",
    .summary = "people and managed devices from Microsoft Intune, over Microsoft Graph",
    .options = options,
    .ops = &ops,
    .create = intune_create,
    .destroy = intune_destroy,
};

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0),   .name = "intune", .version = EASGATE_VERSION, .vendor = "easgate",
    .license = "Apache-2.0", .url = NULL,      .modules = modules,
};

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major >= EASG_ABI_MAJOR && offer->abi_major_min <= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
