/* SPDX-License-Identifier: Apache-2.0
 *
 * The record decoder. What .NET usually writes goes through record_fast.c; what that declines comes
 * here. One pass over the SAX events with a level counter: nothing is kept of elements that no slot
 * wants. Shapes that the pass cannot follow (a reference, an object wrapped in another) are rare:
 * such a message is read once more as a tree, and the slots filled from that.
 *
 * Levels, counted from the object: 1 the object, 2 its parts (Props, MS, TN, ...), 3 a property,
 * 4 the parts of a property's object, 5 the items of its list, 6 the parts of an item's object.
 */
#include "clixml_record.h"

#include <string.h>

#include "clixml_value.h"
#include "err.h"
#include "record_fast.h"
#include "text.h"
#include "xml.h"

#define MAX_ITEMS  65536u
#define MAX_DEPTH  128u
#define KNOWN_TAGS 256u
#define TREE_ROOM  ((size_t)64 * 1024 * 1024)
/* So many messages declined in a row: the listing has a shape that record_fast.c does not know.
 * From then on it is asked for one message in 16 only, so that asking costs next to nothing. */
#define TRIES 8u

/* Where text that comes now goes. */
enum goal {
    GOAL_NONE,
    GOAL_PLAIN,    /* the slot's own primitive */
    GOAL_TOSTRING, /* ToString of the slot's object */
    GOAL_BASE,     /* primitive inside the slot's object: the number of an enum */
    GOAL_ITEM      /* an item of the slot's list */
};

struct clixml_decoder {
    struct clixml_names names;
    struct clixml_fast fast;
    enum clixml_path path;
    unsigned declined; /* messages in a row */
    struct xml_reader *xml;
    struct clixml_tree *tree; /* made when first needed */
    size_t max_bytes;
    clixml_record_fn fn;
    void *user;
    uint64_t slow;

    /* Element names by address: within a document the same name has the same one. */
    struct {
        const char *local;
        enum clixml_tag tag;
    } known[KNOWN_TAGS];

    struct strbuf arena;
    struct clixml_span *spans; /* items of all lists of this object */
    size_t n_spans;
    size_t max_spans;
    struct clixml_filling fill[CLIXML_MAX_NAMES];
    struct clixml_slot slots[CLIXML_MAX_NAMES];
    easg_str *items;
    const easg_str **item_ptrs;
    size_t max_items;

    unsigned depth;
    unsigned base;           /* 1 under an <Objs> root */
    enum clixml_tag section; /* CLIXML_T_PROPS, CLIXML_T_MS or 0 */
    enum clixml_tag root_tag;
    int slot; /* that the open property fills, or -1 */
    int property_is_object;
    int in_list;
    int item_open; /* an Obj item has its text already */
    enum goal goal;
    size_t text_at;
    int needs_tree;
    size_t done; /* objects handed on */
};

void clixml_decoder_path(struct clixml_decoder *d, enum clixml_path path)
{
    d->path = path;
}

static void reset_object(struct clixml_decoder *d)
{
    memset(d->fill, 0, sizeof(d->fill[0]) * (d->names.n ? d->names.n : 1));
    strbuf_reset(&d->arena);
    d->n_spans = 0;
    d->slot = -1;
    d->goal = GOAL_NONE;
    d->section = CLIXML_T_UNKNOWN;
    d->in_list = 0;
    d->needs_tree = 0;
}

static void aim(struct clixml_decoder *d, enum goal goal)
{
    d->goal = goal;
    d->text_at = d->arena.len;
}

static easg_status add_span(struct clixml_decoder *d, size_t at, size_t len, easg_error *err)
{
    if (d->n_spans == d->max_spans) {
        size_t room = d->max_spans ? d->max_spans * 2 : 64;
        struct clixml_span *spans;

        if (room > MAX_ITEMS)
            return err_set(err, EASG_E_LIMIT, "CLIXML: lists of more than %u values in one object",
                           MAX_ITEMS);
        spans = mem_grow(d->spans, room, sizeof(*spans));
        if (!spans)
            return err_nomem(err);
        d->spans = spans;
        d->max_spans = room;
    }
    d->spans[d->n_spans++] = (struct clixml_span){ at, len };
    return EASG_OK;
}

