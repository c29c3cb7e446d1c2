/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.c - the modules. They keep the contract, except where a case tells them not to.
 */
#include "fake.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

struct fake *fake;
const char *const fake_call_names[FAKE_CALLS] = { "open",         "list",      "apply",
                                                  "discover",     "sink-open", "fetch",
                                                  "report",       "send",      "policy-read",
                                                  "policy-write", "describe",  "carry-out" };

void fake_create(void)
{
    fake = mmap(NULL, sizeof *fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fake == MAP_FAILED)
        abort();
    fake->default_access = EASG_ACCESS_ALLOWED;
}

struct fake_mailbox *fake_mailbox(const char *id)
{
    int i;

    for (i = 0; i < FAKE_MAX; i++)
        if (fake->mailboxes[i].used && strcasecmp(fake->mailboxes[i].id, id) == 0)
            return &fake->mailboxes[i];
    return NULL;
}

static int in_list(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    int i;

    for (i = 0; i < FAKE_LIST; i++)
        if (list[i][0] && strcasecmp(list[i], id) == 0)
            return 1;
    return 0;
}

static void put(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    int i;

    for (i = 0; i < FAKE_LIST && !in_list(list, id); i++)
        if (!list[i][0])
            snprintf(list[i], FAKE_TEXT, "%s", id);
}

static void take(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    int i;

    for (i = 0; i < FAKE_LIST; i++)
        if (list[i][0] && strcasecmp(list[i], id) == 0)
            list[i][0] = '\0';
}

easg_access fake_access(const struct fake_device *d)
{
    struct fake_mailbox *m = fake_mailbox(d->mailbox);

    if (m && in_list(m->blocked, d->id))
        return EASG_ACCESS_BLOCKED;
    if (m && in_list(m->allowed, d->id))
        return EASG_ACCESS_ALLOWED;
    return fake->default_access;
}

/* ---- faults ---- */

static easg_status say(easg_error *err, easg_status st, uint32_t retry_ms, const char *text)
{
    if (st == EASG_OK)
        return st;
    err->domain = EASG_DOMAIN_NONE;
    err->native_code = 0;
    err->retry_after_ms = retry_ms;
    snprintf(err->message, sizeof err->message, "%s", text);
    return st;
}

/* A fault whose `after` rows have passed. */
static easg_status fault(enum fake_call call, const char *endpoint, int rows, easg_error *err)
{
    char text[200];
    int i;

    for (i = 0; i < FAKE_FAULTS; i++) {
        struct fake_fault *f = &fake->faults[i];

        if (f->times <= 0 || f->call != call || rows < f->after ||
            (f->endpoint[0] && strcmp(f->endpoint, endpoint) != 0))
            continue;
        f->times--;
        snprintf(text, sizeof text, "%s: the case says so in %s", endpoint, fake_call_names[call]);
        return say(err, f->status, f->retry_ms, text);
    }
    return EASG_OK;
}

easg_status fake_fault(enum fake_call call, easg_error *err)
{
    fake->calls[call]++;
    return fault(call, fake->last_endpoint, 0, err);
}

easg_status fake_say(easg_error *err, easg_status st, const char *text)
{
    return say(err, st, 0, text);
}

/* ---- source ---- */

struct session {
    char endpoint[FAKE_TEXT];
};

static easg_status make_session(const char *endpoint, easg_session **out, easg_error *err)
{
    struct session *s = calloc(1, sizeof *s); /* lint: allow malloc because a plugin has its own */

    if (!s)
        return say(err, EASG_E_NOMEM, 0, "out of memory");
    snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
    *out = (easg_session *)(void *)s;
    return EASG_OK;
}

static const char *endpoint_of(easg_session *s)
{
    return ((struct session *)(void *)s)->endpoint;
}

static easg_status EASG_CALL src_open(easg_instance *self, const easg_run *run,
                                      const easg_endpoint *e, easg_session **out, easg_error *err)
{
    easg_status st;

    (void)self, (void)run;
    fake->calls[FAKE_OPEN]++;
    snprintf(fake->last_endpoint, FAKE_TEXT, "%s", e->id.ptr);
    st = fault(FAKE_OPEN, e->id.ptr, 0, err);
    return st == EASG_OK ? make_session(e->id.ptr, out, err) : st;
}

