/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.h - a plugin with one module of each kind whose functions do what a test says.
 */
#ifndef FAKE_H
#define FAKE_H

#include <easgate/easgate.h>

#include "registry.h"

struct easg_instance {
    const easg_host *host;
    const easg_config *cfg;
};

/* What the next calls do. Zeroed: nothing, and return EASG_OK. `err` may be filled. */
struct fake {
    easg_status (*create)(easg_instance *self, easg_error *err);
    easg_status (*open)(easg_instance *self, easg_session **out, easg_error *err);
    easg_status (*list)(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                        easg_error *err);
    easg_status (*apply)(easg_instance *self, const easg_change *const *items, size_t n,
                         const easg_result_receiver *to, easg_error *err);
    easg_status (*fetch)(easg_instance *self, const easg_sink_receiver *to, easg_error *err);
    easg_status (*choose)(size_t n, size_t *chosen, easg_error *err);
    easg_status (*send)(const easg_message *message, easg_error *err);
    void (*close)(easg_instance *self);
    int closed, destroyed;
};
extern struct fake fake;

/* The entry of the plugin "fake 1.2.3" with modules fake-source, fake-sink, ... */
const easg_plugin *EASG_CALL fake_entry(const easg_offer *offer);

/* A registry with the fake plugin, an instance of each kind asked for, a run without deadline. */
struct bench {
    struct registry *registry;
    struct cfg_doc *doc;
    struct log *log;
    struct instance_ref *instance;
    struct run_ref *run;
    char last_log[4096]; /* the last JSON line */
    unsigned lines;
    struct {
        char key[300], value[300];
    } state[8];
    size_t n_state;
};
/* Exits the program when that fails: there is nothing to test then. `yaml` is the module's map. */
void bench_open(struct bench *b, const char *kind, const char *id, const char *yaml);
void bench_close(struct bench *b);

#endif
