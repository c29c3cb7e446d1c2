/* SPDX-License-Identifier: Apache-2.0
 *
 * alloc.h - every allocation of ours goes through here: sizes are checked for overflow, and a
 * test can make the n-th one fail. Memory from here is freed with mem_free().
 */
#ifndef EASG_ALLOC_H
#define EASG_ALLOC_H

#include <stddef.h>

/* Whose formats EASG_PRINTF checks: a build for Windows says gnu_printf, for %zu and %lld. */
#if !defined(EASG_PRINTF_FORMAT)
#define EASG_PRINTF_FORMAT printf
#endif
#if defined(__GNUC__)
#define EASG_MUST_CHECK        __attribute__((warn_unused_result))
#define EASG_PRINTF(fmt, args) __attribute__((format(EASG_PRINTF_FORMAT, fmt, args)))
#define EASG_CLEANUP(fn)       __attribute__((cleanup(fn)))
#else
#define EASG_MUST_CHECK
#define EASG_PRINTF(fmt, args)
#endif

/* Zeroed memory, or NULL. A size of 0 gives a pointer that may be freed. */
void *mem_alloc(size_t size) EASG_MUST_CHECK;
/* Zeroed array of n * size bytes, NULL when that overflows or memory is gone. */
void *mem_array(size_t n, size_t size) EASG_MUST_CHECK;
/* realloc() of an array with an overflow check; the old block stays valid on NULL. New bytes are
 * not cleared. */
void *mem_grow(void *ptr, size_t n, size_t size) EASG_MUST_CHECK;
/* A NUL-terminated copy of `len` bytes. */
char *mem_dup(const char *ptr, size_t len) EASG_MUST_CHECK;
/* The same of a C string; NULL in, NULL out. */
char *mem_strdup(const char *s) EASG_MUST_CHECK;
/* Frees; NULL is fine. */
void mem_free(void *ptr);
/* For EASG_CLEANUP(mem_cleanup) on a `char *` or any other object pointer. */
void mem_cleanup(void *ptr_to_pointer);

/* Tests: the n-th allocation from now on fails (1: the next); `sticky` non-zero: all after it
 * too. 0 switches it off. Returns how many allocations were made since the last call. */
unsigned long mem_fail_at(unsigned long n, int sticky);

/* A broken invariant of our own code: prints where, and aborts, in every build. Never for
 * anything a peer, a file or a plugin sent. */
#define xassert(cond) ((cond) ? (void)0 : xassert_fail(#cond, __FILE__, __LINE__))
_Noreturn void xassert_fail(const char *cond, const char *file, int line);

#endif
