/* SPDX-License-Identifier: Apache-2.0
 *
 * compat.h - what tests use of POSIX and the C library for Windows lacks; included before each test
 * of a cross build. Temporary directories lie in C:/tmp: the templates say /tmp.
 */
#ifndef EASG_COMPAT_H
#define EASG_COMPAT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not by direct.h and process.h: they declare open(), tell() and more, names that tests have. */
__declspec(dllimport) int __cdecl _mkdir(const char *path);
__declspec(dllimport) int __cdecl _getpid(void);

/* Fills the template ("/tmp/NAME-XXXXXX") with the path of a new directory. NULL: there is none. */
static inline char *mkdtemp(char *template)
{
    size_t n = strlen(template);
    static unsigned counter;

    _mkdir("C:/tmp");
    for (int i = 0; i < 1000; i++) {
        char path[64];

        snprintf(path, sizeof path, "C:/tmp/%x-%x", (unsigned)_getpid(), counter++);
        if (strlen(path) <= n && _mkdir(path) == 0) {
            memcpy(template, path, strlen(path) + 1);
            return template;
        }
    }
    return NULL;
}

static inline int setenv(const char *name, const char *value, int over)
{
    return !over && getenv(name) ? 0 : _putenv_s(name, value);
}

static inline int unsetenv(const char *name)
{
    return _putenv_s(name, "");
}

static inline void *memmem(const void *in, size_t in_len, const void *what, size_t len)
{
    const char *p = in;

    for (size_t i = 0; len <= in_len && i <= in_len - len; i++)
        if (memcmp(p + i, what, len) == 0)
            return (char *)(uintptr_t)(p + i);
    return NULL;
}

#endif
