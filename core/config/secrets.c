/* SPDX-License-Identifier: Apache-2.0
 *
 * secrets.c - references to secrets, and lending what they name. A secret is never a string of the
 * tree, of an error or of a log.
 */
#include "cfgtree.h"

#include "err.h"
#include "fs.h"
#include "proc.h"
#include "protect.h"
#include "secret.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SECRET_MAX (64 * 1024)

enum form { FORM_LITERAL, FORM_CREDENTIAL, FORM_FILE, FORM_ENV, FORM_DPAPI };

static enum form form_of(const easg_str *text, const char **rest)
{
    static const char *const prefix[] = { "credential:", "file:", "env:", "dpapi:" };

    for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++) {
        size_t n = strlen(prefix[i]);

        if (text->len >= n && memcmp(text->ptr, prefix[i], n) == 0) {
            *rest = text->ptr + n;
            return (enum form)(FORM_CREDENTIAL + i);
        }
    }
    *rest = "";
    return FORM_LITERAL;
}

int cfg_is_reference(const easg_str *text)
{
    const char *rest;

    return text->ptr && form_of(text, &rest) != FORM_LITERAL;
}

static int is_word(const char *s, const char *more)
{
    if (!*s || *s == '.')
        return 0;
    for (; *s; s++) {
        int ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                 *s == '_' || strchr(more, *s);

        if (!ok)
            return 0;
    }
    return 1;
}

easg_status cfg_check_secret(const easg_config *node, easg_error *err)
{
    const char *rest;
    easg_str text;

    if (!cfg_str(node, &text) || !text.len)
        return cfg_error(err, node,
                         "no secret is named; give credential:NAME, file:/PATH or env:NAME");
    switch (form_of(&text, &rest)) {
    case FORM_CREDENTIAL:
        return is_word(rest, ".-") ? EASG_OK
                                   : cfg_error(err, node,
                                               "credential: needs a name of letters, digits, dot, "
                                               "underscore and hyphen");
    case FORM_ENV:
        return is_word(rest, "") && (*rest < '0' || *rest > '9')
                   ? EASG_OK
                   : cfg_error(err, node, "env: needs the name of an environment variable");
    case FORM_FILE:
        return fs_is_absolute(rest) ? EASG_OK
                                    : cfg_error(err, node,
                                                "file: needs an absolute path, such as "
                                                "file:/etc/easgate/secret");
    case FORM_DPAPI:
        if (!protect_available())
            return cfg_error(err, node,
                             "dpapi: is known on Windows only; use credential:NAME or "
                             "file:/PATH");
        return fs_is_absolute(rest) ? EASG_OK
                                    : cfg_error(err, node, "dpapi: needs an absolute path");
    case FORM_LITERAL:
    default:
        /* the text may be the secret: not shown */
        return cfg_error(err, node,
                         "a secret is never written here; name where it is: credential:NAME "
                         "(systemd), file:/PATH (mode 0600) or env:NAME");
    }
}

/* ---- env:
 * ------------------------------------------------------------------------------------------- Read
 * once and then unset, so that no child and no crash report shows it; kept for a second log-on of
 * the same run, in memory that is not swapped. */

struct kept {
    struct kept *next;
    char *name;
    size_t len;
    char value[];
};
static struct kept *kept_secrets;

static easg_status keep_env(const char *name, const struct kept **out, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *value = NULL;
    struct kept *k;
    size_t len;

    for (k = kept_secrets; k; k = k->next) {
        if (strcmp(k->name, name) == 0) {
            *out = k;
            return EASG_OK;
        }
    }
    value = proc_env(name);
    if (!value || !*value)
        return err_set(err, EASG_E_CONFIG, "the environment variable %s is not set", name);
    len = strlen(value);
    if (len > SECRET_MAX)
        return err_set(err, EASG_E_CONFIG, "the environment variable %s is larger than 64 KiB",
                       name);
    k = mem_alloc(sizeof *k + len + 1);
    if (!k || !(k->name = mem_strdup(name))) {
        secret_wipe(value, len);
        mem_free(k);
        return err_nomem(err);
    }
    proc_lock_memory(k, sizeof *k + len + 1);
    memcpy(k->value, value, len);
    secret_wipe(value, len);
    k->len = len;
    proc_forget_env(name);
    k->next = kept_secrets;
    kept_secrets = k;
    *out = k;
    return EASG_OK;
}

