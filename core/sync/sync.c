/* SPDX-License-Identifier: Apache-2.0
 *
 * sync.c - one run, step by step. Each step reads the tables before it and writes its own; none
 * calls the next. What any of them returns ends the run, and sync_finish() says how.
 */
#include "sync_run.h"

#include "clock.h"

#include <inttypes.h>
#include <string.h>

enum {
    FULL = 1 << SYNC_FULL,
    QUICK = 1 << SYNC_QUICK,
    USER = 1 << SYNC_USER,
    APPLY = 1 << SYNC_APPLY,
    RELEASE = 1 << SYNC_RELEASE,
    ADOPT = 1 << SYNC_ADOPT,
    DEVICE = 1 << SYNC_DEVICE,
    DECIDES = FULL | QUICK | USER,
    ALL = DECIDES | APPLY
};

static const struct {
    const char *name;
    unsigned kinds;
    easg_status (*fn)(struct sync *s, easg_error *err);
} steps[] = {
    { "prepare", ALL | RELEASE | DEVICE,
      sync_prepare },                               /* may we run; modules, endpoints, mailbox */
    { "collect", DECIDES | RELEASE, sync_collect }, /* choose, open, list; shrink guard */
    { "diff", DECIDES | RELEASE, sync_diff },       /* staged rows -> what Exchange has */
    { "facts", ALL, sync_facts },                   /* fetch, shrink guard -> people, managed */
    { "platforms", DECIDES, sync_platforms },       /* can devices be told apart at all */
    { "settle", ALL | RELEASE, sync_settle },       /* what a crash left started */
    { "decide", DECIDES, sync_decide },             /* match and decide -> decisions */
    { "plan", DECIDES, sync_plan },                 /* against the lists; blast guard */
    { "policy", FULL, sync_orgpolicy },             /* what is decided for everybody */
    { "compare", FULL, sync_compare },              /* with a plan that was saved */
    { "approve", APPLY, sync_approve },             /* held actions, judged again */
    { "release", RELEASE, sync_release },           /* the ledger -> what undoes it */
    { "policy", RELEASE, sync_orgpolicy },          /* the same, given back */
    { "device", DEVICE, sync_device_command },      /* what an operator asks for one device */
    { "adopt", ADOPT, sync_adopt_entries },         /* entries of others -> the ledger */
    { "notify", ALL, sync_notify },                 /* mail before a block */
    { "apply", ALL | RELEASE, sync_apply },         /* intent, change, read back -> ledger */
    { "policy-apply", FULL | APPLY | RELEASE, sync_orgapply }, /* the same, one by one */
    { "tell", ALL, sync_tell },                                /* mail after it: allowed again */
    { "digest", ALL, sync_digest },                            /* what the help desk has to know */
    { "publish", ALL | RELEASE, sync_publish },                /* tell the device manager */
    { "prune", FULL, sync_prune }                              /* forget what is too old */
};

int sync_exit_code(easg_status status)
{
    switch (status) {
    case EASG_OK: return SYNC_DONE;
    case EASG_E_UNREACHABLE:
    case EASG_E_TIMEOUT:
    case EASG_E_UNTRUSTED:
    case EASG_E_UNAVAILABLE:
    case EASG_E_THROTTLED:
    case EASG_E_CANCELLED:
    case EASG_E_NOMEM: return SYNC_LATER;
    case EASG_E_AUTH:
    case EASG_E_DENIED:
    case EASG_E_CONFIG: return SYNC_HOLD;
    case EASG_E_USAGE: return SYNC_BUG;
    default: return SYNC_FAILED;
    }
}

static easg_status begin(struct sync *s, easg_error *err)
{
    static const char *const kinds[] = { "full",    "quick", "user",  "apply",
                                         "release", "adopt", "device" };
    struct store_run run = {
        s->o->run_id,  kinds[s->o->kind], s->o->org->mode == ORG_ENFORCE ? "enforce" : "audit",
        s->o->trigger, s->o->dry_run,     s->now
    };
    easg_status st = store_begin_run(s->store, &run, err);

    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "run.started", s->o->org->name, F_STR("kind", run.kind),
                  F_STR("mode", run.mode), F_INT("dry_run", run.dry_run),
                  F_STR("trigger", run.trigger), F_STR("config", s->o->org->digest));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

