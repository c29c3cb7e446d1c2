/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_graph.h - what the graph_*.c files share: query options, columns, pages, errors.
 */
#ifndef LAB_GRAPH_H
#define LAB_GRAPH_H

#include "lab.h"

#define MAX_OPTIONS 16
struct options_of_query {
    char *name[MAX_OPTIONS]; /* decoded: "$select" */
    char *value[MAX_OPTIONS];
    unsigned n;
};
void query_parse(const char *raw, struct options_of_query *q);
void query_clear(struct options_of_query *q);
const char *query_get(const struct options_of_query *q, const char *name); /* NULL: absent */

/* One column of an entity. */
struct field {
    const char *name;
    void (*write)(struct buf *b, const char *name, uint32_t index);
    int by_default; /* is there without $select */
};
struct entity {
    const char *type;    /* managedDevice */
    const char *context; /* deviceManagement/managedDevices */
    const struct field *fields;
    unsigned n_fields;
    uint32_t (*count)(void);
    int (*wanted)(uint32_t index, const struct call *c, const char *what);
    unsigned page; /* largest and usual */
};
/* Answers with one page. `what` is handed to wanted(). `first` (JSON objects, each followed by a
 * comma) stands before the first page's values. */
void graph_page(const struct call *c, const struct options_of_query *q, struct reply *r,
                const struct entity *e, const char *what, const char *first, int delta);
/* One object by index. */
void graph_one(const struct call *c, const struct options_of_query *q, struct reply *r,
               const struct entity *e, uint32_t index);

void graph_error(struct reply *r, unsigned status, const char *code, const char *message);

void json_string(struct buf *b, const char *name, const char *value); /* NULL: null */
void json_raw(struct buf *b, const char *name, const char *value);
void json_date(struct buf *b, const char *name, uint64_t seconds);
void json_text(struct buf *b, const char *s); /* quoted and escaped */

extern const struct entity entity_managed, entity_user;
void user_json(struct buf *b, uint32_t person);

/* graph_objects.c */
void graph_connectors(const struct call *c, struct reply *r, const char *rest);
void graph_settings(const struct call *c, struct reply *r);
void graph_policy(const struct call *c, struct reply *r);
void graph_batch(const struct call *c, struct reply *r);
void graph_patch_managed(const struct call *c, struct reply *r, uint32_t index);

/* Graph itself, without the bearer check: also for the parts of a batch. */
void graph_serve(const struct call *c, struct reply *r);

/* Host and port under which the client came, for links. */
void graph_origin(const struct call *c, char out[160]);

#endif
