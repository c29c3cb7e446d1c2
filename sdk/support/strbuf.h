/* SPDX-License-Identifier: Apache-2.0
 *
 * strbuf.h - a growing byte string with a ceiling that is given when it is made. Always
 * NUL-terminated once something was added.
 *
 * The first failure sticks: later calls do nothing and return the same status, so a builder may
 * make all its calls and ask strbuf_status() once.
 */
#ifndef EASG_STRBUF_H
#define EASG_STRBUF_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"

struct strbuf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;         /* ceiling of len, in bytes */
    easg_status status; /* EASG_OK, EASG_E_NOMEM or EASG_E_LIMIT; sticks */
};

#define STRBUF_INIT(max_bytes)                                                                     \
    {                                                                                              \
        NULL, 0, 0, (max_bytes), EASG_OK                                                           \
    }

void strbuf_init(struct strbuf *b, size_t max);
/* Frees the bytes; the ceiling stays, so it may be used again. Fits EASG_CLEANUP. */
void strbuf_clear(struct strbuf *b);
/* Forgets the content and the status, keeps the memory. */
void strbuf_reset(struct strbuf *b);
easg_status strbuf_status(const struct strbuf *b);
/* Never NULL: "" when empty. Borrowed until the next call. */
const char *strbuf_str(const struct strbuf *b);
/* Transfers the bytes to the caller (mem_free); NULL when empty or failed. */
char *strbuf_take(struct strbuf *b);

easg_status strbuf_add(struct strbuf *b, const void *ptr, size_t len);
easg_status strbuf_adds(struct strbuf *b, const char *s);
easg_status strbuf_addc(struct strbuf *b, char c);
easg_status strbuf_addf(struct strbuf *b, const char *fmt, ...) EASG_PRINTF(2, 3);
easg_status strbuf_add_str(struct strbuf *b, const easg_str *s);
/* Room for `len` more bytes at the end, to be filled and then counted in by strbuf_grown(). */
char *strbuf_reserve(struct strbuf *b, size_t len);
void strbuf_grown(struct strbuf *b, size_t len);

/* XML text or attribute value: & < > " and ', control characters that XML 1.0 forbids dropped. */
easg_status strbuf_add_xml(struct strbuf *b, const char *ptr, size_t len);
/* The inside of a JSON string. Bytes that are not UTF-8 become U+FFFD. */
easg_status strbuf_add_json(struct strbuf *b, const char *ptr, size_t len);
/* RFC 3986 percent-encoding: everything but unreserved characters. */
easg_status strbuf_add_url(struct strbuf *b, const char *ptr, size_t len);
/* Text of a peer for people: control characters, DEL and what is not UTF-8 as \xHH, bidirectional
 * overrides as \u{...}, at most `max` bytes, then "...". */
easg_status strbuf_add_safe(struct strbuf *b, const char *ptr, size_t len, size_t max);

#endif
