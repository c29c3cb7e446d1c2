/* SPDX-License-Identifier: Apache-2.0
 *
 * The short way. Since .NET's writer escapes '>' in text, brackets must alternate, and between two
 * of them is either a tag or text. Element names have at most 8 bytes: one integer. The levels and
 * the rules for a slot are those of record.c.
 *
 * Everything that is not looked at for its value is still checked for being XML.
 */
#include "record_fast.h"

#include <string.h>

#include "record_scan.h"
#include "text.h"

/* ---- names ---- */

static unsigned hash_of(const char *ptr, size_t len)
{
    unsigned h = (unsigned)len * 31u;

    h += ((unsigned char)ptr[0] | 0x20u) * 7u;
    h += ((unsigned char)ptr[len / 2] | 0x20u) * 13u;
    h += ((unsigned char)ptr[len - 1] | 0x20u) * 3u;
    return h & (CLIXML_HASH_SIZE - 1);
}

int clixml_names_find(const struct clixml_names *t, const char *ptr, size_t len)
{
    unsigned i;

    if (len == 0)
        return -1;
    for (i = t->hash[hash_of(ptr, len)]; i; i = t->next[i - 1])
        if (len == t->lens[i - 1] &&
            (memcmp(ptr, t->names[i - 1], len) == 0 || text_ieq(ptr, len, t->names[i - 1], len)))
            return (int)i - 1;
    return -1;
}

void clixml_names_init(struct clixml_names *t, const char *const *names)
{
    memset(t, 0, sizeof(*t));
    t->names = names;
    for (size_t i = 0; names[i]; i++) {
        size_t len = strlen(names[i]);
        unsigned h = hash_of(names[i], len);

        xassert(i < CLIXML_MAX_NAMES);
        t->lens[i] = len;
        t->next[i] = t->hash[h];
        t->hash[h] = (unsigned char)(i + 1);
        t->n = i + 1;
    }
}

/* ---- tags ---- */

#define BIT(tag)   (UINT64_C(1) << (tag))
#define PRIMITIVES (BIT(CLIXML_T_PR + 1) - BIT(CLIXML_T_S))
#define VALUES     (BIT(CLIXML_T_OBJ) | BIT(CLIXML_T_REF) | BIT(CLIXML_T_NIL) | PRIMITIVES)

/* What may stand directly in an element; the rest takes text only. [0]: the document. */
static const uint64_t children[CLIXML_T_PR + 1] = {
    [0] = BIT(CLIXML_T_OBJ) | BIT(CLIXML_T_NIL) | PRIMITIVES,
    [CLIXML_T_OBJ] = BIT(CLIXML_T_TN) | BIT(CLIXML_T_TNREF) | BIT(CLIXML_T_TOSTRING) |
                     BIT(CLIXML_T_PROPS) | BIT(CLIXML_T_MS) | BIT(CLIXML_T_LST) | BIT(CLIXML_T_IE) |
                     BIT(CLIXML_T_STK) | BIT(CLIXML_T_QUE) | BIT(CLIXML_T_DCT) | BIT(CLIXML_T_OBJ) |
                     BIT(CLIXML_T_REF) | PRIMITIVES,
    [CLIXML_T_TN] = BIT(CLIXML_T_T),
    [CLIXML_T_PROPS] = VALUES,
    [CLIXML_T_MS] = VALUES,
    [CLIXML_T_LST] = VALUES,
    [CLIXML_T_IE] = VALUES,
    [CLIXML_T_STK] = VALUES,
    [CLIXML_T_QUE] = VALUES,
    [CLIXML_T_DCT] = BIT(CLIXML_T_EN),
    [CLIXML_T_EN] = VALUES,
};

static size_t tag_slot(uint64_t word)
{
    return (size_t)((word * UINT64_C(0x9E3779B97F4A7C15)) >> 57);
}

void clixml_fast_init(struct clixml_fast *f)
{
    memset(f, 0, sizeof(*f));
    for (unsigned tag = CLIXML_T_OBJS; tag <= CLIXML_T_PR; tag++) {
        const char *name = clixml_tag_name((enum clixml_tag)tag);
        uint64_t word = word_at(name, name + strlen(name));
        size_t i = tag_slot(word);

        while (f->tags[i].tag)
            i = (i + 1) % CLIXML_FAST_TAGS;
        f->tags[i].word = word;
        f->tags[i].tag = (enum clixml_tag)tag;
    }
}

static inline enum clixml_tag find_tag(const struct clixml_fast *f, uint64_t word)
{
    size_t i = tag_slot(word);

    while (f->tags[i].tag && f->tags[i].word != word)
        i = (i + 1) % CLIXML_FAST_TAGS;
    return f->tags[i].tag;
}

struct tag {
    uint64_t word;
    const char *name; /* the value of N; NULL: none */
    size_t name_len;
    int empty; /* <X /> */
};

