/* SPDX-License-Identifier: Apache-2.0
 *
 * acl.h - who may own and write what we trust. Private to this directory.
 */
#ifndef EASG_ACL_H
#define EASG_ACL_H

#include <windows.h>

/* Owner and full access for SYSTEM, Administrators and the account that we run as; nobody else,
 * nothing inherited. acl_private_free(). 0: the system refused. */
int acl_private(SECURITY_ATTRIBUTES *out);
/* For a directory: SYSTEM and Administrators everything, `account` (UTF-8; NULL: nobody more) what
 * a service needs, inherited by what is in it. acl_private_free(). 0: GetLastError() says why. */
int acl_folder(const char *account, SECURITY_ATTRIBUTES *out);
void acl_private_free(SECURITY_ATTRIBUTES *a);

/* 1: SYSTEM, Administrators, TrustedInstaller, or the account that we run as. */
int acl_is_trusted(PSID sid);
/* The first entry of `dacl` that allows anybody else what `rights` names; NULL: there is none. */
PSID acl_find_stranger(PACL dacl, ACCESS_MASK rights);
/* DOMAIN\name or S-1-...; returns `out`. */
const char *acl_name(PSID sid, char *out, size_t size);

#endif
