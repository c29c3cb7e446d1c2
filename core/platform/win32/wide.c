/* SPDX-License-Identifier: Apache-2.0
 *
 * wide.c - conversions, and the system's own words for an error.
 */
#include "wide.h"

#include "err.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

#define LONG_PATH 240 /* MAX_PATH less a file name of the old form: directories need the room */

wchar_t *wide_from(const char *s)
{
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, NULL, 0);
    wchar_t *w = n > 0 ? mem_array((size_t)n, sizeof *w) : NULL;

    if (w)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, w, n);
    return w;
}

wchar_t *wide_path(const char *path)
{
    static const wchar_t prefix[] = L"\\\\?\\";
    wchar_t *w = wide_from(path);
    wchar_t *longer;
    size_t n;

    if (!w)
        return NULL;
    for (wchar_t *p = w; *p; p++)
        if (*p == L'/')
            *p = L'\\';
    n = wcslen(w);
    if (n < LONG_PATH || w[1] != L':' || w[2] != L'\\')
        return w;
    longer = mem_array(n + sizeof prefix / sizeof *prefix, sizeof *longer);
    if (longer) {
        memcpy(longer, prefix, sizeof prefix);
        memcpy(longer + sizeof prefix / sizeof *prefix - 1, w, (n + 1) * sizeof *w);
    }
    mem_free(w);
    return longer;
}

char *wide_to(const wchar_t *w)
{
    int n = WideCharToMultiByte(CP_UTF8, 0, w, -1, NULL, 0, NULL, NULL);
    char *s = n > 0 ? mem_alloc((size_t)n) : NULL;

    if (s)
        WideCharToMultiByte(CP_UTF8, 0, w, -1, s, n, NULL, NULL);
    return s;
}

char *wide_env(const char *name)
{
    wchar_t *wname = wide_from(name);
    DWORD n = wname ? GetEnvironmentVariableW(wname, NULL, 0) : 0;
    wchar_t *value = n ? mem_array(n, sizeof *value) : NULL;
    char *out = NULL;

    if (value && GetEnvironmentVariableW(wname, value, n) < n)
        out = wide_to(value);
    if (value)
        secret_wipe(value, n * sizeof *value); /* it may be one */
    mem_free(value);
    mem_free(wname);
    return out;
}

const char *wide_message(uint32_t code, char *out, size_t size)
{
    wchar_t text[256] = L"";
    char utf8[512];
    int n;

    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                       FORMAT_MESSAGE_MAX_WIDTH_MASK,
                   NULL, code, 0, text, sizeof text / sizeof *text, NULL);
    n = WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, sizeof utf8, NULL, NULL);
    n = n > 0 ? n - 1 : 0;
    while (n > 0 && strchr(" .\r\n", utf8[n - 1]))
        n--;
    if (n > 0)
        return text_safe(utf8, (size_t)n, out, size);
    snprintf(out, size, "error %lu", (unsigned long)code);
    return out;
}

static easg_status status_of(DWORD code)
{
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_BAD_NETPATH:
    case ERROR_SERVICE_DOES_NOT_EXIST: return EASG_E_NOTFOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_PRIVILEGE_NOT_HELD: return EASG_E_DENIED;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return EASG_E_NOMEM;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_FILENAME_EXCED_RANGE: return EASG_E_LIMIT;
    default: return EASG_E_FAIL;
    }
}

easg_status wide_error(easg_error *err, uint32_t code, const char *what)
{
    char text[300];

    return err_native(err, status_of(code), EASG_DOMAIN_HRESULT, (int64_t)code, "%s: %s", what,
                      wide_message(code, text, sizeof text));
}
