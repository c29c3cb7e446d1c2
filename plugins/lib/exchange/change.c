/* SPDX-License-Identifier: Apache-2.0
 *
 * Access changes: Set-CASMailbox with both lists in one call a mailbox.
 *
 * For each mailbox: read the lists, send only what differs (to add what is there or to remove what
 * is not would be an error of the directory), read again, compare. So it does not matter how often
 * an item comes. An id that is removed is sent as the list spells it. Each mailbox is one job of
 * lanes.c: several may be at work together, never two of one mailbox.
 */
#include <string.h>

#include "exch_lanes.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define MAX_IDS   4096u /* of one list */
#define MAX_SEND  128u  /* ids in one Set-CASMailbox */
#define LIST_ROOM ((size_t)1024 * 1024)

enum { ALLOWED, BLOCKED };

/* Both lists of one mailbox, copied out of the answer. */
struct lists {
    const char *want; /* GUID */
    unsigned came;
    struct strbuf bytes[2]; /* ids, each with a NUL */
    size_t n[2];
};

static const char *find(const struct lists *l, int which, const easg_str *id)
{
    const struct strbuf *b = &l->bytes[which];

    for (size_t at = 0; at < b->len; at += strlen(b->ptr + at) + 1)
        if (text_ieq(b->ptr + at, strlen(b->ptr + at), id->ptr, id->len))
            return b->ptr + at;
    return NULL;
}

static easg_status on_lists(void *user, const struct clixml_record *r, easg_error *err)
{
    struct lists *l = user;
    struct exch_mailbox_room room = { .max_smtp = 0 };
    easg_mailbox m;
    easg_status st = exch_mailbox(r, NULL, &room, &m, err);

    if (st == EASG_OK && strcmp(room.guid, l->want) != 0)
        st =
            err_set(err, EASG_E_PROTOCOL,
                    "Get-CASMailbox: asked for mailbox %s, the server gave %s", l->want, room.guid);
    if (st == EASG_OK && (m.n_allowed > MAX_IDS || m.n_blocked > MAX_IDS))
        st = err_set(err, EASG_E_LIMIT, "mailbox %s has more than %u personal exemptions", l->want,
                     MAX_IDS);
    for (int which = ALLOWED; st == EASG_OK && which <= BLOCKED; which++) {
        const easg_str *const *ids = which == ALLOWED ? m.allowed : m.blocked;

        l->n[which] = which == ALLOWED ? m.n_allowed : m.n_blocked;
        strbuf_reset(&l->bytes[which]);
        for (size_t i = 0; i < l->n[which]; i++) {
            strbuf_add(&l->bytes[which], ids[i]->ptr, ids[i]->len);
            strbuf_addc(&l->bytes[which], '\0');
        }
        if (strbuf_status(&l->bytes[which]) != EASG_OK)
            st = err_nomem(err);
    }
    l->came++;
    exch_mailbox_room_clear(&room);
    return st;
}

/* What one Set-CASMailbox sends: for each list, ids to add and to remove. */
struct difference {
    struct psrp_value add[2][MAX_SEND];
    struct psrp_value remove[2][MAX_SEND];
    size_t n_add[2];
    size_t n_remove[2];
    size_t n;
};

static int repeated(const struct psrp_value *v, size_t n, const easg_str *id)
{
    while (n--)
        if (text_ieq(v[n].text.ptr, v[n].text.len, id->ptr, id->len))
            return 1;
    return 0;
}

static void want_in(struct difference *d, const struct lists *l, int which, const easg_str *id)
{
    if (find(l, which, id) || repeated(d->add[which], d->n_add[which], id))
        return;
    d->add[which][d->n_add[which]++] = PSRP_V_TEXT(*id);
    d->n++;
}

static void want_out(struct difference *d, const struct lists *l, int which, const easg_str *id)
{
    const char *there = find(l, which, id);

    if (!there || repeated(d->remove[which], d->n_remove[which], id))
        return;
    d->remove[which][d->n_remove[which]++] = PSRP_V_TEXT(text_str(there));
    d->n++;
}

