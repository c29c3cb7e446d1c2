/* SPDX-License-Identifier: Apache-2.0
 *
 * decide.c - facts to inputs to a verdict, for every mailbox and device id. The table itself is in
 * core/policy; here its inputs are gathered, and the answer is kept when it is a new one.
 *
 * Partnerships of one mailbox with one id share a list entry, so they share a verdict: the
 * strictest of theirs. What a client claims about itself could otherwise open a way around: a
 * second partnership of the same id that says it is something else.
 */
#include "idregistry.h"
#include "sync_run.h"

#include "clock.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>

enum { CANDIDATES_MAX = 64, VERDICTS = 1024, CLAIMS = 1024, LOOK_AGAIN_MS = 5 * 60000 };

struct candidate {
    int64_t k;
    char id[128];
};

struct cached {
    struct policy_input in;
    int64_t verdict; /* 0: free */
};

struct group {
    int64_t mk, ek;
    int open, skip;
    char *device, *device_id;
    struct policy_input in;
    struct policy_verdict verdict;
    int chosen, cross_user, rule; /* rule: number, or -1 */
    int64_t claims;               /* of the partnership that decided */
};

/* What clients say of themselves, by a hash of it: a few thousand kinds at most. */
struct claims_kept {
    char *text;
    int64_t id;
};

struct decide {
    struct sync *s;
    int stale; /* only groups without a decision, as D01 */
    struct store_mailbox mailbox;
    struct store_person person;
    struct group g;
    struct policy_candidate c[CANDIDATES_MAX];
    struct candidate more[CANDIDATES_MAX];
    size_t n;
    uint32_t listed, ours;
    struct cached *cache;
    size_t cached;
    struct claims_kept *claims;
    easg_time next; /* when the first of them may change by time alone */
    int64_t groups, devices, changed, unmatched;
};

/* ---- verdicts, by number ---- */

static easg_status intern(struct decide *d, const struct policy_input *in,
                          const struct policy_verdict *v, int64_t *id, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf json = STRBUF_INIT(8192);
    size_t i;

    strbuf_addc(&json, '{');
    for (i = 0; policy_input_name(i); i++)
        strbuf_addf(&json, "%s\"%s\":\"%s\"", i ? "," : "", policy_input_name(i),
                    policy_input_value(in, i));
    strbuf_addc(&json, '}');
    if (strbuf_status(&json) != EASG_OK)
        return err_nomem(err);
    return store_intern_verdict(d->s->store, policy_row_name(v->row), v->action,
                                policy_reason_name(v->reason), policy_mail_name(v->mail),
                                strbuf_str(&json), id, err);
}

/* A few hundred different inputs for any number of devices. */
static easg_status verdict_id(struct decide *d, const struct policy_input *in,
                              const struct policy_verdict *v, int64_t *id, easg_error *err)
{
    const unsigned char *p = (const unsigned char *)in;
    uint32_t h = 2166136261u;
    easg_status st;
    size_t i;

    for (i = 0; i < sizeof *in; i++)
        h = (h ^ p[i]) * 16777619u;
    for (i = 0; i < VERDICTS; i++) {
        struct cached *e = &d->cache[(h + i) % VERDICTS];

        if (e->verdict && memcmp(&e->in, in, sizeof *in) == 0) {
            *id = e->verdict;
            return EASG_OK;
        }
        if (e->verdict)
            continue;
        st = intern(d, in, v, id, err);
        if (st == EASG_OK && d->cached < VERDICTS * 3 / 4) {
            e->in = *in;
            e->verdict = *id;
            d->cached++;
        }
        return st;
    }
    return intern(d, in, v, id, err);
}

static easg_status claims_id(struct decide *d, const struct store_device *dev, int64_t *id,
                             easg_error *err)
{
    const easg_str *const parts[] = { &dev->type, &dev->model, &dev->os, &dev->user_agent };
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(64 * 1024);
    struct claims_kept *kept;
    uint32_t h = 2166136261u;
    easg_status st;
    size_t i;

    for (i = 0; i < 4; i++) {
        size_t len = parts[i]->ptr ? parts[i]->len : 0;

        strbuf_addf(&b, "%zu:", len); /* so that no claim can look like two */
        strbuf_add(&b, len ? parts[i]->ptr : "", len);
    }
    for (i = 0; i < b.len; i++)
        h = (h ^ (unsigned char)strbuf_str(&b)[i]) * 16777619u;
    kept = &d->claims[h % CLAIMS];
    if (strbuf_status(&b) == EASG_OK && kept->text && strcmp(kept->text, strbuf_str(&b)) == 0) {
        *id = kept->id;
        return EASG_OK;
    }
    st = store_intern_claims(d->s->store, &dev->type, &dev->model, &dev->os, &dev->user_agent, id,
                             err);
    if (st != EASG_OK || strbuf_status(&b) != EASG_OK)
        return st;
    mem_free(kept->text);
    kept->text = mem_strdup(strbuf_str(&b));
    kept->id = *id;
    return EASG_OK;
}

