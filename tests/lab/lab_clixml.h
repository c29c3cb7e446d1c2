/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_clixml.h - CLIXML: a writer of objects, and a reader of arguments.
 */
#ifndef LAB_CLIXML_H
#define LAB_CLIXML_H

#include "lab_buf.h"

/* How deep values are written: Exchange's serializationLevel and the remoting depth of 1. */
enum shapes {
    SHAPES_MIXED,  /* enums as objects, complex values as strings */
    SHAPES_FULL,   /* everything as an object, with SerializationData */
    SHAPES_STRING, /* everything below the top as a string */
};

/* A list of type names, ending with NULL. Its address is its identity inside one message. */
typedef const char *const *type_names;

#define CLX_TYPES 24
struct cx {
    struct buf *b;
    unsigned ref; /* last RefId given */
    unsigned tn;
    enum shapes shapes;
    type_names known[CLX_TYPES];
};

void cx_begin(struct cx *x, struct buf *b, enum shapes shapes);
void cx_text(struct buf *b, const char *s); /* XML and _xHHHH_ escapes */
void cx_open(struct cx *x, const char *name, type_names types, const char *tostring);
void cx_close(struct cx *x);
void cx_types(struct cx *x, type_names types);

void cx_string(struct cx *x, const char *name, const char *v); /* NULL: Nil */
void cx_nil(struct cx *x, const char *name);
void cx_bool(struct cx *x, const char *name, int v);
void cx_int(struct cx *x, const char *name, int64_t v);
void cx_uint(struct cx *x, const char *name, uint64_t v);
void cx_date(struct cx *x, const char *name, uint64_t seconds, int local); /* 0: Nil */
void cx_guid(struct cx *x, const char *name, const char *v);
void cx_version(struct cx *x, const char *name, const char *v);
void cx_enum(struct cx *x, const char *name, type_names types, const char *value, int number);
/* MultiValuedProperty of strings. */
void cx_strings(struct cx *x, const char *name, type_names types, const char *const *v, size_t n);
/* A value that is an object at full depth and its ToString otherwise. */
int cx_complex(struct cx *x, const char *name, type_names types, const char *tostring);

struct ado {
    const char *tostring;
    const char *rdn;
    const char *dn;
    const char *domain;
    const char *guid;
    unsigned depth;
};
void cx_ado(struct cx *x, const char *name, const struct ado *a);

extern const char *const types_strings[];
extern const char *const types_array[];
extern const char *const types_ado[];

/* ---- reading ---- */

enum clx_kind { CLX_NIL, CLX_VALUE, CLX_LIST, CLX_DICT, CLX_OBJECT };
struct clx;
struct clx_pair {
    const char *name; /* property name; NULL in lists */
    struct clx *key;  /* of a dictionary */
    struct clx *value;
};
struct clx {
    enum clx_kind kind;
    char tag[12];       /* S, B, I32 ... of a value */
    char *text;         /* of a value, or ToString */
    char *type;         /* first type name */
    struct clx_pair *v; /* properties, items or entries */
    size_t n;
};
struct clx_doc;

/* NULL and a reason when it is not well-formed CLIXML. */
struct clx_doc *clx_parse(const char *p, size_t n, const char **why);
void clx_free(struct clx_doc *d);
const struct clx *clx_root(const struct clx_doc *d);
/* Property by name without case, or NULL. */
const struct clx *clx_get(const struct clx *o, const char *name);
const char *clx_text(const struct clx *v); /* never NULL */
int clx_true(const struct clx *v);
/* Nil and a missing value. */
int clx_is_nil(const struct clx *v);

#endif
