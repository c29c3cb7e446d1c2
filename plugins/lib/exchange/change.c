/* SPDX-License-Identifier: Apache-2.0
 *
 * Access changes: Set-CASMailbox with both lists in one call a mailbox.
 *
 * For each mailbox: read the lists, send only what differs (to add what is there or to remove what
 * is not would be an error of the directory), read again, compare. So it does not matter how often
 * an item comes. An id that is removed is sent as the list spells it.
 */
#include <string.h>

#include "exch_private.h"

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

static easg_status read_lists(struct exch *x, struct lists *l, easg_error *err)
{
    struct psrp_parameter identity = { "Identity", PSRP_V_TEXT(text_str(l->want)) };
    struct psrp_command command = { exch_cmdlet_names[C_GET_CAS_MAILBOX], &identity, 1 };
    easg_status st;

    l->came = 0;
    st = exch_run_records(x, &command, exch_mailbox_names, on_lists, l, NULL, err);
    if (st == EASG_OK && l->came != 1)
        st = err_set(err, l->came ? EASG_E_PROTOCOL : EASG_E_NOTFOUND,
                     "Get-CASMailbox: asked for mailbox %s, %u came", l->want, l->came);
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

static easg_status send_difference(struct exch *x, const struct lists *l,
                                   const struct difference *d, easg_error *err)
{
    static const char *const names[2] = { "ActiveSyncAllowedDeviceIDs",
                                          "ActiveSyncBlockedDeviceIDs" };
    static const char *const add_remove[2] = { "Add", "Remove" };
    struct psrp_value hash[2][2];
    const char *keys[2][2];
    struct psrp_parameter p[4];
    struct psrp_command command = { exch_cmdlet_names[C_SET_CAS_MAILBOX], p, 0 };
    struct exch_call call = { .commands = &command, .n = 1, .flags = EXCH_WRITES };

    p[command.n++] = (struct psrp_parameter){ "Identity", PSRP_V_TEXT(text_str(l->want)) };
    for (int which = ALLOWED; which <= BLOCKED; which++) {
        size_t n = 0;

        if (d->n_add[which]) {
            keys[which][n] = add_remove[0];
            hash[which][n++] = PSRP_V_ARRAY(d->add[which], d->n_add[which]);
        }
        if (d->n_remove[which]) {
            keys[which][n] = add_remove[1];
            hash[which][n++] = PSRP_V_ARRAY(d->remove[which], d->n_remove[which]);
        }
        if (n)
            p[command.n++] = (struct psrp_parameter){
                names[which],
                { .kind = PSRP_HASH, .items = hash[which], .keys = keys[which], .n = n }
            };
    }
    p[command.n++] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    return exch_run(x, &call, err);
}

/* ---- results ---- */

struct batch {
    struct exch *x;
    exch_result_fn emit;
    void *user;
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

/* All items of the mailbox of items[first], up to MAX_SEND of them; marks them in `done`. */
static easg_status change_mailbox(const struct batch *b, const easg_change *const *items, size_t n,
                                  size_t first, unsigned char *done, struct lists *l,
                                  struct difference *d, easg_error *err)
{
    size_t mine[MAX_SEND];
    size_t n_mine = 0;
    char guid[WSMAN_GUID_TEXT];
    easg_error failed = EASG_ERROR_INIT;
    easg_status st = check(items[first], guid, &failed);

    if (st != EASG_OK) {
        done[first] = 1;
        return answer(b, items[first], 0, st, &failed, err);
    }
    for (size_t i = first; i < n && n_mine < MAX_SEND; i++) {
        char other[WSMAN_GUID_TEXT];

        if (done[i] || check(items[i], other, &failed) != EASG_OK || strcmp(guid, other) != 0)
            continue;
        mine[n_mine++] = i;
        done[i] = 1;
    }
    l->want = guid;
    memset(d, 0, sizeof(*d));
    st = read_lists(b->x, l, &failed);
    for (size_t i = 0; st == EASG_OK && i < n_mine; i++)
        want(d, l, items[mine[i]]);
    if (st == EASG_OK && d->n) {
        st = send_difference(b->x, l, d, &failed);
        if (st == EASG_OK)
            st = read_lists(b->x, l, &failed);
        /* The change went out: without the read-back nobody knows. */
        if (st != EASG_OK && b->x->broken && st != EASG_E_UNCERTAIN)
            st = EASG_E_UNCERTAIN;
    }
    /* No time, or no wish, and nothing is under way: the host sends these again. */
    if (!b->x->broken && (st == EASG_E_CANCELLED || st == EASG_E_TIMEOUT)) {
        err_copy(err, &failed);
        return st;
    }
    for (size_t i = 0; i < n_mine; i++) {
        easg_status told = st == EASG_OK ? answer_read_back(b, l, items[mine[i]], err)
                                         : answer(b, items[mine[i]], 0, st, &failed, err);

        if (told != EASG_OK)
            return told;
    }
    if (b->x->broken) {
        err_copy(err, &failed);
        return st;
    }
    return EASG_OK;
}

easg_status exch_apply(struct exch *x, const easg_change *const *items, size_t n,
                       exch_result_fn emit, void *user, easg_error *err)
{
    struct batch b = { x, emit, user };
    struct lists l = { .bytes = { STRBUF_INIT(LIST_ROOM), STRBUF_INIT(LIST_ROOM) } };
    struct difference *d = mem_alloc(sizeof(*d));
    unsigned char *done = mem_array(n ? n : 1, 1);
    easg_status st = d && done ? EASG_OK : err_nomem(err);

    if (st == EASG_OK)
        st = exch_need(x, C_GET_CAS_MAILBOX, P_IDENTITY, err);
    if (st == EASG_OK)
        st = exch_need(x, C_SET_CAS_MAILBOX, P_IDENTITY | P_ALLOWED | P_BLOCKED, err);
    for (size_t i = 0; st == EASG_OK && i < n; i++)
        if (!done[i])
            st = change_mailbox(&b, items, n, i, done, &l, d, err);
    strbuf_clear(&l.bytes[ALLOWED]);
    strbuf_clear(&l.bytes[BLOCKED]);
    mem_free(d);
    mem_free(done);
    return st;
}
