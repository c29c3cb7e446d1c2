/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kit asks, case by case: how the library looks and how the module lives.
 */
#include <stdio.h>
#include <string.h>

#include "conform.h"

#include "clock.h"
#include "err.h"
#include "fs.h"
#include "text.h"

/* clang-format off: a table, one case a line */
const struct kit_case kit_cases[] = {
    { "load", "the entry is pure, nothing else is exported, nothing is left behind", case_load },
    { "descriptor", "magic, sizes, versions, kinds, required functions", case_descriptor },
    { "options", "what is required is missed, complaints name the place", case_options },
    { "lifecycle", "create and destroy a hundred times, nothing is lost", case_lifecycle },
    { "walk", "everything that is emitted is fit, each object once", case_walk },
    { "sizes", "host structs that are 64 bytes larger", case_sizes },
    { "cancel", "a cancelled run ends within 2 s", case_cancel },
    { "deadline", "a run without time ends within 2 s", case_deadline },
    { "refusal", "a receiver says no: that status comes back, no further call", case_refusal },
    { "memory", "each allocation fails once", case_memory },
    { "apply", "the same items twice", case_apply },
    { "completeness", "data that break off are never a whole list", case_completeness },
    { "hygiene", "a secret is in no log, message or field", case_hygiene },
    { NULL, NULL, NULL },
};
/* clang-format on */

/* ---- load, descriptor ---- */

static void one_export(void *user, const char *name)
{
    int *entry = user;

    if (strcmp(name, "easg_plugin_entry") == 0)
        *entry = 1;
    else
        fail("exports %s besides easg_plugin_entry: build with -fvisibility=hidden", name);
}

static void check_exports(const struct subject *s)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf file = STRBUF_INIT((size_t)64 << 20);
    easg_error err = EASG_ERROR_INIT;
    int entry = 0;

    if (fs_read(s->settings->plugin, (size_t)64 << 20, &file, &err) != EASG_OK) {
        note("its exports were not looked at: %s", err.message);
        return;
    }
    if (elf_exports(strbuf_str(&file), file.len, one_export, &entry) != 0)
        note("its exports were not looked at: not an ELF library of 64 bits");
    else if (!entry)
        fail("easg_plugin_entry is not among its exports");
}

int case_load(struct subject *s)
{
    const easg_offer offers[] = {
        {(uint32_t)sizeof(easg_offer),  EASG_ABI_MAJOR, EASG_ABI_MINOR, EASG_ABI_MAJOR, { 0 }},
        { (uint32_t)sizeof(easg_offer), EASG_ABI_MAJOR, 999,            EASG_ABI_MAJOR, { 0 }},
        { (uint32_t)sizeof(easg_offer), 999,            0,              999,            { 0 }},
    };
    long fds = sys_descriptors();
    long threads = sys_threads();
    const easg_plugin *first = s->entry(&offers[0]);
    const easg_plugin *strange;
    easg_plugin copy;

    if (!first) {
        fail("declines ABI %u.%u", EASG_ABI_MAJOR, EASG_ABI_MINOR);
        return CASE_PASS;
    }
    memcpy(&copy, first, sizeof copy);
    if (s->entry(&offers[0]) != first)
        fail("gives another descriptor when asked again");
    if (s->entry(&offers[1]) == NULL)
        fail("declines a host of a later minor version");
    strange = s->entry(&offers[2]);
    if (strange && strange->abi_major != 999)
        fail("accepts an offer of ABI 999 only, with a descriptor of %u",
             (unsigned)strange->abi_major);
    if (memcmp(&copy, s->entry(&offers[0]), sizeof copy) != 0)
        fail("its descriptor changed between two calls");
    if (sys_descriptors() != fds)
        fail("asking it opened %ld descriptors", sys_descriptors() - fds);
    if (sys_threads() != threads)
        fail("asking it started %ld threads", sys_threads() - threads);
    check_exports(s);
    return CASE_PASS;
}

int case_descriptor(struct subject *s)
{
    const easg_plugin *p = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st = describe_plugin(s->entry, &p, &err);

    if (st != EASG_OK) {
        fail("%s", err.message);
        return CASE_PASS;
    }
    for (size_t i = 0; p->modules[i]; i++) {
        struct module_ref m;

        memset(&m, 0, sizeof m);
        st = describe_module(p, p->modules[i], &m, &err);
        if (st != EASG_OK)
            fail("%s", err.message);
        else
            note("%s %s: %s", kind_word(m.kind), m.desc.id, m.desc.summary);
        if (p->modules[i]->flags)
            fail("module %s has flags 0x%x, 1.0 knows none", p->modules[i]->id,
                 (unsigned)p->modules[i]->flags);
    }
    if (!p->license || !*p->license)
        fail("names no licence");
    if (!p->vendor || !*p->vendor)
        fail("names no vendor");
    return CASE_PASS;
}

