/* SPDX-License-Identifier: Apache-2.0
 *
 * test_args.c - the command line by table: what is taken, what is refused, and with which words.
 */
#include "check.h"

#include "args.h"
#include "err.h"

struct common {
    int help;
    int json;
    const char *config;
};

struct values {
    int full;
    const char *user;
    int64_t limit;
    struct arg_list devices;
    const char *action;
    const char *org;
};

static const struct arg_spec common_specs[] = {
    {.type = ARG_FLAG,                  .name = "help", .offset = offsetof(struct common, help) },
    { .type = ARG_FLAG, .name = "json", .offset = offsetof(struct common, json) },
    { .type = ARG_TEXT,
     .name = "config",
     .offset = offsetof(struct common, config),
     .value = "FILE" },
    { .type = ARG_END                  }
};

static const struct arg_spec specs[] = {
    {.type = ARG_OPERAND,
     .name = "ACTION",
     .offset = offsetof(struct values, action),
     .choices = "check|show|schema",
     .required = 1,
     .doc = "what" },
    { .type = ARG_OPERAND,  .name = "ORG", .offset = offsetof(struct values, org), .doc = "whom" },
    { .type = ARG_FLAG,    .name = "full", .offset = offsetof(struct values, full), .doc = "all" },
    { .type = ARG_TEXT,                     .name = "user", .offset = offsetof(struct values, user), .value = "WHO" },
    { .type = ARG_NUMBER,              .name = "limit", .offset = offsetof(struct values, limit), .value = "N" },
    { .type = ARG_LIST,
     .name = "device",
     .offset = offsetof(struct values, devices),
     .value = "KEY" },
    { .type = ARG_TEXT,
     .name = "secret-door",
     .offset = offsetof(struct values, user),
     .hidden = 1 },
    { .type = ARG_END                }
};

