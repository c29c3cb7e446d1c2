/* SPDX-License-Identifier: Apache-2.0
 *
 * trust.c - what an organisation's file says about local rules, rings, devices that are spared, ids
 * that the device manager does not know, and how long the past is kept.
 *
 * Rules and rings are maps in the order of the file: name first, so that what decided can be named.
 */
#include "cfgtree.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>

static const char *const platform_words[] = { "ios", "android", "windows", "other", NULL };
static const char *const record_words[] = { "none",    "ambiguous", "easonly",
                                            "managed", "retiring",  NULL };
static const char *const compliance_words[] = { "compliant",   "inGracePeriod", "noncompliant",
                                                "conflict",    "error",         "unknown-new",
                                                "unknown-old", "configManager", NULL };
static const char *const day_words[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };
static const char *const rule_actions[] = { "none", "allow", "block", "withdraw", "leave", NULL };

#define RECORD_BITS_ENROLLED (1u << 3 | 1u << 4)

/* Object ids, one or a list of them. */
static easg_status groups_of(struct cfg_doc *doc, const easg_config *node, const char *const **out,
                             size_t *n, easg_error *err)
{
    int list = cfg_type(node) == EASG_NODE_LIST;
    size_t count = list ? cfg_count(node) : 1;
    const char **ids = cfg_doc_alloc(doc, (count ? count : 1) * sizeof *ids);

    if (!ids)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const easg_config *item = list ? cfg_at(node, i) : node;
        easg_str s = { NULL, 0 };

        if (!cfg_str(item, &s) || s.len == 0 || s.len > 39 || strpbrk(s.ptr, " \t,"))
            return cfg_error(err, item,
                             "`group` is the id of a group in the device manager's directory "
                             "(Entra: its object id), or a list of them");
        ids[i] = s.ptr;
    }
    if (!count)
        return cfg_error(err, node, "`group` is empty: nobody would be meant");
    *out = ids;
    *n = count;
    return EASG_OK;
}

static int word_of(const char *const *words, const char *ptr, size_t len)
{
    for (int i = 0; words[i]; i++)
        if (text_ieq(words[i], strlen(words[i]), ptr, len))
            return i;
    return -1;
}

static easg_status unknown_key(const easg_config *node, const char *where, const char *const *known,
                               easg_error *err)
{
    struct cfg_nearest near = { node->key.ptr, NULL, 0 };

    for (size_t i = 0; known[i]; i++)
        cfg_nearest_try(&near, known[i]);
    return near.best ? cfg_error_key(err, node, "unknown key `%s` in %s; did you mean `%s`?",
                                     node->key.ptr, where, near.best)
                     : cfg_error_key(err, node, "unknown key `%s` in %s", node->key.ptr, where);
}

static easg_status text_of(const easg_config *node, const char **out, easg_error *err)
{
    easg_str s;

    if (!cfg_str(node, &s) || text_blank(&s))
        return cfg_error(err, node, "`%s` must be a text", node->key.ptr);
    *out = s.ptr;
    return EASG_OK;
}

static easg_status date_of(const easg_config *node, easg_time *out, easg_error *err)
{
    char full[32];
    easg_str s;

    if (cfg_str(node, &s) && s.len == 10 && strspn(s.ptr, "0123456789-") == 10) {
        memcpy(full, s.ptr, 10);
        memcpy(full + 10, "T00:00:00Z", 11);
        if (timestamp_parse(full, strlen(full), out))
            return EASG_OK;
    }
    if (cfg_str(node, &s) && timestamp_parse(s.ptr, s.len, out))
        return EASG_OK;
    return cfg_error(err, node, "`%s` must be a date such as 2027-03-31", node->key.ptr);
}

/* One word or a list of them. */
static easg_status set_of(const easg_config *node, const char *const *words, uint32_t *out,
                          easg_error *err)
{
    size_t n = cfg_type(node) == EASG_NODE_LIST ? cfg_count(node) : 1;

    for (size_t i = 0; i < n; i++) {
        const easg_config *item = cfg_type(node) == EASG_NODE_LIST ? cfg_at(node, i) : node;
        easg_str s = { NULL, 0 };
        int w = cfg_str(item, &s) ? word_of(words, s.ptr, s.len) : -1;

        if (w < 0)
            return cfg_error(err, item, "`%s`: '%s' is none of its words, such as %s",
                             node->key.ptr, s.ptr ? s.ptr : "", words[0]);
        *out |= 1u << w;
    }
    return EASG_OK;
}

