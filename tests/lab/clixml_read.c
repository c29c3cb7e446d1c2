/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_read.c - what a client sends: capabilities, pipelines with typed arguments, answers to
 * prompts. Small documents, so a tree; the reader is strict, because a client that is lenient
 * with itself is what the lab is there to find.
 */
#include "lab_clixml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 50

struct clx_doc {
    struct clx **all; /* every node, for freeing */
    size_t n;
    size_t cap;
    struct clx *root;
    struct clx **refs; /* by RefId */
    size_t n_refs;
    const char *why;
};

static struct clx *node(struct clx_doc *d)
{
    struct clx *c = lab_alloc(sizeof *c);

    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 64;
        d->all = lab_realloc(d->all, d->cap * sizeof *d->all);
    }
    d->all[d->n++] = c;
    return c;
}

static void *fail(struct clx_doc *d, const char *why)
{
    if (!d->why)
        d->why = why;
    return NULL;
}

static int hex4(const char *s)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        char c = s[i];

        if (c >= '0' && c <= '9')
            v = v * 16 + (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v * 16 + ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static int unit_at(const char *s)
{
    return s[0] == '_' && (s[1] == 'x' || s[1] == 'X') && strlen(s) >= 7 && s[6] == '_'
               ? hex4(s + 2)
               : -1;
}

/* _xHHHH_ to UTF-8, surrogate pairs joined. */
static char *unescape(const char *s)
{
    struct buf out = { 0 };

    buf_reserve(&out, strlen(s) + 1);
    buf_str(&out, "");
    while (*s) {
        int u = unit_at(s);
        unsigned cp;
        char t[4];

        if (u < 0) {
            buf_put(&out, s++, 1);
            continue;
        }
        s += 7;
        cp = (unsigned)u;
        if (u >= 0xD800 && u < 0xDC00 && unit_at(s) >= 0xDC00 && unit_at(s) < 0xE000) {
            cp = 0x10000 + (((unsigned)u & 0x3FF) << 10) + ((unsigned)unit_at(s) & 0x3FF);
            s += 7;
        }
        if (cp < 0x80) {
            t[0] = (char)cp;
            buf_put(&out, t, 1);
        } else if (cp < 0x800) {
            t[0] = (char)(0xC0 | cp >> 6);
            t[1] = (char)(0x80 | (cp & 63));
            buf_put(&out, t, 2);
        } else if (cp < 0x10000) {
            t[0] = (char)(0xE0 | cp >> 12);
            t[1] = (char)(0x80 | (cp >> 6 & 63));
            t[2] = (char)(0x80 | (cp & 63));
            buf_put(&out, t, 3);
        } else {
            t[0] = (char)(0xF0 | cp >> 18);
            t[1] = (char)(0x80 | (cp >> 12 & 63));
            t[2] = (char)(0x80 | (cp >> 6 & 63));
            t[3] = (char)(0x80 | (cp & 63));
            buf_put(&out, t, 4);
        }
    }
    return out.p;
}

static char *content(const xmlNode *n)
{
    xmlChar *c = xmlNodeGetContent(n);
    char *s = unescape(c ? (const char *)c : "");

    xmlFree(c);
    return s;
}

static char *attribute(const xmlNode *n, const char *name)
{
    xmlChar *c = xmlGetNoNsProp(n, (const xmlChar *)name);
    char *s;

    if (!c)
        return NULL;
    s = unescape((const char *)c);
    xmlFree(c);
    return s;
}

static int is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static struct clx_pair *add(struct clx *c)
{
    c->v = lab_realloc(c->v, (c->n + 1) * sizeof *c->v);
    c->v[c->n] = (struct clx_pair){ 0 };
    return &c->v[c->n++];
}

static struct clx *value_of(struct clx_doc *d, const xmlNode *n, int depth);

static int properties(struct clx_doc *d, struct clx *c, const xmlNode *n, int depth)
{
    for (const xmlNode *k = n->children; k; k = k->next) {
        struct clx_pair *p;
        struct clx *v;

        if (k->type != XML_ELEMENT_NODE)
            continue;
        v = value_of(d, k, depth);
        if (!v)
            return 0;
        p = add(c);
        p->name = attribute(k, "N");
        p->value = v;
        if (!p->name)
            return fail(d, "a property has no N attribute") != NULL;
    }
    return 1;
}

static int items(struct clx_doc *d, struct clx *c, const xmlNode *n, int depth)
{
    c->kind = CLX_LIST;
    for (const xmlNode *k = n->children; k; k = k->next) {
        struct clx *v;

        if (k->type != XML_ELEMENT_NODE)
            continue;
        v = value_of(d, k, depth);
        if (!v)
            return 0;
        add(c)->value = v;
    }
    return 1;
}

static int entries(struct clx_doc *d, struct clx *c, const xmlNode *n, int depth)
{
    c->kind = CLX_DICT;
    for (const xmlNode *e = n->children; e; e = e->next) {
        struct clx *key = NULL;
        struct clx *value = NULL;
        struct clx_pair *p;

        if (e->type != XML_ELEMENT_NODE)
            continue;
        if (!is(e, "En"))
            return fail(d, "a dictionary holds something other than En") != NULL;
        for (const xmlNode *k = e->children; k; k = k->next) {
            char *name;

            if (k->type != XML_ELEMENT_NODE)
                continue;
            name = attribute(k, "N");
            if (name && strcmp(name, "Key") == 0)
                key = value_of(d, k, depth);
            else if (name && strcmp(name, "Value") == 0)
                value = value_of(d, k, depth);
            free(name);
        }
        if (!key || !value)
            return fail(d, "a dictionary entry lacks its Key or Value") != NULL;
        p = add(c);
        p->key = key;
        p->value = value;
    }
    return 1;
}

static void remember(struct clx_doc *d, const xmlNode *n, struct clx *c)
{
    char *id = attribute(n, "RefId");
    unsigned long i = id ? strtoul(id, NULL, 10) : 0;

    if (id && i < 100000) {
        if (i >= d->n_refs) {
            d->refs = lab_realloc(d->refs, (i + 1) * sizeof *d->refs);
            memset(d->refs + d->n_refs, 0, (i + 1 - d->n_refs) * sizeof *d->refs);
            d->n_refs = i + 1;
        }
        d->refs[i] = c;
    }
    free(id);
}

static struct clx *object(struct clx_doc *d, const xmlNode *n, int depth)
{
    struct clx *c = node(d);

    c->kind = CLX_OBJECT;
    remember(d, n, c);
    for (const xmlNode *k = n->children; k; k = k->next) {
        int ok = 1;

        if (k->type != XML_ELEMENT_NODE || is(k, "TNRef"))
            continue;
        if (is(k, "TN")) {
            for (const xmlNode *t = k->children; t && !c->type; t = t->next)
                if (is(t, "T"))
                    c->type = content(t);
        } else if (is(k, "ToString")) {
            free(c->text);
            c->text = content(k);
        } else if (is(k, "Props") || is(k, "MS"))
            ok = properties(d, c, k, depth + 1);
        else if (is(k, "LST") || is(k, "IE") || is(k, "STK") || is(k, "QUE"))
            ok = items(d, c, k, depth + 1);
        else if (is(k, "DCT"))
            ok = entries(d, c, k, depth + 1);
        else { /* an enum's number or a wrapped value */
            struct clx *inner = value_of(d, k, depth + 1);

            if (!inner)
                return NULL;
            if (c->kind == CLX_OBJECT && inner->kind == CLX_VALUE) {
                c->kind = CLX_VALUE;
                memcpy(c->tag, inner->tag, sizeof c->tag);
                free(c->text);
                c->text = lab_strdup(inner->text);
            }
        }
        if (!ok)
            return NULL;
    }
    return c;
}

static struct clx *value_of(struct clx_doc *d, const xmlNode *n, int depth)
{
    static const char *const tags[] = { "S",   "C",   "B",   "DT",      "TS",  "By",  "SB", "U16",
                                        "I16", "U32", "I32", "U64",     "I64", "Sg",  "Db", "D",
                                        "BA",  "G",   "URI", "Version", "XD",  "SBK", "SS", NULL };
    struct clx *c;

    if (depth > MAX_DEPTH)
        return fail(d, "nested too deeply");
    if (is(n, "Obj"))
        return object(d, n, depth);
    if (is(n, "Ref")) {
        char *id = attribute(n, "RefId");
        unsigned long i = id ? strtoul(id, NULL, 10) : 0;

        c = id && i < d->n_refs ? d->refs[i] : NULL;
        free(id);
        return c ? c : fail(d, "a Ref points to no earlier Obj");
    }
    c = node(d);
    if (is(n, "Nil"))
        return c;
    for (size_t i = 0; tags[i]; i++) {
        if (!is(n, tags[i]))
            continue;
        c->kind = CLX_VALUE;
        lab_print(c->tag, sizeof c->tag, "%s", tags[i]);
        c->text = content(n);
        return c;
    }
    return fail(d, "an element that CLIXML does not know");
}

struct clx_doc *clx_parse(const char *p, size_t n, const char **why)
{
    struct clx_doc *d = lab_alloc(sizeof *d);
    xmlDoc *x;
    xmlNode *root;

    if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        p += 3;
        n -= 3;
    }
    x = n < (1u << 30) ? xmlReadMemory(p, (int)n, NULL, "UTF-8",
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                           XML_PARSE_HUGE)
                       : NULL;
    root = x ? xmlDocGetRootElement(x) : NULL;
    if (!root || x->intSubset)
        fail(d, "not well-formed XML");
    else
        d->root = value_of(d, root, 0);
    xmlFreeDoc(x);
    if (!d->root) {
        *why = d->why;
        clx_free(d);
        return NULL;
    }
    return d;
}

