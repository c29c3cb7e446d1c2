/* SPDX-License-Identifier: Apache-2.0
 *
 * record_scan.h - the bytes under record_fast.c, its only reader: 64 a step become two bit masks,
 * '<' and '>', and what needs a look ('&', control characters, bytes above 127). What the processor
 * has for that is known here and nowhere else.
 */
#ifndef EASG_RECORD_SCAN_H
#define EASG_RECORD_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "text.h"

#define BLOCK 64u

/* ---- what depends on the processor ---- */

struct masks {
    uint64_t brackets;
    uint64_t special;
};

#if defined(__SSE2__)
static inline __m128i load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint64_t bits(__m128i v)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(v);
}

/* Bytes are signed here: above 127 is below the blank, as control characters are. */
static inline struct masks look16(const char *p)
{
    __m128i v = load16(p);

    return (struct masks){
        bits(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('<')),
                          _mm_cmpeq_epi8(v, _mm_set1_epi8('>')))),
        bits(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('&')),
                          _mm_cmplt_epi8(v, _mm_set1_epi8(' ')))),
    };
}

/* No loop: the shifts shall be constants. */
static inline struct masks look(const char *p)
{
    struct masks a = look16(p);
    struct masks b = look16(p + 16);
    struct masks c = look16(p + 32);
    struct masks d = look16(p + 48);

    return (struct masks){
        a.brackets | b.brackets << 16 | c.brackets << 32 | d.brackets << 48,
        a.special | b.special << 16 | c.special << 32 | d.special << 48,
    };
}

static inline uint64_t load8(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8); /* SSE2 says little-endian */
    return w;
}

/* The first quote, '&' or byte outside 32..127 in front of `end`, or something at or behind it. */
static inline const char *value_end(const char *p, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i amp = _mm_set1_epi8('&');
    const __m128i blank = _mm_set1_epi8(' ');

    for (; end - p >= 16; p += 16) {
        __m128i v = load16(p);
        uint64_t m =
            bits(_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, amp)),
                              _mm_cmplt_epi8(v, blank)));

        if (m)
            return p + __builtin_ctzll(m);
    }
    for (; p < end; p++)
        if (*p == '"' || *p == '&' || (signed char)*p < ' ')
            break;
    return p;
}
#else
static inline struct masks look(const char *p)
{
    struct masks m = { 0, 0 };

    for (unsigned i = 0; i < BLOCK; i++) {
        m.brackets |= (uint64_t)(p[i] == '<' || p[i] == '>') << i;
        m.special |= (uint64_t)(p[i] == '&' || (signed char)p[i] < ' ') << i;
    }
    return m;
}

static inline uint64_t load8(const char *p)
{
    uint64_t w = 0;

    for (unsigned i = 0; i < 8; i++)
        w |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return w;
}

static inline const char *value_end(const char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == '"' || *p == '&' || (signed char)*p < ' ')
            break;
    return p;
}
#endif

/* Up to 8 bytes at `p`, zeros for those at and behind `end`. */
static inline uint64_t word_at(const char *p, const char *end)
{
    uint64_t w = 0;

    if (end - p >= 8)
        return load8(p);
    for (unsigned i = 0; p + i < end; i++)
        w |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return w;
}

static inline uint64_t first_bytes(uint64_t w, size_t n)
{
    return n < 8 ? w & ((UINT64_C(1) << (8 * n)) - 1) : w;
}

/* ---- finding brackets, checking the rest ---- */

struct scan {
    const char *xml;
    size_t len;
    size_t base; /* of the block whose brackets are left */
    size_t next; /* block */
    uint64_t brackets;
    size_t utf8_end; /* behind the last character above 127 */
    int entities;
    int bad;
    char tail[BLOCK];
};

/* Bytes of the entity at `p`, one of XML's five, and what it stands for; 0: none. */
static inline size_t entity(const char *p, size_t room, char *out)
{
    static const struct {
        const char *text;
        size_t len;
        char c;
    } five[] = {
        { "&amp;", 5, '&' },  { "&lt;", 4, '<' },    { "&gt;", 4, '>' },
        { "&quot;", 6, '"' }, { "&apos;", 6, '\'' },
    };

    for (size_t i = 0; i < sizeof(five) / sizeof(five[0]); i++)
        if (room >= five[i].len && memcmp(p, five[i].text, five[i].len) == 0) {
            *out = five[i].c;
            return five[i].len;
        }
    return 0;
}

/* Bytes of a character above 127 that XML allows, or 0. */
static inline size_t character(const char *p, size_t room)
{
    size_t n = text_utf8_len(p, room);

    /* U+FFFE and U+FFFF are UTF-8 but no characters of XML. */
    if (n == 3 && (unsigned char)p[0] == 0xEF && (unsigned char)p[1] == 0xBF &&
        (unsigned char)p[2] >= 0xBE)
        return 0;
    return n;
}

static inline void check_special(struct scan *sc, size_t base, uint64_t special)
{
    for (; special; special &= special - 1) {
        size_t at = base + (size_t)__builtin_ctzll(special);
        char c = sc->xml[at];
        char as;
        size_t n;

        if (c == '\n' || c == '\t' || at < sc->utf8_end)
            continue;
        if (c == '&') {
            n = entity(sc->xml + at, sc->len - at, &as);
            sc->entities = 1;
        } else {
            n = (unsigned char)c >= 0x80 ? character(sc->xml + at, sc->len - at) : 0;
            sc->utf8_end = at + n;
        }
        if (n == 0) {
            sc->bad = 1;
            return;
        }
    }
}

/* Brackets of the next block that has some; 0: the message ends before. */
static uint64_t next_brackets(struct scan *sc)
{
    while (sc->next < sc->len) {
        const char *p = sc->xml + sc->next;
        size_t left = sc->len - sc->next;
        struct masks m;

        if (left < BLOCK) { /* no byte behind the message is read */
            memset(sc->tail, ' ', sizeof(sc->tail));
            memcpy(sc->tail, p, left);
            p = sc->tail;
        }
        m = look(p);
        sc->base = sc->next;
        sc->next += left < BLOCK ? left : BLOCK;
        if (m.special)
            check_special(sc, sc->base, m.special);
        if (m.brackets)
            return m.brackets;
    }
    return 0;
}

/* The offset of the next bracket, or the length. */
static inline size_t next_bracket(struct scan *sc)
{
    uint64_t m = sc->brackets ? sc->brackets : next_brackets(sc);

    if (!m)
        return sc->len;
    sc->brackets = m & (m - 1);
    return sc->base + (size_t)__builtin_ctzll(m);
}

#endif
