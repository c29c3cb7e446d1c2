/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - the only place that sends mail. `sending` is committed before the module is called and
 * the outcome after it; what an interrupted run left, and what the module is not sure of, is looked
 * for before anything is sent again. So a mail comes once, whenever the process dies.
 */
#include "sync_outbox.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define BATCH 50

static easg_status record(struct outbox *o, const struct store_mail *m, const char *state,
                          const char *error, easg_error *err)
{
    easg_status st = store_begin(o->s->store, 1, err);

    store_at(o->s->store, "mail.record");
    if (st == EASG_OK)
        st = store_set_mail(o->s->store, m->id, state, error, o->s->now, err);
    if (st == EASG_OK)
        st = store_commit(o->s->store, err);
    store_at(o->s->store, "mail.recorded");
    return st;
}

/* ---- the module ---- */

/* NULL: no mail goes out in this run; said once. */
static struct session_ref *session(struct outbox *o, easg_error *why)
{
    if (!o->opened && o->s->notifier) {
        o->opened = 1;
        if (notifier_open(o->s->notifier, o->s->o->run, &o->session, why) != EASG_OK) {
            o->session = NULL;
            o->down = 1;
            LOG_ERROR(o->s->log, "no mail can be sent", F_STR("error", why->message));
        }
    }
    return o->session;
}

void outbox_close(struct outbox *o)
{
    session_close(o->session);
    o->session = NULL;
}

/* ---- the text ---- */

static void add_words(const struct store_words *w, const char *device_id, struct strbuf *out)
{
    const struct strbuf *name = w->model.len ? &w->model : w->type.len ? &w->type : NULL;

    if (w->friendly_name.len && (!name || strcmp(strbuf_str(&w->friendly_name), name->ptr) != 0)) {
        strbuf_add(out, w->friendly_name.ptr, w->friendly_name.len);
        strbuf_adds(out, ", ");
    }
    if (name) {
        strbuf_add(out, name->ptr, name->len);
        strbuf_adds(out, ", ");
    }
    if (w->os.len) {
        strbuf_add(out, w->os.ptr, w->os.len);
        strbuf_adds(out, ", ");
    }
    strbuf_adds(out, "ID ");
    strbuf_adds(out, device_id);
}

#define WORDS_INIT                                                                                 \
    {                                                                                              \
        STRBUF_INIT(4096), STRBUF_INIT(4096), STRBUF_INIT(4096), STRBUF_INIT(4096),                \
            STRBUF_INIT(4096)                                                                      \
    }

static void clear_words(struct store_words *w)
{
    strbuf_clear(&w->display_name);
    strbuf_clear(&w->friendly_name);
    strbuf_clear(&w->model);
    strbuf_clear(&w->type);
    strbuf_clear(&w->os);
}

easg_status outbox_describe(struct outbox *o, int64_t mk, int64_t ek, const char *device_id,
                            struct strbuf *out, easg_error *err)
{
    struct store_words w = WORDS_INIT;
    easg_status st = store_get_words(o->s->store, mk, ek, &w, err);

    if (st == EASG_OK)
        add_words(&w, device_id, out);
    clear_words(&w);
    return st == EASG_OK && strbuf_status(out) != EASG_OK ? err_nomem(err) : st;
}

/* The language of the one person whose mailbox it is, in `out`; "" when nobody knows. */
static easg_status language_of(struct outbox *o, int64_t mk, char out[36], easg_error *err)
{
    struct store_mailbox box;
    struct store_person who;
    easg_status st;

    out[0] = '\0';
    memset(&box, 0, sizeof box);
    st = store_get_mailbox(o->s->store, mk, &box, err);
    if (st == EASG_OK)
        st = store_find_person(o->s->store, &box, &who, err);
    if (st == EASG_OK && who.pk)
        st = store_get_language(o->s->store, who.pk, out, err);
    store_clear_mailbox(&box);
    if (st == EASG_E_NOTFOUND) { /* the mailbox is gone; the mail goes out all the same */
        err_clear(err);
        st = EASG_OK;
    }
    return st;
}