/* "08:00" -> 480; -1 */
static int minute_of(const char *t)
{
    if (strspn(t, "0123456789") != 2 || t[2] != ':' || strspn(t + 3, "0123456789") != 2)
        return -1;
    {
        int h = (t[0] - '0') * 10 + t[1] - '0', m = (t[3] - '0') * 10 + t[4] - '0';

        return h < 24 && m < 60 ? h * 60 + m : h == 24 && m == 0 ? 1440 : -1;
    }
}

/* "mon-fri 08:00-18:00", "sat-sun", "22:00-06:00" */
static easg_status schedule_of(const easg_config *node, struct policy_rule *r, easg_error *err)
{
    easg_str s = { "", 0 };
    const char *at;
    int from, to;

    (void)cfg_str(node, &s);
    at = s.ptr;
    if (s.len >= 3 && (from = word_of(day_words, at, 3)) >= 0) {
        to = from;
        at += 3;
        if (*at == '-' && strlen(at) >= 4 && (to = word_of(day_words, at + 1, 3)) >= 0)
            at += 4;
        for (int d = from; to >= 0; d = (d + 1) % 7) {
            r->days |= (uint8_t)(1u << d);
            if (d == to)
                break;
        }
        at += *at == ' ';
    }
    if (strlen(at) == 11 && at[5] == '-') {
        r->from_min = minute_of(at);
        r->to_min = minute_of(at + 6);
        if (r->from_min >= 0 && r->to_min >= 0)
            return EASG_OK;
    }
    if (*at || !r->days)
        return cfg_error(err, node,
                         "`schedule` must be days, hours of local time or both: \"mon-fri "
                         "08:00-18:00\"");
    return EASG_OK;
}

static easg_status read_match(struct cfg_doc *doc, const easg_config *match, struct policy_rule *r,
                              easg_error *err)
{
    static const char *const known[] = { "user",   "group",      "device_id",  "type",
                                         "model",  "os",         "user_agent", "platform",
                                         "record", "compliance", "schedule",   NULL };
    const struct {
        const char *key;
        const char **to;
        int claim;
    } texts[] = { { "user", &r->user, 0 }, { "device_id", &r->device_id, 0 },
                  { "type", &r->type, 1 }, { "model", &r->model, 1 },
                  { "os", &r->os, 1 },     { "user_agent", &r->user_agent, 1 } };
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < cfg_count(match); i++) {
        const easg_config *n = cfg_at(match, i);
        size_t k = 0;

        while (k < sizeof texts / sizeof *texts && !text_eq(&n->key, texts[k].key))
            k++;
        if (k < sizeof texts / sizeof *texts) {
            st = text_of(n, texts[k].to, err);
            r->claims |= (uint8_t)texts[k].claim;
        } else if (text_eq(&n->key, "group")) {
            st = groups_of(doc, n, &r->groups, &r->n_groups, err);
        } else if (text_eq(&n->key, "platform")) {
            st = set_of(n, platform_words, &r->platforms, err);
        } else if (text_eq(&n->key, "record")) {
            st = set_of(n, record_words, &r->records, err);
        } else if (text_eq(&n->key, "compliance")) {
            st = set_of(n, compliance_words, &r->compliances, err);
        } else if (text_eq(&n->key, "schedule")) {
            st = schedule_of(n, r, err);
        } else {
            st = unknown_key(n, "match", known, err);
        }
    }
    /* Without a record of the manager the platform is what the client says. */
    if (r->platforms && (!r->records || r->records & ~RECORD_BITS_ENROLLED))
        r->claims = 1;
    return st;
}