/* ` N="..." RefId="12"`, either may be missing; nothing else. */
static int read_attributes(const char *p, const char *end, struct tag *t)
{
    t->name = NULL;
    if (end - p >= 5 && memcmp(p, " N=\"", 4) == 0) {
        t->name = p + 4;
        p = value_end(t->name, end);
        if (p >= end || *p != '"')
            return 0;
        t->name_len = (size_t)(p - t->name);
        p++;
    }
    if (p < end) {
        static const char refid[] = " RefId=\"";

        if (end - p < (ptrdiff_t)sizeof(refid) + 1 || memcmp(p, refid, sizeof(refid) - 1) != 0)
            return 0;
        for (p += sizeof(refid) - 1; p < end && *p >= '0' && *p <= '9'; p++)
            ;
        if (p + 1 != end || *p != '"')
            return 0;
    }
    return 1;
}

/* A start tag between its brackets. */
static inline int read_tag(const char *p, const char *end, const char *limit, struct tag *t)
{
    uint64_t w = word_at(p, limit);
    /* The first byte below '0': a blank or a slash. Borrows come from below, so the lowest is true;
     * '>' is above '0', but then the tag ends there. */
    uint64_t low = (w - UINT64_C(0x3030303030303030)) & ~w & UINT64_C(0x8080808080808080);
    size_t n = low ? (size_t)__builtin_ctzll(low) / 8 : 8;

    if (n > (size_t)(end - p))
        n = (size_t)(end - p);
    t->word = first_bytes(w, n);
    t->name = NULL;
    t->empty = 0;
    p += n;
    if (p == end)
        return 1;
    if (end[-1] == '/') {
        t->empty = 1;
        end--;
        if (end > p && end[-1] == ' ')
            end--;
    }
    return p == end || read_attributes(p, end, t);
}

/* ---- slots ---- */

enum goal { GOAL_NONE, GOAL_PLAIN, GOAL_TOSTRING, GOAL_BASE, GOAL_ITEM };

struct walk {
    struct clixml_fast *f;
    const struct clixml_names *names;
    struct clixml_filling *fill;
    enum clixml_tag section; /* CLIXML_T_PROPS, CLIXML_T_MS or 0 */
    int slot;
    int is_object;
    int in_list;
    int item_open; /* an Obj item has no text yet */
    enum goal goal;
};

static int open_property(struct walk *w, enum clixml_tag tag, const struct tag *t)
{
    struct clixml_filling *f;

    w->slot = t->name ? clixml_names_find(w->names, t->name, t->name_len) : -1;
    if (w->slot < 0)
        return 1;
    f = &w->fill[w->slot];
    if (f->kind != CLIXML_ABSENT && f->from_ms && w->section == CLIXML_T_PROPS) {
        w->slot = -1;
        return 1;
    }
    *f = (struct clixml_filling){ .tag = tag, .from_ms = w->section == CLIXML_T_MS };
    w->is_object = tag == CLIXML_T_OBJ;
    w->in_list = 0;
    if (tag == CLIXML_T_NIL) {
        f->kind = CLIXML_NIL;
    } else if (tag == CLIXML_T_OBJ) {
        f->kind = CLIXML_OTHER;
    } else {
        f->kind = CLIXML_TEXT;
        w->goal = GOAL_PLAIN;
    }
    return tag != CLIXML_T_REF;
}

static int open_part(struct walk *w, enum clixml_tag tag)
{
    struct clixml_filling *f = &w->fill[w->slot];

    if (tag == CLIXML_T_TOSTRING) {
        if (f->kind != CLIXML_LIST)
            w->goal = GOAL_TOSTRING;
    } else if (clixml_list(tag)) {
        f->kind = CLIXML_LIST;
        f->first_item = w->f->n_items;
        f->n_items = 0;
        w->in_list = 1;
    } else if (clixml_primitive(tag)) {
        if (f->kind == CLIXML_OTHER)
            w->goal = GOAL_BASE;
    } else if (tag == CLIXML_T_OBJ || tag == CLIXML_T_REF) {
        return 0;
    }
    return 1;
}

/* An element begins at this level; 0: declined. */
static inline int open_element(struct walk *w, unsigned level, enum clixml_tag tag,
                               const struct tag *t)
{
    switch (level) {
    case 1:
        w->f->root_tag = tag;
        if (clixml_primitive(tag))
            w->goal = GOAL_PLAIN;
        return 1;
    case 2:
        w->section = tag == CLIXML_T_PROPS || tag == CLIXML_T_MS ? tag : CLIXML_T_UNKNOWN;
        return tag != CLIXML_T_OBJ && tag != CLIXML_T_REF; /* one that wraps another */
    case 3: return w->section == CLIXML_T_UNKNOWN || open_property(w, tag, t);
    case 4: return w->slot < 0 || (w->is_object && open_part(w, tag));
    case 5:
        if (w->slot < 0 || !w->in_list)
            return 1;
        w->item_open = tag == CLIXML_T_OBJ;
        if (clixml_primitive(tag))
            w->goal = GOAL_ITEM;
        return tag != CLIXML_T_REF;
    case 6:
        if (w->slot < 0 || !w->in_list || !w->item_open)
            return 1;
        if (tag == CLIXML_T_TOSTRING)
            w->goal = GOAL_ITEM;
        return tag != CLIXML_T_OBJ && tag != CLIXML_T_REF && !clixml_primitive(tag);
    default: return 1;
    }
}

