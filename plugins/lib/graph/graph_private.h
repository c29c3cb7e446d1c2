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

/* graph.c: brings the page of g->url into g->page, with as many attempts as are allowed. */
easg_status graph_fetch(struct graph *g, const struct graph_list *list, easg_error *err);

#endif
