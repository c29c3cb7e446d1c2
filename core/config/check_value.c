/* SPDX-License-Identifier: Apache-2.0
 *
 * check_value.c - one value against one declared option. Which options may stand where is in
 * options.c.
 */
#include "cfgtree.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int cfg_parse_size(const char *ptr, size_t len, int64_t *out)
{
    uint64_t unit = 1;
    uint64_t v;

    if (len > 1) {
        char c = ptr[len - 1];

        unit = c == 'K' ? 1024u : c == 'M' ? 1024u * 1024u : c == 'G' ? 1024u * 1024u * 1024u : 1u;
    }
    if (!text_parse_u64(ptr, unit == 1 ? len : len - 1, &v) || v > (uint64_t)INT64_MAX / unit)
        return 0;
    *out = (int64_t)(v * unit);
    return 1;
}

/* Whole numbers, with a sign. */
static int parse_int(const char *ptr, size_t len, int64_t *out)
{
    return cfg_classify(ptr, len, out) == EASG_NODE_INT;
}

static int parse_duration(const char *ptr, size_t len, int64_t *out)
{
    *out = 0;
    return (len == 1 && *ptr == '0') || duration_parse(ptr, len, out);
}

static int parse_number(easg_option_type type, const char *ptr, size_t len, int64_t *out)
{
    if (type == EASG_OPT_SIZE)
        return cfg_parse_size(ptr, len, out);
    return type == EASG_OPT_DURATION ? parse_duration(ptr, len, out) : parse_int(ptr, len, out);
}

int cfg_option_range(const easg_option *o, int64_t *min, int64_t *max)
{
    const char *dots = o->allowed ? strstr(o->allowed, "..") : NULL;

    return dots && parse_number(o->type, o->allowed, (size_t)(dots - o->allowed), min) &&
           parse_number(o->type, dots + 2, strlen(dots + 2), max);
}

/* The last part of a dotted name: what stands in the file. */
static const char *last_part(const easg_option *o)
{
    const char *dot = strrchr(o->name, '.');

    return dot ? dot + 1 : o->name;
}

static const char *shown(const struct easg_config *n, char *buf, size_t size)
{
    if (n->type == EASG_NODE_LIST)
        return "a list";
    if (n->type == EASG_NODE_MAP)
        return "a map";
    buf[0] = '`';
    text_safe(n->text.ptr, n->text.len, buf + 1, size - 2);
    buf[strlen(buf) + 1] = '\0';
    buf[strlen(buf)] = '`';
    return buf;
}

static easg_status expected(easg_error *err, const easg_option *o, const struct easg_config *from,
                            const char *what)
{
    char buf[80] = { 0 };

    return cfg_error(err, from, "`%s` must be %s, not %s", last_part(o), what,
                     shown(from, buf, sizeof buf));
}

static easg_status check_number(struct easg_config *node, const easg_option *o,
                                const struct easg_config *from, easg_error *err)
{
    static const char *const what[] = { "a whole number", "a size such as 500K, 10M or 1G",
                                        "a duration such as 90s, 10m, 2h or 7d" };
    unsigned w = o->type == EASG_OPT_SIZE ? 1 : o->type == EASG_OPT_DURATION ? 2 : 0;
    int64_t min = w ? 0 : INT64_MIN;
    int64_t max = INT64_MAX;
    char text[120];

    node->type = EASG_NODE_INT;
    if (!parse_number(o->type, from->text.ptr, from->text.len, &node->num))
        return expected(err, o, from, what[w]);
    if (cfg_option_range(o, &min, &max) && (node->num < min || node->num > max)) {
        const char *dots = strstr(o->allowed, "..");

        (void)snprintf(text, sizeof text, "%s from %.*s to %s",
                       w == 2   ? "a duration"
                       : w == 1 ? "a size"
                                : what[0],
                       (int)(dots - o->allowed), o->allowed, dots + 2);
        return expected(err, o, from, text);
    }
    return EASG_OK;
}

/* "a|b|c" */
static int in_words(const char *words, const easg_str *text)
{
    while (words && *words) {
        size_t n = strcspn(words, "|");

        if (n == text->len && memcmp(words, text->ptr, n) == 0)
            return 1;
        words += n + (words[n] == '|');
    }
    return 0;
}

static easg_status check_enum(const easg_option *o, const struct easg_config *from, easg_error *err)
{
    struct cfg_nearest near = { .name = from->text.ptr };
    char list[200] = "";
    char words[256];
    size_t used = 0;
    char *w = words;

    if (in_words(o->allowed, &from->text))
        return EASG_OK;
    (void)snprintf(words, sizeof words, "%s", o->allowed ? o->allowed : "");
    while (*w) {
        size_t n = strcspn(w, "|");
        int last = !w[n];

        w[n] = '\0';
        used += (size_t)snprintf(list + used, used < sizeof list ? sizeof list - used : 0, "%s%s",
                                 used ? ", " : "", w);
        used = used < sizeof list ? used : sizeof list - 1;
        cfg_nearest_try(&near, w);
        w += last ? n : n + 1;
    }
    {
        char text[260];
        char buf[80] = { 0 };

        (void)snprintf(text, sizeof text, "one of %s", list);
        if (near.best)
            return cfg_error(err, from, "`%s` must be %s, not %s; did you mean `%s`?", last_part(o),
                             text, shown(from, buf, sizeof buf), near.best);
        return expected(err, o, from, text);
    }
}

