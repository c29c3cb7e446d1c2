/* SPDX-License-Identifier: Apache-2.0
 *
 * Declared options: types, ranges, defaults, unknown and missing keys, each with its message.
 */
#include "check.h"

#include "config.h"
#include "err.h"

#define O(t, f, n, d, a, doc_)                                                                     \
    {                                                                                              \
        sizeof(easg_option), EASG_OPT_##t, (f), 0, (n), (d), (a), (doc_)                           \
    }

static const easg_option table[] = {
    O(STRING, EASG_OPTF_REQUIRED, "server", NULL, NULL, "the first server"),
    O(ENUM, 0, "auth.method", "kerberos", "kerberos|negotiate|ntlm|basic|on", NULL),
    O(STRING, 0, "auth.user", NULL, NULL, NULL),
    O(SECRET, 0, "auth.password", NULL, NULL, NULL),
    O(INT, 0, "parallel", "1", "1..12", NULL),
    O(INT, 0, "offset", "-3", NULL, NULL),
    O(SIZE, 0, "max_envelope", "500K", "32K..4M", NULL),
    O(DURATION, 0, "timeout.connect", "15s", "1s..5m", NULL),
    O(DURATION, 0, "timeout.operation", "20s", NULL, NULL),
    O(BOOL, 0, "view_entire_forest", "true", NULL, NULL),
    O(URL, 0, "login_url", "https://login.example", NULL, NULL),
    O(LIST, 0, "plans", "c1ec4a95-1f05-45b3-a911-aa3fa01094f5", NULL, NULL),
    O(LIST, 0, "colours", "[red, green]", "red|green|blue", NULL),
    O(LIST, 0, "none", NULL, NULL, NULL),
    O(MAP, 0, "templates", NULL, NULL, NULL),
    O(STRING, EASG_OPTF_DEPRECATED, "old", NULL, NULL, "use server"),
};
#define N (sizeof table / sizeof *table)
static const easg_option *options[N + 1];
static const char *const skip[] = { "module", "enabled", NULL };
static easg_error err = EASG_ERROR_INIT;

static easg_status check(const char *text, struct cfg_doc **out)
{
    struct cfg_doc *doc = NULL;
    easg_status st;

    *out = NULL;
    CHECK_INT(cfg_open_memory("t.yaml", text, strlen(text), &doc, &err), EASG_OK);
    st = cfg_check_options(cfg_root(doc), options, skip, out, &err);
    cfg_close(doc); /* what came out must stand alone */
    return st;
}

static const char *str(struct cfg_doc *doc, const char *path)
{
    easg_str s = { NULL, 0 };

    (void)cfg_str(cfg_get(cfg_root(doc), path), &s);
    return s.ptr;
}

static int64_t num(struct cfg_doc *doc, const char *path)
{
    int64_t n = INT64_MIN;

    (void)cfg_int(cfg_get(cfg_root(doc), path), &n);
    return n;
}

static void test_defaults(void)
{
    struct cfg_doc *doc;
    int32_t b = 0;

    CHECK_INT(check("module: x\nenabled: true\nserver: cas1\n", &doc), EASG_OK);
    CHECK_STR(str(doc, "server"), "cas1");
    CHECK_STR(str(doc, "auth.method"), "kerberos");
    CHECK(!cfg_get(cfg_root(doc), "auth.user") && !cfg_get(cfg_root(doc), "module"));
    CHECK_INT(num(doc, "parallel"), 1);
    CHECK_INT(num(doc, "offset"), -3);
    CHECK_INT(num(doc, "max_envelope"), 512000);
    CHECK_STR(str(doc, "max_envelope"), "500K");
    CHECK_INT(num(doc, "timeout.connect"), 15000);
    CHECK_INT(num(doc, "timeout.operation"), 20000);
    CHECK(cfg_bool(cfg_get(cfg_root(doc), "view_entire_forest"), &b) && b == 1);
    CHECK_INT(cfg_count(cfg_get(cfg_root(doc), "plans")), 1);
    CHECK_INT(cfg_count(cfg_get(cfg_root(doc), "colours")), 2);
    CHECK(!cfg_get(cfg_root(doc), "none"));
    CHECK_STR(cfg_where(cfg_get(cfg_root(doc), "server")), "t.yaml:3:9");
    CHECK_STR(cfg_where(cfg_get(cfg_root(doc), "parallel")), "t.yaml:1:1");
    CHECK(!cfg_warning_at(doc, 0));
    cfg_close(doc);
}

