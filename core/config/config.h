/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - YAML to a tree that knows where each value stands, and the tree to checked structs.
 *
 * The tree is the `easg_config` of the SDK: plugins see the same nodes through the host table.
 * Every error reads "contoso.yaml:14:5: ..." and says what was expected and, for a key, the nearest
 * one that exists. Aliases, anchors, tags, several documents and duplicate keys are errors. Files
 * are at most 1 MiB, 32 levels, 20,000 nodes.
 */
#ifndef EASG_CONFIG_H
#define EASG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/plugin.h>

#include "alloc.h"
#include "policy_options.h"

/* ---- the tree (tree.c) --------------------------------------------------------------------- */

struct cfg_doc;

easg_status cfg_open(const char *path, struct cfg_doc **out, easg_error *err);
/* `name` stands for the file in messages. Borrows nothing. */
easg_status cfg_open_memory(const char *name, const char *ptr, size_t len, struct cfg_doc **out,
                            easg_error *err);
/* Frees the document and every node of it. */
void cfg_close(struct cfg_doc *doc);
const easg_config *cfg_root(const struct cfg_doc *doc);

/* All read functions accept a NULL node and say "absent". Nodes and strings are borrowed from the
 * document. */
easg_node_type cfg_type(const easg_config *node);
const easg_config *cfg_get(const easg_config *node, const char *path); /* "a.b.c" */
size_t cfg_count(const easg_config *node);                             /* of a list or map */
const easg_config *cfg_at(const easg_config *node, size_t i);
easg_str cfg_key_at(const easg_config *node, size_t i);
/* Scalars. A plain scalar reads as null, bool (true, false, yes, no, on, off), int, else string; a
 * quoted one is always a string. 1 and *out, or 0 when it is not of that type. cfg_str() gives the
 * text of any scalar. */
int cfg_str(const easg_config *node, easg_str *out);
int cfg_int(const easg_config *node, int64_t *out);
int cfg_bool(const easg_config *node, int32_t *out);
/* "contoso.yaml:14:5"; "" for NULL. */
const char *cfg_where(const easg_config *node);

/* err_set() with the node's place in front. Returns EASG_E_CONFIG. */
easg_status cfg_error(easg_error *err, const easg_config *node, const char *fmt, ...)
    EASG_PRINTF(3, 4);

/* ---- declared options (options.c) ---------------------------------------------------------- */

/* Checks `node` (a map, or NULL for none) against the declared options of a module: types, ranges,
 * enumerations, required ones, unknown keys with the nearest known, deprecated ones. `skip` is a
 * NULL-terminated list of keys of the host ("module"). Defaults are filled in, so that the tree
 * that comes out (owned by *out, with the places of the original) has every option. */
easg_status cfg_check_options(const easg_config *node, const easg_option *const *options,
                              const char *const *skip, struct cfg_doc **out, easg_error *err);

/* ---- secrets (secrets.c) ------------------------------------------------------------------- */

/* Reads what a reference names (file:PATH, env:NAME, credential:NAME, on Windows dpapi:PATH),
 * lends it to `use` and wipes it. A literal secret, a file that others can read, a missing one:
 * EASG_E_CONFIG with the place and the remedy. */
easg_status cfg_with_secret(const easg_config *node, easg_bytes_fn use, void *user,
                            easg_error *err);
/* Only the form of the reference: for `config check`, which reads no secret. */
easg_status cfg_check_secret(const easg_config *node, easg_error *err);

/* ---- the agent: /etc/easgate/easgate.yaml (agent.c) ---------------------------------------- */

struct agent_config {
    struct cfg_doc *doc;
    const char *path;       /* of the file; "" when there was none and the defaults hold */
    const char *config_dir; /* directory of easgate.yaml; orgs.d is below */
    const char *state_dir;
    const char *plugin_dir;
    int64_t workers_max;       /* 4 */
    int64_t worker_timeout_ms; /* deadline of a run, 4h */
    easg_level log_level;
    int log_format;        /* enum log_format; -1: text on a terminal, JSON otherwise */
    const char *log_debug; /* comma-separated, or NULL */
};

/* `path` NULL: the standard place. Missing options have defaults; plugin_dir defaults to
 * ../lib/easgate/plugins beside the program when that exists (build tree), else the installed
 * one. */
easg_status agent_config_load(const char *path, struct agent_config **out, easg_error *err);
void agent_config_destroy(struct agent_config *agent);

/* ---- an organisation: orgs.d/NAME.yaml (org.c) ---------------------------------------------- */

enum org_mode { ORG_AUDIT = 0, ORG_ENFORCE = 1 };

struct org_schedule {
    int64_t quick_ms;      /* 0: no quick syncs */
    int64_t full_every_ms; /* "24h"; 0 when a time of the day is given */
    int full_at_min;       /* "daily 02:00": minutes after local midnight; -1 */
    int64_t jitter_ms;
};

struct org_brakes {
    int64_t shrink_percent;   /* 80: facts below this share of the last good count are refused */
    int64_t blast_devices;    /* 20 */
    int64_t blast_percent;    /* 5: more new blocks than max(devices, percent) are held */
    int64_t facts_max_age_ms; /* 6h: older facts decide nothing */
};

struct org_module {
    const char *id;          /* NULL: none configured */
    int enabled;             /* `enabled: false` */
    const easg_config *node; /* the whole map */
};

struct org_config {
    struct cfg_doc *doc;
    const char *name; /* [a-z0-9-]{1,63}; equals the file's name */
    int enabled;      /* `enabled: false` switches the organisation off */
    enum org_mode mode;
    struct org_module source, sink, failover, notifier;
    struct policy_options policy;
    const easg_str *const *include_groups;
    size_t n_include_groups;
    const easg_str *const *exclude_groups;
    size_t n_exclude_groups;
    struct org_brakes brakes;
    struct org_schedule schedule;
    char digest[65]; /* SHA-256 of the file, hex: the configuration's generation */
};

/* Module options are not checked here (that needs the plugin): see cfg_check_options(). */
easg_status org_config_load(const char *path, struct org_config **out, easg_error *err);
void org_config_destroy(struct org_config *org);
/* By name: config_dir/orgs.d/NAME.yaml. EASG_E_NOTFOUND names the nearest that exists. */
easg_status org_config_find(const struct agent_config *agent, const char *name,
                            struct org_config **out, easg_error *err);
/* Each file of orgs.d in order of name; a file with an error calls fn with org NULL and the error,
 * and goes on. */
easg_status org_config_each(const struct agent_config *agent,
                            easg_status (*fn)(void *user, const char *path,
                                              const struct org_config *org, const easg_error *why),
                            void *user, easg_error *err);

#endif