static void want(struct difference *d, const struct lists *l, const easg_change *c)
{
    if (c->verb == EASG_VERB_ALLOW)
        want_in(d, l, ALLOWED, &c->device_id);
    else
        want_out(d, l, ALLOWED, &c->device_id);
    if (c->verb == EASG_VERB_BLOCK)
        want_in(d, l, BLOCKED, &c->device_id);
    else
        want_out(d, l, BLOCKED, &c->device_id);
}

/* The Set-CASMailbox of one mailbox, with all that it points to. */
struct set_call {
    struct psrp_value hash[2][2];
    const char *keys[2][2];
    struct psrp_parameter p[4];
    struct psrp_command command;
    struct exch_call call;
};

static void write_set(struct set_call *c, const struct lists *l, const struct difference *d)
{
    static const char *const names[2] = { "ActiveSyncAllowedDeviceIDs",
                                          "ActiveSyncBlockedDeviceIDs" };
    size_t k = 0;

    c->p[k++] = (struct psrp_parameter){ "Identity", PSRP_V_TEXT(text_str(l->want)) };
    for (int which = ALLOWED; which <= BLOCKED; which++) {
        size_t n = 0;

        if (d->n_add[which]) {
            c->keys[which][n] = "Add";
            c->hash[which][n++] = PSRP_V_ARRAY(d->add[which], d->n_add[which]);
        }
        if (d->n_remove[which]) {
            c->keys[which][n] = "Remove";
            c->hash[which][n++] = PSRP_V_ARRAY(d->remove[which], d->n_remove[which]);
        }
        if (n)
            c->p[k++] = (struct psrp_parameter){
                names[which],
                { .kind = PSRP_HASH, .items = c->hash[which], .keys = c->keys[which], .n = n }
            };
    }
    c->p[k++] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    c->command = (struct psrp_command){ exch_cmdlet_names[C_SET_CAS_MAILBOX], c->p, k };
    c->call = (struct exch_call){ .commands = &c->command, .n = 1, .flags = EXCH_WRITES };
}

/* ---- results ---- */

struct batch {
    exch_result_fn emit;
    void *user;
    const easg_change *const *items;
    size_t n;
    size_t first; /* all before it are taken up */
    unsigned char *taken;
    easg_status refused; /* by the host, with *err; nothing more is taken up */
    easg_error *err;
};

static easg_status answer(const struct batch *b, const easg_change *c, uint32_t listed,
                          easg_status status, const easg_error *err, easg_error *out)
{
    easg_item_result result = { .struct_size = sizeof(result),
                                .status = status,
                                .listed = listed,
                                .key = c->key,
                                .error = status == EASG_OK ? NULL : err };
    easg_status st = b->emit(b->user, &result);

    return st == EASG_OK ? EASG_OK : err_set(out, st, "the host refused a result");
}

static easg_status answer_read_back(const struct batch *b, const struct lists *l,
                                    const easg_change *c, easg_error *err)
{
    easg_error wrong = EASG_ERROR_INIT;
    uint32_t listed = EASG_LISTED_KNOWN;
    uint32_t wanted = EASG_LISTED_KNOWN;
    easg_status st = EASG_OK;

    if (find(l, ALLOWED, &c->device_id))
        listed |= EASG_LISTED_ALLOWED;
    if (find(l, BLOCKED, &c->device_id))
        listed |= EASG_LISTED_BLOCKED;
    if (c->verb == EASG_VERB_ALLOW)
        wanted |= EASG_LISTED_ALLOWED;
    if (c->verb == EASG_VERB_BLOCK)
        wanted |= EASG_LISTED_BLOCKED;
    if (listed != wanted)
        st = err_set(&wrong, EASG_E_CONFLICT,
                     "Set-CASMailbox: mailbox %s reads back without the change: another tool may "
                     "write these lists, or a domain controller lags behind",
                     l->want);
    return answer(b, c, listed, st, &wrong, err);
}

