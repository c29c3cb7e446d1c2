/* SPDX-License-Identifier: Apache-2.0
 *
 * The host function table as a plugin sees it, from the right thread and from the wrong one.
 */
#include "check.h"
#include "fake.h"

#include <easgate/draft/thread_check.h>

#include "clock.h"
#include "err.h"
#include "text.h"
#include "thread.h"

#define WHO "source fake-source (plugin fake 1.2.3)"

static char lent[64];

static easg_status EASG_CALL keep_bytes(void *user, const uint8_t *ptr, size_t len)
{
    (void)user;
    (void)snprintf(lent, sizeof lent, "%.*s", (int)len, (const char *)ptr);
    return EASG_OK;
}

/* ---- in a call ---- */

static void use_config(const easg_host *h, const easg_config *cfg)
{
    easg_str s = { NULL, 0 };
    int64_t n = 0;
    int32_t yes = 0;

    CHECK_INT(h->cfg_str(h, h->cfg_get(h, cfg, "name"), &s), EASG_OK);
    CHECK_STR(s.ptr, "grace");
    CHECK_INT(h->cfg_int(h, h->cfg_get(h, cfg, "count"), &n), EASG_OK);
    CHECK_INT(n, 3); /* the default */
    CHECK(h->cfg_get(h, cfg, "nothing") == NULL);
    CHECK_INT(h->cfg_str(h, NULL, &s), EASG_E_NOTFOUND);
    CHECK_INT(h->cfg_bool(h, h->cfg_get(h, cfg, "name"), &yes), EASG_E_CONFIG);
    CHECK_INT(h->cfg_where(h, h->cfg_get(h, cfg, "name"), &s), EASG_OK);
    CHECK_STR(s.ptr, "test.yaml:1:7");
    CHECK_INT(h->cfg_type(h, cfg), EASG_NODE_MAP);
    CHECK(h->cfg_at(h, cfg, 99) == NULL);
    CHECK_INT(h->cfg_key_at(h, cfg, 99, &s), EASG_E_NOTFOUND);
}

static void use_state(const easg_host *h, const easg_run *run)
{
    static const uint8_t bytes[] = "w42";
    static uint8_t big[70000];
    char long_key[200];
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(h->state_get(h, run, "mark", keep_bytes, NULL, &err), EASG_E_NOTFOUND);
    CHECK_STR(err.message, "no state source/fake-source/mark");
    CHECK_INT(h->state_put(h, run, "mark", bytes, 3, &err), EASG_OK);
    CHECK_INT(h->state_get(h, run, "mark", keep_bytes, NULL, &err), EASG_OK);
    CHECK_STR(lent, "w42");
    CHECK_INT(h->state_put(h, run, "big", big, sizeof big, &err), EASG_E_LIMIT);
    CHECK_INT(h->state_put(h, run, "", bytes, 3, &err), EASG_E_USAGE);
    CHECK_INT(h->state_put(h, run, "a b", bytes, 3, &err), EASG_E_USAGE);
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    CHECK_INT(h->state_get(h, run, long_key, keep_bytes, NULL, &err), EASG_E_USAGE);
}

static void use_secret(const easg_host *h, const easg_config *cfg)
{
    easg_error err = EASG_ERROR_INIT;
    easg_error small;

    lent[0] = '\0';
    CHECK_INT(h->with_secret(h, h->cfg_get(h, cfg, "password"), keep_bytes, NULL, &err), EASG_OK);
    CHECK_STR(lent, "s3cret");
    CHECK_INT(h->with_secret(h, NULL, keep_bytes, NULL, &err), EASG_E_CONFIG);
    CHECK(err.message[0] != '\0');
    /* an error struct that ends early is not written behind its end */
    memset(&small, 0x55, sizeof small);
    small.struct_size = 36;
    CHECK_INT(h->with_secret(h, NULL, keep_bytes, NULL, &small), EASG_E_CONFIG);
    CHECK_INT(small.message[35 - offsetof(easg_error, message)], '\0');
    CHECK_INT(small.message[36 - offsetof(easg_error, message)], 0x55);
}

static struct bench *bench;

static void use_log(const easg_host *h)
{
    easg_kv kv = { .struct_size = (uint32_t)sizeof kv,
                   .key = TEXT_LIT("device"),
                   .value = TEXT_LIT("D1") };
    const easg_kv *fields[] = { &kv, NULL };

    h->log(h, EASG_LOG_WARNING, "odd\nline \x1b[31m", 14, fields, 1);
    CHECK_HAS(bench->last_log, "odd line  [31m");
    CHECK_HAS(bench->last_log, "\"device\":\"D1\"");
    CHECK_HAS(bench->last_log, "\"module\":\"fake-source\"");
    CHECK_INT(h->log_enabled(h, EASG_LOG_ERROR), 1);
    CHECK_INT(h->log_enabled(h, 9), 0);
}

