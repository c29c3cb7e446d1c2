/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML to a tree: places, types of plain scalars, and everything that is refused, by its message.
 */
#include "check.h"

#include "config.h"
#include "err.h"

static easg_error err = EASG_ERROR_INIT;

static struct cfg_doc *open_text(const char *text, size_t len)
{
    struct cfg_doc *doc = NULL;

    CHECK_INT(cfg_open_memory("orgs.d/t.yaml", text, len, &doc, &err), EASG_OK);
    return doc;
}

static void test_places_and_types(void)
{
    static const char text[] = "a: 1\n"
                               "b:\n"
                               "  c: [x, 'y', \"1\", yes, ~, -5, 007, 12345678901234567890]\n"
                               "  d: {e: on, f: Off, g: '', h: }\n"
                               "\xc3\xa4: |\n"
                               "  two\n"
                               "  lines\n"
                               "\"q:k\": http://h/p\n";
    static const char bom[] = "\xef\xbb\xbf# \t tab\r\nc: 'x\ty'\r\n";
    struct cfg_doc *doc = open_text(text, sizeof text - 1);
    const easg_config *root = cfg_root(doc);
    const easg_config *c;
    static const struct {
        easg_node_type type;
        const char *text;
    } items[] = {
        {EASG_NODE_STRING,  "x"                   },
        { EASG_NODE_STRING, "y"                   },
        { EASG_NODE_STRING, "1"                   },
        { EASG_NODE_BOOL,   "yes"                 },
        { EASG_NODE_NULL,   NULL                  },
        { EASG_NODE_INT,    "-5"                  },
        { EASG_NODE_STRING, "007"                 },
        { EASG_NODE_STRING, "12345678901234567890"}
    };
    easg_str s;
    int64_t n;
    int32_t b;

    CHECK_INT(cfg_type(root), EASG_NODE_MAP);
    CHECK_INT(cfg_count(root), 4);
    CHECK_STR(cfg_where(cfg_get(root, "a")), "t.yaml:1:4");
    CHECK(cfg_int(cfg_get(root, "a"), &n) && n == 1);
    CHECK(!cfg_bool(cfg_get(root, "a"), &b));
    c = cfg_get(root, "b.c");
    CHECK_INT(cfg_type(c), EASG_NODE_LIST);
    CHECK_INT(cfg_count(c), 8);
    for (size_t i = 0; i < 8; i++) {
        ROW(items[i].text ? items[i].text : "null");
        CHECK_INT(cfg_type(cfg_at(c, i)), items[i].type);
        s = (easg_str){ NULL, 0 };
        CHECK_INT(cfg_str(cfg_at(c, i), &s), items[i].text != NULL);
        CHECK_STR(s.ptr, items[i].text);
    }
    ROW("");
    CHECK(!cfg_at(c, 8));
    CHECK(cfg_int(cfg_at(c, 5), &n) && n == -5);
    CHECK(cfg_bool(cfg_at(c, 3), &b) && b == 1);
    CHECK(cfg_bool(cfg_get(root, "b.d.f"), &b) && b == 0);
    CHECK_INT(cfg_type(cfg_get(root, "b.d.g")), EASG_NODE_STRING);
    CHECK_INT(cfg_type(cfg_get(root, "b.d.h")), EASG_NODE_NULL);
    CHECK_STR(cfg_where(cfg_get(root, "b.d.f")), "t.yaml:4:17");
    CHECK(cfg_str(cfg_get(root, "\xc3\xa4"), &s));
    CHECK_STR(s.ptr, "two\nlines\n");
    CHECK(cfg_str(cfg_get(root, "q:k"), &s) && s.len == 10);
    CHECK_STR(cfg_key_at(root, 3).ptr, "q:k");
    CHECK(!cfg_key_at(root, 4).ptr && !cfg_key_at(c, 0).ptr);

    CHECK(!cfg_get(root, "b.x") && !cfg_get(root, "a.b") && !cfg_get(NULL, "a"));
    CHECK_INT(cfg_type(NULL), EASG_NODE_ABSENT);
    CHECK_INT(cfg_count(NULL), 0);
    CHECK_STR(cfg_where(NULL), "");
    CHECK(!cfg_str(NULL, &s) && !cfg_int(NULL, &n) && !cfg_bool(NULL, &b));
    CHECK_INT(cfg_error(&err, cfg_get(root, "b.d"), "no %s", "good"), EASG_E_CONFIG);
    CHECK_STR(err.message, "t.yaml:4:6: no good");
    CHECK_INT(cfg_error_key(&err, cfg_get(root, "b.d"), "bad"), EASG_E_CONFIG);
    CHECK_STR(err.message, "t.yaml:4:3: bad");
    cfg_close(doc);
    cfg_close(NULL);

    doc = open_text("", 0);
    CHECK_INT(cfg_type(cfg_root(doc)), EASG_NODE_NULL);
    cfg_close(doc);
    doc = open_text(bom, sizeof bom - 1);
    CHECK(cfg_str(cfg_get(cfg_root(doc), "c"), &s));
    CHECK_STR(s.ptr, "x\ty");
    cfg_close(doc);
    doc = open_text("%YAML 1.1\n---\na: 1\n...\n", 23);
    CHECK(cfg_int(cfg_get(cfg_root(doc), "a"), &n));
    cfg_close(doc);
}