/* ---- what is known of a group ---- */

/* 1: the id of this record comes from the registry, which gives it to another user. */
static int others_registered(const struct decide *d, const struct store_managed *m)
{
    const char *whose = NULL;
    const char *eas = idregistry_find(d->s->ids, &m->id, &whose);

    return eas && m->eas_id.ptr && text_ieq(eas, strlen(eas), m->eas_id.ptr, m->eas_id.len) &&
           (!d->mailbox.upn ||
            !text_ieq(whose, strlen(whose), d->mailbox.upn, strlen(d->mailbox.upn)));
}

static easg_status on_managed(void *user, const struct store_managed *m, easg_error *err)
{
    struct decide *d = user;
    struct policy_candidate *c;
    struct candidate *x;

    (void)err;
    if (d->n == CANDIDATES_MAX) /* two already make it ambiguous */
        return EASG_OK;
    if (others_registered(d, m))
        return EASG_OK;
    c = &d->c[d->n];
    x = &d->more[d->n];
    memset(c, 0, sizeof *c);
    c->compliance = m->compliance;
    c->management = m->management;
    c->flags = m->flags;
    c->platform = (uint8_t)policy_platform(&m->os, NULL);
    c->eas_only = m->management == EASG_MANAGEMENT_NONE;
    c->same_user = d->person.pk && m->uk == d->person.pk;
    c->exact = m->eas_id.len == strlen(d->g.device_id) &&
               memcmp(m->eas_id.ptr, d->g.device_id, m->eas_id.len) == 0;
    c->enrolled = m->enrolled;
    c->last_seen = m->last_seen;
    c->grace_until = m->grace_until;
    c->ref = m->k;
    c->hardware = (uint64_t)m->hardware;
    x->k = m->k;
    text_safe(m->id.ptr, m->id.len, x->id, sizeof x->id);
    d->n++;
    return EASG_OK;
}

static easg_status load_mailbox(struct decide *d, int64_t mk, easg_error *err)
{
    easg_status st = store_get_mailbox(d->s->store, mk, &d->mailbox, err);

    if (st == EASG_OK)
        st = store_find_person(d->s->store, &d->mailbox, &d->person, err);
    if (st == EASG_OK && d->person.pk == 0)
        d->unmatched++;
    return st;
}

static easg_status open_group(struct decide *d, const struct store_device *dev, easg_error *err)
{
    struct group *g = &d->g;
    easg_status st = EASG_OK;

    g->open = 1;
    g->skip = 0;
    g->mk = dev->mk;
    g->ek = dev->ek;
    g->device = mem_dup(dev->key.ptr, dev->key.len);
    g->device_id = mem_dup(dev->device_id.ptr ? dev->device_id.ptr : "", dev->device_id.len);
    if (!g->device || !g->device_id)
        return err_nomem(err);
    if (d->stale && !d->s->failure) {
        st = store_has_decision(d->s->store, g->mk, g->ek, &g->skip, err);
        if (st != EASG_OK || g->skip)
            return st;
    }
    if (d->mailbox.mk != dev->mk)
        st = load_mailbox(d, dev->mk, err);
    d->n = 0;
    if (st == EASG_OK)
        st = store_each_managed(d->s->store, dev->ek, &dev->device_id, on_managed, d, err);
    if (st == EASG_OK)
        st = store_get_lists(d->s->store, g->mk, d->mailbox.version, g->ek, &d->listed, &d->ours,
                             err);
    return st;
}

/* ---- the verdict ---- */

static int severity(unsigned action)
{
    switch (action) {
    case ACTION_BLOCK: return 4;
    case ACTION_LEAVE: return 3;
    case ACTION_WITHDRAW: return 2;
    default: return 1;
    }
}

/* The local rule that fits; its word becomes an input of the table. */
static int find_rule(const struct decide *d, const struct store_device *dev,
                     struct policy_input *in)
{
    const struct org_config *o = d->s->o->org;
    struct policy_subject s;
    int64_t minute;
    int rule;

