/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - one record on its way through this room: gathered, limited, rendered. Private.
 */
#ifndef EASG_LOG_RECORD_H
#define EASG_LOG_RECORD_H

#include "log.h"
#include "strbuf.h"

#define RECORD_MAX_FIELDS 32
#define RECORD_MAX_VALUE  1024      /* bytes of one value; the rest is cut */
#define RECORD_MAX_BYTES  (1 << 20) /* never reached: fields x value x the widest escape is less */

struct record {
    easg_time at;
    easg_level level;
    const char *text;
    size_t text_len;
    const struct log_field *fields[RECORD_MAX_FIELDS]; /* own first, then those of the log */
    size_t n;
    size_t n_own; /* how many of them are the record's own */
};

/* ---- render.c: each appends one whole record, with its line end where it has one ---- */

void render_text(const struct record *r, int with_time, struct strbuf *out);
void render_json(const struct record *r, struct strbuf *out);
/* The journal's native protocol: FIELD=value lines. */
void render_journal(const struct record *r, struct strbuf *out);
/* syslog's number of a level. */
int render_priority(easg_level level);

/* ---- limit.c ----------------------------------------------------------------------------------
 */

#define LIMIT_SLOTS     64
#define LIMIT_RECORDS   10    /* identical ones that pass ... */
#define LIMIT_WINDOW_MS 60000 /* ... in this time */

struct limit_slot {
    uint64_t hash; /* 0: free */
    int64_t since; /* clock_monotonic_ms() */
    unsigned passed;
    unsigned suppressed;
    easg_level level;
    char text[96];
};

struct limit {
    struct limit_slot slots[LIMIT_SLOTS];
};

/* 1: the record may pass. *due is filled (suppressed > 0) when records of an earlier window, or
 * those of a record that shares the slot, have to be told first. */
int limit_pass(struct limit *l, const struct record *r, int64_t now, struct limit_slot *due);

#endif
