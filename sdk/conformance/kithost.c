/* SPDX-License-Identifier: Apache-2.0
 *
 * The kit's host: everything that easgate's own offers, with an eye on what the plugin does. It
 * stands alone, so that what the real host forgives is seen here.
 */
#include <stdio.h>
#include <string.h>

#include "conform.h"

#include "clock.h"
#include "err.h"
#include "text.h"

/* Knows the thread that is in the plugin. */
static _Thread_local struct kithost *inside;

void kithost_enter(struct kithost *h)
{
    inside = h;
}

void kithost_leave(struct kithost *h)
{
    (void)h;
    inside = NULL;
}

static struct kithost *of(const easg_host *host)
{
    return host->opaque;
}

/* 1: right thread and time; else it is counted. */
static int run_only(const easg_host *host, const char *function)
{
    struct kithost *h = of(host);

    if (inside == h)
        return 1;
    atomic_fetch_add(&h->wrong_thread, 1);
    fprintf(stderr, "easgate-conform: %s() was called from the wrong thread\n", function);
    return 0;
}

void kithost_look(struct kithost *h, const char *where, const char *ptr, size_t len)
{
    for (size_t i = 0; ptr && i + sizeof CANARY - 1 <= len; i++)
        if (memcmp(ptr + i, CANARY, sizeof CANARY - 1) == 0) {
            atomic_fetch_add(&h->hygiene, 1);
            fprintf(stderr, "easgate-conform: the secret stands in %s\n", where);
            return;
        }
}

static void EASG_CALL kit_log(const easg_host *host, easg_level level, const char *text, size_t len,
                              const easg_kv *const *fields, size_t n_fields)
{
    struct kithost *h = of(host);

    if (!text || level < EASG_LOG_ERROR || level > EASG_LOG_TRACE || !text_utf8_valid(text, len)) {
        atomic_fetch_add(&h->hygiene, 1);
        fprintf(stderr, "easgate-conform: a log line without text, of no level, or not UTF-8\n");
        return;
    }
    kithost_look(h, "a log line", text, len);
    for (size_t i = 0; fields && i < n_fields; i++) {
        kithost_look(h, "the name of a log field", fields[i]->key.ptr, fields[i]->key.len);
        kithost_look(h, "a log field", fields[i]->value.ptr, fields[i]->value.len);
    }
}

static int32_t EASG_CALL kit_log_enabled(const easg_host *host, easg_level level)
{
    (void)host;
    (void)level;
    return 1;
}

static easg_time EASG_CALL kit_now(const easg_host *host)
{
    (void)host;
    return clock_now();
}

static int64_t EASG_CALL kit_monotonic_ms(const easg_host *host)
{
    (void)host;
    return clock_monotonic_ms();
}

static easg_status EASG_CALL kit_run_info(const easg_host *host, const easg_run *run,
                                          easg_run_info *out)
{
    if (run != &of(host)->run || out->struct_size < sizeof *out)
        return EASG_E_USAGE;
    *out = (easg_run_info){ .struct_size = out->struct_size,
                            .attempt = 1,
                            .org = TEXT_LIT("conform"),
                            .run_id = TEXT_LIT("00000000-0000-4000-8000-000000000000"),
                            .started = clock_now() };
    return EASG_OK;
}

static int32_t EASG_CALL kit_cancelled(const easg_host *host, const easg_run *run)
{
    struct kithost *h = of(host);

    (void)run;
    h->cancel_polls++;
    return h->cancelled || clock_monotonic_ms() >= h->deadline_ms;
}

static int64_t EASG_CALL kit_remaining_ms(const easg_host *host, const easg_run *run)
{
    struct kithost *h = of(host);
    int64_t left = h->deadline_ms - clock_monotonic_ms();

    (void)run;
    h->remaining_polls++;
    return left > 0 ? left : 0;
}

static easg_status EASG_CALL kit_sleep_ms(const easg_host *host, const easg_run *run, int64_t ms)
{
    int64_t end = clock_monotonic_ms() + (ms > 0 ? ms : 0);

    while (clock_monotonic_ms() < end) {
        if (kit_cancelled(host, run))
            return of(host)->cancelled ? EASG_E_CANCELLED : EASG_E_TIMEOUT;
        clock_sleep_ms(5);
    }
    return EASG_OK;
}

/* ---- configuration ------------------------------------------------------------------------------
 */

static const easg_config *EASG_CALL kit_cfg_get(const easg_host *host, const easg_config *node,
                                                const char *path)
{
    return run_only(host, "cfg_get") ? cfg_get(node, path) : NULL;
}

static easg_node_type EASG_CALL kit_cfg_type(const easg_host *host, const easg_config *node)
{
    return run_only(host, "cfg_type") ? cfg_type(node) : EASG_NODE_ABSENT;
}

static size_t EASG_CALL kit_cfg_count(const easg_host *host, const easg_config *node)
{
    return run_only(host, "cfg_count") ? cfg_count(node) : 0;
}

static const easg_config *EASG_CALL kit_cfg_at(const easg_host *host, const easg_config *node,
                                               size_t i)
{
    return run_only(host, "cfg_at") && i < cfg_count(node) ? cfg_at(node, i) : NULL;
}

static easg_status EASG_CALL kit_cfg_key_at(const easg_host *host, const easg_config *node,
                                            size_t i, easg_str *out)
{
    if (!run_only(host, "cfg_key_at"))
        return EASG_E_USAGE;
    if (cfg_type(node) != EASG_NODE_MAP || i >= cfg_count(node))
        return EASG_E_NOTFOUND;
    *out = cfg_key_at(node, i);
    return EASG_OK;
}

