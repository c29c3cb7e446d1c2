/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread, and the lock with its condition.
 */
#include "check.h"

#include "thread.h"

struct shared {
    struct monitor *m;
    int ball; /* 0: ours, 1: theirs, 2: end */
    int hits;
};

static void play(void *arg)
{
    struct shared *s = arg;

    monitor_enter(s->m);
    for (;;) {
        while (s->ball == 0)
            monitor_wait(s->m, 10000);
        if (s->ball == 2)
            break;
        s->hits++;
        s->ball = 0;
        monitor_wake(s->m);
    }
    monitor_leave(s->m);
}

int main(void)
{
    struct shared s = { monitor_create(), 0, 0 };
    struct thread *t = thread_start(play, &s);

    CHECK(t && s.m);
    monitor_enter(s.m);
    for (int i = 0; i < 1000; i++) {
        s.ball = 1;
        monitor_wake(s.m);
        while (s.ball == 1)
            if (monitor_wait(s.m, 10000)) {
                CHECK_INT(s.ball, 0); /* no answer in ten seconds */
                break;
            }
    }
    s.ball = 2;
    monitor_wake(s.m);
    monitor_leave(s.m);
    thread_join(t);
    CHECK_INT(s.hits, 1000);

    monitor_enter(s.m);
    CHECK_INT(monitor_wait(s.m, 1), 1);
    CHECK_INT(monitor_wait(s.m, 0), 1);
    CHECK_INT(monitor_wait(s.m, -5), 1);
    monitor_leave(s.m);
    monitor_destroy(s.m);
    thread_join(NULL);
    monitor_destroy(NULL);
    return check_done();
}