static easg_status check(const easg_change *c, char guid[WSMAN_GUID_TEXT], easg_error *err)
{
    if (c->verb != EASG_VERB_ALLOW && c->verb != EASG_VERB_BLOCK && c->verb != EASG_VERB_WITHDRAW)
        return err_set(err, EASG_E_UNSUPPORTED, "unknown change %u", (unsigned)c->verb);
    if (!exch_guid(&c->mailbox_id, guid))
        return err_set(err, EASG_E_USAGE,
                       "a change names its mailbox by something that is no GUID");
    if (text_blank(&c->device_id) || c->device_id.len > 1024)
        return err_set(err, EASG_E_USAGE, "a change of mailbox %s has no device id", guid);
    return EASG_OK;
}

/* ---- one mailbox ---- */

enum step { BEFORE, READ, SET, READ_BACK };

struct change_job {
    struct exch_job job; /* first */
    struct batch *b;
    size_t mine[MAX_SEND];
    size_t n_mine;
    char guid[WSMAN_GUID_TEXT];
    enum step step;
    struct lists l;
    struct difference d;
    struct psrp_parameter identity;
    struct exch_listing read;
    struct set_call set;
};

/* All items of the next mailbox, up to MAX_SEND of them. */
static int take(struct exch_job *job)
{
    struct change_job *j = (struct change_job *)job;
    struct batch *b = j->b;
    easg_error wrong = EASG_ERROR_INIT;

    for (; b->first < b->n && b->refused == EASG_OK; b->first++) {
        easg_status st;

        if (b->taken[b->first])
            continue;
        st = check(b->items[b->first], j->guid, &wrong);
        if (st == EASG_OK)
            break;
        b->taken[b->first] = 1;
        b->refused = answer(b, b->items[b->first], 0, st, &wrong, b->err);
        err_clear(&wrong);
    }
    if (b->first >= b->n || b->refused != EASG_OK)
        return 0;
    j->n_mine = 0;
    for (size_t i = b->first; i < b->n && j->n_mine < MAX_SEND; i++) {
        char other[WSMAN_GUID_TEXT];

        if (b->taken[i] || check(b->items[i], other, &wrong) != EASG_OK ||
            strcmp(j->guid, other) != 0)
            continue;
        j->mine[j->n_mine++] = i;
        b->taken[i] = 1;
    }
    j->step = BEFORE;
    j->l.want = j->guid;
    memset(&j->d, 0, sizeof(j->d));
    return 1;
}

static easg_status read_lists(struct change_job *j, struct exch *x, const struct exch_call **call,
                              easg_error *err)
{
    struct psrp_command command = { exch_cmdlet_names[C_GET_CAS_MAILBOX], &j->identity, 1 };

    j->l.came = 0;
    j->identity = (struct psrp_parameter){ "Identity", PSRP_V_TEXT(text_str(j->guid)) };
    *call = &j->read.call;
    return exch_listing_begin(&j->read, x, &command, exch_mailbox_names, on_lists, &j->l, err);
}

static easg_status came_once(struct change_job *j, easg_error *err)
{
    exch_listing_end(&j->read);
    return j->l.came == 1
               ? EASG_OK
               : err_set(err, j->l.came ? EASG_E_PROTOCOL : EASG_E_NOTFOUND,
                         "Get-CASMailbox: asked for mailbox %s, %u came", j->guid, j->l.came);
}

static easg_status next(struct exch_job *job, struct exch *x, const struct exch_call **call,
                        easg_error *err)
{
    struct change_job *j = (struct change_job *)job;
    easg_status st = EASG_OK;

    *call = NULL;
    switch (j->step) {
    case BEFORE: j->step = READ; return read_lists(j, x, call, err);
    case READ:
        st = came_once(j, err);
        for (size_t i = 0; st == EASG_OK && i < j->n_mine; i++)
            want(&j->d, &j->l, j->b->items[j->mine[i]]);
        if (st != EASG_OK || !j->d.n)
            return st;
        j->step = SET;
        write_set(&j->set, &j->l, &j->d);
        *call = &j->set.call;
        return EASG_OK;
    case SET: j->step = READ_BACK; return read_lists(j, x, call, err);
    default: return came_once(j, err);
    }
}

static int ran(struct exch_job *job, struct exch *x, easg_status st, easg_error *err)
{
    struct change_job *j = (struct change_job *)job;

    return (j->step == READ || j->step == READ_BACK) && exch_listing_again(&j->read, x, st, err);
}

