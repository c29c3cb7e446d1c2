/* SPDX-License-Identifier: Apache-2.0
 *
 * A page of a list: its elements become trees one at a time, so that memory is that of the text
 * and one element, however many there are and however much hangs on each.
 */
#include "json_private.h"

#include <string.h>

#include "err.h"

/* Where the list stands in the text: its brackets are at `from` and `to` - 1. */
struct span {
    size_t from, to;
};

static easg_status bad(size_t at, easg_error *err)
{
    return err_set(err, EASG_E_PROTOCOL, "JSON: not well-formed at byte %zu", at);
}

/* Walks the members of the top object. */
static easg_status find_list(const char *ptr, size_t len, const char *name,
                             const struct json_limits *limits, struct span *list, easg_error *err)
{
    struct json_limits page = { limits->max_bytes, limits->max_depth, SIZE_MAX };
    size_t name_len = strlen(name);
    size_t i = json_skip_space(ptr, len, 0);

    list->from = list->to = 0;
    if (len == 0)
        return err_set(err, EASG_E_PROTOCOL, "JSON: empty");
    if (i >= len || ptr[i] != '{')
        return bad(i, err);
    do {
        size_t key = json_skip_space(ptr, len, i + 1), end = 0;
        easg_status st;

        if (key < len && ptr[key] == '}' && ptr[i] == '{') {
            i = key;
            break;
        }
        if (key >= len || ptr[key] != '"')
            return bad(key, err);
        st = json_skip(ptr, len, key, &page, &end, err);
        if (st != EASG_OK)
            return st;
        i = json_skip_space(ptr, len, end);
        if (i >= len || ptr[i] != ':')
            return bad(i, err);
        i = json_skip_space(ptr, len, i + 1);
        if (i < len && ptr[i] == '[' && end - key == name_len + 2 &&
            memcmp(ptr + key + 1, name, name_len) == 0) {
            if (list->to)
                return err_set(err, EASG_E_PROTOCOL, "JSON: member %s is there twice", name);
            list->from = i;
            list->to = 1;
        }
        st = json_skip(ptr, len, i, &page, &end, err);
        if (st != EASG_OK)
            return st;
        if (list->to == 1)
            list->to = end;
        i = json_skip_space(ptr, len, end);
    } while (i < len && ptr[i] == ',');
    if (i >= len)
        return err_set(err, EASG_E_PROTOCOL, "JSON: cut at byte %zu, 1 brackets open", len);
    if (ptr[i] != '}' || json_skip_space(ptr, len, i + 1) != len)
        return bad(i, err);
    return EASG_OK;
}

static easg_status make_envelope(const char *ptr, size_t len, const struct span *list,
                                 const struct json_limits *limits, struct json **out,
                                 easg_error *err)
{
    struct strbuf text = STRBUF_INIT(limits->max_bytes);
    easg_status st;

    strbuf_add(&text, ptr, list->from);
    if (list->to)
        strbuf_adds(&text, "[]");
    strbuf_add(&text, ptr + list->to, len - list->to);
    st = strbuf_status(&text);
    if (st == EASG_OK)
        st = json_parse(text.ptr, text.len, limits, out, err);
    else if (st == EASG_E_LIMIT)
        st = err_set(err, st, "JSON: more than %zu bytes around the list", limits->max_bytes);
    else
        st = err_nomem(err);
    strbuf_clear(&text);
    return st;
}

static easg_status each(const char *ptr, const struct span *list, const struct json_limits *limits,
                        const struct json_each *to, easg_error *err)
{
    size_t stop = list->to - 1; /* of the bracket that ends it */
    size_t i = json_skip_space(ptr, stop, list->from + 1);

    while (i < stop) {
        struct json *v = NULL;
        size_t end = i;
        easg_status st = json_skip(ptr, stop, i, limits, &end, err);

        if (st == EASG_OK && end - i > limits->max_bytes)
            st = err_set(err, EASG_E_LIMIT, "JSON: an element of more than %zu bytes",
                         limits->max_bytes);
        if (st == EASG_OK)
            st = json_make(ptr + i, end - i, &v, err);
        if (st == EASG_OK)
            st = to->element(to->user, v, err);
        json_destroy(v);
        if (st != EASG_OK)
            return st;
        i = json_skip_space(ptr, stop, end);
        if (i == stop)
            break;
        if (ptr[i] != ',')
            return bad(i, err);
        i = json_skip_space(ptr, stop, i + 1);
        if (i == stop)
            return bad(i, err);
    }
    return EASG_OK;
}

easg_status json_parse_page(const char *ptr, size_t len, const char *name,
                            const struct json_limits *limits, const struct json_each *to,
                            easg_error *err)
{
    struct json *envelope = NULL;
    struct span list;
    easg_status st = find_list(ptr, len, name, limits, &list, err);

    if (st == EASG_OK)
        st = make_envelope(ptr, len, &list, limits, &envelope, err);
    if (st == EASG_OK)
        st = to->envelope(to->user, envelope, err);
    json_destroy(envelope);
    if (st == EASG_OK && list.to)
        st = each(ptr, &list, limits, to, err);
    return st;
}
