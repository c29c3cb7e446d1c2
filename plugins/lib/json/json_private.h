/* SPDX-License-Identifier: Apache-2.0
 *
 * json_private.h - what the files of this room share.
 */
#ifndef EASG_JSON_PRIVATE_H
#define EASG_JSON_PRIVATE_H

#include "json.h"

/* Position after white space. */
size_t json_skip_space(const char *ptr, size_t len, size_t at);
/* Finds the end of the value at `at` and holds it to the limits, without building anything. */
easg_status json_skip(const char *ptr, size_t len, size_t at, const struct json_limits *limits,
                      size_t *end, easg_error *err) EASG_MUST_CHECK;
/* Builds the tree of a text that json_skip() went through. */
easg_status json_make(const char *ptr, size_t len, struct json **out,
                      easg_error *err) EASG_MUST_CHECK;

#endif
