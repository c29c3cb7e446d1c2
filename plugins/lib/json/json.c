/* SPDX-License-Identifier: Apache-2.0
 *
 * cJSON behind a gate: what it would take too easily (depth of 1000, any number of values, NULs in
 * strings, names without case) is settled here before it sees the text.
 */
#include "json_private.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "err.h"
#include "secret.h"
#include "text.h"

/* struct json is never defined: it is cJSON under another name. */
static const cJSON *node(const struct json *v)
{
    return (const cJSON *)(const void *)v;
}

static const struct json *value(const cJSON *n)
{
    return (const struct json *)(const void *)n;
}

static int starved; /* cJSON does not tell "no memory" from "not JSON" */

static void *hook_alloc(size_t size)
{
    void *ptr = mem_grow(NULL, size, 1);

    starved |= !ptr;
    return ptr;
}

/* To the quote that ends the string which begins at `at`. Most strings have no backslash. */
static easg_status skip_string(const char *ptr, size_t len, size_t at, size_t *end, easg_error *err)
{
    const char *stop = ptr + len;
    const char *p = ptr + at + 1;

    while (p < stop) {
        const char *quote = memchr(p, '"', (size_t)(stop - p));
        const char *escape = quote ? memchr(p, '\\', (size_t)(quote - p)) : NULL;

        if (!quote)
            break;
        if (!escape) {
            *end = (size_t)(quote - ptr) + 1;
            return EASG_OK;
        }
        if (stop - escape > 5 && memcmp(escape, "\\u0000", 6) == 0)
            return err_set(err, EASG_E_PROTOCOL, "JSON: NUL in a string at byte %zu",
                           (size_t)(escape - ptr));
        p = escape + 2;
    }
    return err_set(err, EASG_E_PROTOCOL, "JSON: cut inside a string at byte %zu", len);
}

size_t json_skip_space(const char *ptr, size_t len, size_t at)
{
    while (at < len && (ptr[at] == ' ' || ptr[at] == '\t' || ptr[at] == '\r' || ptr[at] == '\n'))
        at++;
    return at;
}

/* One pass over the text of a value, before a single node is made. */
easg_status json_skip(const char *ptr, size_t len, size_t at, const struct json_limits *limits,
                      size_t *end, easg_error *err)
{
    unsigned depth = 0;
    size_t values = 1, i = at;
    easg_status st = EASG_OK;

    while (i < len && st == EASG_OK) {
        switch (ptr[i]) {
        case '"': st = skip_string(ptr, len, i, &i, err); break;
        case '{':
        case '[':
            if (++depth > limits->max_depth)
                return err_set(err, EASG_E_LIMIT, "JSON: deeper than %u at byte %zu",
                               limits->max_depth, i);
            values++;
            i++;
            break;
        case '}':
        case ']':
            if (depth == 0) {
                *end = i;
                return EASG_OK;
            }
            depth--;
            i++;
            break;
        case ',':
            if (depth == 0) {
                *end = i;
                return EASG_OK;
            }
            values++;
            i++;
            break;
        case '\0': return err_set(err, EASG_E_PROTOCOL, "JSON: NUL at byte %zu", i);
        default: i++; continue; /* inside a number, a word, or between tokens */
        }
        if (st == EASG_OK && values > limits->max_values)
            return err_set(err, EASG_E_LIMIT, "JSON: more than %zu values", limits->max_values);
        if (st == EASG_OK && depth == 0) {
            *end = i;
            return EASG_OK;
        }
    }
    *end = i;
    if (st == EASG_OK && depth)
        return err_set(err, EASG_E_PROTOCOL, "JSON: cut at byte %zu, %u brackets open", len, depth);
    return st;
}

easg_status json_make(const char *ptr, size_t len, struct json **out, easg_error *err)
{
    static int hooked;
    const char *end = NULL;
    cJSON *root;

    if (!hooked) {
        cJSON_Hooks hooks = { hook_alloc, mem_free };

        cJSON_InitHooks(&hooks);
        hooked = 1;
    }
    starved = 0;
    root = cJSON_ParseWithLengthOpts(ptr, len, &end, 0);
    if (!root && starved)
        return err_nomem(err);
    if (!root || !end || json_skip_space(ptr, len, (size_t)(end - ptr)) != len) {
        size_t at = end && end >= ptr && end <= ptr + len ? (size_t)(end - ptr) : 0;

        cJSON_Delete(root);
        return err_set(err, EASG_E_PROTOCOL, "JSON: not well-formed at byte %zu", at);
    }
    *out = (struct json *)(void *)root;
    return EASG_OK;
}

easg_status json_parse(const char *ptr, size_t len, const struct json_limits *limits,
                       struct json **out, easg_error *err)
{
    size_t end = 0;
    easg_status st;

