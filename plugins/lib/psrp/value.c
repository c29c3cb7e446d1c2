/* SPDX-License-Identifier: Apache-2.0
 *
 * The value tree: SAX events onto a stack of open elements, values in an arena.
 */
#include "clixml_value.h"

#include <string.h>

#include "err.h"
#include "text.h"
#include "xml.h"

#define MAX_DEPTH 128u
#define MAX_REFS  (1u << 20)
#define BLOCK     32768u

struct block {
    struct block *next;
    size_t used;
    size_t size;
};

/* What is open: an element, and the value it belongs to. */
struct open_element {
    enum clixml_tag tag;
    struct clixml_value *value; /* its own, or that of the element around it */
    struct clixml_value **tail; /* where its next child value goes; NULL: it takes none */
    struct clixml_value *key;   /* En: the key, once read */
};

struct refs {
    const void **at; /* by RefId */
    size_t n;
};

struct clixml_tree {
    struct xml_reader *xml;
    struct block *blocks;
    size_t memory;
    size_t max_memory;
    struct strbuf text; /* of the element that is open */
    int collecting;
    struct open_element stack[MAX_DEPTH + 1];
    unsigned depth;
    struct clixml_value *root;
    struct clixml_types *types; /* of the TN that is open */
    const struct clixml_type **types_tail;
    struct refs objects;
    struct refs names;
};

static void *arena(struct clixml_tree *t, size_t size)
{
    struct block *b = t->blocks;
    void *p;

    size = (size + 15) & ~(size_t)15;
    if (!b || b->size - b->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;

        if (room > t->max_memory - t->memory)
            return NULL;
        b = mem_alloc(sizeof(*b) + 16 + room);
        if (!b)
            return NULL;
        b->size = room;
        b->next = t->blocks;
        t->blocks = b;
        t->memory += room;
    }
    p = (char *)b + ((sizeof(*b) + 15) & ~(size_t)15) + b->used;
    b->used += size;
    return p;
}

static void forget(struct clixml_tree *t)
{
    while (t->blocks) {
        struct block *next = t->blocks->next;

        mem_free(t->blocks);
        t->blocks = next;
    }
    t->memory = 0;
    t->objects.n = 0;
    t->names.n = 0;
    t->depth = 0;
    t->root = NULL;
    t->collecting = 0;
    strbuf_reset(&t->text);
}

static easg_status no_room(const struct clixml_tree *t, easg_error *err)
{
    if (t->max_memory - t->memory < BLOCK)
        return err_set(err, EASG_E_LIMIT, "CLIXML: one object takes more than %zu bytes",
                       t->max_memory);
    return err_nomem(err);
}

static easg_status remember(struct clixml_tree *t, struct refs *refs, struct xml_text id,
                            const void *what, easg_error *err)
{
    uint64_t n;

    if (!text_parse_u64(id.ptr, id.len, &n) || n >= MAX_REFS)
        return err_set(err, EASG_E_PROTOCOL, "CLIXML: bad RefId");
    if (n >= refs->n) {
        size_t room = (size_t)n + 1 < 64 ? 64 : ((size_t)n + 1) * 2;
        const void **at;

        if (room * sizeof(*at) > t->max_memory)
            return no_room(t, err);
        at = mem_grow(refs->at, room, sizeof(*at));
        if (!at)
            return err_nomem(err);
        memset(at + refs->n, 0, (room - refs->n) * sizeof(*at));
        refs->at = at;
        refs->n = room;
    }
    refs->at[n] = what;
    return EASG_OK;
}

static const void *recall(const struct refs *refs, struct xml_text id)
{
    uint64_t n;

    return id.ptr && text_parse_u64(id.ptr, id.len, &n) && n < refs->n ? refs->at[n] : NULL;
}

