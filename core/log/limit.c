/* SPDX-License-Identifier: Apache-2.0
 *
 * limit.c - keeps a record that repeats itself from filling the disk. A small table by hash: a
 * collision costs one early summary, never a lost record.
 */
#include "record.h"

#include <string.h>

static uint64_t mix(uint64_t h, const void *ptr, size_t len)
{
    const unsigned char *p = ptr;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return (h ^ 0xff) * UINT64_C(1099511628211);  /* so that "a","b" is not "ab","" */
}

static uint64_t hash_record(const struct record *r)
{
    uint64_t h = UINT64_C(14695981039346656037);

    h = mix(h, &r->level, sizeof r->level);
    h = mix(h, r->text, r->text_len);
    for (size_t i = 0; i < r->n; i++) {
        const struct log_field *f = r->fields[i];

        h = mix(h, f->key, strlen(f->key));
        if (f->type == LOG_F_STR && f->str)
            h = mix(h, f->str, strlen(f->str));
        else if (f->type == LOG_F_STRN && f->str)
            h = mix(h, f->str, f->len);
        else
            h = mix(h, &f->num, sizeof f->num);
    }
    return h ? h : 1;
}

static void begin(struct limit_slot *s, const struct record *r, uint64_t hash, int64_t now)
{
    size_t n = r->text_len < sizeof s->text - 1 ? r->text_len : sizeof s->text - 1;

    *s = (struct limit_slot){ .hash = hash, .since = now, .level = r->level };
    memcpy(s->text, r->text, n);
}

int limit_pass(struct limit *l, const struct record *r, int64_t now, struct limit_slot *due)
{
    uint64_t hash = hash_record(r);
    struct limit_slot *s = &l->slots[hash % LIMIT_SLOTS];

    due->suppressed = 0;
    if (s->hash != hash || now - s->since >= LIMIT_WINDOW_MS) {
        *due = *s;
        begin(s, r, hash, now);
    }
    if (s->passed < LIMIT_RECORDS) {
        s->passed++;
        return 1;
    }
    s->suppressed++;
    return 0;
}
