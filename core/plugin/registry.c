/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugins that were loaded, their modules by kind and id, and the ones that were refused and why.
 */
#include <stdio.h>
#include <string.h>

#include "plugin_internal.h"

#include "err.h"
#include "fs.h"
#include "text.h"

#ifndef EASG_PLUGIN_SUFFIX
#define EASG_PLUGIN_SUFFIX ".so"
#endif

#define PLUGINS_MAX 256

struct refusal {
    char *path;
    char *why;
};

struct pin {
    char *name;
    char *sha256;
};

struct registry {
    struct log *log;
    char *dir; /* of registry_load_dir(); NULL until then */
    struct plugin **plugins;
    size_t n_plugins;
    struct module_ref **modules; /* sorted by kind and id */
    size_t n_modules;
    struct refusal *refusals;
    size_t n_refusals;
    struct pin *pins;
    size_t n_pins;
};

easg_status registry_create(struct log *log, struct registry **out, easg_error *err)
{
    struct registry *r = mem_alloc(sizeof *r);

    if (!r)
        return err_nomem(err);
    r->log = log;
    *out = r;
    return EASG_OK;
}

void registry_destroy(struct registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_modules; i++)
        mem_free(r->modules[i]);
    for (size_t i = 0; i < r->n_plugins; i++) {
        mem_free(r->plugins[i]->path);
        mem_free(r->plugins[i]);
    }
    for (size_t i = 0; i < r->n_refusals; i++) {
        mem_free(r->refusals[i].path);
        mem_free(r->refusals[i].why);
    }
    for (size_t i = 0; i < r->n_pins; i++) {
        mem_free(r->pins[i].name);
        mem_free(r->pins[i].sha256);
    }
    mem_free(r->modules);
    mem_free(r->plugins);
    mem_free(r->refusals);
    mem_free(r->pins);
    mem_free(r->dir);
    mem_free(r);
}

/* Grows an array by one element and gives it cleared; NULL when memory is gone. */
static void *push(void **array, size_t *n, size_t size)
{
    char *grown = mem_grow(*array, *n + 1, size);

    if (!grown)
        return NULL;
    *array = grown;
    memset(grown + *n * size, 0, size);
    return grown + (*n)++ * size;
}

static int compare(const struct module_ref *a, const char *kind, const char *id)
{
    int c = strcmp(a->desc.kind, kind);

    return c ? c : strcmp(a->desc.id, id);
}

static struct module_ref *lookup(const struct registry *r, const char *kind, const char *id)
{
    for (size_t i = 0; i < r->n_modules; i++)
        if (compare(r->modules[i], kind, id) == 0)
            return r->modules[i];
    return NULL;
}

/* ---- adding -----------------------------------------------------------------------------------
 */

/* The modules of one plugin, until all of them are known to be good. */
struct batch {
    struct module_ref **modules;
    size_t n;
};

static void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        mem_free(b->modules[i]);
    mem_free(b->modules);
    *b = (struct batch){ NULL, 0 };
}

static easg_status no_duplicate(const struct registry *r, const struct batch *b,
                                const struct module_ref *m, easg_error *err)
{
    const struct module_ref *other = lookup(r, m->desc.kind, m->desc.id);

    for (size_t i = 0; i < b->n && !other; i++)
        if (b->modules[i] && compare(b->modules[i], m->desc.kind, m->desc.id) == 0)
            other = b->modules[i];
    if (!other)
        return EASG_OK;
    return err_set(err, EASG_E_CONFIG, "%s: plugin %s %s (%s) already brings %s %s: remove one",
                   m->who, other->plugin->desc->name, other->plugin->desc->version,
                   other->plugin->path, kind_word(m->kind), m->desc.id);
}

static easg_status take_module(struct registry *r, struct batch *b, const struct plugin *plugin,
                               const easg_module *module, easg_error *err)
{
    struct module_ref *m = mem_alloc(sizeof *m);
    struct module_ref **slot;
    easg_status st;

    if (!m)
        return err_nomem(err);
    m->plugin = plugin;
    st = describe_module(plugin->desc, module, m, err);
    if (st == EASG_E_UNSUPPORTED) {
        LOG_WARNING(r->log, "module skipped", F_STR("path", plugin->path),
                    F_STR("reason", err->message));
        err_clear(err);
        mem_free(m);
        return EASG_OK;
    }
    if (st == EASG_OK)
        st = no_duplicate(r, b, m, err);
    slot = NULL;
    if (st == EASG_OK) {
        void *array = b->modules;

        slot = push(&array, &b->n, sizeof *slot);
        b->modules = array;
        if (!slot)
            st = err_nomem(err);
    }
    if (st != EASG_OK) {
        mem_free(m);
        return st;
    }
    *slot = m;
    return EASG_OK;
}