static easg_status read_rule(struct cfg_doc *doc, const easg_config *map, struct policy_rule *r,
                             easg_error *err)
{
    static const char *const known[] = {
        "match", "action", "owner", "expires", "trust_claims", NULL
    };
    const easg_config *action = cfg_get(map, "action");
    const easg_config *match = cfg_get(map, "match");
    int32_t trust = 0;
    easg_str word = { NULL, 0 };
    easg_status st = EASG_OK;
    int w;

    memset(r, 0, sizeof *r);
    r->name = map->key.ptr;
    r->expires = EASG_TIME_NONE;
    r->from_min = r->to_min = -1;
    if (cfg_type(map) != EASG_NODE_MAP || !match || cfg_type(match) != EASG_NODE_MAP)
        return cfg_error(err, map, "rule `%s` needs `match:` and `action:`", r->name);
    for (size_t i = 0; st == EASG_OK && i < cfg_count(map); i++) {
        const easg_config *n = cfg_at(map, i);
        size_t k = 0;

        while (known[k] && !text_eq(&n->key, known[k]))
            k++;
        if (!known[k])
            return unknown_key(n, "a rule", known, err);
    }
    w = action && cfg_str(action, &word) ? word_of(rule_actions, word.ptr, word.len) : -1;
    if (w <= 0)
        return cfg_error(err, action ? action : map,
                         "`action` of a rule is allow, block, withdraw or leave");
    r->action = (uint8_t)w;
    if (!cfg_get(map, "owner"))
        return cfg_error(err, map, "rule `%s` needs an `owner:`: who is to be asked about it",
                         r->name);
    st = text_of(cfg_get(map, "owner"), &r->owner, err);
    if (st == EASG_OK && cfg_get(map, "expires"))
        st = date_of(cfg_get(map, "expires"), &r->expires, err);
    if (st == EASG_OK)
        st = read_match(doc, match, r, err);
    if (st == EASG_OK && cfg_get(map, "trust_claims") &&
        !cfg_bool(cfg_get(map, "trust_claims"), &trust))
        st = cfg_error(err, cfg_get(map, "trust_claims"), "`trust_claims` must be true or false");
    if (st == EASG_OK && r->claims && !trust && r->action != RULE_BLOCK)
        return cfg_error(err, action,
                         "rule `%s` would let a device in by what it says of itself (type, model, "
                         "os, user_agent, or a platform without a record of the device manager); "
                         "match by user or device_id, or write `trust_claims: true`",
                         r->name);
    return st;
}

static easg_status read_rules(struct org_config *o, easg_error *err)
{
    const easg_config *map = cfg_get(cfg_root(o->doc), "rules");
    size_t n = cfg_count(map);
    struct policy_rule *rules;
    easg_status st = EASG_OK;

    if (!n)
        return EASG_OK;
    rules = cfg_doc_alloc(o->doc, n * sizeof *rules);
    if (!rules)
        return EASG_E_NOMEM;
    for (size_t i = 0; st == EASG_OK && i < n; i++)
        st = read_rule(o->doc, cfg_at(map, i), &rules[i], err);
    o->rules = rules;
    o->n_rules = n;
    return st;
}

/* ---- rings ---- */

static easg_status read_ring(struct cfg_doc *doc, const easg_config *map, int last,
                             struct policy_ring *r, easg_error *err)
{
    static const char *const known[] = { "users",         "group",         "percent", "delay",
                                         "blast_devices", "blast_percent", NULL };
    int64_t number = 0;
    easg_str s;

    memset(r, 0, sizeof *r);
    r->name = map->key.ptr;
    r->blast_devices = r->blast_percent = -1;
    for (size_t i = 0; i < cfg_count(map); i++) {
        const easg_config *n = cfg_at(map, i);

        if (text_eq(&n->key, "users")) {
            size_t count = cfg_type(n) == EASG_NODE_LIST ? cfg_count(n) : 1;
            const char **users = cfg_doc_alloc(doc, count * sizeof *users);

            if (!users)
                return EASG_E_NOMEM;
            for (size_t k = 0; k < count; k++)
                if (!cfg_str(cfg_type(n) == EASG_NODE_LIST ? cfg_at(n, k) : n, &s))
                    return cfg_error(err, n, "`users` are patterns of user principal names");
                else
                    users[k] = s.ptr;
            r->users = users;
            r->n_users = count;
        } else if (text_eq(&n->key, "group")) {
            easg_status st = groups_of(doc, n, &r->groups, &r->n_groups, err);

            if (st != EASG_OK)
                return st;
        } else if (text_eq(&n->key, "delay")) {
            if (!cfg_str(n, &s) ||
                !(text_eq(&s, "0") || duration_parse(s.ptr, s.len, &r->delay_ms)))
                return cfg_error(err, n, "`delay` must be a duration, such as 3d");
        } else if (text_eq(&n->key, "percent") || text_eq(&n->key, "blast_devices") ||
                   text_eq(&n->key, "blast_percent")) {
            int share = !text_eq(&n->key, "blast_devices");

            if (!cfg_int(n, &number) || number < 0 || number > (share ? 100 : 1000000))
                return cfg_error(err, n, "`%s` must be a number of 0 to %d", n->key.ptr,
                                 share ? 100 : 1000000);
            *(text_eq(&n->key, "percent")         ? &r->percent
              : text_eq(&n->key, "blast_devices") ? &r->blast_devices
                                                  : &r->blast_percent) = number;
        } else {
            return unknown_key(n, "a ring", known, err);
        }
    }
    if (!last && !r->n_users && !r->n_groups && !r->percent)
        return cfg_error(
            err, map,
            "ring `%s` needs `users:`, `group:` or `percent:`; only the last one takes "
            "everybody else",
            r->name);
    return EASG_OK;
}

