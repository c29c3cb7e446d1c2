/* SPDX-License-Identifier: Apache-2.0
 *
 * GUIDs to and from text.
 */
#include "wsman_guid.h"

#include <string.h>

/* Which byte of the GUID each pair of digits of the text stands for. */
static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

const char *wsman_guid_format(const struct wsman_guid *g, char out[WSMAN_GUID_TEXT])
{
    static const char hex[] = "0123456789ABCDEF";
    char *p = out;

    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[g->b[order[i]] >> 4];
        *p++ = hex[g->b[order[i]] & 15];
    }
    *p = '\0';
    return out;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int wsman_guid_parse(const char *ptr, size_t len, struct wsman_guid *out)
{
    struct wsman_guid g;

    if (len == 38 && ptr[0] == '{' && ptr[37] == '}') {
        ptr++;
        len -= 2;
    }
    if (len != 36)
        return 0;
    for (unsigned i = 0; i < 16; i++) {
        int high;
        int low;

        if (i == 4 || i == 6 || i == 8 || i == 10)
            if (*ptr++ != '-')
                return 0;
        high = digit(ptr[0]);
        low = digit(ptr[1]);
        if (high < 0 || low < 0)
            return 0;
        g.b[order[i]] = (uint8_t)(high << 4 | low);
        ptr += 2;
    }
    *out = g;
    return 1;
}

int wsman_guid_eq(const struct wsman_guid *a, const struct wsman_guid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int wsman_guid_zero(const struct wsman_guid *g)
{
    static const struct wsman_guid zero;

    return wsman_guid_eq(g, &zero);
}

void wsman_guid_stamp(struct wsman_guid *g)
{
    g->b[7] = (uint8_t)((g->b[7] & 0x0F) | 0x40);
    g->b[8] = (uint8_t)((g->b[8] & 0x3F) | 0x80);
}
