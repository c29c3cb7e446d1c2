/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.c - whom to tell of what. People are told before their phone is blocked, because
 * afterwards it could not receive the mail, and a phone that has access keeps it for a while after
 * that: the block waits, and a later run applies it. A mail that cannot be delivered delays no
 * block unless `mail.required` says so.
 */
#include "sync_outbox.h"

#include "mail.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS (3600 * 1000LL)
#define DAY_MS  (24 * HOUR_MS)
#define NEVER   ((easg_time)253402300799000) /* the year 9999: until something else changes */

/* ---- writing down ---- */

static const char *template_for(const struct store_action *a, int has_access)
{
    return mail_template_name(has_access                                    ? MAIL_ABOUT
                              : a->access_before == EASG_ACCESS_QUARANTINED ? MAIL_QUARANTINED
                                                                            : MAIL_BLOCKED);
}

static int is_relief(const char *template)
{
    return template && strcmp(template, mail_template_name(MAIL_ALLOWED)) == 0;
}

/* Why this mail is spared, in `why`; "" when it is not. */
static easg_status spare(const struct sync *s, const struct store_mail *m, char why[120],
                         easg_error *err)
{
    const struct org_mail *cfg = &s->o->org->mail;
    struct store_mail last;
    int64_t today;
    easg_status st;

    why[0] = '\0';
    st = store_last_mail(s->store, m->mk, m->ek, &last, err);
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        st = EASG_OK;
    } else if (st == EASG_OK) {
        int same = last.reason && strcmp(last.reason, m->reason) == 0 &&
                   is_relief(last.template) == is_relief(m->template);

        if (strcmp(last.state, "failed") == 0) {
            if (s->now - last.created_at < HOUR_MS)
                (void)snprintf(why, 120, "a mail about this device failed less than an hour ago");
        } else if (same && s->now - last.created_at < cfg->repeat_days * DAY_MS) {
            (void)snprintf(why, 120, "told already; mail.repeat_days is %" PRId64,
                           cfg->repeat_days);
        }
        store_clear_mail(&last);
    }
    if (st == EASG_OK && !why[0]) {
        st = store_count_mails(s->store, m->mk, s->now - DAY_MS, &today, err);
        if (st == EASG_OK && today >= cfg->max_per_day)
            (void)snprintf(why, 120, "%" PRId64 " mails within a day already (mail.max_per_day)",
                           today);
    }
    return st;
}

/* Texts of `m` are borrowed. */
static easg_status put(struct outbox *o, struct store_mail *m, easg_error *err)
{
    static char none[] = "none", queued[] = "queued", suppressed[] = "suppressed";
    static char nobody[] = "no module is configured", nowhere[] = "the mailbox has no address";
    char key[80], why[120];
    easg_status st = EASG_OK;

    (void)snprintf(key, sizeof key, "%.36s-%" PRId64, o->s->o->run_id, m->action);
    m->key = key;
    m->state = queued;
    m->error = NULL;
    if (!o->s->notifier || !m->smtp || !m->smtp[0]) {
        m->state = none;
        m->error = o->s->notifier ? nowhere : nobody;
    } else {
        st = spare(o->s, m, why, err);
        if (why[0]) {
            m->state = suppressed;
            m->error = why;
        }
    }
    if (st == EASG_OK)
        st = store_begin(o->s->store, 1, err);
    if (st == EASG_OK)
        st = store_put_mail(o->s->store, m, o->s->now, err);
    store_at(o->s->store, "mail.put");
    if (st == EASG_OK)
        st = store_commit(o->s->store, err);
    store_at(o->s->store, "mail.queued");
    o->recorded++;
    return st;
}

static int has_access(const struct store_action *a)
{
    return (a->access_before != EASG_ACCESS_BLOCKED &&
            a->access_before != EASG_ACCESS_QUARANTINED) ||
           a->listed_before & EASG_LISTED_ALLOWED;
}

static easg_status announce(struct outbox *o, const struct store_action *a, easg_error *err)
{
    const struct org_mail *cfg = &o->s->o->org->mail;
    int access = has_access(a);
    struct store_mailbox box;
    struct store_mail m;
    easg_status st = store_find_mail(o->s->store, a->id, &m, err);
    int again = 0;

    if (st == EASG_OK) { /* a block that must be announced is not stuck for ever by one failure */
        again =
            cfg->required && strcmp(m.state, "failed") == 0 && o->s->now - m.created_at >= DAY_MS;
        store_clear_mail(&m);
    }
    if (st != EASG_E_NOTFOUND && !again)
        return st;
    err_clear(err);
    memset(&box, 0, sizeof box);
    st = store_get_mailbox(o->s->store, a->mk, &box, err);
    memset(&m, 0, sizeof m);
    m.action = a->id;
    m.mk = a->mk;
    m.ek = a->ek;
    m.user = a->user;
    m.smtp = box.primary_smtp;
    m.device_id = a->device_id;
    m.mail = a->mail;
    m.reason = a->reason;
    m.template = (char *)(uintptr_t)template_for(a, access);
    m.deadline = access && cfg->wait_ms > 0 ? o->s->now + cfg->wait_ms : EASG_TIME_NONE;
    if (st == EASG_OK)
        st = put(o, &m, err);
    store_clear_mailbox(&box);
    return st;
}