/* ---- options ---- */

static const char *const host_keys[] = { "module", "enabled", NULL };

/* The configuration once more, without `drop`; NULL and why. */
static struct cfg_doc *again(const struct subject *s, const char *drop, int canary,
                             struct cfg_doc **raw, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT((size_t)1 << 20);
    const easg_option *const *options = s->module->desc.options;
    struct cfg_doc *out = NULL;

    *raw = NULL;
    yaml_write(&text, cfg_root(s->doc), drop, options, canary);
    if (strbuf_status(&text) != EASG_OK ||
        cfg_open_memory("conform.yaml", strbuf_str(&text), text.len, raw, err) != EASG_OK)
        return NULL;
    if (cfg_check_options(cfg_root(*raw), options, host_keys, &out, err) != EASG_OK)
        return NULL;
    return out;
}

/* create() alone, with a configuration that lacks one option. */
static void create_without(struct subject *s, const easg_option *o)
{
    easg_error err = EASG_ERROR_INIT;
    struct cfg_doc *raw = NULL;
    struct cfg_doc *cfg = again(s, o->name, 0, &raw, &err);
    struct kithost h;

    if (o->flags & EASG_OPTF_REQUIRED) {
        if (cfg)
            fail("option %s is required, and is not missed", o->name);
        else if (!strstr(err.message, o->name))
            fail("option %s is missed by a message that does not name it: %s", o->name,
                 err.message);
    } else if (!cfg) {
        fail("without option %s: %s", o->name, err.message);
    } else {
        easg_instance *self = NULL;
        easg_status st;

        err_clear(&err);
        kithost_init(&h, 0);
        kithost_enter(&h);
        st = s->module->desc.create(&h.table.host, cfg_root(cfg), &self, &err);
        if (self)
            s->module->desc.destroy(self);
        kithost_leave(&h);
        walk_check_error(&h, "create", st, &err);
        if (st != EASG_OK && st != EASG_E_CONFIG)
            fail("without option %s create() returns '%s', not 'config'", o->name,
                 err_status_name(st));
        if (st == EASG_E_CONFIG && !strstr(err.message, "conform.yaml:"))
            fail("without option %s create() complains without the place of cfg_where(): %s",
                 o->name, err.message);
        kithost_clear(&h);
    }
    cfg_close(cfg);
    cfg_close(raw);
}

int case_options(struct subject *s)
{
    const easg_option *const *options = s->module->desc.options;
    easg_error err = EASG_ERROR_INIT;

    if (declare_check(options, &err) != EASG_OK)
        fail("%s", err.message);
    if (!s->doc)
        return skip("needs --config");
    if (!s->options) {
        fail("the configuration given is refused: %s", s->options_error.message);
        return CASE_PASS;
    }
    for (; options && *options; options++)
        if (cfg_get(cfg_root(s->doc), (*options)->name) || ((*options)->flags & EASG_OPTF_REQUIRED))
            create_without(s, *options);
    return CASE_PASS;
}

/* ---- lifecycle and walks ---- */

void subject_walk_init(const struct subject *s, struct kithost *h, struct walk *w)
{
    memset(w, 0, sizeof *w);
    w->host = h;
    w->module = s->module;
    w->cfg = cfg_root(s->options);
    w->url = s->settings->against;
}

int subject_walk(struct subject *s, struct kithost *h, struct walk *w)
{
    if (!s->doc) {
        skip("needs --config");
        return 0;
    }
    if (!s->options) {
        fail("the configuration given is refused: %s", s->options_error.message);
        return 0;
    }
    subject_walk_init(s, h, w);
    walk_run(w);
    if (w->reached == WALK_CREATE && w->status != EASG_OK && !s->settings->against) {
        skip("needs --against URL, for: %s", w->error.message);
        return 0;
    }
    if (w->status != EASG_OK && !s->settings->against && w->module->kind != KIND_FAILOVER &&
        (w->status == EASG_E_UNREACHABLE || w->status == EASG_E_TIMEOUT)) {
        skip("needs --against URL, for: %s", w->error.message);
        return 0;
    }
    if (w->status != EASG_OK) {
        fail("%s: %s", err_status_name(w->status), w->error.message);
        return 0;
    }
    return 1;
}

/* A case whose walk did not come through: failed, or skipped with its reason told. */
static int not_walked(void)
{
    return failures() ? CASE_PASS : CASE_SKIP;
}

