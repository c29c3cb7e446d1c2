/* SPDX-License-Identifier: Apache-2.0
 *
 * planfile.c - writes and reads saved plans. The digests say which configuration, decisions and
 * lists the plan was made from, so that a stale one can be told from a changed one.
 */
#include "planfile.h"

#include "err.h"
#include "fs.h"
#include "jsonin.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "easgate.plan-file/1"

enum { CHANGES_MAX = 2000000 };

/* ---- digests ---- */

static easg_status hash_row(void *user, const struct store_row *row, easg_error *err)
{
    size_t i, n = store_row_count(row);

    for (i = 0; i < n; i++) {
        const char *text = store_row_text(row, i);

        if ((text && !EVP_DigestUpdate(user, text, strlen(text))) ||
            !EVP_DigestUpdate(user, i + 1 < n ? "\t" : "\n", 1))
            return err_set(err, EASG_E_FAIL, "SHA-256 is not available");
    }
    return EASG_OK;
}

static easg_status hash_query(struct store *s, const char *sql, char out[72], easg_error *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0, i;
    easg_status st;

    if (!md)
        return err_nomem(err);
    st = EVP_DigestInit_ex(md, EVP_sha256(), NULL)
             ? store_query(s, sql, NULL, 0, hash_row, md, err)
             : err_set(err, EASG_E_FAIL, "SHA-256 is not available");
    if (st == EASG_OK && !EVP_DigestFinal_ex(md, sum, &n))
        st = err_set(err, EASG_E_FAIL, "SHA-256 is not available");
    for (i = 0; st == EASG_OK && i < n && i < 32; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(md);
    return st;
}

easg_status planfile_digests(struct store *s, struct plan_head *head, easg_error *err)
{
    easg_status st = hash_query(s,
                                "SELECT device, row, action, inputs, managed_device FROM"
                                " v_decisions ORDER BY mailbox, device_id, device",
                                head->decisions, err);

    return st == EASG_OK ? hash_query(s,
                                      "SELECT mailbox, device_id, listed, ours FROM v_lists"
                                      " ORDER BY mailbox, device_id",
                                      head->lists, err)
                         : st;
}

/* ---- writing ---- */

struct writer {
    FILE *f;
    easg_status st;
};

static easg_status write_change(void *user, const struct store_row *row, easg_error *err)
{
    struct writer *w = user;
    struct jsonout j;
    size_t i;

    json_init(&j, w->f, 1);
    json_open_object(&j, NULL);
    for (i = 0; i < store_row_count(row); i++)
        json_text(&j, store_row_name(row, i), store_row_text(row, i));
    json_close(&j);
    return json_end(&j) == EASG_OK ? EASG_OK
                                   : err_set(err, EASG_E_FAIL, "the plan could not be written");
}

static void write_head(FILE *f, const struct plan_head *h, easg_time now, easg_status *st)
{
    struct jsonout j;

    json_init(&j, f, 1);
    json_open_object(&j, NULL);
    json_text(&j, "schema", h->schema);
    json_text(&j, "organization", h->org);
    json_text(&j, "run", h->run);
    json_time(&j, "made_at", now);
    json_text(&j, "config_sha256", h->config);
    json_text(&j, "decisions_sha256", h->decisions);
    json_text(&j, "lists_sha256", h->lists);
    json_int(&j, "changes", h->changes);
    json_int(&j, "held", h->held);
    json_close(&j);
    *st = json_end(&j);
}

#define OPEN     " FROM v_actions WHERE state IN ('planned', 'held', 'approved')"
#define OPEN_ORG " FROM v_org_changes WHERE state IN ('planned', 'held', 'approved')"

/* What is decided for everybody stands behind the devices; `policy` tells such a line apart. */
static easg_status write_org(struct store *s, struct writer *w, easg_error *err)
{
    return store_query(s,
                       "SELECT part AS policy, name, verb, before, after, reason, state" OPEN_ORG
                       " ORDER BY part, name",
                       NULL, 0, write_change, w, err);
}

easg_status planfile_write(const char *path, struct store *s, const char *org, const char *run_id,
                           const char *config, easg_time now, easg_error *err)
{
    struct plan_head h;
    struct writer w = { NULL, EASG_OK };
    char safe[CLI_SAFE];
    easg_status st;

    memset(&h, 0, sizeof h);
    snprintf(h.schema, sizeof h.schema, "%s", SCHEMA);
    snprintf(h.org, sizeof h.org, "%s", org);
    snprintf(h.run, sizeof h.run, "%s", run_id);
    snprintf(h.config, sizeof h.config, "%s", config);
    st = planfile_digests(s, &h, err);
    if (st == EASG_OK)
        st = query_int(s, "SELECT (SELECT count(*)" OPEN ") + (SELECT count(*)" OPEN_ORG ")", NULL,
                       0, 0, &h.changes, err);
    if (st == EASG_OK)
        st = query_int(s,
                       "SELECT (SELECT count(*)" OPEN
                       " AND state = 'held') + (SELECT count(*)" OPEN_ORG " AND state = 'held')",
                       NULL, 0, 0, &h.held, err);
    if (st != EASG_OK)
        return st;
    w.f = fs_fopen(path, "wb");
    if (!w.f)
        return err_set(err, EASG_E_FAIL, "%s: cannot be opened for writing", cli_safe(path, safe));
    write_head(w.f, &h, now, &st);
    if (st == EASG_OK)
        st = store_query(s,
                         "SELECT device, mailbox, user, device_id, verb, row, reason, state,"
                         " access_before, listed_before" OPEN " ORDER BY mailbox, device_id",
                         NULL, 0, write_change, &w, err);
    if (st == EASG_OK)
        st = write_org(s, &w, err);
    if (fclose(w.f) != 0 || st != EASG_OK) {
        if (st == EASG_OK || !err->message[0])
            err_set(err, EASG_E_FAIL, "%s: the plan could not be written", cli_safe(path, safe));
        return EASG_E_FAIL;
    }
    return EASG_OK;
}

/* ---- reading ---- */

struct reader {
    struct plan_head *head;
    struct sync_expect one;
};

static easg_status take_head(void *user, const char *name, enum json_kind kind, const char *value,
                             easg_error *err)
{
    struct plan_head *h = user;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = { { "schema", h->schema, sizeof h->schema },
                  { "organization", h->org, sizeof h->org },
                  { "run", h->run, sizeof h->run },
                  { "made_at", h->made_at, sizeof h->made_at },
                  { "config_sha256", h->config, sizeof h->config },
                  { "decisions_sha256", h->decisions, sizeof h->decisions },
                  { "lists_sha256", h->lists, sizeof h->lists } };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) {
            if (kind != JSON_TEXT || strlen(value) >= texts[i].size)
                return err_set(err, EASG_E_CONFIG, "%s is no text of the length expected", name);
            memcpy(texts[i].to, value, strlen(value) + 1);
        }
    if (strcmp(name, "changes") == 0 && kind == JSON_NUMBER)
        h->changes = strtoll(value, NULL, 10);
    return EASG_OK;
}

