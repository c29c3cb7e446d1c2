/* SPDX-License-Identifier: Apache-2.0
 *
 * jsonin.h - reads one flat JSON object: names, and values that are text, numbers, true, false or
 * null. That is all that the program reads of JSON (facts for `policy decide`, inputs kept by the
 * store), so it needs no library. Nothing nested, no duplicate names, nothing after the object.
 */
#ifndef EASG_JSONIN_H
#define EASG_JSONIN_H

#include <stddef.h>

#include <easgate/types.h>

enum json_kind { JSON_TEXT, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

enum { JSON_FLAT_MAX = 64, JSON_LINE_MAX = 64 * 1024 };

/* `name` and `value` are UTF-8, NUL-terminated, borrowed; a number as it is written, "true",
 * "false" or "null" for the words. A status other than EASG_OK ends it. */
typedef easg_status (*json_member_fn)(void *user, const char *name, enum json_kind kind,
                                      const char *value, easg_error *err);

/* EASG_E_PROTOCOL: not such an object; the text names the column. EASG_E_LIMIT: longer than
 * JSON_LINE_MAX or more than JSON_FLAT_MAX members. */
easg_status json_read_flat(const char *ptr, size_t len, json_member_fn fn, void *user,
                           easg_error *err);

#endif