static easg_status add_item(struct clixml_decoder *d, size_t at, size_t len, easg_error *err)
{
    d->fill[d->slot].n_items++;
    return add_span(d, at, len, err);
}

static void start_property(struct clixml_decoder *d, enum clixml_tag tag,
                           const struct xml_attrs *attrs)
{
    struct xml_text name = xml_attr(attrs, "N");
    struct clixml_filling *f;

    d->slot = name.ptr ? clixml_names_find(&d->names, name.ptr, name.len) : -1;
    if (d->slot < 0)
        return;
    f = &d->fill[d->slot];
    if (f->kind != CLIXML_ABSENT && f->from_ms && d->section == CLIXML_T_PROPS) {
        d->slot = -1;
        return;
    }
    *f = (struct clixml_filling){ .tag = tag, .from_ms = d->section == CLIXML_T_MS };
    d->property_is_object = tag == CLIXML_T_OBJ;
    d->in_list = 0;
    if (tag == CLIXML_T_NIL) {
        f->kind = CLIXML_NIL;
    } else if (tag == CLIXML_T_REF) {
        d->needs_tree = 1;
    } else if (tag == CLIXML_T_OBJ) {
        f->kind = CLIXML_OTHER;
    } else {
        f->kind = CLIXML_TEXT;
        aim(d, GOAL_PLAIN);
    }
}

static void start_property_part(struct clixml_decoder *d, enum clixml_tag tag)
{
    struct clixml_filling *f = &d->fill[d->slot];

    if (tag == CLIXML_T_TOSTRING) {
        if (f->kind != CLIXML_LIST)
            aim(d, GOAL_TOSTRING);
    } else if (clixml_list(tag)) {
        f->kind = CLIXML_LIST;
        f->first_item = d->n_spans;
        f->n_items = 0;
        d->in_list = 1;
    } else if (clixml_primitive(tag)) {
        if (f->kind == CLIXML_OTHER)
            aim(d, GOAL_BASE);
    } else if (tag == CLIXML_T_OBJ || tag == CLIXML_T_REF) {
        d->needs_tree = 1;
    }
}

static easg_status start(struct clixml_decoder *d, unsigned level, enum clixml_tag tag,
                         const struct xml_attrs *attrs, easg_error *err)
{
    switch (level) {
    case 1:
        reset_object(d);
        d->root_tag = tag;
        if (clixml_primitive(tag))
            aim(d, GOAL_PLAIN);
        else if (tag != CLIXML_T_OBJ && tag != CLIXML_T_NIL)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: %s where an object was expected",
                           clixml_tag_name(tag));
        break;
    case 2:
        if (d->root_tag != CLIXML_T_OBJ)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: %s inside %s", clixml_tag_name(tag),
                           clixml_tag_name(d->root_tag));
        d->section = tag == CLIXML_T_PROPS || tag == CLIXML_T_MS ? tag : CLIXML_T_UNKNOWN;
        if (tag == CLIXML_T_OBJ || tag == CLIXML_T_REF)
            d->needs_tree = 1; /* wraps another object */
        break;
    case 3:
        d->slot = -1;
        if (d->section != CLIXML_T_UNKNOWN)
            start_property(d, tag, attrs);
        break;
    case 4:
        if (d->slot < 0)
            break;
        if (!d->property_is_object)
            return err_set(err, EASG_E_PROTOCOL, "CLIXML: %s inside the value of %s",
                           clixml_tag_name(tag), d->names.names[d->slot]);
        start_property_part(d, tag);
        break;
    case 5:
        if (d->slot < 0 || !d->in_list)
            break;
        d->item_open = tag == CLIXML_T_OBJ;
        if (clixml_primitive(tag))
            aim(d, GOAL_ITEM);
        else if (tag == CLIXML_T_REF)
            d->needs_tree = 1;
        break;
    case 6:
        if (d->slot < 0 || !d->in_list || !d->item_open)
            break;
        if (tag == CLIXML_T_TOSTRING)
            aim(d, GOAL_ITEM);
        else if (clixml_primitive(tag) || tag == CLIXML_T_OBJ || tag == CLIXML_T_REF)
            d->needs_tree = 1; /* a list of enums, or of wrapped objects */
        break;
    default: break;
    }
    return EASG_OK;
}

