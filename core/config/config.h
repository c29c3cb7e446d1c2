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
#include "policy_rules.h"
#include "strbuf.h"

/* ---- the tree (tree.c) ---- */

struct cfg_doc;

/* Reads a file, or what stands for one (`name` in messages; its directory is left out there).
 * Borrows nothing. */
easg_status cfg_open(const char *path, struct cfg_doc **out, easg_error *err);
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
/* The same with the place of the node's key instead of its value. */
easg_status cfg_error_key(easg_error *err, const easg_config *node, const char *fmt, ...)
    EASG_PRINTF(3, 4);

/* What the file says that is valid but should be seen: deprecated options, a brake that was
 * loosened. With their places. Whoever loads a file logs them, each time. NULL past the end. */
const char *cfg_warning_at(const struct cfg_doc *doc, size_t i);

/* ---- declared options (options.c) ---- */

/* Checks `node` (a map, or NULL for none) against the declared options of a module: types, ranges,
 * enumerations, required ones, unknown keys with the nearest known, deprecated ones. `skip` is a
 * NULL-terminated list of keys of the host ("module"). Defaults are filled in, so that the tree
 * that comes out (owned by *out, with the places of the original) has every option and none of the
 * keys of the host. DURATION and SIZE nodes are of type INT there (milliseconds, bytes) and keep
 * their text; ENUM, URL and STRING nodes are STRING whatever they look like; a SECRET is checked
 * for its form only. A default stands at the place of the map that it belongs to. */
easg_status cfg_check_options(const easg_config *node, const easg_option *const *options,
                              const char *const *skip, struct cfg_doc **out, easg_error *err);

/* ---- secrets (secrets.c) ---- */

/* Reads what a reference names (file:PATH, env:NAME, credential:NAME, on Windows dpapi:PATH),
 * lends it to `use` and wipes it. A literal secret, a file that others can read, a missing one:
 * EASG_E_CONFIG with the place and the remedy. */
easg_status cfg_with_secret(const easg_config *node, easg_bytes_fn use, void *user,
                            easg_error *err);
/* Only the form of the reference: for `config check`, which reads no secret. */
easg_status cfg_check_secret(const easg_config *node, easg_error *err);

/* ---- the agent: /etc/easgate/easgate.yaml (agent.c) ---- */

struct agent_config {
    struct cfg_doc *doc;
    const char *path;       /* of the file; "" when there was none and the defaults hold */
    const char *config_dir; /* directory of easgate.yaml; orgs.d is below */
    const char *state_dir;
    const char *plugin_dir;
    int64_t workers_max;       /* 4 */
    int64_t worker_timeout_ms; /* deadline of a run, 4h */
    easg_level log_level;
    int log_format;                 /* enum log_format; -1: log_format_auto() */
    const char *log_debug;          /* comma-separated, or NULL */
    const char *log_file;           /* NULL: standard error */
    const easg_config *plugin_pins; /* file name -> SHA-256 in hex, checked; NULL: none */
};

/* `path` NULL: the standard place, which may be missing; a named one must be there. Missing options
 * have defaults; plugin_dir defaults to
 * ../lib/easgate/plugins beside the program when that exists (build tree), else the installed
 * one. */
easg_status agent_config_load(const char *path, struct agent_config **out, easg_error *err);
void agent_config_destroy(struct agent_config *agent);

/* ---- an organisation: orgs.d/NAME.yaml (org.c) ---- */

enum org_mode { ORG_AUDIT = 0, ORG_ENFORCE = 1 };

struct org_schedule {
    int64_t quick_ms;      /* 0: no quick syncs */
    int64_t full_every_ms; /* "24h"; 0 when a time of the day is given */
    int full_at_min;       /* "daily 02:00": minutes after local midnight; -1 */
    int64_t jitter_ms;     /* a start is late by at most this */
};

struct org_brakes {
    int64_t shrink_percent;   /* 80: facts below this share of the last good count are refused */
    int64_t blast_devices;    /* 20 */
    int64_t blast_percent;    /* 5: more new blocks than max(devices, percent) are held */
    int64_t facts_max_age_ms; /* 6h: older facts decide nothing */
};

struct org_mail {
    int64_t wait_ms;       /* 10m: from the mail to the block, where the device has access */
    int64_t repeat_days;   /* 7 */
    int64_t max_per_day;   /* 3: a user */
    int required;          /* 1: no block before its mail was sent */
    const char *templates; /* NULL: the built-in ones */
    const char *language;  /* "en" */
    const char *helpdesk;  /* NULL: none */
    const easg_str *const *digest_to; /* whom a digest is sent */
    size_t n_digest_to;
    int digest_daily; /* 0: after each run */
};

