/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.c - people are told before their phone is blocked: afterwards the phone could not receive
 * the mail. Each mail is written to the outbox first and then sent; a mail that cannot be sent is
 * recorded and delays no block.
 */
#include "sync_run.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct notify {
    struct sync *s;
    struct session_ref *session;
    int64_t sent, failed, recorded;
};

static const char *sentence(const char *mail)
{
    if (strcmp(mail, "activate") == 0)
        return "It is enrolled, but its mail is not activated yet. Finish the enrolment in the "
               "company's management app.";
    if (strcmp(mail, "noncompliant") == 0)
        return "It does not meet the company's requirements. The company's management app says "
               "what to change.";
    return "It is not enrolled in the company's device management. Enrol it to receive mail again.";
}

static easg_status send(struct notify *n, const struct store_mail *m, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf body = STRBUF_INIT(4096);
    easg_message message;

    strbuf_addf(&body, "Mail on one of your devices is about to be blocked.\n\nDevice: %s\n%s\n",
                m->device_id, sentence(m->mail));
    if (strbuf_status(&body) != EASG_OK)
        return err_nomem(err);
    memset(&message, 0, sizeof message);
    message.struct_size = sizeof message;
    message.idempotency_key = text_str(m->key);
    message.to_smtp = text_str(m->smtp);
    message.subject = TEXT_LIT("Mail on your device is about to be blocked");
    message.body_text = text_str(strbuf_str(&body));
    message.language = TEXT_LIT("en");
    return notifier_send(n->session, &message, err);
}

static easg_status record(struct notify *n, int64_t id, const char *state, const char *error,
                          easg_error *err)
{
    easg_status st = store_begin(n->s->store, 1, err);

    if (st == EASG_OK)
        st = store_set_mail(n->s->store, id, state, error, n->s->now, err);
    return st == EASG_OK ? store_commit(n->s->store, err) : st;
}

static easg_status tell(struct notify *n, const struct store_action *a, const char *smtp,
                        easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    char key[64];
    struct store_mail m = { 0,
                            key,
                            a->user,
                            smtp,
                            a->device_id,
                            a->mail,
                            a->reason,
                            n->session && smtp ? "queued" : "none" };
    easg_status st, sent;
    int fresh;

    snprintf(key, sizeof key, "%.36s-%" PRId64, n->s->o->run_id, a->id);
    st = store_begin(n->s->store, 1, err);
    if (st == EASG_OK)
        st = store_put_mail(n->s->store, a->id, &m, n->s->now, &fresh, err);
    if (st == EASG_OK)
        st = store_commit(n->s->store, err);
    if (st != EASG_OK || !fresh)
        return st;
    n->recorded++;
    if (!n->session || !smtp)
        return EASG_OK;
    st = record(n, m.id, "sending", NULL, err);
    if (st != EASG_OK)
        return st;
    store_at(n->s->store, "sending");
    sent = send(n, &m, &why);
    n->sent += sent == EASG_OK;
    n->failed += sent != EASG_OK;
    return record(n, m.id,
                  sent == EASG_OK            ? "sent"
                  : sent == EASG_E_UNCERTAIN ? "uncertain"
                                             : "failed",
                  sent == EASG_OK ? NULL : why.message, err);
}

static easg_status one(struct notify *n, const struct store_action *a, easg_error *err)
{
    struct store_mailbox m;
    easg_status st;

    if (a->verb != EASG_VERB_BLOCK || !a->mail || strcmp(a->mail, "none") == 0)
        return EASG_OK;
    memset(&m, 0, sizeof m);
    st = store_get_mailbox(n->s->store, a->mk, &m, err);
    if (st == EASG_OK)
        st = tell(n, a, m.primary_smtp, err);
    store_clear_mailbox(&m);
    return st;
}

static easg_status each(struct notify *n, enum store_action_state state, easg_error *err)
{
    int64_t after = 0;
    size_t got = SYNC_BATCH;
    easg_status st = EASG_OK;

    while (st == EASG_OK && got == SYNC_BATCH) {
        struct store_action *list = NULL;
        size_t i;

        got = 0;
        st = store_list_actions(n->s->store, state, after, SYNC_BATCH, &list, &got, err);
        for (i = 0; st == EASG_OK && i < got; i++) {
            after = list[i].id;
            if (run_cancelled(n->s->o->run))
                st = err_set(err, EASG_E_CANCELLED, "the run was stopped while telling people");
            else
                st = one(n, &list[i], err);
        }
        store_free_actions(list, got);
    }
    return st;
}

easg_status sync_notify(struct sync *s, easg_error *err)
{
    struct notify n = { s, NULL, 0, 0, 0 };
    easg_error why = EASG_ERROR_INIT;
    easg_status st = EASG_OK;

    if (!sync_writes(s))
        return EASG_OK;
    if (s->notifier && notifier_open(s->notifier, s->o->run, &n.session, &why) != EASG_OK) {
        n.session = NULL;
        LOG_ERROR(s->log, "no mail can be sent; blocks go out without",
                  F_STR("error", why.message));
    }
    if (s->o->kind != SYNC_APPLY)
        st = each(&n, STORE_PLANNED, err);
    if (st == EASG_OK)
        st = each(&n, STORE_APPROVED, err);
    session_close(n.session);
    if (st != EASG_OK || n.recorded == 0)
        return st;
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = NOTE(s, err, n.failed ? EASG_LOG_ERROR : EASG_LOG_INFO, "notify.done", s->o->org->name,
                  F_INT("recorded", n.recorded), F_INT("sent", n.sent), F_INT("failed", n.failed));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}