static easg_status unknown(const char *local, easg_error *err)
{
    char safe[64];

    return err_set(err, EASG_E_PROTOCOL, "CLIXML: unknown element %s",
                   text_safe(local, strlen(local), safe, sizeof(safe)));
}

static enum clixml_tag tag_of(struct clixml_decoder *d, const char *local)
{
    size_t i = ((uintptr_t)local >> 1) % KNOWN_TAGS;

    if (d->known[i].local != local) {
        d->known[i].local = local;
        d->known[i].tag = clixml_tag_of(local);
    }
    return d->known[i].tag;
}

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct clixml_decoder *d = user;
    enum clixml_tag tag = tag_of(d, local);

    if (tag == CLIXML_T_UNKNOWN || (uri && strcmp(uri, CLIXML_NAMESPACE) != 0))
        return unknown(local, err);
    d->depth++;
    d->goal = GOAL_NONE;
    if (d->depth == 1 && tag == CLIXML_T_OBJS) {
        d->base = 1;
        return EASG_OK;
    }
    return start(d, d->depth - d->base, tag, attrs, err);
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct clixml_decoder *d = user;

    if (d->goal == GOAL_NONE)
        return EASG_OK;
    if (d->arena.cap - d->arena.len > len + 1) { /* the usual case, without a call */
        memcpy(d->arena.ptr + d->arena.len, ptr, len);
        d->arena.len += len;
        return EASG_OK;
    }
    return strbuf_add(&d->arena, ptr, len) == EASG_OK ? EASG_OK : err_nomem(err);
}

/* The text of the element that ends: unescaped where it lies, NUL behind it. */
static easg_status settle_text(struct clixml_decoder *d, easg_error *err)
{
    size_t at = d->text_at;
    size_t len = d->arena.len - at;
    int bad = 0;
    enum goal goal = d->goal;
    struct clixml_filling *f;

    d->goal = GOAL_NONE;
    if (len) {
        len = clixml_unescape(d->arena.ptr + at, len, &bad);
        d->arena.len = at + len;
    }
    if (d->arena.cap > d->arena.len + 1)
        d->arena.ptr[d->arena.len++] = '\0';
    else if (strbuf_addc(&d->arena, '\0') != EASG_OK)
        return err_nomem(err);
    if (d->slot < 0) { /* a bare primitive as the object */
        d->fill[0].at = at;
        d->fill[0].len = len;
        return EASG_OK;
    }
    if (goal == GOAL_ITEM) {
        d->item_open = 0;
        return add_item(d, at, len, err);
    }
    f = &d->fill[d->slot];
    if (goal == GOAL_BASE && f->by_tostring)
        return EASG_OK;
    if (goal == GOAL_TOSTRING)
        f->by_tostring = 1;
    if (f->kind != CLIXML_LIST)
        f->kind = CLIXML_TEXT;
    f->at = at;
    f->len = len;
    return EASG_OK;
}

