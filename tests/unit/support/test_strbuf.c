/* SPDX-License-Identifier: Apache-2.0
 *
 * The growing byte string: ceiling, sticking failure, and what each way of quoting makes of
 * hostile text.
 */
#include "strbuf.h"

#include "check.h"
#include "secret.h"
#include "text.h"

static void test_grow(void)
{
    struct strbuf b = STRBUF_INIT(10);

    CHECK_STR(strbuf_str(&b), "");
    CHECK_INT(strbuf_adds(&b, "12345"), EASG_OK);
    CHECK_INT(strbuf_addf(&b, "%d", 67890), EASG_OK);
    CHECK_STR(strbuf_str(&b), "1234567890");
    CHECK_INT(strbuf_addc(&b, 'x'), EASG_E_LIMIT);
    CHECK_INT(strbuf_adds(&b, ""), EASG_E_LIMIT);
    CHECK_STR(strbuf_str(&b), "1234567890");
    CHECK(strbuf_take(&b) == NULL);
    CHECK_INT(strbuf_status(&b), EASG_OK);

    CHECK_INT(strbuf_adds(&b, "again"), EASG_OK);
    {
        char *taken = strbuf_take(&b);

        CHECK_STR(taken, "again");
        mem_free(taken);
    }
    mem_fail_at(1, 0);
    CHECK_INT(strbuf_adds(&b, "x"), EASG_E_NOMEM);
    mem_fail_at(0, 0);
    CHECK_INT(strbuf_adds(&b, "x"), EASG_E_NOMEM);
    strbuf_reset(&b);
    CHECK_INT(strbuf_adds(&b, "x"), EASG_OK);
    secret_clear(&b);
    CHECK(b.ptr == NULL);
}

typedef easg_status (*quoter)(struct strbuf *b, const char *ptr, size_t len);

static easg_status safe40(struct strbuf *b, const char *ptr, size_t len)
{
    return strbuf_add_safe(b, ptr, len, 40);
}

static void test_quote(void)
{
    static const struct {
        const char *name;
        quoter fn;
        const char *in;
        size_t len; /* 0: strlen */
        const char *want;
    } rows[] = {
        {"xml",                strbuf_add_xml,  "a<b>&\"'\x01\r\n",                            0, "a&lt;b&gt;&amp;&quot;&#39;&#13;\n"},
        { "xml keeps umlauts", strbuf_add_xml,  "J\xC3\xB6rg",                                 0, "J\xC3\xB6rg"                      },
        { "json",              strbuf_add_json, "a\"\\\n\t\x02",                               0, "a\\\"\\\\\\n\\t\\u0002"           },
        { "json repairs",      strbuf_add_json, "x\xFFy",                                      0, "x\xEF\xBF\xBDy"                   },
        { "url",               strbuf_add_url,  "o'h a/+=&\xC3\xA4~",                          0, "o%27h%20a%2F%2B%3D%26%C3%A4~"     },
        { "safe controls",     safe40,          "a\x1b[31m\x7f\x00z",                          8, "a\\x1b[31m\\x7f\\x00"             },
        { "safe bad utf-8",    safe40,          "\xC0\xAF",                                    0, "\\xc0\\xaf"                       },
        { "safe C1",           safe40,          "\xC2\x85",                                    0, "\\xc2\\x85"                       },
        { "safe bidi",         safe40,
         "a\xE2\x80\xAE"
          "b\xE2\x81\xA6",                                                                     0, "a\\u{202e}b\\u{2066}"             },
        { "safe emoji",        safe40,          "\xF0\x9F\x98\x80",                            0, "\xF0\x9F\x98\x80"                 },
        { "safe cuts",         safe40,          "0123456789012345678901234567890123456789xyz", 0,
         "0123456789012345678901234567890123456789..."                                                                               },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf b = STRBUF_INIT(1000);

        ROW(rows[i].name);
        rows[i].fn(&b, rows[i].in, rows[i].len ? rows[i].len : strlen(rows[i].in));
        CHECK_STR(strbuf_str(&b), rows[i].want);
        strbuf_clear(&b);
    }
    ROW("");
}

int main(void)
{
    test_grow();
    test_quote();
    return check_done();
}
