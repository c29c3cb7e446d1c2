/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_private.h - what the files of this room share.
 */
#ifndef EASG_GRAPH_PRIVATE_H
#define EASG_GRAPH_PRIVATE_H

#include "graph.h"

/* 999 people with a hundred service plans each are some 15 MB. */
#define GRAPH_MAX_PAGE (48u * 1024u * 1024u)
#define GRAPH_MAX_LINK (16u * 1024u)

struct graph {
    struct graph_options o;
    struct http *http;
    char *origin;
    struct strbuf page;   /* text of the page at hand */
    struct strbuf url;    /* of the page at hand */
    struct strbuf anchor; /* an earlier one, to notice a circle */
};

/* One request to g->url. */
struct graph_ask {
    const char *method;
    const char *what;
    const char *permission;
    const char *body; /* JSON; NULL: none */
    size_t body_len;
    int eventual;
    int once;         /* 1: not harmless when it runs twice */
    int dependencies; /* 1: 424 is an answer to be read: parts of a batch failed */
    int attempts;     /* 0: as many as for a list */
};

/* graph.c: brings the answer into g->page, with as many attempts as are allowed. */
easg_status graph_ask(struct graph *g, const struct graph_ask *ask, easg_error *err);
/* graph.c: g->url becomes the origin and `path`. */
easg_status graph_point(struct graph *g, const char *path, easg_error *err);

#endif
