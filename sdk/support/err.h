/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - filling an easg_error. The lowest layer that knows writes the text; the others pass it
 * up untouched, or put the place in front of it with err_at().
 */
#ifndef EASG_ERR_H
#define EASG_ERR_H

#include <easgate/types.h>

#include "alloc.h"

#define EASG_ERROR_INIT                                                                            \
    {                                                                                              \
        (uint32_t)sizeof(easg_error), 0, 0, 0, 0, ""                                               \
    }

/* Writes the text and returns `status`, for `return err_set(err, EASG_E_..., "...")`. One line,
 * no full stop, no secret. Bytes of a peer go in through text_safe() first. */
easg_status err_set(easg_error *err, easg_status status, const char *fmt, ...) EASG_PRINTF(3, 4);
/* The same with the number a native layer gave. */
easg_status err_native(easg_error *err, easg_status status, easg_error_domain domain,
                       int64_t native, const char *fmt, ...) EASG_PRINTF(5, 6);
/* "out of memory". */
easg_status err_nomem(easg_error *err);
/* Puts "where: " in front of the text that is there. Returns `status`. */
easg_status err_at(easg_error *err, easg_status status, const char *fmt, ...) EASG_PRINTF(3, 4);
void err_clear(easg_error *err);
void err_copy(easg_error *to, const easg_error *from);

/* "EASG_E_AUTH" without the prefix and in small letters: "auth"; "ok" for EASG_OK. */
const char *err_status_name(easg_status status);

#endif
