/* SPDX-License-Identifier: Apache-2.0
 *
 * Fragments: messages come out the same however they were cut, and every broken order or length is
 * refused with its own text.
 */
#include "check.h"

#include "err.h"
#include "psrp_fragment.h"
#include "psrp_message.h"

static easg_status on_message(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct strbuf *b = user;

    (void)err;
    strbuf_addf(b, "[%zu:", len);
    strbuf_add(b, ptr, len);
    return strbuf_addc(b, ']');
}

static void put(struct strbuf *b, uint64_t object, uint64_t id, unsigned flags, uint32_t claimed,
                const char *blob)
{
    unsigned char head[21];

    for (int i = 0; i < 8; i++) {
        head[i] = (unsigned char)(object >> (56 - 8 * i));
        head[8 + i] = (unsigned char)(id >> (56 - 8 * i));
    }
    head[16] = (unsigned char)flags;
    for (int i = 0; i < 4; i++)
        head[17 + i] = (unsigned char)(claimed >> (24 - 8 * i));
    strbuf_add(b, head, sizeof(head));
    strbuf_adds(b, blob);
}

static void round_trip(void)
{
    static const size_t sizes[] = { 1, 22, 43, 1000, 32768, 100000 };
    struct strbuf message = STRBUF_INIT(200000);
    struct strbuf want = STRBUF_INIT(800000);

    for (int i = 0; i < 90000; i++)
        strbuf_addc(&message, (char)('a' + i % 26));
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
        for (size_t max = 22; max < 100000; max = max * 3 + 1) {
            struct strbuf fragments = STRBUF_INIT(8 * 1024 * 1024);
            struct strbuf text = STRBUF_INIT(8 * 1024 * 1024);
            struct strbuf got = STRBUF_INIT(800000);
            struct psrp_defrag d;
            struct psrp_cutter c;
            easg_error err = EASG_ERROR_INIT;
            size_t len = sizes[k] < message.len ? sizes[k] : message.len;
            easg_status st = EASG_OK;

            if (len / (max - 21) > 20000)
                continue;
            strbuf_reset(&want);
            for (uint64_t object = 1; object <= 2; object++) {
                psrp_cutter_init(&c, object, message.ptr, len);
                while (psrp_cutter_next(&c, max, &fragments))
                    ;
                strbuf_addf(&want, "[%zu:", len);
                strbuf_add(&want, message.ptr, len);
                strbuf_addc(&want, ']');
            }
            base64_encode(&text, fragments.ptr, fragments.len);
            psrp_defrag_init(&d, 100000);
            for (size_t i = 0; st == EASG_OK && i < text.len; i += max)
                st = psrp_defrag_text(&d, text.ptr + i, text.len - i < max ? text.len - i : max,
                                      on_message, &got, &err);
            if (st == EASG_OK)
                st = psrp_defrag_text_end(&d, &err);
            if (!CHECK_INT(st, EASG_OK))
                printf("# %s\n", err.message);
            CHECK(got.len == want.len && memcmp(got.ptr, want.ptr, want.len) == 0);
            psrp_defrag_clear(&d);
            strbuf_clear(&fragments);
            strbuf_clear(&text);
            strbuf_clear(&got);
        }
    strbuf_clear(&message);
    strbuf_clear(&want);
}

struct piece {
    uint64_t object;
    uint64_t id;
    unsigned flags;
    uint32_t len;
    const char *blob;
};

