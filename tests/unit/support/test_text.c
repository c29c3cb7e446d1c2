/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8, comparing without a locale, numbers, and the distance between two spellings.
 */
#include "text.h"

#include "check.h"

static void test_utf8(void)
{
    static const struct {
        const char *name, *text;
        size_t len;
        int valid;
    } rows[] = {
        {"ascii",              "abc",              3, 1},
        { "two",               "\xC3\xA4",         2, 1},
        { "three",             "\xE7\x8E\x8B",     3, 1},
        { "four",              "\xF0\x9F\x98\x80", 4, 1},
        { "overlong slash",    "\xC0\xAF",         2, 0},
        { "overlong three",    "\xE0\x80\xAF",     3, 0},
        { "surrogate",         "\xED\xA0\x80",     3, 0},
        { "above 10FFFF",      "\xF4\x90\x80\x80", 4, 0},
        { "cut",               "\xE7\x8E",         2, 0},
        { "lone continuation", "\x80",             1, 0},
        { "F5",                "\xF5\x80\x80\x80", 4, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].name);
        CHECK_INT(text_utf8_valid(rows[i].text, rows[i].len), rows[i].valid);
    }
    ROW("");
    CHECK_INT(text_utf8_cut("ab\xE7\x8E\x8B", 5), 5);
    CHECK_INT(text_utf8_cut("ab\xE7\x8E\x8B", 4), 2);
    CHECK_INT(text_utf8_cut("ab\xE7\x8E\x8B", 3), 2);
    CHECK_INT(text_utf8_cut("", 0), 0);
    for (uint32_t cp = 1; cp <= 0x10FFFF; cp += 61) {
        char out[4];
        size_t n = text_utf8_put(cp, out);

        if (cp >= 0xD800 && cp <= 0xDFFF) {
            if (n != 0)
                CHECK_INT(n, 0);
        } else if (text_utf8_len(out, n) != n || n == 0) {
            CHECK_INT(cp, -1);
        }
    }
    {
        char out[4];

        CHECK_INT(text_utf8_put(0x110000, out), 0);
    }
}

static void test_small(void)
{
    uint64_t n = 7;
    easg_str blank = TEXT_LIT(" \t\r\n"), none = { NULL, 0 }, a = TEXT_LIT("abc");
    char out[24];

    CHECK(text_ieq("ApplX1", 6, "aPPLx1", 6));
    CHECK(!text_ieq("ApplX1", 6, "ApplX2", 6));
    CHECK(!text_ieq("\xC3\x84", 2, "\xC3\xA4", 2)); /* only ASCII */
    CHECK(text_eq(&a, "abc") && !text_eq(&a, "ab") && !text_eq(&none, ""));
    CHECK(text_blank(&blank) && text_blank(&none) && !text_blank(&a));
    CHECK(text_parse_u64("18446744073709551615", 20, &n) && n == UINT64_MAX);
    CHECK(!text_parse_u64("18446744073709551616", 20, &n));
    CHECK(!text_parse_u64("", 0, &n) && !text_parse_u64("-1", 2, &n) &&
          !text_parse_u64("1 ", 2, &n));
    CHECK_STR(text_safe("ab\ncdefghijklmnopqrstuvwxyz", 27, out, sizeof out), "ab\\x0acd...");
    CHECK_INT(text_distance("serever", "server", 3), 1);
    CHECK_INT(text_distance("sevrer", "server", 3), 1);
    CHECK_INT(text_distance("mode", "Mode", 3), 0);
    CHECK_INT(text_distance("abc", "xyz", 2), 3);
    CHECK_INT(text_distance("", "ab", 5), 2);
}

int main(void)
{
    test_utf8();
    test_small();
    return check_done();
}
