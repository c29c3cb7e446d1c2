/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h - plugins that are loaded, modules by id, and instances of them that a run uses.
 *
 * Loading refuses, each with its own message: a path that is not absolute or not in the plugin
 * directory, a file or directory of another owner or writable by others, a wrong SHA-256 pin, no
 * entry symbol, a declined offer, a wrong magic, a struct too small, another major, a needed minor
 * above ours, a missing name or version, an unknown kind (skipped with a warning), missing required
 * functions, a duplicate module id, a bad option declaration.
 */
#ifndef EASG_REGISTRY_H
#define EASG_REGISTRY_H

#include <stddef.h>

#include <easgate/easgate.h>

#include "config.h"
#include "log.h"

struct registry;
struct module_ref;   /* a module that can be instantiated */
struct instance_ref; /* a configured module */
struct run_ref;      /* what easg_run is to the host: built by run_create() */

easg_status registry_create(struct log *log, struct registry **out, easg_error *err);
void registry_destroy(struct registry *r);
/* Loads every plugin of the directory. One that is refused is logged and remembered (see
 * registry_each_refusal) and does not stop the others. */
easg_status registry_load_dir(struct registry *r, const char *dir, easg_error *err);
/* One file; in the directory of registry_load_dir() when there was one. `pin` is its SHA-256 in
 * hex, or NULL. A refusal is logged and remembered too. */
easg_status registry_load(struct registry *r, const char *path, const char *pin, easg_error *err);
/* From now on the file of this name (without its directory) is loaded only with this SHA-256. */
easg_status registry_pin(struct registry *r, const char *file, const char *sha256, easg_error *err);
/* The same for each `file: sha256` of a map of the configuration; NULL: none. */
easg_status registry_pin_all(struct registry *r, const easg_config *pins, easg_error *err);
/* A plugin that is linked in: tests and sanitizer builds. */
easg_status registry_add(struct registry *r, const char *name, easg_plugin_entry_fn entry,
                         easg_error *err);

struct module_info {
    const char *kind, *id, *summary; /* of the module */
    const char *plugin, *version, *vendor, *license, *url, *path;
    unsigned abi_major, abi_minor, abi_minor_needed;
    const easg_option *const *options;
};
/* The i-th module, by kind and id; 0 past the end. */
int registry_module_at(const struct registry *r, size_t i, struct module_info *out);
int registry_refusal_at(const struct registry *r, size_t i, const char **path, const char **why);
/* EASG_E_CONFIG naming the nearest id; the text is placed at `where` (may be NULL). */
easg_status registry_find(struct registry *r, const char *kind, const char *id,
                          const easg_config *where, struct module_ref **out, easg_error *err);
const easg_option *const *module_options(const struct module_ref *m);

/* ---- one run ------------------------------------------------------------------------------------
 */

/* State that a plugin keeps between runs (host table state_get/state_put); the store implements it.
 * Keys are prefixed by the module's kind and id here. */
struct state_ops {
    easg_status (*get)(void *user, const char *key, easg_bytes_fn use, void *use_user,
                       easg_error *err);
    easg_status (*put)(void *user, const char *key, const uint8_t *ptr, size_t len,
                       easg_error *err);
    void *user;
};

struct run_options {
    const char *org;
    const char *run_id; /* UUID */
    easg_time started;
    int64_t deadline_ms; /* clock_monotonic_ms() at which the run must have ended */
    uint32_t flags;      /* EASG_RUN_* */
    struct state_ops state;
    struct log *log;
};
easg_status run_create(const struct run_options *options, struct run_ref **out, easg_error *err);
void run_destroy(struct run_ref *run);
/* [any] From the watchdog: host.cancelled() is true from now on. */
void run_cancel(struct run_ref *run);
int run_cancelled(const struct run_ref *run);
int64_t run_remaining_ms(const struct run_ref *run);
void run_set_attempt(struct run_ref *run, unsigned attempt);
const easg_run *run_abi(struct run_ref *run);

/* Checks the options (cfg_check_options with "module" and "enabled" as keys of the host), builds
 * the instance. `node` is the module's map in the organisation's file; its document must outlive
 * the instance. */
easg_status instance_create(struct registry *r, struct module_ref *m, const easg_config *node,
                            struct log *log, struct instance_ref **out, easg_error *err);
