/* SPDX-License-Identifier: Apache-2.0
 *
 * secret.h - wiping, in a way that the compiler does not take out.
 */
#ifndef EASG_SECRET_H
#define EASG_SECRET_H

#include "strbuf.h"

/* Overwrites `len` bytes. */
void secret_wipe(void *ptr, size_t len);
/* Wipes what a strbuf holds, with its spare room, and frees it. Fits EASG_CLEANUP. A strbuf that
 * will hold a secret is given all its room by strbuf_reserve() before the first byte, or growing
 * leaves copies behind. */
void secret_clear(struct strbuf *b);

#endif
