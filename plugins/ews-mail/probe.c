/* SPDX-License-Identifier: Apache-2.0
 *
 * easg.probe/1: the way to the mailbox that sends, hop by hop. Nothing is sent.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <easgate/draft/probe.h>

#include "ews_mail.h"

#include "err.h"
#include "text.h"

#define EXPIRY_NOTE 30
#define SKEW_NOTE   (5 * 60 * 1000)

struct walking {
    struct easg_session *s;
    const easg_probe_receiver *to;
    easg_status refused;
};

EASG_PRINTF(5, 6)
static void tell(struct walking *w, easg_probe_grade grade, easg_status st, const char *name,
                 const char *fmt, ...)
{
    char text[800];
    easg_probe_hop hop = { .struct_size = sizeof hop,
                           .grade = grade,
                           .status = grade == EASG_PROBE_FAILED ? st : EASG_OK,
                           .name = text_str(name) };
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hop.text = text_str(text);
    if (w->refused == EASG_OK)
        w->refused = w->to->hop(w->to, &hop);
}

/* ---- the connection, without credentials ---- */

static void tell_server(struct walking *w, const struct http *http)
{
    const easg_host *h = w->s->self->host;
    easg_time date = http_date(http);
    int64_t skew = date == EASG_TIME_NONE ? 0 : h->now(h) - date;
    char issuer[160];
    int days = 0;

    if (http_certificate_look(http, issuer, &days))
        tell(w, days < EXPIRY_NOTE ? EASG_PROBE_NOTE : EASG_PROBE_OK, EASG_OK, "certificate",
             "verified, of %.150s; it expires in %d days%s", issuer, days,
             days < EXPIRY_NOTE ? ": renew it on the server" : "");
    if (skew > SKEW_NOTE || skew < -SKEW_NOTE)
        tell(w, EASG_PROBE_NOTE, EASG_OK, "clock",
             "ours is %" PRId64 " s %s the server's: Kerberos allows 300 s; set the clocks "
             "(chrony, NTP)",
             (skew < 0 ? -skew : skew) / 1000, skew < 0 ? "behind" : "ahead of");
    else if (date != EASG_TIME_NONE)
        tell(w, EASG_PROBE_OK, EASG_OK, "clock", "within %" PRId64 " s of the server's",
             (skew < 0 ? -skew : skew) / 1000 + 1);
}

static int connection(struct walking *w, const char *url)
{
    const easg_host *h = w->s->self->host;
    int64_t left = h->remaining_ms(h, w->s->run);
    struct http_request request = { .method = "GET",
                                    .url = url,
                                    .max_response = 65536,
                                    .idempotent = 1,
                                    .timeout_ms = left < 30000 ? left : 30000 };
    struct http_response response = { 0 };
    easg_error err = EASG_ERROR_INIT;
    struct http *http = NULL;
    easg_status st = left > 0 ? http_create(&w->s->http, &http, &err)
                              : err_set(&err, EASG_E_TIMEOUT, "no time left");

    if (st == EASG_OK)
        st = http_perform(http, &request, &response, &err);
    if (st != EASG_OK) {
        tell(w, EASG_PROBE_FAILED, st, st == EASG_E_UNTRUSTED ? "TLS" : "connection", "%s%s",
             err.message,
             st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT
                 ? "; look at service_url or autodiscover.server, the name service, and what "
                   "stands between"
                 : "");
    } else if (response.status == 404 || response.status >= 500) {
        st = response.status == 404 ? EASG_E_CONFIG : EASG_E_UNAVAILABLE;
        tell(w, EASG_PROBE_FAILED, st, "connection",
             "%s: HTTP %d at %s: look at the EWS virtual directory and its application pool",
             http_endpoint(http), response.status, url);
    } else {
        tell(w, EASG_PROBE_OK, EASG_OK, "connection", "%s answers (HTTP %d)", http_endpoint(http),
             response.status);
        tell_server(w, http);
    }
    http_destroy(http);
    return st == EASG_OK;
}

/* ---- the account ---- */

static const char *remedy(easg_status st)
{
    switch (st) {
    case EASG_E_AUTH:
        return "; look at auth.user and its secret, whether the account is locked, and which "
               "log-ons the EWS virtual directory offers";
    case EASG_E_DENIED:
        return "; the account needs a mailbox of its own, or ApplicationImpersonation for "
               "`impersonate: true`";
    default: return "";
    }
}

static void walk_service(struct walking *w)
{
    char url[512], how[80];
    easg_error err = EASG_ERROR_INIT;
    easg_status st = ews_mail_locate(w->s, url, how, &err);

    if (st != EASG_OK) {
        tell(w, EASG_PROBE_FAILED, st, "Autodiscover", "%s%s", err.message,
             st == EASG_E_UNREACHABLE ? "; or name the service in service_url" : remedy(st));
        tell(w, EASG_PROBE_SKIPPED, EASG_OK, "mailbox", "EWS has to be found first");
        return;
    }
    tell(w, EASG_PROBE_OK, EASG_OK, "Autodiscover", "EWS is %.400s (%.80s)", url, how);
    if (!connection(w, url)) {
        tell(w, EASG_PROBE_SKIPPED, EASG_OK, "mailbox", "the connection has to be right first");
        return;
    }
    st = ews_mail_open_at(w->s, url, &err);
    if (st == EASG_OK)
        tell(w, EASG_PROBE_OK, EASG_OK, "mailbox", "Sent Items of %.200s can be read",
             w->s->self->mailbox.ptr);
    else
        tell(w, EASG_PROBE_FAILED, st, st == EASG_E_AUTH ? "log-on" : "mailbox", "%s%s",
             err.message, remedy(st));
}

static easg_status EASG_CALL walk(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                  easg_error *err)
{
    struct walking w = { NULL, to, EASG_OK };
    easg_error why = EASG_ERROR_INIT;
    easg_status st = ews_mail_session(self, run, &w.s, &why);

    (void)endpoint;
    (void)err;
    if (st != EASG_OK) {
        tell(&w, EASG_PROBE_FAILED, st, "credentials", "%s", why.message);
        return w.refused;
    }
    walk_service(&w);
    ews_mail_close(w.s);
    return w.refused;
}

static const easg_probe_ops ops = { .struct_size = sizeof ops, .walk = walk };

const void *EASG_CALL ews_mail_extension(easg_instance *self, const char *id)
{
    (void)self;
    return strcmp(id, EASG_PROBE) == 0 ? &ops : NULL;
}
