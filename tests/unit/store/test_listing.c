/* SPDX-License-Identifier: Apache-2.0
 *
 * test_listing.c - taking in listings: what is new, changed, gone; large ones that are cut off at
 * any point between two commits.
 */
#include "statefile.h"

#include <sys/wait.h>

static int crash_at, crash_seen;

static void hook(void *user, const char *point)
{
    (void)user, (void)point;
    if (crash_at && ++crash_seen == crash_at)
        _exit(99);
}

static easg_status stage(struct store *s, int from, int to, int access, easg_error *err)
{
    easg_status st = EASG_OK;
    char key[32], box[32];
    int i;

    for (i = from; st == EASG_OK && i < to; i++) {
        easg_mailbox m = { .struct_size = sizeof m };

        snprintf(box, sizeof box, "m%d", i);
        m.mailbox_id = text_str(box);
        if (i % 2 == 0)
            st = store_stage_mailbox(s, &m, err);
    }
    for (i = from; st == EASG_OK && i < to; i++) {
        easg_device d = { .struct_size = sizeof d, .access = (easg_access)access };

        snprintf(key, sizeof key, "d%d", i);
        snprintf(box, sizeof box, "m%d", i / 2 * 2);
        d.key = d.device_id = text_str(key);
        d.mailbox_id = text_str(box);
        d.first_sync = d.last_sync = d.changed = 1;
        st = store_stage_device(s, &d, err);
    }
    return st;
}

static easg_status take_in(struct store *s, int from, int to, int access,
                           struct store_seen seen[STORE_KINDS], easg_error *err)
{
    easg_status st = store_begin_listing(s, STORE_EXCHANGE, 1, err);

    if (st == EASG_OK)
        st = stage(s, from, to, access, err);
    if (st == EASG_OK)
        st = store_end_listing(s, STORE_COMPLETE, NULL, seen, err);
    if (st == EASG_OK)
        st = store_promote(s, err);
    if (st == EASG_OK)
        st = store_commit(s, err);
    return st == EASG_OK ? store_collect_garbage(s, err) : st;
}

static void test_counts(void)
{
    struct store_seen seen[STORE_KINDS];
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);

    CHECK_INT(take_in(s, 0, 100, 1, seen, &err), EASG_OK);
    CHECK_INT(seen[STORE_DEVICE].fresh, 100);
    CHECK_INT(seen[STORE_MAILBOX].fresh, 50);
    CHECK_INT(take_in(s, 0, 100, 1, seen, &err), EASG_OK);
    CHECK_INT(seen[STORE_DEVICE].fresh + seen[STORE_DEVICE].changed + seen[STORE_DEVICE].gone, 0);
    CHECK_INT(take_in(s, 10, 110, 2, seen, &err), EASG_OK);
    CHECK_INT(seen[STORE_DEVICE].fresh, 10);
    CHECK_INT(seen[STORE_DEVICE].changed, 90);
    CHECK_INT(seen[STORE_DEVICE].gone, 10);
    /* dropped: as if it had not been */
    CHECK_INT(store_begin_listing(s, STORE_EXCHANGE, 1, &err), EASG_OK);
    CHECK_INT(stage(s, 0, 300, 3, &err), EASG_OK);
    CHECK_INT(store_drop_listing(s, &err), EASG_OK);
    store_close(s);
    CHECK_STR(state_ask("SELECT count(*), count(mailbox), min(access), max(access) FROM v_devices"),
              "100 100 blocked blocked");
    CHECK_STR(state_ask("SELECT count(*) FROM device"), "100"); /* no garbage stays */
    CHECK_STR(state_ask("SELECT count(*) FROM mailbox"), "50");
}

/* A listing of this size is promoted in several transactions. Cut off after each commit in turn,
 * the next open has either the old state or the new one, whole. */
static void test_big_crash(void)
{
    enum { N = 60000 };
    struct store_seen seen[STORE_KINDS];
    easg_error err = EASG_ERROR_INIT;
    const char *got;
    int at, status = 0, old = 0, new = 0;

    for (at = 1; at < 60; at += 1 + at / 4) {
        struct store *s;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            s = state_open(&err);
            if (!s)
                _exit(1);
            crash_at = at;
            store_set_hook(s, hook, NULL);
            if (take_in(s, 0, N, 1 + at % 4, seen, &err) != EASG_OK)
                _exit(2);
            _exit(0);
        }
        if (!CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status)))
            return;
        s = state_open(&err);
        if (!CHECK(s != NULL))
            printf("# %s\n", err.message);
        store_close(s);
        got = state_ask("SELECT count(*), count(mailbox), count(DISTINCT access),"
                        " (SELECT count(*) FROM device), (SELECT count(*) FROM mailbox),"
                        " (SELECT count(*) FROM staged) FROM v_devices");
        if (strcmp(got, "0 0 0 0 0 0") == 0)
            old++;
        else if (CHECK_STR(got, "60000 60000 1 60000 30000 0"))
            new ++;
        if (WEXITSTATUS(status) == 0)
            break;
        CHECK_INT(WEXITSTATUS(status), 99);
    }
    printf("# cut off %d times: %d times nothing, %d times all\n", old + new - 1, old, new);
    CHECK(old > 0 && new > 0 && at < 60);
}

int main(void)
{
    state_begin();
    test_counts();
    state_clean();
    test_big_crash();
    state_end();
    return check_done();
}
