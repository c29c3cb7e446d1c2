/* SPDX-License-Identifier: Apache-2.0
 *
 * Several sessions of one account in one event loop.
 *
 * Sessions, and not pipelines in one runspace pool: what Set-ADServerSettings says holds for one
 * runspace, and which runspace of a pool a pipeline gets nobody can say. They are opened while the
 * others are at work, and only as long as there is work for them; a server that refuses one has
 * said how many it grants. Throttling makes them fewer.
 */
#include <string.h>

#include "exch_lanes.h"

#include "err.h"
#include "http.h"

#define FORGOTTEN_MS 60000 /* an idle session is not trusted to be there after that */
#define TURN_MS      500

struct lane {
    struct exch *x;
    struct exch_job *job;
    const struct exch_call *call; /* NULL: idle */
    struct exch_pipe pipe;
    int opening;        /* its session is not open yet */
    int under_way;      /* pipe is */
    int64_t not_before; /* the call begins then */
    unsigned tries;     /* of this call, for want of budget */
    easg_error err;
};

struct crew {
    struct exch *x;
    struct exch_job *const *jobs;
    struct lane lanes[EXCH_LANES + 1];
    size_t n;
    size_t most;
    size_t expected;
    size_t taken;
    int nothing_left;
    easg_status ended; /* why no more is taken up */
    easg_error *err;
};

static void end(struct crew *c, easg_status st, const easg_error *why)
{
    if (c->ended == EASG_OK && st != EASG_OK) {
        c->ended = st;
        if (why != c->err)
            err_copy(c->err, why);
    }
}

/* ---- one lane ---- */

static void over(struct crew *c, struct lane *l, easg_status st)
{
    easg_status told;

    l->call = NULL;
    told = l->job->ops->done(l->job, l->x, st, &l->err);
    end(c, told, &l->err);
    if (l->x->broken && !l->x->lead)
        end(c, st != EASG_OK ? st : EASG_E_UNAVAILABLE, &l->err);
}

static void wait_turn(struct lane *l, int64_t ms)
{
    l->under_way = 0;
    l->not_before = ms > 0 ? http_now_ms() + ms : 0;
}

static void follow(struct crew *c, struct lane *l)
{
    easg_status st = l->job->ops->next(l->job, l->x, &l->call, &l->err);

    l->tries = 0;
    if (st != EASG_OK || !l->call)
        over(c, l, st);
    else
        wait_turn(l, exch_lead(l->x)->pace_ms);
}

static void came_to(struct crew *c, struct lane *l, easg_status st)
{
    size_t objects = l->pipe.objects;

    st = exch_pipe_end(&l->pipe, st, &l->err);
    l->under_way = 0;
    /* Refused for want of budget it did not begin. */
    if (st == EASG_E_THROTTLED && !objects && !l->x->broken) {
        int64_t wait = exch_budget_wait(l->x, l->tries++, l->pipe.name, &l->err);

        if (wait) {
            err_clear(&l->err);
            wait_turn(l, wait);
            return;
        }
    }
    if (l->job->ops->ran(l->job, l->x, st, &l->err))
        wait_turn(l, 0);
    else if (st == EASG_OK)
        follow(c, l);
    else
        over(c, l, st);
}

static void set_off(struct crew *c, struct lane *l)
{
    easg_status st;

    l->under_way = 1;
    st = exch_pipe_begin(&l->pipe, l->x, l->call, &l->err);
    if (st != EASG_OK)
        came_to(c, l, st);
}

/* The server grants no more than those that are open; a lane without a session is never at work. */
static void not_granted(struct crew *c, struct lane *l, const easg_error *why)
{
    l->opening = 0;
    l->call = NULL;
    l->x->broken = 1;
    if (c->x->most > c->n - 1)
        c->x->most = c->n - 1;
    exch_log(c->x, EXCH_INFO, "%zu sessions at work together, not more: %s", c->x->most,
             why->message);
}

static void open_on(struct crew *c, struct lane *l)
{
    int opened = 0;
    int through = 0;
    easg_status st = l->under_way ? exch_pipe_step(&l->pipe, &through, &l->err)
                                  : exch_shell_step(l->x, &opened, &l->err);

    if (st == EASG_OK && opened && l->x->forest) {
        l->under_way = 1;
        st = exch_pipe_begin(&l->pipe, l->x, exch_view_forest(), &l->err);
    }
    if (l->under_way && (st != EASG_OK || through))
        st = exch_pipe_end(&l->pipe, st, &l->err);
    if (st != EASG_OK) {
        not_granted(c, l, &l->err);
    } else if (through || (opened && !l->x->forest)) {
        l->opening = 0;
        l->under_way = 0;
    }
}

