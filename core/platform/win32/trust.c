/* SPDX-License-Identifier: Apache-2.0
 *
 * trust.c - fs_check_trusted(): may this file be loaded, or believed to be secret? Asked of the
 * open file, so that nobody can put another one in its place between two questions.
 */
#include "fs.h"

#include "acl.h"
#include "err.h"
#include "wide.h"

#include <windows.h>

#include <aclapi.h>

#define WRITING                                                                                    \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | DELETE |         \
     WRITE_DAC | WRITE_OWNER)
#define READING (FILE_READ_DATA)

static easg_status check_kind(HANDLE h, const char *path, int dir, easg_error *err)
{
    BY_HANDLE_FILE_INFORMATION info;

    if (GetFileType(h) != FILE_TYPE_DISK)
        return err_set(err, EASG_E_CONFIG, "%s: is not a regular file", path);
    if (!GetFileInformationByHandle(h, &info))
        return wide_error(err, GetLastError(), path);
    if (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return err_set(err, EASG_E_CONFIG, "%s: is a symbolic link; name the %s that it points to",
                       path, dir ? "directory" : "file");
    if (dir && !(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return err_set(err, EASG_E_CONFIG, "%s: is not a directory", path);
    if (!dir && (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return err_set(err, EASG_E_CONFIG, "%s: is not a regular file", path);
    return EASG_OK;
}

static easg_status check_people(PSID owner, PACL dacl, const char *path, unsigned flags,
                                easg_error *err)
{
    const char *below = flags & FS_TRUST_DIR ? "(OI)(CI)" : "";
    PSID who;
    char name[200];

    if (!owner || !acl_is_trusted(owner))
        return err_set(err, EASG_E_CONFIG,
                       "%s: belongs to %s, neither Administrators nor SYSTEM nor the agent's "
                       "account; run: icacls \"%s\" /setowner *S-1-5-32-544",
                       path, owner ? acl_name(owner, name, sizeof name) : "nobody", path);
    if (!dacl)
        return err_set(err, EASG_E_CONFIG,
                       "%s: has no access list, so everybody may write to it; run: icacls \"%s\" "
                       "/inheritance:r /grant *S-1-5-18:%sF *S-1-5-32-544:%sF",
                       path, path, below, below);
    who = acl_find_stranger(dacl, flags & FS_TRUST_PRIVATE ? WRITING | READING : WRITING);
    if (who)
        return err_set(err, EASG_E_CONFIG,
                       "%s: %s may %s it; run: icacls \"%s\" /inheritance:r /grant:r "
                       "*S-1-5-18:%sF *S-1-5-32-544:%sF",
                       path, acl_name(who, name, sizeof name),
                       flags & FS_TRUST_PRIVATE ? "open" : "write to", path, below, below);
    return EASG_OK;
}

easg_status fs_check_trusted(const char *path, unsigned flags, easg_error *err)
{
    wchar_t *w = wide_path(path);
    PSECURITY_DESCRIPTOR sd = NULL;
    PSID owner = NULL;
    PACL dacl = NULL;
    easg_status st;
    DWORD code;
    HANDLE h;

    if (!w)
        return err_nomem(err);
    /* backup semantics: a directory can be opened; a link is opened itself */
    h = CreateFileW(w, READ_CONTROL | FILE_READ_ATTRIBUTES,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    code = GetLastError();
    mem_free(w);
    if (h == INVALID_HANDLE_VALUE) {
        st = wide_error(err, code, path);
        return st == EASG_E_NOTFOUND || st == EASG_E_NOMEM ? st : EASG_E_DENIED;
    }
    st = check_kind(h, path, (flags & FS_TRUST_DIR) != 0, err);
    if (st == EASG_OK) {
        code = GetSecurityInfo(h, SE_FILE_OBJECT,
                               OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL,
                               &dacl, NULL, &sd);
        st = code == ERROR_SUCCESS ? check_people(owner, dacl, path, flags, err)
                                   : wide_error(err, code, path);
    }
    LocalFree(sd);
    CloseHandle(h);
    return st;
}
