/* SPDX-License-Identifier: Apache-2.0
 *
 * protect.h - secrets that the system itself has encrypted for this machine (Windows: DPAPI).
 */
#ifndef EASG_PROTECT_H
#define EASG_PROTECT_H

#include <stddef.h>

#include <easgate/types.h>

#include "strbuf.h"

/* 1: this system has it. */
int protect_available(void);
/* Decrypts `blob` into `out`, which the caller wipes. EASG_E_UNSUPPORTED where there is none. */
easg_status protect_open(const void *blob, size_t len, struct strbuf *out, easg_error *err);

#endif
