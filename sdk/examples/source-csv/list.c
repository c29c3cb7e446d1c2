/* SPDX-License-Identifier: Apache-2.0
 *
 * From rows to mailboxes and devices, with what the outbox says laid over them.
 */
#include <string.h>

#include "source_csv.h"

#include "err.h"
#include "plugin_opt.h"
#include "rows.h"
#include "text.h"

#define POLL_EVERY 256

const char *const csv_mailbox_columns[] = { "mailbox_id", "display_name", "sid",
                                               "upn",        "primary_smtp", "smtp",
                                               "allowed",    "blocked",      "eas_disabled",
                                               NULL };
const char *const csv_device_columns[] = { "key",           "device_id",  "mailbox_id",
                                              "type",          "model",      "os",
                                              "friendly_name", "user_agent", "access",
                                              "access_reason", "first_sync", "last_sync",
                                              "changed",       NULL };

/* A list of device ids that is being changed. Elements are borrowed. */
struct id_list {
    const easg_str **ids;
    size_t n, cap;
    int nomem;
};

static void id_add(struct id_list *list, const easg_str *id)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        const easg_str **ids = mem_grow(list->ids, cap, sizeof *ids);

        if (!ids) {
            list->nomem = 1;
            return;
        }
        list->ids = ids;
        list->cap = cap;
    }
    list->ids[list->n++] = id;
}

static void id_remove(struct id_list *list, const easg_str *id)
{
    for (size_t i = 0; i < list->n; i++)
        if (text_ieq(list->ids[i]->ptr, list->ids[i]->len, id->ptr, id->len))
            list->ids[i--] = list->ids[--list->n];
}

struct listing {
    easg_session *session;
    const easg_run *run;
    const easg_query *query;
    const easg_source_receiver *to;
    struct rows *rows;
    unsigned long count;
    struct id_list allowed, blocked;
    easg_str *changed; /* copies of the outbox's ids, for as long as one mailbox takes */
    size_t n_changed, cap_changed;
};

typedef easg_status (*row_fn)(struct listing *in, easg_error *err);

static int wanted(const struct listing *in, const easg_str *mailbox_id)
{
    const easg_query *q = in->query;

    return q->scope != EASG_SCOPE_MAILBOX ||
           (q->mailbox_id.len == mailbox_id->len &&
            memcmp(q->mailbox_id.ptr, mailbox_id->ptr, mailbox_id->len) == 0);
}

/* ---- mailboxes --------------------------------------------------------------------------------
 */

static void lay_over(void *user, const easg_str *device, easg_verb verb)
{
    struct listing *in = user;
    easg_str *copy;

    id_remove(&in->allowed, device);
    id_remove(&in->blocked, device);
    if (verb == EASG_VERB_WITHDRAW)
        return;
    if (in->n_changed == in->cap_changed) {
        in->allowed.nomem = 1; /* room was made for all; this cannot be */
        return;
    }
    copy = &in->changed[in->n_changed++];
    *copy = *device;
    id_add(verb == EASG_VERB_ALLOW ? &in->allowed : &in->blocked, copy);
}

static void count_one(void *user, const easg_str *device, easg_verb verb)
{
    (void)device;
    (void)verb;
    ++*(size_t *)user;
}

static easg_status lists(struct listing *in, easg_mailbox *m, easg_error *err)
{
    const easg_str *const *allowed;
    const easg_str *const *blocked;
    size_t n_allowed;
    size_t n_blocked;
    size_t n = 0;
    easg_status st = rows_list(in->rows, "allowed", &allowed, &n_allowed, err);

    if (st == EASG_OK)
        st = rows_list(in->rows, "blocked", &blocked, &n_blocked, err);
    if (st != EASG_OK)
        return st;
    outbox_each(in->session->outbox, &m->mailbox_id, count_one, &n);
    if (n > in->cap_changed) {
        easg_str *grown = mem_grow(in->changed, n, sizeof *grown);

        if (!grown)
            return err_nomem(err);
        in->changed = grown;
        in->cap_changed = n;
    }
    in->allowed.n = in->blocked.n = in->n_changed = 0;
    for (size_t i = 0; i < n_allowed; i++)
        id_add(&in->allowed, allowed[i]);
    for (size_t i = 0; i < n_blocked; i++)
        id_add(&in->blocked, blocked[i]);
    outbox_each(in->session->outbox, &m->mailbox_id, lay_over, in);
    if (in->allowed.nomem || in->blocked.nomem)
        return err_nomem(err);
    m->allowed = in->allowed.ids;
    m->n_allowed = in->allowed.n;
    m->blocked = in->blocked.ids;
    m->n_blocked = in->blocked.n;
    return EASG_OK;
}

