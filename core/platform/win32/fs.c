/* SPDX-License-Identifier: Apache-2.0
 *
 * fs.c - files and directories. Who may own them and write to them is in trust.c, the standard
 * places are in places.c.
 */
#include "fs.h"

#include "acl.h"
#include "err.h"
#include "wide.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define MAX_NAMES 10000
#define PATH_ROOM 32767
#define SHARED    (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
/* A virus scanner or a reader may hold the file that is to be replaced for a moment. */
#define TRIES  40
#define TRY_MS 25

static easg_status fail(easg_error *err, const char *path)
{
    return wide_error(err, GetLastError(), path);
}

static easg_status open_file(const char *path, HANDLE *out, easg_error *err)
{
    wchar_t *w = wide_path(path);
    DWORD attributes;

    if (!w)
        return err_nomem(err);
    attributes = GetFileAttributesW(w); /* opening a directory would say "access denied" */
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY)) {
        mem_free(w);
        return err_set(err, EASG_E_FAIL, "%s: not a regular file", path);
    }
    *out = CreateFileW(w, GENERIC_READ, SHARED, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    mem_free(w);
    if (*out == INVALID_HANDLE_VALUE)
        return fail(err, path);
    if (GetFileType(*out) != FILE_TYPE_DISK) { /* a pipe, a device such as NUL or CON */
        CloseHandle(*out);
        return err_set(err, EASG_E_FAIL, "%s: not a regular file", path);
    }
    return EASG_OK;
}

easg_status fs_read(const char *path, size_t max, struct strbuf *out, easg_error *err)
{
    LARGE_INTEGER size = { .QuadPart = 0 };
    easg_status st;
    size_t total = 0;
    HANDLE h = NULL;

    st = open_file(path, &h, err);
    if (st != EASG_OK)
        return st;
    GetFileSizeEx(h, &size);
    for (;;) {
        size_t room = size.QuadPart > 16384 ? (size_t)size.QuadPart : 16384;
        size_t left = max - total < out->max - out->len ? max - total : out->max - out->len;
        char probe;
        char *to = &probe; /* at the ceiling: one byte more is too many */
        DWORD n = 0;

        room = room < left ? room : left;
        room = room < 0x40000000 ? room : 0x40000000;
        if (room > 0 && !(to = strbuf_reserve(out, room))) {
            st = err_nomem(err);
            break;
        }
        if (!ReadFile(h, to, room > 0 ? (DWORD)room : 1, &n, NULL)) {
            st = fail(err, path);
            break;
        }
        if (n == 0)
            break;
        if (room == 0) {
            st = err_set(err, EASG_E_LIMIT, "%s: larger than %zu bytes", path, max);
            break;
        }
        strbuf_grown(out, n);
        total += n;
    }
    CloseHandle(h);
    return st;
}

static int write_all(HANDLE h, const char *ptr, size_t len)
{
    while (len > 0) {
        DWORD n = len < 0x40000000 ? (DWORD)len : 0x40000000;

        if (!WriteFile(h, ptr, n, &n, NULL))
            return 0;
        ptr += n;
        len -= n;
    }
    return FlushFileBuffers(h);
}

static int replace(const wchar_t *from, const wchar_t *to)
{
    for (int i = 0; i < TRIES; i++) {
        DWORD e;

        if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            return 1;
        e = GetLastError();
        if (e != ERROR_SHARING_VIOLATION && e != ERROR_LOCK_VIOLATION &&
            (e != ERROR_ACCESS_DENIED || GetFileAttributesW(to) == INVALID_FILE_ATTRIBUTES))
            break;
        Sleep(TRY_MS);
        SetLastError(e);
    }
    return 0;
}

static easg_status write_new(const char *tmp, const wchar_t *wtmp, const void *ptr, size_t len,
                             int only_us, easg_error *err)
{
    SECURITY_ATTRIBUTES sa = { .nLength = sizeof sa };
    easg_status st = EASG_OK;
    HANDLE h;

    if (only_us && !acl_private(&sa))
        return fail(err, tmp);
    h = CreateFileW(wtmp, GENERIC_WRITE, 0, only_us ? &sa : NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL,
                    NULL);
    if (h == INVALID_HANDLE_VALUE) {
        st = fail(err, tmp);
    } else {
        if (!write_all(h, ptr, len))
            st = fail(err, tmp);
        CloseHandle(h);
    }
    if (only_us)
        acl_private_free(&sa);
    return st;
}