    *out = NULL;
    if (len > limits->max_bytes)
        return err_set(err, EASG_E_LIMIT, "JSON: %zu bytes, more than %zu", len, limits->max_bytes);
    if (len == 0)
        return err_set(err, EASG_E_PROTOCOL, "JSON: empty");
    st = json_skip(ptr, len, 0, limits, &end, err);
    if (st == EASG_OK && json_skip_space(ptr, len, end) != len)
        st = err_set(err, EASG_E_PROTOCOL, "JSON: not well-formed at byte %zu", end);
    return st == EASG_OK ? json_make(ptr, len, out, err) : st;
}

void json_destroy(struct json *root)
{
    cJSON_Delete((cJSON *)(void *)root);
}

/* Depth is bounded by the limits it was parsed with. */
static void wipe(cJSON *n)
{
    for (; n; n = n->next) {
        if (n->valuestring)
            secret_wipe(n->valuestring, strlen(n->valuestring));
        wipe(n->child);
    }
}

void json_destroy_secret(struct json *root)
{
    wipe((cJSON *)(void *)root);
    json_destroy(root);
}

enum json_type json_type(const struct json *v)
{
    switch (node(v)->type & 0xff) {
    case cJSON_True:
    case cJSON_False: return JSON_BOOL;
    case cJSON_Number: return JSON_NUMBER;
    case cJSON_String: return JSON_STRING;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_Object: return JSON_OBJECT;
    default: return JSON_NULL;
    }
}

const char *json_type_name(const struct json *v)
{
    static const char *const names[] = { "null", "true or false", "a number",
                                         "text", "a list",        "an object" };

    return v ? names[json_type(v)] : "absent";
}

const struct json *json_first(const struct json *v)
{
    return v ? value(node(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
    return value(node(v)->next);
}

const char *json_name(const struct json *v)
{
    return node(v)->string ? node(v)->string : "";
}

const struct json *json_find(const struct json *object, const char *name)
{
    if (!object || json_type(object) != JSON_OBJECT)
        return NULL;
    for (const struct json *v = json_first(object); v; v = json_next(v)) {
        if (strcmp(json_name(v), name) == 0)
            return v;
    }
    return NULL;
}

static easg_status wrong(const struct json *v, const char *want, easg_error *err)
{
    const char *name = v ? json_name(v) : "";
    char safe[80];

    return err_set(err, EASG_E_PROTOCOL, "JSON: %s%s is %s, not %s", *name ? "member " : "a value",
                   text_safe(name, strlen(name), safe, sizeof safe), json_type_name(v), want);
}

easg_status json_str(const struct json *v, easg_str *out, easg_error *err)
{
    if (!v || json_type(v) != JSON_STRING)
        return wrong(v, "text", err);
    *out = text_str(node(v)->valuestring);
    if (!text_utf8_valid(out->ptr, out->len))
        return wrong(v, "text in UTF-8", err);
    return EASG_OK;
}

easg_status json_int(const struct json *v, int64_t *out, easg_error *err)
{
    double d;

    if (!v || json_type(v) != JSON_NUMBER)
        return wrong(v, "a number", err);
    d = node(v)->valuedouble;
    if (!(fabs(d) <= 9007199254740992.0) || floor(d) < d)
        return wrong(v, "a whole number", err);
    *out = (int64_t)d;
    return EASG_OK;
}

easg_status json_bool(const struct json *v, int *out, easg_error *err)
{
    if (!v || json_type(v) != JSON_BOOL)
        return wrong(v, "true or false", err);
    *out = (node(v)->type & 0xff) == cJSON_True;
    return EASG_OK;
}

/* The member, or NULL where that is fine: *st says. */
static const struct json *member(const struct json *object, const char *name, int need,
                                 easg_status *st, easg_error *err)
{
    const struct json *v = json_find(object, name);

    *st = EASG_OK;
    if (v && json_type(v) == JSON_NULL)
        v = NULL;
    if (!v && need)
        *st = err_set(err, EASG_E_PROTOCOL, "JSON: member %s is missing", name);
    return v;
}

easg_status json_get_str(const struct json *object, const char *name, int need, easg_str *out,
                         easg_error *err)
{
    easg_status st;
    const struct json *v = member(object, name, need, &st, err);

    *out = (easg_str){ NULL, 0 };
    return v ? json_str(v, out, err) : st;
}

easg_status json_get_int(const struct json *object, const char *name, int need, int64_t *out,
                         easg_error *err)
{
    easg_status st;
    const struct json *v = member(object, name, need, &st, err);

    return v ? json_int(v, out, err) : st;
}

easg_status json_get_bool(const struct json *object, const char *name, int need, int *out,
                          easg_error *err)
{
    easg_status st;
    const struct json *v = member(object, name, need, &st, err);

    return v ? json_bool(v, out, err) : st;
}

easg_status json_get_array(const struct json *object, const char *name, int need,
                           const struct json **out, easg_error *err)
{
    easg_status st;
    const struct json *v = member(object, name, need, &st, err);

    *out = v;
    if (v && json_type(v) != JSON_ARRAY)
        return wrong(v, "a list", err);
    return st;
}
