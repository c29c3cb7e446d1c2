/* SPDX-License-Identifier: Apache-2.0
 *
 * record_fast.h - the short way of the record decoder: CLIXML exactly as .NET writes it, without an
 * XML parser. What it does not know it declines, and the message goes to libxml2; it never accepts
 * what that would refuse. Private to the record decoder and its tests; why: core/why/decoder.md.
 */
#ifndef EASG_RECORD_FAST_H
#define EASG_RECORD_FAST_H

#include <stddef.h>
#include <stdint.h>

#include "clixml_record.h"
#include "clixml_text.h"

#define CLIXML_MAX_NAMES  64u
#define CLIXML_HASH_SIZE  256u
#define CLIXML_FAST_ITEMS 512u /* of all lists of one object; more go the other way */
#define CLIXML_FAST_TAGS  128u
#define CLIXML_FAST_DEPTH 64u
#define CLIXML_FAST_BYTES ((size_t)8 * 1024 * 1024) /* libxml2 has ceilings of its own above it */

/* The wanted properties. */
struct clixml_names {
    const char *const *names;
    size_t lens[CLIXML_MAX_NAMES];
    size_t n;
    unsigned char hash[CLIXML_HASH_SIZE]; /* slot + 1 by hash of the lower-case name */
    unsigned char next[CLIXML_MAX_NAMES]; /* slot + 1 of the next name with the same hash */
};

void clixml_names_init(struct clixml_names *t, const char *const *names);
/* The slot of a name, or -1. */
int clixml_names_find(const struct clixml_names *t, const char *ptr, size_t len);

/* A slot while the object is read. Offsets: the arena moves when it grows. */
struct clixml_filling {
    enum clixml_kind kind;
    enum clixml_tag tag;
    int from_ms;
    int by_tostring;
    size_t at;
    size_t len;
    size_t first_item;
    size_t n_items;
};

struct clixml_span {
    size_t at;
    size_t len;
};

struct clixml_fast {
    struct clixml_word {
        uint64_t word; /* the element name, first byte lowest */
        enum clixml_tag tag;
    } tags[CLIXML_FAST_TAGS];
    struct clixml_word open[CLIXML_FAST_DEPTH + 1];

    /* Results of the last scan that was not declined: */
    enum clixml_tag root_tag;
    struct clixml_span items[CLIXML_FAST_ITEMS];
    size_t n_items;
    size_t text_bytes; /* enough for all wanted text with a NUL behind each */
    int entities;      /* there is an '&' somewhere */
};

void clixml_fast_init(struct clixml_fast *f);
/* Reads one message. 1: `fill` (one for each name, at least one, zeroed by the caller) and `f` hold
 * what the object has; offsets are into `xml`, text is still escaped. 0: declined, nothing to rely
 * on. Reads no byte outside `xml`. */
int clixml_fast_scan(struct clixml_fast *f, const struct clixml_names *names,
                     struct clixml_filling *fill, const char *xml, size_t len);
/* Copies the text of one span to `to` (room for `len`), unescaped; returns the bytes written. */
size_t clixml_fast_text(const struct clixml_fast *f, const char *xml, struct clixml_span text,
                        char *to);

/* Which way clixml_decode() takes: for tests, which compare the two. */
enum clixml_path {
    CLIXML_PATH_BOTH,
    CLIXML_PATH_FAST, /* what is declined gives EASG_E_UNSUPPORTED */
    CLIXML_PATH_LIBXML2
};

void clixml_decoder_path(struct clixml_decoder *d, enum clixml_path path);

#endif
