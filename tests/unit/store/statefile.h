/* SPDX-License-Identifier: Apache-2.0
 *
 * statefile.h - a state directory of a test, made and thrown away, and short ways to ask it.
 */
#ifndef EASG_TEST_STATEFILE_H
#define EASG_TEST_STATEFILE_H

#include "check.h"

#include "err.h"
#include "store.h"
#include "store_listing.h"
#include "store_writer.h"
#include "text.h"

#include <unistd.h>

static char state_dir[64];

static inline void state_begin(void)
{
    snprintf(state_dir, sizeof state_dir, "/tmp/easg-store.XXXXXX");
    if (!mkdtemp(state_dir))
        abort();
}

static inline void state_path(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", state_dir, name);
}

static inline void state_clean(void)
{
    static const char *const names[] = { "contoso.db",        "contoso.db-wal",
                                         "contoso.db-shm",    "contoso.lock",
                                         "contoso.db.v1.bak", "contoso.db.v7.bak",
                                         "contoso.db.v9.bak", "contoso.db-journal" };
    char path[160];
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        state_path(path, sizeof path, names[i]);
        unlink(path);
    }
}

static inline void state_end(void)
{
    state_clean();
    rmdir(state_dir);
}

static inline struct store *state_open(easg_error *err)
{
    struct store *s = NULL;

    err_clear(err);
    return store_open_writer(state_dir, "contoso", NULL, &s, err) == EASG_OK ? s : NULL;
}

static inline easg_status state_add_row(void *user, const struct store_row *row, easg_error *err)
{
    char *text = user;
    size_t i, at;

    (void)err;
    for (i = 0; i < store_row_count(row); i++) {
        const char *t = store_row_text(row, i);

        at = strlen(text);
        snprintf(text + at, 1000 - at, "%s%s", at ? " " : "", t ? t : "-");
    }
    return EASG_OK;
}

/* All columns of all rows, separated by spaces; a static buffer. */
static inline const char *state_ask(const char *sql)
{
    static char text[1000];
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    text[0] = '\0';
    if (store_open_readonly(state_dir, "contoso", &s, &err) != EASG_OK ||
        store_query(s, sql, NULL, 0, state_add_row, text, &err) != EASG_OK)
        snprintf(text, sizeof text, "%s", err.message);
    store_close(s);
    return text;
}

#endif