static void EASG_CALL any_close(easg_session *s)
{
    free(s);
}

static size_t refs(char list[FAKE_LIST][FAKE_TEXT], easg_str *strs, const easg_str **ptrs)
{
    size_t n = 0;
    int i;

    for (i = 0; i < FAKE_LIST; i++)
        if (list[i][0]) {
            strs[n] = text_str(list[i]);
            ptrs[n] = &strs[n];
            n++;
        }
    return n;
}

static easg_status emit_mailbox(const easg_source_receiver *to, struct fake_mailbox *m)
{
    easg_str a[FAKE_LIST], b[FAKE_LIST], smtp;
    const easg_str *pa[FAKE_LIST], *pb[FAKE_LIST], *ps = &smtp;
    easg_mailbox x;

    memset(&x, 0, sizeof x);
    x.struct_size = sizeof x;
    x.mailbox_id = text_str(m->id);
    if (m->ref[0])
        x.ref = text_str(m->ref);
    x.display_name = text_str(m->upn);
    x.user_sid = text_str(m->sid[0] ? m->sid : NULL);
    x.user_upn = text_str(m->upn[0] ? m->upn : NULL);
    smtp = text_str(m->smtp);
    x.primary_smtp = text_str(m->smtp[0] ? m->smtp : NULL);
    x.smtp = m->smtp[0] ? &ps : NULL;
    x.n_smtp = m->smtp[0] ? 1 : 0;
    x.n_allowed = refs(m->allowed, a, pa);
    x.allowed = pa;
    x.n_blocked = refs(m->blocked, b, pb);
    x.blocked = pb;
    return to->mailbox(to, &x);
}

static easg_status emit_device(const easg_source_receiver *to, struct fake_device *d)
{
    struct fake_mailbox *m = fake_mailbox(d->mailbox);
    easg_device x;

    memset(&x, 0, sizeof x);
    x.struct_size = sizeof x;
    x.key = text_str(d->key);
    x.device_id = text_str(d->id);
    x.mailbox_id = text_str(m && m->ref[0] ? m->ref : d->mailbox);
    x.identity = text_str(d->key);
    x.type = text_str(d->type[0] ? d->type : NULL);
    x.os = text_str(d->os[0] ? d->os : NULL);
    x.access = d->access;
    x.first_sync = x.last_sync = fake->now;
    x.changed = d->changed;
    return to->device(to, &x);
}

static int wanted(const easg_query *q, const char *mailbox, easg_time changed)
{
    if (q->scope == EASG_SCOPE_MAILBOX)
        return strcasecmp(q->mailbox_id.ptr, mailbox) == 0;
    return q->scope != EASG_SCOPE_QUICK || changed >= q->since;
}

static easg_status EASG_CALL src_list(easg_session *s, const easg_run *run, const easg_query *q,
                                      const easg_source_receiver *to, easg_error *err)
{
    easg_org_settings o;
    easg_status st;
    int rows = 0, limit = FAKE_MAX, i;

    (void)run;
    fake->calls[FAKE_LISTING]++;
    if (fake->short_list_times > 0 && q->scope == EASG_SCOPE_FULL) {
        fake->short_list_times--;
        limit = fake->short_list++; /* another number each time */
    }
    memset(&o, 0, sizeof o);
    o.struct_size = sizeof o;
    o.default_access = fake->default_access;
    o.org_id = TEXT_LIT("contoso");
    o.server_version = TEXT_LIT("15.2");
    st = q->scope == EASG_SCOPE_MAILBOX ? EASG_OK : to->org(to, &o);
    for (i = 0; st == EASG_OK && i < FAKE_MAX; i++)
        if (fake->mailboxes[i].used && wanted(q, fake->mailboxes[i].id, fake->mailboxes[i].changed))
            st = emit_mailbox(to, &fake->mailboxes[i]);
    for (i = 0; st == EASG_OK && i < FAKE_MAX && rows < limit; i++) {
        struct fake_device *d = &fake->devices[i];

        if (!d->used || !wanted(q, d->mailbox, d->changed))
            continue;
        st = fault(FAKE_LISTING, endpoint_of(s), rows++, err);
        if (st != EASG_OK)
            return st;
        st = emit_device(to, d);
        if (st == EASG_OK && d->twice)
            st = emit_device(to, d);
    }
    if (st == EASG_OK)
        return fault(FAKE_LISTING, endpoint_of(s), FAKE_MAX, err);
    return say(err, st, 0, "the receiver refused");
}

