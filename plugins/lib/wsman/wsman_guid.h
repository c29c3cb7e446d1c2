/* SPDX-License-Identifier: Apache-2.0
 *
 * wsman_guid.h - 16-byte identifiers, in .NET's field order (the first three fields little
 * endian), which is how PSRP carries them and how they are kept here.
 */
#ifndef EASG_WSMAN_GUID_H
#define EASG_WSMAN_GUID_H

#include <stddef.h>
#include <stdint.h>

struct wsman_guid {
    uint8_t b[16];
};

#define WSMAN_GUID_TEXT 37 /* with the NUL */

/* "76056A84-51DC-4F24-9262-CA2A55464B2B", capital letters. Returns `out`. */
const char *wsman_guid_format(const struct wsman_guid *g, char out[WSMAN_GUID_TEXT]);
/* Either case, with or without braces; 1, or 0 when it is no GUID. */
int wsman_guid_parse(const char *ptr, size_t len, struct wsman_guid *out);
int wsman_guid_eq(const struct wsman_guid *a, const struct wsman_guid *b);
int wsman_guid_zero(const struct wsman_guid *g);
/* Marks 16 random bytes as a version 4 GUID. */
void wsman_guid_stamp(struct wsman_guid *g);

#endif
