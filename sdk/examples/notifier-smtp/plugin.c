/* SPDX-License-Identifier: Apache-2.0
 *
 * notifier-smtp: mail by SMTP submission (RFC 6409), over TLS, with a log-on where the server wants
 * one. For sites without Exchange Web Services. The mail's text is made by the support library
 * (mime.h), the conversation is libcurl's.
 *
 * SMTP cannot be asked what became of a message, so there is no settle(): a mail whose last answer
 * was lost is uncertain and stays so, and the host does not send it again.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include <easgate/notifier.h>

#include "err.h"
#include "mime.h"
#include "plugin_opt.h"
#include "secret.h"
#include "text.h"

#define MAX_MAIL ((size_t)2 << 20)

struct easg_instance {
    const easg_host *host;
    /* borrowed from the configuration */
    easg_str server, from, from_name, user, ca_file;
    const easg_config *password;
    int implicit_tls; /* 1: TLS from the first byte (port 465); 0: STARTTLS, never without */
    int64_t connect_ms, send_ms;
};

struct easg_session {
    const easg_instance *self;
    const easg_run *run; /* of the call at hand */
    CURL *curl;
    const struct strbuf *mail; /* being sent */
    size_t sent;
    int handed_over; /* its last byte was asked for */
    char reply[160]; /* the server's last line, or its first refusal */
};

/* ---- options ---- */

#define OPTION(var, type_, flags_, name_, default_, allowed_, doc_)                                \
    static const easg_option var = { .struct_size = sizeof(easg_option),                           \
                                     .type = (type_),                                              \
                                     .flags = (flags_),                                            \
                                     .name = (name_),                                              \
                                     .default_value = (default_),                                  \
                                     .allowed = (allowed_),                                        \
                                     .doc = (doc_) }

OPTION(o_server, EASG_OPT_STRING, EASG_OPTF_REQUIRED, "server", NULL, NULL,
       "Host, or host:port, of the submission server; port 587, or 465 with tls: implicit.");
OPTION(o_tls, EASG_OPT_ENUM, 0, "tls", "starttls", "starttls|implicit",
       "How TLS begins; a server without it is never used.");
OPTION(o_from, EASG_OPT_STRING, EASG_OPTF_REQUIRED, "from", NULL, NULL,
       "Address of the sender, in the envelope and in From.");
OPTION(o_from_name, EASG_OPT_STRING, 0, "from_name", NULL, NULL, "Name beside it.");
OPTION(o_user, EASG_OPT_STRING, 0, "auth.user", NULL, NULL, "Account; without it nobody logs on.");
OPTION(o_password, EASG_OPT_SECRET, 0, "auth.password", NULL, NULL, "Its password.");
OPTION(o_ca, EASG_OPT_STRING, 0, "ca_file", NULL, NULL,
       "Certificates (PEM) that the server's is checked against, instead of the system's.");
OPTION(o_connect, EASG_OPT_DURATION, 0, "timeout.connect", "15s", "100ms..10m",
       "Name, TCP, TLS and log-on together.");
OPTION(o_send, EASG_OPT_DURATION, 0, "timeout.send", "2m", "1s..10m", "One mail.");

static const easg_option *const options[] = { &o_server, &o_tls,      &o_from, &o_from_name,
                                              &o_user,   &o_password, &o_ca,   &o_connect,
                                              &o_send,   NULL };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    easg_instance *self = mem_alloc(sizeof *self);
    easg_str tls;
    easg_status st = EASG_OK;

    *out = NULL;
    if (!self)
        return err_nomem(err);
    self->host = host;
    self->server = opt_str(host, cfg, "server");
    self->from = opt_str(host, cfg, "from");
    self->from_name = opt_str(host, cfg, "from_name");
    self->user = opt_str(host, cfg, "auth.user");
    self->ca_file = opt_str(host, cfg, "ca_file");
    self->password = host->cfg_get(host, cfg, "auth.password");
    self->connect_ms = opt_duration(host, cfg, "timeout.connect", 15000);
    self->send_ms = opt_duration(host, cfg, "timeout.send", 120000);
    tls = opt_str(host, cfg, "tls");
    self->implicit_tls = tls.ptr && text_eq(&tls, "implicit");
    if (text_blank(&self->server) || strpbrk(self->server.ptr, "/@?# \t\r\n"))
        st = opt_error(host, cfg, "server", err, "`server` must be a host name or host:port");
    else if (!mime_address_ok(&self->from))
        st = opt_error(host, cfg, "from", err, "`from` must be an address");
    else if (!text_blank(&self->user) && !self->password)
        st = opt_error(host, cfg, "auth", err, "`auth.password` is missing");
    if (st != EASG_OK) {
        mem_free(self);
        return opt_place(host, cfg, st, err);
    }
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self);
}