/* Splits a command line at spaces; "''" is an empty word. */
static int split(char *line, char **argv)
{
    int n = 0;
    char *at = line;

    while (*at && n < 30) {
        argv[n++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    return n;
}

static easg_status parse(const char *line, struct values *v, struct common *c, easg_error *err)
{
    static char text[512];
    static char *argv[32];

    memset(v, 0, sizeof(*v));
    memset(c, 0, sizeof(*c));
    err_clear(err);
    snprintf(text, sizeof(text), "%s", line);
    return args_parse(specs, v, common_specs, c, split(text, argv), argv, err);
}

static void test_taken(void)
{
    struct values v;
    struct common c;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(parse("show --json contoso --limit=5 --user bob", &v, &c, &err), EASG_OK);
    CHECK_STR(v.action, "show");
    CHECK_STR(v.org, "contoso");
    CHECK_STR(v.user, "bob");
    CHECK_INT(v.limit, 5);
    CHECK_INT(c.json, 1);
    CHECK_INT(v.full, 0);

    CHECK_INT(parse("--device a --config=/x=y show --device=b --full", &v, &c, &err), EASG_OK);
    CHECK_INT(v.devices.n, 2);
    CHECK_STR(v.devices.n == 2 ? v.devices.items[1] : NULL, "b");
    CHECK_STR(c.config, "/x=y");
    CHECK_INT(v.full, 1);
    CHECK_INT(v.limit, -1);
    args_clear(specs, &v);
    CHECK_INT(v.devices.n, 0);

    CHECK_INT(parse("show -- --full", &v, &c, &err), EASG_OK);
    CHECK_STR(v.org, "--full");
    CHECK_INT(parse("show -", &v, &c, &err), EASG_OK);
    CHECK_STR(v.org, "-");
    CHECK_INT(parse("-h", &v, &c, &err), EASG_OK);
    CHECK_INT(c.help, 1);

    CHECK_INT(parse("", &v, &c, &err), EASG_OK);
    CHECK_INT(args_complete(specs, &v, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "ACTION is missing (check|show|schema)");
}

static void test_refused(void)
{
    static const struct {
        const char *line, *text;
    } rows[] = {
        {"show --ful",                        "unknown option --ful; did you mean --full"                     },
        { "show --jsn",                       "unknown option --jsn; did you mean --json"                     },
        { "show --limti=5",                   "unknown option --limti; did you mean --limit"                  },
        { "show --quux",                      "unknown option --quux"                                         },
        { "show --secret-doo x",              "unknown option --secret-doo"                                   }, /* the hidden one stays so */
        { "show -x",                          "unknown option -x; options begin with --"                      },
        { "show --full=1",                    "--full takes no value"                                         },
        { "show --user",                      "--user needs a value (WHO)"                                    },
        { "show --user=",                     "--user: the value is empty"                                    },
        { "show --limit many",                "--limit: 'many' is no whole number"                            },
        { "show --limit -1",                  "--limit: '-1' is no whole number"                              },
        { "show --limit 9223372036854775808", "is no whole number"                                            },
        { "show --user a --user b",           "--user: given twice"                                           },
        { "shwo",                             "ACTION: 'shwo' is none of check|show|schema; did you mean show"},
        { "destroy",                          "ACTION: 'destroy' is none of check|show|schema"                },
        { "show a b",                         "'b' is one word too many"                                      },
        { "show --\x1b[31m",                  "unknown option --\\x1b[31m"                                    },
    };
    struct values v;
    struct common c;
    easg_error err = EASG_ERROR_INIT;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ROW(rows[i].line);
        CHECK_INT(parse(rows[i].line, &v, &c, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].text);
        args_clear(specs, &v);
    }
    ROW("");
    parse("show --secret-doo x", &v, &c, &err);
    CHECK(!strstr(err.message, "did you mean"));
}

static void test_many(void)
{
    char *argv[2 * ARG_LIST_MAX + 4];
    struct values v = { 0 };
    struct common c = { 0 };
    easg_error err = EASG_ERROR_INIT;
    char word[] = "--device=k";
    int i;

    for (i = 0; i <= ARG_LIST_MAX; i++)
        argv[i] = word;
    CHECK_INT(args_parse(specs, &v, common_specs, &c, ARG_LIST_MAX, argv, &err), EASG_OK);
    args_clear(specs, &v);
    CHECK_INT(args_parse(specs, &v, common_specs, &c, ARG_LIST_MAX + 1, argv, &err), EASG_E_LIMIT);
    args_clear(specs, &v);
    mem_fail_at(1, 1);
    CHECK_INT(args_parse(specs, &v, common_specs, &c, 1, argv, &err), EASG_E_NOMEM);
    mem_fail_at(0, 0);
    args_clear(specs, &v);
}

static void test_help(void)
{
    struct strbuf b = STRBUF_INIT(4096);

    args_usage(specs, &b);
    CHECK_STR(strbuf_str(&b),
              " check|show|schema [ORG] [--full] [--user WHO] [--limit N] [--device KEY]...");
    strbuf_reset(&b);
    args_help(specs, &b);
    CHECK_HAS(strbuf_str(&b), "  --full                      all\n");
    CHECK(!strstr(strbuf_str(&b), "secret-door"));
    strbuf_clear(&b);
}

static void test_nearest(void)
{
    static const char *const words[] = { "status", "sync", "plan", "approve" };
    char out[32];

    CHECK_STR(args_nearest("stauts", words, 4, out, sizeof(out)), "status");
    CHECK_STR(args_nearest("snyc", words, 4, out, sizeof(out)), "sync");
    CHECK(args_nearest("frobnicate", words, 4, out, sizeof(out)) == NULL);
    CHECK(args_nearest("x", words, 4, out, sizeof(out)) == NULL);
    CHECK(args_nearest("", words, 4, out, sizeof(out)) == NULL);
}

int main(void)
{
    test_taken();
    test_refused();
    test_many();
    test_help();
    test_nearest();
    return check_done();
}
