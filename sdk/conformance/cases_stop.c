/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kit asks about ends: cancelling, deadlines, refusals, memory that is gone, changes sent
 * twice, data that break off.
 */
#include <string.h>

#include "conform.h"

#include "clock.h"
#include "err.h"

#define PROMPT_MS 2000

static int not_walked(void)
{
    return failures() ? CASE_PASS : CASE_SKIP;
}

/* A plain walk to compare with; 0: there is none, and it was said why. */
static int baseline(struct subject *s, struct walk *w)
{
    struct kithost h;
    int ok;

    kithost_init(&h, 0);
    ok = subject_walk(s, &h, w);
    kithost_clear(&h);
    w->host = NULL;
    return ok;
}

/* The run was stopped: it said so within the time, or was whole already. */
static void stopped(const struct walk *w, const struct walk *whole, int64_t took, const char *how)
{
    if (took > PROMPT_MS)
        fail("%s: it took %lld ms to return", how, (long long)took);
    if (w->status == EASG_OK && (w->emitted != whole->emitted || w->digest != whole->digest))
        fail("%s: it returned ok with %lu of %lu objects", how, w->emitted, whole->emitted);
    if (w->status != EASG_OK && w->status != EASG_E_CANCELLED && w->status != EASG_E_TIMEOUT)
        fail("%s: it returned '%s' (%s), not 'cancelled' or 'timeout'", how,
             err_status_name(w->status), w->error.message);
}

static int stop_case(struct subject *s, int cancel)
{
    struct kithost h;
    struct walk whole;
    struct walk w;
    int64_t start;

    if (!baseline(s, &whole))
        return not_walked();
    kithost_init(&h, 0);
    if (cancel)
        h.cancelled = 1;
    else
        h.deadline_ms = clock_monotonic_ms();
    subject_walk_init(s, &h, &w);
    start = clock_monotonic_ms();
    walk_run(&w);
    stopped(&w, &whole, clock_monotonic_ms() - start,
            cancel ? "cancelled before it began" : "without any time");
    if (h.cancel_polls + h.remaining_polls == 0 && w.module->kind != KIND_FAILOVER)
        fail("it asked neither cancelled() nor remaining_ms()");
    kithost_clear(&h);
    return CASE_PASS;
}

int case_cancel(struct subject *s)
{
    return stop_case(s, 1);
}

int case_deadline(struct subject *s)
{
    return stop_case(s, 0);
}

int case_refusal(struct subject *s)
{
    static const easg_status with[] = { EASG_E_CANCELLED, EASG_E_LIMIT, EASG_E_FAIL,
                                        EASG_E_CONFLICT };
    struct kithost h;
    struct walk whole;

    if (s->module->kind == KIND_FAILOVER || s->module->kind == KIND_NOTIFIER)
        return skip("a %s has no receivers", kind_word(s->module->kind));
    if (!baseline(s, &whole))
        return not_walked();
    for (size_t i = 0; i < sizeof with / sizeof *with && whole.emitted; i++) {
        const unsigned long at[] = { 1, whole.emitted, 1 + choose_below(whole.emitted) };

        for (size_t j = 0; j < sizeof at / sizeof *at; j++) {
            struct walk w;

            kithost_init(&h, 0);
            subject_walk_init(s, &h, &w);
            w.refuse_at = at[j];
            w.refuse_with = with[i];
            walk_run(&w);
            if (w.emitted != at[j])
                fail("refused at object %lu, it emitted %lu", at[j], w.emitted);
            kithost_clear(&h);
        }
    }
    return CASE_PASS;
}

#define ALLOCATIONS_MAX 3000
#define ALL_UNTIL       150 /* every one of the first, then every few */

