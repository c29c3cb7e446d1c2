/* SPDX-License-Identifier: Apache-2.0
 *
 * parse.c - a file becomes a tree, by libyaml's events. What YAML can do beyond maps, lists and
 * scalars (anchors, aliases, tags, merge keys, several documents) is refused: it makes a file mean
 * something else than it says.
 */
#include "cfgtree.h"

#include "err.h"
#include "fs.h"
#include "text.h"

#include <string.h>
#include <yaml.h>

struct level {
    struct easg_config *node;
    easg_str key; /* of a map: waits for its value */
    struct cfg_place key_place;
};

struct parse {
    struct cfg_doc *doc;
    struct level levels[CFG_MAX_LEVELS];
    size_t depth;
    int documents;
};

static easg_status at(const struct parse *p, struct cfg_place place, easg_error *err,
                      const char *what)
{
    return err_set(err, EASG_E_CONFIG, "%s:%u:%u: %s", p->doc->name, place.line, place.col, what);
}

static struct cfg_place mark(const yaml_mark_t *m)
{
    struct cfg_place place = { (unsigned)m->line + 1, (unsigned)m->column + 1 };

    return place;
}

/* ---- before YAML: bytes that no configuration holds ---- */

static const char *bad_char(const char *ptr, size_t len, size_t *size)
{
    unsigned char c = (unsigned char)*ptr;

    *size = text_utf8_len(ptr, len);
    if (*size == 0)
        return "not valid UTF-8; save the file as UTF-8";
    if (c == 0)
        return "a NUL character";
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f ||
        (c == 0xc2 && (unsigned char)ptr[1] < 0xa0))
        return "a control character";
    return NULL;
}

static easg_status check_bytes(const struct parse *p, const char *ptr, size_t len, easg_error *err)
{
    struct cfg_place place = { 1, 1 };
    int indent = 1; /* only spaces so far in this line */
    size_t size;

    for (size_t i = 0; i < len; i += size) {
        const char *bad = bad_char(ptr + i, len - i, &size);

        if (!bad && indent && ptr[i] == '\t')
            bad = "a tab; indent with spaces";
        if (bad)
            return at(p, place, err, bad);
        if (ptr[i] == '\n') {
            place = (struct cfg_place){ place.line + 1, 1 };
            indent = 1;
            continue;
        }
        indent = indent && ptr[i] == ' ';
        place.col++;
    }
    return EASG_OK;
}

/* ---- events ---- */

/* Puts a finished or just opened node where it belongs. */
static easg_status place_node(struct parse *p, struct easg_config *node, easg_error *err)
{
    struct level *l = p->depth ? &p->levels[p->depth - 1] : NULL;

    if (!l) {
        p->doc->root = node;
        return EASG_OK;
    }
    if (l->node->type == EASG_NODE_MAP) {
        node->key = l->key;
        node->key_place = l->key_place;
        l->key = (easg_str){ NULL, 0 };
    }
    return cfg_node_add(l->node, node, err);
}

/* A map or list in the place of a key. */
static int wants_key(const struct parse *p)
{
    const struct level *l = p->depth ? &p->levels[p->depth - 1] : NULL;

    return l && l->node->type == EASG_NODE_MAP && !l->key.ptr;
}

static easg_status open_node(struct parse *p, easg_node_type type, struct cfg_place place,
                             easg_error *err)
{
    struct easg_config *node = NULL;
    easg_status st;

    if (wants_key(p))
        return at(p, place, err, "a key must be a word, not a list or a map");
    if (p->depth == CFG_MAX_LEVELS)
        return at(p, place, err, "more than 32 levels");
    st = cfg_node_make(p->doc, type, place, &node, err);
    if (st == EASG_OK)
        st = place_node(p, node, err);
    if (st == EASG_OK)
        p->levels[p->depth++] = (struct level){ .node = node };
    return st;
}

static easg_status take_key(struct parse *p, const yaml_event_t *e, easg_error *err)
{
    struct level *l = &p->levels[p->depth - 1];
    struct cfg_place place = mark(&e->start_mark);
    const char *key = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    const struct easg_config *twin;
    char safe[80];

    if (len == 0 || len > CFG_MAX_KEY || strlen(key) != len)
        return at(p, place, err, len ? "a key of more than 200 bytes" : "an empty key");
    if (strcmp(key, "<<") == 0)
        return at(p, place, err, "merge keys (<<) are not supported; write the values out");
    if (l->node->n == CFG_MAX_KEYS)
        return at(p, place, err, "more than 1000 keys in one map");
    twin = cfg_child(l->node, key, len);
    if (twin)
        return err_set(err, EASG_E_CONFIG, "%s:%u:%u: `%s` is here twice; the first is in line %u",
                       p->doc->name, place.line, place.col, text_safe(key, len, safe, sizeof safe),
                       twin->key_place.line);
    l->key.ptr = cfg_doc_dup(p->doc, key, len);
    l->key.len = len;
    l->key_place = place;
    return l->key.ptr ? EASG_OK : err_nomem(err);
}

