/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdline.h - an argument list as the one string that Windows passes on. Private to this directory.
 */
#ifndef EASG_CMDLINE_H
#define EASG_CMDLINE_H

#include "strbuf.h"

/* Appends the arguments so that CommandLineToArgvW() gives them back unchanged. */
easg_status cmdline_build(const char *const *argv, struct strbuf *out);

#endif
