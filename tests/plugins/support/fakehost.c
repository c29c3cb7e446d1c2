/* SPDX-License-Identifier: Apache-2.0
 *
 * The host table over a list of texts.
 */
#include "fakehost.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "text.h"

/* A node is a key ("auth" or "auth.method") or an element of a list. */
struct easg_config {
    struct easg_config *next;
    struct fakehost *f;
    char key[128];
    int element; /* -1: none */
    char text[512];
};

struct easg_run {
    int unused;
};

struct fakehost_state {
    struct fakehost_state *next;
    char key[128];
    size_t len;
    unsigned char *ptr;
};

static struct fakehost *self(const easg_host *h)
{
    return h->opaque;
}

/* ---- configuration ---- */

static const char *value_of(const struct fakehost *f, const char *key)
{
    for (size_t i = 0; i < f->n_options; i++) {
        if (strcmp(f->options[i].key, key) == 0)
            return f->options[i].value;
    }
    return NULL;
}

static int is_map(const struct fakehost *f, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < f->n_options; i++) {
        if (len == 0 ||
            (strncmp(f->options[i].key, key, len) == 0 && f->options[i].key[len] == '.'))
            return 1;
    }
    return 0;
}

static const easg_config *make_node(struct fakehost *f, const char *key, int element,
                                    const char *text, size_t len)
{
    struct easg_config *n;

    for (n = f->nodes; n; n = n->next) {
        if (strcmp(n->key, key) == 0 && n->element == element)
            return n;
    }
    n = mem_alloc(sizeof *n);
    if (!n)
        return NULL;
    n->f = f;
    n->element = element;
    (void)snprintf(n->key, sizeof n->key, "%s", key);
    (void)snprintf(n->text, sizeof n->text, "%.*s", (int)len, text ? text : "");
    n->next = f->nodes;
    f->nodes = n;
    return n;
}

const easg_config *fakehost_config(struct fakehost *f)
{
    return make_node(f, "", -1, NULL, 0);
}

static const easg_config *EASG_CALL cfg_get(const easg_host *h, const easg_config *node,
                                            const char *path)
{
    char key[300];
    const char *value;

    if (!node || strlen(path) > 60)
        return NULL;
    (void)snprintf(key, sizeof key, "%s%s%s", node->key, node->key[0] ? "." : "", path);
    value = value_of(self(h), key);
    if (!value && !is_map(self(h), key))
        return NULL;
    return make_node(self(h), key, -1, value, value ? strlen(value) : 0);
}

static easg_node_type EASG_CALL cfg_type(const easg_host *h, const easg_config *node)
{
    (void)h;
    if (!node)
        return EASG_NODE_ABSENT;
    if (node->element < 0 && !value_of(node->f, node->key))
        return EASG_NODE_MAP;
    if (node->element < 0 && node->text[0] == '[')
        return EASG_NODE_LIST;
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        return EASG_NODE_BOOL;
    if (node->text[0] && node->text[strspn(node->text, "0123456789")] == '\0')
        return EASG_NODE_INT;
    return EASG_NODE_STRING;
}

/* The i-th element of "[a, b]"; NULL past the end. */
static const char *element_of(const char *list, size_t i, size_t *len)
{
    const char *p = list + strspn(list, "[ ");

    for (;; i--) {
        *len = strcspn(p, ",]");
        while (*len && p[*len - 1] == ' ')
            (*len)--;
        if (*len == 0)
            return NULL;
        if (i == 0)
            return p;
        p += strcspn(p, ",]");
        p += strspn(p, ", ");
    }
}

static size_t EASG_CALL cfg_count(const easg_host *h, const easg_config *node)
{
    size_t n = 0, len;

    if (cfg_type(h, node) != EASG_NODE_LIST)
        return 0;
    while (element_of(node->text, n, &len))
        n++;
    return n;
}

static const easg_config *EASG_CALL cfg_at(const easg_host *h, const easg_config *node, size_t i)
{
    size_t len = 0;
    const char *p = cfg_type(h, node) == EASG_NODE_LIST ? element_of(node->text, i, &len) : NULL;

    return p ? make_node(self(h), node->key, (int)i, p, len) : NULL;
}

static easg_status EASG_CALL cfg_key_at(const easg_host *h, const easg_config *node, size_t i,
                                        easg_str *out)
{
    (void)h;
    (void)node;
    (void)i;
    *out = (easg_str){ NULL, 0 };
    return EASG_E_UNSUPPORTED; /* maps are asked for by name here */
}

