/* SPDX-License-Identifier: Apache-2.0
 *
 * dl.c - LoadLibraryEx(). The module handle itself is the struct.
 *
 * Three places are searched for what a plugin needs: its own directory, that of the program (where
 * the DLLs that plugins share are), and System32. Never the current directory, never PATH.
 */
#include "dl.h"

#include "err.h"
#include "fs.h"
#include "text.h"
#include "wide.h"

#include <string.h>
#include <windows.h>

/* The system says "module not found" for a plugin that is there: one of its imports is missing. */
static easg_status explain(const char *path, DWORD code, easg_error *err)
{
    char text[300];

    if (code == ERROR_MOD_NOT_FOUND && fs_exists(path))
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_HRESULT, (int64_t)code,
                          "%s: a DLL that it needs is neither beside it, nor beside easgate.exe, "
                          "nor in System32",
                          path);
    if (code == ERROR_BAD_EXE_FORMAT)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_HRESULT, (int64_t)code,
                          "%s: is no 64-bit DLL", path);
    return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_HRESULT, (int64_t)code, "%s: %s", path,
                      wide_message(code, text, sizeof text));
}

easg_status dl_open(const char *path, struct dl **out, easg_error *err)
{
    wchar_t *w;
    HMODULE h;
    DWORD code;

    *out = NULL;
    if (!fs_is_absolute(path))
        return err_set(err, EASG_E_CONFIG,
                       "%s: the path of a plugin must be absolute and on a local drive", path);
    w = wide_path(path);
    if (!w)
        return err_nomem(err);
    h = LoadLibraryExW(w, NULL,
                       LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_APPLICATION_DIR |
                           LOAD_LIBRARY_SEARCH_SYSTEM32);
    code = GetLastError();
    mem_free(w);
    if (!h)
        return explain(path, code, err);
    *out = (struct dl *)h;
    return EASG_OK;
}

void (*dl_sym(struct dl *lib, const char *name))(void)
{
    FARPROC p = GetProcAddress((HMODULE)lib, name);
    void (*f)(void);

    memcpy(&f, &p, sizeof f);
    return f;
}
