/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_file.h - what the files of this plugin share.
 */
#ifndef SINK_FILE_H
#define SINK_FILE_H

#include <easgate/sink.h>

#include "rows.h"

struct easg_instance {
    const easg_host *host;
    easg_str people; /* paths; borrowed from the configuration */
    easg_str devices;
    easg_str report; /* absent: none is written */
    int64_t min_people;
    int64_t min_devices;
    int trailer;
    int64_t max_age_ms; /* 0: not asked for */
};

struct easg_session {
    easg_instance *module;
};

/* Emits every row of both files. */
easg_status facts_fetch(easg_instance *self, const easg_run *run, const easg_facts_query *query,
                        const easg_sink_receiver *to, easg_error *err);

/* look.c: when it was last written; EASG_E_CONFIG: no file, or one in another format that is often
 * met. */
easg_status file_look(const char *path, easg_time *written, easg_error *err);

/* Ids that were seen, each with its line. */
struct idset {
    struct idset_slot {
        uint64_t hash; /* 0: empty */
        unsigned long line;
    } * slots;
    size_t n, cap;
};
/* *line is that of the same id, 0 when it is new and was added. */
easg_status idset_add(struct idset *set, const easg_str *id, unsigned long line,
                      unsigned long *same, easg_error *err);
int idset_has(const struct idset *set, const easg_str *id);
void idset_clear(struct idset *set);

#endif
