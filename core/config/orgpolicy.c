/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy.c - `organization_policy` and `device_commands` of an organisation's file. What is not
 * written there is never touched; whether the source can write what is written, its module says.
 */
#include "cfgtree.h"

#include "err.h"
#include "text.h"

#include <string.h>

#define SECTION "organization_policy"

static const char *const characteristics[] = { "device_type", "device_model", "device_os",
                                               "user_agent", NULL };
static const char *const levels[] = { "allow", "block", "quarantine", NULL };

enum { SETTING, RULE, MAILBOX_POLICY }; /* EASG_PART_* */

static int word_of(const char *const *words, const easg_str *s)
{
    for (int i = 0; words[i]; i++)
        if (text_eq(s, words[i]))
            return i;
    return -1;
}

static easg_status add(struct org_config *o, struct orgpolicy_entry *items, uint32_t part,
                       const char *name, const char *value, const easg_config *node,
                       easg_error *err)
{
    struct orgpolicy_config *p = &o->orgpolicy;

    for (size_t i = 0; i < p->n; i++)
        if (items[i].part == part &&
            text_ieq(items[i].name, strlen(items[i].name), name, strlen(name)))
            return cfg_error_key(err, node, "`%s` stands here twice (letter case does not count)",
                                 node->key.ptr);
    items[p->n++] = (struct orgpolicy_entry){ part, name, value, node };
    p->parts |= 1u << part;
    return EASG_OK;
}

/* "a:b" in the document's memory. */
static const char *joined(struct cfg_doc *doc, const easg_str *a, char between, const easg_str *b)
{
    char *out = cfg_doc_alloc(doc, a->len + b->len + 2);

    if (out) {
        memcpy(out, a->ptr, a->len);
        out[a->len] = between;
        memcpy(out + a->len + 1, b->ptr, b->len + 1);
    }
    return out;
}

/* ---- settings ---- */

static int one_line(const easg_str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->ptr[i] < 0x20 || s->ptr[i] == 0x7f)
            return 0;
    return 1;
}

/* Sorted, so that an order that means nothing makes no difference. */
static easg_status recipients(struct org_config *o, const easg_config *list, const char **out,
                              easg_error *err)
{
    size_t n = cfg_count(list);
    size_t size = 1;
    char *text;

    for (size_t i = 0; i < n; i++) {
        const easg_str *s = &list->items[i]->text;

        if (!s->len || !strchr(s->ptr, '@') || strcspn(s->ptr, " ,;<>\"") != s->len)
            return cfg_error(err, list->items[i], "expected a mail address");
        size += s->len + 2;
    }
    text = cfg_doc_alloc(o->doc, size);
    if (!text)
        return err_nomem(err);
    for (size_t done = 0; done < n; done++) { /* a handful: the smallest that is above the last */
        const easg_str *best = NULL;

        for (size_t i = 0; i < n; i++) {
            const easg_str *s = &list->items[i]->text;
            size_t above = 0;

            for (size_t k = 0; k < n; k++)
                above += strcmp(list->items[k]->text.ptr, s->ptr) < 0 ||
                         (k < i && strcmp(list->items[k]->text.ptr, s->ptr) == 0);
            if (above == done)
                best = s;
        }
        if (best) {
            if (done)
                memcpy(text + strlen(text), ", ", 3);
            memcpy(text + strlen(text), best->ptr, best->len + 1);
        }
    }
    *out = text;
    return EASG_OK;
}

static easg_status read_settings(struct org_config *o, struct orgpolicy_entry *items,
                                 easg_error *err)
{
    const easg_config *root = cfg_root(o->doc);
    const easg_config *node = cfg_get(root, SECTION ".default_access_level");
    const char *list = NULL;
    easg_status st = EASG_OK;
    easg_str s;

    if (node && cfg_str(node, &s))
        st = add(o, items, SETTING, "default_access_level", s.ptr, node, err);
    node = cfg_get(root, SECTION ".user_mail_insert");
    if (st == EASG_OK && node && cfg_str(node, &s))
        st = one_line(&s) ? add(o, items, SETTING, "user_mail_insert", s.ptr, node, err)
                          : cfg_error(err, node, "`user_mail_insert` must be one line of text");
    node = cfg_get(root, SECTION ".admin_mail_recipients");
    if (st == EASG_OK && node) {
        st = recipients(o, node, &list, err);
        if (st == EASG_OK)
            st = add(o, items, SETTING, "admin_mail_recipients", list, node, err);
    }
    return st;
}

/* ---- maps of maps ---- */

