/* SPDX-License-Identifier: Apache-2.0
 *
 * platforms_text.h - managed devices by platform, and how many of them carry an EAS id.
 */
#ifndef EASG_PLATFORMS_TEXT_H
#define EASG_PLATFORMS_TEXT_H

#include "cli.h"

/* A line a platform that has managed devices; nothing without facts. */
easg_status platforms_print(struct store *s, easg_error *err);
/* The array "platforms". */
easg_status platforms_json(struct store *s, struct jsonout *j, easg_error *err);

#endif
