/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.h - reading lists from Microsoft Graph, page by page and to the end, or not at all; single
 * requests, and batches of them.
 */
#ifndef EASG_GRAPH_H
#define EASG_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "http.h"
#include "json.h"
#include "oauth.h"

struct graph;

struct graph_options {
    const char *graph_url; /* origin: "https://graph.microsoft.com" */
    struct oauth *oauth;   /* borrowed: outlives the graph */
    const struct http_options *http;
    int64_t request_timeout_ms; /* of one page; 0: 60 s. Never more than what remains */
    int64_t (*remaining_ms)(void *user);
    /* Sleeps; ends early with EASG_E_CANCELLED. */
    easg_status (*sleep_ms)(void *user, int64_t ms);
    /* Optional: told of each attempt that failed and will be repeated. */
    void (*retried)(void *user, const char *text, int64_t wait_ms);
    void *user;
};

easg_status graph_create(const struct graph_options *options, struct graph **out,
                         easg_error *err) EASG_MUST_CHECK;
void graph_destroy(struct graph *g);

/* One list: what to read, whom to give it to, and what came. */
struct graph_list {
    const char *path;       /* "/v1.0/users?$select=id&$top=999" */
    const char *what;       /* for texts: "users" */
    const char *permission; /* for the text of a 403: "User.Read.All" */
    int eventual;           /* 1: ConsistencyLevel: eventual on every page ($count, casts) */
    unsigned max_pages;     /* 0: 20,000 */
    /* Takes one element, borrowed for the call. An error ends the list and is its result. */
    easg_status (*item)(void *user, const struct json *item, easg_error *err);
    void *user;

    uint64_t items; /* out */
    uint64_t pages;
    int64_t count; /* @odata.count of the first page, -1: not given */
};

/* Reads all pages by their @odata.nextLink, which is taken as it is, and only to the origin of
 * graph_url: the token goes nowhere else. EASG_OK: the last page came, whole. A page that fails is
 * asked for again (429 and 5xx as Retry-After says, a lost connection, once a refused token), a
 * bounded number of times and within remaining_ms(); its elements are handed on only when all of
 * it has come, so none comes twice by that.
 *
 *   EASG_E_DENIED    names the permission that is missing
 *   EASG_E_NOTFOUND  404: the path names something that is not there
 *   EASG_E_PROTOCOL  a page that is cut, is not JSON or has no `value`; a nextLink to elsewhere or
 *                    in a circle
 *   EASG_E_LIMIT     too many pages, or too large a page
 *   EASG_E_THROTTLED, EASG_E_UNAVAILABLE  still so after the last attempt, or waiting would outlast
 *                    the run; retry_after_ms is set
 *   and oauth_get()'s and http_perform()'s. */
easg_status graph_list(struct graph *g, struct graph_list *list, easg_error *err) EASG_MUST_CHECK;

/* One request that is not a list. */
struct graph_call {
    const char *method; /* "GET", "POST", "PATCH", "DELETE" */
    const char *path;   /* "/v1.0/deviceManagement/exchangeConnectors" */
    const char *what;   /* for texts: "exchange connector" */
    const char *permission;
    const char *body; /* JSON text; NULL: none */
};
/* EASG_OK: a 2xx came; *answer is its object (json_destroy), or NULL when it has none. `answer` may
 * be NULL. Few attempts; a POST that may have arrived is not sent again (EASG_E_UNCERTAIN). Errors
 * as of graph_list(); err->native_code is the HTTP status where err->domain is EASG_DOMAIN_HTTP. */
easg_status graph_call(struct graph *g, const struct graph_call *call, struct json **answer,
                       easg_error *err) EASG_MUST_CHECK;

#define GRAPH_BATCH_MAX 20u
/* One request in a batch. It must be harmless when it runs twice. */
struct graph_part {
    const char *method; /* "GET", "PATCH" */
    const char *path; /* without the version: "/deviceManagement/managedDevices/ID?$select=notes" */
    const char *body; /* JSON text; NULL: none */
    int status;       /* out: HTTP status of the part */
    char text[160];   /* out: Graph's words, when the status is not 2xx; safe to print */
};
/* Sends up to GRAPH_BATCH_MAX parts as one JSON batch and reads each part's own status. Parts that
 * were throttled or not served (429, 503, 504) inside a batch that was are sent again, alone, after
 * what the longest of their Retry-After says. EASG_OK: each part has its status. `answer` may be
 * NULL; it gets the body of each part that came with 2xx, in any order. */
easg_status graph_batch(struct graph *g, struct graph_part *parts, size_t n, const char *what,
                        easg_status (*answer)(void *user, size_t i, const struct json *body,
                                              easg_error *err),
                        void *user, easg_error *err) EASG_MUST_CHECK;

#endif
