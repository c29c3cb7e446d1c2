/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h - the test harness, whole. A test program is a main() with checks and
 * `return check_done();`. A failed check prints where and what and the program goes on; why not a
 * library stands in core/why/tests.md.
 */
#ifndef EASG_CHECK_H
#define EASG_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed;
static int check_made;
static const char *check_row = ""; /* set by table-driven loops: names the row in the output */

#define CHECK(cond)          check_true((cond) ? 1 : 0, #cond, __FILE__, __LINE__)
#define CHECK_INT(got, want) check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) check_str((got), (want), #got, __FILE__, __LINE__)
/* `needle` occurs in `got`. */
#define CHECK_HAS(got, needle) check_has((got), (needle), #got, __FILE__, __LINE__)
#define ROW(name)              (check_row = (name))

static inline int check_true(int ok, const char *what, const char *file, int line)
{
    check_made++;
    if (!ok) {
        check_failed++;
        printf("# %s:%d: %s%s%s is false\n", file, line, check_row, *check_row ? ": " : "", what);
    }
    return ok;
}

static inline int check_int(int64_t got, int64_t want, const char *what, const char *file, int line)
{
    check_made++;
    if (got != want) {
        check_failed++;
        printf("# %s:%d: %s%s%s is %" PRId64 ", not %" PRId64 "\n", file, line, check_row,
               *check_row ? ": " : "", what, got, want);
    }
    return got == want;
}

static inline int check_str(const char *got, const char *want, const char *what, const char *file,
                            int line)
{
    int ok = got && want ? strcmp(got, want) == 0 : got == want;

    check_made++;
    if (!ok) {
        check_failed++;
        printf("# %s:%d: %s%s%s is\n#   %s\n# not\n#   %s\n", file, line, check_row,
               *check_row ? ": " : "", what, got ? got : "(null)", want ? want : "(null)");
    }
    return ok;
}

static inline int check_has(const char *got, const char *needle, const char *what, const char *file,
                            int line)
{
    int ok = got && strstr(got, needle);

    check_made++;
    if (!ok) {
        check_failed++;
        printf("# %s:%d: %s%s%s is\n#   %s\n# and lacks\n#   %s\n", file, line, check_row,
               *check_row ? ": " : "", what, got ? got : "(null)", needle);
    }
    return ok;
}

/* Exit status for main(). A program that checked nothing has failed. */
static inline int check_done(void)
{
    printf("%s - %d checks, %d failed\n", check_failed || !check_made ? "not ok" : "ok", check_made,
           check_failed);
    return check_failed || !check_made;
}

/* A loud skip: the reason, and the exit code that ctest counts as skipped. */
static inline int check_skip(const char *why)
{
    printf("SKIP: %s\n", why);
    return 77;
}

/* Directory of the checkout, and of the build, for data files and programs. */
static inline const char *check_source(void)
{
    const char *s = getenv("EASGATE_SOURCE");

    return s ? s : ".";
}

static inline const char *check_build(void)
{
    const char *s = getenv("EASGATE_BUILD");

    return s ? s : "build";
}

#endif
