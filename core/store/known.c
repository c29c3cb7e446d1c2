/* SPDX-License-Identifier: Apache-2.0
 *
 * known.c - reading what the listings left: devices in the order of decisions, mailboxes, managed
 * devices, lists. Joins are index look-ups on disk, so memory does not grow with the organisation.
 */
#include "listing.h"

#include "store_decision.h"
#include "text.h"

#include <string.h>

#define CHUNK 20000

#define DEVICE_COLUMNS                                                                             \
    "SELECT i.mk, i.ek, d.k, d.key, d.device_id, d.type, d.os, d.user_agent, d.access, d.id,"      \
    " d.model"                                                                                     \
    " FROM device_idx i JOIN device d ON d.id=i.id"

static void read_device(sqlite3_stmt *stmt, struct store_device *d)
{
    d->mk = sqlite3_column_int64(stmt, 0);
    d->ek = sqlite3_column_int64(stmt, 1);
    d->k = sqlite3_column_int64(stmt, 2);
    d->key = db_text(stmt, 3);
    d->device_id = db_text(stmt, 4);
    d->type = db_text(stmt, 5);
    d->os = db_text(stmt, 6);
    d->user_agent = db_text(stmt, 7);
    d->access = (easg_access)sqlite3_column_int64(stmt, 8);
    d->row = sqlite3_column_int64(stmt, 9);
    d->model = db_text(stmt, 10);
}

/* Chunks by key, not one long cursor: an open cursor pins the write-ahead log. */
easg_status store_each_device(struct store *s, int64_t only_mk,
                              easg_status (*fn)(void *user, const struct store_device *d,
                                                easg_error *err),
                              void *user, easg_error *err)
{
    struct store_device d;
    easg_status st = EASG_OK;
    int64_t rows = CHUNK;

    memset(&d, 0, sizeof d);
    d.mk = d.ek = d.k = INT64_MIN;
    while (st == EASG_OK && rows == CHUNK) {
        sqlite3_stmt *stmt;
        int more = 0;

        rows = 0;
        st = db_begin(s, 0, err);
        if (st != EASG_OK)
            break;
        if (only_mk)
            stmt = db_bind(s, &st, err,
                           DEVICE_COLUMNS " WHERE i.mk=?1 AND (i.ek, i.k) > (?2, ?3)"
                                          " ORDER BY i.ek, i.k LIMIT 20000",
                           "iii", only_mk, d.ek, d.k);
        else
            stmt = db_bind(s, &st, err,
                           DEVICE_COLUMNS " WHERE (i.mk, i.ek, i.k) > (?1, ?2, ?3)"
                                          " ORDER BY i.mk, i.ek, i.k LIMIT 20000",
                           "iii", d.mk, d.ek, d.k);
        while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
            read_device(stmt, &d);
            rows++;
            st = fn(user, &d, err);
        }
        db_reset(stmt);
        if (st == EASG_OK)
            st = db_commit(s, err);
    }
    return st;
}

/* ---- mailboxes ---- */

void store_clear_mailbox(struct store_mailbox *m)
{
    mem_free(m->mailbox_id);
    mem_free(m->sid);
    mem_free(m->upn);
    mem_free(m->primary_smtp);
    mem_free(m->smtp);
    memset(m, 0, sizeof *m);
}

static char *dup_text(sqlite3_stmt *stmt, int i, easg_status *st, easg_error *err)
{
    easg_str t = db_text(stmt, i);
    char *out;

    if (!t.ptr)
        return NULL;
    out = mem_dup(t.ptr, t.len);
    if (!out)
        *st = err_nomem(err);
    return out;
}

easg_status store_get_mailbox(struct store *s, int64_t mk, struct store_mailbox *out,
                              easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 "SELECT m.id, m.mailbox_id, m.sid, m.upn, m.primary_smtp, m.smtp"
                                 " FROM mailbox_idx i JOIN mailbox m ON m.id=i.id WHERE i.k=?1",
                                 "i", mk);
    int more = 0;

    store_clear_mailbox(out);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "no mailbox of this key is known");
    out->mk = mk;
    out->version = sqlite3_column_int64(stmt, 0);
    out->mailbox_id = dup_text(stmt, 1, &st, err);
    out->sid = dup_text(stmt, 2, &st, err);
    out->upn = dup_text(stmt, 3, &st, err);
    out->primary_smtp = dup_text(stmt, 4, &st, err);
    out->smtp = dup_text(stmt, 5, &st, err);
    db_reset(stmt);
    return st;
}

int64_t store_mailbox_key(struct store *s, const char *mailbox_id)
{
    return digest_key(&s->digest, DIGEST_MAILBOX, mailbox_id, strlen(mailbox_id));
}

