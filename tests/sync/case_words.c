/* SPDX-License-Identifier: Apache-2.0
 *
 * case_words.c - the words of a line: KEY=VALUE, flags, names of statuses, times.
 */
#include "synccase.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

const char *word_value(char **w, const char *key)
{
    size_t n = strlen(key);

    for (; *w; w++)
        if (strncmp(*w, key, n) == 0 && (*w)[n] == '=')
            return *w + n + 1;
    return NULL;
}

void word_copy(char **w, const char *key, char *out)
{
    const char *v = word_value(w, key);

    if (v)
        snprintf(out, FAKE_TEXT, "%s", v);
}

int word_flag(char **w, const char *word)
{
    for (; *w; w++)
        if (strcmp(*w, word) == 0)
            return 1;
    return 0;
}

int word_number(const char *text, int none)
{
    return text ? (int)strtol(text, NULL, 10) : none;
}

int word_pick(const char *text, const char *const *words, int none)
{
    int i;

    if (!text)
        return none;
    for (i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    case_fail("no such word: %s", text);
    return none;
}

easg_status word_status(const char *name)
{
    easg_status st;

    for (st = 0; st > -30; st--)
        if (strcmp(err_status_name(st), name) == 0)
            return st;
    case_fail("no such status: %s", name);
    return EASG_E_FAIL;
}

easg_time word_time(const char *text, easg_time none)
{
    int64_t ms;

    if (!text)
        return none;
    if (text[0] == '-' && duration_parse(text + 1, strlen(text + 1), &ms))
        return fake->now - ms;
    if (text[0] == '+' && duration_parse(text + 1, strlen(text + 1), &ms))
        return fake->now + ms;
    case_fail("no such time: %s", text);
    return none;
}
