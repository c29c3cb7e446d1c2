/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - mails to people, written down before they are sent and before the block that they
 * announce, so that a mail whose fate is not known is looked for and never sent blindly again.
 */
#include "store_db.h"
#include "store_decision.h"

#include <string.h>

void store_clear_mail(struct store_mail *m)
{
    char **texts[] = { &m->key,    &m->user,  &m->smtp,     &m->device_id, &m->mail,
                       &m->reason, &m->state, &m->template, &m->error };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(*texts[i]);
    memset(m, 0, sizeof *m);
}

void store_free_mails(struct store_mail *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_clear_mail(&list[i]);
    mem_free(list);
}

#define MAIL_COLUMNS                                                                               \
    "SELECT id, action, mk, ek, attempts, misses, created_at, attempt_at, deadline, key, user,"    \
    " smtp, device_id, mail, reason, state, template, error, period_from, period_to FROM outbox"

static easg_status read_mail(sqlite3_stmt *stmt, struct store_mail *m, easg_error *err)
{
    char **texts[] = { &m->key,    &m->user,  &m->smtp,     &m->device_id, &m->mail,
                       &m->reason, &m->state, &m->template, &m->error };

    memset(m, 0, sizeof *m);
    m->id = sqlite3_column_int64(stmt, 0);
    m->action = sqlite3_column_int64(stmt, 1);
    m->mk = sqlite3_column_int64(stmt, 2);
    m->ek = sqlite3_column_int64(stmt, 3);
    m->attempts = sqlite3_column_int64(stmt, 4);
    m->misses = sqlite3_column_int64(stmt, 5);
    m->created_at = db_time(stmt, 6);
    m->attempt_at = db_time(stmt, 7);
    m->deadline = db_time(stmt, 8);
    m->period_from = db_time(stmt, 18);
    m->period_to = db_time(stmt, 19);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        easg_str t = db_text(stmt, 9 + (int)i);

        if (t.ptr && !(*texts[i] = mem_dup(t.ptr, t.len))) {
            store_clear_mail(m);
            return err_nomem(err);
        }
    }
    return EASG_OK;
}

/* The first row of a bound statement; EASG_E_NOTFOUND. */
static easg_status read_one(struct store *s, sqlite3_stmt *stmt, easg_status st,
                            struct store_mail *out, easg_error *err)
{
    int more = 0;

    memset(out, 0, sizeof *out);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "no such mail");
    st = read_mail(stmt, out, err);
    db_reset(stmt);
    return st;
}

easg_status store_put_mail(struct store *s, struct store_mail *m, easg_time now, easg_error *err)
{
    easg_status st =
        db_run(s, err,
               "INSERT INTO outbox(run, action, key, user, smtp, device_id, mail, reason, state,"
               " created_at, mk, ek, template, deadline, error, ended_at)"
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
               " iif(?9='queued', NULL, ?10))",
               "iisssssssiiists", s->run, m->action, m->key, m->user, m->smtp, m->device_id,
               m->mail, m->reason, m->state, now, m->mk, m->ek, m->template, m->deadline, m->error);

    if (st == EASG_OK)
        m->id = sqlite3_last_insert_rowid(s->db);
    return st;
}

easg_status store_set_mail(struct store *s, int64_t id, const char *state, const char *error,
                           easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE outbox SET state=?2, error=?3, attempts=attempts+iif(?2='sending', 1, 0),"
                  " attempt_at=iif(?2='sending', ?4, attempt_at),"
                  " sent_at=iif(?2='sent', ?4, sent_at),"
                  " ended_at=iif(?2 IN ('sent', 'failed'), ?4, NULL) WHERE id=?1",
                  "issi", id, state, error, now);
}

easg_status store_miss_mail(struct store *s, int64_t id, easg_time now, easg_error *err)
{
    return db_run(s, err, "UPDATE outbox SET misses=misses+1, attempt_at=?2 WHERE id=?1", "ii", id,
                  now);
}

easg_status store_doubt_mails(struct store *s, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE outbox SET state='uncertain', error='the run ended while it was sent'"
                  " WHERE state IN ('queued', 'sending', 'uncertain') AND state='sending'",
                  "");
}

easg_status store_find_mail(struct store *s, int64_t action, struct store_mail *out,
                            easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, MAIL_COLUMNS " WHERE action=?1 ORDER BY id DESC LIMIT 1", "i", action);

    return read_one(s, stmt, st, out, err);
}

easg_status store_last_mail(struct store *s, int64_t mk, int64_t ek, struct store_mail *out,
                            easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err,
                MAIL_COLUMNS " WHERE mk=?1 AND ek=?2 AND state NOT IN ('none', 'suppressed')"
                             " ORDER BY id DESC LIMIT 1",
                "ii", mk, ek);

    return read_one(s, stmt, st, out, err);
}

easg_status store_count_mails(struct store *s, int64_t mk, easg_time since, int64_t *out,
                              easg_error *err)
{
    return db_get_int(s, 0, out, err,
                      "SELECT count(*) FROM outbox WHERE mk=?1 AND created_at>?2"
                      " AND state NOT IN ('none', 'suppressed', 'failed')",
                      "ii", mk, since);
}

