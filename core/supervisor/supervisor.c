/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor.c - the loop: step, tell, wait. One process, one thread; it sleeps until the next
 * timer, the end of a worker or a signal.
 */
#include "supervisor.h"

#include "crew.h"

#include "clock.h"
#include "fs.h"
#include "proc.h"
#include "service.h"

#include "err.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>

#define GRACE_MS   30000
#define AT_MOST_MS (60 * 60 * 1000) /* a wall clock that was changed is noticed within the hour */
#define HOLD_EXIT  30

easg_status crew_init(struct crew *c, const struct agent_config *agent, struct log *log,
                      easg_error *err)
{
    *c = (struct crew){ .agent = agent, .log = log, .grace_ms = GRACE_MS };
    c->machine = proc_machine_seed();
    c->program = fs_self();
    if (!c->program)
        return err_set(err, EASG_E_FAIL, "the path of the running program is not known");
    return EASG_OK;
}

void crew_clear(struct crew *c)
{
    while (c->slots) {
        struct slot *s = c->slots;

        c->slots = s->next;
        slot_destroy(s);
    }
    mem_free(c->program);
    c->program = NULL;
    c->n = c->running = 0;
}

void crew_stop(struct crew *c)
{
    c->stopping = 1;
    for (struct slot *s = c->slots; s; s = s->next)
        slot_stop(s);
}

static void remove_gone(struct crew *c)
{
    for (struct slot **at = &c->slots; *at;) {
        struct slot *s = *at;

        if (s->gone && !s->worker) {
            *at = s->next;
            slot_destroy(s);
            c->n--;
        } else {
            at = &s->next;
        }
    }
}

/* The run that is due most urgently and may start; NULL: none. */
static struct slot *most_urgent(struct crew *c, easg_time now)
{
    struct slot *best = NULL;

    for (struct slot *s = c->slots; s; s = s->next)
        if (!s->worker && s->due.kind != SCHEDULE_NONE && s->due.at <= now &&
            (!best || s->due.at < best->due.at))
            best = s;
    return best;
}

/* As if it had been started: the next one is planned from here. */
static void pass_over(struct slot *s, easg_time now)
{
    if (s->due.kind == SCHEDULE_FULL)
        s->last.full = now;
    else
        s->last.quick = now;
    s->retry.kind = SCHEDULE_NONE;
    s->skipped++;
    slot_plan(s, now);
}