static easg_status read_rings(struct org_config *o, easg_error *err)
{
    const easg_config *map = cfg_get(cfg_root(o->doc), "rings");
    size_t n = cfg_count(map);
    struct policy_ring *rings;
    easg_status st = EASG_OK;

    if (!n)
        return EASG_OK;
    rings = cfg_doc_alloc(o->doc, n * sizeof *rings);
    if (!rings)
        return EASG_E_NOMEM;
    for (size_t i = 0; st == EASG_OK && i < n; i++)
        st = read_ring(o->doc, cfg_at(map, i), i + 1 == n, &rings[i], err);
    o->rings = rings;
    o->n_rings = n;
    return st;
}

/* Every group that a rule or a ring names, once: what the device manager is asked for. */
static easg_status watch(struct org_config *o, const char *const *groups, size_t n,
                         const easg_str **list, easg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        easg_str *s;
        size_t k = 0;

        while (k < o->n_watch_groups &&
               !text_ieq(list[k]->ptr, list[k]->len, groups[i], strlen(groups[i])))
            k++;
        if (k < o->n_watch_groups)
            continue;
        if (k == ORG_WATCH_MAX)
            return err_set(err, EASG_E_CONFIG, "%s: rules and rings name more than %d groups",
                           o->doc->name, ORG_WATCH_MAX);
        s = cfg_doc_alloc(o->doc, sizeof *s);
        if (!s)
            return err_nomem(err);
        *s = text_str(groups[i]);
        list[o->n_watch_groups++] = s;
    }
    return EASG_OK;
}

static easg_status read_watched(struct org_config *o, easg_error *err)
{
    const easg_str **list = cfg_doc_alloc(o->doc, ORG_WATCH_MAX * sizeof *list);
    easg_status st = list ? EASG_OK : err_nomem(err);

    for (size_t i = 0; st == EASG_OK && i < o->n_rules; i++)
        st = watch(o, o->rules[i].groups, o->rules[i].n_groups, list, err);
    for (size_t i = 0; st == EASG_OK && i < o->n_rings; i++)
        st = watch(o, o->rings[i].groups, o->rings[i].n_groups, list, err);
    o->watch_groups = list;
    return st;
}

easg_status cfg_read_trust(struct org_config *o, easg_error *err)
{
    const easg_config *root = cfg_root(o->doc);
    const easg_config *node = cfg_get(root, "brakes.accept_no_eas_id");
    easg_status st = EASG_OK;
    easg_str s;

    node = cfg_get(root, "failure_policy");
    o->failure = !cfg_str(node, &s)      ? FAILURE_HOLD
                 : text_eq(&s, "open")   ? FAILURE_OPEN
                 : text_eq(&s, "closed") ? FAILURE_CLOSED
                                         : FAILURE_HOLD;
    node = cfg_get(root, "brakes.accept_no_eas_id");
    if (cfg_count(node))
        st = set_of(node, platform_words, &o->accept_no_eas_id, err);
    (void)cfg_int(cfg_get(root, "policy.grandfather"), &o->grandfather_ms);
    o->grandfather_until = EASG_TIME_NONE;
    node = cfg_get(root, "policy.grandfather_until");
    if (st == EASG_OK && cfg_str(node, &s) && !text_blank(&s))
        st = date_of(node, &o->grandfather_until, err);
    o->id_registry =
        cfg_str(cfg_get(root, "policy.id_registry"), &s) && !text_blank(&s) ? s.ptr : NULL;
    (void)cfg_int(cfg_get(root, "retention.history"), &o->keep_history_ms);
    (void)cfg_int(cfg_get(root, "retention.audit"), &o->keep_audit_ms);
    if (st == EASG_OK)
        st = read_rules(o, err);
    if (st == EASG_OK)
        st = read_rings(o, err);
    return st == EASG_OK ? read_watched(o, err) : st;
}
