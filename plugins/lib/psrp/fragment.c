/* SPDX-License-Identifier: Apache-2.0
 *
 * Fragments. The rules on ids: within a message they count from 0 without gap, and a second
 * message may not begin before the first has ended. From message to message the id of a stream
 * only has to rise: Windows draws it from one counter for the whole process, which all shells of a
 * web server's worker share, so other sessions leave gaps.
 */
#include "psrp_fragment.h"

#include <inttypes.h>
#include <string.h>

#include "err.h"

#define START 0x1u
#define END   0x2u
#define STEP  65536u /* bytes of base64 decoded at once */

void psrp_defrag_init(struct psrp_defrag *d, size_t max_message)
{
    memset(d, 0, sizeof(*d));
    strbuf_init(&d->raw, PSRP_FRAGMENT_MAX + PSRP_FRAGMENT_HEADER + STEP);
    strbuf_init(&d->message, max_message);
}

void psrp_defrag_clear(struct psrp_defrag *d)
{
    strbuf_clear(&d->raw);
    strbuf_clear(&d->message);
}

static uint64_t get_be(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

struct fragment {
    uint64_t object;
    uint64_t id;
    unsigned flags;
    uint32_t len;
    const char *blob;
};

static easg_status check_order(const struct psrp_defrag *d, const struct fragment *f,
                               easg_error *err)
{
    if (f->object == 0 || f->object > INT64_MAX)
        return err_set(err, EASG_E_PROTOCOL, "fragment with object id %" PRIu64, f->object);
    if (f->len == 0)
        return err_set(err, EASG_E_PROTOCOL, "fragment %" PRIu64 " of object %" PRIu64 " is empty",
                       f->id, f->object);
    if (d->open && f->object != d->object)
        return err_set(err, EASG_E_PROTOCOL,
                       "fragment of object %" PRIu64 " before object %" PRIu64 " has ended",
                       f->object, d->object);
    if (d->open && (f->flags & START))
        return err_set(err, EASG_E_PROTOCOL, "second start fragment of object %" PRIu64, f->object);
    if (d->open && f->id != d->next_fragment)
        return err_set(err, EASG_E_PROTOCOL,
                       "fragment %" PRIu64 " of object %" PRIu64 " where %" PRIu64 " was expected",
                       f->id, f->object, d->next_fragment);
    if (!d->open && !(f->flags & START))
        return err_set(err, EASG_E_PROTOCOL,
                       "fragment %" PRIu64 " of object %" PRIu64 " without its start", f->id,
                       f->object);
    if (!d->open && f->id != 0)
        return err_set(err, EASG_E_PROTOCOL,
                       "object %" PRIu64 " starts with fragment %" PRIu64 " instead of 0",
                       f->object, f->id);
    if (!d->open && f->object <= d->last_object)
        return err_set(err, EASG_E_PROTOCOL,
                       "object %" PRIu64 " after object %" PRIu64 ": repeated or out of order",
                       f->object, d->last_object);
    return EASG_OK;
}

static easg_status take(struct psrp_defrag *d, const struct fragment *f, psrp_message_fn fn,
                        void *user, easg_error *err)
{
    easg_status st = check_order(d, f, err);

    if (st != EASG_OK)
        return st;
    if (!d->open && (f->flags & END)) {
        d->last_object = f->object;
        if (f->len > d->message.max)
            return err_set(err, EASG_E_LIMIT, "message of %" PRIu32 " bytes; the limit is %zu",
                           f->len, d->message.max);
        return fn(user, f->blob, f->len, err);
    }
    if (!d->open) {
        strbuf_reset(&d->message);
        d->object = f->object;
        d->next_fragment = 0;
        d->open = 1;
    }
    st = strbuf_add(&d->message, f->blob, f->len);
    if (st == EASG_E_LIMIT)
        return err_set(err, st, "object %" PRIu64 " is a message of more than %zu bytes", f->object,
                       d->message.max);
    if (st != EASG_OK)
        return err_nomem(err);
    d->next_fragment++;
    if (!(f->flags & END))
        return EASG_OK;
    d->open = 0;
    d->last_object = f->object;
    return fn(user, d->message.ptr, d->message.len, err);
}

/* Uses up the whole fragments at the head of [ptr, ptr + len); *used says how much that was. */
static easg_status eat(struct psrp_defrag *d, const char *ptr, size_t len, size_t *used,
                       psrp_message_fn fn, void *user, easg_error *err)
{
    size_t at = 0;
    easg_status st = EASG_OK;

    while (len - at >= PSRP_FRAGMENT_HEADER) {
        const unsigned char *p = (const unsigned char *)ptr + at;
        struct fragment f = { .object = get_be(p, 8),
                              .id = get_be(p + 8, 8),
                              .flags = p[16],
                              .len = (uint32_t)get_be(p + 17, 4),
                              .blob = ptr + at + PSRP_FRAGMENT_HEADER };

        if (f.len > PSRP_FRAGMENT_MAX) {
            st = err_set(err, EASG_E_LIMIT, "fragment claims %" PRIu32 " bytes; the limit is %u",
                         f.len, PSRP_FRAGMENT_MAX);
            break;
        }
        if (len - at - PSRP_FRAGMENT_HEADER < f.len)
            break;
        at += PSRP_FRAGMENT_HEADER + f.len;
        st = take(d, &f, fn, user, err);
        if (st != EASG_OK)
            break;
    }
    *used = at;
    return st;
}

easg_status psrp_defrag_text(struct psrp_defrag *d, const char *ptr, size_t len, psrp_message_fn fn,
                             void *user, easg_error *err)
{
    while (len) {
        size_t n = len < STEP ? len : STEP;
        size_t used;
        easg_status st = base64_feed(&d->b64, ptr, n, &d->raw);

        if (st == EASG_E_PROTOCOL)
            return err_set(err, st, "stream is not base64");
        if (st != EASG_OK)
            return st == EASG_E_NOMEM ? err_nomem(err)
                                      : err_set(err, st, "more text than a fragment may have");
        ptr += n;
        len -= n;
        st = eat(d, strbuf_str(&d->raw), d->raw.len, &used, fn, user, err);
        if (st != EASG_OK)
            return st;
        if (used) {
            memmove(d->raw.ptr, d->raw.ptr + used, d->raw.len - used);
            d->raw.len -= used;
        }
    }
    return EASG_OK;
}

easg_status psrp_defrag_text_end(struct psrp_defrag *d, easg_error *err)
{
    if (base64_end(&d->b64) != EASG_OK)
        return err_set(err, EASG_E_PROTOCOL, "stream ends inside a base64 group");
    if (d->raw.len)
        return err_set(err, EASG_E_PROTOCOL, "stream ends with %zu bytes of a longer fragment",
                       d->raw.len);
    return EASG_OK;
}

easg_status psrp_defrag_bytes(struct psrp_defrag *d, const char *ptr, size_t len,
                              psrp_message_fn fn, void *user, easg_error *err)
{
    size_t used;
    easg_status st = eat(d, ptr, len, &used, fn, user, err);

    if (st == EASG_OK && used != len)
        return err_set(err, EASG_E_PROTOCOL, "stream ends with %zu bytes of a longer fragment",
                       len - used);
    return st;
}

void psrp_cutter_init(struct psrp_cutter *c, uint64_t object, const char *ptr, size_t len)
{
    *c = (struct psrp_cutter){ ptr, len, 0, object, 0 };
}

static void put_be(unsigned char *p, uint64_t v, unsigned n)
{
    while (n--) {
        p[n] = (unsigned char)v;
        v >>= 8;
    }
}

int psrp_cutter_next(struct psrp_cutter *c, size_t max, struct strbuf *out)
{
    unsigned char head[PSRP_FRAGMENT_HEADER];
    size_t n = c->len - c->done;

    xassert(max > PSRP_FRAGMENT_HEADER);
    if (n > max - PSRP_FRAGMENT_HEADER)
        n = max - PSRP_FRAGMENT_HEADER;
    put_be(head, c->object, 8);
    put_be(head + 8, c->fragment, 8);
    head[16] = (unsigned char)((c->done == 0 ? START : 0) | (c->done + n == c->len ? END : 0));
    put_be(head + 17, n, 4);
    strbuf_add(out, head, sizeof(head));
    strbuf_add(out, c->ptr + c->done, n);
    c->done += n;
    c->fragment++;
    return c->done < c->len;
}
