/* SPDX-License-Identifier: Apache-2.0
 *
 * record_compare.h - one message through both ways of the record decoder. The short way may
 * decline; what it accepts must be what libxml2 gives, to the byte.
 */
#ifndef EASG_TEST_RECORD_COMPARE_H
#define EASG_TEST_RECORD_COMPARE_H

#include <stdlib.h>
#include <string.h>

#include "clixml_record.h"
#include "err.h"
#include "record_fast.h"
#include "strbuf.h"

#define PAIR_MAX ((size_t)4 * 1024 * 1024)

enum pair_result { PAIR_DECLINED, PAIR_SAME, PAIR_DIFFERS };

struct pair {
    struct clixml_decoder *fast;
    struct clixml_decoder *slow;
    struct strbuf fast_dump;
    struct strbuf slow_dump;
    const char *why; /* it differs */
};

static inline void pair_dump_text(struct strbuf *out, const easg_str *s)
{
    strbuf_addf(out, "%s%zu:", s->ptr ? "" : "null ", s->len);
    if (s->ptr) {
        strbuf_add(out, s->ptr, s->len);
        strbuf_adds(out, s->ptr[s->len] ? " no NUL" : "");
    }
}

/* Everything a receiver can see. */
static inline easg_status pair_dump(void *user, const struct clixml_record *r, easg_error *err)
{
    struct strbuf *out = user;

    (void)err;
    strbuf_addf(out, "object %d of %zu text ", (int)r->tag, r->n);
    pair_dump_text(out, &r->text);
    for (size_t i = 0; i < r->n; i++) {
        const struct clixml_slot *s = &r->slots[i];

        strbuf_addf(out, "\n%zu kind %d tag %d ", i, (int)s->kind, (int)s->tag);
        pair_dump_text(out, &s->text);
        strbuf_addf(out, " items %zu%s", s->n_items, s->items ? "" : " null");
        for (size_t k = 0; k < s->n_items; k++) {
            strbuf_addc(out, ' ');
            pair_dump_text(out, s->items[k]);
        }
    }
    return strbuf_addc(out, '\n');
}

static inline easg_status pair_create(struct pair *p, const char *const *names, easg_error *err)
{
    easg_status st;

    memset(p, 0, sizeof(*p));
    strbuf_init(&p->fast_dump, PAIR_MAX * 2);
    strbuf_init(&p->slow_dump, PAIR_MAX * 2);
    st = clixml_decoder_create(names, PAIR_MAX, &p->fast, err);
    if (st == EASG_OK)
        st = clixml_decoder_create(names, PAIR_MAX, &p->slow, err);
    if (st != EASG_OK)
        return st;
    clixml_decoder_path(p->fast, CLIXML_PATH_FAST);
    clixml_decoder_path(p->slow, CLIXML_PATH_LIBXML2);
    return EASG_OK;
}

static inline void pair_destroy(struct pair *p)
{
    clixml_decoder_destroy(p->fast);
    clixml_decoder_destroy(p->slow);
    strbuf_clear(&p->fast_dump);
    strbuf_clear(&p->slow_dump);
}

/* The message lies in memory of exactly its size, so that a byte read too many is seen. */
static inline enum pair_result pair_compare(struct pair *p, const char *xml, size_t len)
{
    easg_error err = EASG_ERROR_INIT;
    char *exact = malloc(len ? len : 1);
    easg_status st;

    if (!exact)
        abort();
    memcpy(exact, xml, len);
    strbuf_reset(&p->fast_dump);
    strbuf_reset(&p->slow_dump);
    p->why = NULL;
    st = clixml_decode(p->fast, exact, len, pair_dump, &p->fast_dump, &err);
    if (st == EASG_E_UNSUPPORTED && p->fast_dump.len > 0)
        p->why = "declined after an object was handed on";
    else if (st != EASG_E_UNSUPPORTED && st != EASG_OK)
        p->why = "the short way failed";
    else if (st == EASG_OK && memcmp(exact, xml, len) != 0)
        p->why = "the message was changed";
    if (st == EASG_OK && !p->why) {
        if (clixml_decode(p->slow, exact, len, pair_dump, &p->slow_dump, &err) != EASG_OK)
            p->why = "accepted what libxml2 refuses";
        else if (p->fast_dump.len != p->slow_dump.len ||
                 memcmp(p->fast_dump.ptr, p->slow_dump.ptr, p->slow_dump.len) != 0)
            p->why = "the records differ";
    }
    free(exact);
    if (p->why)
        return PAIR_DIFFERS;
    return st == EASG_OK ? PAIR_SAME : PAIR_DECLINED;
}

#endif
