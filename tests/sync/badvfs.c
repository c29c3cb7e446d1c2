/* SPDX-License-Identifier: Apache-2.0
 *
 * badvfs.c - SQLite's own file system with a write in front that counts and, from the n-th on,
 * refuses.
 */
#include "badvfs.h"

#include <sqlite3.h>
#include <string.h>

static sqlite3_vfs *real;
static sqlite3_vfs bad;
/* The main file and the log have different methods. */
static struct {
    sqlite3_io_methods mine;
    const sqlite3_io_methods *theirs;
} tables[2];
static int count, fail_from, fail_code;

static int refuse(void)
{
    return ++count >= fail_from && fail_from > 0;
}

static int write_main(sqlite3_file *f, const void *ptr, int n, sqlite3_int64 at)
{
    return refuse() ? fail_code : tables[0].theirs->xWrite(f, ptr, n, at);
}

static int write_log(sqlite3_file *f, const void *ptr, int n, sqlite3_int64 at)
{
    return refuse() ? fail_code : tables[1].theirs->xWrite(f, ptr, n, at);
}

static int bad_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    int rc = real->xOpen(real, name, f, flags, out);
    int log = (flags & SQLITE_OPEN_WAL) != 0;

    (void)v;
    /* temporary files stay as they are */
    if (rc != SQLITE_OK || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) || !f->pMethods)
        return rc;
    if (!tables[log].theirs) {
        tables[log].theirs = f->pMethods;
        tables[log].mine = *f->pMethods;
        tables[log].mine.xWrite = log ? write_log : write_main;
    }
    if (f->pMethods == tables[log].theirs)
        f->pMethods = &tables[log].mine;
    return rc;
}

int badvfs_install(int nth, int code)
{
    if (!real) {
        real = sqlite3_vfs_find(NULL);
        bad = *real;
        bad.zName = "bad";
        bad.xOpen = bad_open;
        sqlite3_vfs_register(&bad, 1);
    }
    fail_from = nth;
    fail_code = code;
    return count;
}

int badvfs_writes(void)
{
    return count;
}
