/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of SRV records (RFC 2782). The look-up itself is in posix and win32.
 */
#include "ews_discover.h"

#include <stdlib.h>
#include <string.h>

static int by_priority(const void *a, const void *b)
{
    const struct ews_srv *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    /* Those of weight 0 stand first, so that they have a small chance and not none. */
    if (!x->weight != !y->weight)
        return !x->weight ? -1 : 1;
    return strcmp(x->host, y->host);
}

/* Draws one of list[0..n) by weight and moves it to the front. */
static void draw_first(struct ews_srv *list, size_t n, uint32_t number)
{
    uint32_t sum = 0, at = 0;
    struct ews_srv chosen;
    size_t i;

    for (i = 0; i < n; i++)
        sum += list[i].weight;
    number = sum ? number % (sum + 1) : 0;
    for (i = 0; i + 1 < n; i++) {
        at += list[i].weight;
        if (at >= number)
            break;
    }
    chosen = list[i];
    memmove(list + 1, list, i * sizeof *list);
    list[0] = chosen;
}

void ews_order_srv(struct ews_srv *list, size_t n, uint32_t (*random)(void *user), void *user)
{
    qsort(list, n, sizeof *list, by_priority);
    for (size_t i = 0; i < n; i++) {
        size_t end = i + 1;

        while (end < n && list[end].priority == list[i].priority)
            end++;
        draw_first(list + i, end - i, random(user));
    }
}