static int settle_text(struct walk *w, size_t at, size_t len)
{
    enum goal goal = w->goal;
    struct clixml_filling *f = &w->fill[w->slot < 0 ? 0 : w->slot];

    w->goal = GOAL_NONE;
    w->f->text_bytes += len + 1;
    if (goal == GOAL_ITEM) {
        if (w->f->n_items == CLIXML_FAST_ITEMS)
            return 0;
        w->f->items[w->f->n_items++] = (struct clixml_span){ at, len };
        f->n_items++;
        w->item_open = 0;
        return 1;
    }
    if (goal == GOAL_TOSTRING)
        f->by_tostring = 1;
    if (w->slot >= 0 && f->kind != CLIXML_LIST)
        f->kind = CLIXML_TEXT;
    f->at = at;
    f->len = len;
    return 1;
}

static inline int close_element(struct walk *w, unsigned level, size_t at, size_t len)
{
    if (w->goal != GOAL_NONE && !settle_text(w, at, len))
        return 0;
    if (level == 5 && w->in_list && w->item_open)
        return 0; /* an item without ToString */
    if (level == 4)
        w->in_list = 0;
    else if (level == 3)
        w->slot = -1;
    return 1;
}

static int only_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t'))
        p++;
    return p == end;
}

int clixml_fast_scan(struct clixml_fast *f, const struct clixml_names *names,
                     struct clixml_filling *fill, const char *xml, size_t len)
{
    struct scan sc = { .xml = xml, .len = len };
    struct walk w = { .f = f, .names = names, .fill = fill, .slot = -1 };
    unsigned depth = 0;
    size_t behind = 0; /* the last tag */
    const char *limit = xml + len;

    if (len == 0 || len > CLIXML_FAST_BYTES || xml[0] != '<')
        return 0;
    f->n_items = 0;
    f->text_bytes = 0;
    f->open[0].tag = CLIXML_T_UNKNOWN; /* the document */
    for (;;) {
        size_t lt = next_bracket(&sc);
        size_t gt = next_bracket(&sc);
        struct tag t;
        enum clixml_tag tag;

        if (lt == len)
            break;
        if (gt == len || xml[lt] != '<' || xml[gt] != '>' || sc.bad)
            return 0;
        if (depth == 0 && lt != 0) /* something behind the object */
            return 0;
        if (xml[lt + 1] == '/') {
            size_t n = gt - lt - 2;

            if (depth == 0 || n > 8 ||
                first_bytes(word_at(xml + lt + 2, limit), n) != f->open[depth].word)
                return 0;
            if (!close_element(&w, depth, behind, lt - behind))
                return 0;
            depth--;
            behind = gt + 1;
            continue;
        }
        if (!read_tag(xml + lt + 1, xml + gt, limit, &t))
            return 0;
        tag = find_tag(f, t.word);
        if (!(children[f->open[depth].tag] & BIT(tag)) || depth == CLIXML_FAST_DEPTH)
            return 0;
        depth++;
        if (!open_element(&w, depth, tag, &t))
            return 0;
        behind = gt + 1;
        if (t.empty) {
            if (!close_element(&w, depth, behind, 0))
                return 0;
            depth--;
        } else {
            f->open[depth].word = t.word;
            f->open[depth].tag = tag;
        }
    }
    f->entities = sc.entities;
    return !sc.bad && depth == 0 && only_blanks(xml + behind, limit);
}

size_t clixml_fast_text(const struct clixml_fast *f, const char *xml, struct clixml_span text,
                        char *to)
{
    const char *from = xml + text.at;
    const char *end = from + text.len;
    const char *amp = f->entities && text.len ? memchr(from, '&', text.len) : NULL;
    char *start = to;
    int bad = 0;

    while (amp) {
        size_t n = (size_t)(amp - from);

        memcpy(to, from, n);
        to += n;
        n = entity(amp, (size_t)(end - amp), to);
        xassert(n > 0); /* the scan has seen it */
        from = amp + n;
        to++;
        amp = from < end ? memchr(from, '&', (size_t)(end - from)) : NULL;
    }
    memcpy(to, from, (size_t)(end - from));
    to += end - from;
    return clixml_unescape(start, (size_t)(to - start), &bad);
}