static easg_status got(const easg_config *node, int ok)
{
    if (ok)
        return EASG_OK;
    return cfg_type(node) == EASG_NODE_ABSENT ? EASG_E_NOTFOUND : EASG_E_CONFIG;
}

static easg_status EASG_CALL kit_cfg_str(const easg_host *host, const easg_config *node,
                                         easg_str *out)
{
    return run_only(host, "cfg_str") ? got(node, cfg_str(node, out)) : EASG_E_USAGE;
}

static easg_status EASG_CALL kit_cfg_int(const easg_host *host, const easg_config *node,
                                         int64_t *out)
{
    return run_only(host, "cfg_int") ? got(node, cfg_int(node, out)) : EASG_E_USAGE;
}

static easg_status EASG_CALL kit_cfg_bool(const easg_host *host, const easg_config *node,
                                          int32_t *out)
{
    return run_only(host, "cfg_bool") ? got(node, cfg_bool(node, out)) : EASG_E_USAGE;
}

static easg_status EASG_CALL kit_cfg_where(const easg_host *host, const easg_config *node,
                                           easg_str *out)
{
    if (!run_only(host, "cfg_where"))
        return EASG_E_USAGE;
    *out = text_str(cfg_where(node));
    return node ? EASG_OK : EASG_E_NOTFOUND;
}

/* ---- secrets and state ---- */

static easg_status EASG_CALL kit_with_secret(const easg_host *host, const easg_config *node,
                                             easg_bytes_fn use, void *user, easg_error *err)
{
    if (!run_only(host, "with_secret"))
        return err_set(err, EASG_E_USAGE, "with_secret() was called from the wrong thread");
    return cfg_with_secret(node, use, user, err);
}

static struct kitstate *state_of(struct kithost *h, const char *key)
{
    for (size_t i = 0; i < h->n_state; i++)
        if (strcmp(h->state[i].key, key) == 0)
            return &h->state[i];
    return NULL;
}

static easg_status EASG_CALL kit_state_get(const easg_host *host, const easg_run *run,
                                           const char *key, easg_bytes_fn use, void *user,
                                           easg_error *err)
{
    struct kitstate *s;

    (void)run;
    if (!run_only(host, "state_get"))
        return err_set(err, EASG_E_USAGE, "state_get() was called from the wrong thread");
    s = state_of(of(host), key);
    if (!s)
        return err_set(err, EASG_E_NOTFOUND, "there is no state of this name");
    return use(user, (const uint8_t *)s->bytes, s->len);
}

static easg_status EASG_CALL kit_state_put(const easg_host *host, const easg_run *run,
                                           const char *key, const uint8_t *ptr, size_t len,
                                           easg_error *err)
{
    struct kithost *h = of(host);
    struct kitstate *s;
    char *bytes;

    (void)run;
    if (!run_only(host, "state_put"))
        return err_set(err, EASG_E_USAGE, "state_put() was called from the wrong thread");
    kithost_look(h, "a state value", (const char *)ptr, len);
    s = state_of(h, key);
    if (!s && h->n_state == sizeof h->state / sizeof *h->state)
        return err_set(err, EASG_E_LIMIT, "the kit keeps no more state");
    bytes = mem_dup((const char *)ptr, len);
    if (!bytes || (!s && !(h->state[h->n_state].key = mem_strdup(key)))) {
        mem_free(bytes);
        return err_nomem(err);
    }
    if (!s)
        s = &h->state[h->n_state++];
    mem_free(s->bytes);
    s->bytes = bytes;
    s->len = len;
    return EASG_OK;
}

static const void *EASG_CALL kit_get_extension(const easg_host *host, const char *id)
{
    (void)host;
    (void)id;
    return NULL; /* a plugin must live without every one of them */
}

void kithost_init(struct kithost *h, int grown)
{
    memset(h, 0, sizeof *h);
    memset(h->table.room, 0xA5, sizeof h->table.room);
    h->sizes_grown = grown;
    h->run.magic = RUN_MAGIC;
    h->deadline_ms = clock_monotonic_ms() + 600000;
    atomic_init(&h->wrong_thread, 0);
    atomic_init(&h->hygiene, 0);
    h->table.host =
        (easg_host){ .struct_size = (uint32_t)(grown ? sizeof h->table.room : sizeof(easg_host)),
                     .abi_major = EASG_ABI_MAJOR,
                     .abi_minor = (uint16_t)(EASG_ABI_MINOR + (grown ? 1u : 0u)),
                     .opaque = h,
                     .name = "easgate-conform",
                     .version = "1",
                     .log = kit_log,
                     .log_enabled = kit_log_enabled,
                     .now = kit_now,
                     .monotonic_ms = kit_monotonic_ms,
                     .run_info = kit_run_info,
                     .cancelled = kit_cancelled,
                     .remaining_ms = kit_remaining_ms,
                     .sleep_ms = kit_sleep_ms,
                     .cfg_get = kit_cfg_get,
                     .cfg_type = kit_cfg_type,
                     .cfg_count = kit_cfg_count,
                     .cfg_at = kit_cfg_at,
                     .cfg_key_at = kit_cfg_key_at,
                     .cfg_str = kit_cfg_str,
                     .cfg_int = kit_cfg_int,
                     .cfg_bool = kit_cfg_bool,
                     .cfg_where = kit_cfg_where,
                     .with_secret = kit_with_secret,
                     .state_get = kit_state_get,
                     .state_put = kit_state_put,
                     .get_extension = kit_get_extension };
}

void kithost_clear(struct kithost *h)
{
    for (size_t i = 0; i < h->n_state; i++) {
        mem_free(h->state[i].key);
        mem_free(h->state[i].bytes);
    }
    h->n_state = 0;
}