/* ---- waiting ---- */

/* Until when the block of this mail waits; EASG_TIME_NONE: it may go. */
static easg_time wait_of(const struct sync *s, const struct store_mail *m)
{
    int open = strcmp(m->state, "queued") == 0 || strcmp(m->state, "sending") == 0;
    int spared = strcmp(m->state, "suppressed") == 0;
    int told = strcmp(m->state, "sent") == 0;

    open |= strcmp(m->state, "uncertain") == 0;
    if (s->o->org->mail.required && !told && !spared)
        return NEVER;
    if ((told || open) && m->deadline != EASG_TIME_NONE && m->deadline > s->now)
        return m->deadline;
    return EASG_TIME_NONE;
}

static easg_status wait_for(struct outbox *o, const struct store_action *a, easg_error *err)
{
    struct store_mail m;
    easg_status st = store_find_mail(o->s->store, a->id, &m, err);

    if (st != EASG_OK) {
        if (st == EASG_E_NOTFOUND)
            err_clear(err);
        return st == EASG_E_NOTFOUND ? EASG_OK : st;
    }
    st = store_set_wait(o->s->store, a->id, wait_of(o->s, &m), err);
    store_clear_mail(&m);
    return st;
}

/* ---- the steps ---- */

typedef easg_status (*each_fn)(struct outbox *o, const struct store_action *a, easg_error *err);

static easg_status each_block(struct outbox *o, enum store_action_state state, each_fn fn,
                              easg_error *err)
{
    int64_t after = 0;
    size_t got = SYNC_BATCH;
    easg_status st = EASG_OK;

    while (st == EASG_OK && got == SYNC_BATCH) {
        struct store_action *list = NULL;

        got = 0;
        st = store_list_actions(o->s->store, state, after, SYNC_BATCH, &list, &got, err);
        for (size_t i = 0; st == EASG_OK && i < got; i++) {
            const struct store_action *a = &list[i];

            after = a->id;
            if (run_cancelled(o->s->o->run))
                st = err_set(err, EASG_E_CANCELLED, "the run was stopped while telling people");
            else if (a->verb == EASG_VERB_BLOCK && a->mail && strcmp(a->mail, "none") != 0)
                st = fn(o, a, err);
        }
        store_free_actions(list, got);
    }
    return st;
}

static easg_status blocks(struct outbox *o, each_fn fn, easg_error *err)
{
    easg_status st = EASG_OK;

    if (o->s->o->kind != SYNC_APPLY)
        st = each_block(o, STORE_PLANNED, fn, err);
    return st == EASG_OK ? each_block(o, STORE_APPROVED, fn, err) : st;
}

static easg_status note(struct outbox *o, easg_error *err)
{
    struct sync *s = o->s;
    easg_status st;

    if (!o->recorded && !o->sent && !o->failed)
        return EASG_OK;
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = NOTE(s, err, o->failed ? EASG_LOG_ERROR : EASG_LOG_INFO, "notify.done",
                  s->o->org->name, F_INT("recorded", o->recorded), F_INT("sent", o->sent),
                  F_INT("failed", o->failed));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

easg_status sync_notify(struct sync *s, easg_error *err)
{
    struct outbox o = { .s = s };
    easg_status st;

    if (!sync_writes(s))
        return EASG_OK;
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_doubt_mails(s->store, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st == EASG_OK)
        st = blocks(&o, announce, err);
    if (st == EASG_OK)
        st = outbox_deliver(&o, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = blocks(&o, wait_for, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    outbox_close(&o);
    return st == EASG_OK ? note(&o, err) : st;
}

/* Who was told of a block is told when it is over. After apply, since then it is true. */
easg_status sync_tell(struct sync *s, easg_error *err)
{
    struct outbox o = { .s = s };
    int64_t after = 0;
    int more = 1;
    easg_status st = EASG_OK;

    if (!sync_writes(s) || !s->notifier)
        return EASG_OK;
    while (st == EASG_OK && more) {
        struct store_relief r = { 0 };
        struct store_mail m;

        st = store_next_relieved(s->store, s->now - DAY_MS, after, &r, &more, err);
        if (st == EASG_OK && more) {
            after = r.action;
            memset(&m, 0, sizeof m);
            m.action = r.action;
            m.mk = r.mk;
            m.ek = r.ek;
            m.user = r.user;
            m.smtp = r.smtp;
            m.device_id = r.device_id;
            m.mail = r.mail;
            m.reason = r.reason;
            m.template = (char *)(uintptr_t)mail_template_name(MAIL_ALLOWED);
            m.deadline = EASG_TIME_NONE;
            st = put(&o, &m, err);
        }
        store_clear_relief(&r);
    }
    if (st == EASG_OK && o.recorded)
        st = outbox_deliver(&o, err);
    outbox_close(&o);
    return st == EASG_OK ? note(&o, err) : st;
}
