/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_opt.h - declared options, as create() reads them. The host has checked them and filled in
 * the defaults, so these say only what is there; and one line for the log.
 */
#ifndef EASG_PLUGIN_OPT_H
#define EASG_PLUGIN_OPT_H

#include <easgate/plugin.h>

#include "alloc.h"

/* Text of the option `path`; absent when it has neither value nor default. Borrowed until
 * destroy(). */
easg_str opt_str(const easg_host *host, const easg_config *cfg, const char *path);
/* `absent` when it is not there. */
int64_t opt_int(const easg_host *host, const easg_config *cfg, const char *path, int64_t absent);
int opt_bool(const easg_host *host, const easg_config *cfg, const char *path, int absent);
/* Milliseconds of an EASG_OPT_DURATION. */
int64_t opt_duration(const easg_host *host, const easg_config *cfg, const char *path,
                     int64_t absent);
/* EASG_E_CONFIG with the place of the option (or of the module, when it is absent) in front. */
easg_status opt_error(const easg_host *host, const easg_config *cfg, const char *path,
                      easg_error *err, const char *fmt, ...) EASG_PRINTF(5, 6);

/* For the end of create(): puts the place of `cfg` in front of a text of EASG_E_CONFIG that names
 * none of that file. Returns `st`. */
easg_status opt_place(const easg_host *host, const easg_config *cfg, easg_status st,
                      easg_error *err);

/* One finished line, without fields. */
void plugin_log(const easg_host *host, easg_level level, const char *fmt, ...) EASG_PRINTF(3, 4);
/* EASG_OK, or the status to return because the run must stop, with its message. */
easg_status plugin_may_go_on(const easg_host *host, const easg_run *run, easg_error *err);

#endif
