/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c - documents, nodes, and the functions that read them. How a file becomes nodes is in
 * parse.c.
 */
#include "cfgtree.h"

#include "err.h"
#include "fs.h"
#include "secret.h"
#include "text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- documents: all memory of one stands in chunks ----------------------------------------------
 */

#define CHUNK_BYTES 8192

struct cfg_chunk {
    struct cfg_chunk *next;
    size_t used, size;
    max_align_t room[];
};

struct cfg_doc *cfg_doc_create(const char *name)
{
    struct cfg_doc *doc = mem_alloc(sizeof *doc);
    const char *last = fs_name(name);

    if (!doc)
        return NULL;
    doc->name = mem_strdup(*last ? last : name);
    if (!doc->name) {
        mem_free(doc);
        return NULL;
    }
    return doc;
}

void cfg_close(struct cfg_doc *doc)
{
    if (!doc)
        return;
    while (doc->chunks) {
        struct cfg_chunk *c = doc->chunks;

        doc->chunks = c->next;
        secret_wipe(c->room, c->used); /* somebody may have written a secret by mistake */
        mem_free(c);
    }
    mem_free(doc->name);
    mem_free(doc);
}

void *cfg_doc_alloc(struct cfg_doc *doc, size_t size)
{
    struct cfg_chunk *c = doc->chunks;
    void *p;

    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

        c = mem_alloc(sizeof *c + room);
        if (!c)
            return NULL;
        c->size = room;
        c->next = doc->chunks;
        doc->chunks = c;
    }
    p = (char *)c->room + c->used;
    c->used += size;
    return p;
}

char *cfg_doc_dup(struct cfg_doc *doc, const char *ptr, size_t len)
{
    char *s = cfg_doc_alloc(doc, len + 1);

    if (s && len)
        memcpy(s, ptr, len);
    return s;
}

/* ---- nodes --------------------------------------------------------------------------------------
 */

easg_status cfg_node_make(struct cfg_doc *doc, easg_node_type type, struct cfg_place place,
                          struct easg_config **out, easg_error *err)
{
    struct easg_config *node;
    char where[300];
    int n;

    if (doc->n_nodes >= CFG_MAX_NODES)
        return err_set(err, EASG_E_CONFIG, "%s:%u:%u: more than %d values in one file", doc->name,
                       place.line, place.col, CFG_MAX_NODES);
    n = place.line ? snprintf(where, sizeof where, "%.200s:%u:%u", doc->name, place.line, place.col)
                   : snprintf(where, sizeof where, "%.200s", doc->name);
    node = cfg_doc_alloc(doc, sizeof *node);
    if (!node || n < 0 || !(node->where = cfg_doc_dup(doc, where, (size_t)n)))
        return err_nomem(err);
    node->doc = doc;
    node->type = type;
    node->place = place;
    node->key_place = place;
    doc->n_nodes++;
    *out = node;
    return EASG_OK;
}

easg_status cfg_node_add(struct easg_config *parent, struct easg_config *child, easg_error *err)
{
    if (parent->n == parent->cap) {
        size_t cap = parent->cap ? parent->cap * 2 : 4;
        struct easg_config **items = cfg_doc_alloc(parent->doc, cap * sizeof(struct easg_config *));

        if (!items)
            return err_nomem(err);
        if (parent->n)
            memcpy(items, parent->items, parent->n * sizeof(struct easg_config *));
        parent->items = items;
        parent->cap = cap;
    }
    parent->items[parent->n++] = child;
    return EASG_OK;
}

static int one_of(const char *ptr, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == len && memcmp(*words, ptr, len) == 0)
            return 1;
    return 0;
}

easg_node_type cfg_classify(const char *ptr, size_t len, int64_t *num)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes",
                                       "YES",  "on",   "On",   "ON",  NULL };
    static const char *const no[] = { "false", "False", "FALSE", "no",  "No",
                                      "NO",    "off",   "Off",   "OFF", NULL };
    int minus = len > 0 && ptr[0] == '-';
    size_t skip = minus || (len > 0 && ptr[0] == '+');
    uint64_t v;

    *num = 0;
    if (one_of(ptr, len, nulls))
        return EASG_NODE_NULL;
    if (one_of(ptr, len, yes)) {
        *num = 1;
        return EASG_NODE_BOOL;
    }
    if (one_of(ptr, len, no))
        return EASG_NODE_BOOL;
    /* 007 is somebody's name for something, and octal for others: a string */
    if (len - skip > 1 && ptr[skip] == '0')
        return EASG_NODE_STRING;
    if (text_parse_u64(ptr + skip, len - skip, &v) && v <= (uint64_t)INT64_MAX) {
        *num = minus ? -(int64_t)v : (int64_t)v;
        return EASG_NODE_INT;
    }
    return EASG_NODE_STRING;
}

easg_status cfg_node_scalar(struct easg_config *node, const char *ptr, size_t len, int quoted,
                            easg_error *err)
{
    node->text.ptr = cfg_doc_dup(node->doc, ptr, len);
    if (!node->text.ptr)
        return err_nomem(err);
    node->text.len = len;
    node->quoted = quoted;
    node->type = quoted ? EASG_NODE_STRING : cfg_classify(ptr, len, &node->num);
    return EASG_OK;
}

easg_status cfg_node_copy(struct cfg_doc *doc, const struct easg_config *from,
                          struct easg_config **out, easg_error *err)
{
    struct easg_config *node = NULL;
    easg_status st = cfg_node_make(doc, from->type, from->place, &node, err);

