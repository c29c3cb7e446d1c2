/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocation seam: overflow, and failing at the n-th call, once or from then on.
 */
#include "alloc.h"

#include <stdint.h>

#include "check.h"

/* How many of five allocations succeed. */
static int tries(void)
{
    int ok = 0;

    for (int i = 0; i < 5; i++) {
        void *p = mem_alloc(8);

        ok += p != NULL;
        mem_free(p);
    }
    return ok;
}

int main(void)
{
    char *p = mem_dup("abcdef", 3);

    CHECK_STR(p, "abc");
    mem_free(p);
    CHECK(mem_strdup(NULL) == NULL);
    CHECK(mem_array(SIZE_MAX / 2, 4) == NULL);
    CHECK(mem_grow(NULL, SIZE_MAX / 2, 4) == NULL);
    p = mem_alloc(0);
    CHECK(p != NULL);
    mem_free(p);

    CHECK_INT(tries(), 5);
    mem_fail_at(2, 0);
    CHECK_INT(tries(), 4);
    mem_fail_at(2, 1);
    CHECK_INT(tries(), 1);
    CHECK_INT(mem_fail_at(0, 0), 5);
    CHECK_INT(tries(), 5);
    {
        EASG_CLEANUP(mem_cleanup) char *local = mem_strdup("freed at the end of the block");

        CHECK(local != NULL);
    }
    return check_done();
}