void clx_free(struct clx_doc *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++) {
        struct clx *c = d->all[i];

        for (size_t k = 0; k < c->n; k++)
            free((void *)(uintptr_t)c->v[k].name);
        free(c->v);
        free(c->text);
        free(c->type);
        free(c);
    }
    free(d->all);
    free(d->refs);
    free(d);
}

const struct clx *clx_root(const struct clx_doc *d)
{
    return d->root;
}

const struct clx *clx_get(const struct clx *o, const char *name)
{
    for (size_t i = 0; o && i < o->n; i++) {
        if (o->v[i].name && lab_same(o->v[i].name, name))
            return o->v[i].value;
        if (o->v[i].key && lab_same(clx_text(o->v[i].key), name))
            return o->v[i].value;
    }
    return NULL;
}

const char *clx_text(const struct clx *v)
{
    return v && v->text ? v->text : "";
}

int clx_is_nil(const struct clx *v)
{
    return !v || v->kind == CLX_NIL;
}

int clx_true(const struct clx *v)
{
    /* A SwitchParameter arrives as an object with IsPresent. */
    const struct clx *p = v && v->kind == CLX_OBJECT ? clx_get(v, "IsPresent") : NULL;

    if (p)
        v = p;
    return !clx_is_nil(v) && (lab_same(clx_text(v), "true") || lab_same(clx_text(v), "1") ||
                              lab_same(clx_text(v), "$true"));
}
