/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - every name in the organisation, made from numbers.
 *
 * Names are chosen to hurt: umlauts, CJK, emoji, right-to-left, XML and CLIXML escapes, commas in
 * distinguished names and slashes in canonical ones. A mailbox is found again by the alias that all
 * its names contain.
 */
#include "lab_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct make makes[] = {
    {PLATFORM_IOS,      CLIENT_EAS,     IDENT_IOS,       "iPhone",         "iPhone15C3",                  "iOS 18.1 22B83",
     "iOS 18.2 22C152",                                                                                                                                "Apple-iPhone15C3/2202.83",                  "Apple",     "iPhone 15 Pro"              },
    { PLATFORM_IOS,     CLIENT_EAS,     IDENT_APPL,      "iPhone",         "iPhone9C3",                   "iOS 15.8.2 19H384",
     "iOS 15.8.3 19H386",                                                                                                                              "Apple-iPhone9C3/1908.384",                  "Apple",     "iPhone 7"                   },
    { PLATFORM_IOS,     CLIENT_EAS,     IDENT_IOS,       "iPad",           "iPad13C1",                    "iOS 17.6.1 21G93",       "iOS 18.1 22B83",
     "Apple-iPad13C1/2107.93",                                                                                                                                                                      "Apple",     "iPad Air"                   },
    { PLATFORM_ANDROID, CLIENT_EAS,     IDENT_SEC,       "SamsungDevice",  "SM-G991B",                    "Android 14",
     "Android 15",                                                                                                                                     "SAMSUNG-SM-G991B/101.14",                   "samsung",   "Galaxy S21"                 },
    { PLATFORM_ANDROID, CLIENT_EAS,     IDENT_SEC,       "SamsungDevice",  "SM-S918B",                    "Android 15.0",
     "Android 16",                                                                                                                                     "SAMSUNG-SM-S918B/101.15",                   "samsung",   "Galaxy S23 Ultra"           },
    { PLATFORM_ANDROID, CLIENT_EAS,     IDENT_ANDROIDC,  "Android",        "Pixel 7 Pro",                 "Android 15",
     "Android 16",                                                                                                                                     "Android-Mail/2024.08.25.673321457.Release", "Google",    "Pixel 7 Pro"                },
    { PLATFORM_ANDROID, CLIENT_EAS,     IDENT_ANDROIDC,  "Android",        "M2102J20SG",                  "Android 12",
     "Android 13",                                                                                                                                     "Android-Mail/2023.11.02",                   "Xiaomi",    "POCO X3"                    },
    { PLATFORM_WINDOWS, CLIENT_EAS,     IDENT_HEX,       "WindowsMail",    "WindowsMail",                 "Windows 10.0.19045",
     "Windows 10.0.26100",                                                                                                                             "MSFT-WIN-4/10.0.19045",                     "Lenovo",    "20XW"                       },
    { PLATFORM_OTHER,   CLIENT_OUTLOOK, IDENT_HEX_LOWER, "OutlookService", "OutlookService",
     "iOS 18.1",                                                                                                                    "iOS 18.2",        "Outlook-iOS/2.0",                           "Microsoft", "Outlook for iOS and Android"},
    { PLATFORM_OTHER,   CLIENT_REST,    IDENT_HEX_LOWER, "Outlook",        "Outlook for iOS and Android",
     "Android 14",                                                                                                                  "Android 15",      "Outlook-Android/2.0",                       "Microsoft",
     "Outlook for iOS and Android"                                                                                                                                                                                                            },
    { PLATFORM_OTHER,   CLIENT_EAS,     IDENT_HEX,       "KaiOSDevice",    "Nokia 8110 4G",               "KaiOS 2.5.1",
     "KaiOS 2.5.4",                                                                                                                                    "KaiOS-Mail/2.5",                            "HMD",       "8110 4G"                    },
    { PLATFORM_OTHER,   CLIENT_EAS,     IDENT_HEX,       "BlackBerry",     "Z10",                         "BlackBerry 10.3.3.3216",
     "BlackBerry 10.3.3.3216",                                                                                                                         "RIM-Z10/10.3.3.3216",                       "RIM",       "Z10"                        },
    { PLATFORM_OTHER,   CLIENT_EAS,     IDENT_VALIDATE,  "",               "",                            "",                       "",                "",                                          "",          ""                           },
    { PLATFORM_WINDOWS, CLIENT_EAS,     IDENT_HEX,       "",               "20XW",                        "10.0.22631.4317",        "10.0.26100.2314", "",
     "LENOVO",                                                                                                                                                                                                   "ThinkPad X1"                },
};
const unsigned n_makes = sizeof makes / sizeof makes[0];