/* 1: something was done. */
static int carry_on(struct crew *c, struct lane *l, int64_t now)
{
    int through = 0;
    easg_status st;

    if (l->opening && !exch_request_running(l->x)) {
        open_on(c, l);
        return 1;
    }
    if (!l->call)
        return 0;
    if (!l->under_way) {
        if (l->not_before && now < l->not_before)
            return 0;
        set_off(c, l);
        return 1;
    }
    if (exch_request_running(l->x))
        return 0;
    st = exch_pipe_step(&l->pipe, &through, &l->err);
    if (st != EASG_OK || through)
        came_to(c, l, st);
    return 1;
}

/* ---- the crew ---- */

static int take_up(struct crew *c, struct lane *l)
{
    if (l->call || l->opening || c->nothing_left || c->ended != EASG_OK || l->x->broken)
        return 0;
    err_clear(&l->err);
    if (!l->job->ops->take(l->job)) {
        c->nothing_left = 1;
        return 0;
    }
    c->taken++;
    follow(c, l);
    return 1;
}

static void add_lane(struct crew *c, struct exch *x)
{
    c->lanes[c->n] = (struct lane){ .x = x, .job = c->jobs[c->n], .err = EASG_ERROR_INIT };
    c->n++;
}

/* A further session, if there is work for it. */
static void grow(struct crew *c)
{
    easg_error err = EASG_ERROR_INIT;
    struct exch *more = NULL;

    if (c->n >= c->most || c->n >= c->x->most || c->nothing_left || c->ended != EASG_OK ||
        c->taken >= c->expected)
        return;
    if (c->n - 1 < c->x->n_lanes) {
        add_lane(c, c->x->lanes[c->n - 1]);
        return;
    }
    if (exch_open_lane(c->x, &more, &err) != EASG_OK) {
        exch_log(c->x, EXCH_INFO, "%zu sessions at work together, not more: %s", c->n, err.message);
        c->x->most = c->n;
        return;
    }
    c->x->lanes[c->x->n_lanes++] = more;
    add_lane(c, more);
    c->lanes[c->n - 1].opening = 1;
}

static void wait_for_one(struct crew *c, int64_t now)
{
    struct http *all[EXCH_LANES + 1];
    int64_t ms = TURN_MS;
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct lane *l = &c->lanes[i];

        if (l->opening || (l->call && l->under_way))
            all[n++] = l->x->http;
        else if (l->call && l->not_before - now < ms)
            ms = l->not_before > now ? l->not_before - now : 1;
    }
    if (n)
        http_wait(all, n, ms);
    else if (c->x->env.sleep_ms(c->x->env.user, ms) != EASG_OK)
        end(c, err_set(c->err, EASG_E_CANCELLED, "cancelled"), c->err);
}

/* Nobody waits for a turn that will not come. */
static void call_off(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct lane *l = &c->lanes[i];

        if (!l->call || l->under_way)
            continue;
        over(c, l, err_set(&l->err, EASG_E_CANCELLED, "cancelled"));
    }
}

static void work(struct crew *c)
{
    int busy;

    do {
        int64_t now = http_now_ms();
        int moved = 0;

        busy = 0;
        for (size_t i = 0; i < c->n; i++) {
            /* Throttling lowers how many may be at work; the first always is. */
            if (i == 0 || i < c->x->most)
                moved |= take_up(c, &c->lanes[i]);
            moved |= carry_on(c, &c->lanes[i], now);
            busy |= c->lanes[i].call != NULL || c->lanes[i].opening;
        }
        if (c->ended == EASG_E_CANCELLED)
            call_off(c);
        if (busy)
            grow(c);
        if (busy && !moved)
            wait_for_one(c, now);
    } while (busy || (!c->nothing_left && c->ended == EASG_OK));
}

static void drop_lost(struct exch *x)
{
    size_t kept = 0;

    for (size_t i = 0; i < x->n_lanes; i++)
        if (x->lanes[i]->broken)
            exch_close(x->lanes[i]);
        else
            x->lanes[kept++] = x->lanes[i];
    x->n_lanes = kept;
}

size_t exch_lanes_max(const struct exch *x)
{
    return x->most ? x->most : 1;
}

void exch_lanes_close(struct exch *x)
{
    for (size_t i = 0; i < x->n_lanes; i++)
        exch_close(x->lanes[i]);
    x->n_lanes = 0;
}

easg_status exch_lanes_run(struct exch *x, struct exch_job *const *jobs, size_t n, size_t expected,
                           easg_error *err)
{
    struct crew *c;
    easg_status st;

    if (x->broken)
        return err_set(err, EASG_E_UNAVAILABLE, "the session was lost before");
    c = mem_alloc(sizeof(*c));
    if (!c)
        return err_nomem(err);
    if (http_now_ms() - x->lanes_used > FORGOTTEN_MS)
        exch_lanes_close(x);
    c->x = x;
    c->jobs = jobs;
    c->most = n < EXCH_LANES + 1 ? n : EXCH_LANES + 1;
    c->expected = expected;
    c->err = err;
    add_lane(c, x);
    work(c);
    drop_lost(x);
    x->lanes_used = http_now_ms();
    st = c->ended;
    mem_free(c);
    return st;
}
