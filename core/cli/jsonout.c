/* SPDX-License-Identifier: Apache-2.0
 *
 * jsonout.c - a JSON writer of two hundred lines instead of a library in the core.
 */
#include "jsonout.h"

#include "timestamp.h"

#include <inttypes.h>
#include <string.h>

enum { FLUSH_AT = 32 * 1024, TEXT_MAX = 64 * 1024 * 1024 };

void json_init(struct jsonout *j, FILE *to, int compact)
{
    memset(j, 0, sizeof(*j));
    j->to = to;
    j->compact = compact;
    strbuf_init(&j->text, TEXT_MAX);
}

static void flush(struct jsonout *j)
{
    if (j->status == EASG_OK)
        j->status = strbuf_status(&j->text);
    if (j->status == EASG_OK && j->text.len &&
        fwrite(j->text.ptr, 1, j->text.len, j->to) != j->text.len)
        j->status = EASG_E_FAIL;
    strbuf_reset(&j->text);
}

easg_status json_end(struct jsonout *j)
{
    strbuf_addc(&j->text, '\n');
    if (j->depth)
        j->status = EASG_E_USAGE;
    flush(j);
    strbuf_clear(&j->text);
    return j->status;
}

static void line(struct jsonout *j)
{
    unsigned i;

    if (j->compact)
        return;
    strbuf_addc(&j->text, '\n');
    for (i = 0; i < j->depth; i++)
        strbuf_adds(&j->text, "  ");
}

/* Comma, line and key: what stands before a value. */
static void lead(struct jsonout *j, const char *key)
{
    unsigned d = j->depth;

    if (d) {
        if (j->items[d - 1])
            strbuf_adds(&j->text, j->compact ? ", " : ",");
        j->items[d - 1] = 1;
        line(j);
        /* a name belongs in an object and nowhere else: a bug of ours otherwise */
        xassert((key != NULL) == (j->kind[d - 1] == '{'));
    } else {
        xassert(key == NULL);
    }
    if (key) {
        strbuf_addc(&j->text, '"');
        strbuf_add_json(&j->text, key, strlen(key));
        strbuf_adds(&j->text, "\": ");
    }
    if (j->text.len > FLUSH_AT)
        flush(j);
}

static void open_any(struct jsonout *j, const char *key, char kind)
{
    lead(j, key);
    xassert(j->depth < JSON_DEPTH_MAX);
    j->kind[j->depth] = (unsigned char)kind;
    j->items[j->depth] = 0;
    j->depth++;
    strbuf_addc(&j->text, kind);
}

void json_open_object(struct jsonout *j, const char *key)
{
    open_any(j, key, '{');
}

void json_open_array(struct jsonout *j, const char *key)
{
    open_any(j, key, '[');
}

void json_close(struct jsonout *j)
{
    xassert(j->depth > 0);
    j->depth--;
    if (j->items[j->depth])
        line(j);
    strbuf_addc(&j->text, j->kind[j->depth] == '{' ? '}' : ']');
}

void json_textn(struct jsonout *j, const char *key, const char *s, size_t len)
{
    lead(j, key);
    strbuf_addc(&j->text, '"');
    strbuf_add_json(&j->text, s, len);
    strbuf_addc(&j->text, '"');
}

void json_text(struct jsonout *j, const char *key, const char *s)
{
    if (s)
        json_textn(j, key, s, strlen(s));
    else
        json_null(j, key);
}

void json_int(struct jsonout *j, const char *key, int64_t v)
{
    lead(j, key);
    strbuf_addf(&j->text, "%" PRId64, v);
}

void json_bool(struct jsonout *j, const char *key, int v)
{
    lead(j, key);
    strbuf_adds(&j->text, v ? "true" : "false");
}

void json_null(struct jsonout *j, const char *key)
{
    lead(j, key);
    strbuf_adds(&j->text, "null");
}

void json_time(struct jsonout *j, const char *key, easg_time t)
{
    char buf[TIMESTAMP_SIZE];

    if (t == EASG_TIME_NONE)
        json_null(j, key);
    else
        json_text(j, key, timestamp_format(t, buf));
}