static const char *const first_names[] = { "Anna",  "Jörg", "Łukasz", "María José", "Søren",
                                           "Wei",   "Noël", "Priya",  "John",       "Emily",
                                           "Ahmed", "Yuki", "Olga",   "Peter",      "Karl-Heinz",
                                           "Zoë",   "Tom",  "Ines",   "Rahul",      "Chloé" };
static const char *const last_names[] = { "Müller",        "Smith",   "O'Brien",   "Kowalczyk",
                                          "García & Sons", "Hansen",  "王",        "Nguyen",
                                          "Schmidt",       "Dubois",  "Johansson", "Rossi",
                                          "Kim",           "Ivanova", "Yılmaz",    "de la Cruz",
                                          "Brown",         "Patel",   "Fischer",   "Novák" };
static const char *const units[] = { "Berlin", "München", "Paris",  "New York",
                                     "Zürich", "東京",    "Madrid", "Oslo" };
static const char *const carriers[] = { "Telekom.de", "vodafone UK", "O₂ - de", "AT&T",
                                        "Orange F",   "Swisscom",    "" };
/* Display names of the mailboxes flagged so; every one has broken somebody's parser. */
static const char *const nasty[] = {
    "\"Quote\" & <Tag> 'Apos' \xF0\x9F\xA6\x8A",
    "my_x0041_ and _x005F_ and _X000a_",
    "\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF \xE2\x80\xAEgpj.exe",
    "Sales/Support; R&D = \\ + #1",
    "山田 太郎 \xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7",
    "\x65\xCC\x81\x61\xCC\x88 combining and \xC3\xA9\xC3\xA4 not",
    "'); DROP TABLE mailbox;-- $(id) `id` %s%n {0}",
    "]]> <![CDATA[ &amp; &#x41;",
};

#define PICK(a, r) a[(r) % (sizeof(a) / sizeof(a)[0])]

void text_ident(const struct model *m, uint32_t ident, char out[48])
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint64_t a = model_random(m, ident, 1);
    uint64_t b = model_random(m, ident, 2);
    size_t n = 0;

    switch (ident >> 28) {
    case IDENT_IOS:
        for (int i = 0; i < 13; i++, a /= 36)
            out[n++] = abc[a % 36];
        for (int i = 0; i < 13; i++, b /= 36)
            out[n++] = abc[b % 36];
        out[n] = 0;
        break;
    case IDENT_APPL: lab_print(out, 48, "ApplDNP%08X", (unsigned)(a & 0xFFFFFFFF)); break;
    case IDENT_ANDROIDC: lab_print(out, 48, "androidc%u", (unsigned)(a & 0xFFFFFFFF)); break;
    case IDENT_SEC:
        lab_print(out, 48, "SEC%013llX", (unsigned long long)(a & 0xFFFFFFFFFFFFF));
        break;
    case IDENT_HEX_LOWER:
        lab_print(out, 48, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
        break;
    case IDENT_VALIDATE: lab_print(out, 48, "validate"); break;
    default:
        lab_print(out, 48, "%016llX%016llX", (unsigned long long)a, (unsigned long long)b);
        break;
    }
}

/* RFC 4514, the characters that occur in our names. */
static void escape_dn(char *out, size_t size, const char *s)
{
    size_t n = 0;

    for (; *s && n + 3 < size; s++) {
        if (strchr(",+\"\\<>;=#", *s))
            out[n++] = '\\';
        out[n++] = *s;
    }
    out[n] = 0;
}

static void escape_canonical(char *out, size_t size, const char *s)
{
    size_t n = 0;

    for (; *s && n + 3 < size; s++) {
        if (*s == '/')
            out[n++] = '\\';
        out[n++] = *s;
    }
    out[n] = 0;
}

static void display_name(const struct model *m, uint32_t i, int hurts, char *out, size_t size)
{
    if (hurts)
        lab_print(out, size, "%s (user%07u)", PICK(nasty, i), i);
    else
        lab_print(out, size, "%s, %s (user%07u)", PICK(last_names, model_random(m, i, 6)),
                  PICK(first_names, model_random(m, i, 5)), i);
}