static void start_due(struct crew *c, easg_time now)
{
    struct slot *s;

    while ((int64_t)c->running < c->agent->workers_max && (s = most_urgent(c, now))) {
        slot_recall(c, s); /* somebody may have run it by hand, or released it */
        slot_plan(s, now);
        if (s->due.kind == SCHEDULE_NONE || s->due.at > now)
            continue;
        if (s->held[0] && strcmp(s->held, s->config->digest) == 0) {
            pass_over(s, now);
            LOG_WARNING(c->log, "run left out: the organisation is on hold", F_STR("org", s->name),
                        F_STR("file", s->path));
            continue;
        }
        slot_start(c, s);
    }
    for (s = c->slots; s; s = s->next) {
        if (!s->worker || s->due.kind == SCHEDULE_NONE || s->due.at > now)
            continue;
        pass_over(s, now);
        LOG_WARNING(c->log, "run skipped: the one before it is still going on",
                    F_STR("org", s->name), F_STR("run", s->run), F_INT("skipped", s->skipped));
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

int64_t crew_step(struct crew *c)
{
    easg_time now = clock_now();
    int64_t wait = -1;

    for (struct slot *s = c->slots; s; s = s->next)
        if (s->worker)
            slot_watch(c, s);
    remove_gone(c);
    if (!c->stopping)
        start_due(c, now);
    for (struct slot *s = c->slots; s; s = s->next) {
        if (s->worker)
            wait = sooner(wait, slot_watch(c, s));
        if (!c->stopping && s->due.kind != SCHEDULE_NONE &&
            (s->worker || (int64_t)c->running < c->agent->workers_max)) /* else: when one ends */
            wait = sooner(wait, s->due.at > now ? s->due.at - now : 0);
    }
    return wait;
}

void crew_status(const struct crew *c, char *out, size_t size)
{
    const struct slot *next = NULL;
    size_t held = 0;
    char at[TIMESTAMP_SIZE];
    size_t n;

    for (const struct slot *s = c->slots; s; s = s->next) {
        held += s->held[0] != '\0';
        if (s->due.kind != SCHEDULE_NONE && (!next || s->due.at < next->due.at))
            next = s;
    }
    n = (size_t)snprintf(out, size, "%zu organisation%s, %zu running", c->n, c->n == 1 ? "" : "s",
                         c->running);
    if (held && n < size)
        n += (size_t)snprintf(out + n, size - n, ", %zu on hold", held);
    if (c->broken && n < size)
        n += (size_t)snprintf(out + n, size - n, ", %zu with an error in the configuration",
                              c->broken);
    if (c->stopping && n < size)
        (void)snprintf(out + n, size - n, ", stopping");
    else if (next && n < size)
        (void)snprintf(out + n, size - n, "; next: %s of %s at %s",
                       schedule_kind_name(next->due.kind), next->name,
                       timestamp_format(next->due.at - next->due.at % 1000, at));
}

/* ---- the loop ---- */

static void tell(const struct crew *c, struct service *svc, char last[300])
{
    char line[300];

    crew_status(c, line, sizeof line);
    if (strcmp(line, last) != 0)
        service_status(svc, line);
    memcpy(last, line, sizeof line);
    service_watchdog(svc);
}

static void reload(struct crew *c, struct service *svc)
{
    easg_error err = EASG_ERROR_INIT;

    if (crew_load(c, &err) != EASG_OK)
        LOG_ERROR(c->log, "configuration not read: what was in effect before is kept",
                  F_STR("error", err.message));
    else
        LOG_INFO(c->log, "configuration read again", F_INT("organisations", c->n),
                 F_INT("broken", c->broken));
    service_ready(svc);
}

static void stop(struct crew *c)
{
    if (!c->stopping) {
        LOG_INFO(c->log, "stopping", F_INT("running", c->running));
        crew_stop(c);
        return;
    }
    c->grace_ms = 0; /* asked twice: at once */
}

static void loop(struct crew *c, struct service *svc)
{
    char last[300] = "";
    int64_t watchdog = service_watchdog_ms(svc);

    while (!c->stopping || c->running) {
        int64_t wait = crew_step(c);

        if (c->stopping && !c->running)
            break;
        tell(c, svc, last);
        wait = wait < 0 || wait > AT_MOST_MS ? AT_MOST_MS : wait;
        if (watchdog > 0 && wait > watchdog)
            wait = watchdog;
        switch (service_wait(svc, wait)) {
        case SERVICE_STOP: stop(c); break;
        case SERVICE_RELOAD: reload(c, svc); break;
        case SERVICE_CHILD:
        case SERVICE_TIMEOUT:
        default: break;
        }
    }
}

int supervisor_run(const struct agent_config *agent, struct service *svc, struct log *log)
{
    easg_error err = EASG_ERROR_INIT;
    struct crew c;
    easg_status st = crew_init(&c, agent, log, &err);
    int code = 0;

    if (st == EASG_OK)
        st = crew_load(&c, &err);
    if (st != EASG_OK) {
        LOG_ERROR(log, "the agent cannot start", F_STR("error", err.message));
        code = 1;
    } else if (c.n == 0 && c.broken) {
        LOG_ERROR(log, "the agent cannot start: no organisation's file can be read",
                  F_INT("broken", c.broken));
        code = HOLD_EXIT;
    } else {
        LOG_INFO(log, "agent started", F_INT("organisations", c.n), F_INT("pid", proc_self()));
        service_ready(svc);
        loop(&c, svc);
        LOG_INFO(log, "agent stopped", F_INT("organisations", c.n));
    }
    crew_clear(&c);
    return code;
}
