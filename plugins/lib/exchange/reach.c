/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a server answer? An empty request without credentials: what comes back is 401 from one that
 * works, and nothing of it counts against an account.
 */
#include "exchange.h"

#include "err.h"

#define MAX_ANSWER ((size_t)256 * 1024)

easg_status exch_reach(const struct http_options *options, const char *url, int64_t timeout_ms,
                       easg_error *err)
{
    struct http_request request = { .method = "POST",
                                    .body = "",
                                    .idempotent = 1,
                                    .url = url,
                                    .timeout_ms = timeout_ms,
                                    .max_response = MAX_ANSWER };
    struct http_response response;
    struct http *http = NULL;
    easg_status st = http_create(options, &http, err);

    if (st == EASG_OK)
        st = http_perform(http, &request, &response, err);
    if (st == EASG_OK && (response.status >= 500 || response.status == 404))
        st = err_native(err, EASG_E_UNAVAILABLE, EASG_DOMAIN_HTTP, response.status,
                        "%s: HTTP %d: a server is there, remote PowerShell is not",
                        http_endpoint(http), response.status);
    http_destroy(http);
    return st;
}