/* ---- what libcurl calls ---- */

static size_t give(char *buffer, size_t size, size_t n, void *user)
{
    struct easg_session *s = user;
    size_t left = s->mail ? s->mail->len - s->sent : 0;
    size_t len = size * n < left ? size * n : left;

    if (len)
        memcpy(buffer, s->mail->ptr + s->sent, len);
    s->sent += len;
    s->handed_over = s->mail && s->sent == s->mail->len;
    return len;
}

/* Lines of the server, "250 2.0.0 OK". */
static size_t take(char *line, size_t size, size_t n, void *user)
{
    struct easg_session *s = user;
    size_t len = size * n;

    while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (s->reply[0] != '4' && s->reply[0] != '5')
        (void)text_safe(line, len, s->reply, sizeof s->reply);
    return size * n;
}

static size_t drop(char *data, size_t size, size_t n, void *user)
{
    (void)data, (void)user;
    return size * n;
}

static int stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct easg_session *s = user;

    (void)a, (void)b, (void)c, (void)d;
    return s->self->host->cancelled(s->self->host, s->run) ? 1 : 0;
}

/* ---- what went wrong ---- */

static easg_status by_reply(const struct easg_session *s, long code)
{
    switch (code) {
    case 421:
    case 450:
    case 451:
    case 452: return EASG_E_UNAVAILABLE;
    case 454:
    case 530:
    case 534:
    case 535:
    case 538: return EASG_E_AUTH;
    case 550:
    case 551:
    case 553: return s->handed_over ? EASG_E_FAIL : EASG_E_NOTFOUND;
    case 552: return EASG_E_LIMIT;
    default: return code >= 500 ? EASG_E_FAIL : EASG_E_UNAVAILABLE;
    }
}

static easg_status status_of(const struct easg_session *s, CURLcode rc, long code)
{
    switch (rc) {
    case CURLE_LOGIN_DENIED: return EASG_E_AUTH;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED: return EASG_E_UNTRUSTED;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return EASG_E_CONFIG;
    case CURLE_OUT_OF_MEMORY: return EASG_E_NOMEM;
    case CURLE_ABORTED_BY_CALLBACK: return EASG_E_CANCELLED;
    default: break;
    }
    if (code >= 400) /* the server refused, so it did not take it */
        return by_reply(s, code);
    return rc == CURLE_OPERATION_TIMEDOUT ? EASG_E_TIMEOUT : EASG_E_UNREACHABLE;
}

static easg_status failed(struct easg_session *s, CURLcode rc, easg_error *err)
{
    easg_status st;
    long code = 0;

    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
    st = status_of(s, rc, code);
    /* All of it was handed over and no refusal came: it may have been taken. */
    if (s->handed_over && code < 400)
        st = EASG_E_UNCERTAIN;
    return err_native(err, st, EASG_DOMAIN_CURL, rc, "%.200s: %s%s%s%s", s->self->server.ptr,
                      curl_easy_strerror(rc), s->reply[0] ? " (the server says: " : "", s->reply,
                      s->reply[0] ? ")" : "");
}

/* ---- session ---- */

static void EASG_CALL session_close(easg_session *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->curl);
    mem_free(s);
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (rc == CURLE_OK)                                                                        \
            rc = curl_easy_setopt(s->curl, option, value);                                         \
    } while (0)

static CURLcode set_up(struct easg_session *s)
{
    const easg_instance *self = s->self;
    struct strbuf url = STRBUF_INIT(1024);
    CURLcode rc = CURLE_OK;

    strbuf_adds(&url, self->implicit_tls ? "smtps://" : "smtp://");
    strbuf_add_str(&url, &self->server);
    if (!strchr(self->server.ptr, ':') && !self->implicit_tls)
        strbuf_adds(&url, ":587");
    if (strbuf_status(&url) != EASG_OK)
        rc = CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_URL, strbuf_str(&url));
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    if (self->ca_file.ptr)
        SET(CURLOPT_CAINFO, self->ca_file.ptr);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)self->connect_ms);
    SET(CURLOPT_READFUNCTION, give);
    SET(CURLOPT_READDATA, s);
    SET(CURLOPT_HEADERFUNCTION, take);
    SET(CURLOPT_HEADERDATA, s);
    SET(CURLOPT_WRITEFUNCTION, drop);
    SET(CURLOPT_XFERINFOFUNCTION, stop);
    SET(CURLOPT_XFERINFODATA, s);
    SET(CURLOPT_NOPROGRESS, 0L);
    strbuf_clear(&url);
    return rc;
}

