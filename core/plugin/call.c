/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of every call into a module: which thread is in it, what a receiver refused, and the
 * judgement of what came back.
 *
 * A breach of the contract ends the call with EASG_E_USAGE and names the culprit. Slovenly error
 * texts do not: the status says what the caller must do next (EASG_E_AUTH: stop, before the account
 * is locked out), so it is kept and the text is mended.
 */
#include <stdio.h>
#include <string.h>

#include "plugin_internal.h"

#include "err.h"
#include "text.h"

/* Knowing the thread by its own variable needs no thread id and no lock. */
static _Thread_local struct call *current;

struct call *call_current(void)
{
    return current;
}

void call_begin(struct call *c, struct instance_ref *i, struct run_ref *run, const char *op)
{
    c->instance = i;
    c->run = run;
    c->op = op;
    c->refused = EASG_OK;
    c->breach = NULL;
    err_clear(&c->refusal);
    c->outer = current;
    current = c;
}

easg_status call_refuse(struct call *c, easg_status st)
{
    if (c->refused == EASG_OK)
        c->refused = st;
    return c->refused;
}

static easg_status breach(const struct call *c, easg_error *err, easg_status st)
{
    const struct module_ref *m = c->instance->module;

    LOG_ERROR(c->instance->log, "module broke its contract", F_STR("plugin", m->plugin->desc->name),
              F_STR("version", m->plugin->desc->version), F_STR("operation", c->op),
              F_STR("reason", err->message));
    return st;
}

/* The text as it came, or what stands for it. */
static void mend_message(const struct call *c, easg_status st, easg_error *said, easg_error *err)
{
    const char *who = c->instance->module->who;
    size_t len = strnlen(said->message, sizeof said->message);
    char safe[sizeof said->message];
    int clean = len < sizeof said->message && text_utf8_valid(said->message, len);

    for (size_t i = 0; i < len && clean; i++)
        clean = (unsigned char)said->message[i] >= 0x20 && said->message[i] != 0x7f;
    err->domain = said->domain;
    err->native_code = said->native_code;
    err->retry_after_ms = said->retry_after_ms;
    if (len == 0) {
        err_set(err, st, "%s gave no reason for '%s' from %s()", who, err_status_name(st), c->op);
        err->domain = said->domain;
        err->native_code = said->native_code;
    } else if (clean) {
        memcpy(err->message, said->message, len + 1);
    } else {
        text_safe(said->message, len, safe, sizeof safe);
        (void)snprintf(err->message, sizeof err->message, "%s", safe);
    }
}

static easg_status judge(struct call *c, easg_status st, easg_error *said, easg_error *err)
{
    const char *who = c->instance->module->who;
    const char *outside = atomic_exchange(&c->instance->breach, NULL);

    if (outside)
        return breach(c, err,
                      err_set(err, EASG_E_USAGE,
                              "%s called %s() from a thread or at a time when it must not, seen "
                              "in %s()",
                              who, outside, c->op));
    if (c->breach)
        return breach(c, err, err_set(err, EASG_E_USAGE, "%s %s in %s()", who, c->breach, c->op));
    if (c->refused != EASG_OK) {
        if (st == EASG_OK)
            return breach(c, err,
                          err_set(err, EASG_E_USAGE,
                                  "%s returned ok from %s() although it had been refused with "
                                  "'%s': %s",
                                  who, c->op, err_status_name(c->refused), c->refusal.message));
        err_copy(err, &c->refusal);
        if (c->refused == EASG_E_USAGE)
            return breach(c, err, c->refused);
        if (st != c->refused)
            LOG_WARNING(c->instance->log, "module did not pass a refusal on",
                        F_STR("operation", c->op), F_STATUS("refused", c->refused),
                        F_STATUS("returned", st));
        return c->refused;
    }
    if (st > 0)
        return breach(c, err,
                      err_set(err, EASG_E_USAGE, "%s returned %d from %s(), which is no status",
                              who, (int)st, c->op));
    if (st == EASG_OK) {
        if (said->message[0])
            LOG_DEBUG(c->instance->log, "module left a message beside ok",
                      F_STR("operation", c->op));
        return EASG_OK;
    }
    if (st < EASG_E_UNTRUSTED)
        st = EASG_E_FAIL;
    mend_message(c, st, said, err);
    return st;
}

easg_status call_end(struct call *c, easg_status st, easg_error *said, easg_error *err)
{
    current = c->outer;
    return judge(c, st, said, err);
}