static easg_status not_a_map(const easg_config *node, easg_error *err)
{
    return cfg_error(err, node, "`%s` must be a map with keys of its own", node->key.ptr);
}

static easg_status read_rule(struct org_config *o, struct orgpolicy_entry *items,
                             const easg_config *by, const easg_config *rule, easg_error *err)
{
    const char *name;
    easg_str level;

    if (!cfg_str(rule, &level) || word_of(levels, &level) < 0)
        return cfg_error(err, rule, "a device rule says allow, block or quarantine");
    if (!rule->key.len || !one_line(&rule->key))
        return cfg_error_key(err, rule, "a device rule needs the text that devices must show");
    name = joined(o->doc, &by->key, ':', &rule->key);
    return name ? add(o, items, RULE, name, level.ptr, rule, err) : err_nomem(err);
}

static easg_status read_setting_of(struct org_config *o, struct orgpolicy_entry *items,
                                   const easg_config *policy, const easg_config *setting,
                                   easg_error *err)
{
    const char *name;
    easg_str value;
    int32_t truth;

    if (!cfg_str(setting, &value) || !value.len || !one_line(&value))
        return cfg_error(err, setting, "`%s` must be true, false, a number or unlimited",
                         setting->key.ptr);
    if (!setting->quoted && cfg_bool(setting, &truth))
        value.ptr = truth ? "true" : "false";
    name = joined(o->doc, &policy->key, '/', &setting->key);
    return name ? add(o, items, MAILBOX_POLICY, name, value.ptr, setting, err) : err_nomem(err);
}

static easg_status read_maps(struct org_config *o, struct orgpolicy_entry *items, int rules,
                             easg_error *err)
{
    const easg_config *map =
        cfg_get(cfg_root(o->doc), rules ? SECTION ".device_rules" : SECTION ".mailbox_policies");
    easg_status st = EASG_OK;

    if (rules && map)
        o->orgpolicy.parts |= 1u << RULE; /* none at all is a wish as well: ours go */
    for (size_t i = 0; st == EASG_OK && i < cfg_count(map); i++) {
        const easg_config *inner = cfg_at(map, i);

        if (rules && word_of(characteristics, &inner->key) < 0)
            return cfg_error_key(err, inner,
                                 "unknown key `%s` in device_rules; known here: device_type, "
                                 "device_model, device_os, user_agent",
                                 inner->key.ptr);
        if (cfg_type(inner) != EASG_NODE_MAP)
            return not_a_map(inner, err);
        for (size_t k = 0; st == EASG_OK && k < cfg_count(inner); k++)
            st = rules ? read_rule(o, items, inner, cfg_at(inner, k), err)
                       : read_setting_of(o, items, inner, cfg_at(inner, k), err);
    }
    return st;
}

static size_t count_inner(const easg_config *map)
{
    size_t n = 0;

    for (size_t i = 0; i < cfg_count(map); i++)
        n += cfg_count(cfg_at(map, i));
    return n;
}

easg_status cfg_read_orgpolicy(struct org_config *o, easg_error *err)
{
    const easg_config *root = cfg_root(o->doc);
    struct orgpolicy_entry *items;
    size_t room = 3 + count_inner(cfg_get(root, SECTION ".device_rules")) +
                  count_inner(cfg_get(root, SECTION ".mailbox_policies"));
    easg_status st;
    int32_t b = 0;

    items = cfg_doc_alloc(o->doc, room * sizeof *items);
    if (!items)
        return err_nomem(err);
    o->orgpolicy.items = items;
    st = read_settings(o, items, err);
    if (st == EASG_OK)
        st = read_maps(o, items, 1, err);
    if (st == EASG_OK)
        st = read_maps(o, items, 0, err);
    if (st == EASG_OK && cfg_bool(cfg_get(root, SECTION ".device_rules_exclusive"), &b) && b) {
        o->orgpolicy.rules_exclusive = 1;
        if (!(o->orgpolicy.parts & 1u << RULE))
            st = cfg_error(err, cfg_get(root, SECTION ".device_rules_exclusive"),
                           "`device_rules_exclusive` needs `device_rules`, or every rule of the "
                           "organisation would be taken away");
    }
    b = 0;
    if (cfg_bool(cfg_get(root, "device_commands.remove"), &b))
        o->device_commands.remove = b;
    b = 0;
    if (cfg_bool(cfg_get(root, "device_commands.wipe"), &b))
        o->device_commands.wipe = b;
    (void)cfg_int(cfg_get(root, "device_commands.confirm_within"), &o->device_commands.confirm_ms);
    return st;
}
