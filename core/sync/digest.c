/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.c - one mail for the help desk about all that people may call about. Written down for a
 * period and sent by the outbox like any other mail, so it comes once; its text is made when it is
 * sent.
 */
#include "sync_outbox.h"

#include "clock.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS   (24 * 3600 * 1000LL)
#define SHOWN    100 /* items of one list */
#define HELD_MAX 300

/* ---- its text ---- */

struct collect {
    struct outbox *o;
    struct mail_item items[SHOWN];
    char *texts[SHOWN][4]; /* owned: user, device, mail, text */
    struct mail_items list;
};

static void collect_clear(struct collect *c)
{
    for (size_t i = 0; i < c->list.n; i++)
        for (size_t k = 0; k < 4; k++)
            mem_free(c->texts[i][k]);
    memset(c, 0, sizeof *c);
}

static easg_status describe(struct collect *c, const struct store_digest_row *row, char **out,
                            easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(16384);
    easg_status st;

    if (!row->device_id || !row->device_id[0])
        return EASG_OK;
    st = outbox_describe(c->o, row->mk, row->ek, row->device_id, &text, err);
    if (st != EASG_OK)
        return st;
    *out = mem_strdup(strbuf_str(&text));
    return *out ? EASG_OK : err_nomem(err);
}

static easg_status copy(const char *from, char **to, easg_error *err)
{
    *to = from ? mem_strdup(from) : NULL;
    return from && !*to ? err_nomem(err) : EASG_OK;
}

static easg_status add(void *user, const struct store_digest_row *row, easg_error *err)
{
    struct collect *c = user;
    struct mail_item *it = &c->items[c->list.n];
    char **texts = c->texts[c->list.n];
    char held[HELD_MAX];
    const char *text = row->text;
    easg_status st;

    c->list.n++; /* what is copied so far is freed with the rest */
    if (row->n != 1 || (!row->user && !row->device_id)) {
        (void)snprintf(held, sizeof held, "%" PRId64 ": easgate approve %.60s %.36s", row->n,
                       c->o->s->o->org->name, row->text ? row->text : "");
        text = held;
    }
    st = copy(row->user, &texts[0], err);
    if (st == EASG_OK)
        st = describe(c, row, &texts[1], err);
    if (st == EASG_OK && row->mail && strcmp(row->mail, "none") != 0)
        st = copy(row->mail, &texts[2], err);
    if (st == EASG_OK)
        st = copy(text, &texts[3], err);
    *it = (struct mail_item){ texts[0], texts[1], texts[2], texts[3], row->at };
    return st;
}

easg_status digest_render(struct outbox *o, const struct store_mail *m, struct mail_text *out,
                          easg_error *err)
{
    const struct org_mail *cfg = &o->s->o->org->mail;
    struct mail_values v = { .organization = o->s->o->org->name,
                             .helpdesk = cfg->helpdesk,
                             .deadline = EASG_TIME_NONE,
                             .since = m->period_from,
                             .until = m->period_to };
    struct collect *lists = mem_array(STORE_DIGEST_PARTS, sizeof *lists);
    easg_status st = lists ? EASG_OK : err_nomem(err);

    for (int i = 0; st == EASG_OK && i < STORE_DIGEST_PARTS; i++) {
        struct collect *c = &lists[i];
        int64_t all = 0;

        c->o = o;
        c->list.items = c->items;
        st = store_each_digest(o->s->store, (enum store_digest_part)i, m->period_from, m->period_to,
                               SHOWN, add, c, &all, err);
        c->list.more = (size_t)all > c->list.n ? (size_t)all - c->list.n : 0;
        v.lists[i] = &c->list;
    }
    if (st == EASG_OK)
        st = mail_render(cfg->templates, NULL, cfg->language, MAIL_DIGEST, &v, out, err);
    for (int i = 0; lists && i < STORE_DIGEST_PARTS; i++)
        collect_clear(&lists[i]);
    mem_free(lists);
    return st;
}

/* ---- when ---- */

static int64_t local_day(easg_time t)
{
    int64_t local = t + (int64_t)clock_local_offset_min(t) * 60000;

    return local / DAY_MS - (local % DAY_MS < 0);
}

static easg_status anything(struct sync *s, easg_time from, easg_time to, int *yes, easg_error *err)
{
    easg_status st = EASG_OK;

    *yes = 0;
    for (int i = 0; st == EASG_OK && !*yes && i < STORE_DIGEST_PARTS; i++) {
        int64_t n = 0;

        st = store_each_digest(s->store, (enum store_digest_part)i, from, to, 0, NULL, NULL, &n,
                               err);
        *yes = n > 0;
    }
    return st;
}

static easg_status write_down(struct sync *s, easg_time from, easg_time to, easg_error *err)
{
    const struct org_mail *cfg = &s->o->org->mail;
    easg_status st = store_begin(s->store, 1, err);
    char key[80];

    for (size_t i = 0; st == EASG_OK && i < cfg->n_digest_to; i++) {
        (void)snprintf(key, sizeof key, "%.36s-digest-%zu", s->o->run_id, i);
        st = store_put_digest(s->store, key, cfg->digest_to[i]->ptr, from, to, s->now, err);
    }
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "digest.queued", s->o->org->name,
                  F_INT("addresses", cfg->n_digest_to), F_TIME("from", from), F_TIME("to", to));
    store_at(s->store, "mail.put");
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    store_at(s->store, "mail.queued");
    return st;
}

easg_status sync_digest(struct sync *s, easg_error *err)
{
    const struct org_mail *cfg = &s->o->org->mail;
    struct outbox o = { .s = s };
    easg_time from, to = clock_now();
    easg_status st;
    int yes;

    if (!sync_writes(s) || !s->notifier || cfg->n_digest_to == 0)
        return EASG_OK;
    st = store_last_digest(s->store, &from, err);
    if (st != EASG_OK)
        return st;
    if (from != EASG_TIME_NONE && from <= to && cfg->digest_daily &&
        local_day(from) == local_day(to))
        return EASG_OK;
    if (from == EASG_TIME_NONE)
        from = to - DAY_MS;
    st = anything(s, from, to, &yes, err);
    if (st == EASG_OK && yes && from < to)
        st = write_down(s, from, to, err);
    if (st == EASG_OK && yes && from < to)
        st = outbox_deliver(&o, err);
    outbox_close(&o);
    return st;
}
