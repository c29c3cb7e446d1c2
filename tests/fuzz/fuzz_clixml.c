/* SPDX-License-Identifier: Apache-2.0
 *
 * The record decoder's two ways on the same bytes: a difference aborts. One property name is wanted
 * for each kind of slot, short enough for a fuzzer to find.
 */
#include <stdint.h>
#include <stdio.h>

#include "record_compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "a", "Ids", "Name", "State", "Id", NULL };
    static struct pair pair;
    easg_error err = EASG_ERROR_INIT;

    if (!pair.fast && pair_create(&pair, names, &err) != EASG_OK)
        abort();
    if (pair_compare(&pair, (const char *)data, size) == PAIR_DIFFERS) {
        (void)fprintf(stderr, "%s\nshort way: %s\nlibxml2:   %s\n", pair.why,
                      strbuf_str(&pair.fast_dump), strbuf_str(&pair.slow_dump));
        abort();
    }
    return 0;
}
