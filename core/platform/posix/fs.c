/* SPDX-License-Identifier: Apache-2.0
 *
 * fs.c - files and directories. Who may own them and write to them is in trust.c.
 */
#include "fs.h"

#include "err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAMES 10000

static easg_status fail(easg_error *err, const char *path, int e)
{
    easg_status st = e == ENOENT || e == ENOTDIR                ? EASG_E_NOTFOUND
                     : e == EACCES || e == EPERM                ? EASG_E_DENIED
                     : e == ENOMEM                              ? EASG_E_NOMEM
                     : e == EFBIG || e == EDQUOT || e == ENOSPC ? EASG_E_LIMIT
                                                                : EASG_E_FAIL;

    return err_native(err, st, EASG_DOMAIN_ERRNO, e, "%s: %s", path, strerror(e));
}

easg_status fs_read(const char *path, size_t max, struct strbuf *out, easg_error *err)
{
    /* O_NONBLOCK: opening a named pipe must not wait for a writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    easg_status st = EASG_OK;
    struct stat info;
    size_t total = 0;

    if (fd < 0)
        return fail(err, path, errno);
    if (fstat(fd, &info) < 0) {
        st = fail(err, path, errno);
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        st = err_set(err, EASG_E_FAIL, "%s: not a regular file", path);
        goto out;
    }
    for (;;) {
        size_t room = info.st_size > 16384 ? (size_t)info.st_size : 16384;
        size_t left = max - total < out->max - out->len ? max - total : out->max - out->len;
        char probe;
        char *to = &probe; /* at the ceiling: one byte more is too many */
        ssize_t n;

        room = room < left ? room : left;
        if (room > 0 && !(to = strbuf_reserve(out, room))) {
            st = err_nomem(err);
            goto out;
        }
        n = read(fd, to, room > 0 ? room : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = fail(err, path, errno);
            goto out;
        }
        if (n == 0)
            break;
        if (room == 0) {
            st = err_set(err, EASG_E_LIMIT, "%s: larger than %zu bytes", path, max);
            goto out;
        }
        strbuf_grown(out, (size_t)n);
        total += (size_t)n;
    }
out:
    close(fd);
    return st;
}

static int write_all(int fd, const char *ptr, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, ptr, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        ptr += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The new name must be on the disk too. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? mem_dup(path, slash == path ? 1 : (size_t)(slash - path)) : mem_strdup(".");
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    mem_free(dir);
}

easg_status fs_write(const char *path, const void *ptr, size_t len, unsigned mode, easg_error *err)
{
    static atomic_uint counter;
    EASG_CLEANUP(strbuf_clear) struct strbuf tmp = STRBUF_INIT(PATH_MAX);
    int fd;

    if (strbuf_addf(&tmp, "%s.tmp-%ld-%u", path, (long)getpid(), atomic_fetch_add(&counter, 1)) !=
        EASG_OK)
        return err_set(err, EASG_E_LIMIT, "%s: path too long", path);
    fd = open(tmp.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(err, tmp.ptr, errno);
    if (write_all(fd, ptr, len) < 0 || fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0) {
        int e = errno;

        close(fd);
        unlink(tmp.ptr);
        return fail(err, path, e);
    }
    if (close(fd) < 0 || rename(tmp.ptr, path) < 0) {
        int e = errno;

        unlink(tmp.ptr);
        return fail(err, path, e);
    }
    sync_directory(path);
    return EASG_OK;
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

static easg_status read_names(const char *dir, const char *suffix, char ***names, size_t *count,
                              easg_error *err)
{
    DIR *d = opendir(dir);
    size_t cap = 0;
    easg_status st = EASG_OK;

    if (!d)
        return fail(err, dir, errno);
    for (;;) {
        struct dirent *e;

        errno = 0;
        e = readdir(d);
        if (!e) {
            if (errno)
                st = fail(err, dir, errno);
            break;
        }
        if (!wanted(e->d_name, suffix))
            continue;
        if (*count == MAX_NAMES) {
            st = err_set(err, EASG_E_LIMIT, "%s: more than %d files", dir, MAX_NAMES);
            break;
        }
        if (*count == cap) {
            char **bigger = mem_grow(*names, cap ? cap * 2 : 16, sizeof **names);

            if (!bigger) {
                st = err_nomem(err);
                break;
            }
            *names = bigger;
            cap = cap ? cap * 2 : 16;
        }
        (*names)[*count] = mem_strdup(e->d_name);
        if (!(*names)[*count]) {
            st = err_nomem(err);
            break;
        }
        ++*count;
    }
    closedir(d);
    return st;
}

easg_status fs_list(const char *dir, const char *suffix,
                    easg_status (*fn)(void *user, const char *path, const char *name,
                                      easg_error *err),
                    void *user, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf path = STRBUF_INIT(PATH_MAX);
    char **names = NULL;
    size_t n = 0;
    easg_status st = read_names(dir, suffix, &names, &n, err);

    if (st == EASG_OK && n > 1)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; st == EASG_OK && i < n; i++) {
        struct stat info;

        strbuf_reset(&path);
        if (strbuf_addf(&path, "%s/%s", dir, names[i]) != EASG_OK) {
            st = err_set(err, EASG_E_LIMIT, "%s: path too long", dir);
            break;
        }
        if (stat(path.ptr, &info) == 0 && !S_ISREG(info.st_mode))
            continue; /* one that cannot be looked at is the caller's to report */
        st = fn(user, path.ptr, names[i], err);
    }
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
    mem_free(names);
    return st;
}

int fs_exists(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0;
}

int fs_is_absolute(const char *path)
{
    return path[0] == '/';
}

const char *fs_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

FILE *fs_fopen(const char *path, const char *mode)
{
    return fopen(path, mode);
}

easg_status fs_mkdir(const char *path, easg_error *err)
{
    struct stat info;

    if (mkdir(path, 0750) == 0)
        return EASG_OK;
    if (errno == EEXIST && stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            return EASG_OK;
        return err_set(err, EASG_E_FAIL, "%s: not a directory", path);
    }
    return fail(err, path, errno);
}

char *fs_self(void)
{
    char buf[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", buf, sizeof buf);

    if (n <= 0 || (size_t)n >= sizeof buf)
        return NULL;
    return mem_dup(buf, (size_t)n);
}

const char *fs_config_dir(void)
{
    return "/etc/easgate";
}

const char *fs_state_dir(void)
{
    return "/var/lib/easgate";
}

const char *fs_run_dir(void)
{
    return "/run/easgate";
}

char *fs_plugin_dir(void)
{
    char *self = fs_self();
    char *slash = self ? strrchr(self, '/') : NULL;
    char *out = NULL;

    if (slash) {
        EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(PATH_MAX);

        *slash = '\0';
        slash = strrchr(self, '/'); /* .../bin -> ... : the loader wants no ".." in it */
        if (slash) {
            strbuf_add(&b, self, (size_t)(slash - self));
            strbuf_adds(&b, "/lib/easgate/plugins");
            if (strbuf_status(&b) == EASG_OK && fs_exists(b.ptr))
                out = strbuf_take(&b);
        }
    }
    mem_free(self);
    return out ? out : mem_strdup(EASGATE_INSTALLED_PLUGINS);
}