void text_mailbox(const struct model *m, uint32_t i, struct mailbox_text *t)
{
    const struct mailbox *b = &m->mailboxes[i];
    const char *ou = PICK(units, model_random(m, i, 7));
    int child = (b->flags & MBX_CHILD) != 0;
    char cn[300];

    t->domain = child ? "emea.contoso.example" : "contoso.example";
    t->dc = child ? "DC=emea,DC=contoso,DC=example" : "DC=contoso,DC=example";
    lab_print(t->alias, sizeof t->alias, "user%07u", i);
    lab_print(t->sam, sizeof t->sam, "user%07u", i);
    lab_print(t->upn, sizeof t->upn, "user%07u@%s", i, t->domain);
    lab_print(t->primary, sizeof t->primary, "user%07u@%s", i, t->domain);
    lab_print(t->second, sizeof t->second, "%c.mailbox.%u@contoso.example", 'a' + (char)(i % 26),
              i);
    lab_print(t->sid, sizeof t->sid, "S-1-5-21-%u-%u-%u-%u", 1004336348u, 1177238915u,
              child ? 682003331u : 682003330u, 1100 + i);
    display_name(m, i, (b->flags & MBX_NASTY) != 0, t->display, sizeof t->display);
    escape_dn(cn, sizeof cn, t->display);
    lab_print(t->dn, sizeof t->dn, "CN=%s,OU=%s,OU=Users,OU=Corp,%s", cn, ou, t->dc);
    escape_canonical(cn, sizeof cn, t->display);
    lab_print(t->canonical, sizeof t->canonical, "%s/Corp/Users/%s/%s", t->domain, ou, cn);
    model_guid(m, GUID_MAILBOX, i, t->guid);
}

void text_person(const struct model *m, uint32_t i, char upn[64], char display[200])
{
    const struct person *p = &m->persons[i];

    if (p->mailbox == NONE || !(p->flags & (PER_SID | PER_IMMUTABLE | PER_PROXY))) {
        lab_print(upn, 64, "cloud%07u@contoso.onmicrosoft.example", i);
        display_name(m, i, 0, display, 200);
        return;
    }
    display_name(m, p->mailbox, (m->mailboxes[p->mailbox].flags & MBX_NASTY) != 0, display, 200);
    if (p->flags & PER_SID)
        lab_print(upn, 64, "user%07u@%s", p->mailbox,
                  m->mailboxes[p->mailbox].flags & MBX_CHILD ? "emea.contoso.example"
                                                             : "contoso.example");
    else
        lab_print(upn, 64, "first.last%u@contoso.onmicrosoft.example", p->mailbox);
}

void text_device(const struct model *m, uint32_t i, struct device_text *t)
{
    const struct device *d = &m->devices[i];
    const struct make *k = &makes[d->make];
    const char *first = PICK(first_names, model_random(m, d->mailbox, 5));
    uint64_t r = model_random(m, i, 9);
    char name[160];

    text_mailbox(m, d->mailbox, &t->box);
    text_ident(m, d->ident, t->id);
    model_guid(m, GUID_DEVICE, i, t->guid);
    t->carrier = d->flags & DEV_BLANK ? "" : PICK(carriers, model_random(m, i, 8));
    lab_print(t->os, sizeof t->os, "%s", d->rev & 1 ? k->os_next : k->os);
    lab_print(t->imei, sizeof t->imei, "35%013llu",
              (unsigned long long)(model_random(m, i, 20) % 10000000000000u));
    if (d->flags & DEV_BLANK) {
        t->friendly[0] = 0;
        t->imei[0] = 0;
    } else if (d->flags & DEV_NASTY)
        lab_print(t->friendly, sizeof t->friendly, "%s\r\n\t\x01%s_x000D_ \xF0\x9F\x93\xB1\x7F",
                  PICK(nasty, r), first);
    else if (r % 16 == 0)
        lab_print(t->friendly, sizeof t->friendly, "%s\xE2\x80\x99s phone \xF0\x9F\x93\xB1", first);
    else if (r % 16 == 1)
        lab_print(t->friendly, sizeof t->friendly, "%s\n%s <work>", first, k->model);
    else if (r % 16 == 2)
        lab_print(t->friendly, sizeof t->friendly, "my_x0041_%s", k->model);
    else
        lab_print(t->friendly, sizeof t->friendly, "%s %s", first, k->model);
    if (d->rev > 1)
        lab_print(t->friendly + strlen(t->friendly), sizeof t->friendly - strlen(t->friendly),
                  " #%u", d->rev);
    lab_print(t->name, sizeof t->name, "%s\xC2\xA7%s", k->type, t->id);
    lab_print(t->rdn, sizeof t->rdn, "CN=%s", t->name);
    escape_dn(name, sizeof name, t->name);
    lab_print(t->dn, sizeof t->dn, "CN=%s,CN=ExchangeActiveSyncDevices,%s", name, t->box.dn);
    lab_print(t->identity, sizeof t->identity, "%s/ExchangeActiveSyncDevices/%s", t->box.canonical,
              t->name);
}

