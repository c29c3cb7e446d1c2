/* SPDX-License-Identifier: Apache-2.0
 *
 * The exports of a 64-bit ELF library, read from its section headers with every offset checked.
 */
#include <string.h>

#include "conform.h"

#define SHT_DYNSYM 11u

struct table {
    uint64_t at, size, entry;
    uint32_t link;
};

static uint64_t get(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = n; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

static int inside(uint64_t at, uint64_t size, size_t len)
{
    return at <= len && size <= len - at;
}

/* Section `i`, when it is in the file and of that type (0: any). */
static int section(const unsigned char *p, size_t len, uint64_t i, uint32_t type, struct table *out)
{
    uint64_t shoff = get(p + 40, 8);
    uint64_t at;

    if (i >= get(p + 60, 2) || get(p + 58, 2) < 64)
        return 0;
    at = shoff + i * get(p + 58, 2);
    if (!inside(at, 64, len))
        return 0;
    *out = (struct table){ get(p + at + 24, 8), get(p + at + 32, 8), get(p + at + 56, 8),
                           (uint32_t)get(p + at + 40, 4) };
    return inside(out->at, out->size, len) && (!type || get(p + at + 4, 4) == type);
}

static void symbol(const unsigned char *p, const struct table *strings, const unsigned char *sym,
                   void (*fn)(void *user, const char *name), void *user)
{
    uint64_t name = get(sym, 4);
    unsigned bind = sym[4] >> 4;
    unsigned visibility = sym[5] & 3u;
    const char *s = (const char *)p + strings->at + name;

    /* global or weak, default or protected, and defined here */
    if ((bind != 1 && bind != 2) || (visibility != 0 && visibility != 3) || get(sym + 6, 2) == 0)
        return;
    if (name < strings->size && memchr(s, '\0', (size_t)(strings->size - name)) && *s)
        fn(user, s);
}

int elf_exports(const char *bytes, size_t len, void (*fn)(void *user, const char *name), void *user)
{
    const unsigned char *p = (const unsigned char *)bytes;
    struct table syms;
    struct table strings;

    if (len < 64 || memcmp(p, "\177ELF\2\1", 6) != 0)
        return -1;
    for (uint64_t i = 0; i < get(p + 60, 2); i++) {
        if (!section(p, len, i, SHT_DYNSYM, &syms))
            continue;
        if (!section(p, len, syms.link, 0, &strings) || syms.entry < 24)
            return -1;
        for (uint64_t at = 0; at + 24 <= syms.size; at += syms.entry)
            symbol(p, &strings, p + syms.at + at, fn, user);
        return 0;
    }
    return -1;
}