/* A string must not be able to add a header or end a line somewhere; block text may have lines. */
static int has_control(const easg_str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->ptr[i] < 0x20 && s->ptr[i] != '\n' && s->ptr[i] != '\t')
            return 1;
    return 0;
}

static easg_status check_url(const easg_option *o, const struct easg_config *from, easg_error *err)
{
    const char *s = from->text.ptr;
    const char *host = strstr(s, "://");
    size_t n;

    if (strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0)
        return expected(err, o, from, "a URL that begins with https:// or http://");
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
            return expected(err, o, from, "a URL without spaces and letters outside ASCII");
    host += 3;
    n = strcspn(host, "/?#");
    if (n == 0 || *host == ':')
        return expected(err, o, from, "a URL with the name of a host");
    if (memchr(host, '@', n)) /* may hold a password: not shown */
        return cfg_error(err, from, "`%s` must be a URL without a user or password in it",
                         last_part(o));
    return EASG_OK;
}

static easg_status check_list(struct easg_config *node, const easg_option *o,
                              const struct easg_config *from, easg_error *err)
{
    if (from->type != EASG_NODE_LIST)
        return expected(err, o, from, "a list such as [ one, two ]");
    for (size_t i = 0; i < from->n; i++) {
        const struct easg_config *item = from->items[i];
        struct easg_config *copy = NULL;
        easg_status st;

        if (!item->text.ptr || text_blank(&item->text) || item->type == EASG_NODE_NULL ||
            has_control(&item->text))
            return cfg_error(err, item, "`%s`: item %zu must be a text", last_part(o), i + 1);
        if (o->allowed && !in_words(o->allowed, &item->text))
            return check_enum(o, item, err);
        for (size_t k = 0; k < i; k++)
            if (from->items[k]->text.len == item->text.len &&
                memcmp(from->items[k]->text.ptr, item->text.ptr, item->text.len) == 0)
                return cfg_error(err, item, "`%s`: the same item is here twice", last_part(o));
        st = cfg_node_copy(node->doc, item, &copy, err);
        if (st == EASG_OK) {
            copy->type = EASG_NODE_STRING;
            st = cfg_node_add(node, copy, err);
        }
        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
}

static easg_status check_scalar(struct easg_config *node, const easg_option *o,
                                const struct easg_config *from, easg_error *err)
{
    switch (o->type) {
    case EASG_OPT_BOOL:
        node->type = EASG_NODE_BOOL;
        node->num = from->num;
        return from->type == EASG_NODE_BOOL ? EASG_OK : expected(err, o, from, "true or false");
    case EASG_OPT_INT:
    case EASG_OPT_SIZE:
    case EASG_OPT_DURATION: return check_number(node, o, from, err);
    case EASG_OPT_ENUM: return check_enum(o, from, err);
    case EASG_OPT_URL: return check_url(o, from, err);
    case EASG_OPT_SECRET: node->is_secret = 1; return cfg_check_secret(from, err);
    case EASG_OPT_STRING:
        if (has_control(&from->text))
            return cfg_error(err, from, "`%s` has a control character in it", last_part(o));
        if ((o->flags & EASG_OPTF_REQUIRED) && text_blank(&from->text))
            return cfg_error(err, from, "`%s` is empty", last_part(o));
        return EASG_OK;
    default: return err_set(err, EASG_E_USAGE, "option %s: unknown type %u", o->name, o->type);
    }
}

easg_status cfg_check_value(struct cfg_doc *doc, const easg_option *o,
                            const struct easg_config *from, struct easg_config **out,
                            easg_error *err)
{
    struct easg_config *node = NULL;
    easg_status st;

    if (o->type == EASG_OPT_MAP) {
        if (from->type != EASG_NODE_MAP)
            return expected(err, o, from, "a map");
        return cfg_node_copy(doc, from, out, err);
    }
    st = cfg_node_make(doc, o->type == EASG_OPT_LIST ? EASG_NODE_LIST : EASG_NODE_STRING,
                       from->place, &node, err);
    if (st != EASG_OK)
        return st;
    if (o->type == EASG_OPT_LIST) {
        *out = node;
        return check_list(node, o, from, err);
    }
    if (!from->text.ptr)
        return expected(err, o, from, o->type == EASG_OPT_ENUM ? "one word" : "a single value");
    node->text.ptr = cfg_doc_dup(doc, from->text.ptr, from->text.len);
    if (!node->text.ptr)
        return err_nomem(err);
    node->text.len = from->text.len;
    node->quoted = from->quoted;
    *out = node;
    return check_scalar(node, o, from, err);
}