static const struct {
    const char *name;
    struct piece pieces[4];
    const char *got;
    easg_status status;
    const char *text;
} rows[] = {
    { "one", { { 1, 0, 3, 2, "ab" } }, "[2:ab]", EASG_OK, "" },
    { "two", { { 1, 0, 1, 2, "ab" }, { 1, 1, 2, 1, "c" } }, "[3:abc]", EASG_OK, "" },
    { "ids of other sessions between ours",
      { { 7, 0, 3, 1, "a" }, { 12, 0, 3, 1, "b" } },
      "[1:a][1:b]",
      EASG_OK,
      "" },
    { "reserved flags", { { 1, 0, 0xF3, 1, "a" } }, "[1:a]", EASG_OK, "" },
    { "gap in a message",
      { { 1, 0, 1, 1, "a" }, { 1, 2, 2, 1, "c" } },
      "",
      EASG_E_PROTOCOL,
      "fragment 2 of object 1 where 1 was expected" },
    { "the same fragment again",
      { { 1, 0, 1, 1, "a" }, { 1, 1, 0, 1, "b" }, { 1, 1, 2, 1, "b" } },
      "",
      EASG_E_PROTOCOL,
      "fragment 1 of object 1 where 2 was expected" },
    { "second start",
      { { 1, 0, 1, 1, "a" }, { 1, 0, 1, 1, "a" } },
      "",
      EASG_E_PROTOCOL,
      "second start fragment of object 1" },
    { "another message before the end",
      { { 1, 0, 1, 1, "a" }, { 2, 0, 3, 1, "b" } },
      "",
      EASG_E_PROTOCOL,
      "fragment of object 2 before object 1 has ended" },
    { "no start",
      { { 1, 1, 2, 1, "a" } },
      "",
      EASG_E_PROTOCOL,
      "fragment 1 of object 1 without its start" },
    { "start with id 1",
      { { 1, 1, 3, 1, "a" } },
      "",
      EASG_E_PROTOCOL,
      "object 1 starts with fragment 1 instead of 0" },
    { "message repeated",
      { { 4, 0, 3, 1, "a" }, { 4, 0, 3, 1, "a" } },
      "[1:a]",
      EASG_E_PROTOCOL,
      "object 4 after object 4: repeated or out of order" },
    { "message out of order",
      { { 4, 0, 3, 1, "a" }, { 3, 0, 3, 1, "a" } },
      "[1:a]",
      EASG_E_PROTOCOL,
      "object 3 after object 4: repeated or out of order" },
    { "object 0", { { 0, 0, 3, 1, "a" } }, "", EASG_E_PROTOCOL, "fragment with object id 0" },
    { "object beyond 63 bits",
      { { UINT64_MAX, 0, 3, 1, "a" } },
      "",
      EASG_E_PROTOCOL,
      "fragment with object id 18446744073709551615" },
    { "empty fragment",
      { { 1, 0, 1, 0, "" } },
      "",
      EASG_E_PROTOCOL,
      "fragment 0 of object 1 is empty" },
    { "length beyond the stream",
      { { 1, 0, 3, 10, "abc" } },
      "",
      EASG_E_PROTOCOL,
      "stream ends with 24 bytes of a longer fragment" },
    { "length that lies by gigabytes",
      { { 1, 0, 3, 0xFFFFFFFF, "abc" } },
      "",
      EASG_E_LIMIT,
      "fragment claims 4294967295 bytes; the limit is 1048576" },
    { "message over the limit in one",
      { { 1, 0, 3, 17, "aaaaaaaaaaaaaaaaa" } },
      "",
      EASG_E_LIMIT,
      "message of 17 bytes; the limit is 16" },
    { "endless message",
      { { 1, 0, 1, 9, "aaaaaaaaa" }, { 1, 1, 0, 9, "aaaaaaaaa" } },
      "",
      EASG_E_LIMIT,
      "object 1 is a message of more than 16 bytes" },
};

static void table(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int bytes = 0; bytes < 2; bytes++) {
            struct strbuf b = STRBUF_INIT(65536);
            struct strbuf text = STRBUF_INIT(65536);
            struct strbuf got = STRBUF_INIT(65536);
            struct psrp_defrag d;
            easg_error err = EASG_ERROR_INIT;
            easg_status st;

            ROW(rows[i].name);
            for (size_t k = 0; k < 4 && rows[i].pieces[k].blob; k++) {
                const struct piece *p = &rows[i].pieces[k];

                put(&b, p->object, p->id, p->flags, p->len, p->blob);
            }
            psrp_defrag_init(&d, 16);
            base64_encode(&text, b.ptr, b.len);
            if (bytes) {
                st = psrp_defrag_bytes(&d, b.ptr, b.len, on_message, &got, &err);
            } else {
                st = psrp_defrag_text(&d, text.ptr, text.len, on_message, &got, &err);
                if (st == EASG_OK)
                    st = psrp_defrag_text_end(&d, &err);
            }
            CHECK_INT(st, rows[i].status);
            CHECK_STR(err.message, rows[i].text);
            CHECK_STR(strbuf_str(&got), rows[i].got);
            psrp_defrag_clear(&d);
            strbuf_clear(&b);
            strbuf_clear(&text);
            strbuf_clear(&got);
        }
}