static easg_status render(struct outbox *o, const struct store_mail *m, struct mail_text *out,
                          easg_error *err)
{
    struct store_words w = WORDS_INIT;
    struct strbuf device = STRBUF_INIT(16384);
    const struct org_mail *cfg = &o->s->o->org->mail;
    int t = m->template ? mail_template_find(m->template) : -1;
    struct mail_values v = { .helpdesk = cfg->helpdesk,
                             .organization = o->s->o->org->name,
                             .mail = m->mail,
                             .deadline = m->deadline };
    char language[36];
    easg_status st;

    if (t == MAIL_DIGEST)
        return digest_render(o, m, out, err);
    st = store_get_words(o->s->store, m->mk, m->ek, &w, err);
    if (st == EASG_OK)
        st = language_of(o, m->mk, language, err);
    add_words(&w, m->device_id, &device);
    v.user = w.display_name.len ? strbuf_str(&w.display_name) : m->user;
    v.device = strbuf_str(&device);
    /* Time went by since it was written down: what was announced has come. */
    if (t == MAIL_ABOUT && m->deadline != EASG_TIME_NONE && m->deadline <= o->s->now)
        t = MAIL_BLOCKED;
    if (st == EASG_OK)
        st = mail_render(cfg->templates, language, cfg->language,
                         t < 0 ? MAIL_BLOCKED : (enum mail_template)t, &v, out, err);
    clear_words(&w);
    strbuf_clear(&device);
    return st;
}

static void address(const struct store_mail *m, easg_message *out)
{
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->idempotency_key = text_str(m->key);
    out->to_smtp = text_str(m->smtp);
}

/* ---- one mail ---- */

/* What the module said, and what becomes of the mail by it. */
static const char *state_after(struct outbox *o, easg_status st)
{
    switch (st) {
    case EASG_OK: return "sent";
    case EASG_E_UNCERTAIN: return "uncertain";
    case EASG_E_AUTH: /* somebody has to act; no storm of tries until then */
    case EASG_E_DENIED:
    case EASG_E_CONFIG:
    case EASG_E_UNTRUSTED:
    case EASG_E_UNREACHABLE:
    case EASG_E_TIMEOUT:
    case EASG_E_CANCELLED:
    case EASG_E_THROTTLED:
    case EASG_E_UNAVAILABLE: o->down = 1; return "queued";
    default: return "failed";
    }
}

static easg_status send(struct outbox *o, const struct store_mail *m, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    struct mail_text text;
    easg_message message;
    const char *state;
    easg_status st, said;

    mail_text_init(&text);
    said = render(o, m, &text, &why);
    if (said != EASG_OK) {
        mail_text_clear(&text);
        o->failed++;
        return record(o, m, "failed", why.message, err);
    }
    address(m, &message);
    message.subject = (easg_str){ strbuf_str(&text.subject), text.subject.len };
    message.body_text = (easg_str){ strbuf_str(&text.text), text.text.len };
    if (text.html.len)
        message.body_html = (easg_str){ text.html.ptr, text.html.len };
    message.language = text_str(text.language);
    st = record(o, m, "sending", NULL, err);
    if (st == EASG_OK) {
        store_at(o->s->store, "sending");
        said = notifier_send(o->session, &message, &why);
        store_at(o->s->store, "mail.sent");
        state = state_after(o, said);
        o->sent += said == EASG_OK;
        o->failed += strcmp(state, "failed") == 0;
        if (said != EASG_OK)
            LOG_WARNING(o->s->log, "a mail was not delivered", F_STR("device_id", m->device_id),
                        F_STR("state", state), F_STR("error", why.message));
        st = record(o, m, state, said == EASG_OK ? NULL : why.message, err);
    }
    mail_text_clear(&text);
    return st;
}