/* Number after "user" at the last place where seven digits follow it, or NONE. */
static uint32_t alias_in(const char *s)
{
    uint32_t found = NONE;

    for (const char *p = s; *p; p++) {
        char *end;
        unsigned long v;

        if (!lab_starts(p, "user") || p[4] < '0' || p[4] > '9')
            continue;
        v = strtoul(p + 4, &end, 10);
        if (end - (p + 4) == 7)
            found = (uint32_t)v;
    }
    return found;
}

static int names_mailbox(const struct mailbox_text *t, const char *s)
{
    char domain_user[64];

    lab_print(domain_user, sizeof domain_user, "CONTOSO\\%s", t->sam);
    return lab_same(s, t->alias) || lab_same(s, t->upn) || lab_same(s, t->primary) ||
           lab_same(s, t->dn) || lab_same(s, t->canonical) || lab_same(s, t->display) ||
           lab_same(s, t->sid) || lab_same(s, domain_user);
}

uint32_t text_find_mailbox(const struct model *m, const char *s)
{
    struct mailbox_text t;
    uint32_t i = model_find_guid(m, GUID_MAILBOX, s);
    const char *dot;

    if (i == NONE)
        i = alias_in(s);
    if (i == NONE && lab_starts(s, "S-1-5-21-") && (dot = strrchr(s, '-')) != NULL)
        i = (uint32_t)strtoul(dot + 1, NULL, 10) - 1100;
    if (i == NONE && (dot = strstr(s, ".mailbox.")) != NULL) {
        i = (uint32_t)strtoul(dot + 9, NULL, 10);
        if (i >= m->n_mailboxes)
            return NONE;
        text_mailbox(m, i, &t);
        return lab_same(t.second, s) ? i : NONE;
    }
    if (i >= m->n_mailboxes)
        return NONE;
    text_mailbox(m, i, &t);
    return names_mailbox(&t, s) || model_find_guid(m, GUID_MAILBOX, s) == i ? i : NONE;
}

uint32_t text_find_device(const struct model *m, const char *s)
{
    uint32_t i = model_find_guid(m, GUID_DEVICE, s);
    uint32_t box;

    if (i != NONE)
        return i < m->n_devices && !(m->devices[i].flags & DEV_REMOVED) ? i : NONE;
    box = alias_in(s);
    if (box >= m->n_mailboxes)
        return NONE;
    for (i = m->mailboxes[box].first; i != NONE; i = m->devices[i].next) {
        struct device_text t;
        char shown[220];

        if (m->devices[i].flags & DEV_REMOVED)
            continue;
        text_device(m, i, &t);
        lab_print(shown, sizeof shown, "%s\\ExchangeActiveSyncDevices\\%s", t.box.alias, t.name);
        if (lab_same(s, t.dn) || lab_same(s, t.identity) || lab_same(s, shown))
            return i;
    }
    return NONE;
}

/* Days to civil date, after Howard Hinnant's public-domain algorithm. */
static void civil(uint64_t seconds, unsigned *y, unsigned *mo, unsigned *d)
{
    int64_t z = (int64_t)(seconds / 86400) + 719468;
    int64_t era = z / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;

    *d = doy - (153 * mp + 2) / 5 + 1;
    *mo = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + (unsigned)era * 400 + (*mo <= 2);
}

static void put2(char *o, unsigned v)
{
    o[0] = (char)('0' + v / 10 % 10);
    o[1] = (char)('0' + v % 10);
}

void text_time(uint64_t seconds, time_text out)
{
    unsigned y;
    unsigned mo;
    unsigned d;
    unsigned s = (unsigned)(seconds % 86400);

    civil(seconds, &y, &mo, &d);
    memcpy(out, "0000-00-00T00:00:00Z", 21);
    put2(out, y / 100);
    put2(out + 2, y % 100);
    put2(out + 5, mo);
    put2(out + 8, d);
    put2(out + 11, s / 3600);
    put2(out + 14, s / 60 % 60);
    put2(out + 17, s % 60);
}

void text_time_local(uint64_t seconds, time_text out)
{
    text_time(seconds + 3600, out);
    memcpy(out + 19, "+01:00", 7);
}

void text_us_time(uint64_t seconds, time_text out)
{
    unsigned y;
    unsigned mo;
    unsigned d;
    unsigned s = (unsigned)(seconds % 86400);
    unsigned h = s / 3600;

    civil(seconds, &y, &mo, &d);
    lab_print(out, sizeof(time_text), "%u/%u/%u %u:%02u:%02u %s", mo, d, y, h % 12 ? h % 12 : 12,
              s / 60 % 60, s % 60, h < 12 ? "AM" : "PM");
}
