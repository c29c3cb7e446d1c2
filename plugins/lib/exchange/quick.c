/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed since a time. The server filters by WhenChangedUTC, of devices and of mailboxes; a
 * changed device whose mailbox did not change is held back until that mailbox was fetched too,
 * because a device may only name a mailbox that came before. Such mailboxes are asked for by name,
 * many in one filter, so that the cost follows the change and not the organisation.
 *
 * Not every server takes every filter. One that refuses WhenChangedUTC is asked for everything from
 * then on; one that refuses DistinguishedName is asked mailbox by mailbox, or, for many, for all of
 * them. More devices than can be held back: everything is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exch_lanes.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"
#include "timestamp.h"

#define MAX_HELD    ((size_t)8 * 1024 * 1024)
#define MAX_FETCHES 50u  /* owners fetched one by one: two cmdlets each */
#define MAX_NAMES   20u  /* owners in one filter */
#define FILTER_ROOM 8192 /* its length */

/* A held device: lengths and texts of its strings, one behind the other, then the rest. */
#define N_STRINGS 11u

/* A mailbox that a held device names. */
struct owner {
    easg_str dn;
    int came;
};

struct held {
    struct strbuf bytes;
    size_t devices;
    int full;
    struct owner *owners; /* in order, each once */
    size_t n_owners;
};

static void strings_of(easg_device *d, easg_str *out[N_STRINGS], easg_str *client)
{
    easg_str *all[N_STRINGS] = {
        &d->key, &d->device_id,     &d->mailbox_id, &d->identity,      &d->type, &d->model,
        &d->os,  &d->friendly_name, &d->user_agent, &d->access_reason, client
    };

    memcpy(out, all, sizeof(all));
}

static int keep(void *user, const easg_device *d)
{
    struct held *h = user;
    easg_device copy = *d;
    easg_str client = d->n_extra ? d->extra[0]->value : (easg_str){ NULL, 0 };
    easg_str *s[N_STRINGS];
    easg_time times[2] = { d->first_sync, d->changed };

    if (h->full)
        return 1;
    strings_of(&copy, s, &client);
    for (size_t i = 0; i < N_STRINGS; i++) {
        uint32_t len = s[i]->ptr ? (uint32_t)s[i]->len : UINT32_MAX;

        strbuf_add(&h->bytes, &len, sizeof(len));
        if (s[i]->ptr)
            strbuf_add(&h->bytes, s[i]->ptr, s[i]->len + 1);
    }
    strbuf_add(&h->bytes, &d->access, sizeof(d->access));
    strbuf_add(&h->bytes, times, sizeof(times));
    h->devices++;
    h->full = strbuf_status(&h->bytes) != EASG_OK; /* the rest is counted and forgotten */
    return 1;
}

/* The device at *at; moves *at behind it. */
static void unpack(const struct held *h, size_t *at, easg_device *d, easg_kv *extra)
{
    easg_str client = { NULL, 0 };
    easg_str *s[N_STRINGS];
    easg_time times[2];

    memset(d, 0, sizeof(*d));
    d->struct_size = sizeof(*d);
    strings_of(d, s, &client);
    for (size_t i = 0; i < N_STRINGS; i++) {
        uint32_t len;

        memcpy(&len, h->bytes.ptr + *at, sizeof(len));
        *at += sizeof(len);
        if (len == UINT32_MAX)
            continue;
        *s[i] = (easg_str){ h->bytes.ptr + *at, len };
        *at += len + 1u;
    }
    memcpy(&d->access, h->bytes.ptr + *at, sizeof(d->access));
    *at += sizeof(d->access);
    memcpy(times, h->bytes.ptr + *at, sizeof(times));
    *at += sizeof(times);
    d->first_sync = times[0];
    d->changed = times[1];
    d->last_sync = EASG_TIME_NONE;
    *extra =
        (easg_kv){ .struct_size = sizeof(*extra), .key = TEXT_LIT("client_type"), .value = client };
}