static easg_status done(struct exch_job *job, struct exch *x, easg_status st, easg_error *err)
{
    struct change_job *j = (struct change_job *)job;

    exch_listing_end(&j->read);
    /* The change went out: without the read-back nobody knows. */
    if (st != EASG_OK && j->step >= SET && x->broken)
        st = EASG_E_UNCERTAIN;
    /* No time, or no wish, and nothing is under way: the host sends these again. */
    if (!x->broken && (st == EASG_E_CANCELLED || st == EASG_E_TIMEOUT))
        return st;
    for (size_t i = 0; i < j->n_mine; i++) {
        const easg_change *item = j->b->items[j->mine[i]];
        easg_status told = st == EASG_OK ? answer_read_back(j->b, &j->l, item, err)
                                         : answer(j->b, item, 0, st, err, j->b->err);

        if (told != EASG_OK) {
            if (j->b->err != err && st != EASG_OK)
                err_copy(err, j->b->err);
            return told;
        }
    }
    /* The others go on without a further session that was lost, but not without the first. */
    return x->broken && !x->lead ? st : EASG_OK;
}

static const struct exch_job_ops change_ops = { take, next, ran, done };

/* ---- all of them ---- */

/* About how many mailboxes: as many as matter for how many sessions are of use. */
static size_t count_mailboxes(const easg_change *const *items, size_t n)
{
    size_t first[4 * (EXCH_LANES + 1)];
    size_t found = 0;

    for (size_t i = 0; i < n && found < sizeof(first) / sizeof(first[0]); i++) {
        size_t k = 0;

        while (k < found &&
               !text_ieq(items[first[k]]->mailbox_id.ptr, items[first[k]]->mailbox_id.len,
                         items[i]->mailbox_id.ptr, items[i]->mailbox_id.len))
            k++;
        if (k == found)
            first[found++] = i;
    }
    return found;
}

static void free_jobs(struct exch_job **jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct change_job *j = (struct change_job *)jobs[i];

        strbuf_clear(&j->l.bytes[ALLOWED]);
        strbuf_clear(&j->l.bytes[BLOCKED]);
        mem_free(j);
    }
}

static easg_status make_jobs(struct exch_job **jobs, size_t want_n, size_t *n, struct batch *b,
                             easg_error *err)
{
    for (*n = 0; *n < want_n; (*n)++) {
        struct change_job *j = mem_alloc(sizeof(*j));

        if (!j)
            return *n ? EASG_OK : err_nomem(err);
        j->job.ops = &change_ops;
        j->b = b;
        strbuf_init(&j->l.bytes[ALLOWED], LIST_ROOM);
        strbuf_init(&j->l.bytes[BLOCKED], LIST_ROOM);
        jobs[*n] = &j->job;
    }
    return EASG_OK;
}

easg_status exch_apply(struct exch *x, const easg_change *const *items, size_t n,
                       exch_result_fn emit, void *user, easg_error *err)
{
    struct exch_job *jobs[EXCH_LANES + 1];
    struct batch b = { .emit = emit, .user = user, .items = items, .n = n, .err = err };
    size_t mailboxes = count_mailboxes(items, n);
    size_t n_jobs = 0;
    easg_status st;

    b.taken = mem_array(n ? n : 1, 1);
    st = b.taken ? EASG_OK : err_nomem(err);
    if (st == EASG_OK)
        st = exch_need(x, C_GET_CAS_MAILBOX, P_IDENTITY, err);
    if (st == EASG_OK)
        st = exch_need(x, C_SET_CAS_MAILBOX, P_IDENTITY | P_ALLOWED | P_BLOCKED, err);
    if (st == EASG_OK)
        st = make_jobs(jobs,
                       mailboxes < exch_lanes_max(x) ? (mailboxes ? mailboxes : 1)
                                                     : exch_lanes_max(x),
                       &n_jobs, &b, err);
    if (st == EASG_OK)
        st = exch_lanes_run(x, jobs, n_jobs, mailboxes, err);
    free_jobs(jobs, n_jobs);
    mem_free(b.taken);
    return st == EASG_OK ? b.refused : st;
}
