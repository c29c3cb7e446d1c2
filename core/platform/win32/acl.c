/* SPDX-License-Identifier: Apache-2.0
 *
 * acl.c - security identifiers and access lists.
 */
#include "acl.h"

#include "alloc.h"
#include "text.h"
#include "wide.h"

#include <stdio.h>
#include <string.h>

#include <sddl.h>

#define SID_ROOM SECURITY_MAX_SID_SIZE

static const wchar_t trusted_installer[] =
    L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

union user_room {
    TOKEN_USER user;
    unsigned char bytes[sizeof(TOKEN_USER) + SID_ROOM];
};

static PSID our_sid(union user_room *room)
{
    HANDLE token;
    DWORD n = 0;
    BOOL ok;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return NULL;
    ok = GetTokenInformation(token, TokenUser, room, sizeof *room, &n);
    CloseHandle(token);
    return ok ? room->user.User.Sid : NULL;
}

int acl_private(SECURITY_ATTRIBUTES *out)
{
    static const wchar_t form[] = L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;%ls)";
    wchar_t sddl[sizeof form / sizeof *form + 200];
    union user_room room;
    PSID self = our_sid(&room);
    wchar_t *text = NULL;
    int n;

    memset(out, 0, sizeof *out);
    out->nLength = sizeof *out;
    if (!self || !ConvertSidToStringSidW(self, &text))
        return 0;
    n = _snwprintf(sddl, sizeof sddl / sizeof *sddl, form, text);
    LocalFree(text);
    return n > 0 && (size_t)n < sizeof sddl / sizeof *sddl &&
           ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1,
                                                                &out->lpSecurityDescriptor, NULL);
}

int acl_folder(const char *account, SECURITY_ATTRIBUTES *out)
{
    static const wchar_t base[] = L"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    wchar_t sddl[400];
    unsigned char sid[SID_ROOM];
    DWORD n = sizeof sid;
    wchar_t domain[256];
    DWORD d = sizeof domain / sizeof *domain;
    SID_NAME_USE use;
    wchar_t *text = NULL;
    wchar_t *name;

    memset(out, 0, sizeof *out);
    out->nLength = sizeof *out;
    memcpy(sddl, base, sizeof base);
    if (account) {
        name = wide_from(account);
        if (!name || !LookupAccountNameW(NULL, name, sid, &n, domain, &d, &use) ||
            !ConvertSidToStringSidW(sid, &text)) {
            DWORD e = GetLastError();

            mem_free(name);
            SetLastError(e);
            return 0;
        }
        mem_free(name);
        _snwprintf(sddl, sizeof sddl / sizeof *sddl, L"%ls(A;OICI;0x1301bf;;;%ls)", base, text);
        sddl[sizeof sddl / sizeof *sddl - 1] = L'\0';
        LocalFree(text);
    }
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1,
                                                                &out->lpSecurityDescriptor, NULL);
}

void acl_private_free(SECURITY_ATTRIBUTES *a)
{
    LocalFree(a->lpSecurityDescriptor);
    a->lpSecurityDescriptor = NULL;
}

int acl_is_trusted(PSID sid)
{
    union user_room room;
    PSID self = our_sid(&room);
    PSID installer = NULL;
    int same;

    if (IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid))
        return 1;
    if (self && EqualSid(sid, self))
        return 1;
    if (!ConvertStringSidToSidW(trusted_installer, &installer))
        return 0;
    same = EqualSid(sid, installer);
    LocalFree(installer);
    return same;
}

/* Entries of these three name no other person: what a child would inherit, and the owner, who is
 * looked at on his own. */
static int names_nobody(PSID sid)
{
    return IsWellKnownSid(sid, WinCreatorOwnerSid) ||
           IsWellKnownSid(sid, WinCreatorOwnerRightsSid) || IsWellKnownSid(sid, WinCreatorGroupSid);
}

PSID acl_find_stranger(PACL dacl, ACCESS_MASK rights)
{
    static GENERIC_MAPPING files = { FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                                     FILE_ALL_ACCESS };

    for (DWORD i = 0; i < dacl->AceCount; i++) {
        void *entry = NULL;
        ACE_HEADER *head;
        DWORD mask;
        PSID sid;

        if (!GetAce(dacl, i, &entry))
            continue;
        head = entry;
        if (head->AceFlags & INHERIT_ONLY_ACE)
            continue;
        /* entries that deny only take away; conditional and object entries say who at another
         * place and are no part of a file's list */
        if (head->AceType != ACCESS_ALLOWED_ACE_TYPE)
            continue;
        mask = ((ACCESS_ALLOWED_ACE *)entry)->Mask;
        sid = &((ACCESS_ALLOWED_ACE *)entry)->SidStart;
        MapGenericMask(&mask, &files);
        if ((mask & rights) && !names_nobody(sid) && !acl_is_trusted(sid))
            return sid;
    }
    return NULL;
}

const char *acl_name(PSID sid, char *out, size_t size)
{
    wchar_t name[256];
    wchar_t domain[256];
    DWORD n = sizeof name / sizeof *name;
    DWORD d = sizeof domain / sizeof *domain;
    SID_NAME_USE use;
    wchar_t *text = NULL;
    char *utf8;
    char full[600];

    if (LookupAccountSidW(NULL, sid, name, &n, domain, &d, &use)) {
        char *a = wide_to(domain);
        char *b = wide_to(name);

        snprintf(full, sizeof full, "%s%s%s", a ? a : "", a && *a ? "\\" : "", b ? b : "?");
        mem_free(a);
        mem_free(b);
        return text_safe(full, strlen(full), out, size);
    }
    if (!ConvertSidToStringSidW(sid, &text))
        return text_safe("?", 1, out, size);
    utf8 = wide_to(text);
    LocalFree(text);
    text_safe(utf8 ? utf8 : "?", utf8 ? strlen(utf8) : 1, out, size);
    mem_free(utf8);
    return out;
}
