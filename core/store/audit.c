/* SPDX-License-Identifier: Apache-2.0
 *
 * audit.c - the append-only record of what happened, each row sealed with a hash over the one
 * before it: hash = SHA-256 of previous hash, seq, at, run, event, subject and detail, each
 * followed by a line feed. The hash before the first row is 64 zeros. easgate-state(5) shows how to
 * follow the chain with sqlite3 and sha256sum.
 */
#include "store_db.h"
#include "store_writer.h"

#include "clock.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_MAX   16384
#define AUDIT_START "0000000000000000000000000000000000000000000000000000000000000000"

static easg_status seal(const char *prev, int64_t seq, const char *const fields[5], char out[65],
                        easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(2 * AUDIT_MAX);
    int i;

    strbuf_addf(&b, "%s\n%" PRId64 "\n", prev, seq);
    for (i = 0; i < 5; i++) {
        strbuf_adds(&b, fields[i]);
        strbuf_addc(&b, '\n');
    }
    if (strbuf_status(&b) != EASG_OK)
        return err_set(err, strbuf_status(&b), "an audit row is too long or memory is gone");
    return digest_hex(b.ptr, b.len, out, err);
}

static easg_status load_last(struct store *s, easg_error *err)
{
    sqlite3_stmt *stmt;
    easg_status st;
    easg_str hash;
    int more = 0;

    stmt = db_bind(s, &st, err, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    s->audit_seq = 0;
    memcpy(s->audit_prev, AUDIT_START, sizeof s->audit_prev);
    if (!more)
        return EASG_OK;
    s->audit_seq = sqlite3_column_int64(stmt, 0);
    hash = db_text(stmt, 1);
    if (hash.len == 64)
        memcpy(s->audit_prev, hash.ptr, 65);
    else
        st = err_set(err, EASG_E_FAIL,
                     "%s: the last audit row has no hash; see easgate audit verify", s->path);
    db_reset(stmt);
    return st;
}

easg_status store_audit(struct store *s, const char *event, const char *subject, const char *detail,
                        easg_error *err)
{
    const char *fields[5];
    char at[TIMESTAMP_SIZE];
    char hash[65];
    easg_status st = EASG_OK;

    fields[0] = timestamp_format(clock_now(), at);
    fields[1] = s->run_uuid;
    fields[2] = event;
    fields[3] = subject ? subject : "";
    fields[4] = detail ? detail : "{}";
    if (strlen(fields[4]) > AUDIT_MAX || strchr(fields[3], '\n') || strchr(fields[4], '\n'))
        return err_set(err, EASG_E_USAGE, "an audit row of %s is not one line or too long", event);
    if (!s->audit_prev[0])
        st = load_last(s, err);
    if (st == EASG_OK)
        st = seal(s->audit_prev, s->audit_seq + 1, fields, hash, err);
    if (st == EASG_OK)
        st = db_run(s, err,
                    "INSERT INTO audit(seq, at, run, event, subject, detail, hash)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    "issssss", s->audit_seq + 1, fields[0], fields[1], fields[2], fields[3],
                    fields[4], hash);
    if (st != EASG_OK)
        return st;
    s->audit_seq++;
    memcpy(s->audit_prev, hash, sizeof hash);
    return EASG_OK;
}

struct verify {
    char prev[65];
    int64_t seq, rows, first_bad;
    char anchor[100]; /* "SEQ HASH" where older rows were removed; "" */
    int said;         /* a row of the chain says so too */
};

/* The row by which retention told what it removed. */
static void check_pruned(struct verify *v, const char *event, const char *detail)
{
    char want[160];
    char *space = strchr(v->anchor, ' ');

    if (!space || strcmp(event, "audit.pruned") != 0)
        return;
    snprintf(want, sizeof want, "{\"through\":%.*s,\"hash\":\"%s\"}", (int)(space - v->anchor),
             v->anchor, space + 1);
    v->said |= strcmp(detail, want) == 0;
}

static easg_status verify_row(void *user, const struct store_row *row, easg_error *err)
{
    struct verify *v = user;
    const char *fields[5];
    const char *hash = store_row_text(row, 6);
    int64_t seq = store_row_int(row, 0);
    char want[65];
    easg_status st;
    int i;

    for (i = 0; i < 5; i++) {
        fields[i] = store_row_text(row, (size_t)i + 1);
        if (!fields[i])
            fields[i] = "";
    }
    st = seal(v->prev, seq, fields, want, err);
    if (st == EASG_E_LIMIT)
        want[0] = '\0'; /* longer than anything we write */
    else if (st != EASG_OK)
        return st;
    v->seq++;
    v->rows++;
    check_pruned(v, fields[2], fields[4]);
    if (!v->first_bad && (seq != v->seq || !hash || strcmp(hash, want) != 0))
        v->first_bad = seq;
    snprintf(v->prev, sizeof v->prev, "%s", hash ? hash : "");
    return EASG_OK;
}

static easg_status take_anchor(void *user, const struct store_row *row, easg_error *err)
{
    struct verify *v = user;
    const char *text = store_row_text(row, 0);
    char *end;

    (void)err;
    snprintf(v->anchor, sizeof v->anchor, "%s", text ? text : "");
    v->seq = strtoll(v->anchor, &end, 10);
    snprintf(v->prev, sizeof v->prev, "%s", *end ? end + 1 : "");
    return EASG_OK;
}

easg_status store_audit_verify(struct store *s, int64_t *rows, int64_t *first_bad, easg_error *err)
{
    struct verify v = { AUDIT_START, 0, 0, 0, "", 0 };
    easg_status st = store_query(s, "SELECT value FROM meta WHERE name='audit_anchor'", NULL, 0,
                                 take_anchor, &v, err);

    if (st == EASG_OK)
        st = store_query(
            s, "SELECT seq, at, run, event, subject, detail, hash FROM v_audit ORDER BY seq", NULL,
            0, verify_row, &v, err);
    *rows = v.rows;
    /* Rows are missing at the start, and no row of the chain vouches for that. */
    if (st == EASG_OK && v.anchor[0] && !v.said && !v.first_bad)
        v.first_bad = v.seq - v.rows + 1;
    *first_bad = v.first_bad;
    return st;
}
