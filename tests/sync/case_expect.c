/* SPDX-License-Identifier: Apache-2.0
 *
 * case_expect.c - lines that say what must have come of it.
 */
#include "synccase.h"

#include "err.h"

struct got {
    char text[2000];
};

static easg_status add_row(void *user, const struct store_row *row, easg_error *err)
{
    struct got *g = user;
    size_t i, at = strlen(g->text);

    (void)err;
    if (at)
        at += (size_t)snprintf(g->text + at, sizeof g->text - at, ", ");
    for (i = 0; i < store_row_count(row) && at < sizeof g->text; i++) {
        const char *t = store_row_text(row, i);

        at +=
            (size_t)snprintf(g->text + at, sizeof g->text - at, "%s%s", i ? " " : "", t ? t : "-");
    }
    return EASG_OK;
}

/* $RUN is the last run. */
static void query(const char *sql, struct got *g)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = case_reader();
    struct store_arg run = STORE_ARG_TEXT(the_case.last_run);
    char text[LINE];
    const char *p = strstr(sql, "$RUN");

    g->text[0] = '\0';
    if (!s)
        return;
    if (p)
        snprintf(text, sizeof text, "%.*s?1%s", (int)(p - sql), sql, p + 4);
    else
        snprintf(text, sizeof text, "%s", sql);
    if (store_query(s, text, &run, p ? 1 : 0, add_row, g, &err) != EASG_OK)
        case_fail("%s", err.message);
    store_close(s);
}

void expect_sql(char *rest)
{
    char *arrow = strstr(rest, " => ");
    struct got g;

    if (!arrow) {
        case_fail("sql QUERY => ROWS");
        return;
    }
    *arrow = '\0';
    query(rest, &g);
    case_expect(rest, g.text, strcmp(arrow + 4, "nothing") == 0 ? "" : arrow + 4);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_text(char list[FAKE_LIST][FAKE_TEXT], char *out, size_t size)
{
    char sorted[FAKE_LIST][FAKE_TEXT];
    int i;

    memcpy(sorted, list, sizeof sorted);
    qsort(sorted, FAKE_LIST, FAKE_TEXT, by_name);
    out[0] = '\0';
    for (i = 0; i < FAKE_LIST; i++)
        if (sorted[i][0])
            snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] ? "," : "", sorted[i]);
}

void expect_lists(char **w)
{
    struct fake_mailbox *m = fake_mailbox(w[1]);
    char text[LINE];

    if (!m) {
        case_fail("no mailbox %s", w[1]);
        return;
    }
    list_text(m->allowed, text, sizeof text);
    case_expect("the allowed list", text, word_value(w, "allowed") ? word_value(w, "allowed") : "");
    list_text(m->blocked, text, sizeof text);
    case_expect("the blocked list", text, word_value(w, "blocked") ? word_value(w, "blocked") : "");
}

void expect_calls(char **w)
{
    int i;

    for (i = 0; i < FAKE_CALLS; i++) {
        const char *want = word_value(w, fake_call_names[i]);

        case_checked();
        if (want && word_number(want, -1) != fake->calls[i])
            case_fail("%d calls of %s, not %s", fake->calls[i], fake_call_names[i], want);
    }
    case_checked();
    if (word_value(w, "writes") && word_number(word_value(w, "writes"), -1) != fake->writes)
        case_fail("%d items were written, not %s", fake->writes, word_value(w, "writes"));
    if (word_value(w, "mails-before") &&
        word_number(word_value(w, "mails-before"), -1) != fake->mails_before)
        case_fail("%d mails before the first write, not %s", fake->mails_before,
                  word_value(w, "mails-before"));
    if (word_value(w, "languages")) {
        char sorted[FAKE_LIST][FAKE_TEXT] = { "" }, text[LINE], *save = NULL, *p;
        int n = 0;

        for (p = strtok_r(fake->languages, ",", &save); p && n < FAKE_LIST;
             p = strtok_r(NULL, ",", &save))
            snprintf(sorted[n++], FAKE_TEXT, "%s", p);
        list_text(sorted, text, sizeof text);
        case_expect("the languages of the mails", text, word_value(w, "languages"));
    }
    if (word_value(w, "endpoint"))
        case_expect("the endpoint", fake->last_endpoint, word_value(w, "endpoint"));
}

void expect_exit(char **w)
{
    static const char *const names[] = { "done", "failed", "nothing", "later",
                                         "hold", "bug",    "crashed" };
    static const int codes[] = { 0, 1, 10, 20, 30, 70, CRASHED };
    size_t i;

    case_checked();
    for (i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(names[i], w[1]) == 0 && codes[i] == the_case.last_exit)
            return;
    {
        struct got g;

        query("SELECT error FROM v_runs WHERE run = $RUN", &g);
        case_fail("the run ended with %d, not %s: %s", the_case.last_exit, w[1], g.text);
    }
}

void expect_error(char *rest)
{
    struct got g;

    query("SELECT error FROM v_runs WHERE run = $RUN", &g);
    case_checked();
    if (!strstr(g.text, rest))
        case_fail("the error is\n#   %s\n# and lacks\n#   %s", g.text, rest);
}

void expect_audit(char **w)
{
    char sql[200];
    struct got g;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM v_audit WHERE run = $RUN AND event = '%s'",
             w[1]);
    query(sql, &g);
    case_expect(w[1], g.text, w[2]);
}

void expect_everybody(char **w)
{
    const struct fake_policy *p = fake_policy(world_part(w[1]), w[2]);

    case_expect(w[2], p->used ? p->value : "-", w[3]);
}
