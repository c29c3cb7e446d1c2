/* SPDX-License-Identifier: Apache-2.0
 *
 * cas-failover: which client access server to ask next. A pure choice: the host keeps the health of
 * the endpoints and leaves out those it has tried in this run.
 *
 * The lowest priority number wins, then the order given. An endpoint that failed is left alone for
 * 1 s, doubled with each further failure, at most 10 minutes; when all are in that state, the one
 * whose time is up first is taken, because to try nothing helps nobody.
 */
#include <easgate/failover.h>

#include "alloc.h"
#include "err.h"

#define FIRST_MS 1000
#define MOST_MS  600000

struct easg_instance {
    const easg_host *host;
};

/* `enabled: false` is the host's: it does not ask at all then. */
static const easg_option *const options[] = { NULL };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    struct easg_instance *self = mem_alloc(sizeof(*self));

    (void)cfg;
    if (!self)
        return err_nomem(err);
    self->host = host;
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self);
}

/* When the endpoint may be asked again; EASG_TIME_NONE: now. */
static easg_time rests_until(const easg_endpoint *e)
{
    int64_t wait = FIRST_MS;

    if (e->failures == 0 || e->last_failed == EASG_TIME_NONE)
        return EASG_TIME_NONE;
    for (uint32_t i = 1; i < e->failures && wait < MOST_MS; i++)
        wait *= 2;
    return e->last_failed + (wait < MOST_MS ? wait : MOST_MS);
}

static easg_status EASG_CALL choose(easg_instance *self, const easg_run *run,
                                    const easg_endpoint *const *items, size_t n, size_t *chosen,
                                    easg_error *err)
{
    easg_time now = self->host->now(self->host);
    size_t rested = n;  /* best of those that may be asked */
    size_t resting = n; /* of the others, the one whose time is up first */

    (void)run;
    for (size_t i = 0; i < n; i++) {
        easg_time until = rests_until(items[i]);

        if (until == EASG_TIME_NONE || until <= now) {
            if (rested == n || items[i]->priority < items[rested]->priority)
                rested = i;
        } else if (resting == n || until < rests_until(items[resting])) {
            resting = i;
        }
    }
    if (rested == n && resting == n)
        return err_set(err, EASG_E_NOTFOUND, "no client access server is left to try");
    *chosen = rested < n ? rested : resting;
    return EASG_OK;
}

static const easg_failover_ops ops = { .struct_size = sizeof(ops), .choose = choose };

static const easg_module module = {
    .struct_size = sizeof(module),
    .kind = EASG_KIND_FAILOVER,
    .id = "cas-failover",
    .summary = "client access servers in order, failed ones left alone for a while",
    .options = options,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0), .name = "cas-failover",  .version = "0.1.0",
    .vendor = "easgate",   .license = "Apache-2.0", .url = "",
    .modules = modules,
};

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
