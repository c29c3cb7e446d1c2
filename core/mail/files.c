/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a template's file comes from, and which language is taken.
 */
#include <stdio.h>
#include <string.h>

#include "mail_private.h"

#include "err.h"
#include "fs.h"

static const char *builtin(const char *name)
{
    for (size_t i = 0; i < mail_builtins_n; i++)
        if (strcmp(mail_builtins[i].name, name) == 0)
            return mail_builtins[i].text;
    return NULL;
}

easg_status mail_file(const char *dir, const char *language, const char *name, struct strbuf *out,
                      char where[512], easg_error *err)
{
    const char *text;
    char key[100];
    int n;

    strbuf_reset(out);
    n = snprintf(key, sizeof key, "%.35s/%.40s", language, name);
    if (dir) {
        (void)snprintf(where, 512, "%.400s/%s", dir, key);
        if (n > 0 && fs_exists(where))
            return fs_read(where, MAIL_MAX_FILE, out, err);
    }
    (void)snprintf(where, 512, "%s", key);
    text = builtin(key);
    if (!text)
        return err_set(err, EASG_E_NOTFOUND, "there is no template %s", key);
    strbuf_adds(out, text);
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}

int mail_has_file(const char *dir, const char *language, const char *name)
{
    char path[512], key[100];

    (void)snprintf(key, sizeof key, "%.35s/%.40s", language, name);
    if (dir) {
        (void)snprintf(path, sizeof path, "%.400s/%s", dir, key);
        if (fs_exists(path))
            return 1;
    }
    return builtin(key) != NULL;
}

int mail_has_language(const char *dir, const char *language)
{

    for (const char *p = language; *p; p++) /* it becomes a part of a path */
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            return 0;
    if (!language[0] || strlen(language) > 35)
        return 0;
    return mail_has_file(dir, language, "words.txt");
}