void instance_destroy(struct instance_ref *i);
const char *instance_id(const struct instance_ref *i);
/* What the module offers beyond its kind: "easg.source.NAME/1"; NULL: it does not. Its functions
 * are called by the caller's own rules. */
const void *instance_get_extension(struct instance_ref *i, const char *id);

/* The draft extension easg.probe/1 (probe.c); EASG_E_UNSUPPORTED: the module does not offer it. */
struct probe_sink {
    /* `grade` is EASG_PROBE_*; texts are safe to print. */
    void (*hop)(void *user, uint32_t grade, easg_status status, const char *name, const char *text);
    void *user;
};
/* Does a server answer at `endpoint`? Without credentials. */
easg_status instance_reach(struct instance_ref *i, struct run_ref *run,
                           const easg_endpoint *endpoint, easg_error *err);
easg_status instance_probe(struct instance_ref *i, struct run_ref *run,
                           const easg_endpoint *endpoint, const struct probe_sink *to,
                           easg_error *err);
/* What gives the account the least rights; NULL: the module does not say. */
const char *instance_rights(struct instance_ref *i);

/* ---- calls into a module: the only way in. Each checks the contract (a status with a message, no
 * message with EASG_OK, one result an item, no call after a refusal) and turns a breach into
 * EASG_E_USAGE naming module and version. -------------------------------------------------------
 */

struct session_ref;

/* Receivers of the host, with plain C callbacks. The structs handed in are completed to the host's
 * own size (members that an older plugin lacks are absent), checked, and borrowed for the call.
 * Unfit ones never reach the callback: EASG_E_USAGE (a required id is missing or blank, text
 * without NUL), EASG_E_PROTOCOL (not UTF-8, control characters in an id), EASG_E_LIMIT (ids above
 * 512 bytes, texts above 4096, 4096 addresses, 16384 list entries). A callback that returns
 * anything but EASG_OK ends the listing with that status and its text. */
struct source_sink {
    easg_status (*org)(void *user, const easg_org_settings *settings, easg_error *err);
    easg_status (*mailbox)(void *user, const easg_mailbox *mailbox, easg_error *err);
    easg_status (*device)(void *user, const easg_device *device, easg_error *err);
    easg_status (*checkpoint)(void *user, const easg_str *cursor,
                              easg_error *err); /* may be NULL */
    void *user;
};
struct facts_sink {
    easg_status (*person)(void *user, const easg_person *person, easg_error *err);
    easg_status (*managed_device)(void *user, const easg_managed_device *device, easg_error *err);
    void *user;
};
struct endpoint_sink {
    easg_status (*endpoint)(void *user, const easg_endpoint *endpoint, easg_error *err);
    void *user;
};
struct result_sink {
    easg_status (*result)(void *user, const easg_item_result *result, easg_error *err);
    void *user;
};

easg_status source_open(struct instance_ref *i, struct run_ref *run, const easg_endpoint *endpoint,
                        struct session_ref **out, easg_error *err);
easg_status source_list(struct session_ref *s, const easg_query *query,
                        const struct source_sink *to, easg_error *err);
easg_status source_apply(struct session_ref *s, const easg_change *const *items, size_t n,
                         const struct result_sink *to, easg_error *err);
/* EASG_E_UNSUPPORTED when the module has no discover(). */
easg_status source_discover(struct session_ref *s, const struct endpoint_sink *to, easg_error *err);

easg_status sink_open(struct instance_ref *i, struct run_ref *run, struct session_ref **out,
                      easg_error *err);
easg_status sink_fetch(struct session_ref *s, const easg_facts_query *query,
                       const struct facts_sink *to, easg_error *err);
easg_status sink_publish(struct session_ref *s, const easg_device_delta *const *items, size_t n,
                         const struct result_sink *to, easg_error *err);
easg_status sink_report(struct session_ref *s, const easg_run_report *report, easg_error *err);

easg_status failover_choose(struct instance_ref *i, struct run_ref *run,
                            const easg_endpoint *const *items, size_t n, size_t *chosen,
                            easg_error *err);

easg_status notifier_open(struct instance_ref *i, struct run_ref *run, struct session_ref **out,
                          easg_error *err);
easg_status notifier_send(struct session_ref *s, const easg_message *message, easg_error *err);
easg_status notifier_settle(struct session_ref *s, const easg_message *message, easg_error *err);

/* Any kind. NULL is fine. */
void session_close(struct session_ref *s);

#endif
