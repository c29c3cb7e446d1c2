/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_internal.h - what the files of this room share: plugins, modules, instances, runs, and the
 * record of the call that is under way. Nobody else includes it.
 */
#ifndef EASG_PLUGIN_INTERNAL_H
#define EASG_PLUGIN_INTERNAL_H

#include <stdatomic.h>

#include "registry.h"

#include "alloc.h"
#include "thread.h"

enum module_kind { KIND_SOURCE, KIND_SINK, KIND_NOTIFIER, KIND_FAILOVER };

struct plugin {
    const easg_plugin *desc; /* static storage of a library that is never unloaded */
    char *path;              /* or the name given to registry_add() */
};

struct module_ref {
    const struct plugin *plugin;
    easg_module desc; /* completed to our size: what the plugin lacks is NULL */
    enum module_kind kind;
    union {
        easg_source_ops source;
        easg_sink_ops sink;
        easg_notifier_ops notifier;
        easg_failover_ops failover;
    } ops;         /* completed in the same way */
    char who[256]; /* "source exchange-onprem (plugin exchange 1.2.0)", for messages */
};

#define INSTANCE_MAGIC 0x31495345u
#define RUN_MAGIC      0x31525345u

struct instance_ref {
    uint32_t magic;
    struct module_ref *module;
    easg_host host;
    struct log *log;
    struct cfg_doc *doc; /* the checked options, defaults filled in */
    easg_instance *self;
    /* Static text of a breach seen outside the calling thread; the call under way, or the next
     * one, answers for it. */
    _Atomic(const char *) breach;
};

/* What a plugin holds as `const easg_run *`. */
struct easg_run {
    uint32_t magic;
    struct run_ref *ref;
};

struct run_ref {
    struct easg_run abi;
    char *org;
    char *run_id;
    easg_time started;
    int64_t deadline_ms;
    uint32_t flags;
    unsigned attempt;
    struct state_ops state;
    struct log *log;
    struct monitor *monitor; /* guards nothing but the sleep */
    atomic_int cancelled;
};

/* One call into a module, on the stack of the function that makes it. */
struct call {
    struct instance_ref *instance;
    struct run_ref *run;
    const char *op;      /* "list" */
    struct call *outer;  /* of this thread */
    easg_status refused; /* what a receiver said no with; EASG_OK: none did */
    easg_error refusal;  /* its text */
    const char *breach;  /* static text: what the module did against its contract */
};

/* ---- describe.c: is the descriptor one that we can live with? ---------------------------------
 */

/* Asks `entry` and checks all that it describes but the modules. */
easg_status describe_plugin(easg_plugin_entry_fn entry, const easg_plugin **out, easg_error *err);
/* Checks one module and fills `out` with completed copies. EASG_E_UNSUPPORTED: a kind we do not
 * know, which is no reason to refuse the others. */
easg_status describe_module(const easg_plugin *plugin, const easg_module *module,
                            struct module_ref *out, easg_error *err);
const char *kind_word(enum module_kind kind); /* "source" */

/* ---- declare.c --------------------------------------------------------------------------------
 */

/* The option declarations themselves: types, names, defaults that fit their own type. */
easg_status declare_check(const easg_option *const *options, easg_error *err);

/* ---- loader.c ----------------------------------------------------------------------------------
 */

/* Path, owners, modes, pin, library, symbol. `dir` NULL: any directory that is safe. */
easg_status loader_open(const char *path, const char *dir, const char *pin,
                        easg_plugin_entry_fn *out, easg_error *err);

/* ---- host.c, hostcfg.c -------------------------------------------------------------------------
 */

void host_fill(struct instance_ref *i);
void host_fill_config(easg_host *host);
/* The instance behind a host table, or NULL and a breach noted when the calling thread is not in a
 * call of that instance. */
struct instance_ref *host_in_call(const easg_host *host, const char *function);
struct run_ref *run_of(const easg_run *run); /* NULL when it is none of ours */
/* Hands an error to a plugin's struct, as far as that one goes. */
void host_give_error(easg_error *to, const easg_error *from);

/* ---- call.c ------------------------------------------------------------------------------------
 */

void call_begin(struct call *c, struct instance_ref *i, struct run_ref *run, const char *op);
/* Judges what the module returned with `said` in its error struct, and fills `err`. */
easg_status call_end(struct call *c, easg_status st, easg_error *said, easg_error *err);
/* The call of this thread, or NULL. */
struct call *call_current(void);
/* A receiver says no: `st` sticks to the call and is what every later receiver returns. */
easg_status call_refuse(struct call *c, easg_status st);

#endif
