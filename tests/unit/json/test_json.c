/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read, what is refused, and that no wrong type passes for an empty value.
 */
#include "check.h"
#include "err.h"
#include "json.h"

static const struct json_limits small = { 400, 4, 12 };

static void test_refused(void)
{
    static const struct {
        const char *text;
        easg_status want;
        const char *says;
    } rows[] = {
        {"",                                 EASG_E_PROTOCOL, "empty"                         },
        { "{",                               EASG_E_PROTOCOL, "cut at byte 1"                 },
        { "{\"a\":1",                        EASG_E_PROTOCOL, "cut at byte 6, 1 brackets open"},
        { "{\"a\":\"b",                      EASG_E_PROTOCOL, "cut inside a string"           },
        { "{\"a\":\"b\\",                    EASG_E_PROTOCOL, "cut inside a string"           },
        { "{\"a\":\"b\\\"",                  EASG_E_PROTOCOL, "cut inside a string"           },
        { "{\"a\":1}}",                      EASG_E_PROTOCOL, "not well-formed at byte 7"  },
        { "{\"a\":1} x",                     EASG_E_PROTOCOL, "not well-formed at byte 7"     },
        { "{\"a\":1}{\"a\":2}",              EASG_E_PROTOCOL, "not well-formed"               },
        { "[1,]",                            EASG_E_PROTOCOL, "not well-formed"               },
        { "[1}",                             EASG_E_PROTOCOL, "not well-formed"               },
        { "{a:1}",                           EASG_E_PROTOCOL, "not well-formed"               },
        { "<html>",                          EASG_E_PROTOCOL, "not well-formed"               },
        { "[\"a\\u0000b\"]",                 EASG_E_PROTOCOL, "NUL in a string at byte 3"     },
        { "[[[[[1]]]]]",                     EASG_E_LIMIT,    "deeper than 4"                 },
        { "[1,2,3,4,5,6,7,8,9,10,11,12,13]", EASG_E_LIMIT,    "more than 12 values"           },
        { "[[[[1]]]]",                       EASG_OK,         ""                              },
        { " [\"]]]]]}}}\\\"\\\\\"]\r\n",     EASG_OK,         ""                              },
        { "\"\\\\u0000\"",                   EASG_OK,         ""                              },
        { "null",                            EASG_OK,         ""                              },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct json *doc = NULL;

        ROW(rows[i].text);
        CHECK_INT(json_parse(rows[i].text, strlen(rows[i].text), &small, &doc, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_INT(doc != NULL, rows[i].want == EASG_OK);
        json_destroy(doc);
    }
    ROW("");
    {
        easg_error err = EASG_ERROR_INIT;
        struct json *doc = NULL;
        char big[500];

        memset(big, ' ', sizeof big);
        big[0] = '1';
        CHECK_INT(json_parse(big, sizeof big, &small, &doc, &err), EASG_E_LIMIT);
        CHECK_INT(json_parse("1\0", 2, &small, &doc, &err), EASG_E_PROTOCOL);
        /* no terminator behind the last byte */
        CHECK_INT(json_parse("[1]x", 3, &small, &doc, &err), EASG_OK);
        json_destroy(doc);
    }
}

static void test_getters(void)
{
    static const char text[] =
        "{\"s\":\"h\\u00e9 "
        "\\ud83d\\ude00\",\"n\":42,\"f\":1.5,\"b\":true,\"z\":null,\"S\":\"caps\","
        "\"l\":[1,\"two\"],\"big\":1e300,\"bad\":\"\xff\",\"o\":{\"x\":-7}}";
    static const struct json_limits limits = { 1000, 8, 100 };
    easg_error err = EASG_ERROR_INIT;
    const struct json *list = NULL;
    struct json *doc = NULL;
    easg_str s = { NULL, 0 };
    int64_t n = 5;
    int b = 0;

    CHECK_INT(json_parse(text, sizeof text - 1, &limits, &doc, &err), EASG_OK);
    CHECK_INT(json_get_str(doc, "s", 1, &s, &err), EASG_OK);
    CHECK_STR(s.ptr, "h\xc3\xa9 \xf0\x9f\x98\x80");
    CHECK_INT(s.len, 8);
    CHECK_INT(json_get_str(doc, "S", 1, &s, &err), EASG_OK);
    CHECK_STR(s.ptr, "caps");
    CHECK_INT(json_get_str(doc, "bad", 1, &s, &err), EASG_E_PROTOCOL);
    CHECK_INT(json_get_str(doc, "n", 0, &s, &err), EASG_E_PROTOCOL);
    CHECK_STR(err.message, "JSON: member n is a number, not text");
    CHECK_INT(json_get_str(doc, "none", 0, &s, &err), EASG_OK);
    CHECK(s.ptr == NULL);
    CHECK_INT(json_get_str(doc, "z", 0, &s, &err), EASG_OK);
    CHECK(s.ptr == NULL);
    CHECK_INT(json_get_str(doc, "z", 1, &s, &err), EASG_E_PROTOCOL);
    CHECK_STR(err.message, "JSON: member z is missing");
    CHECK_INT(json_get_int(doc, "none", 0, &n, &err), EASG_OK);
    CHECK_INT(n, 5);
    CHECK_INT(json_get_int(doc, "n", 1, &n, &err), EASG_OK);
    CHECK_INT(n, 42);
    CHECK_INT(json_get_int(doc, "f", 1, &n, &err), EASG_E_PROTOCOL);
    CHECK_INT(json_get_int(doc, "big", 1, &n, &err), EASG_E_PROTOCOL);
    CHECK_INT(json_get_int(json_find(doc, "o"), "x", 1, &n, &err), EASG_OK);
    CHECK_INT(n, -7);
    CHECK_INT(json_get_bool(doc, "b", 1, &b, &err), EASG_OK);
    CHECK_INT(b, 1);
    CHECK_INT(json_get_bool(doc, "n", 0, &b, &err), EASG_E_PROTOCOL);
    CHECK_INT(json_get_array(doc, "l", 1, &list, &err), EASG_OK);
    CHECK_INT(json_get_array(doc, "o", 0, &list, &err), EASG_E_PROTOCOL);
    CHECK_INT(json_get_array(doc, "none", 0, &list, &err), EASG_OK);
    CHECK(list == NULL);
    CHECK(json_find(json_find(doc, "n"), "x") == NULL);
    CHECK_INT(json_type(json_first(json_find(doc, "l"))), JSON_NUMBER);
    CHECK_STR(json_type_name(json_next(json_first(json_find(doc, "l")))), "text");
    json_destroy_secret(doc);
}

struct seen {
    struct strbuf text;
    int refuse_at, n;
};

static easg_status on_envelope(void *user, const struct json *page, easg_error *err)
{
    struct seen *s = user;
    const struct json *list = NULL;
    easg_str next;
    easg_status st = json_get_array(page, "value", 1, &list, err);

    if (st == EASG_OK)
        st = json_get_str(page, "next", 0, &next, err);
    if (st == EASG_OK) {
        CHECK(json_first(list) == NULL);
        strbuf_addf(&s->text, "<%s>", next.ptr ? next.ptr : "");
    }
    return st;
}

static easg_status on_element(void *user, const struct json *v, easg_error *err)
{
    struct seen *s = user;
    int64_t n = 0;
    easg_status st =
        json_type(v) == JSON_OBJECT ? json_get_int(v, "n", 1, &n, err) : json_int(v, &n, err);

    if (st == EASG_OK && ++s->n == s->refuse_at)
        return EASG_E_CANCELLED;
    if (st == EASG_OK)
        strbuf_addf(&s->text, "%d,", (int)n);
    return st;
}

static void test_page(void)
{
    static const struct {
        const char *text;
        easg_status want;
        const char *seen;
    } rows[] = {
        {"{\"value\":[]}",                                                             EASG_OK,         "<>"      },
        { " { \"value\" : [ 1 , 2,{\"n\":3,\"x\":[\"]\",{}]} ] , \"next\" : \"u\" } ", EASG_OK,
         "<u>1,2,3,"                                                                                              },
        { "{\"next\":\"a\\\"]\",\"value\":[1]}",                                       EASG_OK,         "<a\"]>1,"},
        { "{\"o\":{\"value\":[9]},\"value\":[1]}",                                     EASG_OK,         "<>1,"    },
        { "{\"value\":{}}",                                                            EASG_E_PROTOCOL, ""        },
        { "{\"values\":[1]}",                                                          EASG_E_PROTOCOL, ""        },
        { "{}",                                                                        EASG_E_PROTOCOL, ""        },
        { "",                                                                          EASG_E_PROTOCOL, ""        },
        { "[1]",                                                                       EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1],\"value\":[2]}",                                             EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1,2]",                                                          EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1,2",                                                           EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1,{\"n\":2",                                                    EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1,\"two",                                                       EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1]}}",                                                          EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1],}",                                                          EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1] \"next\":\"x\"}",                                            EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1,]}",                                                          EASG_E_PROTOCOL, "<>1,"    },
        { "{\"value\":[,1]}",                                                          EASG_E_PROTOCOL, "<>"      },
        { "{\"value\":[1}",                                                            EASG_E_PROTOCOL, ""        },
        { "{\"value\":[1 2]}",                                                         EASG_E_PROTOCOL, "<>"      },
        { "{\"value\":[{} {}]}",                                                       EASG_E_PROTOCOL, "<>"      },
        { "{\"value\":[1,\"x\"]}",                                                     EASG_E_PROTOCOL, "<>1,"    },
        { "{\"value\":[1,[[[[2]]]]]}",                                                 EASG_E_LIMIT,    ""        },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct seen s = { .text = STRBUF_INIT(1000) };
        struct json_each to = { on_envelope, on_element, &s };

        ROW(rows[i].text);
        CHECK_INT(json_parse_page(rows[i].text, strlen(rows[i].text), "value", &small, &to, &err),
                  rows[i].want);
        CHECK_STR(strbuf_str(&s.text), rows[i].seen);
        CHECK_INT(err.message[0] != 0, rows[i].want != EASG_OK);
        strbuf_clear(&s.text);
    }
    ROW("");
    {
        easg_error err = EASG_ERROR_INIT;
        struct seen s = { .text = STRBUF_INIT(1000), .refuse_at = 2 };
        struct json_each to = { on_envelope, on_element, &s };

        CHECK_INT(json_parse_page("{\"value\":[1,2,3]}", 17, "value", &small, &to, &err),
                  EASG_E_CANCELLED);
        CHECK_INT(s.n, 2);
        strbuf_clear(&s.text);
    }
}

static void test_no_memory(void)
{
    static const char text[] = "{\"a\":[1,\"x\",{\"b\":\"y\"}]}";
    int failed = 0;

    for (unsigned long n = 1; n < 40; n++) {
        easg_error err = EASG_ERROR_INIT;
        struct json *doc = NULL;
        easg_status st;

        mem_fail_at(n, 0);
        st = json_parse(text, sizeof text - 1, &small, &doc, &err);
        mem_fail_at(0, 0);
        json_destroy(doc);
        if (st == EASG_OK)
            break;
        failed++;
        CHECK_INT(st, EASG_E_NOMEM);
    }
    CHECK(failed >= 8);
}

int main(void)
{
    test_refused();
    test_getters();
    test_page();
    test_no_memory();
    return check_done();
}
