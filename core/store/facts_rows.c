/* SPDX-License-Identifier: Apache-2.0
 *
 * facts_rows.c - rows of the device manager's facts: people with the keys by which mailboxes find
 * them, and managed devices with the EAS id by which partnerships find them.
 */
#include "listing.h"

#include <string.h>

static easg_status put_key(struct store *s, int64_t kd, int64_t pk, int64_t id, easg_error *err)
{
    int64_t w[W_MAX] = { kd, id };

    w[W_PK] = pk;
    return staged_put(s, STAGED_KEY, w, err);
}

static easg_status put_keys(struct store *s, const easg_person *p, int64_t pk, int64_t id,
                            easg_error *err)
{
    easg_str sid = listing_trim(&p->sid), immutable = listing_trim(&p->immutable_id);
    easg_status st = EASG_OK;
    size_t i;

    if (sid.len)
        st = put_key(s, digest_key(&s->digest, DIGEST_SID, sid.ptr, sid.len), pk, id, err);
    if (st == EASG_OK && immutable.len)
        st = put_key(s, digest_key(&s->digest, DIGEST_IMMUTABLE, immutable.ptr, immutable.len), pk,
                     id, err);
    for (i = 0; st == EASG_OK && i < p->n_smtp; i++) {
        int64_t kd = listing_smtp_key(s, p->smtp[i]);

        if (kd)
            st = put_key(s, kd, pk, id, err);
    }
    return st;
}

/* A language tag (BCP 47) as mail takes it; absent when it is none. */
static easg_str language_of(const easg_person *p)
{
    easg_str t = listing_trim(&p->language);

    if (t.len == 0 || t.len > 35)
        return (easg_str){ NULL, 0 };
    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-'))
            return (easg_str){ NULL, 0 };
    }
    return t;
}

static easg_status put_person(struct store *s, const easg_person *p, int64_t k,
                              const char *member_of, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf smtp = STRBUF_INIT(1u << 20);
    easg_str sid = listing_trim(&p->sid), immutable = listing_trim(&p->immutable_id);
    easg_str text = { NULL, 0 }, language = language_of(p);
    easg_status st;

    st = listing_join(&smtp, p->smtp, p->n_smtp);
    if (st != EASG_OK)
        return err_set(err, st, "a person has more than 1 MiB of mail addresses");
    text.ptr = smtp.ptr;
    text.len = smtp.len;
    return db_run(s, err,
                  "INSERT INTO person(k, person_id, upn, sid, immutable_id, smtp, flags, seen_at,"
                  " member_of, language) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                  "iTSSSSiisS", k, &p->id, &p->upn, &sid, &immutable, &text, (int64_t)p->flags,
                  s->listing->now, member_of, &language);
}

easg_status store_stage_person(struct store *s, const easg_person *p, const char *member_of,
                               easg_error *err)
{
    struct digest *g = &s->digest;
    int64_t k = digest_key(g, DIGEST_PERSON, p->id.ptr, p->id.len);
    unsigned char hash[DIGEST_HASH];
    easg_str language = language_of(p);
    int64_t w[W_MAX];
    uint64_t sum = 0;
    easg_status st;
    size_t i;
    int64_t id = 0;
    int fresh;

    for (i = 0; i < p->n_smtp; i++)
        sum += (uint64_t)listing_smtp_key(s, p->smtp[i]);
    digest_begin(g);
    digest_str(g, &p->id);
    digest_str(g, &p->upn);
    digest_str(g, &p->sid);
    digest_str(g, &p->immutable_id);
    digest_int(g, (int64_t)p->flags);
    digest_int(g, (int64_t)p->n_smtp);
    digest_int(g, (int64_t)sum);
    if (member_of) { /* without watched groups rows hash as they always did */
        easg_str groups = { member_of, strlen(member_of) };

        digest_str(g, &groups);
    }
    if (language.len) { /* likewise */
        digest_int(g, 1);
        digest_str(g, &language);
    }
    st = digest_end(g, DIGEST_PERSON, &p->id, hash, err);
    if (st == EASG_OK)
        st = listing_compare(s, STORE_PERSON, k, hash, &p->id, &fresh, err);
    if (st != EASG_OK || !fresh)
        return st;
    st = put_person(s, p, k, member_of, err);
    id = sqlite3_last_insert_rowid(s->db);
    staged_row(w, k, id, hash, s->listing->old);
    if (st == EASG_OK)
        st = staged_put(s, STORE_PERSON, w, err);
    if (st == EASG_OK)
        st = put_keys(s, p, k, id, err);
    return st == EASG_OK ? listing_wrote(s, err) : st;
}

/* An id that cannot be one (MS-ASHTTP 2.2.1.1.1.2.3) joins nothing. */
int64_t listing_managed_eas_key(const struct store *s, const easg_str *id)
{
    easg_str t = listing_trim(id);
    size_t i;

    if (t.len == 0 || t.len > 64)
        return 0;
    for (i = 0; i < t.len; i++) {
        char c = t.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return 0;
    }
    return listing_eas_key(s, &t);
}

easg_status store_stage_managed(struct store *s, const easg_managed_device *d, easg_error *err)
{
    struct digest *g = &s->digest;
    int64_t k = digest_key(g, DIGEST_MANAGED, d->id.ptr, d->id.len);
    int64_t ek = listing_managed_eas_key(s, &d->eas_id);
    easg_time uk = d->user_id.ptr && d->user_id.len
                       ? digest_key(g, DIGEST_PERSON, d->user_id.ptr, d->user_id.len)
                       : EASG_TIME_NONE;
    unsigned char hash[DIGEST_HASH];
    int64_t w[W_MAX];
    easg_status st;
    int fresh;

    digest_begin(g);
    digest_str(g, &d->id);
    digest_str(g, &d->eas_id);
    digest_str(g, &d->user_id);
    digest_int(g, (int64_t)d->compliance);
    digest_int(g, (int64_t)d->management);
    digest_int(g, (int64_t)d->flags);
    digest_str(g, &d->os);
    digest_str(g, &d->model);
    digest_str(g, &d->serial);
    digest_int(g, d->enrolled);
    digest_int(g, d->grace_until);
    st = digest_end(g, DIGEST_MANAGED, &d->id, hash, err);
    if (st == EASG_OK)
        st = listing_compare(s, STORE_MANAGED, k, hash, &d->id, &fresh, err);
    if (st != EASG_OK || !fresh)
        return st;
    st = db_run(s, err,
                "INSERT INTO managed(k, managed_id, eas_id, user_id, uk, compliance, management,"
                " flags, os, model, serial, enrolled, last_seen, grace_until, seen_at)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                "iTSStiiiSSSttti", k, &d->id, &d->eas_id, &d->user_id, uk, (int64_t)d->compliance,
                (int64_t)d->management, (int64_t)d->flags, &d->os, &d->model, &d->serial,
                d->enrolled, d->last_seen, d->grace_until, s->listing->now);
    if (st != EASG_OK)
        return st;
    staged_row(w, k, sqlite3_last_insert_rowid(s->db), hash, s->listing->old);
    w[W_EK] = ek;
    st = staged_put(s, STORE_MANAGED, w, err);
    return st == EASG_OK ? listing_wrote(s, err) : st;
}