static void test_given(void)
{
    struct cfg_doc *doc;

    CHECK_INT(check("server: 12\nauth: {method: on, user: 'CONTOSO\\px', password: env:PW}\n"
                    "parallel: 12\nmax_envelope: 4M\ntimeout: {connect: 1m30s}\nnone:\n"
                    "view_entire_forest: no\nlogin_url: http://[::1]:8080/x?y=a@b\n"
                    "plans: [a, 1]\ncolours: []\ntemplates: {x: {y: [1]}, z: }\nold: x\n",
                    &doc),
              EASG_OK);
    CHECK_INT(cfg_type(cfg_get(cfg_root(doc), "server")), EASG_NODE_STRING);
    CHECK_STR(str(doc, "server"), "12");
    CHECK_STR(str(doc, "auth.method"), "on");
    CHECK_INT(cfg_type(cfg_get(cfg_root(doc), "auth.method")), EASG_NODE_STRING);
    CHECK_STR(str(doc, "auth.user"), "CONTOSO\\px");
    CHECK_INT(num(doc, "parallel"), 12);
    CHECK_INT(num(doc, "max_envelope"), 4194304);
    CHECK_INT(num(doc, "timeout.connect"), 90000);
    CHECK_INT(num(doc, "timeout.operation"), 20000);
    CHECK_INT(cfg_type(cfg_at(cfg_get(cfg_root(doc), "plans"), 1)), EASG_NODE_STRING);
    CHECK_INT(cfg_count(cfg_get(cfg_root(doc), "colours")), 0);
    CHECK_INT(cfg_count(cfg_get(cfg_root(doc), "templates.x.y")), 1);
    CHECK_STR(cfg_warning_at(doc, 0), "t.yaml:12:6: `old` is deprecated: use server");
    CHECK(!cfg_warning_at(doc, 1));
    cfg_close(doc);
    CHECK_INT(check("server: x\nauth:\ntimeout: {}\n", &doc), EASG_OK); /* commented out */
    CHECK_STR(str(doc, "auth.method"), "kerberos");
    CHECK_INT(num(doc, "timeout.connect"), 15000);
    cfg_close(doc);
}

