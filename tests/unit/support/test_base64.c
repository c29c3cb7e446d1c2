/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64: RFC 4648's vectors, every cut of a text into pieces, and what must be refused.
 */
#include "base64.h"

#include "check.h"

static const struct {
    const char *plain, *coded;
} vectors[] = {
    {"",        ""        },
    { "f",      "Zg=="    },
    { "fo",     "Zm8="    },
    { "foo",    "Zm9v"    },
    { "foob",   "Zm9vYg=="},
    { "fooba",  "Zm9vYmE="},
    { "foobar", "Zm9vYmFy"},
};

static void test_vectors(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct strbuf b = STRBUF_INIT(100);
        const char *coded = vectors[i].coded;

        ROW(coded);
        base64_encode(&b, vectors[i].plain, strlen(vectors[i].plain));
        CHECK_STR(strbuf_str(&b), coded);
        /* Every cut in three pieces gives the same. */
        for (size_t x = 0; x <= strlen(coded); x++) {
            for (size_t y = x; y <= strlen(coded); y++) {
                struct base64 d = { 0, 0, 0 };

                strbuf_reset(&b);
                CHECK_INT(base64_feed(&d, coded, x, &b), EASG_OK);
                CHECK_INT(base64_feed(&d, coded + x, y - x, &b), EASG_OK);
                CHECK_INT(base64_feed(&d, coded + y, strlen(coded) - y, &b), EASG_OK);
                CHECK_INT(base64_end(&d), EASG_OK);
                CHECK_STR(strbuf_str(&b), vectors[i].plain);
            }
        }
        strbuf_clear(&b);
    }
    ROW("");
}

static void test_refused(void)
{
    static const char *const rows[] = { "Zg=",  "Z", "Zg==Zg==", "Zm9v!",    "Zh==",
                                        "Zm9=", "=", "Zg=a",     "Zm9vZg===" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf b = STRBUF_INIT(100);
        struct base64 d = { 0, 0, 0 };
        easg_status st;

        ROW(rows[i]);
        st = base64_feed(&d, rows[i], strlen(rows[i]), &b);
        if (st == EASG_OK)
            st = base64_end(&d);
        CHECK_INT(st, EASG_E_PROTOCOL);
        strbuf_clear(&b);
    }
    ROW("");
}

int main(void)
{
    struct strbuf b = STRBUF_INIT(1 << 20);
    struct strbuf back = STRBUF_INIT(1 << 20);
    struct base64 d = { 0, 0, 0 };
    unsigned char data[1000];

    test_vectors();
    test_refused();
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7919 >> 3);
    base64_encode(&b, data, sizeof data);
    CHECK_INT(base64_feed(&d, b.ptr, b.len, &back), EASG_OK);
    CHECK_INT(base64_end(&d), EASG_OK);
    CHECK(back.len == sizeof data && memcmp(back.ptr, data, sizeof data) == 0);
    strbuf_reset(&b);
    base64url_encode(&b, "\xff\xfe\xfd\xfc", 4);
    CHECK_STR(strbuf_str(&b), "__79_A");
    /* White space inside is skipped; the ceiling of the output holds. */
    strbuf_clear(&back);
    strbuf_init(&back, 3);
    CHECK_INT(base64_feed(&d, "Zm9v\r\n YmFy", 11, &back), EASG_E_LIMIT);
    strbuf_clear(&b);
    strbuf_clear(&back);
    return check_done();
}