int case_memory(struct subject *s)
{
    struct walk whole;
    struct kithost h;
    struct walk w;
    unsigned long n = 1;
    unsigned long tried = 0;

    if (!sys_fail_allocation(0))
        return skip("allocations cannot be made to fail here: build easgate without sanitizers");
    if (!baseline(s, &whole))
        return not_walked();
    for (; n < ALLOCATIONS_MAX && !failures(); tried++) {
        int hit;

        kithost_init(&h, 0);
        subject_walk_init(s, &h, &w);
        (void)sys_fail_allocation(n);
        walk_run(&w);
        hit = sys_allocation_failed();
        (void)sys_fail_allocation(0);
        kithost_clear(&h);
        if (!hit)
            break;
        if (w.status == EASG_OK && (w.emitted != whole.emitted || w.digest != whole.digest))
            fail("allocation %lu failed, and it returned ok with %lu of %lu objects", n, w.emitted,
                 whole.emitted);
        n += n < ALL_UNTIL ? 1 : 1 + choose_below(n / 20);
    }
    note("%lu of %lu allocations were made to fail", tried, n - 1);
    return CASE_PASS;
}

/* Twice the same, with a session of its own each, as after a crash. */
static void twice(struct subject *s, struct walk *w, easg_verb verb, const char *name)
{
    uint64_t first;

    if (s->module->kind == KIND_SOURCE && !(s->module->ops.source.verbs & (1u << verb))) {
        note("does not know how to %s", name);
        return;
    }
    walk_apply(w, verb, 1);
    first = w->digest;
    if (w->status != EASG_OK) {
        fail("%s: '%s': %s", name, err_status_name(w->status), w->error.message);
        return;
    }
    walk_apply(w, verb, 2);
    if (w->status != EASG_OK)
        fail("%s again: '%s': %s", name, err_status_name(w->status), w->error.message);
    else if (w->digest != first)
        fail("%s: the second time gave other results than the first", name);
}

int case_apply(struct subject *s)
{
    struct kithost h;
    struct walk w;
    int ok;

    if (s->module->kind == KIND_SINK || s->module->kind == KIND_FAILOVER)
        return skip("a %s changes nothing", kind_word(s->module->kind));
    if (!s->settings->write)
        return skip("needs --write: it would make changes, and take them back");
    kithost_init(&h, 0);
    ok = subject_walk(s, &h, &w);
    if (ok && s->module->kind == KIND_SOURCE && w.n_devices == 0)
        fail("there is no device to change");
    if (ok && s->module->kind == KIND_NOTIFIER) {
        twice(s, &w, EASG_VERB_ALLOW, "send");
    } else if (ok && w.n_devices) {
        twice(s, &w, EASG_VERB_BLOCK, "block");
        twice(s, &w, EASG_VERB_ALLOW, "allow");
        twice(s, &w, EASG_VERB_WITHDRAW, "withdraw");
    }
    kithost_clear(&h);
    return ok ? CASE_PASS : not_walked();
}

int case_completeness(struct subject *s)
{
    struct subject copy = *s;
    easg_error err = EASG_ERROR_INIT;
    struct cfg_doc *doc = NULL;
    struct kithost h;
    struct walk w;

    if (s->module->kind == KIND_FAILOVER || s->module->kind == KIND_NOTIFIER)
        return skip("a %s lists nothing", kind_word(s->module->kind));
    if (!s->settings->incomplete)
        return skip("needs --incomplete FILE: a configuration whose data break off");
    copy.options = NULL;
    if (cfg_open(s->settings->incomplete, &doc, &err) != EASG_OK ||
        cfg_check_options(cfg_root(doc), s->module->desc.options,
                          (const char *const[]){ "module", "enabled", NULL }, &copy.options,
                          &err) != EASG_OK) {
        fail("%s", err.message);
        cfg_close(doc);
        return CASE_PASS;
    }
    kithost_init(&h, 0);
    subject_walk_init(&copy, &h, &w);
    walk_run(&w);
    if (w.status == EASG_OK)
        fail("its data break off, and it returned ok with %lu objects", w.emitted);
    else
        note("%s: %s", err_status_name(w.status), w.error.message);
    kithost_clear(&h);
    cfg_close(copy.options);
    cfg_close(doc);
    return CASE_PASS;
}
