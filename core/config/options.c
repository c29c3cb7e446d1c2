/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - a map against declared options: what is unknown, missing, deprecated or given; and
 * the defaults of the rest. A dotted name ("auth.method") is a map in a map.
 */
#include "cfgtree.h"

#include "err.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

struct check {
    struct cfg_doc *doc; /* the tree that is made */
    const easg_option *const *options;
    const char *const *skip;
};

static int skipped(const struct check *c, const char *key)
{
    for (size_t i = 0; c->skip && c->skip[i]; i++)
        if (strcmp(c->skip[i], key) == 0)
            return 1;
    return 0;
}

static const easg_option *find(const struct check *c, const char *path)
{
    for (size_t i = 0; c->options[i]; i++)
        if (strcmp(c->options[i]->name, path) == 0)
            return c->options[i];
    return NULL;
}

/* 1: options stand below `path`. */
static int is_section(const struct check *c, const char *path)
{
    size_t n = strlen(path);

    for (size_t i = 0; c->options[i]; i++)
        if (strncmp(c->options[i]->name, path, n) == 0 && c->options[i]->name[n] == '.')
            return 1;
    return 0;
}

/* The part of option i that would stand in the map at `prefix` ("" or "auth."); 0: none. */
static int part_at(const struct check *c, size_t i, const char *prefix, char part[64])
{
    size_t n = strlen(prefix);
    const char *rest = c->options[i]->name + n;

    if (strncmp(c->options[i]->name, prefix, n) != 0)
        return 0;
    (void)snprintf(part, 64, "%.*s", (int)strcspn(rest, "."), rest);
    return 1;
}

static easg_status unknown_key(const struct check *c, const struct easg_config *node,
                               const char *prefix, easg_error *err)
{
    struct cfg_nearest near = { .name = node->key.ptr };
    char keep[64] = "";
    char part[64];
    char list[240] = "";
    size_t used = 0;
    char safe[80];
    size_t i;

    text_safe(node->key.ptr, node->key.len, safe, sizeof safe);
    if (strchr(node->key.ptr, '.') && find(c, node->key.ptr) && !*prefix)
        return cfg_error_key(err, node, "`%s` is written as maps: %.*s: { %s: ... }", safe,
                             (int)strcspn(safe, "."), safe, strchr(safe, '.') + 1);
    for (i = 0; c->options[i]; i++) {
        if (!part_at(c, i, prefix, part))
            continue;
        near.best = near.best ? keep : NULL;
        cfg_nearest_try(&near, part);
        if (near.best == part)
            memcpy(keep, part, sizeof keep);
    }
    for (i = 0; !*prefix && c->skip && c->skip[i]; i++) {
        near.best = near.best ? keep : NULL;
        cfg_nearest_try(&near, c->skip[i]);
        if (near.best && near.best != keep)
            (void)snprintf(keep, sizeof keep, "%s", c->skip[i]);
    }
    if (near.best)
        return cfg_error_key(err, node, "unknown key `%s`; did you mean `%s`?", safe, keep);
    for (i = 0; c->options[i] && used < sizeof list - 70; i++) {
        if (!part_at(c, i, prefix, part) || (used && strstr(list, part)))
            continue; /* one that is part of another is left out: it is only a help */
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", part);
    }
    return cfg_error_key(err, node, "unknown key `%s`; known here: %s%s", safe,
                         used ? list : "nothing", c->options[i] ? ", ..." : "");
}

static easg_status name_child(struct easg_config *child, const struct easg_config *from,
                              easg_error *err)
{
    child->key.ptr = cfg_doc_dup(child->doc, from->key.ptr, from->key.len);
    child->key.len = from->key.len;
    child->key_place = from->key_place;
    return child->key.ptr ? EASG_OK : err_nomem(err);
}

static easg_status check_option(struct check *c, const easg_option *o,
                                const struct easg_config *from, struct easg_config *out,
                                easg_error *err)
{
    struct easg_config *child = NULL;
    easg_status st;

    if (from->type == EASG_NODE_NULL) {
        if (o->type == EASG_OPT_LIST || o->type == EASG_OPT_MAP)
            return EASG_OK; /* all of it is commented out: not given */
        return cfg_error_key(err, from, "`%s` has no value; give it one, or remove the line",
                             from->key.ptr);
    }
    if (o->flags & EASG_OPTF_DEPRECATED)
        cfg_warn(c->doc, from, "`%s` is deprecated%s%s", o->name, o->doc ? ": " : "",
                 o->doc ? o->doc : "");
    st = cfg_check_value(c->doc, o, from, &child, err);
    if (st == EASG_OK)
        st = name_child(child, from, err);
    return st == EASG_OK ? cfg_node_add(out, child, err) : st;
}

