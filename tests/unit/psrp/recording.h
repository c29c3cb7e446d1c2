/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.h - reads the recorded conversations of tests/data/pypsrp: just enough YAML for them,
 * and the fields of a request that a test needs.
 */
#ifndef EASG_TEST_RECORDING_H
#define EASG_TEST_RECORDING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "check.h"
#include "strbuf.h"

#define MAX_PAIRS 16

struct recording {
    size_t n;
    struct strbuf request[MAX_PAIRS];
    struct strbuf response[MAX_PAIRS];
};

static inline int file_read(const char *path, struct strbuf *out)
{
    char full[512];
    FILE *f;
    size_t n;

    (void)snprintf(full, sizeof(full), "%s/tests/data/%s", check_source(), path);
    f = fopen(full, "rb");
    if (!f) {
        printf("# cannot read %s\n", full);
        return 0;
    }
    do {
        char *to = strbuf_reserve(out, 65536);

        n = to ? fread(to, 1, 65536, f) : 0;
        if (to)
            strbuf_grown(out, n);
    } while (n);
    (void)fclose(f);
    return strbuf_status(out) == EASG_OK;
}

/* "- request: TEXT", "  response: TEXT"; a line that starts with four blanks continues the scalar,
 * joined by one blank. Other keys are left out. */
static inline int recording_read(const char *name, struct recording *r)
{
    struct strbuf text = STRBUF_INIT(8 * 1024 * 1024);
    struct strbuf *now = NULL;
    char path[256];
    char *line;
    char *save;
    int first = 1;

    memset(r, 0, sizeof(*r));
    (void)snprintf(path, sizeof(path), "pypsrp/%s.yml", name);
    if (!file_read(path, &text))
        return 0;
    for (line = text.ptr; line && *line; line = save, first = 0) {
        char *end = strchr(line, '\n');

        save = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        if (strncmp(line, "- request: ", 11) == 0 && r->n < MAX_PAIRS) {
            strbuf_init(&r->request[r->n], 4 * 1024 * 1024);
            strbuf_init(&r->response[r->n], 4 * 1024 * 1024);
            now = &r->request[r->n++];
            strbuf_adds(now, line + 11);
        } else if (strncmp(line, "  response: ", 12) == 0 && r->n) {
            now = &r->response[r->n - 1];
            strbuf_adds(now, line + 12);
        } else if (strncmp(line, "    ", 4) == 0 && now) {
            strbuf_addc(now, ' ');
            strbuf_adds(now, line + 4);
        } else if (!first) {
            now = NULL;
        }
    }
    strbuf_clear(&text);
    return r->n > 0;
}

static inline void recording_clear(struct recording *r)
{
    for (size_t i = 0; i < r->n; i++) {
        strbuf_clear(&r->request[i]);
        strbuf_clear(&r->response[i]);
    }
}

/* What stands between `before` and the next '<' or '"'; "" when `before` is not there. */
static inline const char *between(const char *text, const char *before, char *out, size_t size)
{
    const char *p = strstr(text, before);
    size_t n;

    out[0] = '\0';
    if (!p)
        return out;
    p += strlen(before);
    n = strcspn(p, "<\"");
    if (n >= size)
        n = size - 1;
    memcpy(out, p, n);
    out[n] = '\0';
    return out;
}

/* The first base64 text of the request: creationXml, Arguments or Stream. */
static inline int request_payload(const char *text, struct strbuf *out)
{
    static const char *const starts[] = { "<creationXml ", "<rsp:Arguments>", "<rsp:Stream " };
    struct base64 d = { 0, 0, 0 };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        const char *p = strstr(text, starts[i]);

        if (!p)
            continue;
        p = strchr(p, '>') + 1;
        return base64_feed(&d, p, strcspn(p, "<"), out) == EASG_OK && base64_end(&d) == EASG_OK;
    }
    return 0;
}

#endif
