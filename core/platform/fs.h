/* SPDX-License-Identifier: Apache-2.0
 *
 * fs.h - files, by UTF-8 path.
 */
#ifndef EASG_FS_H
#define EASG_FS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <easgate/types.h>

#include "strbuf.h"

/* Reads a regular file of at most `max` bytes. EASG_E_NOTFOUND, EASG_E_DENIED, EASG_E_LIMIT,
 * EASG_E_FAIL; the text names the path. */
easg_status fs_read(const char *path, size_t max, struct strbuf *out, easg_error *err);
/* Writes a new file beside it, syncs, and renames it over `path`. mode as in chmod; Windows: only
 * owner and Administrators when it lacks group and other bits. */
easg_status fs_write(const char *path, const void *ptr, size_t len, unsigned mode, easg_error *err);

enum fs_trust_flags {
    FS_TRUST_PRIVATE = 1, /* nobody but the owner may read it either: secrets */
    FS_TRUST_DIR = 2      /* it is a directory, not a file */
};
/* EASG_OK when `path` is a regular file (or directory), no symbolic link, owned by root or by us
 * (Administrators, SYSTEM or us) and not writable by others. The text says what is wrong and the
 * command that mends it. */
easg_status fs_check_trusted(const char *path, unsigned flags, easg_error *err);

/* Calls fn for each regular file in `dir` whose name ends in `suffix`, sorted by name. fn's
 * status, when not EASG_OK, ends it. A missing directory is EASG_E_NOTFOUND. */
easg_status fs_list(const char *dir, const char *suffix,
                    easg_status (*fn)(void *user, const char *path, const char *name,
                                      easg_error *err),
                    void *user, easg_error *err);
int fs_exists(const char *path);
/* 1: "/..." (Windows: "X:\..." or "X:/..."; no UNC, no device path). */
int fs_is_absolute(const char *path);
/* What follows the last separator (Windows: '/' or '\\'); borrowed from `path`. */
const char *fs_name(const char *path);
/* fopen() of a UTF-8 path; NULL: errno says why. */
FILE *fs_fopen(const char *path, const char *mode);
/* mkdir, mode 0750; fine when it is there. */
easg_status fs_mkdir(const char *path, easg_error *err);
/* Absolute path of the running program; owned by the caller (mem_free). NULL: unknown. */
char *fs_self(void);
/* Standard directories: "/etc/easgate", "/var/lib/easgate", "/run/easgate"; on Windows below
 * %ProgramData%\easgate. Static storage. */
const char *fs_config_dir(void);
const char *fs_state_dir(void);
const char *fs_run_dir(void);
/* Where plugins are: ../lib/easgate/plugins beside the program when that is there (build tree),
 * else the installed directory; on Windows `plugins` beside the program. mem_free(); NULL: out of
 * memory. */
char *fs_plugin_dir(void);

#endif