int sync_run(const struct sync_options *options)
{
    struct store_counts none = STORE_COUNTS_NONE;
    easg_error err = EASG_ERROR_INIT;
    struct sync s;
    easg_status st;
    size_t i;

    memset(&s, 0, sizeof s);
    s.o = options;
    s.store = options->store;
    s.log = options->log;
    s.now = clock_now();
    s.counts = none;
    s.watermark = EASG_TIME_NONE;
    s.facts_at = EASG_TIME_NONE;
    s.step = "start";

    st = begin(&s, &err);
    for (i = 0; st == EASG_OK && i < sizeof steps / sizeof *steps; i++) {
        if (!(steps[i].kinds & 1u << options->kind))
            continue;
        s.step = steps[i].name;
        if (run_cancelled(options->run)) {
            st = err_set(&err, EASG_E_CANCELLED, "the run was stopped before %s", s.step);
            break;
        }
        st = store_set_step(s.store, s.step, &err);
        store_at(s.store, s.step);
        if (st == EASG_OK)
            st = steps[i].fn(&s, &err);
    }
    if (st == EASG_OK && s.failure) { /* done as the failure policy says, and failed all the same */
        st = s.facts_status;
        err_copy(&err, &s.facts_error);
    }
    if (st == EASG_OK && s.policy_status != EASG_OK) {
        st = s.policy_status;
        err_copy(&err, &s.policy_error);
    }
    return sync_finish(&s, st, &err);
}

int sync_writes(const struct sync *s)
{
    return (s->o->org->mode == ORG_ENFORCE || s->o->kind == SYNC_RELEASE) && !s->o->dry_run;
}

/* ---- audit ---- */

static void add_field(struct strbuf *b, const struct log_field *f)
{
    strbuf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", f->key);
    switch (f->type) {
    case LOG_F_STR:
    case LOG_F_STRN:
        if (!f->str) {
            strbuf_adds(b, "null");
            break;
        }
        strbuf_addc(b, '"');
        strbuf_add_json(b, f->str, f->type == LOG_F_STR ? strlen(f->str) : f->len);
        strbuf_addc(b, '"');
        break;
    case LOG_F_STATUS: strbuf_addf(b, "\"%s\"", err_status_name((easg_status)f->num)); break;
    default: strbuf_addf(b, "%" PRId64, f->num); break;
    }
}

easg_status sync_note(struct sync *s, easg_level level, const char *event, const char *subject,
                      const struct log_field *fields, size_t n, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(16000);
    size_t i;

    log_write(s->log, level, event, strlen(event), fields, n);
    strbuf_addc(&b, '{');
    for (i = 0; i < n; i++)
        add_field(&b, &fields[i]);
    strbuf_addc(&b, '}');
    if (strbuf_status(&b) != EASG_OK)
        return err_set(err, strbuf_status(&b), "an audit row of %s is too long", event);
    return store_audit(s->store, event, subject, strbuf_str(&b), err);
}

/* ---- values that plugins keep ---- */

static easg_status state_get(void *user, const char *key, easg_bytes_fn use, void *use_user,
                             easg_error *err)
{
    unsigned char *ptr = NULL;
    size_t len = 0;
    easg_status st = store_get_state(user, key, &ptr, &len, err);

    if (st != EASG_OK)
        return st;
    st = use(use_user, ptr, len);
    mem_free(ptr);
    return st;
}

static easg_status state_put(void *user, const char *key, const uint8_t *ptr, size_t len,
                             easg_error *err)
{
    return store_put_state(user, key, ptr, len, err);
}

struct state_ops sync_state_ops(struct store *store)
{
    struct state_ops ops = { state_get, state_put, store };

    return ops;
}