static int small(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int in_order(const void *a, const void *b)
{
    const easg_str *x = &((const struct owner *)a)->dn;
    const easg_str *y = &((const struct owner *)b)->dn;
    size_t n = x->len < y->len ? x->len : y->len;

    for (size_t i = 0; i < n; i++) {
        int d = small((unsigned char)x->ptr[i]) - small((unsigned char)y->ptr[i]);

        if (d)
            return d;
    }
    return x->len == y->len ? 0 : x->len < y->len ? -1 : 1;
}

/* Owners come first, and once more where they changed too. */
static int is_new(void *user, const easg_mailbox *m)
{
    struct held *h = user;
    struct owner key = { m->ref, 0 };
    struct owner *o =
        h->n_owners ? bsearch(&key, h->owners, h->n_owners, sizeof(key), in_order) : NULL;

    return !o || !o->came++;
}

static easg_status list_owners(struct held *h, easg_error *err)
{
    size_t n = 0;

    h->owners = mem_array(h->devices ? h->devices : 1, sizeof(*h->owners));
    if (!h->owners)
        return err_nomem(err);
    for (size_t at = 0, i = 0; i < h->devices; i++) {
        easg_device d;
        easg_kv extra;

        unpack(h, &at, &d, &extra);
        h->owners[i].dn = d.mailbox_id;
    }
    qsort(h->owners, h->devices, sizeof(*h->owners), in_order);
    for (size_t i = 0; i < h->devices; i++)
        if (i == 0 || in_order(&h->owners[n - 1], &h->owners[i]) != 0)
            h->owners[n++] = h->owners[i];
    h->n_owners = n;
    return EASG_OK;
}

/* 1: the error is about the filter, not about the connection or the rights. */
static int refused_filter(struct exch *x, const struct exch_failure *f, easg_status st)
{
    if (x->broken || !f->set || (st != EASG_E_FAIL && st != EASG_E_DENIED))
        return 0;
    return strstr(f->id, "ParameterBinding") || strstr(f->message, "ilter") ||
           strstr(f->category, "Argument") || strstr(f->message, "WhenChanged") ||
           strstr(f->id, "NamedParameterNotFound") || strstr(f->category, "Parsing");
}

static easg_status fetch(struct exch_scan *s, const char *identity, const char *filter,
                         struct exch_failure *failure, easg_error *err)
{
    easg_status st;

    exch_people_destroy(s->people);
    s->people = NULL;
    st = exch_scan_people(s, identity, filter, err);
    return st == EASG_OK ? exch_scan_mailboxes(s, identity, filter, failure, err) : st;
}

/* "DistinguishedName -eq 'CN=..' -or ..." of the next owners that are missing; 0: none is. */
static size_t name_some(const struct held *h, size_t *at, struct strbuf *filter)
{
    size_t n = 0;

    strbuf_reset(filter);
    for (; *at < h->n_owners && n < MAX_NAMES && filter->len < FILTER_ROOM / 2; (*at)++) {
        const easg_str *dn = &h->owners[*at].dn;

        if (h->owners[*at].came)
            continue;
        strbuf_adds(filter, n++ ? " -or DistinguishedName -eq '" : "DistinguishedName -eq '");
        for (size_t i = 0; i < dn->len; i++) {
            strbuf_addc(filter, dn->ptr[i]);
            if (dn->ptr[i] == '\'')
                strbuf_addc(filter, '\'');
        }
        strbuf_addc(filter, '\'');
    }
    return n;
}

/* ---- owners by name, several filters at work together ---- */

struct naming {
    struct exch_scan *s;
    const struct held *h;
    size_t at; /* owners before it are named */
};

enum step { BEFORE, PEOPLE, MAILBOXES };

struct name_job {
    struct exch_job job; /* first */
    struct naming *n;
    struct exch_scan scan; /* with people of its own */
    struct strbuf filter;
    enum step step;
    struct exch_get get;
    struct exch_listing listing;
};

static int take(struct exch_job *job)
{
    struct name_job *j = (struct name_job *)job;

    j->step = BEFORE;
    return name_some(j->n->h, &j->n->at, &j->filter) > 0;
}

static easg_status next(struct exch_job *job, struct exch *x, const struct exch_call **call,
                        easg_error *err)
{
    struct name_job *j = (struct name_job *)job;
    struct exch_scan *s = &j->scan;
    easg_status st = strbuf_status(&j->filter) == EASG_OK ? EASG_OK : err_nomem(err);

    *call = NULL;
    exch_listing_end(&j->listing);
    if (st != EASG_OK || j->step == MAILBOXES)
        return st;
    s->x = x;
    if (j->step == BEFORE) {
        j->step = PEOPLE;
        exch_people_destroy(s->people);
        s->people = NULL;
        st = exch_get_people(s, NULL, strbuf_str(&j->filter), &j->get, err);
    } else if (s->people) {
        exch_people_seal(s->people);
        j->get.command.name = NULL;
    }
    if (st == EASG_OK && !j->get.command.name) {
        j->step = MAILBOXES;
        st = exch_get_mailboxes(s, NULL, strbuf_str(&j->filter), &j->get, err);
    }
    if (st == EASG_OK)
        st = exch_listing_begin(&j->listing, x, &j->get.command, j->get.names, j->get.fn, s, err);
    *call = &j->listing.call;
    return st;
}

static int ran(struct exch_job *job, struct exch *x, easg_status st, easg_error *err)
{
    return exch_listing_again(&((struct name_job *)job)->listing, x, st, err);
}

static easg_status done(struct exch_job *job, struct exch *x, easg_status st, easg_error *err)
{
    struct name_job *j = (struct name_job *)job;

    (void)x;
    (void)err;
    exch_listing_end(&j->listing);
    return st; /* a listing is whole, or an error */
}

static const struct exch_job_ops name_ops = { take, next, ran, done };

static easg_status fetch_rest(struct naming *n, easg_error *err)
{
    size_t filters = (n->h->n_owners - n->at + MAX_NAMES - 1) / MAX_NAMES;
    size_t most = exch_lanes_max(n->s->x);
    size_t n_jobs = filters < most ? filters : most;
    struct name_job *all = mem_array(n_jobs ? n_jobs : 1, sizeof(*all));
    struct exch_job *jobs[EXCH_LANES + 1];
    easg_status st = EASG_OK;

    if (!all)
        return err_nomem(err);
    for (size_t i = 0; i < n_jobs; i++) {
        all[i].job.ops = &name_ops;
        all[i].n = n;
        all[i].scan = (struct exch_scan){
            .x = n->s->x, .to = n->s->to, .is_new = n->s->is_new, .user = n->s->user
        };
        strbuf_init(&all[i].filter, FILTER_ROOM);
        jobs[i] = &all[i].job;
    }
    if (n_jobs)
        st = exch_lanes_run(n->s->x, jobs, n_jobs, filters, err);
    for (size_t i = 0; i < n_jobs; i++) {
        n->s->mailboxes += all[i].scan.mailboxes;
        exch_scan_clear(&all[i].scan);
        strbuf_clear(&all[i].filter);
    }
    mem_free(all);
    return st;
}

/* Refused can only be the first, which therefore goes alone: nothing was handed on then. */
static easg_status fetch_by_name(struct exch_scan *s, const struct held *h, int *refused,
                                 easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf filter = STRBUF_INIT(FILTER_ROOM);
    struct naming n = { s, h, 0 };
    struct exch_failure failure = { 0 };
    easg_status st;

    *refused = s->x->no_name_filter;
    if (*refused || !name_some(h, &n.at, &filter))
        return EASG_OK;
    if (strbuf_status(&filter) != EASG_OK)
        return err_nomem(err);
    s->failure = &failure;
    st = fetch(s, NULL, strbuf_str(&filter), &failure, err);
    s->failure = NULL;
    if (st == EASG_OK)
        return fetch_rest(&n, err);
    if (!refused_filter(s->x, &failure, st))
        return st;
    exch_log(s->x, EXCH_INFO, "no filter by DistinguishedName: %s", err->message);
    err_clear(err);
    *refused = s->x->no_name_filter = 1;
    return EASG_OK;
}

static easg_status fetch_one_by_one(struct exch_scan *s, const struct held *h, easg_error *err)
{
    easg_status st = EASG_OK;

    /* Each held text has a NUL behind it. */
    for (size_t i = 0; st == EASG_OK && i < h->n_owners; i++)
        if (!h->owners[i].came)
            st = fetch(s, h->owners[i].dn.ptr, NULL, NULL, err);
    return st;
}

static easg_status all_came(const struct held *h, easg_error *err)
{
    char safe[200];

    for (size_t i = 0; i < h->n_owners; i++)
        if (!h->owners[i].came)
            return err_set(err, EASG_E_PROTOCOL,
                           "Get-CASMailbox: the mailbox \"%s\", which a changed device names, did "
                           "not come",
                           text_safe(h->owners[i].dn.ptr, h->owners[i].dn.len, safe, sizeof(safe)));
    return EASG_OK;
}

/* Owners, then what else changed. */
static easg_status mailboxes(struct exch_scan *s, const struct held *h, const char *filter,
                             easg_error *err)
{
    int refused;
    easg_status st = fetch_by_name(s, h, &refused, err);

    if (st == EASG_OK && refused) {
        if (h->n_owners > MAX_FETCHES)
            filter = NULL;
        else
            st = fetch_one_by_one(s, h, err);
    }
    if (st == EASG_OK)
        st = fetch(s, NULL, filter, NULL, err);
    return st == EASG_OK ? all_came(h, err) : st;
}

static easg_status emit_held(const struct held *h, const struct exch_receiver *to, easg_error *err)
{
    for (size_t at = 0, i = 0; i < h->devices; i++) {
        easg_device d;
        easg_kv extra;
        const easg_kv *extras[1] = { &extra };
        easg_status st;

        unpack(h, &at, &d, &extra);
        if (extra.value.ptr) {
            d.extra = extras;
            d.n_extra = 1;
        }
        st = to->device(to->user, &d);
        if (st != EASG_OK)
            return err_set(err, st, "the host refused device %s", d.key.ptr);
    }
    return EASG_OK;
}

/* The filtered device listing comes first: until it is through, nothing was handed on, and the
 * full listing may take its place (*again). */
static easg_status changed(struct exch *x, const char *filter, const struct exch_receiver *to,
                           int *again, easg_error *err)
{
    struct held h = { STRBUF_INIT(MAX_HELD), 0, 0, NULL, 0 };
    struct exch_scan s = { .x = x, .to = to, .keep = keep, .is_new = is_new, .user = &h };
    struct exch_failure failure = { 0 };
    easg_status st = exch_scan_devices(&s, NULL, filter, &failure, err);

    if (st != EASG_OK || h.full) {
        *again = h.full || refused_filter(x, &failure, st);
        x->no_filter = *again && !h.full;
        goto out;
    }
    st = list_owners(&h, err);
    if (st == EASG_OK)
        st = exch_emit_org(x, to, err);
    if (st == EASG_OK)
        st = mailboxes(&s, &h, filter, err);
    if (st == EASG_OK)
        st = emit_held(&h, to, err);
    if (st == EASG_OK)
        exch_log(x, EXCH_INFO, "listed %zu mailboxes and %zu changed devices", s.mailboxes,
                 s.devices);
out:
    exch_scan_clear(&s);
    strbuf_clear(&h.bytes);
    mem_free(h.owners);
    return st;
}

easg_status exch_list_quick(struct exch *x, easg_time since, const struct exch_receiver *to,
                            easg_error *err)
{
    enum exch_cmdlet c =
        x->known[C_GET_MOBILE_DEVICE].present ? C_GET_MOBILE_DEVICE : C_GET_EAS_DEVICE;
    char time[TIMESTAMP_SIZE];
    char filter[80];
    int again = 0;
    easg_status st;

    if (since == EASG_TIME_NONE || x->no_filter || !exch_has(x, c, P_FILTER) ||
        !exch_has(x, C_GET_CAS_MAILBOX, P_FILTER) ||
        (x->known[C_GET_USER].present && !exch_has(x, C_GET_USER, P_FILTER)))
        return exch_list_full(x, to, err);
    timestamp_format(since - since % 1000, time);
    if (strlen(time) < 20)
        return exch_list_full(x, to, err);
    /* "11/25/2026 02:00:00": the session's culture is en-US. */
    (void)snprintf(filter, sizeof(filter), "WhenChangedUTC -gt '%.2s/%.2s/%.4s %.8s'", time + 5,
                   time + 8, time, time + 11);
    st = changed(x, filter, to, &again, err);
    if (!again)
        return st;
    exch_log(x, EXCH_INFO, "listing everything: %s",
             st == EASG_OK ? "too much has changed for a quick scan" : err->message);
    err_clear(err);
    return exch_list_full(x, to, err);
}
