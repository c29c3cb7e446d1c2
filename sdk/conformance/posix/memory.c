/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts and refuses the allocations of the whole process, plugin and libraries included, by
 * standing in front of glibc's functions. Not linked where a sanitizer stands there already.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "conform.h"

#define FRONT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *ptr);

static atomic_long live;
static atomic_ulong countdown; /* 0: none is to fail */
static atomic_int failed;

static int refused(void)
{
    unsigned long n = atomic_load(&countdown);

    if (n == 0)
        return 0;
    atomic_store(&countdown, n - 1);
    if (n > 1)
        return 0;
    atomic_store(&failed, 1);
    errno = ENOMEM;
    return 1;
}

static void *counted(void *ptr)
{
    if (ptr)
        atomic_fetch_add(&live, 1);
    return ptr;
}

FRONT void *malloc(size_t size) /* lint: allow malloc because this stands in front of it */
{
    return refused() ? NULL : counted(__libc_malloc(size));
}

FRONT void *calloc(size_t n, size_t size) /* lint: allow calloc because as above */
{
    return refused() ? NULL : counted(__libc_calloc(n, size));
}

FRONT void *realloc(void *ptr, size_t size) /* lint: allow realloc because as above */
{
    void *moved;

    if (refused())
        return NULL;
    moved = __libc_realloc(ptr, size);
    if (!ptr)
        counted(moved);
    else if (!moved && size == 0)
        atomic_fetch_sub(&live, 1);
    return moved;
}

FRONT void *memalign(size_t align, size_t size);
void *memalign(size_t align, size_t size)
{
    return refused() ? NULL : counted(__libc_memalign(align, size));
}

FRONT void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

FRONT int posix_memalign(void **out, size_t align, size_t size)
{
    *out = memalign(align, size);
    return *out ? 0 : ENOMEM;
}

FRONT void free(void *ptr)
{
    if (ptr)
        atomic_fetch_sub(&live, 1);
    __libc_free(ptr);
}

long sys_live_blocks(void)
{
    return atomic_load(&live);
}

int sys_fail_allocation(unsigned long n)
{
    if (n)
        atomic_store(&failed, 0);
    atomic_store(&countdown, n);
    return 1;
}

int sys_allocation_failed(void)
{
    return atomic_load(&failed);
}