#define TEXT(s) s, sizeof(s) - 1

static void test_refusals(void)
{
    static const struct {
        const char *text;
        size_t len;
        const char *message;
    } rows[] = {
        {TEXT("a: 1\nb: 2\na: 3\n"),               "t.yaml:3:1: `a` is here twice; the first is in line 1"  },
        { TEXT("a: {b: 1, b: 2}\n"),               "t.yaml:1:11: `b` is here twice"                         },
        { TEXT("a: &x 1\n"),                       "t.yaml:1:4: anchors (&name) are not supported"          },
        { TEXT("a: &x [1]\n"),                     "t.yaml:1:4: anchors"                                    },
        { TEXT("a: &x {b: 1}\n"),                  "t.yaml:1:4: anchors"                                    },
        { TEXT("a: *x\n"),                         "t.yaml:1:4: aliases (*name) are not supported"          },
        { TEXT("a: !!str 1\n"),                    "t.yaml:1:4: tags (!name) are not supported"             },
        { TEXT("a: ! x\n"),                        "t.yaml:1:4: tags"                                       },
        { TEXT("a: !x {b: 1}\n"),                  "t.yaml:1:4: tags"                                       },
        { TEXT("%TAG ! tag:x,2000:\n---\na: 1\n"), "tag directives"                                         },
        { TEXT("<<: {a: 1}\n"),                    "t.yaml:1:1: merge keys"                                 },
        { TEXT("a: 1\n---\nb: 2\n"),               "t.yaml:2:1: a second document"                          },
        { TEXT("a:\n\tb: 1\n"),                    "t.yaml:2:1: a tab; indent with spaces"                  },
        { TEXT("a:\n  \tb: 1\n"),                  "t.yaml:2:3: a tab"                                      },
        { TEXT("a: 1\n \t\n"),                     "t.yaml:2:2: a tab"                                      },
        { TEXT("a: 1\0\n"),                        "t.yaml:1:5: a NUL character"                            },
        { TEXT("a: \"x\\0y\"\n"),                  "t.yaml:1:4: a NUL character"                            },
        { TEXT("a: \xff\n"),                       "t.yaml:1:4: not valid UTF-8"                            },
        { TEXT("\xc3\xa4: \xc0\xaf\n"),            "t.yaml:1:4: not valid UTF-8"                            },
        { TEXT("a: \x1b[31m\n"),                   "t.yaml:1:4: a control character"                        },
        { TEXT("a: \xc2\x85\n"),                   "t.yaml:1:4: a control character"                        },
        { TEXT("\xff\xfe"
               "a\0:\0"),
         "t.yaml:1:1: not valid UTF-8"                                                                      },
        { TEXT("[a, b]: 1\n"),                     "a key must be a word, not a list or a map"              },
        { TEXT("? {a: 1}\n: 1\n"),                 "a key must be a word"                                   },
        { TEXT("'': 1\n"),                         "t.yaml:1:1: an empty key"                               },
        { TEXT("a: b: c\n"),                       "t.yaml:1:5: mapping values are not allowed"             },
        { TEXT("a: [1, 2\n"),                      "t.yaml:2:1: did not find expected ',' or ']'"           },
        { TEXT("a: @x\n"),                         "t.yaml:1:4: found character that cannot start any token"},
        { TEXT("a: 'x\n"),                         "found unexpected end of stream"                         },
        { TEXT("a: 1\n b: 2\n"),                   "t.yaml:2:3: mapping values are not allowed"             },
        { TEXT("a: \"\\x\"\n"),                    "did not find expected hexdecimal number"                },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cfg_doc *doc = NULL;

        ROW(rows[i].message);
        err_clear(&err);
        CHECK_INT(cfg_open_memory("t.yaml", rows[i].text, rows[i].len, &doc, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].message);
        CHECK(!doc && !strchr(err.message, '\n'));
    }
    ROW("");
}