static easg_status EASG_CALL cfg_str(const easg_host *h, const easg_config *node, easg_str *out)
{
    *out = (easg_str){ NULL, 0 };
    if (!node || cfg_type(h, node) == EASG_NODE_MAP || cfg_type(h, node) == EASG_NODE_LIST)
        return EASG_E_CONFIG;
    *out = text_str(node->text);
    return EASG_OK;
}

static easg_status EASG_CALL cfg_int(const easg_host *h, const easg_config *node, int64_t *out)
{
    if (cfg_type(h, node) != EASG_NODE_INT)
        return EASG_E_CONFIG;
    *out = strtoll(node->text, NULL, 10);
    return EASG_OK;
}

static easg_status EASG_CALL cfg_bool(const easg_host *h, const easg_config *node, int32_t *out)
{
    if (cfg_type(h, node) != EASG_NODE_BOOL)
        return EASG_E_CONFIG;
    *out = node->text[0] == 't';
    return EASG_OK;
}

static easg_status EASG_CALL cfg_where(const easg_host *h, const easg_config *node, easg_str *out)
{
    (void)h;
    *out = text_str(node ? node->key : "");
    return EASG_OK;
}

static easg_status EASG_CALL with_secret(const easg_host *h, const easg_config *node,
                                         easg_bytes_fn use, void *user, easg_error *err)
{
    const struct fakehost *f = self(h);
    easg_status st;

    for (size_t i = 0; node && i < f->n_secrets; i++) {
        const struct fakehost_secret *s = &f->secrets[i];

        if (node->text[0] == '@' && strcmp(node->text + 1, s->name) == 0) {
            char *copy = mem_dup(s->ptr, s->len);

            if (!copy)
                return err_nomem(err);
            st = use(user, (const uint8_t *)copy, s->len);
            memset(copy, 0xdd, s->len); /* who kept the pointer will notice */
            mem_free(copy);
            return st;
        }
    }
    return err_set(err, EASG_E_CONFIG, "no such secret");
}

/* ---- run ---- */

static void EASG_CALL log_line(const easg_host *h, easg_level level, const char *text, size_t len,
                               const easg_kv *const *fields, size_t n)
{
    static const char *const names[] = { "error", "warning", "info", "debug", "trace" };
    struct strbuf *b = &self(h)->log;
    size_t from = b->len;

    strbuf_addf(b, "%s: %.*s", names[level], (int)len, text);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(b, " %s=%s", fields[i]->key.ptr, fields[i]->value.ptr);
    strbuf_addc(b, '\n');
    if (getenv("EASGATE_TEST_LOG"))
        printf("# %s", strbuf_str(b) + from);
}

