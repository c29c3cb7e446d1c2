/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_writer.h - CLIXML of our own: the typed values that cmdlets take, and the objects of
 * PSRP's messages. A runspace in no-language mode parses no text: $true and @{} have to be typed.
 */
#ifndef EASG_CLIXML_WRITER_H
#define EASG_CLIXML_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "clixml_text.h"

enum psrp_kind {
    PSRP_NIL = 0,
    PSRP_BOOL, /* also a switch parameter */
    PSRP_INT,  /* I32 */
    PSRP_LONG, /* I64 */
    PSRP_STRING,
    PSRP_TIME,  /* DT, in UTC */
    PSRP_ARRAY, /* object[] */
    PSRP_HASH   /* Hashtable with string keys */
};

/* A typed value. Borrowed. */
struct psrp_value {
    enum psrp_kind kind;
    int64_t number;                 /* BOOL, INT, LONG, TIME (milliseconds since 1970) */
    easg_str text;                  /* STRING */
    const struct psrp_value *items; /* ARRAY, HASH */
    const char *const *keys;        /* HASH */
    size_t n;
};

#define PSRP_V_BOOL(b)     ((struct psrp_value){ .kind = PSRP_BOOL, .number = (b) })
#define PSRP_V_TEXT(s)     ((struct psrp_value){ .kind = PSRP_STRING, .text = (s) })
#define PSRP_V_LIT(s)      ((struct psrp_value){ .kind = PSRP_STRING, .text = TEXT_LIT(s) })
#define PSRP_V_ARRAY(p, c) ((struct psrp_value){ .kind = PSRP_ARRAY, .items = (p), .n = (c) })

#define CLIXML_WRITER_TYPES 12u

/* One message: reference ids are counted in it. `out` keeps the first failure (strbuf.h); text that
 * is not UTF-8 sets `status`. */
struct clixml_writer {
    struct strbuf *out;
    easg_status status;
    unsigned next_ref;
    unsigned n_types;
    const char *const *types[CLIXML_WRITER_TYPES]; /* lists written already, by address */
};

void clixml_writer_init(struct clixml_writer *w, struct strbuf *out);
/* EASG_OK, or what went wrong first. */
easg_status clixml_writer_status(const struct clixml_writer *w);

/* `name`: as a property, or NULL. `types`: NULL-terminated list in static storage; a list met again
 * becomes a TNRef. */
void clixml_put_obj(struct clixml_writer *w, const char *name, const char *const *types);
void clixml_open(struct clixml_writer *w, const char *element);
void clixml_close(struct clixml_writer *w, const char *element);
void clixml_put(struct clixml_writer *w, const char *element, const char *name, const char *text,
                size_t len);
void clixml_put_bool(struct clixml_writer *w, const char *name, int value);
void clixml_put_int(struct clixml_writer *w, const char *name, int32_t value);
void clixml_put_nil(struct clixml_writer *w, const char *name);
void clixml_put_enum(struct clixml_writer *w, const char *name, const char *const *types,
                     const char *text, int32_t value);
void clixml_put_value(struct clixml_writer *w, const char *name, const struct psrp_value *v);

#endif
