/* SPDX-License-Identifier: Apache-2.0
 *
 * protect.c - POSIX has no such service; systemd's credentials arrive decrypted, as files.
 */
#include "protect.h"

#include "err.h"

int protect_available(void)
{
    return 0;
}

easg_status protect_open(const void *blob, size_t len, struct strbuf *out, easg_error *err)
{
    (void)blob;
    (void)len;
    (void)out;
    return err_set(err, EASG_E_UNSUPPORTED, "dpapi: is known on Windows only");
}