static const struct fake_item *scripted(const char *id)
{
    int i;

    for (i = 0; i < FAKE_FAULTS; i++)
        if (fake->items[i].id[0] && strcasecmp(fake->items[i].id, id) == 0)
            return &fake->items[i];
    return NULL;
}

static void change_lists(struct fake_mailbox *m, const easg_change *c)
{
    int i;

    if (c->verb == EASG_VERB_ALLOW)
        put(m->allowed, c->device_id.ptr);
    else
        take(m->allowed, c->device_id.ptr);
    if (c->verb == EASG_VERB_BLOCK)
        put(m->blocked, c->device_id.ptr);
    else
        take(m->blocked, c->device_id.ptr);
    m->changed = fake->now;
    for (i = 0; i < FAKE_MAX; i++)
        if (fake->devices[i].used && strcasecmp(fake->devices[i].mailbox, m->id) == 0 &&
            strcasecmp(fake->devices[i].id, c->device_id.ptr) == 0)
            fake->devices[i].access = fake_access(&fake->devices[i]);
}

static easg_status answer(const easg_change *c, const easg_result_receiver *to)
{
    const struct fake_item *it = scripted(c->device_id.ptr);
    struct fake_mailbox *m = fake_mailbox(c->mailbox_id.ptr);
    easg_error why;
    easg_item_result r;

    memset(&why, 0, sizeof why);
    why.struct_size = sizeof why;
    memset(&r, 0, sizeof r);
    r.struct_size = sizeof r;
    r.key = c->key;
    if (!m)
        r.status = EASG_E_NOTFOUND;
    else if (it && it->how == ITEM_STATUS)
        r.status = it->status;
    else if (!it || it->how != ITEM_LIE)
        change_lists(m, c);
    if (r.status == EASG_OK || m)
        r.listed =
            (!it || it->how != ITEM_BLIND ? (uint32_t)EASG_LISTED_KNOWN : 0u) |
            (m && in_list(m->allowed, c->device_id.ptr) ? (uint32_t)EASG_LISTED_ALLOWED : 0u) |
            (m && in_list(m->blocked, c->device_id.ptr) ? (uint32_t)EASG_LISTED_BLOCKED : 0u);
    if (it && it->how == ITEM_BLIND)
        r.listed = 0;
    if (r.status != EASG_OK) {
        say(&why, r.status, 0, "the case says so of this item");
        r.error = &why;
    }
    fake->writes++;
    return to->emit(to, &r);
}