/* What the organisation is to decide for everybody; see easgate/draft/orgpolicy.h. */
struct orgpolicy_entry {
    uint32_t part; /* EASG_PART_* */
    const char *name, *value;
    const easg_config *node; /* where it stands */
};
struct orgpolicy_config {
    const struct orgpolicy_entry *items;
    size_t n;
    uint32_t parts; /* bits 1 << part that are spoken of; 0: nothing of it is ever touched */
    int rules_exclusive;
};

/* Commands of an operator for one device; off unless switched on. */
struct org_device_commands {
    int remove, wipe;
    int64_t confirm_ms; /* a token is good for so long */
};

struct org_module {
    const char *id;          /* NULL: none configured */
    int enabled;             /* `enabled: false` */
    const easg_config *node; /* the whole map */
};

enum { ORG_WATCH_MAX = 64 };
struct org_config {
    struct cfg_doc *doc;
    const char *name; /* [a-z0-9-]{1,63}, no hyphen first; the file's name */
    int enabled;      /* `enabled: false` switches the organisation off */
    enum org_mode mode;
    struct org_module source, sink, failover, notifier;
    struct policy_options policy;
    const easg_str *const *include_groups;
    size_t n_include_groups;
    const easg_str *const *exclude_groups;
    size_t n_exclude_groups;
    struct org_brakes brakes;
    struct org_mail mail;
    struct org_schedule schedule;
    enum policy_failure failure;
    uint32_t accept_no_eas_id; /* platforms, bit 0 ios, 1 android, 2 windows */
    int64_t grandfather_ms;    /* 0: nobody is spared */
    easg_time grandfather_until;
    const char *id_registry; /* a file; NULL: none */
    const struct policy_rule *rules;
    size_t n_rules;
    const struct policy_ring *rings;
    size_t n_rings;
    const easg_str *const *watch_groups; /* that rules and rings name; at most ORG_WATCH_MAX */
    size_t n_watch_groups;
    int64_t keep_history_ms, keep_audit_ms; /* 0: for ever */
    struct orgpolicy_config orgpolicy;
    struct org_device_commands device_commands;
    char digest[65]; /* SHA-256 of the file, hex: the configuration's generation */
};

/* Module options are not checked here (that needs the plugin): see cfg_check_options(). */
easg_status org_config_load(const char *path, struct org_config **out, easg_error *err);
void org_config_destroy(struct org_config *org);
/* Only what decides (policy, rules, rings, brakes, failure_policy): a file of these keys alone or a
 * whole organisation's file, whose other keys are not looked at. `name` stands in errors. */
easg_status cfg_policy_load(const char *path, struct org_config **out, easg_error *err);
easg_status cfg_policy_parse(const char *name, const char *ptr, size_t len, struct org_config **out,
                             easg_error *err);
/* The same of a loaded organisation as YAML that cfg_policy_parse() reads, and its SHA-256 in hex.
 */
easg_status cfg_policy_text(const struct org_config *org, struct strbuf *out, char digest[65],
                            easg_error *err);
/* By name: config_dir/orgs.d/NAME.yaml. EASG_E_NOTFOUND names the nearest that exists. */
easg_status org_config_find(const struct agent_config *agent, const char *name,
                            struct org_config **out, easg_error *err);
/* Each file of orgs.d in order of name; a file with an error calls fn with org NULL and the error,
 * and goes on. `org` is borrowed for the call. EASG_E_NOTFOUND: there is no orgs.d. */
easg_status org_config_each(const struct agent_config *agent,
                            easg_status (*fn)(void *user, const char *path,
                                              const struct org_config *org, const easg_error *why),
                            void *user, easg_error *err);

/* ---- for `config schema` and `config show` (schema.c, show.c) ---- */

struct cfg_schema_module {
    const char *kind; /* "easg.source/1", or its word alone: "source" */
    const char *id;
    const char *summary;
    const easg_option *const *options;
};
/* Appends a JSON Schema (2020-12) of an organisation's file with these modules. */
easg_status cfg_schema(struct strbuf *out, const struct cfg_schema_module *modules, size_t n);
/* The same of the agent's file. */
easg_status cfg_schema_agent(struct strbuf *out);
/* Declared options of the two files themselves, NULL-terminated. */
const easg_option *const *cfg_agent_options(void);
const easg_option *const *cfg_org_options(void);

/* Appends `node` as YAML; what was not written is marked "# default". References to secrets are
 * shown; anything else under a key that sounds like a secret is masked. */
easg_status cfg_show(const easg_config *node, struct strbuf *out);
/* The effective configuration of an organisation: its own options, and those of its modules checked
 * against `modules`. A module that is not among them is shown as it was written. */
easg_status org_config_show(const struct org_config *org, const struct cfg_schema_module *modules,
                            size_t n, struct strbuf *out, easg_error *err);

#endif