static easg_status keep(struct clixml_tree *t, const char *ptr, size_t len, easg_str *out,
                        easg_error *err)
{
    char *p = arena(t, len + 1);
    int bad = 0;

    if (!p)
        return no_room(t, err);
    if (len)
        memcpy(p, ptr, len);
    out->len = clixml_unescape(p, len, &bad);
    p[out->len] = '\0';
    out->ptr = p;
    return EASG_OK;
}

static easg_status out_of_place(enum clixml_tag tag, enum clixml_tag in, easg_error *err)
{
    return err_set(err, EASG_E_PROTOCOL, "CLIXML: %s inside %s", clixml_tag_name(tag),
                   clixml_tag_name(in));
}

/* A value begins: as root, property, item, key, or as the base of an object. */
static easg_status begin_value(struct clixml_tree *t, enum clixml_tag tag,
                               const struct xml_attrs *attrs, easg_error *err)
{
    struct open_element *in = &t->stack[t->depth - 1];
    struct open_element *self = &t->stack[t->depth];
    struct clixml_value *v = arena(t, sizeof(*v));
    struct xml_text name = xml_attr(attrs, "N");
    struct xml_text ref = xml_attr(attrs, "RefId");
    easg_status st = EASG_OK;

    if (!v)
        return no_room(t, err);
    memset(v, 0, sizeof(*v));
    v->tag = tag;
    if (name.ptr)
        st = keep(t, name.ptr, name.len, &v->name, err);
    if (st != EASG_OK)
        return st;
    if (tag == CLIXML_T_REF) {
        v->target = recall(&t->objects, ref);
        if (!v->target)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: Ref to an object that is not there");
    } else if (tag == CLIXML_T_OBJ && ref.ptr) {
        st = remember(t, &t->objects, ref, v, err);
        if (st != EASG_OK)
            return st;
    }
    switch (in->tag) {
    case CLIXML_T_EN:
        if (text_eq(&v->name, "Key")) {
            in->key = v;
        } else if (text_eq(&v->name, "Value") && in->key) {
            v->key = in->key;
            *in->tail = v;
            in->tail = &v->next;
            in->value->n_items++;
        } else {
            return err_set(err, EASG_E_PROTOCOL,
                           "CLIXML: a dictionary entry without Key and Value");
        }
        break;
    case CLIXML_T_OBJ:
        if (in->value->base)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: an object with two base values");
        in->value->base = v;
        break;
    default:
        if (!in->tail)
            return out_of_place(tag, in->tag, err);
        *in->tail = v;
        in->tail = &v->next;
        if (clixml_list(in->tag))
            in->value->n_items++;
        break;
    }
    *self = (struct open_element){ .tag = tag, .value = v };
    return EASG_OK;
}

