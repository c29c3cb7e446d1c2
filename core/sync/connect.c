/* SPDX-License-Identifier: Apache-2.0
 *
 * connect.c - which server, and what if it does not answer. A server that cannot be reached, or
 * does not prove who it is, is marked and the next one is chosen, each at most once a run. Refused
 * credentials end the run at once: they would be refused everywhere, and counted by the directory.
 *
 * A server that failed before is not trusted with a run because time has passed: it has to answer
 * two probes, which bear no credentials, and this only here, between operations.
 */
#include "sync_run.h"

#include "clock.h"
#include "text.h"

#include <string.h>

static int was_tried(const struct sync *s, const char *id)
{
    size_t i;

    for (i = 0; i < s->n_tried; i++)
        if (strcmp(s->tried[i], id) == 0)
            return 1;
    return 0;
}

static void to_abi(const struct store_endpoint *e, easg_endpoint *out)
{
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->priority = e->priority;
    out->id = text_str(e->id);
    out->url = text_str(e->url);
    out->last_ok = e->last_ok;
    out->last_failed = e->last_failed;
    out->failures = e->failures;
    out->last_status = e->last_status;
}

struct choice {
    struct store_endpoint *all;
    size_t n_all;
    easg_endpoint *abi;
    const easg_endpoint **items;
    size_t n;
};

static void clear_choice(struct choice *c)
{
    store_free_endpoints(c->all, c->n_all);
    mem_free(c->abi);
    mem_free(c->items);
}

/* Without a failover module only the configured server counts. */
static easg_status load_choice(struct sync *s, struct choice *c, easg_error *err)
{
    easg_status st = store_list_endpoints(s->store, &c->all, &c->n_all, err);
    size_t i;

    if (st != EASG_OK)
        return st;
    c->abi = mem_array(c->n_all + 1, sizeof *c->abi);
    c->items = mem_array(c->n_all + 1, sizeof *c->items);
    if (!c->abi || !c->items)
        return err_nomem(err);
    for (i = 0; i < c->n_all; i++) {
        if (was_tried(s, c->all[i].id) || (!s->failover && !c->all[i].configured))
            continue;
        to_abi(&c->all[i], &c->abi[c->n]);
        c->items[c->n] = &c->abi[c->n];
        c->n++;
    }
    return EASG_OK;
}

/* ---- fail-back: two good probes ---- */

#define PROBES         2
#define PROBE_PAUSE_MS 500

static void mark(struct sync *s, const char *id, easg_status st, const easg_error *why)
{
    easg_error ignored = EASG_ERROR_INIT;

    if (store_begin(s->store, 0, &ignored) != EASG_OK ||
        store_mark_endpoint(s->store, id, clock_now(), st, st == EASG_OK ? NULL : why->message,
                            &ignored) != EASG_OK ||
        NOTE(s, &ignored, st == EASG_OK ? EASG_LOG_INFO : EASG_LOG_WARNING,
             st == EASG_OK ? "endpoint.back" : "endpoint.failed", id, F_STATUS("status", st),
             F_STR("error", st == EASG_OK ? NULL : why->message)) != EASG_OK ||
        store_commit(s->store, &ignored) != EASG_OK)
        LOG_ERROR(s->log, "the endpoint's health was not recorded",
                  F_STR("error", ignored.message));
}

static int healthy_besides(const struct choice *c, size_t at)
{
    size_t i;

    for (i = 0; i < c->n; i++)
        if (i != at && c->items[i]->failures == 0)
            return 1;
    return 0;
}

/* 1: it may be opened. Where none is healthy there is nothing to fall back to, and a probe would
 * only cost time. */
static int answers_again(struct sync *s, const struct choice *c, size_t at)
{
    const easg_endpoint *e = c->items[at];
    easg_error why = EASG_ERROR_INIT;
    easg_status st = EASG_OK;
    int i;

    if (!s->failover || e->failures == 0 || !healthy_besides(c, at))
        return 1;
    for (i = 0; st == EASG_OK && i < PROBES; i++) {
        if (i)
            clock_sleep_ms(PROBE_PAUSE_MS);
        st = instance_reach(s->source, s->o->run, e, &why);
    }
    if (st == EASG_E_UNSUPPORTED)
        return 1;
    LOG_INFO(s->log, "probed a server that had failed", F_STR("endpoint", e->id.ptr),
             F_STATUS("status", st));
    mark(s, e->id.ptr, st, &why);
    return st == EASG_OK;
}