static easg_status use_all(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                           easg_error *err)
{
    const easg_host *h = self->host;
    const easg_host_thread_check *check = h->get_extension(h, EASG_HOST_THREAD_CHECK);
    easg_run_info info = { .struct_size = (uint32_t)sizeof info };

    (void)to;
    (void)err;
    use_config(h, self->cfg);
    use_state(h, run);
    use_secret(h, self->cfg);
    use_log(h);
    CHECK_INT(h->run_info(h, run, &info), EASG_OK);
    CHECK_STR(info.org.ptr, "contoso");
    CHECK_INT(info.attempt, 2);
    CHECK_INT(info.started, 1000);
    CHECK(check && check->is_run_thread(h) == 1);
    CHECK(h->get_extension(h, "com.example.nothing/1") == NULL);
    CHECK_INT(h->cancelled(h, run), 0);
    CHECK(h->remaining_ms(h, run) > 0);
    CHECK_INT(h->cancelled(h, NULL), 1);
    CHECK_INT(h->remaining_ms(h, NULL), 0);
    CHECK_INT(h->sleep_ms(h, run, 1), EASG_OK);
    CHECK(h->now(h) > 0);
    CHECK(h->monotonic_ms(h) >= 0);
    return EASG_OK;
}

/* ---- from elsewhere ---- */

static easg_instance *other_self;
static const easg_run *other_run;
static easg_status other_status;

static void elsewhere(void *arg)
{
    const easg_host *h = other_self->host;
    easg_error err = EASG_ERROR_INIT;

    (void)arg;
    h->log(h, EASG_LOG_INFO, "from a thread", 13, NULL, 0); /* [any] */
    CHECK_INT(h->cancelled(h, other_run), 0);
    other_status = h->state_get(h, other_run, "mark", keep_bytes, NULL, &err);
    CHECK_STR(err.message, "state_get() was called outside the host's call");
}

static easg_status use_thread(easg_instance *self, const easg_run *run,
                              const easg_source_receiver *to, easg_error *err)
{
    struct thread *t;

    (void)to;
    (void)err;
    other_self = self;
    other_run = run;
    t = thread_start(elsewhere, NULL);
    CHECK(t != NULL);
    thread_join(t);
    return EASG_OK;
}

/* ---- cancelling ---- */

static struct run_ref *to_cancel;

static void cancel_soon(void *arg)
{
    (void)arg;
    run_cancel(to_cancel);
}

static easg_status sleep_long(easg_instance *self, const easg_run *run,
                              const easg_source_receiver *to, easg_error *err)
{
    struct thread *t = thread_start(cancel_soon, NULL);
    easg_status st = self->host->sleep_ms(self->host, run, 600000);

    (void)to;
    thread_join(t);
    return err_set(err, st, "woken");
}

static void test_deadline(struct bench *b)
{
    struct run_options ro = { .org = "contoso",
                              .run_id = "x",
                              .deadline_ms = clock_monotonic_ms() - 1 };
    struct run_ref *run = NULL;
    struct session_ref *s = NULL;
    struct source_sink to = { 0 };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(run_create(&ro, &run, &err), EASG_OK);
    CHECK_INT(run_cancelled(run), 1);
    CHECK_INT(run_remaining_ms(run), 0);
    to_cancel = b->run; /* another run: this one ends by its deadline */
    fake.list = sleep_long;
    CHECK_INT(source_open(b->instance, run, NULL, &s, &err), EASG_OK);
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_TIMEOUT);
    session_close(s);
    run_destroy(run);
}

int main(void)
{
    struct session_ref *s = NULL;
    struct source_sink to = { 0 };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    easg_error err = EASG_ERROR_INIT;
    struct bench b;

    if (setenv("FAKE_SECRET", "s3cret", 1) != 0)
        return 1;
    bench = &b;
    bench_open(&b, EASG_KIND_SOURCE, "fake-source", "name: grace\npassword: env:FAKE_SECRET\n");
    run_set_attempt(b.run, 2);
    CHECK_STR(instance_id(b.instance), "fake-source");
    CHECK(instance_get_extension(b.instance, "easg.source.none/1") == NULL);
    CHECK_INT(source_open(b.instance, b.run, NULL, &s, &err), EASG_OK);
    fake.list = use_all;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_OK);
    CHECK_STR(err.message, "");
    fake.list = use_thread;
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_USAGE);
    CHECK_INT(other_status, EASG_E_USAGE);
    CHECK_STR(err.message, WHO " called state_get() from a thread or at a time when it must not, "
                               "seen in list()");
    test_deadline(&b);
    to_cancel = b.run;
    CHECK_INT(run_cancelled(b.run), 1); /* by the thread of test_deadline */
    CHECK_INT(source_list(s, &q, &to, &err), EASG_E_CANCELLED);
    session_close(s);
    bench_close(&b);
    return check_done();
}
