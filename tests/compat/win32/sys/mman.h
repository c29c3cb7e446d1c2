/* SPDX-License-Identifier: Apache-2.0
 *
 * mman.h - memory that is shared with children, in tests that have none here.
 */
#ifndef EASG_COMPAT_MMAN_H
#define EASG_COMPAT_MMAN_H

#include <stdlib.h>

#define PROT_READ     1
#define PROT_WRITE    2
#define MAP_SHARED    1
#define MAP_ANONYMOUS 32
#define MAP_FAILED    ((void *)-1)

static inline void *mmap(void *at, size_t len, int prot, int flags, int fd, long offset)
{
    void *p = calloc(1, len);

    (void)at;
    (void)prot;
    (void)flags;
    (void)fd;
    (void)offset;
    return p ? p : MAP_FAILED;
}

#endif
