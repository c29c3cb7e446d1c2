/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling an easg_error without allocating.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* vsnprintf may cut a character in two; the message must stay valid UTF-8, and one line. */
static void tidy(char *message, size_t size)
{
    size_t len = strnlen(message, size - 1);

    message[text_utf8_cut(message, len)] = '\0';
    for (char *p = message; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
}

static void EASG_PRINTF(4, 0)
    fill(easg_error *err, easg_error_domain domain, int64_t native, const char *fmt, va_list args)
{
    err->domain = domain;
    err->native_code = native;
    (void)vsnprintf(err->message, sizeof err->message, fmt, args);
    tidy(err->message, sizeof err->message);
}

easg_status err_set(easg_error *err, easg_status status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, EASG_DOMAIN_NONE, 0, fmt, args);
    va_end(args);
    return status;
}

easg_status err_native(easg_error *err, easg_status status, easg_error_domain domain,
                       int64_t native, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, domain, native, fmt, args);
    va_end(args);
    return status;
}

easg_status err_nomem(easg_error *err)
{
    return err_set(err, EASG_E_NOMEM, "out of memory");
}

easg_status err_at(easg_error *err, easg_status status, const char *fmt, ...)
{
    char before[sizeof err->message];
    va_list args;
    int n;

    memcpy(before, err->message, sizeof before);
    va_start(args, fmt);
    n = vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n + 3 < sizeof err->message) {
        size_t at = (size_t)n + 2;
        size_t len = strlen(before);

        if (len > sizeof err->message - 1 - at)
            len = sizeof err->message - 1 - at;
        memcpy(err->message + n, ": ", 2);
        memcpy(err->message + at, before, len);
        err->message[at + len] = '\0';
    }
    tidy(err->message, sizeof err->message);
    return status;
}

void err_clear(easg_error *err)
{
    *err = (easg_error)EASG_ERROR_INIT;
}

void err_copy(easg_error *to, const easg_error *from)
{
    memcpy(to, from, sizeof *to);
}

const char *err_status_name(easg_status status)
{
    static const char *const names[] = { "ok",       "fail",      "usage",     "nomem",
                                         "config",   "auth",      "denied",    "unreachable",
                                         "timeout",  "cancelled", "throttled", "unavailable",
                                         "protocol", "notfound",  "conflict",  "unsupported",
                                         "limit",    "uncertain", "untrusted" };
    size_t i = status <= 0 && status > -100 ? (size_t)-status : 1;

    return i < sizeof names / sizeof *names ? names[i] : "fail";
}
