/* SPDX-License-Identifier: Apache-2.0
 *
 * The host function table but for the configuration: log, clocks, the run, secrets, state,
 * extensions. Functions marked [run] ask first whether this thread is in a call of this instance;
 * when it is not, the call under way ends with EASG_E_USAGE, whatever the plugin returns.
 */
#include <stdio.h>
#include <string.h>

#include <easgate/draft/thread_check.h>

#include "plugin_internal.h"

#include "clock.h"
#include "err.h"
#include "strbuf.h"
#include "text.h"

#ifndef EASGATE_VERSION
#define EASGATE_VERSION "0"
#endif

#define LOG_TEXT_MAX  4096
#define LOG_FIELD_MAX 32
#define LOG_KEY_MAX   64
#define STATE_KEY_MAX 128
#define STATE_MAX     ((size_t)64 << 10)

static struct instance_ref *instance_of(const easg_host *host)
{
    struct instance_ref *i = host ? host->opaque : NULL;

    return i && i->magic == INSTANCE_MAGIC ? i : NULL;
}

struct instance_ref *host_in_call(const easg_host *host, const char *function)
{
    struct instance_ref *i = instance_of(host);
    const struct call *c = call_current();

    if (!i)
        return NULL;
    if (c && c->instance == i)
        return i;
    atomic_store(&i->breach, function);
    return NULL;
}

void host_give_error(easg_error *to, const easg_error *from)
{
    uint32_t size;

    if (!to)
        return;
    size = to->struct_size;
    if (size < offsetof(easg_error, message) + 1)
        return;
    memcpy((char *)to + sizeof size, (const char *)from + sizeof size,
           (size < sizeof *from ? size : sizeof *from) - sizeof size);
    if (size < sizeof *from)
        ((char *)to)[size - 1] = '\0';
}

/* ---- log --------------------------------------------------------------------------------------
 */

static const char *log_line(const char *text, size_t len, char *room, size_t size, size_t *out_len)
{
    size_t n = len < size - 1 ? len : size - 1;

    n = text_utf8_cut(text, n);
    memcpy(room, text, n);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)room[i] < 0x20 || room[i] == 0x7f)
            room[i] = ' ';
    while (n > 0 && room[n - 1] == ' ')
        n--;
    room[n] = '\0';
    *out_len = n;
    return room;
}

static int32_t EASG_CALL host_log_enabled(const easg_host *host, easg_level level)
{
    const struct instance_ref *i = instance_of(host);

    if (!i || level < EASG_LOG_ERROR || level > EASG_LOG_TRACE)
        return 0;
    return log_enabled(i->log, level, i->module->desc.id) ? 1 : 0;
}

static void EASG_CALL host_log(const easg_host *host, easg_level level, const char *text,
                               size_t len, const easg_kv *const *fields, size_t n_fields)
{
    const struct instance_ref *i = instance_of(host);
    struct log_field list[LOG_FIELD_MAX];
    char keys[LOG_FIELD_MAX][LOG_KEY_MAX];
    char room[LOG_TEXT_MAX];
    size_t n = 0;

    if (!text || !host_log_enabled(host, level))
        return;
    for (size_t k = 0; fields && k < n_fields && n < LOG_FIELD_MAX; k++) {
        const easg_kv *kv = fields[k];
        size_t key_len;

        if (!kv || kv->struct_size < sizeof *kv || !kv->key.ptr)
            continue;
        log_line(kv->key.ptr, kv->key.len, keys[n], sizeof keys[n], &key_len);
        list[n] =
            (struct log_field){ LOG_F_STRN, keys[n], kv->value.ptr,
                                kv->value.len < LOG_TEXT_MAX ? kv->value.len : LOG_TEXT_MAX, 0 };
        n++;
    }
    text = log_line(text, len, room, sizeof room, &len);
    log_write(i->log, level, text, len, list, n);
}

/* ---- clocks and the run ------------------------------------------------------------------------
 */

static easg_time EASG_CALL host_now(const easg_host *host)
{
    (void)host;
    return clock_now();
}

static int64_t EASG_CALL host_monotonic_ms(const easg_host *host)
{
    (void)host;
    return clock_monotonic_ms();
}

static easg_status EASG_CALL host_run_info(const easg_host *host, const easg_run *run,
                                           easg_run_info *out)
{
    const struct run_ref *r = run_of(run);
    easg_run_info full;
    uint32_t size = out ? out->struct_size : 0;

    (void)host;
    if (!r || size < offsetof(easg_run_info, org))
        return EASG_E_USAGE;
    full = (easg_run_info){ .struct_size = size,
                            .flags = r->flags,
                            .attempt = r->attempt,
                            .org = text_str(r->org),
                            .run_id = text_str(r->run_id),
                            .started = r->started };
    memcpy(out, &full, size < sizeof full ? size : sizeof full);
    return EASG_OK;
}

/* A run that is none of ours must stop: the safe answer. */
static int32_t EASG_CALL host_cancelled(const easg_host *host, const easg_run *run)
{
    const struct run_ref *r = run_of(run);

    (void)host;
    return !r || run_cancelled(r);
}

static int64_t EASG_CALL host_remaining_ms(const easg_host *host, const easg_run *run)
{
    const struct run_ref *r = run_of(run);

    (void)host;
    return r ? run_remaining_ms(r) : 0;
}

