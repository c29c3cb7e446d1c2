/* SPDX-License-Identifier: Apache-2.0
 *
 * platforms.c - could this organisation be enforced at all? Where phones of a platform synchronise,
 * and the device manager knows phones of that platform, but not one of them by its EAS id, every
 * one of them would be blocked for not being enrolled.
 */
#include "sync_run.h"

#include "store_trust.h"

#include <string.h>

enum { ASKED = PLATFORM_OTHER }; /* iOS, Android, Windows */

struct count {
    int64_t managed[ASKED + 1], with_id[ASKED + 1], partners[ASKED + 1];
};

/* One device with an id answers for its platform. */
static int asks(void *user, const easg_str *os)
{
    const struct count *c = user;
    enum in_platform at = policy_platform(os, NULL);

    return at != PLATFORM_OTHER && !c->with_id[at];
}

static int any_without(const struct count *c)
{
    for (size_t i = 0; i < ASKED; i++)
        if (c->managed[i] && !c->with_id[i])
            return 1;
    return 0;
}

static void on_managed(void *user, const struct store_platform *p)
{
    struct count *c = user;
    enum in_platform at = policy_platform(&p->os, NULL);

    c->managed[at] += p->devices;
    c->with_id[at] += p->with_eas_id;
}

static void on_claimed(void *user, const struct store_platform *p)
{
    struct count *c = user;

    c->partners[policy_platform(&p->os, &p->type)] += p->devices;
}

easg_status sync_platforms(struct sync *s, easg_error *err)
{
    static const char *const words[] = { "ios", "android", "windows" };
    struct count c;
    easg_status st, refused = EASG_OK;

    memset(&c, 0, sizeof c);
    if (s->failure)
        return EASG_OK;
    st = store_each_managed_os(s->store, asks, on_managed, &c, err);
    if (st == EASG_OK && any_without(&c))
        st = store_each_claimed_os(s->store, on_claimed, &c, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 0, err);
    for (size_t i = 0; st == EASG_OK && i < ASKED; i++) {
        if (!c.managed[i] || !c.partners[i] || c.with_id[i])
            continue;
        st = NOTE(s, err, EASG_LOG_WARNING, "platform.no_eas_id", words[i],
                  F_INT("managed_devices", c.managed[i]), F_INT("partnerships", c.partners[i]),
                  F_INT("accepted", s->o->org->accept_no_eas_id >> i & 1));
        if (st == EASG_OK && sync_writes(s) && !(s->o->org->accept_no_eas_id >> i & 1))
            refused = err_set(
                err, EASG_E_CONFIG,
                "mode enforce is refused: none of the %lld managed devices of platform %s carries "
                "an EAS id, so all %lld partnerships of it would be blocked; give them ids "
                "(policy.id_registry), or write brakes.accept_no_eas_id: [ %s ]",
                (long long)c.managed[i], words[i], (long long)c.partners[i], words[i]);
    }
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    return st == EASG_OK ? refused : st;
}
