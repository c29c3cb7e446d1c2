/* SPDX-License-Identifier: Apache-2.0
 *
 * failover-roundrobin: who answered longest ago is next; who failed lately waits.
 */
#include "check.h"
#include "example.h"

#include "clock.h"
#include "err.h"
#include "text.h"

#define NEVER EASG_TIME_NONE

int main(void)
{
    /* times in seconds before now; -1: never */
    static const struct {
        const char *name;
        struct {
            int ok, failed;
            unsigned failures;
        } e[3];
        size_t want;
    } rows[] = {
        {"none was used",                 { { -1, -1, 0 }, { -1, -1, 0 }, { -1, -1, 0 } },  0},
        { "one was never used",           { { 10, -1, 0 }, { -1, -1, 0 }, { 20, -1, 0 } },  1},
        { "the longest ago",              { { 10, -1, 0 }, { 30, -1, 0 }, { 20, -1, 0 } },  1},
        { "it failed lately",             { { 10, -1, 0 }, { 30, 5, 1 }, { 20, -1, 0 } },   2},
        { "it failed long ago",           { { 10, -1, 0 }, { 30, 900, 1 }, { 20, -1, 0 } }, 1},
        { "it failed and answered since", { { 10, -1, 0 }, { 30, 40, 0 }, { 20, -1, 0 } },  1},
        { "all failed lately",            { { 10, 5, 1 }, { 30, 4, 1 }, { 20, 6, 2 } },     2},
    };
    easg_error err = EASG_ERROR_INIT;
    easg_time now = clock_now();
    struct example e;

    example_begin(&e);
    CHECK_INT(example_configure(&e, EASG_KIND_FAILOVER, "failover-roundrobin", "rest: 10m", &err),
              EASG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_endpoint ep[3];
        const easg_endpoint *items[3] = { &ep[0], &ep[1], &ep[2] };
        size_t chosen = 99;

        ROW(rows[i].name);
        for (uint32_t k = 0; k < 3; k++) {
            int ok = rows[i].e[k].ok;
            int failed = rows[i].e[k].failed;

            ep[k] = (easg_endpoint){ .struct_size = (uint32_t)sizeof ep[k],
                                     .priority = k,
                                     .id = TEXT_LIT("cas"),
                                     .failures = rows[i].e[k].failures,
                                     .last_ok = ok < 0 ? NEVER : now - 1000 * ok,
                                     .last_failed = failed < 0 ? NEVER : now - 1000 * failed };
        }
        CHECK_INT(failover_choose(e.instance, e.run, items, 3, &chosen, &err), EASG_OK);
        CHECK_INT(chosen, rows[i].want);
    }
    ROW("");
    example_end(&e);
    return check_done();
}