easg_status store_find_mailbox(struct store *s, const char *user, char **mailbox_id,
                               easg_error *err)
{
    char safe[160];
    easg_status st;
    sqlite3_stmt *stmt;
    int more = 0;

    *mailbox_id = NULL;
    text_safe(user, strlen(user), safe, sizeof safe);
    stmt = db_bind(
        s, &st, err,
        "SELECT m.mailbox_id FROM mailbox_idx i JOIN mailbox m ON m.id=i.id WHERE i.k=?2"
        " UNION SELECT m.mailbox_id FROM mailbox_idx i JOIN mailbox m ON m.id=i.id"
        " WHERE lower(m.upn)=lower(?1) OR lower(m.primary_smtp)=lower(?1)"
        " OR instr(char(10)||lower(m.smtp)||char(10), char(10)||lower(?1)||char(10))"
        " OR instr(char(10)||lower(m.smtp)||char(10), char(10)||'smtp:'||lower(?1)||char(10))"
        " LIMIT 2",
        "si", user, store_mailbox_key(s, user));
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND,
                       "no mailbox of %s is known; it takes its UPN, an address or the mailbox "
                       "GUID, and a new mailbox needs a full sync first",
                       safe);
    *mailbox_id = dup_text(stmt, 0, &st, err);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    db_reset(stmt);
    if (st == EASG_OK && more) {
        mem_free(*mailbox_id);
        *mailbox_id = NULL;
        st = err_set(err, EASG_E_CONFLICT,
                     "%s names more than one mailbox; give the mailbox GUID instead", safe);
    }
    return st;
}

easg_status store_find_device(struct store *s, const char *key, int64_t *mk, int64_t *ek,
                              easg_error *err)
{
    char safe[160];
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, "SELECT mk, ek FROM device_idx WHERE k=?1 AND mk IS NOT NULL", "i",
                digest_key(&s->digest, DIGEST_DEVICE, key, strlen(key)));
    int more = 0;

    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "no device %s is known; see easgate devices",
                       text_safe(key, strlen(key), safe, sizeof safe));
    *mk = sqlite3_column_int64(stmt, 0);
    *ek = sqlite3_column_int64(stmt, 1);
    db_reset(stmt);
    return EASG_OK;
}

/* ---- managed devices, lists, access ---- */

easg_status store_each_managed(struct store *s, int64_t ek, const easg_str *device_id,
                               easg_status (*fn)(void *user, const struct store_managed *m,
                                                 easg_error *err),
                               void *user, easg_error *err)
{
    easg_str want = listing_trim(device_id);
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err,
                "SELECT i.k, m.uk, m.managed_id, m.eas_id, m.os, m.serial, m.compliance,"
                " m.management, m.flags, m.enrolled, m.last_seen, m.grace_until"
                " FROM managed_idx i JOIN managed m ON m.id=i.id WHERE i.ek=?1 ORDER BY i.id",
                "i", ek);
    int more = 0;

    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct store_managed m;
        easg_str eas;

        memset(&m, 0, sizeof m);
        m.k = sqlite3_column_int64(stmt, 0);
        m.uk = sqlite3_column_int64(stmt, 1);
        m.id = db_text(stmt, 2);
        m.eas_id = db_text(stmt, 3);
        m.os = db_text(stmt, 4);
        m.serial = db_text(stmt, 5);
        m.compliance = (uint32_t)sqlite3_column_int64(stmt, 6);
        m.management = (uint32_t)sqlite3_column_int64(stmt, 7);
        m.flags = (uint32_t)sqlite3_column_int64(stmt, 8);
        m.enrolled = db_time(stmt, 9);
        m.last_seen = db_time(stmt, 10);
        m.grace_until = db_time(stmt, 11);
        if (m.serial.len)
            m.hardware = digest_key(&s->digest, DIGEST_EAS, m.serial.ptr, m.serial.len);
        eas = listing_trim(&m.eas_id);
        if (text_ieq(eas.ptr, eas.len, want.ptr, want.len)) /* a digest is not the id */
            st = fn(user, &m, err);
    }
    db_reset(stmt);
    return st;
}

easg_status store_get_lists(struct store *s, int64_t mk, int64_t version, int64_t ek,
                            uint32_t *listed, uint32_t *ours, easg_error *err)
{
    int64_t l = 0, o = 0;
    easg_status st;

    st = db_get_int(s, 0, &l, err, "SELECT lists FROM listed WHERE mailbox=?1 AND ek=?2", "ii",
                    version, ek);
    if (st == EASG_OK)
        st = db_get_int(s, 0, &o, err, "SELECT lists FROM ledger WHERE mk=?1 AND ek=?2", "ii", mk,
                        ek);
    *listed = (uint32_t)l;
    *ours = (uint32_t)o;
    return st;
}

easg_status store_get_access(struct store *s, int64_t mk, int64_t ek, easg_access *out,
                             easg_error *err)
{
    int64_t best;
    easg_status st;

    st = db_get_int(s, EASG_ACCESS_UNKNOWN, &best, err,
                    "SELECT d.access FROM device_idx i JOIN device d ON d.id=i.id"
                    " WHERE i.mk=?1 AND i.ek=?2 ORDER BY CASE d.access WHEN 1 THEN 0"
                    " WHEN 4 THEN 1 WHEN 3 THEN 3 WHEN 2 THEN 4 ELSE 2 END LIMIT 1",
                    "ii", mk, ek);
    *out = (easg_access)best;
    return st;
}

easg_status store_count_unlisted(struct store *s, int64_t *out, easg_error *err)
{
    return db_get_int(s, 0, out, err,
                      "SELECT count(DISTINCT d.rk) FROM device_idx i JOIN device d ON d.id=i.id"
                      " WHERE i.mk IS NULL",
                      "");
}
