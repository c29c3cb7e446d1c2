/* SPDX-License-Identifier: Apache-2.0
 *
 * failover-roundrobin - spreads runs over all servers: the one that answered longest ago is next,
 * and one that failed lately waits until the others were tried. A pure function of what the host
 * tells: the host keeps the health, so nothing is remembered here.
 */
#include <easgate/failover.h>

#include "err.h"
#include "plugin_opt.h"

struct easg_instance {
    const easg_host *host;
    int64_t rest_ms;
};

static const easg_option rest = { .struct_size = (uint32_t)sizeof rest,
                                  .type = EASG_OPT_DURATION,
                                  .name = "rest",
                                  .default_value = "5m",
                                  .doc =
                                      "how long a server that failed is tried after all others" };

static const easg_option *const options[] = { &rest, NULL };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    easg_instance *self = mem_alloc(sizeof *self);

    if (!self)
        return err_nomem(err);
    self->host = host;
    self->rest_ms = opt_duration(host, cfg, "rest", 300000);
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self);
}

static int resting(const easg_instance *self, const easg_endpoint *e, easg_time now)
{
    return e->failures > 0 && e->last_failed != EASG_TIME_NONE &&
           now - e->last_failed < self->rest_ms;
}

/* 1: `a` goes before `b`. EASG_TIME_NONE is the smallest time there is, so a server that never
 * answered is the next one. */
static int before(const easg_instance *self, const easg_endpoint *a, const easg_endpoint *b,
                  easg_time now)
{
    int a_rests = resting(self, a, now);
    int b_rests = resting(self, b, now);

    if (a_rests != b_rests)
        return !a_rests;
    if (a_rests && a->last_failed != b->last_failed)
        return a->last_failed < b->last_failed;
    if (a->last_ok != b->last_ok)
        return a->last_ok < b->last_ok;
    return a->priority < b->priority;
}

static easg_status EASG_CALL choose(easg_instance *self, const easg_run *run,
                                    const easg_endpoint *const *items, size_t n, size_t *chosen,
                                    easg_error *err)
{
    easg_time now = self->host->now(self->host);
    size_t best = 0;

    (void)run;
    (void)err;
    for (size_t i = 1; i < n; i++)
        if (before(self, items[i], items[best], now))
            best = i;
    *chosen = best;
    return EASG_OK;
}

static const easg_failover_ops ops = { .struct_size = (uint32_t)sizeof ops, .choose = choose };

static const easg_module module = { .struct_size = (uint32_t)sizeof module,
                                    .kind = EASG_KIND_FAILOVER,
                                    .id = "failover-roundrobin",
                                    .summary = "takes the servers in turn",
                                    .options = options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy };

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "failover-roundrobin",
                                    .version = "1.0.0",      .vendor = "easgate",
                                    .license = "Apache-2.0", .url = NULL,
                                    .modules = modules };

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