int case_walk(struct subject *s)
{
    struct kithost h;
    struct walk w;
    int ok;

    kithost_init(&h, 0);
    ok = subject_walk(s, &h, &w);
    if (ok)
        note("%lu objects in %lld ms, asked %lu times whether to stop", w.emitted,
             (long long)w.took_ms, h.cancel_polls);
    if (atomic_load(&h.wrong_thread))
        fail("%lu calls of [run] functions from a thread that must not",
             atomic_load(&h.wrong_thread));
    if (atomic_load(&h.hygiene))
        fail("%lu unclean log lines", atomic_load(&h.hygiene));
    kithost_clear(&h);
    return ok ? CASE_PASS : not_walked();
}

#define CYCLES     100
#define WARM_UP    20
#define OPEN_CLOSE 5

int case_lifecycle(struct subject *s)
{
    struct kithost h;
    struct walk w;
    long live = -1;
    long fds;
    long threads;

    kithost_init(&h, 0);
    if (!s->doc)
        return skip("needs --config");
    if (!s->options) {
        fail("the configuration given is refused: %s", s->options_error.message);
        return CASE_PASS;
    }
    for (int i = 0; i < CYCLES && !failures(); i++) {
        easg_instance *self = NULL;
        easg_error err = EASG_ERROR_INIT;
        easg_status st;

        if (i == WARM_UP)
            live = sys_live_blocks();
        kithost_enter(&h);
        st = s->module->desc.create(&h.table.host, cfg_root(s->options), &self, &err);
        if (self)
            s->module->desc.destroy(self);
        kithost_leave(&h);
        if (st != EASG_OK)
            fail("create(): %s", err.message);
    }
    if (live >= 0 && sys_live_blocks() > live + 2)
        fail("%ld blocks were lost in %d times of create and destroy", sys_live_blocks() - live,
             CYCLES - WARM_UP);
    if (live < 0)
        note("nobody counts allocations here; build easgate without sanitizers, or the plugin with "
             "them");
    subject_walk_init(s, &h, &w);
    w.stop_after_open = 1;
    walk_run(&w);
    fds = sys_descriptors();
    threads = sys_threads();
    for (int i = 0; i < OPEN_CLOSE && w.reached >= WALK_OPEN; i++)
        walk_run(&w);
    if (sys_descriptors() > fds)
        fail("%ld descriptors were lost in %d times of open and close", sys_descriptors() - fds,
             OPEN_CLOSE);
    if (sys_threads() > threads)
        fail("%ld threads outlived close()", sys_threads() - threads);
    kithost_clear(&h);
    return CASE_PASS;
}

int case_sizes(struct subject *s)
{
    struct kithost h;
    struct walk plain;
    struct walk grown;
    int ok;

    kithost_init(&h, 0);
    ok = subject_walk(s, &h, &plain);
    kithost_clear(&h);
    if (!ok)
        return not_walked();
    kithost_init(&h, 1);
    subject_walk_init(s, &h, &grown);
    grown.grown = 1;
    walk_run(&grown);
    if (grown.status != plain.status)
        fail("with larger structs: '%s': %s", err_status_name(grown.status), grown.error.message);
    if (grown.emitted != plain.emitted || grown.digest != plain.digest)
        fail("with larger structs it emits %lu objects, otherwise %lu, or others", grown.emitted,
             plain.emitted);
    kithost_clear(&h);
    return CASE_PASS;
}

int case_hygiene(struct subject *s)
{
    const easg_option *const *options = s->module->desc.options;
    struct subject copy = *s;
    easg_error err = EASG_ERROR_INIT;
    struct cfg_doc *raw = NULL;
    struct kithost h;
    struct walk w;
    int secrets = 0;

    if (!s->doc)
        return skip("needs --config");
    for (size_t i = 0; options && options[i]; i++)
        secrets += options[i]->type == EASG_OPT_SECRET &&
                   cfg_get(cfg_root(s->doc), options[i]->name) != NULL;
    if (!secrets)
        return skip("the configuration names no secret");
    copy.options = again(s, NULL, 1, &raw, &err);
    if (!copy.options) {
        fail("%s", err.message);
        cfg_close(raw);
        return CASE_PASS;
    }
    kithost_init(&h, 0);
    subject_walk_init(&copy, &h, &w);
    walk_run(&w);
    note("with a secret of ours: %s %s", err_status_name(w.status), w.error.message);
    if (atomic_load(&h.hygiene))
        fail("the secret was seen %lu times", atomic_load(&h.hygiene));
    kithost_clear(&h);
    cfg_close(copy.options);
    cfg_close(raw);
    return CASE_PASS;
}
