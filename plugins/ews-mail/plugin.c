/* SPDX-License-Identifier: Apache-2.0
 *
 * ews-mail: the notifier for Exchange on premises. A message is sent by Exchange Web Services from
 * a mailbox of its own, with a copy in Sent Items that is the proof of it. What is said to Exchange
 * is in plugins/lib/ews; this file fits it to the ABI.
 */
#include <stdio.h>
#include <string.h>

#include "ews_mail.h"

#include "err.h"
#include "plugin_opt.h"
#include "text.h"

#define MAX_MIME ((size_t)2 << 20)

/* ---- instance ---- */

static void EASG_CALL destroy(easg_instance *self)
{
    http_config_clear(&self->way);
    mem_free(self);
}

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    struct easg_instance *self = mem_alloc(sizeof *self);
    easg_status st;

    *out = NULL;
    if (!self)
        return err_nomem(err);
    self->host = host;
    st = ews_mail_read(self, cfg, err);
    if (st != EASG_OK) {
        destroy(self);
        return opt_place(host, cfg, st, err);
    }
    *out = self;
    return EASG_OK;
}

/* ---- session ---- */

static int env_cancelled(void *user)
{
    const struct easg_session *s = user;

    return s->self->host->cancelled(s->self->host, s->run) != 0;
}

void EASG_CALL ews_mail_close(easg_session *s)
{
    if (!s)
        return;
    ews_destroy(s->ews);
    auth_destroy(s->auth);
    proxy_logon_close(s->proxy);
    auth_certificate_wipe(&s->certificate);
    strbuf_clear(&s->picture_bytes);
    mem_free(s);
}

easg_status ews_mail_session(easg_instance *self, const easg_run *run, easg_session **out,
                             easg_error *err)
{
    struct easg_session *s = mem_alloc(sizeof *s);
    easg_run_info info = { .struct_size = sizeof info };
    easg_status st;

    *out = NULL;
    if (!s)
        return err_nomem(err);
    s->self = self;
    s->run = run;
    s->http = (struct http_options){ .user_agent = "easgate-ews-mail",
                                     .connect_timeout_ms = (uint32_t)self->connect_ms,
                                     .stall_timeout_ms = (uint32_t)self->request_ms,
                                     .cancelled = env_cancelled,
                                     .user = s };
    s->certificate = (struct auth_certificate)AUTH_CERTIFICATE_INIT;
    http_config_apply(&self->way, &s->http);
    if (self->host->run_info(self->host, run, &info) == EASG_OK && info.run_id.len &&
        info.run_id.len < sizeof s->request_id)
        memcpy(s->request_id, info.run_id.ptr, info.run_id.len + 1);
    st = ews_mail_picture(s, err);
    if (http_config_warning(&self->way))
        plugin_log(self->host, EASG_LOG_WARNING, "%s", http_config_warning(&self->way));
    if (st == EASG_OK)
        st = auth_config_open(self->host, &self->logon, &s->http, &s->certificate, &s->auth, err);
    if (st == EASG_OK)
        st = proxy_logon_open(self->host, &self->way, &s->http, &s->proxy, err);
    if (st != EASG_OK) {
        ews_mail_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          easg_session **out, easg_error *err)
{
    struct easg_session *s = NULL;
    easg_status st = ews_mail_session(self, run, &s, err);

    *out = NULL;
    if (st == EASG_OK)
        st = ews_mail_connect(s, err);
    if (st != EASG_OK) {
        ews_mail_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

/* ---- sending ---- */

static easg_status build(const struct easg_session *s, const easg_message *m, struct strbuf *mime,
                         struct strbuf *id, easg_error *err)
{
    const struct easg_instance *self = s->self;
    struct mime_mail mail = { .from_name = self->from_name,
                              .from = self->mailbox,
                              .to = m->to_smtp,
                              .subject = m->subject,
                              .text = m->body_text,
                              .key = m->idempotency_key,
                              .key_header = EWS_KEY_HEADER,
                              .date = self->host->now(self->host) };
    easg_status st;

    if (EASG_HAS_FIELD(m, body_html))
        mail.html = m->body_html;
    if (EASG_HAS_FIELD(m, language))
        mail.language = m->language;
    if (s->picture.type && mail.html.ptr && strstr(mail.html.ptr, "cid:picture@easgate"))
        mail.picture = &s->picture;
    st = mime_build(&mail, mime, err);
    return st == EASG_OK ? mime_message_id(&m->idempotency_key, &self->mailbox, id, err) : st;
}

/* Looking for the mailbox anew ended in the middle. */
static easg_status lost(easg_error *err)
{
    return err_set(err, EASG_E_UNREACHABLE, "EWS is not connected any more");
}

static easg_status EASG_CALL session_send(easg_session *s, const easg_run *run,
                                          const easg_message *m, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf mime = STRBUF_INIT(MAX_MIME);
    EASG_CLEANUP(strbuf_clear) struct strbuf id = STRBUF_INIT(4096);
    struct ews_message message = { .key = m->idempotency_key, .to = m->to_smtp, .mime = &mime };
    easg_status st;

    s->run = run;
    if (!s->ews)
        return lost(err);
    st = build(s, m, &mime, &id, err);
    if (st != EASG_OK)
        return st;
    message.message_id = (easg_str){ id.ptr, id.len };
    if (EASG_HAS_FIELD(m, language))
        message.language = m->language;
    st = ews_send(s->ews, &message, err);
    /* Refused where it was sent, so it was not done there: once more where the mailbox is now. */
    if (st == EASG_E_UNREACHABLE && ews_moved(s->ews)) {
        st = ews_mail_reconnect(s, err);
        if (st == EASG_OK)
            st = ews_send(s->ews, &message, err);
    }
    return st;
}

static easg_status EASG_CALL session_settle(easg_session *s, const easg_run *run,
                                            const easg_message *m, easg_error *err)
{
    easg_status st;

    s->run = run;
    if (!s->ews)
        return lost(err);
    st = ews_find(s->ews, &m->idempotency_key, err);
    if (st == EASG_E_UNREACHABLE && ews_moved(s->ews)) {
        st = ews_mail_reconnect(s, err);
        if (st == EASG_OK)
            st = ews_find(s->ews, &m->idempotency_key, err);
    }
    return st;
}

static const easg_notifier_ops ops = {
    .struct_size = sizeof(ops),
    .open = session_open,
    .close = ews_mail_close,
    .send = session_send,
    .settle = session_settle,
};

static const easg_module module = {
    .struct_size = sizeof(module),
    .kind = EASG_KIND_NOTIFIER,
    .id = "ews-mail",
    .summary = "Mail from a mailbox of the organisation's own Exchange, by Exchange Web Services",
    .options = ews_mail_options,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
    .get_extension = ews_mail_extension,
};

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0),   .name = "ews-mail", .version = "0.1.0", .vendor = "easgate",
    .license = "Apache-2.0", .url = "",          .modules = modules,
};

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
