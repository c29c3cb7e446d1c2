/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids that were seen: 64 bits of each are enough to find a duplicate in a file of the
 * administrator's own.
 */
#include <string.h>

#include "sink_file.h"

#include "err.h"

static struct idset_slot *slot(struct idset_slot *slots, size_t cap, uint64_t hash)
{
    size_t i = (size_t)(hash ^ hash >> 32) & (cap - 1);

    while (slots[i].hash && slots[i].hash != hash)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static easg_status grow(struct idset *set, easg_error *err)
{
    size_t cap = set->cap ? set->cap * 2 : 256;
    struct idset_slot *slots = mem_array(cap, sizeof *slots);

    if (!slots)
        return err_nomem(err);
    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i].hash)
            *slot(slots, cap, set->slots[i].hash) = set->slots[i];
    mem_free(set->slots);
    set->slots = slots;
    set->cap = cap;
    return EASG_OK;
}

/* Never 0, which marks an empty slot. */
static uint64_t hash_of(const easg_str *id)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < id->len; i++)
        h = (h ^ (unsigned char)id->ptr[i]) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

int idset_has(const struct idset *set, const easg_str *id)
{
    return set->n && id->ptr && slot(set->slots, set->cap, hash_of(id))->hash != 0;
}

easg_status idset_add(struct idset *set, const easg_str *id, unsigned long line,
                      unsigned long *same, easg_error *err)
{
    uint64_t h = hash_of(id);
    struct idset_slot *s;

    if (set->n * 2 >= set->cap) {
        easg_status st = grow(set, err);

        if (st != EASG_OK)
            return st;
    }
    s = slot(set->slots, set->cap, h);
    *same = s->line;
    if (!s->hash) {
        s->hash = h;
        s->line = line;
        set->n++;
    }
    return EASG_OK;
}

void idset_clear(struct idset *set)
{
    mem_free(set->slots);
    *set = (struct idset){ 0 };
}
