/* SPDX-License-Identifier: Apache-2.0
 *
 * dl.h - loads a plugin. Nothing is ever unloaded: TLS libraries register exit handlers.
 */
#ifndef EASG_DL_H
#define EASG_DL_H

#include <stddef.h>

#include <easgate/types.h>

struct dl;

/* `path` is UTF-8 and absolute. RTLD_NOW|RTLD_LOCAL; on Windows LoadLibraryEx with the directories
 * of the DLL, of the program, and System32. */
easg_status dl_open(const char *path, struct dl **out, easg_error *err);
/* A function pointer type, so that no caller casts between data and function pointers; NULL:
 * there is none of that name. */
void (*dl_sym(struct dl *lib, const char *name))(void);

#endif