/* The parts of an object. */
static easg_status begin_part(struct clixml_tree *t, enum clixml_tag tag,
                              const struct xml_attrs *attrs, easg_error *err)
{
    struct open_element *in = &t->stack[t->depth - 1];
    struct open_element *self = &t->stack[t->depth];
    struct clixml_value *v = in->value;
    easg_status st;

    *self = (struct open_element){ .tag = tag, .value = v };
    if (tag == CLIXML_T_T) {
        if (in->tag != CLIXML_T_TN)
            return out_of_place(tag, in->tag, err);
        return EASG_OK;
    }
    if (tag == CLIXML_T_EN) {
        if (in->tag != CLIXML_T_DCT)
            return out_of_place(tag, in->tag, err);
        self->tail = in->tail;
        return EASG_OK;
    }
    if (in->tag != CLIXML_T_OBJ)
        return out_of_place(tag, in->tag, err);
    switch (tag) {
    case CLIXML_T_TN:
        t->types = arena(t, sizeof(*t->types));
        if (!t->types)
            return no_room(t, err);
        *t->types = (struct clixml_types){ 0, NULL };
        t->types_tail = &t->types->first;
        v->types = t->types;
        st = remember(t, &t->names, xml_attr(attrs, "RefId"), t->types, err);
        return st;
    case CLIXML_T_TNREF:
        v->types = recall(&t->names, xml_attr(attrs, "RefId"));
        if (!v->types)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: TNRef to type names that are not there");
        return EASG_OK;
    case CLIXML_T_TOSTRING: return EASG_OK;
    case CLIXML_T_PROPS: self->tail = &v->props; break;
    case CLIXML_T_MS: self->tail = &v->ms; break;
    default:
        v->container = tag;
        self->tail = &v->items;
        break;
    }
    if (*self->tail)
        return err_set(err, EASG_E_PROTOCOL, "CLIXML: an object with %s twice",
                       clixml_tag_name(tag));
    return EASG_OK;
}

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct clixml_tree *t = user;
    enum clixml_tag tag = clixml_tag_of(local);
    char safe[64];
    easg_status st;

    if (tag == CLIXML_T_UNKNOWN || (uri && strcmp(uri, CLIXML_NAMESPACE) != 0))
        return err_set(err, EASG_E_PROTOCOL, "CLIXML: unknown element %s",
                       text_safe(local, strlen(local), safe, sizeof(safe)));
    t->depth++;
    strbuf_reset(&t->text);
    t->collecting = clixml_primitive(tag) || tag == CLIXML_T_T || tag == CLIXML_T_TOSTRING;
    if (t->depth == 1 && tag == CLIXML_T_OBJS) {
        t->stack[1] = (struct open_element){ .tag = tag, .tail = &t->root };
        return EASG_OK;
    }
    if (tag == CLIXML_T_OBJ || tag == CLIXML_T_REF || tag == CLIXML_T_NIL || clixml_primitive(tag))
        st = begin_value(t, tag, attrs, err);
    else if (t->depth == 1 || tag == CLIXML_T_OBJS)
        st = err_set(err, EASG_E_PROTOCOL, "CLIXML: %s where an object was expected",
                     clixml_tag_name(tag));
    else
        st = begin_part(t, tag, attrs, err);
    return st;
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct clixml_tree *t = user;
    struct open_element *self = &t->stack[t->depth];
    easg_status st = EASG_OK;

    (void)uri;
    (void)local;
    if (t->collecting) {
        easg_str text = { NULL, 0 };

        if (strbuf_status(&t->text) != EASG_OK)
            return err_nomem(err);
        st = keep(t, strbuf_str(&t->text), t->text.len, &text, err);
        if (st == EASG_OK && self->tag == CLIXML_T_T) {
            struct clixml_type *type = arena(t, sizeof(*type));

            if (!type)
                return no_room(t, err);
            *type = (struct clixml_type){ NULL, text };
            *t->types_tail = type;
            t->types_tail = &type->next;
            t->types->n++;
        } else if (st == EASG_OK) {
            self->value->text = text;
        }
        t->collecting = 0;
    } else if (self->tag == CLIXML_T_EN) {
        t->stack[t->depth - 1].tail = self->tail;
    }
    t->depth--;
    return st;
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct clixml_tree *t = user;

    (void)err;
    if (t->collecting)
        strbuf_add(&t->text, ptr, len);
    return EASG_OK;
}

static const struct xml_handler handler = { on_start, on_end, on_text };

easg_status clixml_tree_create(size_t max_bytes, size_t max_memory, struct clixml_tree **out,
                               easg_error *err)
{
    struct clixml_tree *t = mem_alloc(sizeof(*t));
    struct xml_limits limits = { max_bytes, MAX_DEPTH };
    easg_status st;

    if (!t)
        return err_nomem(err);
    t->max_memory = max_memory;
    strbuf_init(&t->text, max_bytes);
    st = xml_reader_create(&handler, t, "CLIXML", &limits, &t->xml, err);
    if (st != EASG_OK) {
        clixml_tree_destroy(t);
        return st;
    }
    *out = t;
    return EASG_OK;
}

void clixml_tree_destroy(struct clixml_tree *t)
{
    if (!t)
        return;
    forget(t);
    xml_reader_destroy(t->xml);
    strbuf_clear(&t->text);
    mem_free(t->objects.at);
    mem_free(t->names.at);
    mem_free(t);
}