static easg_status EASG_CALL host_sleep_ms(const easg_host *host, const easg_run *run, int64_t ms)
{
    struct run_ref *r = run_of(run);
    int64_t end = clock_monotonic_ms();
    easg_status st;

    (void)host;
    if (!r)
        return EASG_E_USAGE;
    end = ms > 0 && end < INT64_MAX - ms ? end + ms : end;
    monitor_enter(r->monitor);
    while (!run_cancelled(r)) {
        int64_t left = end - clock_monotonic_ms();

        if (left <= 0)
            break;
        (void)monitor_wait(r->monitor, left < run_remaining_ms(r) ? left : run_remaining_ms(r));
    }
    st = atomic_load(&r->cancelled) ? EASG_E_CANCELLED
         : run_remaining_ms(r) == 0 ? EASG_E_TIMEOUT
                                    : EASG_OK;
    monitor_leave(r->monitor);
    return st;
}

/* ---- secrets and state -------------------------------------------------------------------------
 */

static easg_status EASG_CALL host_with_secret(const easg_host *host, const easg_config *node,
                                              easg_bytes_fn use, void *user, easg_error *err)
{
    easg_error own = EASG_ERROR_INIT;
    easg_status st;

    if (!host_in_call(host, "with_secret")) {
        st = err_set(&own, EASG_E_USAGE, "with_secret() was called outside the host's call");
    } else if (!use) {
        st = err_set(&own, EASG_E_USAGE, "with_secret() was called without a function");
    } else {
        st = cfg_with_secret(node, use, user, &own);
    }
    if (st != EASG_OK && own.message[0])
        host_give_error(err, &own);
    return st;
}

/* "source/exchange-onprem/KEY", or a status. */
static easg_status state_key(const struct instance_ref *i, const char *key, char *out, size_t size,
                             easg_error *err)
{
    size_t len = key ? strnlen(key, STATE_KEY_MAX + 1) : 0;

    if (len == 0 || len > STATE_KEY_MAX)
        return err_set(err, EASG_E_USAGE, "a state key has 1 to %d characters", STATE_KEY_MAX);
    for (size_t k = 0; k < len; k++)
        if ((unsigned char)key[k] <= 0x20 || (unsigned char)key[k] >= 0x7f)
            return err_set(err, EASG_E_USAGE, "a state key is made of printable ASCII");
    (void)snprintf(out, size, "%s/%s/%s", kind_word(i->module->kind), i->module->desc.id, key);
    return EASG_OK;
}

/* What both state functions check first. */
static easg_status state_begin(const easg_host *host, const easg_run *run, const char *function,
                               const char *key, char *out, size_t size, easg_error *err)
{
    const struct instance_ref *i = host_in_call(host, function);

    if (!i || !run_of(run))
        return err_set(err, EASG_E_USAGE, "%s() was called outside the host's call", function);
    return state_key(i, key, out, size, err);
}

static easg_status EASG_CALL host_state_get(const easg_host *host, const easg_run *run,
                                            const char *key, easg_bytes_fn use, void *user,
                                            easg_error *err)
{
    char full[STATE_KEY_MAX + 128];
    easg_error own = EASG_ERROR_INIT;
    easg_status st = state_begin(host, run, "state_get", key, full, sizeof full, &own);
    const struct run_ref *r = run_of(run);

    if (st == EASG_OK && !use)
        st = err_set(&own, EASG_E_USAGE, "state_get() was called without a function");
    if (st == EASG_OK)
        st = r->state.get ? r->state.get(r->state.user, full, use, user, &own)
                          : err_set(&own, EASG_E_NOTFOUND, "there is no state");
    if (st != EASG_OK && own.message[0])
        host_give_error(err, &own);
    return st;
}

static easg_status EASG_CALL host_state_put(const easg_host *host, const easg_run *run,
                                            const char *key, const uint8_t *ptr, size_t len,
                                            easg_error *err)
{
    char full[STATE_KEY_MAX + 128];
    easg_error own = EASG_ERROR_INIT;
    easg_status st = state_begin(host, run, "state_put", key, full, sizeof full, &own);
    const struct run_ref *r = run_of(run);

    if (st == EASG_OK && !ptr && len)
        st = err_set(&own, EASG_E_USAGE, "state_put() was called with a length and no bytes");
    if (st == EASG_OK && len > STATE_MAX)
        st = err_set(&own, EASG_E_LIMIT, "a state value has at most %zu bytes", STATE_MAX);
    if (st == EASG_OK)
        st = r->state.put ? r->state.put(r->state.user, full, ptr, len, &own)
                          : err_set(&own, EASG_E_UNSUPPORTED, "this run keeps no state");
    if (st != EASG_OK && own.message[0])
        host_give_error(err, &own);
    return st;
}

/* ---- extensions --------------------------------------------------------------------------------
 */

static int32_t EASG_CALL is_run_thread(const easg_host *host)
{
    const struct call *c = call_current();

    return c && host && c->instance == instance_of(host);
}

static const void *EASG_CALL host_get_extension(const easg_host *host, const char *id)
{
    static const easg_host_thread_check thread_check = { .struct_size = sizeof thread_check,
                                                         .is_run_thread = is_run_thread };

    (void)host;
    return id && strcmp(id, EASG_HOST_THREAD_CHECK) == 0 ? &thread_check : NULL;
}

void host_fill(struct instance_ref *i)
{
    i->host = (easg_host){ .struct_size = (uint32_t)sizeof i->host,
                           .abi_major = EASG_ABI_MAJOR,
                           .abi_minor = EASG_ABI_MINOR,
                           .opaque = i,
                           .name = "easgate",
                           .version = EASGATE_VERSION,
                           .log = host_log,
                           .log_enabled = host_log_enabled,
                           .now = host_now,
                           .monotonic_ms = host_monotonic_ms,
                           .run_info = host_run_info,
                           .cancelled = host_cancelled,
                           .remaining_ms = host_remaining_ms,
                           .sleep_ms = host_sleep_ms,
                           .with_secret = host_with_secret,
                           .state_get = host_state_get,
                           .state_put = host_state_put,
                           .get_extension = host_get_extension };
    host_fill_config(&i->host);
}
