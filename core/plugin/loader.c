/* SPDX-License-Identifier: Apache-2.0
 *
 * From a path to an entry function. A plugin is code that runs with our rights, so the file and its
 * directory must be ones that nobody else can change; all of it is checked before the first byte of
 * the library is mapped.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "plugin_internal.h"

#include "dl.h"
#include "err.h"
#include "fs.h"
#include "text.h"

#define PLUGIN_MAX_BYTES ((size_t)64 << 20)
#define SHA256_BYTES     32

static int is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* "/x" or "C:\x". */
static int is_absolute(const char *path)
{
    if (path[0] == '/')
        return 1;
    return ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) &&
           path[1] == ':' && is_slash(path[2]);
}

/* 1: a "." or ".." stands in it, so that its directory is not what it looks like. */
static int has_dots(const char *path)
{
    for (const char *p = path; *p; p++)
        if (p[0] == '.' && (p == path || is_slash(p[-1])) &&
            (p[1] == '\0' || is_slash(p[1]) || (p[1] == '.' && (p[2] == '\0' || is_slash(p[2])))))
            return 1;
    return 0;
}

/* Length of the directory part; 0 when there is none. */
static size_t dir_len(const char *path)
{
    size_t n = strlen(path);

    while (n > 0 && !is_slash(path[n - 1]))
        n--;
    while (n > 1 && is_slash(path[n - 1]))
        n--;
    return n;
}

static easg_status check_place(const char *path, const char *dir, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *own = NULL;
    easg_status st;
    size_t n;

    if (!is_absolute(path))
        return err_set(err, EASG_E_CONFIG, "not an absolute path");
    if (has_dots(path))
        return err_set(err, EASG_E_CONFIG, "has . or .. in its path: write it out");
    n = dir_len(path);
    if (dir) {
        size_t want = strlen(dir);

        while (want > 1 && is_slash(dir[want - 1]))
            want--;
        if (n != want || memcmp(path, dir, n) != 0)
            return err_set(err, EASG_E_CONFIG, "not in the plugin directory %s", dir);
    }
    own = mem_dup(path, n);
    if (!own)
        return err_nomem(err);
    st = fs_check_trusted(own, FS_TRUST_DIR, err);
    return st == EASG_OK ? fs_check_trusted(path, 0, err) : st;
}

static easg_status check_pin(const char *path, const char *pin, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf file = STRBUF_INIT(PLUGIN_MAX_BYTES);
    unsigned char digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    easg_status st;

    if (strlen(pin) != 2 * SHA256_BYTES || strspn(pin, "0123456789abcdefABCDEF") != strlen(pin))
        return err_set(err, EASG_E_CONFIG, "its pin is not a SHA-256 in 64 hexadecimal digits");
    st = fs_read(path, PLUGIN_MAX_BYTES, &file, err);
    if (st != EASG_OK)
        return st;
    if (!EVP_Digest(strbuf_str(&file), file.len, digest, NULL, EVP_sha256(), NULL))
        return err_set(err, EASG_E_FAIL, "its SHA-256 cannot be computed");
    for (size_t i = 0; i < SHA256_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!text_ieq(hex, 2 * SHA256_BYTES, pin, 2 * SHA256_BYTES))
        return err_set(err, EASG_E_CONFIG,
                       "its SHA-256 is %s, pinned is %s: the file was changed, or the pin is that "
                       "of another release",
                       hex, pin);
    return EASG_OK;
}

easg_status loader_open(const char *path, const char *dir, const char *pin,
                        easg_plugin_entry_fn *out, easg_error *err)
{
    struct dl *lib = NULL;
    easg_status st = check_place(path, dir, err);

    if (st == EASG_OK && pin)
        st = check_pin(path, pin, err);
    if (st == EASG_OK)
        st = dl_open(path, &lib, err);
    if (st != EASG_OK)
        return st;
    *out = (easg_plugin_entry_fn)dl_sym(lib, "easg_plugin_entry");
    if (!*out)
        return err_set(err, EASG_E_CONFIG,
                       "does not export easg_plugin_entry: not an easgate plugin");
    return EASG_OK;
}