static easg_status EASG_CALL src_apply(easg_session *s, const easg_run *run,
                                       const easg_change *const *items, size_t n,
                                       const easg_result_receiver *to, easg_error *err)
{
    easg_status st = EASG_OK;
    size_t i;

    (void)run;
    fake->calls[FAKE_APPLY]++;
    if (fake->writes == 0)
        fake->mails_before = fake->mails;
    for (i = 0; st == EASG_OK && i < n; i++) {
        const char *bad = items[i]->device_id.ptr;

        if (bad[strspn(bad, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")])
            return say(err, EASG_E_USAGE, 0, "an id that is none was to be written");
        st = fault(FAKE_APPLY, endpoint_of(s), (int)i, err);
        if (st != EASG_OK)
            return st;
        st = answer(items[i], to);
    }
    return say(err, st, 0, "the receiver refused");
}

static easg_status EASG_CALL src_discover(easg_session *s, const easg_run *run,
                                          const easg_endpoint_receiver *to, easg_error *err)
{
    easg_status st = fault(FAKE_DISCOVER, endpoint_of(s), 0, err);
    easg_endpoint e;
    int i;

    (void)run;
    fake->calls[FAKE_DISCOVER]++;
    if (st != EASG_OK)
        return st;
    for (i = 0; st == EASG_OK && i < 8; i++) {
        if (!fake->servers[i][0])
            continue;
        memset(&e, 0, sizeof e);
        e.struct_size = sizeof e;
        e.priority = (uint32_t)i + 1;
        e.id = text_str(fake->servers[i]);
        e.url = e.id;
        e.last_ok = e.last_failed = EASG_TIME_NONE;
        st = to->emit(to, &e);
    }
    return say(err, st, 0, "the receiver refused");
}

/* ---- sink ---- */

static easg_status EASG_CALL snk_open(easg_instance *self, const easg_run *run, easg_session **out,
                                      easg_error *err)
{
    easg_status st = fault(FAKE_SINK_OPEN, "mdm", 0, err);

    (void)self, (void)run;
    fake->calls[FAKE_SINK_OPEN]++;
    return st == EASG_OK ? make_session("mdm", out, err) : st;
}

static int in_group(const struct fake_person *p, const easg_str *group)
{
    const char *at = p->groups;

    while (*at) {
        size_t n = strcspn(at, ",");

        if (n == group->len && strncasecmp(at, group->ptr, n) == 0)
            return 1;
        at += n + (at[n] == ',');
    }
    return 0;
}

static easg_status emit_person(const easg_sink_receiver *to, struct fake_person *p,
                               const easg_facts_query *q)
{
    easg_str smtp = text_str(p->smtp);
    const easg_str *ps = &smtp;
    easg_person x;

    memset(&x, 0, sizeof x);
    x.struct_size = sizeof x;
    x.flags = p->flags;
    x.id = text_str(p->id);
    x.sid = text_str(p->sid[0] ? p->sid : NULL);
    x.immutable_id = text_str(p->immutable[0] ? p->immutable : NULL);
    x.language = text_str(p->language[0] ? p->language : NULL);
    x.smtp = p->smtp[0] ? &ps : NULL;
    x.n_smtp = p->smtp[0] ? 1 : 0;
    if (q->n_watch_groups && !fake->deaf)
        x.flags |= EASG_PERSON_WATCHED;
    for (size_t i = 0; i < q->n_watch_groups; i++)
        if (in_group(p, q->watch_groups[i]))
            x.watched |= (uint64_t)1 << i;
    return to->person(to, &x);
}

static easg_status emit_managed(const easg_sink_receiver *to, struct fake_managed *m)
{
    easg_managed_device x;

    memset(&x, 0, sizeof x);
    x.struct_size = sizeof x;
    x.compliance = m->compliance;
    x.management = m->management;
    x.id = text_str(m->id);
    x.eas_id = text_str(m->eas[0] ? m->eas : NULL);
    x.user_id = text_str(m->user[0] ? m->user : NULL);
    x.os = text_str(m->os[0] ? m->os : NULL);
    x.serial = text_str(m->serial[0] ? m->serial : NULL);
    x.enrolled = m->enrolled;
    x.last_seen = fake->now;
    x.grace_until = m->grace_until;
    return to->managed_device(to, &x);
}

static easg_status EASG_CALL snk_fetch(easg_session *s, const easg_run *run,
                                       const easg_facts_query *q, const easg_sink_receiver *to,
                                       easg_error *err)
{
    easg_status st = EASG_OK;
    int limit = FAKE_MAX, n = 0, i;

    (void)s, (void)run;
    fake->calls[FAKE_FETCH]++;
    if (fake->short_fetch_times > 0) {
        fake->short_fetch_times--;
        limit = fake->short_fetch++;
    }
    for (i = 0; st == EASG_OK && i < FAKE_MAX; i++)
        if (fake->people[i].used)
            st = emit_person(to, &fake->people[i], q);
    for (i = 0; st == EASG_OK && i < FAKE_MAX && n < limit; i++) {
        if (!fake->managed[i].used)
            continue;
        st = fault(FAKE_FETCH, "mdm", n++, err);
        if (st != EASG_OK)
            return st;
        st = emit_managed(to, &fake->managed[i]);
    }
    if (st == EASG_OK)
        return fault(FAKE_FETCH, "mdm", FAKE_MAX, err);
    return say(err, st, 0, "the receiver refused");
}

static easg_status EASG_CALL snk_report(easg_session *s, const easg_run *run,
                                        const easg_run_report *r, easg_error *err)
{
    (void)s, (void)run, (void)r;
    fake->calls[FAKE_REPORT]++;
    return fault(FAKE_REPORT, "mdm", 0, err);
}

/* ---- failover and notifier ---- */

static easg_status EASG_CALL fo_choose(easg_instance *self, const easg_run *run,
                                       const easg_endpoint *const *items, size_t n, size_t *chosen,
                                       easg_error *err)
{
    size_t i;

    (void)self, (void)run, (void)err;
    *chosen = 0;
    for (i = 1; i < n; i++)
        if (items[i]->priority < items[*chosen]->priority)
            *chosen = i;
    return EASG_OK;
}

static easg_status EASG_CALL ntf_open(easg_instance *self, const easg_run *run, easg_session **out,
                                      easg_error *err)
{
    (void)self, (void)run;
    return make_session("mail", out, err);
}

static easg_status EASG_CALL ntf_send(easg_session *s, const easg_run *run, const easg_message *m,
                                      easg_error *err)
{
    (void)s, (void)run, (void)m;
    fake->calls[FAKE_SEND]++;
    fake->mails++;
    (void)snprintf(fake->languages + strlen(fake->languages),
                   sizeof fake->languages - strlen(fake->languages), "%s%s",
                   fake->languages[0] ? "," : "", m->language.ptr ? m->language.ptr : "-");
    return fault(FAKE_SEND, "mail", 0, err);
}

/* ---- the plugin ---- */

static int instance;

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    (void)host, (void)cfg, (void)err;
    *out = (easg_instance *)(void *)&instance;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    (void)self;
}

static const easg_option opt_server = {
    sizeof opt_server, EASG_OPT_STRING, 0, 0, "server", NULL, NULL, "The server."
};
static const easg_option opt_password = {
    sizeof opt_password, EASG_OPT_SECRET, 0, 0, "password", NULL, NULL, "A secret."
};
static const easg_option *const src_options[] = { &opt_server, &opt_password, NULL };
static const easg_option *const no_options[] = { NULL };

static const easg_source_ops source_ops = {
    sizeof source_ops, 1u << EASG_VERB_ALLOW | 1u << EASG_VERB_BLOCK | 1u << EASG_VERB_WITHDRAW,
    src_open,          any_close,
    src_list,          src_apply,
    src_discover
};
static const easg_sink_ops sink_ops = { sizeof sink_ops, 0,    snk_open,  any_close,
                                        snk_fetch,       NULL, snk_report };
static const easg_failover_ops failover_ops = { sizeof failover_ops, 0, fo_choose };
static const easg_notifier_ops notifier_ops = { sizeof notifier_ops, 0,        ntf_open,
                                                any_close,           ntf_send, NULL };

#define MODULE(kind, id, options, ops)                                                             \
    {                                                                                              \
        sizeof(easg_module), 0, kind, id, "as a case says", options, ops, create, destroy, NULL    \
    }
static const easg_module source = {
    sizeof(easg_module), 0,           EASG_KIND_SOURCE, "fake",  "as a case says",
    src_options,         &source_ops, create,           destroy, fake_extension
};
static const easg_module sink = MODULE(EASG_KIND_SINK, "fake-mdm", no_options, &sink_ops);
static const easg_module failover =
    MODULE(EASG_KIND_FAILOVER, "fake-order", no_options, &failover_ops);
static const easg_module notifier =
    MODULE(EASG_KIND_NOTIFIER, "fake-mail", no_options, &notifier_ops);
static const easg_module *const modules[] = { &source, &sink, &failover, &notifier, NULL };
static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0), "fake", "1.0.0", "easgate", "Apache-2.0", "https://example.org/", modules
};

const easg_plugin *EASG_CALL fake_entry(const easg_offer *offer)
{
    (void)offer;
    return &plugin;
}
