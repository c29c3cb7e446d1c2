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

static easg_status EASG_CALL intune_create(const easg_host *host, const easg_config *cfg,
                                           easg_instance **out, easg_error *err)
{
    easg_instance *in = mem_alloc(sizeof *in);
    easg_status st;

    *out = NULL;
    if (!in)
        return err_nomem(err);
    in->host = host;
    st = intune_read_config(in, cfg, err);
    if (st == EASG_OK)
        st = http_config_read(host, cfg, &in->way, err);
    if (st != EASG_OK) {
        mem_free(in);
        return opt_place(host, cfg, st, err);
    }
    *out = in;
    return EASG_OK;
}

static void EASG_CALL intune_destroy(easg_instance *in)
{
    if (in)
        http_config_clear(&in->way);
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

static easg_status EASG_CALL copy_bytes(void *user, const uint8_t *ptr, size_t len)
{
    return strbuf_add(user, (const char *)ptr, len);
}

static easg_status env_federated(void *user, struct strbuf *jwt, easg_error *err)
{
    const struct easg_session *s = user;

    return s->in->host->with_secret(s->in->host, s->in->federated, copy_bytes, jwt, err);
}

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
    if (self->identity.kind != OAUTH_IDENTITY_NONE) {
        o.identity = (struct oauth_identity){ .kind = self->identity.kind,
                                              .endpoint = self->identity.endpoint,
                                              .client_id = self->identity.client_id,
                                              .header = (const char *)ptr,
                                              .header_len = len,
                                              .key_dir = self->identity.key_dir };
    } else if (self->federated) {
        o.federated = env_federated;
    } else if (self->certificate) {
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

void EASG_CALL intune_close(easg_session *s)
{
    if (!s)
        return;
    eas_index_clear(&s->eas);
    graph_destroy(s->graph);
    oauth_destroy(s->oauth);
    proxy_logon_close(s->proxy);
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

easg_status intune_sign_in(struct easg_session *s, easg_error *err)
{
    const easg_instance *in = s->in;
    struct http_options http = { .user_agent = "easgate-intune/" EASGATE_VERSION,
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
    const easg_config *secret = in->identity.header ? in->identity.header
                                : in->certificate   ? in->certificate
                                                    : in->client_secret;
    const char *warning = http_config_warning(&in->way);
    easg_status st;

    if (warning)
        intune_log(s, EASG_LOG_WARNING, warning, NULL, 0, NULL, 0);
    http_config_apply(&in->way, &http);
    st = proxy_logon_open(in->host, &in->way, &http, &s->proxy, err);
    if (st == EASG_OK)
        st = secret ? in->host->with_secret(in->host, secret, make_oauth, &with, err)
                    : make_oauth(&with, NULL, 0);
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
    st = intune_sign_in(s, err);
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
    struct guid_set *watched = NULL;
    size_t n_watched = EASG_HAS_FIELD(query, n_watch_groups) ? query->n_watch_groups : 0;
    easg_status st;

    if (n_watched > 64)
        return err_set(err, EASG_E_LIMIT, "more than 64 groups are asked about");
    if (n_watched && !(watched = mem_array(n_watched, sizeof *watched)))
        return err_nomem(err);
    s->run = run;
    eas_index_clear(&s->eas);
    st = intune_fetch_groups(s, "policy.include_groups", query->include_groups,
                             query->n_include_groups, &targeted, err);
    if (st == EASG_OK)
        st = intune_fetch_groups(s, "policy.exclude_groups", query->exclude_groups,
                                 query->n_exclude_groups, &exempt, err);
    for (size_t i = 0; st == EASG_OK && i < n_watched; i++)
        st = intune_fetch_groups(s, "group of a rule or a ring", &query->watch_groups[i], 1,
                                 &watched[i], err);
    if (st == EASG_OK)
        st = intune_fetch_people(s, query->n_include_groups ? &targeted : NULL, &exempt, watched,
                                 n_watched, to, err);
    if (st == EASG_OK)
        st = intune_fetch_devices(s, to, err);
    guid_set_clear(&targeted);
    guid_set_clear(&exempt);
    for (size_t i = 0; i < n_watched; i++)
        guid_set_clear(&watched[i]);
    mem_free(watched);
    return st;
}

/* ---- what the host sees ---- */

static const easg_sink_ops ops = {
    .struct_size = (uint32_t)sizeof(easg_sink_ops),
    .open = intune_open,
    .close = intune_close,
    .fetch = intune_fetch,
    .publish = intune_publish,
    .report = intune_report,
};

static const easg_module module = {
    .struct_size = (uint32_t)sizeof(easg_module),
    .kind = EASG_KIND_SINK,
    .id = "intune",
    .summary = "people and managed devices from Microsoft Intune, over Microsoft Graph",
    .options = intune_options,
    .ops = &ops,
    .create = intune_create,
    .destroy = intune_destroy,
    .get_extension = intune_extension,
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
