/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - small things about bytes and UTF-8 that the C library lacks or does by locale.
 */
#ifndef EASG_TEXT_H
#define EASG_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

/* The C string `s` as an easg_str; NULL gives an absent one. */
easg_str text_str(const char *s);
#define TEXT_LIT(s) ((easg_str){ (s), sizeof(s) - 1 })

/* 1: equal, ASCII letters compared without case. No locale. */
int text_ieq(const char *a, size_t a_len, const char *b, size_t b_len);
int text_eq(const easg_str *a, const char *b);
/* 1: absent, empty, or only spaces, tabs and line ends. */
int text_blank(const easg_str *s);

/* Bytes of the first character, 0 when it is not well-formed UTF-8 (overlong forms, surrogates
 * and values above U+10FFFF are not). */
size_t text_utf8_len(const char *ptr, size_t len);
/* 1: all of it is well-formed UTF-8. */
int text_utf8_valid(const char *ptr, size_t len);
/* The largest length <= len that does not end inside a character. */
size_t text_utf8_cut(const char *ptr, size_t len);
/* Writes code point `cp` as UTF-8; returns the bytes written (1 to 4), 0 for a surrogate or more
 * than U+10FFFF. */
size_t text_utf8_put(uint32_t cp, char out[4]);

/* Text of a peer for an error message: escaped as strbuf_add_safe() does, cut to `size`-1 bytes.
 * Returns `out`. */
const char *text_safe(const char *ptr, size_t len, char *out, size_t size);

/* Decimal without sign or spaces; 1 and *out, or 0 (empty, other characters, overflow). */
int text_parse_u64(const char *ptr, size_t len, uint64_t *out);

/* Two spellings of a configuration key: the number of insertions, deletions, replacements and
 * swaps between them, at most `limit` + 1. */
unsigned text_distance(const char *a, const char *b, unsigned limit);

#endif