    if (st != EASG_OK)
        return st;
    node->quoted = from->quoted;
    node->is_default = from->is_default;
    node->is_secret = from->is_secret;
    node->key_place = from->key_place;
    node->num = from->num;
    if (from->key.ptr) {
        node->key.ptr = cfg_doc_dup(doc, from->key.ptr, from->key.len);
        node->key.len = from->key.len;
    }
    if (from->text.ptr) {
        node->text.ptr = cfg_doc_dup(doc, from->text.ptr, from->text.len);
        node->text.len = from->text.len;
    }
    if ((from->key.ptr && !node->key.ptr) || (from->text.ptr && !node->text.ptr))
        return err_nomem(err);
    for (size_t i = 0; st == EASG_OK && i < from->n; i++) { /* at most CFG_MAX_LEVELS deep */
        struct easg_config *child = NULL;

        st = cfg_node_copy(doc, from->items[i], &child, err);
        if (st == EASG_OK)
            st = cfg_node_add(node, child, err);
    }
    *out = node;
    return st;
}

struct easg_config *cfg_child(const struct easg_config *map, const char *key, size_t len)
{
    if (!map || map->type != EASG_NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (map->items[i]->key.len == len && memcmp(map->items[i]->key.ptr, key, len) == 0)
            return map->items[i];
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

const easg_config *cfg_root(const struct cfg_doc *doc)
{
    return doc ? doc->root : NULL;
}

easg_node_type cfg_type(const easg_config *node)
{
    return node ? node->type : EASG_NODE_ABSENT;
}

const easg_config *cfg_get(const easg_config *node, const char *path)
{
    while (node) {
        size_t n = strcspn(path, ".");

        node = cfg_child(node, path, n);
        if (!path[n])
            break;
        path += n + 1;
    }
    return node;
}

size_t cfg_count(const easg_config *node)
{
    return node ? node->n : 0;
}

const easg_config *cfg_at(const easg_config *node, size_t i)
{
    return node && i < node->n ? node->items[i] : NULL;
}

easg_str cfg_key_at(const easg_config *node, size_t i)
{
    easg_str none = { NULL, 0 };

    return node && node->type == EASG_NODE_MAP && i < node->n ? node->items[i]->key : none;
}

int cfg_str(const easg_config *node, easg_str *out)
{
    if (!node || !node->text.ptr || node->type == EASG_NODE_NULL)
        return 0;
    *out = node->text;
    return 1;
}

int cfg_int(const easg_config *node, int64_t *out)
{
    if (cfg_type(node) != EASG_NODE_INT)
        return 0;
    *out = node->num;
    return 1;
}

int cfg_bool(const easg_config *node, int32_t *out)
{
    if (cfg_type(node) != EASG_NODE_BOOL)
        return 0;
    *out = (int32_t)node->num;
    return 1;
}

const char *cfg_where(const easg_config *node)
{
    return node ? node->where : "";
}

/* ---- messages -----------------------------------------------------------------------------------
 */

static easg_status EASG_PRINTF(3, 0)
    place_error(easg_error *err, const char *where, const char *fmt, va_list args)
{
    char text[sizeof err->message];

    (void)vsnprintf(text, sizeof text, fmt, args);
    return err_set(err, EASG_E_CONFIG, "%s%s%s", where, *where ? ": " : "", text);
}

easg_status cfg_error(easg_error *err, const easg_config *node, const char *fmt, ...)
{
    va_list args;
    easg_status st;

    va_start(args, fmt);
    st = place_error(err, cfg_where(node), fmt, args);
    va_end(args);
    return st;
}

easg_status cfg_error_key(easg_error *err, const easg_config *node, const char *fmt, ...)
{
    char where[300] = "";
    va_list args;
    easg_status st;

    if (node)
        (void)snprintf(where, sizeof where, "%.200s:%u:%u", node->doc->name, node->key_place.line,
                       node->key_place.col);
    va_start(args, fmt);
    st = place_error(err, where, fmt, args);
    va_end(args);
    return st;
}

void cfg_warn(struct cfg_doc *doc, const struct easg_config *node, const char *fmt, ...)
{
    easg_error text = EASG_ERROR_INIT;
    va_list args;

    if (doc->n_warnings == CFG_MAX_WARNINGS)
        return;
    va_start(args, fmt);
    place_error(&text, cfg_where(node), fmt, args);
    va_end(args);
    doc->warnings[doc->n_warnings] = cfg_doc_dup(doc, text.message, strlen(text.message));
    if (doc->warnings[doc->n_warnings])
        doc->n_warnings++;
}

void cfg_warn_copy(struct cfg_doc *to, const struct cfg_doc *from)
{
    for (size_t i = 0; i < from->n_warnings; i++)
        cfg_warn(to, NULL, "%s", from->warnings[i]);
}

const char *cfg_warning_at(const struct cfg_doc *doc, size_t i)
{
    return doc && i < doc->n_warnings ? doc->warnings[i] : NULL;
}

void cfg_nearest_try(struct cfg_nearest *n, const char *candidate)
{
    size_t len = strlen(n->name);
    unsigned limit = len <= 3 ? 1 : len <= 6 ? 2 : 3;
    unsigned d = text_distance(n->name, candidate, limit);

    if (d <= limit && (!n->best || d < n->distance)) {
        n->best = candidate;
        n->distance = d;
    }
}