static easg_status mailbox(struct listing *in, easg_error *err)
{
    easg_mailbox m = { .struct_size = (uint32_t)sizeof m };
    int disabled = 0;
    easg_status st = rows_required(in->rows, "mailbox_id", &m.mailbox_id, err);

    if (st != EASG_OK || !wanted(in, &m.mailbox_id))
        return st;
    st = rows_list(in->rows, "smtp", &m.smtp, &m.n_smtp, err);
    if (st == EASG_OK)
        st = rows_bool(in->rows, "eas_disabled", 0, &disabled, err);
    if (st == EASG_OK)
        st = lists(in, &m, err);
    if (st != EASG_OK)
        return st;
    m.flags = disabled ? EASG_MAILBOX_EAS_DISABLED : 0;
    m.display_name = rows_get(in->rows, "display_name");
    m.user_sid = rows_get(in->rows, "sid");
    m.user_upn = rows_get(in->rows, "upn");
    m.primary_smtp = rows_get(in->rows, "primary_smtp");
    return in->to->mailbox(in->to, &m);
}

/* ---- devices ----------------------------------------------------------------------------------
 */

static easg_status times(struct listing *in, easg_device *d, easg_error *err)
{
    easg_status st = rows_time(in->rows, "first_sync", &d->first_sync, err);

    if (st == EASG_OK)
        st = rows_time(in->rows, "last_sync", &d->last_sync, err);
    return st == EASG_OK ? rows_time(in->rows, "changed", &d->changed, err) : st;
}

static easg_status device(struct listing *in, easg_error *err)
{
    static const char *const words[] = { "unknown",     "allowed",   "blocked",
                                         "quarantined", "discovery", NULL };
    easg_device d = { .struct_size = (uint32_t)sizeof d };
    easg_status st = rows_required(in->rows, "key", &d.key, err);

    if (st == EASG_OK)
        st = rows_required(in->rows, "device_id", &d.device_id, err);
    if (st == EASG_OK)
        st = rows_required(in->rows, "mailbox_id", &d.mailbox_id, err);
    if (st != EASG_OK || !wanted(in, &d.mailbox_id))
        return st;
    st = times(in, &d, err);
    if (st == EASG_OK)
        st = rows_word(in->rows, "access", words, EASG_ACCESS_UNKNOWN, &d.access, err);
    if (st != EASG_OK)
        return st;
    if (in->query->scope == EASG_SCOPE_QUICK && d.changed != EASG_TIME_NONE &&
        d.changed < in->query->since)
        return EASG_OK;
    switch (outbox_verb(in->session->outbox, &d.mailbox_id, &d.device_id)) {
    case EASG_VERB_ALLOW: d.access = EASG_ACCESS_ALLOWED; break;
    case EASG_VERB_BLOCK: d.access = EASG_ACCESS_BLOCKED; break;
    default: break;
    }
    d.identity = d.key;
    d.type = rows_get(in->rows, "type");
    d.model = rows_get(in->rows, "model");
    d.os = rows_get(in->rows, "os");
    d.friendly_name = rows_get(in->rows, "friendly_name");
    d.user_agent = rows_get(in->rows, "user_agent");
    d.access_reason = rows_get(in->rows, "access_reason");
    return in->to->device(in->to, &d);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static easg_status each_row(struct listing *in, const easg_str *path, const char *const *columns,
                            row_fn fn, int64_t least, easg_error *err)
{
    const easg_host *host = in->session->module->host;
    easg_status st = rows_open(path->ptr, &in->rows, err);
    int more = 1;

    if (st != EASG_OK)
        return st;
    rows_expect(in->rows, columns);
    in->count = 0;
    while (st == EASG_OK) {
        st = rows_next(in->rows, &more, err);
        if (st != EASG_OK || !more)
            break;
        if (++in->count % POLL_EVERY == 0)
            st = plugin_may_go_on(host, in->run, err);
        if (st == EASG_OK)
            st = fn(in, err);
    }
    if (st == EASG_OK && (int64_t)in->count < least)
        st = rows_error(in->rows, EASG_E_PROTOCOL, err,
                        "the file has %lu rows, at least %lld are expected", in->count,
                        (long long)least);
    rows_close(in->rows);
    return st;
}

easg_status EASG_CALL csv_list(easg_session *session, const easg_run *run, const easg_query *query,
                               const easg_source_receiver *to, easg_error *err)
{
    const easg_instance *self = session->module;
    struct listing in = { .session = session, .run = run, .query = query, .to = to };
    easg_org_settings org = { .struct_size = (uint32_t)sizeof org,
                              .default_access = self->default_access,
                              .org_id = TEXT_LIT("csv"),
                              .server_version = TEXT_LIT("source-csv 1.0.0") };
    easg_status st = plugin_may_go_on(self->host, run, err);

    if (st == EASG_OK)
        st = to->org(to, &org);
    if (st == EASG_OK)
        st = each_row(&in, &self->mailboxes, csv_mailbox_columns, mailbox, self->min_mailboxes,
                      err);
    if (st == EASG_OK)
        st = each_row(&in, &self->devices, csv_device_columns, device, 0, err);
    mem_free(in.allowed.ids);
    mem_free(in.blocked.ids);
    mem_free(in.changed);
    return st;
}