easg_status store_list_mails(struct store *s, int64_t after, size_t max, struct store_mail **out,
                             size_t *n, easg_error *err)
{
    struct store_mail *list = mem_array(max, sizeof *list);
    sqlite3_stmt *stmt;
    easg_status st;
    int more = 0;

    *n = 0;
    *out = NULL;
    if (!list)
        return err_nomem(err);
    stmt = db_bind(s, &st, err,
                   MAIL_COLUMNS " WHERE state IN ('queued', 'sending', 'uncertain') AND id>?1"
                                " ORDER BY id LIMIT ?2",
                   "ii", after, (int64_t)max);
    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        st = read_mail(stmt, &list[*n], err);
        *n += st == EASG_OK;
    }
    db_reset(stmt);
    if (st != EASG_OK) {
        store_free_mails(list, *n);
        *n = 0;
        return st;
    }
    *out = list;
    return EASG_OK;
}

easg_status store_set_wait(struct store *s, int64_t action, easg_time until, easg_error *err)
{
    return db_run(s, err, "UPDATE action SET wait_until=?2 WHERE id=?1", "it", action, until);
}

easg_status store_next_wait(struct store *s, easg_time *out, easg_error *err)
{
    /* "state<4": the words of the index of open actions; the year 9999 stands for "until told" */
    return db_get_int(s, EASG_TIME_NONE, out, err,
                      "SELECT min(wait_until) FROM action WHERE state<4 AND state IN (0, 2)"
                      " AND wait_until<253370764800000",
                      "");
}

/* Actions keep the run that planned them, so a look at the last runs is enough and needs no index
 * over all that was ever done. */
easg_status store_next_relieved(struct store *s, easg_time since, int64_t after,
                                struct store_relief *out, int *more, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(
        s, &st, err,
        "SELECT a.id, a.mk, a.ek, o.user, o.smtp, o.device_id, o.mail, o.reason FROM action a"
        " JOIN outbox o ON o.id=(SELECT id FROM outbox WHERE mk=a.mk AND ek=a.ek"
        "  AND state NOT IN ('none', 'suppressed', 'failed') ORDER BY id DESC LIMIT 1)"
        " WHERE a.run>?1 AND a.id>?3 AND a.state=4 AND a.finished_at>?2"
        " AND (a.verb=1 OR (a.verb=3 AND a.row='D19'))"
        " AND o.state='sent' AND o.template<>'allowed-again' AND o.sent_at<=a.finished_at"
        " AND NOT EXISTS(SELECT 1 FROM outbox WHERE action=a.id)"
        " ORDER BY a.id LIMIT 1",
        "iii", s->run - 20, since, after);

    *more = 0;
    if (st == EASG_OK)
        st = db_step(s, stmt, more, err);
    if (st != EASG_OK || !*more)
        return st;
    out->action = sqlite3_column_int64(stmt, 0);
    out->mk = sqlite3_column_int64(stmt, 1);
    out->ek = sqlite3_column_int64(stmt, 2);
    {
        char **texts[] = { &out->user, &out->smtp, &out->device_id, &out->mail, &out->reason };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            easg_str t = db_text(stmt, 3 + (int)i);

            *texts[i] = t.ptr ? mem_dup(t.ptr, t.len) : NULL;
            if (t.ptr && !*texts[i])
                st = err_nomem(err);
        }
    }
    db_reset(stmt);
    return st;
}

void store_clear_relief(struct store_relief *r)
{
    mem_free(r->user);
    mem_free(r->smtp);
    mem_free(r->device_id);
    mem_free(r->mail);
    mem_free(r->reason);
    memset(r, 0, sizeof *r);
}

static easg_status add_words(struct store *s, sqlite3_stmt *stmt, easg_status st,
                             struct strbuf *const *out, size_t n, easg_error *err)
{
    int more = 0;

    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    for (size_t i = 0; st == EASG_OK && more && i < n; i++) {
        easg_str t = db_text(stmt, (int)i);

        if (t.ptr)
            strbuf_add(out[i], t.ptr, t.len);
    }
    if (st == EASG_OK && more)
        db_reset(stmt);
    return st;
}

easg_status store_get_words(struct store *s, int64_t mk, int64_t ek, struct store_words *out,
                            easg_error *err)
{
    struct strbuf *const device[] = { &out->friendly_name, &out->model, &out->type, &out->os };
    struct strbuf *const mailbox[] = { &out->display_name };
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 "SELECT d.friendly_name, d.model, d.type, d.os FROM device_idx i"
                                 " JOIN device d ON d.id=i.id WHERE i.mk=?1 AND i.ek=?2 LIMIT 1",
                                 "ii", mk, ek);

    st = add_words(s, stmt, st, device, 4, err);
    if (st != EASG_OK)
        return st;
    stmt = db_bind(s, &st, err,
                   "SELECT m.display_name FROM mailbox_idx i JOIN mailbox m ON m.id=i.id"
                   " WHERE i.k=?1",
                   "i", mk);
    return add_words(s, stmt, st, mailbox, 1, err);
}
