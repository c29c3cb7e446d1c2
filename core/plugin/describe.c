/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges descriptors. The first 16 bytes are read first; nothing behind them is touched before they
 * said that it may be. Each refusal says what is wrong and what to install or mend.
 */
#include <stdio.h>
#include <string.h>

#include "plugin_internal.h"

#include "err.h"
#include "text.h"

/* The end of a member: a struct that does not reach it lacks it. */
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#define MODULES_MAX 64
#define NAME_MAX_   64

const char *kind_word(enum module_kind kind)
{
    static const char *const words[] = { "source", "sink", "notifier", "failover" };

    return words[kind];
}

/* 1: `s` is 1 to `max` printable ASCII characters, or UTF-8 above it. */
static int printable(const char *s, size_t max)
{
    size_t len;

    if (!s)
        return 0;
    len = strnlen(s, max + 1);
    if (len == 0 || len > max || !text_utf8_valid(s, len))
        return 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return 0;
    return 1;
}

/* 1: [a-z0-9] and inner '-', at most 63. What YAML names and state keys are made of. */
static int is_id(const char *s)
{
    size_t len = s ? strnlen(s, NAME_MAX_) : 0;

    if (len == 0 || len == NAME_MAX_ || s[0] == '-' || s[len - 1] == '-')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
            return 0;
    return 1;
}

static easg_status check_head(const easg_plugin *p, easg_error *err)
{
    if (p->magic != EASG_PLUGIN_MAGIC)
        return err_set(
            err, EASG_E_CONFIG,
            "its descriptor starts with 0x%08x instead of 0x%08x: not an easgate plugin, "
            "or built for a machine of another byte order",
            (unsigned)p->magic, EASG_PLUGIN_MAGIC);
    if (p->abi_major != EASG_ABI_MAJOR)
        return err_set(err, EASG_E_CONFIG,
                       "built for plugin ABI %u.%u, this easgate speaks %u.%u: install %s",
                       (unsigned)p->abi_major, (unsigned)p->abi_minor, EASG_ABI_MAJOR,
                       EASG_ABI_MINOR,
                       p->abi_major > EASG_ABI_MAJOR
                           ? "a newer easgate, or an older release of the plugin"
                           : "a newer release of the plugin");
    if (p->abi_minor_needed > EASG_ABI_MINOR)
        return err_set(
            err, EASG_E_CONFIG,
            "needs plugin ABI %u.%u, this easgate speaks %u.%u: install a newer easgate, "
            "or an older release of the plugin",
            (unsigned)p->abi_major, (unsigned)p->abi_minor_needed, EASG_ABI_MAJOR, EASG_ABI_MINOR);
    if (p->abi_minor_needed > p->abi_minor)
        return err_set(err, EASG_E_CONFIG,
                       "needs plugin ABI %u.%u but says that it was built for %u.%u: "
                       "use EASG_PLUGIN_HEADER() in its descriptor",
                       (unsigned)p->abi_major, (unsigned)p->abi_minor_needed,
                       (unsigned)p->abi_major, (unsigned)p->abi_minor);
    if (p->struct_size < END_OF(easg_plugin, modules))
        return err_set(err, EASG_E_CONFIG,
                       "its descriptor has %u bytes, plugin ABI 1.0 has %u: set struct_size to "
                       "sizeof(easg_plugin)",
                       (unsigned)p->struct_size, (unsigned)END_OF(easg_plugin, modules));
    return EASG_OK;
}

easg_status describe_plugin(easg_plugin_entry_fn entry, const easg_plugin **out, easg_error *err)
{
    static const easg_offer offer = { .struct_size = (uint32_t)sizeof offer,
                                      .abi_major = EASG_ABI_MAJOR,
                                      .abi_minor = EASG_ABI_MINOR,
                                      .abi_major_min = EASG_ABI_MAJOR };
    const easg_plugin *p = entry(&offer);
    easg_status st;
    size_t n = 0;

    if (!p)
        return err_set(err, EASG_E_CONFIG,
                       "declined plugin ABI %u.%u: install a newer easgate, or another release of "
                       "the plugin",
                       EASG_ABI_MAJOR, EASG_ABI_MINOR);
    st = check_head(p, err);
    if (st != EASG_OK)
        return st;
    if (!printable(p->name, NAME_MAX_))
        return err_set(err, EASG_E_CONFIG, "its descriptor has no name of 1 to %d characters",
                       NAME_MAX_);
    if (!printable(p->version, NAME_MAX_))
        return err_set(err, EASG_E_CONFIG,
                       "plugin %s: its descriptor has no version of 1 to %d characters", p->name,
                       NAME_MAX_);
    while (p->modules && p->modules[n] && n <= MODULES_MAX)
        n++;
    if (n == 0)
        return err_set(err, EASG_E_CONFIG, "plugin %s %s: describes no module", p->name,
                       p->version);
    if (n > MODULES_MAX)
        return err_set(err, EASG_E_CONFIG,
                       "plugin %s %s: more than %d modules, or a list without NULL at its end",
                       p->name, p->version, MODULES_MAX);
    *out = p;
    return EASG_OK;
}

