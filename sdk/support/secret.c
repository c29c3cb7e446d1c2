/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiping through a volatile pointer to memset: no library needed, and not optimised away.
 */
#include "secret.h"

#include <string.h>

static void *(*const volatile wipe)(void *, int, size_t) = memset;

void secret_wipe(void *ptr, size_t len)
{
    if (ptr && len)
        wipe(ptr, 0, len);
}

void secret_clear(struct strbuf *b)
{
    secret_wipe(b->ptr, b->cap);
    strbuf_clear(b);
}