    if (!o->n_rules || d->stale)
        return -1;
    memset(&s, 0, sizeof s);
    minute = d->s->now / 60000 + clock_local_offset_min(d->s->now);
    s.user = text_str(d->mailbox.upn);
    s.device_id = dev->device_id;
    s.type = dev->type;
    s.model = dev->model;
    s.os = dev->os;
    s.user_agent = dev->user_agent;
    s.groups = text_str(d->person.pk ? d->person.member_of : NULL);
    s.in = in;
    s.now = d->s->now;
    s.minute = (int)(minute % 1440);
    s.weekday = (unsigned)((minute / 1440 + 3) % 7); /* 1970 began on a Thursday */
    rule = policy_rule_find(o->rules, o->n_rules, &s);
    if (rule >= 0)
        in->rule = o->rules[rule].action;
    return rule;
}

static easg_status judge(struct decide *d, const struct store_device *dev, int first,
                         easg_error *err)
{
    uint32_t foreign = d->listed & ~d->ours;
    struct policy_facts f;
    struct policy_input in;
    struct policy_verdict v;
    int chosen, cross_user, rule;

    memset(&f, 0, sizeof f);
    f.data = d->stale ? DATA_STALE : DATA_OK;
    f.joined = d->person.pk != 0;
    f.licensed = (d->person.flags & EASG_PERSON_LICENSED) != 0;
    f.targeted = (d->person.flags & EASG_PERSON_TARGETED) != 0;
    f.exempt = (d->person.flags & EASG_PERSON_EXEMPT) != 0;
    f.foreign = foreign & EASG_LISTED_BLOCKED   ? FOREIGN_BLOCK
                : foreign & EASG_LISTED_ALLOWED ? FOREIGN_ALLOW
                                                : FOREIGN_NONE;
    f.default_access = d->s->default_access;
    f.device_id = dev->device_id;
    f.device_type = dev->type;
    f.device_os = dev->os;
    f.user_agent = dev->user_agent;
    policy_resolve(&d->s->o->org->policy, &f, d->c, d->n, d->s->now, &in, &chosen, &cross_user);
    if (d->stale && d->s->failure) {
        in.failure = (uint8_t)d->s->failure;
        in.entry = d->listed & d->ours & EASG_LISTED_BLOCKED   ? ENTRY_BLOCK
                   : d->listed & d->ours & EASG_LISTED_ALLOWED ? ENTRY_ALLOW
                                                               : ENTRY_NONE;
    }
    rule = find_rule(d, dev, &in);
    v = policy_decide(&in);
    if (first || severity(v.action) > severity(d->g.verdict.action)) {
        d->g.in = in;
        d->g.verdict = v;
        d->g.chosen = chosen;
        d->g.cross_user = cross_user;
        d->g.rule = rule;
        return claims_id(d, dev, &d->g.claims, err);
    }
    return EASG_OK;
}

static void free_group(struct group *g)
{
    mem_free(g->device);
    mem_free(g->device_id);
    memset(g, 0, sizeof *g);
}

static easg_status close_group(struct decide *d, easg_error *err)
{
    struct group *g = &d->g;
    struct store_decision out;
    int changed = 0;
    easg_status st = EASG_OK;

    if (g->open && !g->skip) {
        memset(&out, 0, sizeof out);
        st = verdict_id(d, &g->in, &g->verdict, &out.verdict, err);
        out.mk = g->mk;
        out.ek = g->ek;
        out.device = g->device;
        out.device_id = g->device_id;
        out.mailbox = d->mailbox.mailbox_id;
        out.user = d->mailbox.upn;
        out.joined = d->person.joined;
        out.person = d->person.pk ? d->person.id : NULL;
        out.candidates = (int64_t)d->n;
        out.cross_user = g->cross_user;
        out.next_change = EASG_TIME_NONE;
        out.facts_at = d->s->facts_at;
        if (g->verdict.row == POLICY_ROW_RULE && g->rule >= 0)
            out.rule = d->s->o->org->rules[g->rule].name;
        out.claims = g->claims;
        out.member_of = d->person.pk && d->person.member_of[0] ? d->person.member_of : NULL;
        out.enrolled = EASG_TIME_NONE;
        if (g->chosen >= 0) {
            out.managed_flags = d->c[g->chosen].flags;
            out.enrolled = d->c[g->chosen].enrolled;
            out.mdk = d->more[g->chosen].k;
            out.managed_device = d->more[g->chosen].id;
            out.next_change =
                policy_next_change(&d->s->o->org->policy, &d->c[g->chosen], d->s->now);
            if (out.next_change != EASG_TIME_NONE &&
                (d->next == EASG_TIME_NONE || out.next_change < d->next))
                d->next = out.next_change;
        }
        if (st == EASG_OK)
            st = store_put_decision(d->s->store, &out, d->s->now, &changed, err);
        d->groups++;
        d->changed += changed;
    }
    free_group(g);
    return st;
}

