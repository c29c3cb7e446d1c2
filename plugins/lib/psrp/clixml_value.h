/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_value.h - one CLIXML object as a tree, for what is small and bounded: errors, settings,
 * state messages. Listings go through clixml_record.h.
 */
#ifndef EASG_CLIXML_VALUE_H
#define EASG_CLIXML_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "clixml_text.h"

struct clixml_types {
    size_t n;
    const struct clixml_type {
        const struct clixml_type *next;
        easg_str name;
    } * first;
};

/* Read it through the functions below, which follow references and look into wrapped values. */
struct clixml_value {
    enum clixml_tag tag;               /* CLIXML_T_OBJ, a primitive, CLIXML_T_NIL, CLIXML_T_REF */
    easg_str name;                     /* as a property; absent in lists */
    easg_str text;                     /* of a primitive, or ToString */
    const struct clixml_types *types;  /* NULL: none given */
    struct clixml_value *next;         /* sibling */
    struct clixml_value *props;        /* adapted */
    struct clixml_value *ms;           /* extended */
    struct clixml_value *items;        /* of a list, or the values of a dictionary */
    struct clixml_value *key;          /* of a dictionary's value */
    struct clixml_value *base;         /* primitive or wrapped object inside this one */
    const struct clixml_value *target; /* of CLIXML_T_REF */
    enum clixml_tag container;         /* CLIXML_T_LST .. CLIXML_T_DCT, 0 when it is none */
    size_t n_items;
};

struct clixml_tree;

/* `max_bytes` bounds the document, `max_memory` the tree made of it. */
easg_status clixml_tree_create(size_t max_bytes, size_t max_memory, struct clixml_tree **out,
                               easg_error *err) EASG_MUST_CHECK;
void clixml_tree_destroy(struct clixml_tree *t);
/* Reads one message (or each object of an <Objs> document: siblings by ->next). The values live
 * until the next call or clixml_tree_destroy(). NULL for an empty message. */
easg_status clixml_tree_read(struct clixml_tree *t, const char *xml, size_t len,
                             const struct clixml_value **out, easg_error *err) EASG_MUST_CHECK;

/* All take NULL for "not there" and give it back. */
const struct clixml_value *clixml_deref(const struct clixml_value *v);
/* Property by name without case, MS before Props, then those of a wrapped object. */
const struct clixml_value *clixml_get(const struct clixml_value *v, const char *name);
/* Text of a primitive, or of an object (ToString, else its base value); absent for null. */
easg_str clixml_text(const struct clixml_value *v);
easg_str clixml_get_text(const struct clixml_value *v, const char *name);
/* The number of a primitive or of an enum; 1, or 0 when it is none. */
int clixml_int(const struct clixml_value *v, int64_t *out);
int clixml_get_int(const struct clixml_value *v, const char *name, int64_t *out);
/* The first item of a list or dictionary (walk by ->next), looking into a wrapped one. */
const struct clixml_value *clixml_items(const struct clixml_value *v);
/* 1: one of its type names is `name`, with or without "Deserialized." before it. */
int clixml_is_type(const struct clixml_value *v, const char *name);
/* The first type name; absent when none is given. */
easg_str clixml_type(const struct clixml_value *v);

#endif
