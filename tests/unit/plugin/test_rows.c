/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables from CSV and JSON lines: what is read, and what a wrong row is answered with.
 */
#include "check.h"

#include "err.h"
#include "rows.h"
#include "text.h"

static const char *const columns[] = { "id", "name", "mails", "on", "at", NULL };

static struct rows *open_text(const char *name, const char *text)
{
    struct rows *r = NULL;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(rows_open_memory(name, text, strlen(text), &r, &err), EASG_OK);
    rows_expect(r, columns);
    return r;
}

static void check_cell(struct rows *r, const char *column, const char *want)
{
    easg_str s = rows_get(r, column);

    CHECK_STR(s.ptr, want);
}

/* Both formats tell the same two rows. */
static void test_same(const char *name, const char *text, unsigned long second_line)
{
    struct rows *r = open_text(name, text);
    easg_error err = EASG_ERROR_INIT;
    const easg_str *const *list;
    size_t n = 0;
    int more = 0;
    int on = 0;
    easg_time at = 0;

    ROW(name);
    CHECK_INT(rows_next(r, &more, &err), EASG_OK);
    CHECK_INT(more, 1);
    check_cell(r, "id", "1");
    check_cell(r, "name", "Ada \"A\", \xc3\xa4");
    CHECK_INT(rows_list(r, "mails", &list, &n, &err), EASG_OK);
    CHECK_INT(n, 2);
    if (n == 2) {
        CHECK_STR(list[0]->ptr, "a@x");
        CHECK_STR(list[1]->ptr, "b@x");
    }
    CHECK_INT(rows_bool(r, "on", 0, &on, &err), EASG_OK);
    CHECK_INT(on, 1);
    CHECK_INT(rows_time(r, "at", &at, &err), EASG_OK);
    CHECK_INT(at, 1000);
    CHECK_INT(rows_next(r, &more, &err), EASG_OK);
    CHECK_INT(more, 1);
    CHECK_INT(rows_line(r), second_line);
    check_cell(r, "id", "2");
    check_cell(r, "name", NULL);
    CHECK_INT(rows_list(r, "mails", &list, &n, &err), EASG_OK);
    CHECK_INT(n, 0);
    CHECK_INT(rows_bool(r, "on", 1, &on, &err), EASG_OK);
    CHECK_INT(on, 1);
    CHECK_INT(rows_time(r, "at", &at, &err), EASG_OK);
    CHECK(at == EASG_TIME_NONE);
    CHECK_INT(rows_next(r, &more, &err), EASG_OK);
    CHECK_INT(more, 0);
    rows_close(r);
    ROW("");
}

