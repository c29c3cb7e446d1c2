/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_record.h - objects of a listing as fixed records. The caller names the properties it
 * wants; each object fills one slot a name. Nothing is allocated for an object: text lies in one
 * arena that is reused, and is gone with the next object.
 *
 * An object's extended properties (MS) win over its adapted ones (Props); names have no case.
 */
#ifndef EASG_CLIXML_RECORD_H
#define EASG_CLIXML_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "clixml_text.h"

enum clixml_kind {
    CLIXML_ABSENT = 0, /* the object has no such property */
    CLIXML_NIL,        /* $null */
    CLIXML_TEXT,       /* a primitive, or an object by its ToString, or by its base value */
    CLIXML_LIST,       /* of the same */
    CLIXML_OTHER       /* an object without any of these */
};

struct clixml_slot {
    enum clixml_kind kind;
    enum clixml_tag tag;          /* of the primitive; CLIXML_T_OBJ: by ToString */
    easg_str text;                /* unescaped; CLIXML_TEXT */
    const easg_str *const *items; /* CLIXML_LIST; null entries of the list are left out */
    size_t n_items;
};

struct clixml_record {
    const struct clixml_slot *slots; /* in the order of the names */
    size_t n;
    enum clixml_tag tag; /* CLIXML_T_OBJ; a bare primitive has its text in `text` */
    easg_str text;       /* of a bare primitive, or the object's own ToString when it was asked */
};

/* Takes one object. Anything but EASG_OK ends the message with that status. */
typedef easg_status (*clixml_record_fn)(void *user, const struct clixml_record *record,
                                        easg_error *err);

struct clixml_decoder;

/* `names`: NULL-terminated, borrowed for the decoder's life; at most 64. `max_bytes`: of one
 * message. */
easg_status clixml_decoder_create(const char *const *names, size_t max_bytes,
                                  struct clixml_decoder **out, easg_error *err) EASG_MUST_CHECK;
void clixml_decoder_destroy(struct clixml_decoder *d);
/* Decodes the object of one PIPELINE_OUTPUT, or every object under an <Objs> root. */
easg_status clixml_decode(struct clixml_decoder *d, const char *xml, size_t len,
                          clixml_record_fn fn, void *user, easg_error *err) EASG_MUST_CHECK;
/* How many objects went the long way, over a tree, because of shapes that are rare. */
uint64_t clixml_decoder_slow(const struct clixml_decoder *d);

#endif
