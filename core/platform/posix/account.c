/* SPDX-License-Identifier: Apache-2.0
 *
 * account.c - root becomes the account that the state belongs to.
 */
#include "proc.h"

#include "err.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

easg_status proc_become_owner(const char *dir, easg_error *err)
{
    const struct passwd *account;
    struct stat st;
    gid_t group;
    int rc;

    if (geteuid() != 0 || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid == 0)
        return EASG_OK;
    account = getpwuid(st.st_uid);
    group = account ? account->pw_gid : st.st_gid;
    rc = account ? initgroups(account->pw_name, group) : setgroups(0, NULL);
    if (rc < 0 || setresgid(group, group, group) < 0 ||
        setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
        return err_native(err, EASG_E_DENIED, EASG_DOMAIN_NONE, errno,
                          "%s: belongs to account %lld, and root could not become that account: "
                          "%s; run easgate as that account",
                          dir, (long long)st.st_uid, strerror(errno));
    return EASG_OK;
}
