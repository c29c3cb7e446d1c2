/* SPDX-License-Identifier: Apache-2.0
 *
 * What the state file tells the supervisor, from files that the store itself wrote.
 */
#include "check.h"

#include "crew.h"
#include "err.h"
#include "history.h"
#include "store_writer.h"
#include "timestamp.h"

#include <unistd.h>

static char dir[] = "/tmp/easgate-history-XXXXXX";
static easg_error err = EASG_ERROR_INIT;

static easg_time at(const char *s)
{
    easg_time t = 0;

    CHECK(timestamp_parse(s, strlen(s), &t));
    return t;
}

static void run(struct store *s, const char *kind, const char *uuid, const char *started, int dry,
                int code)
{
    static const struct store_counts counts = STORE_COUNTS_NONE;
    struct store_run r = { uuid, kind, "audit", "schedule", dry, at(started) };
    struct store_outcome o = { code ? "failed" : "done", code, NULL, EASG_OK, NULL, 1, 1 };

    CHECK_INT(store_begin_run(s, &r, &err), EASG_OK);
    CHECK_INT(store_begin(s, 1, &err), EASG_OK);
    CHECK_INT(store_finish_run(s, &counts, &o, code == 0, &err), EASG_OK);
}

static void set(struct store *s, const char *name, const char *value)
{
    CHECK_INT(store_begin(s, 1, &err), EASG_OK);
    CHECK_INT(store_set_org(s, name, value, &err), EASG_OK);
    CHECK_INT(store_commit(s, &err), EASG_OK);
}

static void test_read(void)
{
    struct store *s = NULL;
    struct history h;

    CHECK_INT(history_read(dir, "contoso", &h, &err), EASG_OK); /* never synchronised */
    CHECK(h.last.full == EASG_TIME_NONE && h.last.quick == EASG_TIME_NONE && !h.held);
    CHECK_INT(h.exit_code, -1);

    CHECK_INT(store_open_writer(dir, "contoso", NULL, &s, &err), EASG_OK);
    run(s, "full", "11111111-1111-4111-8111-111111111111", "2026-11-24T02:00:07Z", 0, 0);
    run(s, "quick", "22222222-2222-4222-8222-222222222222", "2026-11-24T04:00:07Z", 0, 0);
    run(s, "full", "33333333-3333-4333-8333-333333333333", "2026-11-25T09:00:00Z", 1, 0);
    run(s, "user", "44444444-4444-4444-8444-444444444444", "2026-11-25T10:00:00Z", 0, 0);
    CHECK_INT(history_read(dir, "contoso", &h, &err), EASG_OK);
    CHECK_INT(h.last.full, at("2026-11-24T02:00:07Z")); /* neither the plan nor the one user */
    CHECK_INT(h.last.quick, at("2026-11-24T04:00:07Z"));
    CHECK_INT(h.kind, SCHEDULE_QUICK);
    CHECK_INT(h.started, h.last.quick);
    CHECK_INT(h.exit_code, 0);
    CHECK(!h.held && !h.guarded);

    run(s, "full", "55555555-5555-4555-8555-555555555555", "2026-11-25T02:00:00Z", 0, 30);
    set(s, "hold", "the password was refused");
    set(s, "config_digest", "abc");
    CHECK_INT(history_read(dir, "contoso", &h, &err), EASG_OK);
    CHECK_INT(h.kind, SCHEDULE_FULL);
    CHECK_INT(h.exit_code, 30);
    CHECK(h.held && !h.guarded);
    CHECK_STR(h.digest, "abc");
    set(s, "hold_generation", "abc-1");
    CHECK_INT(history_read(dir, "contoso", &h, &err), EASG_OK);
    CHECK(h.held && h.guarded);
    set(s, "hold", NULL);
    CHECK_INT(history_read(dir, "contoso", &h, &err), EASG_OK);
    CHECK(!h.held);
    store_close(s);
}

static void test_broken(void)
{
    struct history h;
    char path[100];
    FILE *f;

    snprintf(path, sizeof path, "%s/broken.db", dir);
    f = fopen(path, "w");
    CHECK(f && fputs("this is no database, and long enough to be looked at", f) >= 0);
    if (f)
        fclose(f);
    CHECK(history_read(dir, "broken", &h, &err) != EASG_OK);
    CHECK_HAS(err.message, "broken.db");
}