static easg_status take_scalar(struct parse *p, const yaml_event_t *e, easg_error *err)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    struct easg_config *node = NULL;
    easg_status st;

    if (wants_key(p))
        return take_key(p, e, err);
    if (strlen(text) != len) /* "\0" in a quoted one */
        return at(p, mark(&e->start_mark), err, "a NUL character");
    st = cfg_node_make(p->doc, EASG_NODE_STRING, mark(&e->start_mark), &node, err);
    if (st == EASG_OK)
        st = cfg_node_scalar(node, text, len, e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, err);
    if (st == EASG_OK)
        st = place_node(p, node, err);
    return st;
}

static const char *unwanted(const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    switch (e->type) {
    case YAML_ALIAS_EVENT: return "aliases (*name) are not supported; write the value out";
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (e->data.document_start.tag_directives.start !=
            e->data.document_start.tag_directives.end)
            return "tag directives (%TAG) are not supported";
        return NULL;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
    default: return NULL;
    }
    if (anchor)
        return "anchors (&name) are not supported; remove it. A text that begins with & needs "
               "quotes";
    return tag ? "tags (!name) are not supported; remove it. A text that begins with ! needs quotes"
               : NULL;
}

static easg_status take_event(struct parse *p, const yaml_event_t *e, easg_error *err)
{
    struct cfg_place place = mark(&e->start_mark);
    const char *no = unwanted(e);

    if (no)
        return at(p, place, err, no);
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return p->documents++
                   ? at(p, place, err, "a second document (---); one file is one document")
                   : EASG_OK;
    case YAML_SCALAR_EVENT: return take_scalar(p, e, err);
    case YAML_SEQUENCE_START_EVENT: return open_node(p, EASG_NODE_LIST, place, err);
    case YAML_MAPPING_START_EVENT: return open_node(p, EASG_NODE_MAP, place, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: p->depth--; return EASG_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
    default: return EASG_OK;
    }
}

static easg_status syntax_error(const struct parse *p, const yaml_parser_t *y, easg_error *err)
{
    const char *problem = y->problem ? y->problem : "not YAML";
    const char *hint = "";
    struct cfg_place place = mark(&y->problem_mark);

    if (y->error == YAML_MEMORY_ERROR)
        return err_nomem(err);
    if (strstr(problem, "mapping values are not allowed"))
        hint = "; a text with \": \" in it needs quotes, and keys of one map stand in one column";
    else if (strstr(problem, "cannot start any token"))
        hint = "; a text that begins with this character needs quotes";
    return err_set(err, EASG_E_CONFIG, "%s:%u:%u: %s%s%s%s", p->doc->name, place.line, place.col,
                   problem, y->context ? " " : "", y->context ? y->context : "", hint);
}

static easg_status parse_events(struct parse *p, const char *ptr, size_t len, easg_error *err)
{
    easg_status st = EASG_OK;
    yaml_parser_t y;
    int end = 0;

    if (!yaml_parser_initialize(&y))
        return err_nomem(err);
    yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&y, (const unsigned char *)ptr, len);
    while (st == EASG_OK && !end) {
        yaml_event_t e;

        if (!yaml_parser_parse(&y, &e)) {
            st = syntax_error(p, &y, err);
            break;
        }
        end = e.type == YAML_STREAM_END_EVENT;
        st = take_event(p, &e, err);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&y);
    return st;
}

easg_status cfg_open_memory(const char *name, const char *ptr, size_t len, struct cfg_doc **out,
                            easg_error *err)
{
    struct parse p = { .doc = cfg_doc_create(name) };
    struct cfg_place start = { 1, 1 };
    easg_status st;

    *out = NULL;
    if (!p.doc)
        return err_nomem(err);
    if (len >= 3 && memcmp(ptr, "\xef\xbb\xbf", 3) == 0) { /* written by Notepad */
        ptr += 3;
        len -= 3;
    }
    if (len > CFG_MAX_BYTES)
        st = at(&p, start, err, "larger than 1 MiB");
    else
        st = check_bytes(&p, ptr, len, err);
    if (st == EASG_OK)
        st = parse_events(&p, ptr, len, err);
    if (st == EASG_OK && !p.doc->root)
        st = cfg_node_make(p.doc, EASG_NODE_NULL, start, &p.doc->root, err);
    if (st != EASG_OK) {
        cfg_close(p.doc);
        return st;
    }
    *out = p.doc;
    return EASG_OK;
}

easg_status cfg_open(const char *path, struct cfg_doc **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(CFG_MAX_BYTES + 16);
    easg_status st = fs_read(path, CFG_MAX_BYTES + 3, &b, err);

    *out = NULL;
    return st == EASG_OK ? cfg_open_memory(path, strbuf_str(&b), b.len, out, err) : st;
}