static easg_status EASG_CALL with_password(void *user, const uint8_t *ptr, size_t len)
{
    struct easg_session *s = user;
    struct strbuf password = STRBUF_INIT(1024);
    CURLcode rc = CURLE_OK;

    if (!strbuf_reserve(&password, len + 1))
        return EASG_E_NOMEM;
    strbuf_add(&password, ptr, len);
    SET(CURLOPT_USERNAME, s->self->user.ptr);
    SET(CURLOPT_PASSWORD, strbuf_str(&password)); /* libcurl keeps a copy of its own */
    secret_clear(&password);
    return rc == CURLE_OK ? EASG_OK : EASG_E_NOMEM;
}

static CURLcode perform(struct easg_session *s)
{
    const easg_host *h = s->self->host;
    int64_t left = h->remaining_ms(h, s->run);
    CURLcode rc = CURLE_OK;

    s->sent = 0;
    s->handed_over = 0;
    s->reply[0] = '\0';
    left = left < s->self->send_ms ? left : s->self->send_ms;
    SET(CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
    return rc == CURLE_OK ? curl_easy_perform(s->curl) : rc;
}

/* Connects and logs on, and asks for nothing. */
static easg_status greet(struct easg_session *s, easg_error *err)
{
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_NOBODY, 1L);
    SET(CURLOPT_CUSTOMREQUEST, "NOOP");
    if (rc == CURLE_OK)
        rc = perform(s);
    return rc == CURLE_OK ? EASG_OK : failed(s, rc, err);
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          easg_session **out, easg_error *err)
{
    struct easg_session *s = mem_alloc(sizeof *s);
    easg_status st = EASG_OK;

    *out = NULL;
    if (!s)
        return err_nomem(err);
    s->self = self;
    s->run = run;
    s->curl = curl_easy_init();
    if (!s->curl || set_up(s) != CURLE_OK)
        st = err_nomem(err);
    if (st == EASG_OK && !text_blank(&self->user))
        st = self->host->with_secret(self->host, self->password, with_password, s, err);
    if (st == EASG_E_NOMEM && !err->message[0])
        st = err_nomem(err);
    if (st == EASG_OK)
        st = greet(s, err);
    if (st != EASG_OK) {
        session_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

static easg_status hand_over(struct easg_session *s, const char *to, easg_error *err)
{
    struct curl_slist *rcpt = curl_slist_append(NULL, to);
    CURLcode rc = rcpt ? CURLE_OK : CURLE_OUT_OF_MEMORY;

    SET(CURLOPT_NOBODY, 0L);
    SET(CURLOPT_CUSTOMREQUEST, NULL);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_MAIL_FROM, s->self->from.ptr);
    SET(CURLOPT_MAIL_RCPT, rcpt);
    if (rc == CURLE_OK)
        rc = perform(s);
    (void)curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(rcpt);
    return rc == CURLE_OK ? EASG_OK : failed(s, rc, err);
}

static easg_status EASG_CALL session_send(easg_session *s, const easg_run *run,
                                          const easg_message *m, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(MAX_MAIL);
    struct mime_mail mail = { .from_name = s->self->from_name,
                              .from = s->self->from,
                              .to = m->to_smtp,
                              .subject = m->subject,
                              .text = m->body_text,
                              .key = m->idempotency_key,
                              .key_header = "X-Easgate-Notification-Id",
                              .date = s->self->host->now(s->self->host) };
    easg_status st;

    s->run = run;
    if (EASG_HAS_FIELD(m, body_html))
        mail.html = m->body_html;
    if (EASG_HAS_FIELD(m, language))
        mail.language = m->language;
    st = mime_build(&mail, &text, err);
    if (st != EASG_OK)
        return st;
    s->mail = &text;
    st = hand_over(s, m->to_smtp.ptr, err);
    s->mail = NULL;
    return st;
}

/* ---- what the host sees ---- */

static const easg_notifier_ops ops = {
    .struct_size = sizeof(ops), .open = session_open, .close = session_close, .send = session_send
};

static const easg_module module = { .struct_size = sizeof(module),
                                    .kind = EASG_KIND_NOTIFIER,
                                    .id = "notifier-smtp",
                                    .summary = "Mail by SMTP submission, over TLS",
                                    .options = options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy };

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "notifier-smtp",
                                    .version = "0.1.0",      .vendor = "easgate",
                                    .license = "Apache-2.0", .url = "",
                                    .modules = modules };

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
