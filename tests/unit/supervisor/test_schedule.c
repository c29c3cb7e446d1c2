/* SPDX-License-Identifier: Apache-2.0
 *
 * When a run is due: intervals, times of the day, both changes of the clock, jitter, back-off.
 */
#include "check.h"

#include "schedule.h"
#include "timestamp.h"

#define MIN   INT64_C(60000)
#define HOUR  (60 * MIN)
#define NEVER EASG_TIME_NONE

static easg_time at(const char *s)
{
    easg_time t = 0;

    CHECK(timestamp_parse(s, strlen(s), &t));
    return t;
}

static const char *text(easg_time t)
{
    static char buf[4][TIMESTAMP_SIZE];
    static int i;

    i = (i + 1) % 4;
    return timestamp_format(t, buf[i]);
}

static int utc(easg_time t)
{
    (void)t;
    return 0;
}

/* Central Europe in 2026, whole rule: summer time from March 29 01:00Z to October 25 01:00Z. */
static int berlin(easg_time t)
{
    return t >= at("2026-03-29T01:00:00Z") && t < at("2026-10-25T01:00:00Z") ? 120 : 60;
}

/* Half an hour, and west of Greenwich. */
static int newfoundland(easg_time t)
{
    (void)t;
    return -210;
}

static struct schedule_due due(const struct org_schedule *s, easg_time full, easg_time quick,
                               const char *now, schedule_offset_fn offset)
{
    struct schedule_last last = { full, quick };

    return schedule_next_due(s, &last, at(now), 0, offset);
}