static easg_status give_up(struct outbox *o, const struct store_mail *m, const char *why,
                           easg_error *err)
{
    char text[480];

    (void)snprintf(text, sizeof text, "%s%s%.400s", why, m->error ? ": " : "",
                   m->error ? m->error : "");
    o->failed++;
    return record(o, m, "failed", text, err);
}

/* Not there: once more after a while, since a server may be slow to show what it took. Only then is
 * it sent again; that it may be is written down with the second search, so that a run that dies
 * between the two does not count as another loss. */
static easg_status missed(struct outbox *o, const struct store_mail *m, easg_error *err)
{
    int again = m->misses % 2 != 0;
    int lost = again && m->misses + 1 >= 2 * OUTBOX_LOST;
    easg_status st = store_begin(o->s->store, 1, err);

    if (st == EASG_OK)
        st = store_miss_mail(o->s->store, m->id, o->s->now, err);
    if (st == EASG_OK && again && !lost)
        st = store_set_mail(o->s->store, m->id, "queued", NULL, o->s->now, err);
    store_at(o->s->store, "mail.missing");
    if (st == EASG_OK)
        st = store_commit(o->s->store, err);
    store_at(o->s->store, "mail.missed");
    if (st != EASG_OK || !again)
        return st;
    if (lost)
        return give_up(o, m, "it was sent and not found again and again", err);
    return send(o, m, err);
}

static easg_status settle(struct outbox *o, const struct store_mail *m, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    easg_message message;
    easg_status said;

    if (m->attempt_at != EASG_TIME_NONE && o->s->now >= m->attempt_at &&
        o->s->now - m->attempt_at < OUTBOX_GRACE_MS)
        return EASG_OK; /* it may still be under way */
    address(m, &message);
    store_at(o->s->store, "mail.settle");
    said = notifier_settle(o->session, &message, &why);
    store_at(o->s->store, "mail.settled");
    switch (said) {
    case EASG_OK: o->sent++; return record(o, m, "sent", NULL, err);
    case EASG_E_NOTFOUND: return missed(o, m, err);
    case EASG_E_UNSUPPORTED:
        return give_up(o, m, "whether it was sent is not known, and the module cannot look it up",
                       err);
    default:
        LOG_WARNING(o->s->log, "a mail could not be looked up", F_STR("device_id", m->device_id),
                    F_STR("error", why.message));
        if (o->s->now - m->created_at > OUTBOX_GIVE_UP)
            return give_up(o, m, "whether it was sent could not be found out within a day", err);
        return EASG_OK;
    }
}

static easg_status one(struct outbox *o, const struct store_mail *m, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    int uncertain = strcmp(m->state, "uncertain") == 0;

    if (!uncertain && o->s->now - m->created_at > OUTBOX_GIVE_UP)
        return give_up(o, m, "it could not be delivered within a day", err);
    if (!o->s->notifier || !m->smtp)
        return give_up(o, m, "no module sends mail any more", err);
    if (o->down)
        return EASG_OK;
    if (!session(o, &why))
        return record(o, m, m->state, why.message, err);
    return uncertain ? settle(o, m, err) : send(o, m, err);
}

easg_status outbox_deliver(struct outbox *o, easg_error *err)
{
    int64_t after = 0;
    size_t n = BATCH;
    easg_status st = EASG_OK;

    while (st == EASG_OK && n == BATCH) {
        struct store_mail *list = NULL;

        st = store_list_mails(o->s->store, after, BATCH, &list, &n, err);
        for (size_t i = 0; st == EASG_OK && i < n; i++) {
            after = list[i].id;
            if (run_cancelled(o->s->o->run))
                st = err_set(err, EASG_E_CANCELLED, "the run was stopped while telling people");
            else
                st = one(o, &list[i], err);
        }
        store_free_mails(list, n);
    }
    return st;
}