/* ---- files
 * -------------------------------------------------------------------------------------------*/

static easg_status read_file(enum form form, const char *path, struct strbuf *out, easg_error *err)
{
    /* systemd protects its credentials itself, by an access list that shows as group bits */
    easg_status st = fs_check_trusted(path, form == FORM_CREDENTIAL ? 0 : FS_TRUST_PRIVATE, err);

    return st == EASG_OK ? fs_read(path, SECRET_MAX, out, err) : st;
}

static easg_status read_credential(const char *name, struct strbuf *out, easg_error *err)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    struct strbuf path = STRBUF_INIT(4096);
    easg_status st;

    if (!dir || !fs_is_absolute(dir))
        return err_set(err, EASG_E_CONFIG,
                       "CREDENTIALS_DIRECTORY is not set: systemd sets it for a service with "
                       "LoadCredential=%s:... (systemctl edit easgate)",
                       name);
    strbuf_addf(&path, "%s/%s", dir, name);
    st = strbuf_status(&path) == EASG_OK ? read_file(FORM_CREDENTIAL, path.ptr, out, err)
                                         : err_set(err, EASG_E_CONFIG, "the path is too long");
    strbuf_clear(&path);
    return st;
}

static easg_status read_protected(const char *path, struct strbuf *out, easg_error *err)
{
    struct strbuf blob = STRBUF_INIT(2 * SECRET_MAX);
    easg_status st = fs_check_trusted(path, 0, err);

    if (st == EASG_OK)
        st = fs_read(path, 2 * SECRET_MAX, &blob, err);
    if (st == EASG_OK)
        st = protect_open(strbuf_str(&blob), blob.len, out, err);
    strbuf_clear(&blob);
    return st;
}

/* One line end at the end is the editor's. */
static void strip_line_end(struct strbuf *b)
{
    if (b->len && b->ptr[b->len - 1] == '\n')
        b->ptr[--b->len] = '\0';
    if (b->len && b->ptr[b->len - 1] == '\r')
        b->ptr[--b->len] = '\0';
}

easg_status cfg_with_secret(const easg_config *node, easg_bytes_fn use, void *user, easg_error *err)
{
    struct strbuf b = STRBUF_INIT(SECRET_MAX);
    const struct kept *k = NULL;
    easg_status st = cfg_check_secret(node, err);
    const char *rest;
    enum form form;
    easg_str text;
    void *locked;

    if (st != EASG_OK)
        return st;
    (void)cfg_str(node, &text);
    form = form_of(&text, &rest);
    if (form == FORM_ENV) {
        st = keep_env(rest, &k, err);
        return st == EASG_OK        ? use(user, (const uint8_t *)k->value, k->len)
               : st == EASG_E_NOMEM ? st
                                    : err_at(err, EASG_E_CONFIG, "%s", cfg_where(node));
    }
    locked = strbuf_reserve(&b, SECRET_MAX); /* all of it: growing would leave copies behind */
    if (!locked)
        return err_nomem(err);
    proc_lock_memory(locked, SECRET_MAX);
    st = form == FORM_FILE         ? read_file(form, rest, &b, err)
         : form == FORM_CREDENTIAL ? read_credential(rest, &b, err)
                                   : read_protected(rest, &b, err);
    if (st == EASG_OK) {
        strip_line_end(&b);
        if (b.len == 0)
            st = err_set(err, EASG_E_CONFIG, "%s: is empty", text.ptr);
    }
    if (st != EASG_OK && st != EASG_E_NOMEM)
        st = err_at(err, EASG_E_CONFIG, "%s", cfg_where(node));
    else if (st == EASG_OK)
        st = use(user, (const uint8_t *)strbuf_str(&b), b.len);
    secret_wipe(locked, SECRET_MAX);
    proc_unlock_memory(locked, SECRET_MAX);
    secret_clear(&b);
    return st;
}
