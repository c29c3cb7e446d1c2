/* SPDX-License-Identifier: Apache-2.0
 *
 * cas-failover: the choice, row by row.
 */
#include "../support/fakehost.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "err.h"
#include "text.h"

#define N 3

/* Ages in milliseconds; -1: never failed. */
struct server {
    uint32_t priority;
    uint32_t failures;
    int64_t failed_ago;
};

static const struct {
    const char *name;
    struct server servers[N];
    size_t n;
    easg_status status;
    size_t chosen;
    const char *text;
} rows[] = {
    { "the only one", { { 0, 0, -1 } }, 1, EASG_OK, 0, "" },
    { "lowest priority", { { 5, 0, -1 }, { 0, 0, -1 }, { 5, 0, -1 } }, 3, EASG_OK, 1, "" },
    { "order among equals", { { 5, 0, -1 }, { 5, 0, -1 }, { 9, 0, -1 } }, 3, EASG_OK, 0, "" },
    { "failed just now", { { 0, 1, 500 }, { 5, 0, -1 } }, 2, EASG_OK, 1, "" },
    { "rested one second", { { 0, 1, 1000 }, { 5, 0, -1 } }, 2, EASG_OK, 0, "" },
    { "second failure rests two", { { 0, 2, 1500 }, { 5, 0, -1 } }, 2, EASG_OK, 1, "" },
    { "second failure, rested", { { 0, 2, 2000 }, { 5, 0, -1 } }, 2, EASG_OK, 0, "" },
    { "many failures rest ten minutes",
      { { 0, 4000000000u, 599999 }, { 5, 0, -1 } },
      2,
      EASG_OK,
      1,
      "" },
    { "and no longer", { { 0, 4000000000u, 600000 }, { 5, 0, -1 } }, 2, EASG_OK, 0, "" },
    { "all rest: whose time is up first",
      { { 0, 5, 100 }, { 5, 1, 900 }, { 9, 1, 500 } },
      3,
      EASG_OK,
      1,
      "" },
    { "none left",
      { { 0, 0, -1 } },
      0,
      EASG_E_NOTFOUND,
      0,
      "no client access server is left to try" },
};

int main(void)
{
    char path[4096];
    const easg_module *m;
    const easg_failover_ops *ops;

    (void)snprintf(path, sizeof(path), "%s/lib/easgate/plugins/cas-failover.so", check_build());
    m = fakehost_load(path, EASG_KIND_FAILOVER, "cas-failover");
    if (!CHECK(m != NULL))
        return check_done();
    ops = m->ops;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakehost f;
        easg_endpoint e[N];
        const easg_endpoint *items[N];
        easg_instance *self = NULL;
        easg_error err = EASG_ERROR_INIT;
        size_t chosen = 99;
        easg_time now;

        ROW(rows[i].name);
        fakehost_init(&f, NULL, 0, NULL, 0);
        CHECK_INT(m->create(&f.host, fakehost_config(&f), &self, &err), EASG_OK);
        now = f.host.now(&f.host);
        for (size_t k = 0; k < rows[i].n; k++) {
            const struct server *s = &rows[i].servers[k];

            e[k] = (easg_endpoint){ .struct_size = sizeof(e[k]),
                                    .priority = s->priority,
                                    .id = TEXT_LIT("x"),
                                    .failures = s->failures,
                                    .last_ok = EASG_TIME_NONE,
                                    .last_failed =
                                        s->failed_ago < 0 ? EASG_TIME_NONE : now - s->failed_ago };
            items[k] = &e[k];
        }
        CHECK_INT(ops->choose(self, fakehost_run(&f), items, rows[i].n, &chosen, &err),
                  rows[i].status);
        if (rows[i].status == EASG_OK)
            CHECK_INT(chosen, rows[i].chosen);
        else
            CHECK_STR(err.message, rows[i].text);
        m->destroy(self);
        fakehost_clear(&f);
    }
    return check_done();
}
