/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.h - keys of the index tables and hashes of rows. Both are SipHash-2-4 under a random key
 * of the state file, 63 and 128 bits, because names come from clients: nobody outside can make two
 * of them meet, or a change that goes unseen.
 */
#ifndef EASG_STORE_DIGEST_H
#define EASG_STORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#define DIGEST_KEY  16
#define DIGEST_ROW  16
#define DIGEST_HASH (DIGEST_ROW + 8) /* and a second digest of the key */

/* What a digest is of: equal texts of different kinds do not meet. */
enum digest_kind {
    DIGEST_DEVICE = 1,
    DIGEST_MAILBOX, /* mailbox ids and refs: one name space */
    DIGEST_EAS,     /* a folded EAS id */
    DIGEST_PERSON,
    DIGEST_MANAGED,
    DIGEST_SID, /* join keys of people */
    DIGEST_IMMUTABLE,
    DIGEST_SMTP,
    DIGEST_SECRET,     /* bytes, not folded */
    DIGEST_SECOND = 32 /* added to a kind: its second digest */
};

struct digest {
    uint64_t k0, k1;
    unsigned char *pack; /* the row being packed */
    size_t len, cap;
    int failed;
};

void digest_init(struct digest *d, const unsigned char key[DIGEST_KEY]);
void digest_clear(struct digest *d);

/* 63 bits, never 0; ASCII letters are upper-cased first (not for SECRET and IMMUTABLE). */
int64_t digest_key(const struct digest *d, enum digest_kind kind, const char *ptr, size_t len);

/* The hash of one row: begin, each column in its order, end with its key. The second digest of the
 * key makes two keys with one first digest known as two: together they are 126 keyed bits. */
void digest_begin(struct digest *d);
void digest_str(struct digest *d, const easg_str *s);
void digest_int(struct digest *d, int64_t v);
easg_status digest_end(struct digest *d, enum digest_kind kind, const easg_str *key,
                       unsigned char out[DIGEST_HASH], easg_error *err);

/* SHA-256 of `len` bytes as 64 hex digits. */
easg_status digest_hex(const void *ptr, size_t len, char out[65], easg_error *err);
/* Fills with random bytes. */
easg_status digest_random(unsigned char *out, size_t len, easg_error *err);

#endif