/* Copies the part that both sides know into zeroed room. */
static void complete(void *to, size_t to_size, const void *from, uint32_t from_size)
{
    const uint32_t own = (uint32_t)to_size;

    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
    memcpy(to, &own, sizeof own); /* struct_size is the first member of all of them */
}

static easg_status ops_too_small(const char *what, uint32_t has, size_t needs, easg_error *err)
{
    return err_set(err, EASG_E_CONFIG,
                   "%s has %u bytes, its required members need %u: set struct_size to its size",
                   what, (unsigned)has, (unsigned)needs);
}

static easg_status missing(const char *what, const char *fn, easg_error *err)
{
    return err_set(err, EASG_E_CONFIG, "%s: required function %s() is missing", what, fn);
}

#define NEED(ops, fn)                                                                              \
    do {                                                                                           \
        if (!(ops)->fn)                                                                            \
            return missing(what, #fn, err);                                                        \
    } while (0)

static easg_status take_ops(struct module_ref *m, easg_error *err)
{
    static const size_t needs[] = { END_OF(easg_source_ops, apply), END_OF(easg_sink_ops, fetch),
                                    END_OF(easg_notifier_ops, send),
                                    END_OF(easg_failover_ops, choose) };
    static const char *const names[] = { "easg_source_ops", "easg_sink_ops", "easg_notifier_ops",
                                         "easg_failover_ops" };
    const char *what = names[m->kind];
    uint32_t size;

    memcpy(&size, m->desc.ops, sizeof size);
    if (size < needs[m->kind])
        return ops_too_small(what, size, needs[m->kind], err);
    switch (m->kind) {
    case KIND_SOURCE:
        complete(&m->ops.source, sizeof m->ops.source, m->desc.ops, size);
        NEED(&m->ops.source, open);
        NEED(&m->ops.source, close);
        NEED(&m->ops.source, list);
        NEED(&m->ops.source, apply);
        break;
    case KIND_SINK:
        complete(&m->ops.sink, sizeof m->ops.sink, m->desc.ops, size);
        NEED(&m->ops.sink, open);
        NEED(&m->ops.sink, close);
        NEED(&m->ops.sink, fetch);
        break;
    case KIND_NOTIFIER:
        complete(&m->ops.notifier, sizeof m->ops.notifier, m->desc.ops, size);
        NEED(&m->ops.notifier, open);
        NEED(&m->ops.notifier, close);
        NEED(&m->ops.notifier, send);
        break;
    case KIND_FAILOVER:
        complete(&m->ops.failover, sizeof m->ops.failover, m->desc.ops, size);
        NEED(&m->ops.failover, choose);
        break;
    }
    return EASG_OK;
}

static int find_kind(const char *kind, enum module_kind *out)
{
    static const char *const kinds[] = { EASG_KIND_SOURCE, EASG_KIND_SINK, EASG_KIND_NOTIFIER,
                                         EASG_KIND_FAILOVER };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0) {
            *out = (enum module_kind)i;
            return 1;
        }
    return 0;
}

static easg_status fill_module(struct module_ref *out, easg_error *err)
{
    const easg_module *d = &out->desc;
    easg_status st;

    if (!d->summary || !*d->summary)
        return err_set(err, EASG_E_CONFIG, "has no summary");
    if (!d->ops)
        return err_set(err, EASG_E_CONFIG, "has no functions (ops is NULL)");
    if (!d->create)
        return missing("easg_module", "create", err);
    if (!d->destroy)
        return missing("easg_module", "destroy", err);
    st = take_ops(out, err);
    return st == EASG_OK ? declare_check(d->options, err) : st;
}

easg_status describe_module(const easg_plugin *plugin, const easg_module *module,
                            struct module_ref *out, easg_error *err)
{
    easg_status st;

    if (module->struct_size < END_OF(easg_module, destroy)) {
        st = ops_too_small("easg_module", module->struct_size, END_OF(easg_module, destroy), err);
        return err_at(err, st, "plugin %s %s", plugin->name, plugin->version);
    }
    complete(&out->desc, sizeof out->desc, module, module->struct_size);
    if (!is_id(out->desc.id))
        return err_set(err, EASG_E_CONFIG,
                       "plugin %s %s: a module id must be 1 to 63 of a-z, 0-9 and inner '-'",
                       plugin->name, plugin->version);
    if (!printable(out->desc.kind, NAME_MAX_))
        return err_set(err, EASG_E_CONFIG, "plugin %s %s: module %s has no kind", plugin->name,
                       plugin->version, out->desc.id);
    if (!find_kind(out->desc.kind, &out->kind))
        return err_set(err, EASG_E_UNSUPPORTED,
                       "plugin %s %s: module %s is of kind %s, which this easgate does not know",
                       plugin->name, plugin->version, out->desc.id, out->desc.kind);
    (void)snprintf(out->who, sizeof out->who, "%s %s (plugin %s %s)", kind_word(out->kind),
                   out->desc.id, plugin->name, plugin->version);
    st = fill_module(out, err);
    if (st != EASG_OK)
        return err_at(err, st, "%s", out->who);
    return EASG_OK;
}
