/* SPDX-License-Identifier: Apache-2.0
 *
 * render.c - the renderings of a record. Values are whatever a peer sent, so none of them can end
 * a line, begin a field or leave a string.
 */
#include "record.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int render_priority(easg_level level)
{
    static const int priority[] = { 3, 4, 6, 7, 7 };

    return priority[level < 0 ? 0 : level > EASG_LOG_TRACE ? EASG_LOG_TRACE : level];
}

/* The value as text, cut; 0: absent. `num` is room for numbers and times. */
static int value_of(const struct log_field *f, char num[TIMESTAMP_SIZE], easg_str *out)
{
    switch (f->type) {
    case LOG_F_STR:
    case LOG_F_STRN:
        if (!f->str)
            return 0;
        out->ptr = f->str;
        out->len = f->type == LOG_F_STRN ? f->len : strlen(f->str);
        break;
    case LOG_F_INT: {
        int n = snprintf(num, TIMESTAMP_SIZE, "%" PRId64, f->num);

        *out = (easg_str){ num, (size_t)n };
        break;
    }
    case LOG_F_TIME: *out = text_str(timestamp_format(f->num, num)); return out->len > 0;
    case LOG_F_STATUS: *out = text_str(err_status_name((easg_status)f->num)); break;
    case LOG_F_END:
    default: return 0;
    }
    return 1;
}

/* Adds `v` cut to RECORD_MAX_VALUE by `add`, with "..." when it was. */
static void add_cut(struct strbuf *out, const easg_str *v,
                    easg_status (*add)(struct strbuf *, const char *, size_t))
{
    size_t n = v->len;

    if (n > RECORD_MAX_VALUE)
        n = text_utf8_cut(v->ptr, RECORD_MAX_VALUE);
    add(out, v->ptr, n);
    if (n < v->len)
        strbuf_adds(out, "...");
}

/* A key may come from a plugin. */
static void add_key(struct strbuf *out, const char *key)
{
    size_t n = strnlen(key, 64);

    for (size_t i = 0; i < n; i++) {
        char c = key[i];
        int ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '.' || c == '-';

        strbuf_addc(out, ok ? c : '_');
    }
    if (n == 0)
        strbuf_addc(out, '_');
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void add_text_value(struct strbuf *out, const easg_str *v)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf safe = STRBUF_INIT(8 * RECORD_MAX_VALUE);
    int quote = v->len == 0;
    const char *s;

    strbuf_add_safe(&safe, v->ptr, v->len, RECORD_MAX_VALUE);
    s = strbuf_str(&safe);
    for (const char *p = s; *p && !quote; p++)
        quote = *p == ' ' || *p == '"' || *p == '=';
    if (!quote) {
        strbuf_adds(out, s);
        return;
    }
    strbuf_addc(out, '"');
    for (const char *p = s; *p; p++) {
        if (*p == '"')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *p);
    }
    strbuf_addc(out, '"');
}

static void add_text_body(const struct record *r, struct strbuf *out)
{
    char num[TIMESTAMP_SIZE];
    easg_str v;

    strbuf_add_safe(out, r->text, r->text_len, RECORD_MAX_VALUE);
    for (size_t i = 0; i < r->n; i++) {
        if (!value_of(r->fields[i], num, &v))
            continue;
        strbuf_addc(out, ' ');
        add_key(out, r->fields[i]->key);
        strbuf_addc(out, '=');
        add_text_value(out, &v);
    }
}

void render_text(const struct record *r, int with_time, struct strbuf *out)
{
    char t[TIMESTAMP_SIZE];

    if (with_time)
        strbuf_addf(out, "%s ", timestamp_format(r->at - r->at % 1000, t));
    strbuf_addf(out, "%-7s ", log_level_name(r->level));
    add_text_body(r, out);
    strbuf_addc(out, '\n');
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static int reserved_json(const char *key)
{
    return strcmp(key, "time") == 0 || strcmp(key, "level") == 0 || strcmp(key, "text") == 0;
}

void render_json(const struct record *r, struct strbuf *out)
{
    easg_str text = { r->text, r->text_len };
    char t[TIMESTAMP_SIZE];
    easg_str v;

    strbuf_addf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"text\":\"", timestamp_format(r->at, t),
                log_level_name(r->level));
    add_cut(out, &text, strbuf_add_json);
    strbuf_addc(out, '"');
    for (size_t i = 0; i < r->n; i++) {
        const struct log_field *f = r->fields[i];

        if (!value_of(f, t, &v))
            continue;
        strbuf_adds(out, reserved_json(f->key) ? ",\"_" : ",\"");
        add_key(out, f->key);
        strbuf_adds(out, "\":");
        if (f->type == LOG_F_INT) {
            strbuf_add_str(out, &v);
            continue;
        }
        strbuf_addc(out, '"');
        add_cut(out, &v, strbuf_add_json);
        strbuf_addc(out, '"');
    }
    strbuf_adds(out, "}\n");
}

/* ---- journal -----------------------------------------------------------------------------------
 */

/* Upper case, [A-Z0-9_], not one of the journal's own and no underscore or digit in front. */
static void add_journal_key(struct strbuf *out, const char *key)
{
    size_t from = out->len;

    strbuf_adds(out, "F_");
    add_key(out, key);
    if (strbuf_status(out) != EASG_OK)
        return;
    for (char *p = out->ptr + from; *p; p++) {
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
        else if (*p == '.' || *p == '-')
            *p = '_';
    }
    key = out->ptr + from + 2;
    if (*key >= 'A' && *key <= 'Z' && strcmp(key, "MESSAGE") != 0 && strcmp(key, "PRIORITY") != 0 &&
        strncmp(key, "SYSLOG_", 7) != 0 && strncmp(key, "CODE_", 5) != 0) {
        memmove(out->ptr + from, key, strlen(key) + 1);
        out->len -= 2;
    }
}

void render_journal(const struct record *r, struct strbuf *out)
{
    char num[TIMESTAMP_SIZE];
    easg_str v;

    strbuf_addf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=easgate\nMESSAGE=", render_priority(r->level));
    add_text_body(r, out);
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < r->n; i++) {
        if (!value_of(r->fields[i], num, &v))
            continue;
        add_journal_key(out, r->fields[i]->key);
        strbuf_addc(out, '=');
        strbuf_add_safe(out, v.ptr, v.len, RECORD_MAX_VALUE); /* no line end is left in it */
        strbuf_addc(out, '\n');
    }
}