struct line {
    struct sync_expect one;
    struct sync_expect_org org; /* part set: it is one of these */
};

static easg_status take_change(void *user, const char *name, enum json_kind kind, const char *value,
                               easg_error *err)
{
    struct line *l = user;
    struct sync_expect *e = &l->one;
    char **to = strcmp(name, "device") == 0      ? &e->device
                : strcmp(name, "mailbox") == 0   ? &e->mailbox
                : strcmp(name, "device_id") == 0 ? &e->device_id
                : strcmp(name, "verb") == 0      ? &e->verb
                : strcmp(name, "policy") == 0    ? &l->org.part
                : strcmp(name, "name") == 0      ? &l->org.name
                : strcmp(name, "before") == 0    ? &l->org.before
                : strcmp(name, "after") == 0     ? &l->org.after
                                                 : NULL;

    if (!to || kind != JSON_TEXT)
        return EASG_OK;
    *to = mem_strdup(value);
    return *to ? EASG_OK : err_nomem(err);
}

static void clear_change(struct sync_expect *e)
{
    mem_free(e->device);
    mem_free(e->mailbox);
    mem_free(e->device_id);
    mem_free(e->verb);
}

static void clear_org(struct sync_expect_org *e)
{
    mem_free(e->part);
    mem_free(e->name);
    mem_free(e->before);
    mem_free(e->after);
}

void planfile_clear(struct sync_plan_file *plan)
{
    size_t i;

    for (i = 0; i < plan->n_org; i++)
        clear_org(&plan->org[i]);
    mem_free(plan->org);

    for (i = 0; i < plan->n; i++)
        clear_change(&plan->items[i]);
    mem_free(plan->items);
    mem_free(plan->run);
    memset(plan, 0, sizeof *plan);
}

static int read_line(FILE *f, struct strbuf *line)
{
    int c;

    strbuf_reset(line);
    while ((c = fgetc(f)) != EOF && c != '\n')
        if (line->len <= JSON_LINE_MAX)
            strbuf_addc(line, (char)c);
    return c != EOF || line->len > 0;
}

