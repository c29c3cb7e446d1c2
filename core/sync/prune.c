/* SPDX-License-Identifier: Apache-2.0
 *
 * prune.c - what is older than the organisation keeps is forgotten, and expired rules are warned
 * about: the housekeeping of a full run.
 */
#include "sync_run.h"

#include "store_trust.h"

#include <string.h>

static easg_status warn_expired(struct sync *s, easg_error *err)
{
    const struct org_config *o = s->o->org;
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < o->n_rules; i++)
        if (o->rules[i].expires != EASG_TIME_NONE && s->now >= o->rules[i].expires)
            st = NOTE(s, err, EASG_LOG_WARNING, "rule.expired", o->rules[i].name,
                      F_STR("owner", o->rules[i].owner), F_TIME("expired", o->rules[i].expires),
                      F_STR("remedy", "renew it or take it out of the file"));
    return st;
}

easg_status sync_prune(struct sync *s, easg_error *err)
{
    const struct org_config *o = s->o->org;
    struct store_pruned n;
    easg_status st = store_begin(s->store, 1, err);

    memset(&n, 0, sizeof n);
    if (st == EASG_OK)
        st = warn_expired(s, err);
    if (st == EASG_OK && o->keep_history_ms > 0)
        st = store_prune_history(s->store, s->now - o->keep_history_ms, &n, err);
    if (st == EASG_OK && o->keep_audit_ms > 0)
        st = store_prune_audit(s->store, s->now - o->keep_audit_ms, &n.audit, err);
    if (st == EASG_OK && n.decisions + n.actions + n.mails + n.runs + n.audit)
        st = NOTE(s, err, EASG_LOG_INFO, "retention.done", o->name, F_INT("decisions", n.decisions),
                  F_INT("actions", n.actions), F_INT("mails", n.mails), F_INT("runs", n.runs),
                  F_INT("audit", n.audit));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}
