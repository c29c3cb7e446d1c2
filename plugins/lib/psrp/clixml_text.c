/* SPDX-License-Identifier: Apache-2.0
 *
 * Element names as integers, and the escapes.
 */
#include "clixml_text.h"

#include <string.h>

#include "text.h"

#define P1(a)             ((uint64_t)(a))
#define P2(a, b)          (P1(a) | (uint64_t)(b) << 8)
#define P3(a, b, c)       (P2(a, b) | (uint64_t)(c) << 16)
#define P4(a, b, c, d)    (P3(a, b, c) | (uint64_t)(d) << 24)
#define P5(a, b, c, d, e) (P4(a, b, c, d) | (uint64_t)(e) << 32)

/* No name is longer than 8 bytes: one integer holds it. */
enum clixml_tag clixml_tag_of(const char *local)
{
    uint64_t w = 0;
    unsigned n = 0;

    for (; local[n] && n < 8; n++)
        w |= (uint64_t)(unsigned char)local[n] << (8 * n);
    if (local[n])
        return CLIXML_T_UNKNOWN;
    switch (w) {
    case P4('O', 'b', 'j', 's'): return CLIXML_T_OBJS;
    case P3('O', 'b', 'j'): return CLIXML_T_OBJ;
    case P3('R', 'e', 'f'): return CLIXML_T_REF;
    case P3('N', 'i', 'l'): return CLIXML_T_NIL;
    case P2('T', 'N'): return CLIXML_T_TN;
    case P1('T'): return CLIXML_T_T;
    case P5('T', 'N', 'R', 'e', 'f'): return CLIXML_T_TNREF;
    case P4('T', 'o', 'S', 't') | P4('r', 'i', 'n', 'g') << 32: return CLIXML_T_TOSTRING;
    case P5('P', 'r', 'o', 'p', 's'): return CLIXML_T_PROPS;
    case P2('M', 'S'): return CLIXML_T_MS;
    case P3('L', 'S', 'T'): return CLIXML_T_LST;
    case P2('I', 'E'): return CLIXML_T_IE;
    case P3('S', 'T', 'K'): return CLIXML_T_STK;
    case P3('Q', 'U', 'E'): return CLIXML_T_QUE;
    case P3('D', 'C', 'T'): return CLIXML_T_DCT;
    case P2('E', 'n'): return CLIXML_T_EN;
    case P1('S'): return CLIXML_T_S;
    case P1('C'): return CLIXML_T_C;
    case P1('B'): return CLIXML_T_B;
    case P2('D', 'T'): return CLIXML_T_DT;
    case P2('T', 'S'): return CLIXML_T_TS;
    case P2('B', 'y'): return CLIXML_T_BY;
    case P2('S', 'B'): return CLIXML_T_SB;
    case P3('U', '1', '6'): return CLIXML_T_U16;
    case P3('I', '1', '6'): return CLIXML_T_I16;
    case P3('U', '3', '2'): return CLIXML_T_U32;
    case P3('I', '3', '2'): return CLIXML_T_I32;
    case P3('U', '6', '4'): return CLIXML_T_U64;
    case P3('I', '6', '4'): return CLIXML_T_I64;
    case P2('S', 'g'): return CLIXML_T_SG;
    case P2('D', 'b'): return CLIXML_T_DB;
    case P1('D'): return CLIXML_T_D;
    case P2('B', 'A'): return CLIXML_T_BA;
    case P1('G'): return CLIXML_T_G;
    case P3('U', 'R', 'I'): return CLIXML_T_URI;
    case P4('V', 'e', 'r', 's') | P3('i', 'o', 'n') << 32: return CLIXML_T_VERSION;
    case P2('X', 'D'): return CLIXML_T_XD;
    case P3('S', 'B', 'K'): return CLIXML_T_SBK;
    case P2('S', 'S'): return CLIXML_T_SS;
    case P2('P', 'R'): return CLIXML_T_PR;
    default: return CLIXML_T_UNKNOWN;
    }
}