static easg_status open_one(struct sync *s, const easg_endpoint *e, easg_error *err)
{
    easg_status st;

    s->tried[s->n_tried] = mem_strdup(e->id.ptr);
    mem_free(s->endpoint);
    s->endpoint = mem_strdup(e->id.ptr);
    if (!s->endpoint || !s->tried[s->n_tried])
        return err_nomem(err);
    s->n_tried++;
    run_set_attempt(s->o->run, (unsigned)s->n_tried);
    LOG_INFO(s->log, "endpoint chosen", F_STR("endpoint", s->endpoint),
             F_INT("attempt", s->n_tried));
    st = source_open(s->source, s->o->run, e, &s->source_session, err);
    if (st != EASG_OK)
        return st;
    st = store_begin(s->store, 0, err);
    if (st == EASG_OK)
        st = store_mark_endpoint(s->store, s->endpoint, clock_now(), EASG_OK, NULL, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* UNCERTAIN: what may have run was answered as such and is not sent again in this run; the rest
 * was not sent. */
int sync_give_up_endpoint(struct sync *s, easg_status st, const easg_error *why)
{
    session_close(s->source_session);
    s->source_session = NULL;
    if (st != EASG_E_UNREACHABLE && st != EASG_E_TIMEOUT && st != EASG_E_UNAVAILABLE &&
        st != EASG_E_UNTRUSTED && st != EASG_E_UNCERTAIN)
        return 0;
    if (run_cancelled(s->o->run) || run_remaining_ms(s->o->run) <= 0)
        return 0;
    mark(s, s->endpoint, st, why);
    return s->n_tried < SYNC_TRIES_MAX;
}

int sync_wait_throttle(struct sync *s, easg_status st, const easg_error *why, int tries)
{
    int64_t ms = why->retry_after_ms;
    int64_t end = clock_monotonic_ms() + ms;

    if (st != EASG_E_THROTTLED || tries >= SYNC_THROTTLE_TRIES || ms <= 0 ||
        ms > SYNC_THROTTLE_MAX_MS || ms >= run_remaining_ms(s->o->run))
        return 0;
    LOG_WARNING(s->log, "the peer is throttling; waiting as long as it asked", F_INT("ms", ms));
    while (clock_monotonic_ms() < end && !run_cancelled(s->o->run)) {
        int64_t left = end - clock_monotonic_ms();

        clock_sleep_ms(left < 200 ? left : 200);
    }
    return !run_cancelled(s->o->run);
}

static easg_status pass_over(struct sync *s, const char *id, easg_error *err)
{
    if (s->n_tried == SYNC_TRIES_MAX)
        return err_set(err, EASG_E_UNAVAILABLE, "%zu servers did not answer in this run",
                       s->n_tried);
    s->tried[s->n_tried] = mem_strdup(id);
    return s->tried[s->n_tried++] ? EASG_OK : err_nomem(err);
}

/* Opens another endpoint. `last` and `why` are of the one that was given up before, if any: when
 * none is left, its words say where it broke and what helps, which "none is left" does not. */
static easg_status connect_after(struct sync *s, easg_status last, easg_error why, easg_error *err)
{
    easg_status st;

    for (;;) {
        struct choice c = { NULL, 0, NULL, NULL, 0 };
        size_t at = 0;

        st = load_choice(s, &c, err);
        if (st == EASG_OK && c.n == 0)
            st = EASG_E_NOTFOUND;
        else if (st == EASG_OK && s->failover)
            st = failover_choose(s->failover, s->o->run, c.items, c.n, &at, err);
        if (st == EASG_E_NOTFOUND) {
            st = last != EASG_OK ? last : EASG_E_UNAVAILABLE;
            if (last != EASG_OK)
                err_copy(err, &why);
            else
                err_set(err, st, "no endpoint is left to try; %zu did not answer in this run",
                        s->n_tried);
            clear_choice(&c);
            return st;
        }
        if (st != EASG_OK) {
            clear_choice(&c);
            return st;
        }
        if (!answers_again(s, &c, at)) { /* marked: the next choice leaves it out */
            st = pass_over(s, c.items[at]->id.ptr, err);
            clear_choice(&c);
            if (st != EASG_OK)
                return st;
            continue;
        }
        st = open_one(s, c.items[at], err);
        clear_choice(&c);
        if (st == EASG_OK || !sync_give_up_endpoint(s, st, err))
            return st;
        last = st;
        err_copy(&why, err);
        err_clear(err);
    }
}

easg_status sync_connect(struct sync *s, easg_error *err)
{
    easg_error none = EASG_ERROR_INIT;

    return connect_after(s, EASG_OK, none, err);
}

easg_status sync_reconnect(struct sync *s, easg_status last, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;

    err_copy(&why, err);
    return connect_after(s, last, why, err);
}
