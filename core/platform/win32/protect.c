/* SPDX-License-Identifier: Apache-2.0
 *
 * protect.c - DPAPI. Windows knows from the blob whether it was made for the machine or for an
 * account, so opening needs no flag.
 */
#include "protect.h"

#include "err.h"
#include "secret.h"
#include "wide.h"

#include <windows.h>

#include <wincrypt.h>

int protect_available(void)
{
    return 1;
}

easg_status protect_open(const void *blob, size_t len, struct strbuf *out, easg_error *err)
{
    DATA_BLOB in = { (DWORD)len, NULL };
    DATA_BLOB plain = { 0, NULL };
    char text[300];
    BYTE *copy;
    DWORD code;
    BOOL ok;

    if (len == 0 || len > 65536)
        return err_set(err, EASG_E_CONFIG, "dpapi: %zu bytes are no protected secret", len);
    copy = (BYTE *)mem_dup(blob, len); /* the call takes it without const */
    if (!copy)
        return err_nomem(err);
    in.pbData = copy;
    ok = CryptUnprotectData(&in, NULL, NULL, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &plain);
    code = GetLastError();
    mem_free(copy);
    if (!ok)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_HRESULT, (int64_t)code,
                          "dpapi: %s; the secret must be protected on this machine, with scope "
                          "LocalMachine or by the account of the service",
                          wide_message(code, text, sizeof text));
    if (strbuf_reserve(out, plain.cbData)) /* all room first: growing leaves copies behind */
        strbuf_add(out, plain.pbData, plain.cbData);
    secret_wipe(plain.pbData, plain.cbData);
    LocalFree(plain.pbData);
    return strbuf_status(out) == EASG_OK ? EASG_OK
                                         : err_set(err, strbuf_status(out), "dpapi: too large");
}
