/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - JSON of a peer, read with limits: bytes, depth, number of values. One document is held
 * as a tree; who reads a long list reads it page by page.
 *
 * A getter says whether a member is absent, of another type, or there: no wrong type passes as an
 * empty value.
 */
#ifndef EASG_JSON_H
#define EASG_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "strbuf.h"

struct json; /* one value; borrowed from its document */

struct json_limits {
    size_t max_bytes;
    unsigned max_depth; /* objects and arrays inside each other */
    size_t max_values;  /* each takes some 80 bytes */
};
#define JSON_LIMITS_SMALL                                                                          \
    {                                                                                              \
        256u * 1024u, 16, 10000                                                                    \
    }

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses a whole document. EASG_E_PROTOCOL: not JSON, cut, or with a NUL in a string;
 * EASG_E_LIMIT: beyond `limits`. The text says at which byte. */
easg_status json_parse(const char *ptr, size_t len, const struct json_limits *limits,
                       struct json **out, easg_error *err) EASG_MUST_CHECK;
/* Receives a page. Both borrow their value for the call. */
struct json_each {
    /* The page without the elements of its list (an empty one stands there). Called first. */
    easg_status (*envelope)(void *user, const struct json *page, easg_error *err);
    easg_status (*element)(void *user, const struct json *v, easg_error *err);
    void *user;
};
/* Parses an object whose member `name` is a long list, and hands its elements over one at a time:
 * only one is held as a tree. The whole text is checked for being cut before the first call.
 * `limits` are those of one element, and of the envelope. */
easg_status json_parse_page(const char *ptr, size_t len, const char *name,
                            const struct json_limits *limits, const struct json_each *to,
                            easg_error *err) EASG_MUST_CHECK;
/* Frees a document: only the value that json_parse() gave. NULL is fine. */
void json_destroy(struct json *root);
/* The same for a document that holds a secret: every string is wiped. */
void json_destroy_secret(struct json *root);

enum json_type json_type(const struct json *v);
const char *json_type_name(const struct json *v);
/* Elements of an array or members of an object, in the document's order: `for (v = json_first(x);
 * v; v = json_next(v))`. NULL for other types. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
/* Name of a member; "" for elements. */
const char *json_name(const struct json *v);
/* Member by name, with case; NULL when absent or when `object` is none. A name that occurs twice
 * gives the first. */
const struct json *json_find(const struct json *object, const char *name);

/* The value itself, or EASG_E_PROTOCOL naming the member and the type found. A string must be
 * UTF-8. Integers are whole numbers up to 2^53 in magnitude. */
easg_status json_str(const struct json *v, easg_str *out, easg_error *err) EASG_MUST_CHECK;
easg_status json_int(const struct json *v, int64_t *out, easg_error *err) EASG_MUST_CHECK;
easg_status json_bool(const struct json *v, int *out, easg_error *err) EASG_MUST_CHECK;

/* Member of an object. `need` 1: absent or null is EASG_E_PROTOCOL; 0: it gives an absent string,
 * or leaves *out alone. */
easg_status json_get_str(const struct json *object, const char *name, int need, easg_str *out,
                         easg_error *err) EASG_MUST_CHECK;
easg_status json_get_int(const struct json *object, const char *name, int need, int64_t *out,
                         easg_error *err) EASG_MUST_CHECK;
easg_status json_get_bool(const struct json *object, const char *name, int need, int *out,
                          easg_error *err) EASG_MUST_CHECK;
/* NULL in *out when absent or null. */
easg_status json_get_array(const struct json *object, const char *name, int need,
                           const struct json **out, easg_error *err) EASG_MUST_CHECK;

#endif
