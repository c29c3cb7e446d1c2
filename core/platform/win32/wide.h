/* SPDX-License-Identifier: Apache-2.0
 *
 * wide.h - UTF-8 inside, UTF-16 where Windows is called. Private to this directory.
 */
#ifndef EASG_WIDE_H
#define EASG_WIDE_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include <wchar.h>

#include "alloc.h"

/* mem_free(). NULL: out of memory, or not UTF-8. */
wchar_t *wide_from(const char *s) EASG_MUST_CHECK;
/* A path: slashes turned round, and the prefix that lifts the limit of 260 characters when it is
 * absolute and long. */
wchar_t *wide_path(const char *path) EASG_MUST_CHECK;
/* mem_free(). A lone surrogate becomes U+FFFD. NULL: out of memory. */
char *wide_to(const wchar_t *w) EASG_MUST_CHECK;
/* A variable of the environment in UTF-8; mem_free(). NULL: not set, or out of memory. */
char *wide_env(const char *name) EASG_MUST_CHECK;

/* The status that fits an error of Windows, with the text "what: message of the system". */
easg_status wide_error(easg_error *err, uint32_t code, const char *what);
/* The message alone, one line without a full stop. Returns `out`. */
const char *wide_message(uint32_t code, char *out, size_t size);

#endif
