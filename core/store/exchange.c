/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.c - rows of an Exchange listing: mailboxes with their personal lists, and devices.
 *
 * The hash covers what a decision, the plan or a reader of the views would miss. last_sync moves
 * with every synchronisation of every phone and stays out: it would turn each listing into a
 * rewrite of the table.
 */
#include "listing.h"

easg_status store_stage_device(struct store *s, const easg_device *d, easg_error *err)
{
    struct digest *g = &s->digest;
    easg_str id = listing_trim(&d->device_id);
    int64_t k = digest_key(g, DIGEST_DEVICE, d->key.ptr, d->key.len);
    int64_t ek = digest_key(g, DIGEST_EAS, id.ptr, id.len); /* 0 bytes too: a group of its own */
    int64_t rk = digest_key(g, DIGEST_MAILBOX, d->mailbox_id.ptr, d->mailbox_id.len);
    unsigned char hash[DIGEST_HASH];
    int64_t w[W_MAX];
    easg_status st;
    int fresh;

    digest_begin(g);
    digest_str(g, &d->key);
    digest_str(g, &d->device_id);
    digest_str(g, &d->mailbox_id);
    digest_str(g, &d->identity);
    digest_str(g, &d->type);
    digest_str(g, &d->model);
    digest_str(g, &d->os);
    digest_str(g, &d->friendly_name);
    digest_str(g, &d->user_agent);
    digest_int(g, (int64_t)d->access);
    digest_str(g, &d->access_reason);
    digest_int(g, d->first_sync);
    st = digest_end(g, DIGEST_DEVICE, &d->key, hash, err);
    if (st == EASG_OK)
        st = listing_compare(s, STORE_DEVICE, k, hash, &d->key, &fresh, err);
    if (st != EASG_OK || !fresh)
        return st;
    st = db_run(s, err,
                "INSERT INTO device(k, key, device_id, owner, rk, identity, type, model, os,"
                " friendly_name, user_agent, access, access_reason, first_sync, last_sync, seen_at)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
                "iTTTiSSSSSSiStti", k, &d->key, &d->device_id, &d->mailbox_id, rk, &d->identity,
                &d->type, &d->model, &d->os, &d->friendly_name, &d->user_agent, (int64_t)d->access,
                &d->access_reason, d->first_sync, d->last_sync, s->listing->now);
    if (st != EASG_OK)
        return st;
    staged_row(w, k, sqlite3_last_insert_rowid(s->db), hash, s->listing->old);
    w[W_EK] = ek;
    w[W_OWNER] = rk;
    st = staged_put(s, STORE_DEVICE, w, err);
    return st == EASG_OK ? listing_wrote(s, err) : st;
}

/* The order in which a directory gives a multi-valued attribute means nothing. */
static void digest_set(struct digest *g, enum digest_kind kind, const easg_str *const *list,
                       size_t n)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        easg_str t = listing_trim(list[i]);

        sum += (uint64_t)digest_key(g, kind, t.ptr, t.len);
    }
    digest_int(g, (int64_t)n);
    digest_int(g, (int64_t)sum);
}

static easg_status put_list(struct store *s, int64_t mailbox, const easg_str *const *list, size_t n,
                            uint32_t which, easg_error *err)
{
    easg_status st = EASG_OK;
    size_t i;

    for (i = 0; st == EASG_OK && i < n; i++) {
        easg_str id = listing_trim(list[i]);
        int64_t ek = listing_eas_key(s, list[i]);

        if (!ek)
            continue;
        st = db_run(s, err,
                    "INSERT INTO listed(mailbox, ek, device_id, lists) VALUES(?1, ?2, ?3, ?4)"
                    " ON CONFLICT(mailbox, ek) DO UPDATE SET lists=lists|excluded.lists",
                    "iiTi", mailbox, ek, &id, (int64_t)which);
        if (st == EASG_OK)
            s->listing->written++;
    }
    return st;
}

static easg_status put_mailbox(struct store *s, const easg_mailbox *m, int64_t k, int64_t *id,
                               easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf smtp = STRBUF_INIT(1u << 20);
    easg_str text = { NULL, 0 };
    easg_status st;

    st = listing_join(&smtp, m->smtp, m->n_smtp);
    if (st != EASG_OK)
        return err_set(err, st, "a mailbox has more than 1 MiB of mail addresses");
    text.ptr = smtp.ptr;
    text.len = smtp.len;
    st = db_run(s, err,
                "INSERT INTO mailbox(k, mailbox_id, ref, flags, display_name, sid, upn,"
                " primary_smtp, smtp, seen_at)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                "iTSiSSSSSi", k, &m->mailbox_id, &m->ref, (int64_t)m->flags, &m->display_name,
                &m->user_sid, &m->user_upn, &m->primary_smtp, &text, s->listing->now);
    *id = sqlite3_last_insert_rowid(s->db);
    return st;
}

easg_status store_stage_mailbox(struct store *s, const easg_mailbox *m, easg_error *err)
{
    struct digest *g = &s->digest;
    int64_t k = digest_key(g, DIGEST_MAILBOX, m->mailbox_id.ptr, m->mailbox_id.len);
    int has_ref = m->ref.ptr && m->ref.len;
    int64_t rk = has_ref ? digest_key(g, DIGEST_MAILBOX, m->ref.ptr, m->ref.len) : 0;
    unsigned char hash[DIGEST_HASH];
    int64_t w[W_MAX];
    easg_status st;
    int64_t id = 0;
    int fresh;

    digest_begin(g);
    digest_str(g, &m->mailbox_id);
    digest_str(g, &m->ref);
    digest_int(g, (int64_t)m->flags);
    digest_str(g, &m->display_name);
    digest_str(g, &m->user_sid);
    digest_str(g, &m->user_upn);
    digest_str(g, &m->primary_smtp);
    digest_set(g, DIGEST_SMTP, m->smtp, m->n_smtp);
    digest_set(g, DIGEST_EAS, m->allowed, m->n_allowed);
    digest_set(g, DIGEST_EAS, m->blocked, m->n_blocked);
    st = digest_end(g, DIGEST_MAILBOX, &m->mailbox_id, hash, err);
    if (st == EASG_OK)
        st = listing_compare(s, STORE_MAILBOX, k, hash, &m->mailbox_id, &fresh, err);
    if (st != EASG_OK || !fresh)
        return st;
    st = put_mailbox(s, m, k, &id, err);
    if (st == EASG_OK)
        st = put_list(s, id, m->allowed, m->n_allowed, EASG_LISTED_ALLOWED, err);
    if (st == EASG_OK)
        st = put_list(s, id, m->blocked, m->n_blocked, EASG_LISTED_BLOCKED, err);
    if (st != EASG_OK)
        return st;
    staged_row(w, k, id, hash, s->listing->old);
    w[W_REF] = rk;
    st = staged_put(s, STORE_MAILBOX, w, err);
    return st == EASG_OK ? listing_wrote(s, err) : st;
}
