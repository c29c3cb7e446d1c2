/* SPDX-License-Identifier: Apache-2.0
 *
 * test_table_out.c - tables align by what the eye sees, fit the screen, and disarm what peers send;
 * times as people say them.
 */
#include "check.h"

#include "age.h"
#include "table.h"

#define NOW INT64_C(1700000000000)

static char text[65536];

static const char *slurp(FILE *f)
{
    size_t n;

    fflush(f);
    rewind(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void test_aligned(void)
{
    static const struct table_column columns[] = {
        {"NAME",   TABLE_FLEX },
        { "N",     TABLE_RIGHT},
        { "STATE", 0          }
    };
    FILE *f = tmpfile();
    struct table *t = table_create(f, columns, 3, 80, 2);

    table_row(t, (const char *const[]){ "J\xc3\xb6rg", "7", "allowed" });
    table_row(t, (const char *const[]){ "\xe6\x97\xa5\xe6\x9c\xac", "1234", NULL });
    table_row(t, (const char *const[]){ "a\x1b[2Jb", "", "x" });
    CHECK_INT(table_finish(t), 3);
    CHECK_STR(slurp(f), "  NAME          N  STATE\n"
                        "  J\xc3\xb6rg          7  allowed\n"
                        "  \xe6\x97\xa5\xe6\x9c\xac       1234  -\n"
                        "  a\\x1b[2Jb     -  x\n");
}

static void test_fits(void)
{
    static const struct table_column columns[] = {
        {"ID",    0         },
        { "TEXT", TABLE_FLEX}
    };
    FILE *f = tmpfile();
    struct table *t = table_create(f, columns, 2, 30, 0);

    table_row(t, (const char *const[]){ "0123456789", "the quick brown fox jumps over it" });
    table_row(t, (const char *const[]){ "1", "short" });
    CHECK_INT(table_finish(t), 2);
    CHECK_STR(slurp(f), "ID          TEXT\n"
                        "0123456789  the quick brown...\n"
                        "1           short\n");

    f = tmpfile();
    t = table_create(f, columns, 2, 30, 0);
    CHECK_INT(table_finish(t), 0);
    CHECK_STR(slurp(f), ""); /* no head without rows */
}

static void test_streams(void)
{
    static const struct table_column columns[] = {
        {"N",   TABLE_RIGHT},
        { "OS", TABLE_FLEX }
    };
    FILE *f = tmpfile();
    struct table *t = table_create(f, columns, 2, 80, 0);
    char n[16];
    int i, lines = 0;
    const char *at;

    for (i = 0; i < 1000; i++) {
        snprintf(n, sizeof(n), "%d", i);
        table_row(t, (const char *const[]){ n, i < 900 ? "a" : "something longer" });
    }
    CHECK_INT(table_finish(t), 1000);
    for (at = slurp(f); *at; at++)
        lines += *at == '\n';
    CHECK_INT(lines, 1001);
    CHECK_HAS(text, "\n999  something longer\n"); /* a column of two is not cut to nothing */
}

static void test_widths(void)
{
    CHECK_INT(table_text_width("abc", 3), 3);
    CHECK_INT(table_text_width("e\xcc\x81", 3), 1);        /* e and a combining acute */
    CHECK_INT(table_text_width("\xf0\x9f\x98\x80", 4), 2); /* a face */
    CHECK_INT(table_text_width("\xed\x95\x9c", 3), 2);     /* Hangul */
    CHECK_INT(table_text_width("\xff\xfe", 2), 2);         /* not UTF-8: a byte, a column */
    CHECK_INT(table_text_cut("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3); /* no half characters */
    CHECK_INT(table_text_cut("abc", 3, 0), 0);
    CHECK_INT(table_text_cut("abc", 3, 9), 3);
}

static void test_ages(void)
{
    static const struct {
        int64_t ago;
        const char *want;
    } rows[] = {
        {0,          "just now"  },
        { -500,      "just now"  },
        { 1000,      "1 s ago"   },
        { 89999,     "89 s ago"  },
        { 180000,    "3 min ago" },
        { 5400000,   "1 h ago"   },
        { 7200000,   "2 h ago"   },
        { 172800000, "2 days ago"},
        { -600000,   "in 10 min" },
    };
    char out[AGE_SIZE];
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ROW(rows[i].want);
        CHECK_STR(age_format(NOW - rows[i].ago, NOW, out), rows[i].want);
    }
    ROW("");
    CHECK_STR(age_format(EASG_TIME_NONE, NOW, out), "never");
    CHECK_STR(age_text(NULL, NOW, out), "never");
    CHECK_STR(age_text("2023-11-14T22:10:20Z", NOW, out), "3 min ago");
    CHECK_STR(age_text("soon", NOW, out), "soon");
    CHECK_STR(age_span(-5, out), "0 ms");
}

int main(void)
{
    test_aligned();
    test_fits();
    test_streams();
    test_widths();
    test_ages();
    return check_done();
}