static easg_status on_device(void *user, const struct store_device *dev, easg_error *err)
{
    struct decide *d = user;
    int first = !d->g.open || d->g.mk != dev->mk || d->g.ek != dev->ek;
    easg_status st = EASG_OK;

    if (first) {
        st = close_group(d, err);
        if (st == EASG_OK)
            st = open_group(d, dev, err);
    }
    if (st != EASG_OK || d->g.skip)
        return st;
    d->devices++;
    return judge(d, dev, first, err);
}

/* ---- the walk ---- */

/* A default that was never told counts as quarantine: compliant devices then get their own entry,
 * which lets nobody out. */
static easg_status load_default(struct sync *s, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *word = NULL;
    easg_status st = store_get_org(s->store, "default_access", &word, err);

    s->default_access = !word                          ? DEFAULT_QUARANTINE
                        : strcmp(word, "allowed") == 0 ? DEFAULT_ALLOW
                        : strcmp(word, "blocked") == 0 ? DEFAULT_BLOCK
                                                       : DEFAULT_QUARANTINE;
    return st;
}

static easg_status walk(struct sync *s, int stale, easg_error *err)
{
    struct decide *d = mem_alloc(sizeof *d);
    easg_status st;

    if (d) {
        d->cache = mem_array(VERDICTS, sizeof *d->cache);
        d->claims = mem_array(CLAIMS, sizeof *d->claims);
    }
    if (!d || !d->cache || !d->claims) {
        if (d) {
            mem_free(d->cache);
            mem_free(d->claims);
        }
        mem_free(d);
        return err_nomem(err);
    }
    d->s = s;
    d->stale = stale;
    d->next = EASG_TIME_NONE;
    st = load_default(s, err);
    if (st == EASG_OK)
        st = store_each_device(s->store, s->only_mk, on_device, d, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 0, err);
    if (st == EASG_OK)
        st = close_group(d, err);
    if (st == EASG_OK &&
        (s->o->kind == SYNC_FULL || s->counts.devices_gone > 0 || s->counts.devices_changed > 0))
        st = store_drop_orphan_decisions(s->store, err);
    if (st == EASG_OK && !stale && !s->only_mk) {
        int64_t unlisted;

        st = store_count_unlisted(s->store, &unlisted, err);
        s->counts.unmatched = d->unmatched + unlisted;
    }
    if (st == EASG_OK && !stale && !s->only_mk)
        st = sync_look_again(s, "next_change_at", d->next, err);
    if (st == EASG_OK && (!stale || d->changed))
        st = NOTE(s, err, EASG_LOG_INFO, "decide.done", s->o->org->name,
                  F_INT("devices", d->devices), F_INT("groups", d->groups),
                  F_INT("changed", d->changed), F_INT("stale", stale),
                  F_INT("unmatched", s->counts.unmatched));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (!stale)
        s->counts.decided = d->devices;
    free_group(&d->g);
    store_clear_mailbox(&d->mailbox);
    for (size_t i = 0; i < CLAIMS; i++)
        mem_free(d->claims[i].text);
    mem_free(d->claims);
    mem_free(d->cache);
    mem_free(d);
    return st;
}

/* Whole minutes, and none right behind this run: a thousand devices with an instant each are no
 * thousand runs. */
easg_status sync_look_again(struct sync *s, const char *name, easg_time at, easg_error *err)
{
    char text[TIMESTAMP_SIZE];

    if (at == EASG_TIME_NONE)
        return store_set_org(s->store, name, NULL, err);
    at = (at + 59999) / 60000 * 60000;
    if (at < s->now + LOOK_AGAIN_MS)
        at = s->now + LOOK_AGAIN_MS;
    return store_set_org(s->store, name, timestamp_format(at, text), err);
}

/* What this run decides by, so that it can be decided again. */
static easg_status keep_basis(struct sync *s, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(1024 * 1024);
    char digest[65];
    easg_status st = cfg_policy_text(s->o->org, &text, digest, err);

    if (st == EASG_OK)
        st = store_begin(s->store, 0, err);
    if (st == EASG_OK)
        st = store_put_basis(s->store, digest, strbuf_str(&text), clock_local_offset_min(s->now),
                             s->facts_at, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

easg_status sync_decide(struct sync *s, easg_error *err)
{
    easg_status st = keep_basis(s, err);

    return st == EASG_OK ? walk(s, s->failure != FAILURE_HOLD, err) : st;
}

easg_status sync_decide_stale(struct sync *s, easg_error *err)
{
    return walk(s, 1, err);
}
