/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.h - inside the store: the listing at hand, and what all kinds of rows share.
 */
#ifndef EASG_STORE_LISTING_PRIVATE_H
#define EASG_STORE_LISTING_PRIVATE_H

#include "store_db.h"
#include "store_listing.h"

#define LISTING_COMMIT_ROWS 20000   /* bounds the write-ahead log */
#define LISTING_BIG_ROWS    50000   /* promoted in several transactions above this */
#define STAGED_PACKED       1000u   /* rows in a row of `staged` */
#define STAGED_CHUNK        131072u /* rows that a promotion holds at once: 8 MiB */

/* A staged row of an index table is a few words; one of STAGED_KEY is a join key of a person, with
 * the body row and, in W_PK, his key. 0 is "none" everywhere: ids and keys begin with 1. */
enum { STAGED_KEY = STORE_KINDS, STAGED_KINDS };
enum {
    W_K,       /* key of the index */
    W_ID,      /* body row */
    W_HASH,    /* three words */
    W_PK = 2,  /* STAGED_KEY */
    W_OLD = 5, /* body row that this one replaces */
    W_REF = 6, /* mailbox: key of its other name */
    W_EK = 6,  /* device, managed device */
    W_OWNER,   /* device: key of the name of its mailbox */
    W_MAX
};

struct listing_kind {
    unsigned char *bits; /* one bit a body row: mentioned in this listing */
    int64_t max_id;
    int64_t known; /* 0: nothing yet, so nothing to look up */
    struct store_seen n;
};

struct listing_pack {
    unsigned char *rows;
    size_t n;
};

struct store_listing {
    enum store_listing_of what;
    int open; /* 1 staging, 2 ended */
    easg_time now;
    int64_t written; /* rows since the last commit */
    int64_t old;     /* the row that the one at hand replaces; 0: none */
    struct listing_kind kinds[STORE_KINDS];
    struct listing_pack packs[STAGED_KINDS];
};

/* ---- staged.c ---- */

void staged_row(int64_t w[W_MAX], int64_t k, int64_t id, const unsigned char hash[DIGEST_HASH],
                int64_t old);
void staged_hash(const int64_t w[W_MAX], unsigned char hash[DIGEST_HASH]);
easg_status staged_put(struct store *s, int kind, const int64_t *w, easg_error *err);
/* Before a commit: rows and bodies belong to one transaction. */
easg_status staged_flush(struct store *s, easg_error *err);
/* n keys in W_K or W_REF: the body row of one that came twice; 0: none. */
easg_status staged_twice(struct store *s, int kind, int word, int64_t n, int64_t *id,
                         easg_error *err);

struct staged_order {
    int64_t key, value;
};
struct staged_chunk {
    int kind;
    size_t n, max;
    int64_t after; /* row of `staged` that was read last */
    int64_t (*rows)[W_MAX];
    struct staged_order *order, *room;
    size_t cap; /* of room, where they are sorted */
};
easg_status staged_open(int kind, size_t max, struct staged_chunk *c, easg_error *err);
/* c->n 0: that was all. */
easg_status staged_next(struct store *s, struct staged_chunk *c, easg_error *err);
/* By one word; staged_at() gives the rows in that order. */
easg_status staged_sort(struct staged_chunk *c, int word, easg_error *err);
int64_t *staged_at(const struct staged_chunk *c, size_t i);
void staged_close(struct staged_chunk *c);

/* ---- garbage.c ---- */

/* Throws away what an interrupted or refused listing left. */
easg_status garbage_drop_staged(struct store *s, easg_error *err);
/* Body rows one by one, and 0 at the end; neighbours become one range. */
struct garbage_range {
    int64_t low, high;
};
easg_status garbage_put(struct store *s, int kind, struct garbage_range *r, int64_t id,
                        easg_error *err);

/* ---- listing.c ---- */

/* Looks up `k`; *fresh 1: new or changed, to be staged. `key` is for the message about a
 * duplicate. */
easg_status listing_compare(struct store *s, enum store_kind kind, int64_t k,
                            const unsigned char hash[DIGEST_HASH], const easg_str *key, int *fresh,
                            easg_error *err);
/* Counts one staged row; commits now and then. */
easg_status listing_wrote(struct store *s, easg_error *err);

/* Without the white space around it. */
easg_str listing_trim(const easg_str *s);
/* Key of an EAS id; 0 when it is empty. */
int64_t listing_eas_key(const struct store *s, const easg_str *id);
/* The same as a managed device names it; 0 when it cannot be one. */
int64_t listing_managed_eas_key(const struct store *s, const easg_str *id);
/* Key of a mail address: "smtp:" in front is dropped. 0 when it is empty. */
int64_t listing_smtp_key(const struct store *s, const easg_str *address);
/* All of a list, one a line. */
easg_status listing_join(struct strbuf *out, const easg_str *const *list, size_t n);

/* Calls fn for the key of each address of a text made by listing_join(). */
void listing_each_smtp(const struct store *s, const easg_str *text,
                       void (*fn)(void *user, int64_t kd), void *user);
/* What it holds in memory. */
void listing_free(struct store_listing *l);

#endif
