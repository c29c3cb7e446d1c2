/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json.c - the JSON writer's bytes, and what the reader of flat objects takes and refuses.
 */
#include "check.h"

#include "err.h"
#include "jsonin.h"
#include "jsonout.h"

/* What was written since the last call. */
static const char *slurp(FILE *f)
{
    static char text[4096];
    size_t n;

    fflush(f);
    rewind(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    rewind(f);
    return text;
}

static void write_all(struct jsonout *j)
{
    json_open_object(j, NULL);
    json_text(j, "schema", "easgate.test/1");
    json_text(j, "quote", "a\"b\\c\nd\x01");
    json_text(j, "broken", "x\xffy");
    json_text(j, "none", NULL);
    json_int(j, "small", INT64_MIN);
    json_bool(j, "yes", 1);
    json_time(j, "at", INT64_C(1700000000000));
    json_time(j, "never", EASG_TIME_NONE);
    json_open_array(j, "empty");
    json_close(j);
    json_open_array(j, "list");
    json_open_object(j, NULL);
    json_close(j);
    json_int(j, NULL, 2);
    json_textn(j, NULL, "abc", 2);
    json_close(j);
    json_close(j);
}

static void test_out(void)
{
    FILE *f = tmpfile();
    struct jsonout j;

    json_init(&j, f, 1);
    write_all(&j);
    CHECK_INT(json_end(&j), EASG_OK);
    CHECK_STR(slurp(f), "{\"schema\": \"easgate.test/1\", \"quote\": \"a\\\"b\\\\c\\nd\\u0001\", "
                        "\"broken\": \"x\xef\xbf\xbdy\", \"none\": null, "
                        "\"small\": -9223372036854775808, \"yes\": true, "
                        "\"at\": \"2023-11-14T22:13:20Z\", \"never\": null, \"empty\": [], "
                        "\"list\": [{}, 2, \"ab\"]}\n");
    fclose(f);

    f = tmpfile();
    json_init(&j, f, 0);
    json_open_object(&j, NULL);
    json_open_array(&j, "a");
    json_int(&j, NULL, 1);
    json_int(&j, NULL, 2);
    json_close(&j);
    json_close(&j);
    CHECK_INT(json_end(&j), EASG_OK);
    CHECK_STR(slurp(f), "{\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
    fclose(f);

    f = tmpfile();
    json_init(&j, f, 0);
    json_open_object(&j, NULL);
    CHECK_INT(json_end(&j), EASG_E_USAGE); /* not closed */
    fclose(f);

    /* a stream that refuses is no success */
    f = fopen("/dev/full", "w");
    if (f) {
        setvbuf(f, NULL, _IONBF, 0);
        json_init(&j, f, 0);
        write_all(&j);
        CHECK_INT(json_end(&j), EASG_E_FAIL);
        fclose(f);
    }
}

/* "name=kind:value;" of each member. */
static easg_status gather(void *user, const char *name, enum json_kind kind, const char *value,
                          easg_error *err)
{
    (void)err;
    return strbuf_addf(user, "%s=%d:%s;", name, (int)kind, value);
}

static easg_status stop(void *user, const char *name, enum json_kind kind, const char *value,
                        easg_error *err)
{
    (void)user;
    (void)kind;
    return err_set(err, EASG_E_CONFIG, "no %s here (%s)", name, value);
}

static void test_in(void)
{
    static const struct {
        const char *text, *want;
    } good[] = {
        {"{}",                                                      ""                            },
        { " { } \r\n",                                              ""                            },
        { "{\"a\":\"b\"}",                                          "a=0:b;"                      },
        { "{\"a\": -0.5e+3, \"b\":0 , \"c\":12}",                   "a=1:-0.5e+3;b=1:0;c=1:12;"   },
        { "{\"t\":true,\"f\":false,\"n\":null}",                    "t=2:true;f=3:false;n=4:null;"},
        { "{\"\\u00e4\\ud83d\\ude00\":\"\\\"\\\\\\/\\n\xc3\xa4\"}",
         "\xc3\xa4\xf0\x9f\x98\x80=0:\"\\/\n\xc3\xa4;"                                            },
    };
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"",                            "column 1: '{' is expected"},
        { "[]",                         "column 1: '{' is expected"},
        { "{",                          "a text in double quotes"  },
        { "{\"a\"}",                    "column 5: ':' is expected"},
        { "{\"a\":}",                   "a text, a number"         },
        { "{\"a\":1,}",                 "a text in double quotes"  },
        { "{\"a\":1 \"b\":2}",          "',' or '}'"               },
        { "{\"a\":{}}",                 "nothing nested"           },
        { "{\"a\":[1]}",                "nothing nested"           },
        { "{\"a\":1}x",                 "nothing is expected after"},
        { "{}{}",                       "nothing is expected after"},
        { "{\"a\":1,\"a\":2}",          "this name came before"    },
        { "{\"a\":1,\"\\u0061\":2}",    "this name came before"    },
        { "{\"a\":01}",                 "no number"                },
        { "{\"a\":1.}",                 "no number"                },
        { "{\"a\":1e}",                 "no number"                },
        { "{\"a\":-}",                  "no number"                },
        { "{\"a\":nul}",                "a text, a number"         },
        { "{\"a\":\"\t\"}",             "control character"        },
        { "{\"a\":\"\xff\"}",           "not UTF-8"                },
        { "{\"a\":\"\\x\"}",            "unknown escape"           },
        { "{\"a\":\"\\ud800\"}",        "half a surrogate"         },
        { "{\"a\":\"\\ud800\\u0041\"}", "half a surrogate"         },
        { "{\"a\":\"\\udc00\"}",        "not allowed"              },
        { "{\"a\":\"\\u0000\"}",        "not allowed"              },
        { "{\"a\":\"\\u12g4\"}",        "hexadecimal"              },
        { "{\"a\":\"b",                 "no end"                   },
        { "{'a':1}",                    "a text in double quotes"  },
    };
    struct strbuf b = STRBUF_INIT(8192);
    struct strbuf big = STRBUF_INIT(4 * JSON_LINE_MAX);
    easg_error err = EASG_ERROR_INIT;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ROW(good[i].text);
        strbuf_reset(&b);
        CHECK_INT(json_read_flat(good[i].text, strlen(good[i].text), gather, &b, &err), EASG_OK);
        CHECK_STR(strbuf_str(&b), good[i].want);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ROW(bad[i].text);
        strbuf_reset(&b);
        CHECK_INT(json_read_flat(bad[i].text, strlen(bad[i].text), gather, &b, &err),
                  EASG_E_PROTOCOL);
        CHECK_HAS(err.message, bad[i].why);
    }
    ROW("the callback ends it");
    CHECK_INT(json_read_flat("{\"a\":1,\"b\":2}", 13, stop, NULL, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "no a here (1)");
    ROW("too many");
    strbuf_adds(&big, "{");
    for (i = 0; i <= JSON_FLAT_MAX; i++)
        strbuf_addf(&big, "%s\"n%zu\":1", i ? "," : "", i);
    strbuf_adds(&big, "}");
    strbuf_reset(&b);
    CHECK_INT(json_read_flat(big.ptr, big.len, gather, &b, &err), EASG_E_LIMIT);
    ROW("too long");
    while (big.len <= JSON_LINE_MAX)
        strbuf_adds(&big, "                ");
    CHECK_INT(json_read_flat(big.ptr, big.len, gather, &b, &err), EASG_E_LIMIT);
    ROW("no memory");
    mem_fail_at(1, 1);
    CHECK_INT(json_read_flat("{\"a\":1}", 7, gather, &b, &err), EASG_E_NOMEM);
    mem_fail_at(0, 0);
    ROW("");
    strbuf_clear(&b);
    strbuf_clear(&big);
}

int main(void)
{
    test_out();
    test_in();
    return check_done();
}
