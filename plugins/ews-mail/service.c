/* SPDX-License-Identifier: Apache-2.0
 *
 * Where EWS is: the option, else the address that was kept from an earlier run, else Autodiscover.
 * What was found is kept; what is kept is a way out when Autodiscover fails.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ews_mail.h"

#include "err.h"
#include "plugin_opt.h"
#include "text.h"

#define STATE_KEY "service"

/* ---- what the libraries ask of the host ---- */

static int64_t env_remaining(void *user)
{
    const struct easg_session *s = user;

    return s->self->host->remaining_ms(s->self->host, s->run);
}

static int64_t env_monotonic(void *user)
{
    const struct easg_session *s = user;

    return s->self->host->monotonic_ms(s->self->host);
}

static easg_status env_sleep(void *user, int64_t ms)
{
    const struct easg_session *s = user;

    return s->self->host->sleep_ms(s->self->host, s->run, ms);
}

static void env_retried(void *user, const char *text, int64_t wait_ms)
{
    const struct easg_session *s = user;

    plugin_log(s->self->host, EASG_LOG_WARNING, "%s; asking again in %" PRId64 " ms", text,
               wait_ms);
}

static void env_tried(void *user, const char *text)
{
    const struct easg_session *s = user;

    plugin_log(s->self->host, EASG_LOG_INFO, "%s", text);
}

/* ---- what is kept: "URL\nMILLISECONDS" ---- */

struct kept {
    char url[512];
    easg_time at;
};

static easg_status EASG_CALL read_kept(void *user, const uint8_t *ptr, size_t len)
{
    struct kept *k = user;
    const char *text = (const char *)ptr;
    const char *end = len ? memchr(text, '\n', len) : NULL;
    uint64_t at;

    if (!end || (size_t)(end - text) >= sizeof k->url ||
        !text_parse_u64(end + 1, len - (size_t)(end + 1 - text), &at))
        return EASG_OK; /* of another version: as if there were none */
    memcpy(k->url, text, (size_t)(end - text));
    k->url[end - text] = '\0';
    k->at = (easg_time)at;
    return EASG_OK;
}

static void keep(struct easg_session *s, const char *url)
{
    const easg_host *h = s->self->host;
    easg_error err = EASG_ERROR_INIT;
    char value[600];
    int n = snprintf(value, sizeof value, "%s\n%" PRId64, url, h->now(h));

    if (h->state_put(h, s->run, STATE_KEY, (const uint8_t *)value, (size_t)n, &err) != EASG_OK)
        plugin_log(h, EASG_LOG_WARNING, "the address of EWS cannot be kept: %s", err.message);
}

/* ---- Autodiscover ---- */

/* 1: the configured server has EWS at the usual place. Nothing is sent there but the question. */
static int usual_place(struct easg_session *s, char *url, size_t size)
{
    struct http_response response = { 0 };
    struct http_request r = { .method = "GET", .url = url, .max_response = 65536, .idempotent = 1 };
    easg_error err = EASG_ERROR_INIT;
    struct http *http = NULL;
    int there = 0;

    if (text_blank(&s->self->server))
        return 0;
    (void)snprintf(url, size, "https://%.400s/EWS/Exchange.asmx", s->self->server.ptr);
    r.timeout_ms = env_remaining(s) < 30000 ? env_remaining(s) : 30000;
    if (r.timeout_ms > 0 && http_create(&s->http, &http, &err) == EASG_OK &&
        http_perform(http, &r, &response, &err) == EASG_OK)
        there = response.status == 401 || response.status == 200;
    http_destroy(http);
    return there;
}