static easg_status hand_on(struct clixml_decoder *d, easg_error *err)
{
    struct clixml_record record = { d->slots, d->names.n, d->root_tag, { NULL, 0 } };
    const char *text = strbuf_str(&d->arena);

    if (d->n_spans > d->max_items) {
        size_t room = d->max_spans;
        easg_str *items = mem_grow(d->items, room, sizeof(*items));
        const easg_str **ptrs;

        if (!items)
            return err_nomem(err);
        d->items = items;
        ptrs = mem_grow(d->item_ptrs, room, sizeof(*ptrs));
        if (!ptrs)
            return err_nomem(err);
        d->item_ptrs = ptrs;
        d->max_items = room;
    }
    for (size_t i = 0; i < d->n_spans; i++) {
        d->items[i] = (easg_str){ text + d->spans[i].at, d->spans[i].len };
        d->item_ptrs[i] = &d->items[i];
    }
    for (size_t i = 0; i < d->names.n; i++) {
        const struct clixml_filling *f = &d->fill[i];
        struct clixml_slot *s = &d->slots[i];

        *s = (struct clixml_slot){ .kind = f->kind, .tag = f->tag };
        if (f->kind == CLIXML_TEXT)
            s->text = (easg_str){ text + f->at, f->len };
        if (f->kind == CLIXML_LIST && f->n_items) {
            s->items = d->item_ptrs + f->first_item;
            s->n_items = f->n_items;
        }
    }
    if (clixml_primitive(d->root_tag))
        record.text = (easg_str){ text + d->fill[0].at, d->fill[0].len };
    d->done++;
    return d->fn(d->user, &record, err);
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct clixml_decoder *d = user;
    unsigned level = d->depth - d->base;
    easg_status st = EASG_OK;

    (void)uri;
    (void)local;
    d->depth--;
    if (d->goal != GOAL_NONE)
        st = settle_text(d, err);
    if (level == 5 && d->in_list && d->item_open)
        d->needs_tree = 1; /* an item without ToString */
    else if (level == 4)
        d->in_list = 0;
    else if (level == 3)
        d->slot = -1;
    if (st != EASG_OK || level != 1)
        return st;
    if (d->needs_tree)
        return EASG_E_UNSUPPORTED; /* clixml_decode() goes on with the tree */
    return hand_on(d, err);
}

static const struct xml_handler handler = { on_start, on_end, on_text };

/* ---- the long way ---- */

static easg_status put_text(struct clixml_decoder *d, const easg_str *text, struct clixml_span *out,
                            easg_error *err)
{
    *out = (struct clixml_span){ d->arena.len, text->len };
    strbuf_add(&d->arena, text->ptr, text->len);
    return strbuf_addc(&d->arena, '\0') == EASG_OK ? EASG_OK : err_nomem(err);
}

static easg_status fill_from(struct clixml_decoder *d, size_t i, const struct clixml_value *v,
                             easg_error *err)
{
    struct clixml_filling *f = &d->fill[i];
    const struct clixml_value *c = clixml_deref(v);
    easg_str text = clixml_text(v);
    easg_status st = EASG_OK;
    struct clixml_span span;

    f->tag = c->tag;
    d->slot = (int)i;
    for (unsigned k = 0; k < 8 && c && !c->container; k++)
        c = clixml_deref(c->base);
    if (c && clixml_list(c->container)) {
        f->kind = CLIXML_LIST;
        f->first_item = d->n_spans;
        for (v = c->items; v && st == EASG_OK; v = v->next) {
            text = clixml_text(v);
            if (!text.ptr && clixml_deref(v)->tag == CLIXML_T_NIL)
                continue;
            text.ptr = text.ptr ? text.ptr : ""; /* it is there, but has no text */
            st = put_text(d, &text, &span, err);
            if (st == EASG_OK)
                st = add_item(d, span.at, span.len, err);
        }
        return st;
    }
    if (clixml_deref(v)->tag == CLIXML_T_NIL) {
        f->kind = CLIXML_NIL;
    } else if (text.ptr) {
        st = put_text(d, &text, &span, err);
        f->kind = CLIXML_TEXT;
        f->at = span.at;
        f->len = span.len;
    } else {
        f->kind = CLIXML_OTHER;
    }
    return st;
}

static easg_status by_tree(struct clixml_decoder *d, const char *xml, size_t len, easg_error *err)
{
    const struct clixml_value *v;
    size_t skip = d->done;
    easg_status st = EASG_OK;

    if (!d->tree)
        st = clixml_tree_create(d->max_bytes, TREE_ROOM, &d->tree, err);
    if (st == EASG_OK)
        st = clixml_tree_read(d->tree, xml, len, &v, err);
    for (; st == EASG_OK && v; v = v->next) {
        const struct clixml_value *object = clixml_deref(v);

        if (skip) {
            skip--;
            continue;
        }
        reset_object(d);
        d->root_tag = object->tag;
        d->slow++;
        if (clixml_primitive(object->tag)) {
            struct clixml_span span;

            st = put_text(d, &object->text, &span, err);
            d->fill[0].at = span.at;
            d->fill[0].len = span.len;
        }
        for (size_t i = 0; i < d->names.n && st == EASG_OK && object->tag == CLIXML_T_OBJ; i++) {
            const struct clixml_value *p = clixml_get(object, d->names.names[i]);

            if (p)
                st = fill_from(d, i, p, err);
        }
        if (st == EASG_OK)
            st = hand_on(d, err);
    }
    return st;
}