static void not_base64(void)
{
    static const struct {
        const char *text;
        const char *error;
    } bad[] = { { "AAAA*AAA", "stream is not base64" },
                { "AAAAA", "stream ends inside a base64 group" },
                { "AAAA====", "stream is not base64" },
                { "AAAAAAAA", "stream ends with 6 bytes of a longer fragment" } };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct strbuf got = STRBUF_INIT(1000);
        struct psrp_defrag d;
        easg_error err = EASG_ERROR_INIT;
        easg_status st;

        ROW(bad[i].text);
        psrp_defrag_init(&d, 1000);
        st = psrp_defrag_text(&d, bad[i].text, strlen(bad[i].text), on_message, &got, &err);
        if (st == EASG_OK)
            st = psrp_defrag_text_end(&d, &err);
        CHECK_INT(st, EASG_E_PROTOCOL);
        CHECK_STR(err.message, bad[i].error);
        psrp_defrag_clear(&d);
        strbuf_clear(&got);
    }
}

static void message_header(void)
{
    char bytes[44] = { 1, 0, 0, 0, 4, 0x10, 4, 0, 1 };
    struct psrp_message m;
    easg_error err = EASG_ERROR_INIT;

    ROW("message header");
    memcpy(bytes + 40, "\xEF\xBB\xBF<", 4);
    CHECK_INT(psrp_message_parse(bytes, sizeof(bytes), &m, &err), EASG_OK);
    CHECK_STR(psrp_type_name(m.type), "PIPELINE_OUTPUT");
    CHECK_INT(m.len, 1);
    CHECK_INT(m.rpid.b[0], 1);
    CHECK_INT(psrp_message_parse(bytes, 39, &m, &err), EASG_E_PROTOCOL);
    CHECK_STR(err.message, "message of 39 bytes; its header alone has 40");
    bytes[0] = 2;
    CHECK_INT(psrp_message_parse(bytes, sizeof(bytes), &m, &err), EASG_E_PROTOCOL);
    CHECK_STR(err.message, "PIPELINE_OUTPUT is not for a client (destination 2)");
    CHECK_STR(psrp_type_name(0x00099999), "message type 0x00099999");
}

static void no_memory(void)
{
    ROW("no memory");
    for (unsigned long n = 1; n < 4; n++) {
        struct strbuf b = STRBUF_INIT(65536);
        struct strbuf text = STRBUF_INIT(65536);
        struct strbuf got = STRBUF_INIT(65536);
        struct psrp_defrag d;
        easg_error err = EASG_ERROR_INIT;
        easg_status st;

        put(&b, 1, 0, 1, 1, "a");
        put(&b, 1, 1, 2, 1, "b");
        base64_encode(&text, b.ptr, b.len);
        strbuf_reserve(&got, 100);
        psrp_defrag_init(&d, 1000);
        mem_fail_at(n, 1);
        st = psrp_defrag_text(&d, text.ptr, text.len, on_message, &got, &err);
        mem_fail_at(0, 0);
        if (n < 3) {
            CHECK_INT(st, EASG_E_NOMEM);
            CHECK_STR(err.message, "out of memory");
        } else {
            CHECK_STR(strbuf_str(&got), "[2:ab]");
        }
        psrp_defrag_clear(&d);
        strbuf_clear(&b);
        strbuf_clear(&text);
        strbuf_clear(&got);
    }
}

int main(void)
{
    round_trip();
    table();
    not_base64();
    message_header();
    no_memory();
    return check_done();
}
