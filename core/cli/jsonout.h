/* SPDX-License-Identifier: Apache-2.0
 *
 * jsonout.h - writes one JSON document to a stream as it goes: memory does not grow with it. Keys
 * and commas are the writer's; the caller names what it adds. Text that is not UTF-8 is mended.
 */
#ifndef EASG_JSONOUT_H
#define EASG_JSONOUT_H

#include <stdint.h>
#include <stdio.h>

#include <easgate/types.h>

#include "strbuf.h"

enum { JSON_DEPTH_MAX = 16 };

struct jsonout {
    FILE *to;
    int compact; /* one line: JSON lines */
    unsigned depth;
    unsigned char kind[JSON_DEPTH_MAX];  /* '{' or '[' */
    unsigned char items[JSON_DEPTH_MAX]; /* 1: there is one already */
    struct strbuf text;
    easg_status status; /* EASG_OK, or what went wrong first; sticks */
};

void json_init(struct jsonout *j, FILE *to, int compact);
/* Frees. EASG_E_FAIL: the document is not closed, or the stream refused it. Fits no cleanup: the
 * caller asks. */
easg_status json_end(struct jsonout *j);

/* `key` NULL: an element of an array, or the document itself. */
void json_open_object(struct jsonout *j, const char *key);
void json_open_array(struct jsonout *j, const char *key);
void json_close(struct jsonout *j);                                /* the innermost */
void json_text(struct jsonout *j, const char *key, const char *s); /* NULL: null */
void json_textn(struct jsonout *j, const char *key, const char *s, size_t len);
void json_int(struct jsonout *j, const char *key, int64_t v);
void json_bool(struct jsonout *j, const char *key, int v);
void json_null(struct jsonout *j, const char *key);
/* RFC 3339 text; EASG_TIME_NONE: null. */
void json_time(struct jsonout *j, const char *key, easg_time t);

#endif
