/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_text.h - the words of CLIXML ([MS-PSRP] 2.2.5): element names, and the _xHHHH_ escapes.
 */
#ifndef EASG_CLIXML_TEXT_H
#define EASG_CLIXML_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

/* What an element is. CLIXML_T_S .. CLIXML_T_PR are the primitives. */
enum clixml_tag {
    CLIXML_T_UNKNOWN = 0,
    CLIXML_T_OBJS, /* the root of Export-Clixml; never in a message */
    CLIXML_T_OBJ,
    CLIXML_T_REF,
    CLIXML_T_NIL,
    CLIXML_T_TN,
    CLIXML_T_T,
    CLIXML_T_TNREF,
    CLIXML_T_TOSTRING,
    CLIXML_T_PROPS,
    CLIXML_T_MS,
    CLIXML_T_LST,
    CLIXML_T_IE,
    CLIXML_T_STK,
    CLIXML_T_QUE,
    CLIXML_T_DCT,
    CLIXML_T_EN,
    CLIXML_T_S,
    CLIXML_T_C,
    CLIXML_T_B,
    CLIXML_T_DT,
    CLIXML_T_TS,
    CLIXML_T_BY,
    CLIXML_T_SB,
    CLIXML_T_U16,
    CLIXML_T_I16,
    CLIXML_T_U32,
    CLIXML_T_I32,
    CLIXML_T_U64,
    CLIXML_T_I64,
    CLIXML_T_SG,
    CLIXML_T_DB,
    CLIXML_T_D,
    CLIXML_T_BA,
    CLIXML_T_G,
    CLIXML_T_URI,
    CLIXML_T_VERSION,
    CLIXML_T_XD,
    CLIXML_T_SBK,
    CLIXML_T_SS,
    CLIXML_T_PR
};

#define CLIXML_NAMESPACE "http://schemas.microsoft.com/powershell/2004/04"

enum clixml_tag clixml_tag_of(const char *local);
const char *clixml_tag_name(enum clixml_tag tag);
static inline int clixml_primitive(enum clixml_tag tag)
{
    return tag >= CLIXML_T_S;
}
static inline int clixml_list(enum clixml_tag tag)
{
    return tag >= CLIXML_T_LST && tag <= CLIXML_T_QUE;
}

/* Undoes _xHHHH_ in place, surrogate pairs joined; returns the new length. 1 in *bad when half a
 * pair, or NUL, was met: it becomes U+FFFD. */
size_t clixml_unescape(char *ptr, size_t len, int *bad);
/* Appends UTF-8 text as element content, or with `attribute` as the inside of an attribute value:
 * XML's own escapes, and _xHHHH_ for control characters, for characters outside the basic plane and
 * for what would read as an escape. EASG_E_USAGE when it is not UTF-8. */
easg_status clixml_escape(struct strbuf *out, const char *ptr, size_t len,
                          int attribute) EASG_MUST_CHECK;

#endif
