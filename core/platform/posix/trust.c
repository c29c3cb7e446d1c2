/* SPDX-License-Identifier: Apache-2.0
 *
 * trust.c - fs_check_trusted(): may this file be loaded, or believed to be secret?
 */
#include "fs.h"

#include "err.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

easg_status fs_check_trusted(const char *path, unsigned flags, easg_error *err)
{
    int dir = (flags & FS_TRUST_DIR) != 0;
    struct stat s;

    if (lstat(path, &s) < 0)
        return err_native(err, errno == ENOENT ? EASG_E_NOTFOUND : EASG_E_DENIED, EASG_DOMAIN_ERRNO,
                          errno, "%s: %s", path, strerror(errno));
    if (S_ISLNK(s.st_mode))
        return err_set(err, EASG_E_CONFIG, "%s: is a symbolic link; name the %s that it points to",
                       path, dir ? "directory" : "file");
    if (dir && !S_ISDIR(s.st_mode))
        return err_set(err, EASG_E_CONFIG, "%s: is not a directory", path);
    if (!dir && !S_ISREG(s.st_mode))
        return err_set(err, EASG_E_CONFIG, "%s: is not a regular file", path);
    if (s.st_uid != 0 && s.st_uid != geteuid())
        return err_set(err, EASG_E_CONFIG,
                       "%s: belongs to user id %lu, neither root nor the agent's account; run: "
                       "chown root '%s'",
                       path, (unsigned long)s.st_uid, path);
    if ((flags & FS_TRUST_PRIVATE) && (s.st_mode & 077))
        return err_set(err, EASG_E_CONFIG,
                       "%s: others than its owner may open it (mode %04o); run: chmod %s '%s'",
                       path, (unsigned)(s.st_mode & 07777), dir ? "700" : "600", path);
    if (s.st_mode & 022)
        return err_set(
            err, EASG_E_CONFIG,
            "%s: others than its owner may write to it (mode %04o); run: chmod go-w '%s'", path,
            (unsigned)(s.st_mode & 07777), path);
    return EASG_OK;
}
