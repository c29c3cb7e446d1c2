/* SPDX-License-Identifier: Apache-2.0
 *
 * show.c - a tree as YAML again, with defaults marked and secrets masked.
 */
#include "cfgtree.h"

#include "err.h"
#include "text.h"

#include <string.h>

static const char *const host_keys[] = { "module", "enabled", NULL };

static void indent(struct strbuf *out, unsigned level)
{
    for (unsigned i = 0; i < level; i++)
        strbuf_adds(out, "  ");
}

static int sounds_secret(const easg_str *key)
{
    static const char *const words[] = { "password", "passwd", "passphrase",
                                         "secret",   "token",  "private_key" };
    char low[CFG_MAX_KEY + 1];
    size_t i;

    for (i = 0; i < key->len && i < CFG_MAX_KEY; i++)
        low[i] = (char)(key->ptr[i] >= 'A' && key->ptr[i] <= 'Z' ? key->ptr[i] + 32 : key->ptr[i]);
    low[i] = '\0';
    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(low, words[i]))
            return 1;
    return 0;
}

/* 1: the text means the same with no quotes round it. */
static int plain(const struct easg_config *n)
{
    const char *s = n->text.ptr;
    int64_t num;

    if (n->type == EASG_NODE_INT || n->type == EASG_NODE_BOOL)
        return 1;
    if (cfg_classify(s, n->text.len, &num) != EASG_NODE_STRING)
        return 0;
    if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
          *s == '/'))
        return 0;
    for (const char *p = s; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c <= ' ' || c >= 0x7f || strchr("#,[]{}&*!|>'\"%`?", *p) || (*p == ':' && !p[1]))
            return 0;
    }
    return 1;
}

static void add_scalar(struct strbuf *out, const struct easg_config *n)
{
    const char *s = n->text.ptr;

    if (n->type == EASG_NODE_NULL) {
        strbuf_adds(out, "null");
        return;
    }
    if ((n->is_secret || sounds_secret(&n->key)) && !cfg_is_reference(&n->text)) {
        strbuf_adds(out, "\"********\"");
        return;
    }
    if (plain(n)) {
        strbuf_adds(out, s);
        return;
    }
    if (!strpbrk(s, "\n\t")) {
        strbuf_addc(out, '\'');
        for (; *s; s++)
            strbuf_adds(out, *s == '\'' ? "''" : (const char[]){ *s, '\0' });
        strbuf_addc(out, '\'');
        return;
    }
    strbuf_addc(out, '"');
    strbuf_add_json(out, s, n->text.len);
    strbuf_addc(out, '"');
}

static void add_node(struct strbuf *out, const struct easg_config *n, unsigned level);

/* What follows "key:" or "-". */
static void add_value(struct strbuf *out, const struct easg_config *n, unsigned level)
{
    if (n->type == EASG_NODE_MAP || n->type == EASG_NODE_LIST) {
        if (n->n == 0) {
            strbuf_adds(out, n->type == EASG_NODE_MAP ? " {}\n" : " []\n");
            return;
        }
        strbuf_addc(out, '\n');
        add_node(out, n, level + 1);
        return;
    }
    strbuf_addc(out, ' ');
    add_scalar(out, n);
    strbuf_adds(out, n->is_default ? "  # default\n" : "\n");
}

static void add_key(struct strbuf *out, const struct easg_config *n, unsigned level)
{
    struct easg_config key = { .type = EASG_NODE_STRING, .text = n->key };

    indent(out, level);
    add_scalar(out, &key);
    strbuf_addc(out, ':');
}

/* At most CFG_MAX_LEVELS deep. */
static void add_node(struct strbuf *out, const struct easg_config *n, unsigned level)
{
    for (size_t i = 0; i < n->n; i++) {
        if (n->type == EASG_NODE_MAP) {
            add_key(out, n->items[i], level);
        } else {
            indent(out, level);
            strbuf_addc(out, '-');
        }
        add_value(out, n->items[i], level);
    }
}

void cfg_show_key(const struct easg_config *node, struct strbuf *out)
{
    if (!node)
        return;
    add_key(out, node, 0);
    add_value(out, node, 0);
}

easg_status cfg_show(const easg_config *node, struct strbuf *out)
{
    if (node && (node->type == EASG_NODE_MAP || node->type == EASG_NODE_LIST)) {
        add_node(out, node, 0);
    } else if (node) {
        add_scalar(out, node);
        strbuf_addc(out, '\n');
    }
    return strbuf_status(out);
}

/* The module's map: `module` and `enabled` as written, then the checked options. */
static easg_status show_module(const struct easg_config *map, const struct cfg_schema_module *m,
                               struct strbuf *out, easg_error *err)
{
    struct cfg_doc *doc = NULL;
    easg_status st = cfg_check_options(map, m->options, host_keys, &doc, err);

    if (st != EASG_OK)
        return st;
    add_key(out, map, 0);
    strbuf_addc(out, '\n');
    for (size_t i = 0; host_keys[i]; i++) {
        const easg_config *n = cfg_get(map, host_keys[i]);

        if (n) {
            add_key(out, n, 1);
            add_value(out, n, 1);
        }
    }
    add_node(out, doc->root, 1);
    cfg_close(doc);
    return EASG_OK;
}

static const struct cfg_schema_module *find(const struct cfg_schema_module *modules, size_t n,
                                            const struct easg_config *map)
{
    easg_str id;

    if (map->type != EASG_NODE_MAP || !cfg_str(cfg_get(map, "module"), &id))
        return NULL;
    for (size_t k = 0; k < 4; k++) {
        if (!text_eq(&map->key, cfg_module_keys[k]))
            continue;
        for (size_t i = 0; i < n; i++)
            if (text_eq(&id, modules[i].id) && cfg_of_kind(&modules[i], cfg_module_keys[k]))
                return &modules[i];
    }
    return NULL;
}

easg_status org_config_show(const struct org_config *org, const struct cfg_schema_module *modules,
                            size_t n, struct strbuf *out, easg_error *err)
{
    const struct easg_config *root = cfg_root(org->doc);

    for (size_t i = 0; i < root->n; i++) {
        const struct easg_config *item = root->items[i];
        const struct cfg_schema_module *m = find(modules, n, item);
        easg_status st = EASG_OK;

        if (m) {
            st = show_module(item, m, out, err);
        } else {
            add_key(out, item, 0);
            add_value(out, item, 0);
        }
        if (st != EASG_OK)
            return st;
    }
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}
