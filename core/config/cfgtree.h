/* SPDX-License-Identifier: Apache-2.0
 *
 * cfgtree.h - nodes and documents as this room sees them. Private.
 */
#ifndef EASG_CFGTREE_H
#define EASG_CFGTREE_H

#include "config.h"

#define CFG_MAX_BYTES    (1024 * 1024)
#define CFG_MAX_LEVELS   32
#define CFG_MAX_NODES    20000
#define CFG_MAX_KEYS     1000 /* of one map */
#define CFG_MAX_KEY      200  /* bytes */
#define CFG_MAX_WARNINGS 100

struct cfg_place {
    unsigned line, col; /* from 1; 0: none */
};

struct easg_config {
    struct cfg_doc *doc;
    easg_node_type type;
    int quoted;     /* a quoted or block scalar */
    int is_default; /* not written in the file */
    int is_secret;  /* a reference of a SECRET option */
    easg_str key;   /* in the map that it is in */
    struct cfg_place key_place;
    struct cfg_place place;
    const char *where; /* "contoso.yaml:14:5" */
    easg_str text;     /* of a scalar */
    int64_t num;       /* INT, BOOL */
    struct easg_config **items;
    size_t n, cap;
};

struct cfg_chunk;
struct cfg_doc {
    struct cfg_chunk *chunks;
    char *name; /* of the file, without its directory */
    struct easg_config *root;
    size_t n_nodes;
    const char *warnings[CFG_MAX_WARNINGS];
    size_t n_warnings;
};

/* ---- tree.c ------------------------------------------------------------------------------------
 */

struct cfg_doc *cfg_doc_create(const char *name); /* NULL: out of memory */
/* Zeroed memory that lives as long as the document. */
void *cfg_doc_alloc(struct cfg_doc *doc, size_t size);
char *cfg_doc_dup(struct cfg_doc *doc, const char *ptr, size_t len);
/* EASG_E_LIMIT beyond CFG_MAX_NODES. */
easg_status cfg_node_make(struct cfg_doc *doc, easg_node_type type, struct cfg_place place,
                          struct easg_config **out, easg_error *err);
/* Appends to a map (key set before) or list. */
easg_status cfg_node_add(struct easg_config *parent, struct easg_config *child, easg_error *err);
/* Sets text and, for a plain scalar, what it reads as. */
easg_status cfg_node_scalar(struct easg_config *node, const char *ptr, size_t len, int quoted,
                            easg_error *err);
/* A deep copy into another document, with the places of the original. */
easg_status cfg_node_copy(struct cfg_doc *doc, const struct easg_config *from,
                          struct easg_config **out, easg_error *err);
struct easg_config *cfg_child(const struct easg_config *map, const char *key, size_t len);
void cfg_warn(struct cfg_doc *doc, const struct easg_config *node, const char *fmt, ...)
    EASG_PRINTF(3, 4);
void cfg_warn_copy(struct cfg_doc *to, const struct cfg_doc *from);

/* What a plain scalar reads as; *num for INT and BOOL. */
easg_node_type cfg_classify(const char *ptr, size_t len, int64_t *num);

/* The nearest of `names` to a misspelt `name`, or NULL. Call with NULL *best and *distance 0 first;
 * for each candidate. */
struct cfg_nearest {
    const char *name;
    const char *best;
    unsigned distance;
};
void cfg_nearest_try(struct cfg_nearest *n, const char *candidate);

/* ---- check_value.c -----------------------------------------------------------------------------
 */

/* Makes the node of option `o` in `doc` from what was written. */
easg_status cfg_check_value(struct cfg_doc *doc, const easg_option *o,
                            const struct easg_config *from, struct easg_config **out,
                            easg_error *err);
/* "10M", "500K", "2G" or bytes. 1, or 0. */
int cfg_parse_size(const char *ptr, size_t len, int64_t *out);
/* The range "A..B" of an option in its own unit; 0: none given or not one. */
int cfg_option_range(const easg_option *o, int64_t *min, int64_t *max);

/* ---- org.c --------------------------------------------------------------------------------------
 */

/* Keys of the organisation's file that hold a module. */
extern const char *const cfg_module_keys[4];

/* ---- trust.c ---- */

easg_status cfg_read_trust(struct org_config *o, easg_error *err);

/* ---- orgpolicy.c ---- */

easg_status cfg_read_orgpolicy(struct org_config *o, easg_error *err);

/* ---- show.c ---- */

/* Appends a member of a map with its key; nothing for NULL. */
void cfg_show_key(const struct easg_config *node, struct strbuf *out);

/* ---- schema.c ---- */

/* "easg.source/1" and "source" are of key "source". */
int cfg_of_kind(const struct cfg_schema_module *m, const char *key);

/* ---- secrets.c ---- */

/* 1: has the form of a reference, right or wrong in detail. */
int cfg_is_reference(const easg_str *text);

#endif