static void test_intervals(void)
{
    struct org_schedule s = { .quick_ms = 2 * HOUR, .full_every_ms = 24 * HOUR, .full_at_min = -1 };
    easg_time full = at("2026-11-25T00:00:00Z");
    struct schedule_due d;

    d = due(&s, NEVER, NEVER, "2026-11-25T10:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_FULL);
    CHECK_STR(text(d.at), "2026-11-25T10:00:00Z");
    d = due(&s, full, NEVER, "2026-11-25T01:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_QUICK);
    CHECK_STR(text(d.at), "2026-11-25T02:00:00Z");
    d = due(&s, full, at("2026-11-25T02:00:00Z"), "2026-11-25T03:00:00Z", utc);
    CHECK_STR(text(d.at), "2026-11-25T04:00:00Z");
    d = due(&s, full, at("2026-11-25T23:30:00Z"), "2026-11-25T23:40:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_FULL); /* comes before the next quick one */
    CHECK_STR(text(d.at), "2026-11-26T00:00:00Z");
    d = due(&s, full, at("2026-11-25T02:00:00Z"), "2026-11-28T00:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_FULL); /* both are overdue */
    s.full_every_ms = 0;
    d = due(&s, NEVER, NEVER, "2026-11-25T10:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_NONE); /* a quick one builds on a full one */
    d = due(&s, full, NEVER, "2026-11-25T10:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_QUICK);
    s.quick_ms = 0;
    d = due(&s, full, NEVER, "2026-11-25T10:00:00Z", utc);
    CHECK_INT(d.kind, SCHEDULE_NONE);
    /* a start that seems to be in the future does not stop the schedule for years */
    s.quick_ms = HOUR;
    d = due(&s, at("2036-01-01T00:00:00Z"), NEVER, "2026-11-25T10:00:00Z", utc);
    CHECK_STR(text(d.at), "2026-11-25T11:00:00Z");
}

static void test_daily(void)
{
    static const struct {
        const char *last, *now, *next;
        schedule_offset_fn offset;
    } rows[] = {
        {"2026-11-25T01:00:05Z",  "2026-11-25T09:00:00Z", "2026-11-26T01:00:00Z", berlin      },
        { "2026-11-24T01:00:05Z", "2026-11-25T00:59:59Z", "2026-11-25T01:00:00Z", berlin      },
 /* missed yesterday and today: made up for once, from the latest one */
        { "2026-11-22T01:00:05Z", "2026-11-25T09:00:00Z", "2026-11-25T01:00:00Z", berlin      },
 /* a full run by hand in the afternoon does not replace tonight's */
        { "2026-11-25T15:00:00Z", "2026-11-25T16:00:00Z", "2026-11-26T01:00:00Z", berlin      },
        { "2026-07-01T00:00:05Z", "2026-07-01T09:00:00Z", "2026-07-02T00:00:00Z", berlin      },
 /* clocks forward: 02:00 does not exist on March 29; the change is at 01:00Z */
        { "2026-03-28T01:00:05Z", "2026-03-28T09:00:00Z", "2026-03-29T01:00:00Z", berlin      },
        { "2026-03-29T01:00:05Z", "2026-03-29T09:00:00Z", "2026-03-30T00:00:00Z", berlin      },
 /* clocks back: 02:00 is there twice on October 25; once is enough */
        { "2026-10-24T00:00:05Z", "2026-10-24T09:00:00Z", "2026-10-25T00:00:00Z", berlin      },
        { "2026-10-25T00:00:05Z", "2026-10-25T01:00:30Z", "2026-10-26T01:00:00Z", berlin      },
        { "2026-11-25T05:30:05Z", "2026-11-25T23:00:00Z", "2026-11-26T05:30:00Z", newfoundland},
        { "2026-11-25T02:00:00Z", "2026-11-25T02:00:00Z", "2026-11-26T02:00:00Z", utc         },
    };
    struct org_schedule s = { .full_at_min = 120 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct schedule_due d;

        ROW(rows[i].now);
        d = due(&s, at(rows[i].last), NEVER, rows[i].now, rows[i].offset);
        CHECK_INT(d.kind, SCHEDULE_FULL);
        CHECK_STR(text(d.at), rows[i].next);
    }
    ROW("");
    /* 02:30 on the day that has no 02:30 is the moment of the change */
    CHECK_STR(text(schedule_local_instant(at("2026-03-29T00:00:00Z") / (24 * HOUR), 150, berlin)),
              "2026-03-29T01:00:00Z");
    /* and the first of the two on the other */
    CHECK_STR(text(schedule_local_instant(at("2026-10-25T00:00:00Z") / (24 * HOUR), 150, berlin)),
              "2026-10-25T00:30:00Z");
}

/* A year, minute by minute of attention: every run starts when it is due; there is one a local day.
 */
static void test_year(void)
{
    struct org_schedule s = { .full_at_min = 150, .jitter_ms = 20 * MIN };
    struct schedule_last last = { at("2026-01-01T02:00:00Z"), NEVER };
    easg_time now = at("2026-01-01T12:00:00Z");
    easg_time end = at("2026-12-31T12:00:00Z");
    int64_t shortest = INT64_MAX;
    int64_t longest = 0;
    int n = 0;

    while (now < end) {
        struct schedule_due d = schedule_next_due(&s, &last, now, 777, berlin);

        CHECK(d.at > now);
        if (n) {
            shortest = d.at - last.full < shortest ? d.at - last.full : shortest;
            longest = d.at - last.full > longest ? d.at - last.full : longest;
        }
        now = last.full = d.at;
        n++;
    }
    CHECK_INT(n, 365);
    /* from 02:30 to the change at 02:00, and from there to 02:30 the night after */
    CHECK_INT(shortest, 23 * HOUR + 30 * MIN);
    CHECK(longest >= 24 * HOUR && longest <= 25 * HOUR);
}

static void test_jitter(void)
{
    struct org_schedule s = { .full_at_min = 120, .quick_ms = 2 * HOUR, .jitter_ms = 10 * MIN };
    struct schedule_last last = { at("2026-11-24T03:00:00Z"), NEVER };
    easg_time now = at("2026-11-24T23:00:00Z");
    uint64_t seed = schedule_seed("contoso", 42);
    int64_t sum = 0;

    CHECK(seed == schedule_seed("contoso", 42));
    CHECK(seed != schedule_seed("contosp", 42) && seed != schedule_seed("contoso", 43));
    s.quick_ms = 0;
    for (int i = 0; i < 1000; i++) {
        char name[20];
        struct schedule_due d;
        int64_t late;

        snprintf(name, sizeof name, "org-%d", i);
        d = schedule_next_due(&s, &last, now, schedule_seed(name, 1), utc);
        late = d.at - at("2026-11-25T02:00:00Z");
        CHECK(late >= 0 && late <= 10 * MIN);
        sum += late;
    }
    CHECK(sum / 1000 > 4 * MIN && sum / 1000 < 6 * MIN); /* spread, not clumped */
    /* an interval of 5 minutes is not stretched to 15 */
    s = (struct org_schedule){ .quick_ms = 5 * MIN, .full_at_min = -1, .jitter_ms = 10 * MIN };
    CHECK(schedule_next_due(&s, &last, now, UINT64_MAX, utc).at <= last.full + 5 * MIN + 30000);
}

static void test_backoff(void)
{
    int64_t before = 0;

    for (unsigned n = 1; n < 8; n++) {
        int64_t ms = schedule_backoff_ms(n, 5);

        CHECK(ms >= (INT64_C(1) << (n - 1)) * MIN * 3 / 4 || n > 6);
        CHECK(ms <= 75 * MIN && ms >= 45000);
        CHECK(n > 6 || ms > before);
        before = ms;
        CHECK_INT(ms, schedule_backoff_ms(n, 5));
    }
    CHECK(schedule_backoff_ms(1, 5) != schedule_backoff_ms(1, 6));
    CHECK(schedule_backoff_ms(1000000, 1) <= 75 * MIN);
    CHECK_STR(schedule_kind_name(SCHEDULE_FULL), "full");
    CHECK_STR(schedule_kind_name(SCHEDULE_QUICK), "quick");
}

int main(void)
{
    test_intervals();
    test_daily();
    test_year();
    test_jitter();
    test_backoff();
    return check_done();
}