static int32_t EASG_CALL log_enabled(const easg_host *h, easg_level level)
{
    (void)h;
    (void)level;
    return 1;
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static easg_time EASG_CALL now(const easg_host *h)
{
    return clock_ms(CLOCK_REALTIME) + self(h)->clock_shift_ms + self(h)->slept_ms;
}

static int64_t EASG_CALL monotonic_ms(const easg_host *h)
{
    return clock_ms(CLOCK_MONOTONIC) + self(h)->slept_ms;
}

static easg_status EASG_CALL run_info(const easg_host *h, const easg_run *run, easg_run_info *out)
{
    (void)run;
    out->flags = 0;
    out->attempt = 1;
    out->org = text_str(self(h)->org ? self(h)->org : "contoso");
    out->run_id = TEXT_LIT("01234567-89ab-4cde-8f01-23456789abcd");
    out->started = now(h);
    return EASG_OK;
}

static int32_t EASG_CALL cancelled(const easg_host *h, const easg_run *run)
{
    const struct fakehost *f = self(h);

    (void)run;
    return f->cancelled || (f->cancel_when && f->cancel_when());
}

static int64_t EASG_CALL remaining_ms(const easg_host *h, const easg_run *run)
{
    const struct fakehost *f = self(h);
    int64_t left = f->started + f->budget_ms - monotonic_ms(h);

    (void)run;
    return left > 0 ? left : 0;
}

static easg_status EASG_CALL sleep_ms(const easg_host *h, const easg_run *run, int64_t ms)
{
    struct fakehost *f = self(h);

    if (cancelled(h, run))
        return EASG_E_CANCELLED;
    f->slept_ms += ms;
    f->sleeps++;
    return EASG_OK;
}

static easg_status EASG_CALL state_get(const easg_host *h, const easg_run *run, const char *key,
                                       easg_bytes_fn use, void *user, easg_error *err)
{
    (void)run;
    for (const struct fakehost_state *s = self(h)->states; s; s = s->next) {
        if (strcmp(s->key, key) == 0)
            return use(user, s->ptr, s->len);
    }
    return err_set(err, EASG_E_NOTFOUND, "no value of %s", key);
}

static easg_status EASG_CALL state_put(const easg_host *h, const easg_run *run, const char *key,
                                       const uint8_t *ptr, size_t len, easg_error *err)
{
    struct fakehost_state *s;

    (void)run;
    for (s = self(h)->states; s && strcmp(s->key, key) != 0; s = s->next)
        ;
    if (!s) {
        s = mem_alloc(sizeof *s);
        if (!s)
            return err_nomem(err);
        (void)snprintf(s->key, sizeof s->key, "%s", key);
        s->next = self(h)->states;
        self(h)->states = s;
    }
    mem_free(s->ptr);
    s->len = len;
    s->ptr = (unsigned char *)mem_dup((const char *)ptr, len);
    return s->ptr ? EASG_OK : err_nomem(err);
}

static const void *EASG_CALL get_extension(const easg_host *h, const char *id)
{
    (void)h;
    (void)id;
    return NULL;
}

static const easg_run the_run = { 0 };

const easg_run *fakehost_run(struct fakehost *f)
{
    (void)f;
    return &the_run;
}

void fakehost_init(struct fakehost *f, const struct fakehost_option *options, size_t n_options,
                   const struct fakehost_secret *secrets, size_t n_secrets)
{
    memset(f, 0, sizeof *f);
    f->host = (easg_host){ .struct_size = (uint32_t)sizeof f->host,
                           .abi_major = EASG_ABI_MAJOR,
                           .abi_minor = EASG_ABI_MINOR,
                           .opaque = f,
                           .name = "fakehost",
                           .version = "0",
                           .log = log_line,
                           .log_enabled = log_enabled,
                           .now = now,
                           .monotonic_ms = monotonic_ms,
                           .run_info = run_info,
                           .cancelled = cancelled,
                           .remaining_ms = remaining_ms,
                           .sleep_ms = sleep_ms,
                           .cfg_get = cfg_get,
                           .cfg_type = cfg_type,
                           .cfg_count = cfg_count,
                           .cfg_at = cfg_at,
                           .cfg_key_at = cfg_key_at,
                           .cfg_str = cfg_str,
                           .cfg_int = cfg_int,
                           .cfg_bool = cfg_bool,
                           .cfg_where = cfg_where,
                           .with_secret = with_secret,
                           .state_get = state_get,
                           .state_put = state_put,
                           .get_extension = get_extension };
    f->options = options;
    f->n_options = n_options;
    f->secrets = secrets;
    f->n_secrets = n_secrets;
    f->budget_ms = 10 * 60 * 1000;
    f->started = clock_ms(CLOCK_MONOTONIC);
    strbuf_init(&f->log, 1024u * 1024u);
}

void fakehost_clear(struct fakehost *f)
{
    while (f->nodes) {
        struct easg_config *n = f->nodes;

        f->nodes = n->next;
        mem_free(n);
    }
    while (f->states) {
        struct fakehost_state *s = f->states;

        f->states = s->next;
        mem_free(s->ptr);
        mem_free(s);
    }
    strbuf_clear(&f->log);
}

const easg_module *fakehost_load(const char *path, const char *kind, const char *id)
{
    easg_offer offer = { .struct_size = (uint32_t)sizeof offer,
                         .abi_major = EASG_ABI_MAJOR,
                         .abi_minor = EASG_ABI_MINOR,
                         .abi_major_min = EASG_ABI_MAJOR };
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    easg_plugin_entry_fn entry;
    const easg_plugin *p;

    if (!handle) {
        printf("# %s\n", dlerror());
        return NULL;
    }
    *(void **)&entry = dlsym(handle, "easg_plugin_entry");
    p = entry ? entry(&offer) : NULL;
    if (!p || p->magic != EASG_PLUGIN_MAGIC || p->abi_major != EASG_ABI_MAJOR || !p->modules) {
        printf("# %s is not a plugin for this host\n", path);
        return NULL;
    }
    for (const easg_module *const *m = p->modules; *m; m++) {
        if (strcmp((*m)->kind, kind) == 0 && strcmp((*m)->id, id) == 0)
            return *m;
    }
    printf("# %s has no module %s of kind %s\n", path, id, kind);
    return NULL;
}