/* Checks the map `from` that stands at `prefix` into `out`. At most CFG_MAX_LEVELS deep. */
static easg_status check_map(struct check *c, const struct easg_config *from, const char *prefix,
                             struct easg_config *out, easg_error *err)
{
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < from->n; i++) {
        const struct easg_config *item = from->items[i];
        const easg_option *o;
        struct easg_config *child = NULL;
        char path[2 * CFG_MAX_KEY];

        if (!*prefix && skipped(c, item->key.ptr))
            continue;
        if (strchr(item->key.ptr, '.') || strlen(prefix) + item->key.len >= sizeof path - 2)
            return unknown_key(c, item, prefix, err);
        (void)snprintf(path, sizeof path, "%s%s", prefix, item->key.ptr);
        o = find(c, path);
        if (o) {
            st = check_option(c, o, item, out, err);
            continue;
        }
        if (!is_section(c, path))
            return unknown_key(c, item, prefix, err);
        if (item->type == EASG_NODE_NULL)
            continue;
        if (item->type != EASG_NODE_MAP)
            return cfg_error(err, item, "`%s` must be a map with keys of its own", item->key.ptr);
        st = cfg_node_make(c->doc, EASG_NODE_MAP, item->place, &child, err);
        if (st == EASG_OK)
            st = name_child(child, item, err);
        if (st == EASG_OK)
            st = cfg_node_add(out, child, err);
        path[strlen(path) + 1] = '\0';
        path[strlen(path)] = '.';
        if (st == EASG_OK)
            st = check_map(c, item, path, child, err);
    }
    return st;
}

/* ---- what was not given ---- */

/* The map that holds option `o`, as far as it is there; *rest is the part of the name below. */
static struct easg_config *nearest_map(const struct check *c, const easg_option *o,
                                       const char **rest)
{
    struct easg_config *map = c->doc->root;

    *rest = o->name;
    for (;;) {
        size_t n = strcspn(*rest, ".");
        struct easg_config *next = (*rest)[n] ? cfg_child(map, *rest, n) : NULL;

        if (!next)
            return map;
        map = next;
        *rest += n + 1;
    }
}

/* The text of a default, parsed as YAML would be in its place. */
static easg_status make_default(struct check *c, const easg_option *o,
                                const struct easg_config *map, struct easg_config **out,
                                easg_error *err)
{
    struct cfg_doc *text = NULL;
    easg_status st =
        cfg_open_memory("default", o->default_value, strlen(o->default_value), &text, err);
    struct easg_config *from;

    if (st == EASG_OK) {
        from = text->root;
        if (o->type == EASG_OPT_LIST && from->type != EASG_NODE_LIST) { /* one item */
            struct easg_config *list = NULL;

            st = cfg_node_make(text, EASG_NODE_LIST, from->place, &list, err);
            if (st == EASG_OK && from->type != EASG_NODE_NULL)
                st = cfg_node_add(list, from, err);
            from = list;
        }
        if (st == EASG_OK && !from->text.ptr && from->type == EASG_NODE_NULL)
            st = cfg_node_scalar(from, "", 0, 1, err);
        if (st == EASG_OK)
            st = cfg_check_value(c->doc, o, from, out, err);
    }
    cfg_close(text);
    if (st != EASG_OK && st != EASG_E_NOMEM)
        return err_at(err, EASG_E_USAGE, "declared default of option %s", o->name);
    if (st == EASG_OK) {
        (*out)->place = map->place;
        (*out)->where = map->where;
        (*out)->is_default = 1;
    }
    return st;
}

static easg_status fill_option(struct check *c, const easg_option *o, easg_error *err)
{
    const char *rest;
    struct easg_config *map = nearest_map(c, o, &rest);
    struct easg_config *child = NULL;
    easg_status st = EASG_OK;

    if (!strchr(rest, '.') && cfg_child(map, rest, strlen(rest)))
        return EASG_OK; /* given */
    if (o->flags & EASG_OPTF_REQUIRED)
        return cfg_error(err, map, "`%s` is missing%s%s", o->name, o->doc ? ": " : "",
                         o->doc ? o->doc : "");
    if (!o->default_value)
        return EASG_OK;
    for (;;) {
        size_t n = strcspn(rest, ".");
        int leaf = !rest[n];

        st = leaf ? make_default(c, o, map, &child, err)
                  : cfg_node_make(c->doc, EASG_NODE_MAP, map->place, &child, err);
        if (st != EASG_OK)
            return st;
        child->is_default = 1;
        child->key.ptr = cfg_doc_dup(c->doc, rest, n);
        child->key.len = n;
        if (!child->key.ptr)
            return err_nomem(err);
        st = cfg_node_add(map, child, err);
        if (leaf || st != EASG_OK)
            return st;
        map = child;
        rest += n + 1;
    }
}

easg_status cfg_check_options(const easg_config *node, const easg_option *const *options,
                              const char *const *skip, struct cfg_doc **out, easg_error *err)
{
    static const easg_option *const none[] = { NULL };
    struct cfg_place place = { 0, 0 };
    struct check c = { .options = options ? options : none, .skip = skip };
    easg_status st;

    *out = NULL;
    if (node && node->type != EASG_NODE_MAP && node->type != EASG_NODE_NULL)
        return cfg_error(err, node, "expected a map (`key: value` lines)");
    c.doc = cfg_doc_create(node ? node->doc->name : "configuration");
    if (!c.doc)
        return err_nomem(err);
    if (node)
        place = node->place;
    st = cfg_node_make(c.doc, EASG_NODE_MAP, place, &c.doc->root, err);
    if (st == EASG_OK && node && node->type == EASG_NODE_MAP)
        st = check_map(&c, node, "", c.doc->root, err);
    for (size_t i = 0; st == EASG_OK && c.options[i]; i++)
        st = fill_option(&c, c.options[i], err);
    if (st != EASG_OK) {
        cfg_close(c.doc);
        return st;
    }
    *out = c.doc;
    return EASG_OK;
}