static void test_refused(void)
{
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        {"t.csv",    "",                                                    "t.csv:1: is empty: the first line must name the columns" },
        { "t.csv",   "id,nmae\n1,a\n",                                      "t.csv:1: unknown column 'nmae', did you mean 'name'?"    },
        { "t.csv",   "id,id\n",                                             "t.csv:1: names column 2 as column 1"                     },
        { "t.csv",   "id,\n",                                               "t.csv:1: column 2 has no name"                           },
        { "t.csv",   "id,name\n1\n",                                        "t.csv:2: has 1 fields, the first line names 2 columns"   },
        { "t.csv",   "id,name\n1,\"a\n",                                    "t.csv:2: ends inside a quoted field"                     },
        { "t.csv",   "id,name\n1,\"a\"b\n",                                 "t.csv:2: has text behind a closing quote"                },
        { "t.csv",   "id,name\n1,a\"b\n",
         "t.csv:2: has a quote inside a field: quote the whole field and double the quote"                                            },
        { "t.csv",   "id,name\n1,\xff\n",                                   "t.csv:2: is not UTF-8"                                   },
        { "t.csv",   "id\n1\rx\n",                                          "t.csv:2: holds a carriage return outside quotes"         },
        { "t.jsonl", "[1]\n",                                               "t.jsonl:1: must be a JSON object, as in {\"id\": \"1\"}" },
        { "t.jsonl", "{\"id\":\"1\"}\n{\"id\":\"2\"",
         "t.jsonl:2: is an object that is not closed: cut off?"                                                                       },
        { "t.jsonl", "{\"id\":\"1",                                         "t.jsonl:1: ends inside a string: cut off?"               },
        { "t.jsonl", "{\"id\":\"1\",}\n",                                   "t.jsonl:1: has a comma before its closing brace"         },
        { "t.jsonl", "{\"id\":{}}\n",                                       "t.jsonl:1: has an object inside the object"              },
        { "t.jsonl", "{\"id\":[1]}\n",                                      "t.jsonl:1: has a list whose elements are not all strings"},
        { "t.jsonl", "{\"id\":nope}\n",
         "t.jsonl:1: has a value that is no string, number, true, false, null or list of "
          "strings"                                                                                                                   },
        { "t.jsonl", "{\"id\":\"\\u0000\"}\n",                              "t.jsonl:1: holds a NUL"                                  },
        { "t.jsonl", "{\"id\":\"\\ud800\"}\n",                              "t.jsonl:1: has half of a surrogate pair"                 },
        { "t.jsonl", "{\"id\":\"1\",\"id\":\"2\"}\n",                       "t.jsonl:1: names a member twice"                         },
        { "t.jsonl", "{\"idd\":\"1\"}\n",                                   "t.jsonl:1: unknown column 'idd', did you mean 'id'?"     },
        { "t.jsonl", "{\"id\":\"1\"} {\"id\":\"2\"}\n",
         "t.jsonl:1: has text behind its object: one object a line"                                                                   },
        { "t.jsonl", "{\"id\":\"1\"}\n\n{\"on\":\"maybe\",\"id\":\"1\"}\n",
         "t.jsonl:3: column 'on' is 'maybe' and not one of false, true, no, yes, 0, 1"                                                },
        { "t.jsonl", "{\"id\":\"1\",\"at\":\"today\"}\n",
         "t.jsonl:1: column 'at' is 'today' and not a time as 2026-01-31T08:00:00Z"                                                   },
        { "t.jsonl", "{\"name\":\"x\"}\n",                                  "t.jsonl:1: column 'id' is required and empty"            },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rows *r = open_text(rows[i].name, rows[i].text);
        easg_error err = EASG_ERROR_INIT;
        easg_status st = EASG_OK;
        int more = 1;
        int on;
        easg_str id;
        easg_time at;

        ROW(rows[i].want);
        while (st == EASG_OK && more) {
            st = rows_next(r, &more, &err);
            if (st == EASG_OK && more)
                st = rows_required(r, "id", &id, &err);
            if (st == EASG_OK && more)
                st = rows_bool(r, "on", 0, &on, &err);
            if (st == EASG_OK && more)
                st = rows_time(r, "at", &at, &err);
        }
        CHECK_INT(st, EASG_E_CONFIG);
        CHECK_STR(err.message, rows[i].want);
        rows_close(r);
    }
    ROW("");
}

/* Every prefix of a good file is either an error or has fewer rows; none crashes. */
static void test_prefixes(const char *name, const char *text)
{
    for (size_t len = 0; len < strlen(text); len++) {
        struct rows *r = NULL;
        easg_error err = EASG_ERROR_INIT;
        int more = 1;
        int count = 0;
        easg_status st = rows_open_memory(name, text, len, &r, &err);

        while (st == EASG_OK && more) {
            st = rows_next(r, &more, &err);
            count += st == EASG_OK && more;
        }
        CHECK(count <= 2);
        CHECK((st == EASG_OK) == (err.message[0] == '\0'));
        rows_close(r);
    }
}

int main(void)
{
    static const char csv[] =
        "\xEF\xBB\xBFid,name,mails,on,at\r\n"
        "1,\"Ada \"\"A\"\", \xc3\xa4\",\"a@x; b@x;\",yes,1970-01-01T00:00:01Z\r\n"
        "\r\n2,,,,\r\n";
    static const char json[] =
        "{\"id\":1,\"name\":\"Ada \\\"A\\\", \\u00e4\",\"mails\":[\"a@x\",\"b@x\"],\"on\":true,"
        "\"at\":\"1970-01-01T00:00:01Z\"}\n\n"
        "  {\"id\": \"2\", \"name\": null, \"mails\": [] }  \n";
    easg_error err = EASG_ERROR_INIT;
    struct rows *r = NULL;

    test_same("t.csv", csv, 4);
    test_same("t.jsonl", json, 3);
    test_refused();
    test_prefixes("t.csv", csv);
    test_prefixes("t.jsonl", json);
    CHECK_INT(rows_open_memory("t.txt", "", 0, &r, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "t.txt: its name must end in .csv or .jsonl");
    CHECK_INT(rows_open("/nowhere/t.csv", &r, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "/nowhere/t.csv: cannot be read: ");
    return check_done();
}