/* ---- the short way ---- */

static int worth_trying(struct clixml_decoder *d, size_t len)
{
    if (d->path == CLIXML_PATH_LIBXML2 || len > d->max_bytes)
        return 0;
    if (d->path == CLIXML_PATH_FAST || d->declined < TRIES)
        return 1;
    return d->declined++ % 16 == 0;
}

static size_t take_text(struct clixml_decoder *d, const char *xml, struct clixml_span text)
{
    char *to = d->arena.ptr + d->arena.len;
    size_t len = clixml_fast_text(&d->fast, xml, text, to);

    to[len] = '\0';
    d->arena.len += len + 1;
    return len;
}

/* The slots hold offsets into the message: now into the arena, text unescaped. */
static easg_status settle_fast(struct clixml_decoder *d, const char *xml, easg_error *err)
{
    int primitive = clixml_primitive(d->fast.root_tag);
    easg_status st = EASG_OK;

    d->root_tag = d->fast.root_tag;
    if (!strbuf_reserve(&d->arena, d->fast.text_bytes))
        return err_nomem(err);
    for (size_t i = 0; i < d->names.n || (primitive && i == 0); i++) {
        struct clixml_filling *f = &d->fill[i];
        size_t at = d->arena.len;

        if (f->kind == CLIXML_TEXT || (primitive && i == 0)) {
            f->len = take_text(d, xml, (struct clixml_span){ f->at, f->len });
            f->at = at;
        }
    }
    for (size_t i = 0; i < d->fast.n_items && st == EASG_OK; i++) {
        size_t at = d->arena.len;
        size_t len = take_text(d, xml, d->fast.items[i]);

        st = add_span(d, at, len, err);
    }
    return st == EASG_OK ? hand_on(d, err) : st;
}

easg_status clixml_decode(struct clixml_decoder *d, const char *xml, size_t len,
                          clixml_record_fn fn, void *user, easg_error *err)
{
    easg_status st;

    d->fn = fn;
    d->user = user;
    if (worth_trying(d, len)) {
        reset_object(d);
        if (clixml_fast_scan(&d->fast, &d->names, d->fill, xml, len)) {
            d->declined = 0;
            return settle_fast(d, xml, err);
        }
        if (d->declined < TRIES)
            d->declined++;
        if (d->path == CLIXML_PATH_FAST)
            return EASG_E_UNSUPPORTED;
    }
    memset(d->known, 0, sizeof(d->known));
    d->depth = 0;
    d->base = 0;
    d->done = 0;
    d->needs_tree = 0;
    st = xml_parse(d->xml, xml, len, err);
    if (st == EASG_E_UNSUPPORTED && d->needs_tree) {
        d->needs_tree = 0;
        st = by_tree(d, xml, len, err);
    }
    return st;
}

uint64_t clixml_decoder_slow(const struct clixml_decoder *d)
{
    return d->slow;
}

easg_status clixml_decoder_create(const char *const *names, size_t max_bytes,
                                  struct clixml_decoder **out, easg_error *err)
{
    struct clixml_decoder *d = mem_alloc(sizeof(*d));
    struct xml_limits limits = { max_bytes, MAX_DEPTH };
    easg_status st;

    if (!d)
        return err_nomem(err);
    clixml_names_init(&d->names, names);
    clixml_fast_init(&d->fast);
    d->max_bytes = max_bytes;
    strbuf_init(&d->arena, max_bytes * 2 + 4096);
    st = xml_reader_create(&handler, d, "CLIXML", &limits, &d->xml, err);
    if (st != EASG_OK) {
        clixml_decoder_destroy(d);
        return st;
    }
    *out = d;
    return EASG_OK;
}

void clixml_decoder_destroy(struct clixml_decoder *d)
{
    if (!d)
        return;
    xml_reader_destroy(d->xml);
    clixml_tree_destroy(d->tree);
    strbuf_clear(&d->arena);
    mem_free(d->spans);
    mem_free(d->items);
    mem_free(d->item_ptrs);
    mem_free(d);
}
