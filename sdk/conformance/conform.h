/* SPDX-License-Identifier: Apache-2.0
 *
 * conform.h - what the cases of the kit share: the module under test, a host of the kit's own that
 * watches what the plugin does with it, and one walk through the module.
 */
#ifndef EASG_CONFORM_H
#define EASG_CONFORM_H

#include <stdatomic.h>

#include <easgate/easgate.h>

#include "config.h"
#include "plugin_internal.h"
#include "strbuf.h"

#define CANARY_VARIABLE "EASGATE_CONFORM_CANARY"
#define CANARY          "c4n4ry-7h15-15-53cr37-6f0d"

/* What the command line said. */
struct settings {
    const char *plugin;     /* path */
    const char *config;     /* --config; NULL: none */
    const char *incomplete; /* --incomplete: a configuration whose data break off */
    const char *against;    /* --against: URL of the endpoint */
    const char *module;     /* --module; NULL: the first */
    int write;              /* --write: apply() and send() may be called */
    uint64_t seed;
    int json;
};

/* ---- the case under way ------------------------------------------------------------------------
 */

/* A line of diagnosis; the case has failed. */
void fail(const char *fmt, ...) EASG_PRINTF(1, 2);
/* A line of diagnosis. */
void note(const char *fmt, ...) EASG_PRINTF(1, 2);
/* The reason for which this case cannot be run; returned by it. */
int skip(const char *fmt, ...) EASG_PRINTF(1, 2);
int failures(void);
/* The next number of the seeded sequence, below `n`. */
unsigned long choose_below(unsigned long n);

/* ---- the kit's host (kithost.c) -----------------------------------------------------------------
 */

struct kithost {
    union {
        easg_host host;
        unsigned char room[sizeof(easg_host) + 64];
    } table;
    struct easg_run run; /* of core/plugin; magic and no reference */
    const easg_config *cfg;
    int64_t deadline_ms; /* on clock_monotonic_ms() */
    int cancelled;
    unsigned long cancel_polls; /* how often the plugin asked */
    unsigned long remaining_polls;
    atomic_ulong wrong_thread; /* [run] functions from elsewhere */
    atomic_ulong hygiene;      /* log lines with a secret or with control characters */
    int sizes_grown;
    struct kitstate {
        char *key;
        char *bytes;
        size_t len;
    } state[32];
    size_t n_state;
};

/* `grown`: the table is 64 bytes larger than we know it, filled with rubbish. */
void kithost_init(struct kithost *h, int grown);
void kithost_clear(struct kithost *h);
void kithost_enter(struct kithost *h); /* this thread calls the plugin from now on */
void kithost_leave(struct kithost *h);
/* Looks for the canary; counts and tells. */
void kithost_look(struct kithost *h, const char *where, const char *ptr, size_t len);

/* ---- one walk (walk.c) ---- */

enum walk_step { WALK_CREATE, WALK_OPEN, WALK_MAIN, WALK_CLOSED };

struct walk {
    /* given */
    struct kithost *host;
    const struct module_ref *module;
    const easg_config *cfg;
    const char *url;
    unsigned long refuse_at; /* the receiver's n-th call (from 1) is refused; 0: none */
    easg_status refuse_with;
    int stop_after_open;
    int grown; /* structs of the host are 64 bytes larger */
    /* found */
    enum walk_step reached;
    easg_status status; /* of the last fallible call */
    easg_error error;
    unsigned long emitted; /* calls of receivers */
    unsigned long after_refusal;
    uint64_t digest; /* over all keys, in order */
    int64_t took_ms; /* of the main call */
    /* the first devices that a source emitted, for apply */
    struct walk_device {
        char mailbox[513];
        char device[513];
    } devices[3];
    size_t n_devices;
};

/* create, open, list (or fetch, or choose), close, destroy. Checks everything that was emitted and
 * every message. */
void walk_run(struct walk *w);
/* The same with apply (or send) of `verb` to the devices found before; counts as the main call. */
void walk_apply(struct walk *w, easg_verb verb, unsigned round);
/* A status and its message, as the contract has it. */
void walk_check_error(struct kithost *h, const char *op, easg_status st, const easg_error *err);
const char *walk_main_name(const struct module_ref *m);

/* ---- cases (cases_*.c)
 * ---------------------------------------------------------------------------- */

struct subject {
    const struct settings *settings;
    easg_plugin_entry_fn entry;
    struct registry *registry;
    struct module_ref *module;
    struct cfg_doc *doc;     /* the file */
    struct cfg_doc *options; /* checked, defaults filled in; NULL: refused, see options_error */
    easg_error options_error;
};

#define CASE_PASS 0
#define CASE_SKIP 77

struct kit_case {
    const char *name;
    const char *asks;
    int (*fn)(struct subject *s); /* CASE_PASS or CASE_SKIP; failures are counted by fail() */
};
extern const struct kit_case kit_cases[]; /* ends in { NULL } */

int case_load(struct subject *s);
int case_descriptor(struct subject *s);
int case_options(struct subject *s);
int case_lifecycle(struct subject *s);
int case_walk(struct subject *s);
int case_sizes(struct subject *s);
int case_cancel(struct subject *s);
int case_deadline(struct subject *s);
int case_refusal(struct subject *s);
int case_memory(struct subject *s);
int case_apply(struct subject *s);
int case_completeness(struct subject *s);
int case_hygiene(struct subject *s);

/* A walk of `s` with its options; 0: it cannot be walked without a peer, and skip() said so. */
int subject_walk(struct subject *s, struct kithost *h, struct walk *w);
void subject_walk_init(const struct subject *s, struct kithost *h, struct walk *w);

/* ---- the system (posix/, other/) ---- */

/* `path` made absolute, owned by the caller (mem_free); NULL: it is not there. */
char *sys_absolute(const char *path);
void sys_setenv(const char *name, const char *value);
/* Open descriptors and threads of this process; -1: unknown here. */
long sys_descriptors(void);
long sys_threads(void);
/* Blocks allocated and not freed by anybody in this process; -1: nobody counts here. */
long sys_live_blocks(void);
/* The n-th allocation from now on fails, in any library; 0: none. 0: not available here. */
int sys_fail_allocation(unsigned long n);
int sys_allocation_failed(void);

/* ---- elf.c ---- */

/* Calls fn for each symbol that the library exports. -1: not an ELF library of 64 bits. */
int elf_exports(const char *bytes, size_t len, void (*fn)(void *user, const char *name),
                void *user);

/* ---- yaml.c ---- */

/* The tree as text again, without the option `drop` ("a.b", NULL: none), with each secret of
 * `options` replaced by a reference to the canary when `canary`. */
void yaml_write(struct strbuf *out, const easg_config *node, const char *drop,
                const easg_option *const *options, int canary);

#endif