/* All or nothing: room is made first, so that the insertion cannot fail half way. */
static easg_status insert(struct registry *r, struct plugin *plugin, struct batch *b,
                          easg_error *err)
{
    struct plugin **plugins = mem_grow(r->plugins, r->n_plugins + 1, sizeof *plugins);
    struct module_ref **modules;

    if (plugins)
        r->plugins = plugins;
    modules = mem_grow(r->modules, r->n_modules + b->n, sizeof *modules);
    if (modules)
        r->modules = modules;
    if (!plugins || !modules)
        return err_nomem(err);
    r->plugins[r->n_plugins++] = plugin;
    for (size_t i = 0; i < b->n; i++) {
        struct module_ref *m = b->modules[i];
        size_t at = r->n_modules;

        for (; at > 0 && compare(r->modules[at - 1], m->desc.kind, m->desc.id) > 0; at--)
            r->modules[at] = r->modules[at - 1];
        r->modules[at] = m;
        r->n_modules++;
        b->modules[i] = NULL;
    }
    return EASG_OK;
}

easg_status registry_add(struct registry *r, const char *name, easg_plugin_entry_fn entry,
                         easg_error *err)
{
    struct plugin *plugin = mem_alloc(sizeof *plugin);
    struct batch b = { NULL, 0 };
    easg_status st = plugin ? EASG_OK : err_nomem(err);

    if (st == EASG_OK && !(plugin->path = mem_strdup(name)))
        st = err_nomem(err);
    if (st == EASG_OK && r->n_plugins == PLUGINS_MAX)
        st = err_set(err, EASG_E_LIMIT, "more than %d plugins", PLUGINS_MAX);
    if (st == EASG_OK)
        st = describe_plugin(entry, &plugin->desc, err);
    for (size_t i = 0; st == EASG_OK && plugin->desc->modules[i]; i++)
        st = take_module(r, &b, plugin, plugin->desc->modules[i], err);
    if (st == EASG_OK)
        st = insert(r, plugin, &b, err);
    if (st == EASG_OK) {
        LOG_DEBUG(r->log, "plugin loaded", F_STR("plugin", plugin->desc->name),
                  F_STR("version", plugin->desc->version), F_STR("path", plugin->path));
    } else if (plugin) {
        mem_free(plugin->path);
        mem_free(plugin);
    }
    batch_clear(&b);
    return st;
}

/* ---- loading ----------------------------------------------------------------------------------
 */

/* Best effort: without memory the log line is all there is. */
static void remember(struct registry *r, const char *path, const easg_error *why)
{
    void *array = r->refusals;
    struct refusal *slot = push(&array, &r->n_refusals, sizeof *slot);

    r->refusals = array;
    if (slot) {
        slot->path = mem_strdup(path);
        slot->why = mem_strdup(why->message);
    }
    LOG_ERROR(r->log, "plugin refused", F_STR("path", path), F_STR("reason", why->message));
}

static const char *file_name(const char *path)
{
    const char *name = path;

    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    return name;
}

easg_status registry_load(struct registry *r, const char *path, const char *pin, easg_error *err)
{
    easg_plugin_entry_fn entry = NULL;
    easg_status st;

    for (size_t i = 0; !pin && i < r->n_pins; i++)
        if (strcmp(file_name(path), r->pins[i].name) == 0)
            pin = r->pins[i].sha256;
    st = loader_open(path, r->dir, pin, &entry, err);
    if (st == EASG_OK)
        st = registry_add(r, path, entry, err);
    if (st != EASG_OK) {
        /* fs and dl name the path themselves; once is enough */
        if (!strstr(err->message, path))
            err_at(err, st, "%s", path);
        remember(r, path, err);
    }
    return st;
}

static easg_status load_one(void *user, const char *path, const char *name, easg_error *err)
{
    easg_status st = registry_load(user, path, NULL, err);

    (void)name;
    if (st == EASG_E_NOMEM)
        return st;
    err_clear(err); /* it was logged and remembered */
    return EASG_OK;
}