static void refuse(const struct strbuf *b, const char *message)
{
    struct cfg_doc *doc = NULL;

    CHECK_INT(strbuf_status(b), EASG_OK);
    CHECK_INT(cfg_open_memory("t.yaml", b->ptr, b->len, &doc, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, message);
}

static void test_limits(void)
{
    struct strbuf b = STRBUF_INIT(2 << 20);
    struct cfg_doc *doc = NULL;

    for (int i = 0; i < 33; i++)
        strbuf_adds(&b, "[");
    refuse(&b, "t.yaml:1:33: more than 32 levels");
    strbuf_reset(&b);
    strbuf_adds(&b, "a: [");
    for (int i = 0; i < 20000; i++)
        strbuf_adds(&b, "1,");
    strbuf_adds(&b, "]");
    refuse(&b, "more than 20000 values");
    strbuf_reset(&b);
    for (int i = 0; i < 1001; i++)
        strbuf_addf(&b, "k%d: 1\n", i);
    refuse(&b, "t.yaml:1001:1: more than 1000 keys");
    strbuf_reset(&b);
    for (int i = 0; i < 201; i++)
        strbuf_addc(&b, 'k');
    strbuf_adds(&b, ": 1\n");
    refuse(&b, "t.yaml:1:1: a key of more than 200 bytes");
    strbuf_reset(&b);
    while (b.len <= 1 << 20)
        strbuf_adds(&b, "# a comment\n");
    refuse(&b, "larger than 1 MiB");
    strbuf_reset(&b);
    while (b.len < (1 << 20) - 20)
        strbuf_adds(&b, "# a comment\n");
    CHECK_INT(cfg_open_memory("t.yaml", b.ptr, b.len, &doc, &err), EASG_OK);
    cfg_close(doc);
    strbuf_clear(&b);
    CHECK_INT(cfg_open("/nonexistent/t.yaml", &doc, &err), EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "/nonexistent/t.yaml");
}

/* Each allocation fails once: an error, no leak, no crash. libyaml's own are not counted. */
static void test_out_of_memory(void)
{
    static const char text[] = "a: [1, {b: c}]\nd: {e: f}\n";
    easg_status st = EASG_E_NOMEM;

    for (unsigned long n = 1; n < 100 && st != EASG_OK; n++) {
        struct cfg_doc *doc = NULL;

        mem_fail_at(n, 0);
        st = cfg_open_memory("t.yaml", text, sizeof text - 1, &doc, &err);
        mem_fail_at(0, 0);
        CHECK(st == EASG_OK || st == EASG_E_NOMEM);
        CHECK((st == EASG_OK) == (doc != NULL));
        cfg_close(doc);
    }
    CHECK_INT(st, EASG_OK);
}

int main(void)
{
    test_places_and_types();
    test_refusals();
    test_limits();
    test_out_of_memory();
    return check_done();
}
