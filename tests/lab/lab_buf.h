/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_buf.h - memory and growing byte buffers of the lab.
 *
 * The lab shares no code with the agent, so it has its own few lines of these. Running out of
 * memory ends the program: the lab is a test instrument, and half an organisation helps nobody.
 */
#ifndef LAB_BUF_H
#define LAB_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *p; /* always ends with a NUL that is not counted, once something was put */
    size_t n;
    size_t cap;
};

/* Zeroed memory; never NULL. */
void *lab_alloc(size_t n);
void *lab_realloc(void *p, size_t n);
char *lab_strdup(const char *s);
char *lab_strndup(const char *s, size_t n);

void buf_clear(struct buf *b);
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_num(struct buf *b, uint64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_base64(struct buf *b, const void *p, size_t n);
void buf_base64url(struct buf *b, const void *p, size_t n);

#define BUF_LIT(b, s) buf_put((b), (s), sizeof(s) - 1)

/* Standard alphabet, white space skipped; false on anything else. Appends to out. */
int buf_unbase64(struct buf *out, const char *s, size_t n);
int buf_unbase64url(struct buf *out, const char *s, size_t n);
/* Decodes %XX (and + when form is true) in place; returns the new length. */
size_t lab_unpercent(char *s, int form);
/* Appends s percent-encoded as a component of a query. */
void buf_percent(struct buf *b, const char *s);

/* Appends s with & < > " escaped as XML. */
void buf_xml(struct buf *b, const char *s);

/* ASCII only, as the names of cmdlets, parameters and headers are compared. */
int lab_same(const char *a, const char *b);
int lab_starts(const char *s, const char *prefix);
/* `pattern` may hold * and ?, compared without case. */
int lab_like(const char *s, const char *pattern);
/* snprintf that cannot overrun and returns what was written. */
size_t lab_print(char *out, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
