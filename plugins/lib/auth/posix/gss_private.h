/* SPDX-License-Identifier: Apache-2.0
 *
 * gss_private.h - what the files of the GSSAPI body share.
 */
#ifndef EASG_GSS_PRIVATE_H
#define EASG_GSS_PRIVATE_H

#include <gssapi/gssapi.h>

#include "auth_context.h"

/* `mechanism`: "Kerberos"; `who`: the account, for the text. */
easg_status gss_explain(OM_uint32 major, OM_uint32 minor, gss_OID mech, const char *mechanism,
                        const char *who, const char *service, easg_error *err);

#endif
