/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kit asks of Windows about its own process.
 */
#include <windows.h>

#include <stdlib.h>

#include "conform.h"

/* The program's manifest makes UTF-8 the code page, so plain functions take our paths. */
char *sys_absolute(const char *path)
{
    char room[4096];

    return _fullpath(room, path, sizeof room) ? mem_strdup(room) : NULL;
}

void sys_setenv(const char *name, const char *value)
{
    (void)_putenv_s(name, value);
}

long sys_descriptors(void)
{
    DWORD n = 0;

    return GetProcessHandleCount(GetCurrentProcess(), &n) ? (long)n : -1;
}

long sys_threads(void)
{
    return -1;
}
