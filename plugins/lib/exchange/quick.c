/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed since a time. The server filters by WhenChangedUTC, of devices and of mailboxes; a
 * changed device whose mailbox did not change is held back until that mailbox was fetched too,
 * because a device may only name a mailbox that came before. Devices of many mailboxes: all
 * mailboxes are listed instead. More devices than can be held back: everything is.
 *
 * Not every server takes the filter. One that refuses it is asked for everything from then on.
 */
#include <stdio.h>
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"
#include "timestamp.h"

#define MAX_HELD    ((size_t)8 * 1024 * 1024)
#define MAX_FETCHES 50u /* owners fetched one by one: two cmdlets each */

/* A held device: lengths and texts of its strings, one behind the other, then the rest. */
#define N_STRINGS 11u

struct held {
    struct strbuf bytes;
    struct strbuf refs; /* names of the mailboxes that came, each with a NUL */
    size_t devices;
    int full;
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

static int seen(void *user, const easg_mailbox *m)
{
    struct held *h = user;

    strbuf_add(&h->refs, m->ref.ptr, m->ref.len);
    return strbuf_addc(&h->refs, '\0') == EASG_OK;
}

static int was_seen(const struct held *h, const easg_str *ref)
{
    for (size_t at = 0; at < h->refs.len; at += strlen(h->refs.ptr + at) + 1)
        if (text_ieq(h->refs.ptr + at, strlen(h->refs.ptr + at), ref->ptr, ref->len))
            return 1;
    return 0;
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

/* 1: the held devices belong to more than MAX_FETCHES mailboxes. */
static int many_owners(const struct held *h)
{
    easg_str owners[MAX_FETCHES];
    unsigned n = 0;

    for (size_t at = 0, i = 0; i < h->devices; i++) {
        easg_device d;
        easg_kv extra;
        unsigned k = 0;

        unpack(h, &at, &d, &extra);
        while (k < n && !text_ieq(owners[k].ptr, owners[k].len, d.mailbox_id.ptr, d.mailbox_id.len))
            k++;
        if (k < n)
            continue;
        if (n == MAX_FETCHES)
            return 1;
        owners[n++] = d.mailbox_id;
    }
    return 0;
}

static easg_status fetch_owners(struct exch_scan *s, struct held *h, easg_error *err)
{
    easg_device d;
    easg_kv extra;

    for (size_t at = 0, i = 0; i < h->devices; i++) {
        easg_status st;

        unpack(h, &at, &d, &extra);
        if (was_seen(h, &d.mailbox_id))
            continue;
        exch_people_destroy(s->people);
        s->people = NULL;
        /* Each held text has a NUL behind it. */
        st = exch_scan_people(s, d.mailbox_id.ptr, NULL, err);
        if (st == EASG_OK)
            st = exch_scan_mailboxes(s, d.mailbox_id.ptr, NULL, NULL, err);
        if (st == EASG_OK && !was_seen(h, &d.mailbox_id))
            st = err_set(err, EASG_E_PROTOCOL,
                         "Get-CASMailbox: the mailbox of device %s did not come", d.key.ptr);
        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
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
    struct held h = { STRBUF_INIT(MAX_HELD), STRBUF_INIT(MAX_HELD), 0, 0 };
    struct exch_scan s = { .x = x, .to = to, .keep = keep, .seen = seen, .user = &h };
    struct exch_failure failure = { 0 };
    easg_status st = exch_scan_devices(&s, NULL, filter, &failure, err);
    int all = 0;

    if (st != EASG_OK || h.full) {
        *again = h.full || refused_filter(x, &failure, st);
        x->no_filter = *again && !h.full;
        goto out;
    }
    if (many_owners(&h)) {
        all = 1;
        filter = NULL;
        s.seen = NULL;
    }
    st = exch_emit_org(x, to, err);
    if (st == EASG_OK)
        st = exch_scan_people(&s, NULL, filter, err);
    if (st == EASG_OK)
        st = exch_scan_mailboxes(&s, NULL, filter, NULL, err);
    if (st == EASG_OK && !all)
        st = fetch_owners(&s, &h, err);
    if (st == EASG_OK)
        st = emit_held(&h, to, err);
    if (st == EASG_OK)
        exch_log(x, EXCH_INFO, "listed %zu mailboxes and %zu changed devices", s.mailboxes,
                 s.devices);
out:
    exch_scan_clear(&s);
    strbuf_clear(&h.bytes);
    strbuf_clear(&h.refs);
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