/* What a restarted supervisor makes of it. */
static void test_recall(void)
{
    struct agent_config agent = { .state_dir = dir };
    struct org_config config = {
        .enabled = 1, .schedule = {.full_every_ms = 24 * 3600000, .full_at_min = -1}
    };
    struct slot slot = {
        .name = "fabrikam", .config = &config, .last = {EASG_TIME_NONE, EASG_TIME_NONE}
    };
    struct crew c = { .agent = &agent };
    struct store *s = NULL;

    memcpy(config.digest, "d1", 3);
    CHECK_INT(store_open_writer(dir, "fabrikam", NULL, &s, &err), EASG_OK);
    run(s, "full", "11111111-1111-4111-8111-111111111111", "2026-11-24T02:00:00Z", 0, 20);
    slot_recall(&c, &slot);
    CHECK_INT(slot.last.full, at("2026-11-24T02:00:00Z"));
    CHECK_INT(slot.failures, 1); /* is tried again, not put off to the next day */
    slot_plan(&slot, at("2026-11-24T03:00:00Z"));
    CHECK_INT(slot.due.kind, SCHEDULE_FULL);
    slot.failures = 0;
    slot.runs = 1;

    set(s, "hold", "no module of that name");
    set(s, "config_digest", "d0");
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, ""); /* for another file */
    set(s, "config_digest", "d1");
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, "d1");
    set(s, "hold_generation", "d1-1"); /* the worker watches over the account itself */
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, "");

    set(s, "hold", NULL);
    memcpy(slot.held, "d1", 3); /* a run that ended before it could write */
    slot.started = at("2026-11-24T05:00:00Z");
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, "d1");
    run(s, "quick", "22222222-2222-4222-8222-222222222222", "2026-11-24T06:00:00Z", 0, 30);
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, "d1");
    run(s, "full", "33333333-3333-4333-8333-333333333333", "2026-11-24T07:00:00Z", 0, 0);
    slot_recall(&c, &slot);
    CHECK_STR(slot.held, ""); /* somebody ran it, and it went well */
    CHECK_INT(slot.last.full, at("2026-11-24T07:00:00Z"));
    store_close(s);
}

/* A block that was announced is applied when its time comes, between two runs of the schedule. */
static void test_wait(void)
{
    struct agent_config agent = { .state_dir = dir };
    struct org_config config = {
        .enabled = 1, .schedule = {.full_every_ms = 24 * 3600000, .full_at_min = -1}
    };
    struct slot slot = {
        .name = "wingtip", .config = &config, .last = {EASG_TIME_NONE, EASG_TIME_NONE}
    };
    struct crew c = { .agent = &agent };
    struct store *s = NULL;

    CHECK_INT(store_open_writer(dir, "wingtip", NULL, &s, &err), EASG_OK);
    run(s, "full", "11111111-1111-4111-8111-111111111111", "2026-11-24T02:00:00Z", 0, 0);
    set(s, "waits_until", "2026-11-24T02:10:01Z");
    slot_recall(&c, &slot);
    slot_plan(&slot, at("2026-11-24T02:00:30Z"));
    CHECK_INT(slot.due.kind, SCHEDULE_QUICK);
    CHECK_INT(slot.due.at, at("2026-11-24T02:10:01Z"));
    slot_plan(&slot, at("2026-11-24T03:00:00Z")); /* the machine was asleep: now */
    CHECK_INT(slot.due.at, at("2026-11-24T02:10:01Z"));
    slot.failures = 1; /* a failed run is tried again at its own pace */
    slot.retry = (struct schedule_due){ SCHEDULE_FULL, at("2026-11-24T02:30:00Z") };
    slot_plan(&slot, at("2026-11-24T02:00:30Z"));
    CHECK_INT(slot.due.at, at("2026-11-24T02:30:00Z"));
    slot.failures = 0;
    /* a run was started for it: whatever it came to, there is no second one at once */
    run(s, "quick", "22222222-2222-4222-8222-222222222222", "2026-11-24T02:10:01Z", 0, 0);
    slot_recall(&c, &slot);
    slot_plan(&slot, at("2026-11-24T02:10:30Z"));
    CHECK_INT(slot.due.kind, SCHEDULE_FULL);
    CHECK_INT(slot.due.at, at("2026-11-25T02:00:00Z"));
    set(s, "waits_until", NULL);
    slot_recall(&c, &slot);
    CHECK(slot.wait == EASG_TIME_NONE);
    /* a grace period that ends, a ring that opens: the first of them that is still to come */
    set(s, "next_change_at", "2026-11-24T05:00:00Z");
    set(s, "gate_opens_at", "2026-11-24T04:00:00Z");
    slot_recall(&c, &slot);
    slot_plan(&slot, at("2026-11-24T02:11:00Z"));
    CHECK_INT(slot.due.kind, SCHEDULE_QUICK);
    CHECK_INT(slot.due.at, at("2026-11-24T04:00:00Z"));
    run(s, "quick", "33333333-3333-4333-8333-333333333333", "2026-11-24T04:00:00Z", 0, 20);
    slot_recall(&c, &slot); /* it failed and said nothing new; the other instant is not forgotten */
    slot.failures = 0;
    slot_plan(&slot, at("2026-11-24T04:00:30Z"));
    CHECK_INT(slot.due.at, at("2026-11-24T05:00:00Z"));
    store_close(s);
}

int main(void)
{
    char cmd[100];

    if (!mkdtemp(dir))
        return 1;
    test_read();
    test_broken();
    test_recall();
    test_wait();
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