const char *clixml_tag_name(enum clixml_tag tag)
{
    static const char *const names[] = {
        "?",   "Objs", "Obj", "Ref",     "Nil", "TN",  "T",   "TNRef", "ToString", "Props", "MS",
        "LST", "IE",   "STK", "QUE",     "DCT", "En",  "S",   "C",     "B",        "DT",    "TS",
        "By",  "SB",   "U16", "I16",     "U32", "I32", "U64", "I64",   "Sg",       "Db",    "D",
        "BA",  "G",    "URI", "Version", "XD",  "SBK", "SS",  "PR",
    };

    return (size_t)tag < sizeof(names) / sizeof(names[0]) ? names[tag] : "?";
}

/* The code unit at an escape, or -1. */
static int32_t unit(const char *p, const char *end)
{
    int32_t v = 0;

    if (end - p < 7 || p[0] != '_' || (p[1] | 0x20) != 'x' || p[6] != '_')
        return -1;
    for (unsigned i = 2; i < 6; i++) {
        char c = p[i];

        v <<= 4;
        if (c >= '0' && c <= '9')
            v |= c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v |= (c | 0x20) - 'a' + 10;
        else
            return -1;
    }
    return v;
}

size_t clixml_unescape(char *ptr, size_t len, int *bad)
{
    char *from = len ? memchr(ptr, '_', len) : NULL;
    char *end = ptr + len;
    char *to = from;

    if (!from)
        return len;
    while (from < end) {
        int32_t cp = *from == '_' ? unit(from, end) : -1;

        if (cp < 0) {
            *to++ = *from++;
            continue;
        }
        from += 7;
        if (cp >= 0xD800 && cp < 0xDC00) {
            int32_t low = unit(from, end);

            if (low >= 0xDC00 && low < 0xE000) {
                cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
                from += 7;
            }
        }
        /* Text of ours has no NUL inside; half a pair is no character. */
        if (cp == 0 || (cp >= 0xD800 && cp < 0xE000)) {
            *bad = 1;
            cp = 0xFFFD;
        }
        to += text_utf8_put((uint32_t)cp, to); /* never longer than the 7 bytes read */
    }
    return (size_t)(to - ptr);
}

static uint32_t code_point(const char *ptr, size_t n)
{
    const unsigned char *p = (const unsigned char *)ptr;
    uint32_t cp = p[0] & (0xFFu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (p[i] & 0x3Fu);
    return cp;
}

easg_status clixml_escape(struct strbuf *out, const char *ptr, size_t len, int attribute)
{
    size_t from = 0;
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)ptr[i];
        size_t n = text_utf8_len(ptr + i, len - i);
        const char *as = NULL;
        uint32_t cp;

        if (n == 0)
            return EASG_E_USAGE;
        if (c >= 0x20 && c < 0x7F && c != '&' && c != '<' && c != '>' && c != '"' && c != '_') {
            i++;
            continue;
        }
        cp = n == 1 ? c : code_point(ptr + i, n);
        if (c == '&')
            as = "&amp;";
        else if (c == '<')
            as = "&lt;";
        else if (c == '>')
            as = "&gt;";
        else if (c == '"' && attribute)
            as = "&quot;";
        if (as || cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp >= 0x10000 || cp == 0xFFFE ||
            cp == 0xFFFF || (c == '_' && i + 1 < len && (ptr[i + 1] | 0x20) == 'x')) {
            strbuf_add(out, ptr + from, i - from);
            if (as)
                strbuf_adds(out, as);
            else if (cp >= 0x10000)
                strbuf_addf(out, "_x%04X__x%04X_", 0xD800u + ((cp - 0x10000) >> 10),
                            0xDC00u + ((cp - 0x10000) & 0x3FFu));
            else
                strbuf_addf(out, "_x%04X_", cp);
            from = i + n;
        }
        i += n;
    }
    strbuf_add(out, ptr + from, len - from);
    return strbuf_status(out);
}