easg_status fs_write(const char *path, const void *ptr, size_t len, unsigned mode, easg_error *err)
{
    static atomic_uint counter;
    EASG_CLEANUP(strbuf_clear) struct strbuf tmp = STRBUF_INIT(PATH_ROOM);
    wchar_t *wtmp;
    wchar_t *wpath;
    easg_status st;

    if (strbuf_addf(&tmp, "%s.tmp-%lu-%u", path, (unsigned long)GetCurrentProcessId(),
                    atomic_fetch_add(&counter, 1)) != EASG_OK)
        return err_set(err, EASG_E_LIMIT, "%s: path too long", path);
    wtmp = wide_path(tmp.ptr);
    wpath = wide_path(path);
    if (!wtmp || !wpath) {
        st = err_nomem(err);
    } else {
        st = write_new(tmp.ptr, wtmp, ptr, len, (mode & 077) == 0, err);
        if (st == EASG_OK && !replace(wtmp, wpath))
            st = fail(err, path);
        if (st != EASG_OK)
            DeleteFileW(wtmp);
    }
    mem_free(wtmp);
    mem_free(wpath);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int wanted(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);

    return name[0] != '.' && n > m && strcmp(name + n - m, suffix) == 0;
}

struct names {
    char **items;
    size_t n, cap;
};

static easg_status add_name(struct names *all, char *name, const char *dir, easg_error *err)
{
    if (all->n == MAX_NAMES)
        return err_set(err, EASG_E_LIMIT, "%s: more than %d files", dir, MAX_NAMES);
    if (all->n == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 16;
        char **bigger = mem_grow(all->items, cap, sizeof *bigger);

        if (!bigger)
            return err_nomem(err);
        all->items = bigger;
        all->cap = cap;
    }
    all->items[all->n++] = name;
    return EASG_OK;
}

static easg_status read_names(const char *dir, const char *suffix, struct names *all,
                              easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf pattern = STRBUF_INIT(PATH_ROOM);
    WIN32_FIND_DATAW found;
    easg_status st = EASG_OK;
    wchar_t *w = NULL;
    HANDLE h;

    if (strbuf_addf(&pattern, "%s/*", dir) != EASG_OK || !(w = wide_path(pattern.ptr)))
        return err_set(err, EASG_E_LIMIT, "%s: path too long", dir);
    h = FindFirstFileW(w, &found);
    mem_free(w);
    if (h == INVALID_HANDLE_VALUE)
        return fail(err, dir);
    do {
        char *name;

        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            continue;
        name = wide_to(found.cFileName);
        if (!name) {
            st = err_nomem(err);
            break;
        }
        if (wanted(name, suffix)) {
            st = add_name(all, name, dir, err);
            if (st == EASG_OK)
                name = NULL;
        }
        mem_free(name);
    } while (st == EASG_OK && FindNextFileW(h, &found));
    if (st == EASG_OK && GetLastError() != ERROR_NO_MORE_FILES)
        st = fail(err, dir);
    FindClose(h);
    return st;
}

easg_status fs_list(const char *dir, const char *suffix,
                    easg_status (*fn)(void *user, const char *path, const char *name,
                                      easg_error *err),
                    void *user, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf path = STRBUF_INIT(PATH_ROOM);
    struct names all = { NULL, 0, 0 };
    easg_status st = read_names(dir, suffix, &all, err);

    if (st == EASG_OK && all.n > 1)
        qsort(all.items, all.n, sizeof *all.items, by_name);
    for (size_t i = 0; st == EASG_OK && i < all.n; i++) {
        strbuf_reset(&path);
        if (strbuf_addf(&path, "%s/%s", dir, all.items[i]) != EASG_OK)
            st = err_set(err, EASG_E_LIMIT, "%s: path too long", dir);
        else
            st = fn(user, path.ptr, all.items[i], err);
    }
    for (size_t i = 0; i < all.n; i++)
        mem_free(all.items[i]);
    mem_free(all.items);
    return st;
}

int fs_exists(const char *path)
{
    wchar_t *w = wide_path(path);
    int found = w && GetFileAttributesW(w) != INVALID_FILE_ATTRIBUTES;

    mem_free(w);
    return found;
}

int fs_is_absolute(const char *path)
{
    char c = path[0];

    return ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) && path[1] == ':' &&
           (path[2] == '\\' || path[2] == '/');
}

const char *fs_name(const char *path)
{
    const char *name = path;

    if (((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) &&
        path[1] == ':')
        name = path + 2;
    for (const char *p = name; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    return name;
}

FILE *fs_fopen(const char *path, const char *mode)
{
    wchar_t *w = wide_path(path);
    wchar_t *m = wide_from(mode);
    FILE *f = w && m ? _wfopen(w, m) : NULL;

    mem_free(w);
    mem_free(m);
    return f;
}

easg_status fs_mkdir(const char *path, easg_error *err)
{
    wchar_t *w = wide_path(path);
    easg_status st = EASG_OK;
    DWORD attributes;

    if (!w)
        return err_nomem(err);
    attributes = GetFileAttributesW(w);
    if (attributes != INVALID_FILE_ATTRIBUTES) {
        if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
            st = err_set(err, EASG_E_FAIL, "%s: not a directory", path);
    } else if (!CreateDirectoryW(w, NULL) && GetLastError() != ERROR_ALREADY_EXISTS) {
        st = fail(err, path);
    }
    mem_free(w);
    return st;
}
