/* SPDX-License-Identifier: Apache-2.0
 *
 * checks.c - lines of `check` and `config check`, and the exit code that they add up to.
 */
#include "cli.h"

#include "err.h"

#include <string.h>

static const char *const words[] = { "ok", "warning", "error", "skipped" };

static void add(struct checks *c, enum check_result result, const char *subject, const char *what,
                const char *text, const char *status)
{
    char safe[CLI_SAFE * 2];
    struct strbuf b = STRBUF_INIT(4096);

    c->errors += result == CHECKED_ERROR;
    c->warnings += result == CHECKED_WARNING;
    if (c->json) {
        json_open_object(c->json, NULL);
        json_text(c->json, "result", words[result]);
        json_text(c->json, "subject", subject);
        json_text(c->json, "check", what);
        json_text(c->json, "text", text);
        json_text(c->json, "status", status);
        json_close(c->json);
        return;
    }
    strbuf_add_safe(&b, text, strlen(text), sizeof(safe) - 1);
    printf("%-8s %-12s %-14s %s\n", words[result], subject, what, strbuf_str(&b));
    strbuf_clear(&b);
    fflush(stdout); /* the next hop may take long */
}

void check_add(struct checks *c, enum check_result result, const char *subject, const char *what,
               const char *text)
{
    if (result == CHECKED_ERROR && c->code == CLI_DONE)
        c->code = CLI_FAILED;
    add(c, result, subject, what, text, NULL);
}

void check_error(struct checks *c, easg_status st, const char *subject, const char *what,
                 const easg_error *err)
{
    int code = (int)cli_exit_of(st);

    /* what needs a person counts for more than what time may mend */
    if (c->code == CLI_DONE || c->code == CLI_FAILED || code == CLI_HOLD)
        c->code = code;
    add(c, CHECKED_ERROR, subject, what, err->message, err_status_name(st));
}