static easg_status discover(struct easg_session *s, char url[512], char how[80], easg_error *err)
{
    const struct easg_instance *self = s->self;
    struct ews_discover_options o = { .mailbox = self->mailbox.ptr,
                                      .server = text_blank(&self->server) ? NULL : self->server.ptr,
                                      .allow = self->allow_at,
                                      .n_allow = self->n_allow,
                                      .soap = 1,
                                      .pox = 1,
                                      .json = 1,
                                      .srv = self->srv,
                                      .auth = s->auth,
                                      .http = &s->http,
                                      .remaining_ms = env_remaining,
                                      .tried = env_tried,
                                      .user = s };
    struct ews_found found;
    easg_status st = ews_discover(&o, &found, err);

    if (st == EASG_OK) {
        plugin_log(self->host, EASG_LOG_INFO, "Autodiscover: EWS is %s (%s)", found.url, found.how);
        memcpy(url, found.url, 512);
        memcpy(how, found.how, 80);
        keep(s, url);
    } else if (st == EASG_E_UNREACHABLE && usual_place(s, url, 512)) {
        plugin_log(self->host, EASG_LOG_WARNING, "%s; %s answers, so that is taken", err->message,
                   url);
        err_clear(err);
        (void)snprintf(how, 80, "the usual place: Autodiscover led nowhere");
        st = EASG_OK;
    }
    return st;
}

easg_status ews_mail_locate(struct easg_session *s, char url[512], char how[80], easg_error *err)
{
    const easg_str *fixed = &s->self->service_url;

    if (text_blank(fixed))
        return discover(s, url, how, err);
    (void)snprintf(url, 512, "%.500s", fixed->ptr);
    (void)snprintf(how, 80, "the option service_url");
    return EASG_OK;
}

/* ---- connecting ---- */

easg_status ews_mail_open_at(struct easg_session *s, const char *url, easg_error *err)
{
    struct ews_options o = { .url = url,
                             .mailbox = s->self->mailbox.ptr,
                             .impersonate = s->self->impersonate,
                             .request_id = s->request_id[0] ? s->request_id : NULL,
                             .auth = s->auth,
                             .http = &s->http,
                             .request_timeout_ms = s->self->request_ms,
                             .remaining_ms = env_remaining,
                             .monotonic_ms = env_monotonic,
                             .sleep_ms = env_sleep,
                             .retried = env_retried,
                             .user = s };
    easg_status st;

    ews_destroy(s->ews);
    s->ews = NULL;
    if (url != s->url)
        (void)snprintf(s->url, sizeof s->url, "%s", url);
    st = ews_create(&o, &s->ews, err);
    return st == EASG_OK ? ews_probe(s->ews, err) : st;
}

static int elsewhere(const struct easg_session *s, easg_status st)
{
    return st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT || (s->ews && ews_moved(s->ews));
}

easg_status ews_mail_connect(struct easg_session *s, easg_error *err)
{
    const struct easg_instance *self = s->self;
    const easg_host *h = self->host;
    struct kept kept = { "", 0 };
    easg_error why = EASG_ERROR_INIT;
    char url[512], how[80];
    easg_status st;

    if (!text_blank(&self->service_url))
        return ews_mail_open_at(s, self->service_url.ptr, err);
    st = h->state_get(h, s->run, STATE_KEY, read_kept, &kept, err);
    if (st != EASG_OK && st != EASG_E_NOTFOUND)
        return st;
    err_clear(err);
    if (kept.url[0] && h->now(h) - kept.at < self->refresh_ms && h->now(h) >= kept.at) {
        st = ews_mail_open_at(s, kept.url, err);
        if (!elsewhere(s, st))
            return st;
        err_clear(err);
    }
    st = discover(s, url, how, &why);
    if (st == EASG_OK)
        return ews_mail_open_at(s, url, err);
    if (st == EASG_E_UNREACHABLE && kept.url[0]) {
        plugin_log(h, EASG_LOG_WARNING, "%s; the last address that worked is used", why.message);
        return ews_mail_open_at(s, kept.url, err);
    }
    err_copy(err, &why);
    return st;
}

easg_status ews_mail_reconnect(struct easg_session *s, easg_error *err)
{
    char url[512], how[80];
    easg_error why = EASG_ERROR_INIT;
    easg_status st;

    if (!text_blank(&s->self->service_url))
        return EASG_E_UNREACHABLE; /* `err` says why; the option has to change */
    st = discover(s, url, how, &why);
    if (st != EASG_OK || strcmp(url, s->url) == 0)
        return EASG_E_UNREACHABLE;
    err_clear(err);
    return ews_mail_open_at(s, url, err);
}
