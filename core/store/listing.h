/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.h - inside the store: the listing at hand, and what all kinds of rows share.
 */
#ifndef EASG_STORE_LISTING_PRIVATE_H
#define EASG_STORE_LISTING_PRIVATE_H

#include "store_db.h"
#include "store_listing.h"

#define LISTING_COMMIT_ROWS 20000 /* bounds the write-ahead log */
#define LISTING_FRESH_MAX                                                                          \
    (1u << 18)                 /* 2 MiB of keys; duplicates among more are looked for on disk */
#define LISTING_BIG_ROWS 50000 /* promoted in several transactions above this */

struct listing_kind {
    unsigned char *bits; /* one bit a body row: mentioned in this listing */
    int64_t max_id;
    int64_t *fresh; /* keys of new rows, to find duplicates among them */
    size_t n_fresh, cap_fresh;
    struct store_seen n;
};

struct store_listing {
    enum store_listing_of what;
    int open; /* 1 staging, 2 ended */
    easg_time now;
    int64_t written; /* rows since the last commit */
    easg_time old;   /* the row that the one at hand replaces; EASG_TIME_NONE: none */
    struct listing_kind kinds[STORE_KINDS];
};

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