static int is_verb(const char *v)
{
    return v && (strcmp(v, "allow") == 0 || strcmp(v, "block") == 0 || strcmp(v, "withdraw") == 0);
}

static easg_status add_org(struct sync_plan_file *out, struct line *l, easg_error *err)
{
    struct sync_expect_org *grown;

    if (!l->org.name)
        return err_set(err, EASG_E_CONFIG, "a change for everybody needs a name");
    if (out->n_org >= CHANGES_MAX)
        return err_set(err, EASG_E_LIMIT, "more than %d changes", CHANGES_MAX);
    if ((out->n_org & (out->n_org - 1)) == 0) {
        grown = mem_grow(out->org, out->n_org ? out->n_org * 2 : 1, sizeof *grown);
        if (!grown)
            return err_nomem(err);
        out->org = grown;
    }
    out->org[out->n_org++] = l->org;
    memset(&l->org, 0, sizeof l->org);
    return EASG_OK;
}

static easg_status read_change(const struct strbuf *line, struct sync_plan_file *out,
                               easg_error *err)
{
    struct line l = { { NULL, NULL, NULL, NULL }, { NULL, NULL, NULL, NULL } };
    struct sync_expect *grown;
    easg_status st = json_read_flat(line->ptr, line->len, take_change, &l, err);
    struct sync_expect one = l.one;

    if (st == EASG_OK && l.org.part) {
        clear_change(&one);
        st = add_org(out, &l, err);
        clear_org(&l.org);
        return st;
    }
    clear_org(&l.org);
    if (st == EASG_OK && (!one.mailbox || !one.device_id || !is_verb(one.verb)))
        st = err_set(err, EASG_E_CONFIG,
                     "a change needs mailbox, device_id, and the verb allow, block or withdraw");
    if (st == EASG_OK && out->n >= CHANGES_MAX)
        st = err_set(err, EASG_E_LIMIT, "more than %d changes", CHANGES_MAX);
    if (st == EASG_OK && (out->n & (out->n - 1)) == 0) { /* room doubles */
        grown = mem_grow(out->items, out->n ? out->n * 2 : 1, sizeof *grown);
        if (!grown)
            st = err_nomem(err);
        else
            out->items = grown;
    }
    if (st == EASG_OK)
        out->items[out->n++] = one;
    else
        clear_change(&one);
    return st;
}

static easg_status read_all(FILE *f, struct plan_head *head, struct sync_plan_file *out, long *line,
                            easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(JSON_LINE_MAX + 16);
    easg_status st = EASG_OK;

    *line = 1;
    if (!read_line(f, &text))
        return err_set(err, EASG_E_CONFIG, "the file is empty");
    st = json_read_flat(text.ptr, text.len, take_head, head, err);
    if (st == EASG_OK && strcmp(head->schema, SCHEMA) != 0)
        return err_set(err, EASG_E_CONFIG,
                       "this is no plan: the first line should say \"schema\": \"" SCHEMA "\"");
    while (st == EASG_OK && read_line(f, &text)) {
        ++*line;
        if (strspn(strbuf_str(&text), " \t\r") != text.len)
            st = read_change(&text, out, err);
    }
    if (st == EASG_OK && ferror(f))
        st = err_set(err, EASG_E_FAIL, "the file cannot be read to its end");
    if (st == EASG_OK && (int64_t)(out->n + out->n_org) != head->changes)
        st = err_set(err, EASG_E_CONFIG, "the file was cut: it has %zu of %lld changes",
                     out->n + out->n_org, (long long)head->changes);
    return st;
}

easg_status planfile_read(const char *path, struct plan_head *head, struct sync_plan_file *out,
                          easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    char safe[CLI_SAFE];
    long line = 0;
    FILE *f = fs_fopen(path, "rb");
    easg_status st;

    memset(head, 0, sizeof *head);
    memset(out, 0, sizeof *out);
    if (!f)
        return err_set(err, EASG_E_NOTFOUND, "%s: cannot be opened for reading",
                       cli_safe(path, safe));
    st = read_all(f, head, out, &line, &why);
    fclose(f);
    if (st == EASG_OK && !(out->run = mem_strdup(head->run)))
        st = err_nomem(&why);
    if (st != EASG_OK) {
        planfile_clear(out);
        err_set(err, st, "%s:%ld: %s", cli_safe(path, safe), line, why.message);
    }
    return st;
}
