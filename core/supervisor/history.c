/* SPDX-License-Identifier: Apache-2.0
 *
 * history.c - reads v_runs and v_org, and nothing else of the store.
 */
#include "history.h"

#include "store.h"

#include "err.h"
#include "timestamp.h"

#include <string.h>

static easg_time time_of(const char *text)
{
    easg_time t;

    return text && timestamp_parse(text, strlen(text), &t) ? t : EASG_TIME_NONE;
}

static enum schedule_kind kind_of(const char *text)
{
    if (!text)
        return SCHEDULE_NONE;
    return strcmp(text, "full") == 0    ? SCHEDULE_FULL
           : strcmp(text, "quick") == 0 ? SCHEDULE_QUICK
                                        : SCHEDULE_NONE;
}

/* kind, started_at */
static easg_status take_start(void *user, const struct store_row *row, easg_error *err)
{
    struct history *h = user;
    easg_time t = time_of(store_row_text(row, 1));

    (void)err;
    if (kind_of(store_row_text(row, 0)) == SCHEDULE_FULL)
        h->last.full = t;
    else
        h->last.quick = t;
    return EASG_OK;
}

/* kind, started_at, finished_at, exit_code */
static easg_status take_last(void *user, const struct store_row *row, easg_error *err)
{
    struct history *h = user;

    (void)err;
    h->kind = kind_of(store_row_text(row, 0));
    h->started = time_of(store_row_text(row, 1));
    h->finished = time_of(store_row_text(row, 2));
    h->exit_code = store_row_type(row, 3) == STORE_INT ? (int)store_row_int(row, 3) : -1;
    return EASG_OK;
}

/* The first instant that no run has dealt with. */
static void take_wait(struct history *h, easg_time t)
{
    easg_time last = h->last.full > h->last.quick ? h->last.full : h->last.quick;

    if (t != EASG_TIME_NONE && t > last && (h->wait == EASG_TIME_NONE || t < h->wait))
        h->wait = t;
}

/* name, value */
static easg_status take_org(void *user, const struct store_row *row, easg_error *err)
{
    struct history *h = user;
    const char *name = store_row_text(row, 0);
    const char *value = store_row_text(row, 1);

    (void)err;
    if (!name || !value)
        return EASG_OK;
    if (strcmp(name, "hold") == 0)
        h->held = *value != '\0';
    else if (strcmp(name, "hold_generation") == 0)
        h->guarded = *value != '\0';
    else if (strcmp(name, "waits_until") == 0 || strcmp(name, "next_change_at") == 0 ||
             strcmp(name, "gate_opens_at") == 0)
        take_wait(h, time_of(value));
    else if (strlen(value) < sizeof h->digest)
        memcpy(h->digest, value, strlen(value) + 1);
    return EASG_OK;
}

easg_status history_read(const char *state_dir, const char *org, struct history *out,
                         easg_error *err)
{
    struct store *s = NULL;
    easg_status st;

    *out = (struct history){ .last = { EASG_TIME_NONE, EASG_TIME_NONE },
                             .started = EASG_TIME_NONE,
                             .finished = EASG_TIME_NONE,
                             .wait = EASG_TIME_NONE,
                             .exit_code = -1 };
    st = store_open_readonly(state_dir, org, &s, err);
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        return EASG_OK;
    }
    if (st == EASG_OK)
        st = store_query(s,
                         "SELECT kind, max(started_at) FROM v_runs"
                         " WHERE kind IN ('full', 'quick') AND dry_run = 0 GROUP BY kind",
                         NULL, 0, take_start, out, err);
    if (st == EASG_OK)
        st = store_query(s,
                         "SELECT kind, started_at, finished_at, exit_code FROM v_runs"
                         " WHERE kind IN ('full', 'quick') AND dry_run = 0"
                         " ORDER BY started_at DESC LIMIT 1",
                         NULL, 0, take_last, out, err);
    if (st == EASG_OK)
        st = store_query(s,
                         "SELECT name, value FROM v_org"
                         " WHERE name IN ('hold', 'hold_generation', 'config_digest',"
                         " 'waits_until', 'next_change_at', 'gate_opens_at')",
                         NULL, 0, take_org, out, err);
    store_close(s);
    return st;
}