easg_status registry_load_dir(struct registry *r, const char *dir, easg_error *err)
{
    char *own = mem_strdup(dir);
    easg_status st;

    if (!own)
        return err_nomem(err);
    mem_free(r->dir);
    r->dir = own;
    st = fs_check_trusted(dir, FS_TRUST_DIR, err);
    return st == EASG_OK ? fs_list(dir, EASG_PLUGIN_SUFFIX, load_one, r, err) : st;
}

easg_status registry_pin(struct registry *r, const char *file, const char *sha256, easg_error *err)
{
    void *array = r->pins;
    struct pin *slot = push(&array, &r->n_pins, sizeof *slot);

    r->pins = array;
    if (slot) {
        slot->name = mem_strdup(file);
        slot->sha256 = mem_strdup(sha256);
        if (slot->name && slot->sha256)
            return EASG_OK;
        mem_free(slot->name);
        mem_free(slot->sha256);
        r->n_pins--;
    }
    return err_nomem(err);
}

easg_status registry_pin_all(struct registry *r, const easg_config *pins, easg_error *err)
{
    easg_status st = EASG_OK;
    easg_str sha256;

    for (size_t i = 0; st == EASG_OK && i < cfg_count(pins); i++)
        if (cfg_str(cfg_at(pins, i), &sha256))
            st = registry_pin(r, cfg_key_at(pins, i).ptr, sha256.ptr, err);
    return st;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

int registry_module_at(const struct registry *r, size_t i, struct module_info *out)
{
    const struct module_ref *m;
    const easg_plugin *p;

    if (i >= r->n_modules)
        return 0;
    m = r->modules[i];
    p = m->plugin->desc;
    *out = (struct module_info){ .kind = m->desc.kind,
                                 .id = m->desc.id,
                                 .summary = m->desc.summary,
                                 .plugin = p->name,
                                 .version = p->version,
                                 .vendor = p->vendor,
                                 .license = p->license,
                                 .url = p->url,
                                 .path = m->plugin->path,
                                 .abi_major = p->abi_major,
                                 .abi_minor = p->abi_minor,
                                 .abi_minor_needed = p->abi_minor_needed,
                                 .options = m->desc.options };
    return 1;
}

int registry_refusal_at(const struct registry *r, size_t i, const char **path, const char **why)
{
    if (i >= r->n_refusals)
        return 0;
    *path = r->refusals[i].path ? r->refusals[i].path : "";
    *why = r->refusals[i].why ? r->refusals[i].why : "";
    return 1;
}

/* "easg.source/1" -> "source", for messages. */
static void short_kind(const char *kind, char *out, size_t size)
{
    const char *from = strncmp(kind, "easg.", 5) == 0 ? kind + 5 : kind;

    (void)snprintf(out, size, "%.*s", (int)strcspn(from, "/"), from);
}

easg_status registry_find(struct registry *r, const char *kind, const char *id,
                          const easg_config *where, struct module_ref **out, easg_error *err)
{
    struct module_ref *m = lookup(r, kind, id);
    const char *nearest = NULL;
    const char *refused = NULL;
    unsigned best = 4;
    char safe[80];
    char word[32];
    char hint[320];

    if (m) {
        *out = m;
        return EASG_OK;
    }
    for (size_t i = 0; i < r->n_modules; i++) {
        unsigned d = text_distance(id, r->modules[i]->desc.id, best);

        if (strcmp(r->modules[i]->desc.kind, kind) == 0 && d < best) {
            best = d;
            nearest = r->modules[i]->desc.id;
        }
    }
    if (!nearest && r->n_refusals)
        refused = r->refusals[0].path;
    if (nearest)
        (void)snprintf(hint, sizeof hint, "did you mean %s?", nearest);
    else if (refused)
        (void)snprintf(hint, sizeof hint,
                       "%zu plugins were refused, the first %.160s: see easgate plugins",
                       r->n_refusals, refused);
    else
        (void)snprintf(hint, sizeof hint, "see easgate plugins for those that are loaded");
    short_kind(kind, word, sizeof word);
    text_safe(id, strlen(id), safe, sizeof safe);
    if (where)
        return cfg_error(err, where, "there is no %s module named %s: %s", word, safe, hint);
    return err_set(err, EASG_E_CONFIG, "there is no %s module named %s: %s", word, safe, hint);
}

const easg_option *const *module_options(const struct module_ref *m)
{
    return m->desc.options;
}