static void test_refusals(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"parallel: 2\n",                                 "t.yaml:1:1: `server` is missing: the first server"                 },
        { "",                                             "`server` is missing"                                               },
        { "server:\n",                                    "t.yaml:1:1: `server` has no value; give it one, or remove the line"},
        { "server: ''\n",                                 "t.yaml:1:9: `server` is empty"                                     },
        { "server: [a]\n",                                "t.yaml:1:9: `server` must be a single value, not a list"           },
        { "server: \"a\\r\\nb\"\n",                       "t.yaml:1:9: `server` has a control character"                      },
        { "sever: x\n",                                   "t.yaml:1:1: unknown key `sever`; did you mean `server`?"           },
        { "server: x\nmodul: x\n",                        "t.yaml:2:1: unknown key `modul`; did you mean `module`?"           },
        { "server: x\nwhatever: x\n",
         "unknown key `whatever`; known here: server, auth, parallel"                                                         },
        { "server: x\nauth: {metod: basic}\n",
         "t.yaml:2:8: unknown key `metod`; did you mean `method`?"                                                            },
        { "server: x\nauth: {module: x}\n",               "t.yaml:2:8: unknown key `module`"                                  },
        { "server: x\nauth.method: basic\n",
         "t.yaml:2:1: `auth.method` is written as maps: auth: { method: ... }"                                                },
        { "server: x\nauth: basic\n",                     "t.yaml:2:7: `auth` must be a map with keys of its own"             },
        { "server: x\nauth: {method: Basic}\n",
         "t.yaml:2:16: `method` must be one of kerberos, negotiate, ntlm, basic, on, not `Basic`; "
          "did you mean `basic`?"                                                                                             },
        { "server: x\nauth: {method: digest}\n",
         "`method` must be one of kerberos, negotiate, ntlm, basic, on, not `digest`"                                         },
        { "server: x\nauth: {method: [on]}\n",            "`method` must be one word, not a list"                             },
        { "server: x\nparallel: 0\n",
         "t.yaml:2:11: `parallel` must be a whole number from 1 to 12, not `0`"                                               },
        { "server: x\nparallel: 1.5\n",                   "`parallel` must be a whole number, not `1.5`"                      },
        { "server: x\nmax_envelope: 5M\n",                "`max_envelope` must be a size from 32K to 4M"                      },
        { "server: x\nmax_envelope: 5 MB\n",
         "`max_envelope` must be a size such as 500K, 10M or 1G, not `5 MB`"                                                  },
        { "server: x\ntimeout: {connect: 15}\n",
         "`connect` must be a duration such as 90s, 10m, 2h or 7d, not `15`"                                                  },
        { "server: x\ntimeout: {connect: 6m}\n",          "`connect` must be a duration from 1s to 5m"                        },
        { "server: x\nview_entire_forest: maybe\n",
         "`view_entire_forest` must be true or false, not `maybe`"                                                            },
        { "server: x\nlogin_url: ftp://x\n",
         "`login_url` must be a URL that begins with https://"                                                                },
        { "server: x\nlogin_url: https:///x\n",
         "`login_url` must be a URL with the name of a host"                                                                  },
        { "server: x\nlogin_url: https://u:hunter2@h/\n",
         "`login_url` must be a URL without a user or password in it"                                                         },
        { "server: x\nlogin_url: 'https://a b'\n",        "`login_url` must be a URL without spaces"                          },
        { "server: x\nplans: a\n",                        "`plans` must be a list such as [ one, two ], not `a`"              },
        { "server: x\nplans: [a, ' ']\n",                 "t.yaml:2:12: `plans`: item 2 must be a text"                       },
        { "server: x\nplans: [a, [b]]\n",                 "`plans`: item 2 must be a text"                                    },
        { "server: x\nplans: [a, b, a]\n",                "t.yaml:2:15: `plans`: the same item is here twice"                 },
        { "server: x\ncolours: [bleu]\n",
         "one of red, green, blue, not `bleu`; did you mean `blue`?"                                                          },
        { "server: x\ntemplates: [x]\n",                  "`templates` must be a map, not a list"                             },
        { "server: x\nauth: {password: hunter2}\n",
         "t.yaml:2:18: a secret is never written here; name where it is: credential:NAME"                                     },
        { "[a]\n",                                        "t.yaml:1:1: expected a map"                                        },
        { "x\n",                                          "t.yaml:1:1: expected a map"                                        },
        { "server: x\n\"\\u001b\": 1\n",                  "unknown key `\\x1b`"                                               },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cfg_doc *doc;

        ROW(rows[i].text);
        err_clear(&err);
        CHECK_INT(check(rows[i].text, &doc), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].message);
        CHECK(!strstr(err.message, "hunter2"));
        CHECK(!doc);
        cfg_close(doc);
    }
    ROW("");
}

static void test_bad_declaration(void)
{
    static const easg_option bad = O(DURATION, 0, "x", "soon", NULL, NULL);
    static const easg_option *const list[] = { &bad, NULL };
    struct cfg_doc *doc = NULL;

    CHECK_INT(cfg_check_options(NULL, list, NULL, &doc, &err), EASG_E_USAGE);
    CHECK_HAS(err.message, "declared default of option x: ");
    CHECK_INT(cfg_check_options(NULL, NULL, NULL, &doc, &err), EASG_OK);
    CHECK_INT(cfg_count(cfg_root(doc)), 0);
    cfg_close(doc);
}

static void test_out_of_memory(void)
{
    static const char text[] = "server: x\nauth: {user: y}\nplans: [a]\nold: 1\n";
    struct cfg_doc *in = NULL;
    easg_status st = EASG_E_NOMEM;

    CHECK_INT(cfg_open_memory("t.yaml", text, sizeof text - 1, &in, &err), EASG_OK);
    for (unsigned long n = 1; n < 200 && st != EASG_OK; n++) {
        struct cfg_doc *doc = NULL;

        mem_fail_at(n, 0);
        st = cfg_check_options(cfg_root(in), options, skip, &doc, &err);
        mem_fail_at(0, 0);
        CHECK(st == EASG_OK || st == EASG_E_NOMEM);
        cfg_close(doc);
    }
    CHECK_INT(st, EASG_OK);
    cfg_close(in);
}

int main(void)
{
    for (size_t i = 0; i < N; i++)
        options[i] = &table[i];
    test_defaults();
    test_given();
    test_refusals();
    test_bad_declaration();
    test_out_of_memory();
    return check_done();
}