easg_status clixml_tree_read(struct clixml_tree *t, const char *xml, size_t len,
                             const struct clixml_value **out, easg_error *err)
{
    easg_status st;

    forget(t);
    *out = NULL;
    if (len == 0)
        return EASG_OK;
    t->stack[0] = (struct open_element){ .tag = CLIXML_T_OBJS, .tail = &t->root };
    st = xml_parse(t->xml, xml, len, err);
    if (st == EASG_OK)
        *out = t->root;
    return st;
}

const struct clixml_value *clixml_deref(const struct clixml_value *v)
{
    return v && v->tag == CLIXML_T_REF ? v->target : v;
}

static const struct clixml_value *find(const struct clixml_value *v, const char *name)
{
    size_t n = strlen(name);

    for (; v; v = v->next)
        if (v->name.ptr && text_ieq(v->name.ptr, v->name.len, name, n))
            return clixml_deref(v);
    return NULL;
}

const struct clixml_value *clixml_get(const struct clixml_value *v, const char *name)
{
    /* A wrapped object is one level, or two; a loop of references must end. */
    for (unsigned i = 0; i < 8; i++) {
        const struct clixml_value *p;

        v = clixml_deref(v);
        if (!v)
            return NULL;
        p = find(v->ms, name);
        p = p ? p : find(v->props, name);
        if (p)
            return p;
        v = v->base;
    }
    return NULL;
}

easg_str clixml_text(const struct clixml_value *v)
{
    for (unsigned i = 0; i < 8; i++) {
        v = clixml_deref(v);
        if (!v || v->tag == CLIXML_T_NIL)
            break;
        if (v->text.ptr)
            return v->text;
        v = v->base;
    }
    return (easg_str){ NULL, 0 };
}

easg_str clixml_get_text(const struct clixml_value *v, const char *name)
{
    return clixml_text(clixml_get(v, name));
}

int clixml_int(const struct clixml_value *v, int64_t *out)
{
    for (unsigned i = 0; i < 8; i++) {
        v = clixml_deref(v);
        if (!v)
            return 0;
        if (v->tag >= CLIXML_T_BY && v->tag <= CLIXML_T_I64) {
            int negative = v->text.len && v->text.ptr[0] == '-';
            uint64_t n;

            if (!text_parse_u64(v->text.ptr + negative, v->text.len - (size_t)negative, &n) ||
                n > INT64_MAX)
                return 0;
            *out = negative ? -(int64_t)n : (int64_t)n;
            return 1;
        }
        v = v->base;
    }
    return 0;
}

int clixml_get_int(const struct clixml_value *v, const char *name, int64_t *out)
{
    return clixml_int(clixml_get(v, name), out);
}

const struct clixml_value *clixml_items(const struct clixml_value *v)
{
    for (unsigned i = 0; i < 8; i++) {
        v = clixml_deref(v);
        if (!v)
            return NULL;
        if (v->container)
            return v->items;
        v = v->base;
    }
    return NULL;
}

int clixml_is_type(const struct clixml_value *v, const char *name)
{
    static const char prefix[] = "Deserialized.";
    size_t n = strlen(name);

    v = clixml_deref(v);
    if (!v || !v->types)
        return 0;
    for (const struct clixml_type *t = v->types->first; t; t = t->next) {
        const char *p = t->name.ptr;
        size_t len = t->name.len;

        if (len > sizeof(prefix) - 1 && memcmp(p, prefix, sizeof(prefix) - 1) == 0) {
            p += sizeof(prefix) - 1;
            len -= sizeof(prefix) - 1;
        }
        if (len == n && memcmp(p, name, n) == 0)
            return 1;
    }
    return 0;
}

easg_str clixml_type(const struct clixml_value *v)
{
    v = clixml_deref(v);
    return v && v->types && v->types->first ? v->types->first->name : (easg_str){ NULL, 0 };
}
