/* SPDX-License-Identifier: Apache-2.0
 *
 * One result an item: a hash table over the keys of a batch, made once a call.
 */
#include <string.h>

#include "session.h"

#include "err.h"
#include "text.h"

easg_status answers_init(struct answers *a, size_t n, easg_error *err)
{
    size_t slots = 8;

    while (slots < 2 * n && slots < SIZE_MAX / 4)
        slots *= 2;
    a->keys = n < UINT32_MAX ? mem_array(n, sizeof *a->keys) : NULL;
    a->slots = mem_array(slots, sizeof *a->slots);
    a->answered = mem_array(n, 1);
    a->n_slots = slots;
    a->n = 0;
    a->n_answered = 0;
    if (a->keys && a->slots && a->answered)
        return EASG_OK;
    answers_clear(a);
    return err_nomem(err);
}

void answers_clear(struct answers *a)
{
    mem_free(a->keys);
    mem_free(a->slots);
    mem_free(a->answered);
    *a = (struct answers){ 0 };
}

/* FNV-1a: keys are ours, nobody can choose them to collide. */
static size_t hash(const easg_str *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < key->len; i++)
        h = (h ^ (unsigned char)key->ptr[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* The slot of `key`, or the empty one where it would stand. */
static uint32_t *find(const struct answers *a, const easg_str *key)
{
    size_t i = hash(key) & (a->n_slots - 1);

    for (;; i = (i + 1) & (a->n_slots - 1)) {
        const easg_str *k = a->slots[i] ? a->keys[a->slots[i] - 1] : NULL;

        if (!k || (k->len == key->len && memcmp(k->ptr, key->ptr, key->len) == 0))
            return &a->slots[i];
    }
}

static easg_status about(easg_error *err, const char *what, const easg_str *key)
{
    char safe[96];

    text_safe(key->ptr, key->len < 64 ? key->len : 64, safe, sizeof safe);
    return err_set(err, EASG_E_USAGE, "%s %s", what, safe);
}

easg_status answers_add(struct answers *a, const easg_str *key, easg_error *err)
{
    uint32_t *slot;

    if (text_blank(key))
        return err_set(err, EASG_E_USAGE, "a change without a key was to be sent");
    slot = find(a, key);
    if (*slot)
        return about(err, "two changes were to be sent for", key);
    a->keys[a->n++] = key;
    *slot = (uint32_t)a->n;
    return EASG_OK;
}

easg_status answers_mark(struct answers *a, const easg_str *key, easg_error *err)
{
    const uint32_t *slot = find(a, key);

    if (!*slot)
        return about(err, "emitted a result that nobody asked for:", key);
    if (a->answered[*slot - 1])
        return about(err, "emitted a second result for", key);
    a->answered[*slot - 1] = 1;
    a->n_answered++;
    return EASG_OK;
}

easg_status answers_complete(const struct answers *a, easg_error *err)
{
    for (size_t i = 0; i < a->n && a->n_answered < a->n; i++)
        if (!a->answered[i])
            return about(err, "returned ok without a result for", a->keys[i]);
    return EASG_OK;
}
