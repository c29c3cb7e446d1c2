/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place that calls malloc, and the seam at which tests make it fail.
 */
#include "alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Set by single-threaded tests only; 0 in the product, where the count is never looked at. */
static unsigned long fail_at;
static int fail_sticky;
static unsigned long made;

static int refused(void)
{
    if (fail_at == 0)
        return 0;
    made++;
    return fail_sticky ? made >= fail_at : made == fail_at;
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size ? size : 1);
}

void *mem_array(size_t n, size_t size)
{
    if ((size && n > SIZE_MAX / size) || refused())
        return NULL;
    return calloc(n ? n : 1, size ? size : 1); /* lint: allow calloc because this is the seam */
}

void *mem_grow(void *ptr, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    if (refused())
        return NULL;
    size = n && size ? n * size : 1;
    return realloc(ptr, size); /* lint: allow realloc because this is the seam */
}

char *mem_dup(const char *ptr, size_t len)
{
    char *copy = len < SIZE_MAX ? mem_alloc(len + 1) : NULL;

    if (copy && len)
        memcpy(copy, ptr, len);
    return copy;
}

char *mem_strdup(const char *s)
{
    return s ? mem_dup(s, strlen(s)) : NULL;
}

void mem_free(void *ptr)
{
    free(ptr); /* lint: allow free because this is the seam */
}

void mem_cleanup(void *ptr_to_pointer)
{
    void *ptr;

    memcpy(&ptr, ptr_to_pointer, sizeof ptr);
    mem_free(ptr);
}

unsigned long mem_fail_at(unsigned long n, int sticky)
{
    unsigned long before = made;

    made = 0;
    fail_at = n;
    fail_sticky = sticky;
    return before;
}

void xassert_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "easgate: internal error at %s:%d: %s\n", file, line, cond);
    abort();
}
