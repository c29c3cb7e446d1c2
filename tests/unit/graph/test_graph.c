/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of a Graph that pages, throttles, refuses and misleads.
 */
#include <time.h>

#include "check.h"
#include "cloud.h"
#include "err.h"
#include "graph.h"

static struct cloud cloud;
static struct oauth *oauth;
static struct graph *graph;
static int64_t remaining, slept;
static int sleeps, retries, stop_sleep;
static struct strbuf seen = STRBUF_INIT(100000);

static easg_time now(void *user)
{
    (void)user;
    return (easg_time)time(NULL) * 1000;
}

static int64_t monotonic(void *user)
{
    (void)user;
    return slept;
}

static int64_t remaining_ms(void *user)
{
    (void)user;
    return remaining;
}

static easg_status sleep_ms(void *user, int64_t ms)
{
    (void)user;
    if (stop_sleep)
        return EASG_E_CANCELLED;
    slept += ms;
    remaining -= ms;
    sleeps++;
    return EASG_OK;
}

static void retried(void *user, const char *text, int64_t wait)
{
    (void)user;
    CHECK(text[0] && wait > 0);
    retries++;
}

static easg_status item(void *user, const struct json *v, easg_error *err)
{
    easg_str id;
    easg_status st = json_get_str(v, "id", 1, &id, err);

    (void)user;
    if (st == EASG_OK)
        strbuf_addf(&seen, "%s,", id.ptr);
    return st;
}

static easg_status list(const char *path, struct graph_list *l, easg_error *err)
{
    l->path = path;
    l->what = "things";
    l->permission = "Thing.Read.All";
    l->item = item;
    strbuf_reset(&seen);
    slept = sleeps = retries = 0;
    remaining = 60000;
    err_clear(err);
    return graph_list(graph, l, err);
}

static void test_lists(void)
{
    static const struct {
        const char *path;
        easg_status want;
        const char *seen;
        const char *says;
        int64_t slept;
        int pages;
    } rows[] = {
        { "three", EASG_OK, "1a,1b,2a,2b,3a,3b,", "", 0, 3 },
        { "holes", EASG_OK, "1a,1b,4a,4b,", "", 0, 4 },
        { "eventual", EASG_OK, "1a,1b,2a,2b,3a,3b,", "", 0, 3 },
        { "foreign", EASG_E_PROTOCOL, "1a,1b,", "the token is not sent there", 0, 1 },
        { "http", EASG_E_PROTOCOL, "1a,1b,", "the token is not sent there", 0, 1 },
        { "userinfo", EASG_E_PROTOCOL, "1a,1b,", "the token is not sent there", 0, 1 },
        { "relative", EASG_E_PROTOCOL, "1a,1b,", "the token is not sent there", 0, 1 },
        { "longlink", EASG_E_LIMIT, "", "a nextLink of 20000 bytes", 0, 1 },
        { "numberlink", EASG_E_PROTOCOL, "", "@odata.nextLink is a number", 0, 1 },
        { "self?x=1", EASG_E_PROTOCOL, "1a,1b,", "page 1: the pages go in a circle", 0, 1 },
        { "novalue", EASG_E_PROTOCOL, "", "member value is missing", 0, 1 },
        { "notlist", EASG_E_PROTOCOL, "", "value is an object, not a list", 0, 1 },
        { "scalars", EASG_E_PROTOCOL, "", "is text, not an object", 0, 1 },
        { "cut", EASG_E_PROTOCOL, "", "cut", 0, 1 },
        { "html", EASG_E_PROTOCOL, "", "not well-formed", 0, 1 },
        { "nothing", EASG_E_PROTOCOL, "", "empty", 0, 1 },
        { "inside", EASG_E_PROTOCOL, "", "an error in the place of", 0, 1 },
        { "void", EASG_E_PROTOCOL, "", "empty pages in a row", 0, 101 },
        { "busy?status=429&tries=3&after=0.2", EASG_OK, "1a,1b,", "", 600, 1 },
        { "busy?status=503&tries=2&after=1", EASG_OK, "1a,1b,", "", 2000, 1 },
        { "busy?status=504&tries=3", EASG_OK, "1a,1b,", "", 1000 + 2000 + 4000, 1 },
        { "busy?status=509&tries=1", EASG_OK, "1a,1b,", "", 1000, 1 },
        { "busy?status=429&tries=1&after=0", EASG_OK, "1a,1b,", "", 1000, 1 },
        { "busy?status=429&tries=9&after=2.5", EASG_E_THROTTLED, "", "too many requests", 10000,
          0 },
        { "busy?status=500&tries=9", EASG_E_UNAVAILABLE, "", "TooManyRequests: slow down", 15000,
          0 },
        { "busy?status=503&tries=9&after=3600", EASG_E_UNAVAILABLE, "", "cannot serve now", 0, 0 },
        { "drop?tries=2", EASG_OK, "1a,1b,", "", 1000, 1 },
        { "denied", EASG_E_DENIED, "", "give the app the application permission Thing.Read.All", 0,
          0 },
        { "missing", EASG_E_NOTFOUND, "", "ResourceNotFound", 0, 0 },
        { "busy?status=400&tries=9", EASG_E_PROTOCOL, "", "HTTP 400", 0, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct graph_list l = { .eventual = strcmp(rows[i].path, "eventual") == 0 };
        char path[100];

        ROW(rows[i].path);
        snprintf(path, sizeof path, "/v1.0/%s", rows[i].path);
        CHECK_INT(list(path, &l, &err), rows[i].want);
        CHECK_STR(strbuf_str(&seen), rows[i].seen);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_INT(slept, rows[i].slept);
        CHECK_INT(l.pages, rows[i].pages);
        CHECK_INT(retries, sleeps);
        if (rows[i].want != EASG_OK) {
            CHECK_HAS(err.message, "things");
            CHECK_HAS(err.message, "localhost:");
        }
        (void)cloud_log();
    }
    ROW("");
}

static void test_bounds(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct graph_list l = { .max_pages = 7 };

    CHECK_INT(list("/v1.0/endless", &l, &err), EASG_E_LIMIT);
    CHECK_HAS(err.message, "more than 7 pages");
    CHECK_INT(l.pages, 7);
    CHECK_INT(list("/v1.0/circle", &l, &err), EASG_E_LIMIT);
    l.max_pages = 0;
    CHECK_INT(list("/v1.0/circle", &l, &err), EASG_E_PROTOCOL);
    CHECK_HAS(err.message, "the pages go in a circle");
    CHECK(l.pages < 16);
    CHECK_INT(list("/v1.0/counted", &l, &err), EASG_OK);
    CHECK_INT(l.count, 7);
    CHECK_INT(l.items, 2);
    CHECK_INT(list("/v1.0/three", &l, &err), EASG_OK);
    CHECK_INT(l.count, -1);
    /* what waits longer than the run is given back with the time to wait */
    CHECK_INT(list("/v1.0/busy?status=429&tries=9&after=90", &l, &err), EASG_E_THROTTLED);
    CHECK_INT(err.retry_after_ms, 90000);
    stop_sleep = 1;
    CHECK_INT(list("/v1.0/busy?status=429&tries=8&after=1", &l, &err), EASG_E_CANCELLED);
    stop_sleep = 0;
    (void)cloud_log();
}

static void test_requests(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct graph_list l = { 0 };
    char first[4096];
    const char *log, *a, *b;

    (void)cloud_log();
    CHECK_INT(list("/v1.0/three", &l, &err), EASG_OK);
    log = cloud_log();
    snprintf(first, sizeof first, "%s", cloud_log_line(log, 0));
    CHECK_HAS(first, "\"authorization\": \"Bearer token-");
    a = strstr(first, "\"client-request-id\": \"");
    b = strstr(cloud_log_line(log, 1), "\"client-request-id\": \"");
    CHECK(a && b && strncmp(a, b, 22 + 36) != 0 && a[22 + 36] == '"');

    /* a token that is refused: dropped, asked for anew, once */
    CHECK_INT(list("/v1.0/stale", &l, &err), EASG_OK);
    CHECK_STR(strbuf_str(&seen), "1a,1b,");
    log = cloud_log();
    CHECK_HAS(cloud_log_line(log, 0), "/v1.0/stale");
    CHECK_HAS(cloud_log_line(log, 1), "/oauth2/v2.0/token");
    CHECK_HAS(cloud_log_line(log, 2), "/v1.0/stale");
    CHECK(cloud_log_line(log, 3) == NULL);
    CHECK_INT(list("/v1.0/stale?tries=9", &l, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "InvalidAuthenticationToken: Access token has expired");
    CHECK_HAS(err.message, "one cloud");
    log = cloud_log();
    CHECK(cloud_log_line(log, 2) != NULL && cloud_log_line(log, 3) == NULL);
    /* what a peer wrote is made harmless */
    CHECK_INT(list("/v1.0/denied", &l, &err), EASG_E_DENIED);
    CHECK(strchr(err.message, '\a') == NULL && strstr(err.message, "\xe2\x80\xae") == NULL);
    CHECK_HAS(err.message, "\\x07");
    (void)cloud_log();
}

/* ---- single requests ---- */

static void test_calls(void)
{
    static const struct {
        const char *method, *path, *body;
        easg_status want;
        int64_t native;
        const char *says;
    } rows[] = {
        { "POST", "/v1.0/things", "{\"a\":\"b\"}", EASG_OK, 0, "" },
        { "PATCH", "/v1.0/things/x", "{\"a\":\"b\"}", EASG_OK, 0, "" },
        { "DELETE", "/v1.0/things/x", NULL, EASG_OK, 0, "" },
        { "POST", "/v1.0/things/403", "{}", EASG_E_DENIED, 403, "permission Thing.Write" },
        { "PATCH", "/v1.0/things/404", "{}", EASG_E_NOTFOUND, 404, "not in this tenant" },
        { "PATCH", "/v1.0/things/501", "{}", EASG_E_UNSUPPORTED, 501, "Refused" },
        { "PATCH", "/v1.0/things/400", "{}", EASG_E_PROTOCOL, 400, "Refused" },
        { "DELETE", "/v1.0/things/503", NULL, EASG_E_UNAVAILABLE, 503, "a thing: HTTP 503" },
        { "PATCH", "/v1.0/things/drop", "{}", EASG_E_UNREACHABLE, 0, "a thing" },
        { "POST", "/v1.0/things/drop", "{}", EASG_E_UNCERTAIN, 0, "a thing" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct graph_call c = { rows[i].method, rows[i].path, "a thing", "Thing.Write",
                                rows[i].body };
        easg_error err = EASG_ERROR_INIT;
        struct json *answer = NULL;
        const char *log;

        ROW(rows[i].path);
        (void)cloud_log();
        remaining = 60000;
        CHECK_INT(graph_call(graph, &c, &answer, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        if (rows[i].native) {
            CHECK_INT(err.domain, EASG_DOMAIN_HTTP);
            CHECK_INT(err.native_code, rows[i].native);
        }
        CHECK_INT(answer != NULL, i == 0);
        log = cloud_log();
        /* what may have arrived is not sent twice, all else a few times */
        if (rows[i].want == EASG_E_UNCERTAIN || rows[i].want == EASG_OK)
            CHECK(cloud_log_line(log, 1) == NULL);
        if (rows[i].want == EASG_E_UNAVAILABLE)
            CHECK(cloud_log_line(log, 2) != NULL && cloud_log_line(log, 3) == NULL);
        if (i == 0) {
            CHECK_HAS(log, "\"content-type\": \"application/json\"");
            CHECK_HAS(log, "client-request-id");
        }
        json_destroy(answer);
    }
    ROW("");
}

/* ---- batches ---- */

static char answered[GRAPH_BATCH_MAX][64];
static int answers;

static easg_status on_answer(void *user, size_t i, const struct json *body, easg_error *err)
{
    easg_str id;
    easg_status st = json_get_str(body, "id", 1, &id, err);

    CHECK(user == answered);
    answers++;
    if (st == EASG_OK)
        snprintf(answered[i], sizeof answered[i], "%s", id.ptr);
    return st;
}

static easg_status batch(const char *const *paths, size_t n, struct graph_part *parts,
                         easg_error *err)
{
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct graph_part){ .method = i % 2 ? "PATCH" : "GET",
                                        .path = paths[i],
                                        .body = i % 2 ? "{\"notes\":\"x\"}" : NULL };
    memset(answered, 0, sizeof answered);
    answers = sleeps = 0;
    slept = 0;
    remaining = 60000;
    err_clear(err);
    (void)cloud_log();
    return graph_batch(graph, parts, n, "some things", on_answer, answered, err);
}

static void test_batches(void)
{
    struct graph_part parts[GRAPH_BATCH_MAX + 1];
    easg_error err = EASG_ERROR_INIT;
    const char *log;

    ROW("order, bodies, parts throttled inside a 200");
    {
        static const char *const paths[] = { "/part?n=0", "/busy?n=1&after=1.5", "/no?status=403",
                                             "/busy?n=3&tries=2&after=0.2&status=503", "/empty" };

        CHECK_INT(batch(paths, 5, parts, &err), EASG_OK);
        CHECK_INT(parts[0].status, 200);
        CHECK_INT(parts[1].status, 200);
        CHECK_INT(parts[2].status, 403);
        CHECK_STR(parts[2].text, "Forbidden: no \\u{202e} right");
        CHECK_INT(parts[3].status, 200);
        CHECK_INT(parts[4].status, 204);
        CHECK_STR(answered[0], "0");
        CHECK_STR(answered[1], "1");
        CHECK_STR(answered[3], "3");
        CHECK_INT(answers, 3);
        CHECK_INT(sleeps, 2);
        CHECK_INT(slept, 1700); /* the longest of the first round, then what was left */
        log = cloud_log();
        CHECK_HAS(cloud_log_line(log, 0), "\"path\": \"/v1.0/$batch\"");
        CHECK(strstr(cloud_log_line(log, 1), "n=0") == NULL); /* only those that were throttled */
        CHECK_HAS(cloud_log_line(log, 1), "n=1");
        CHECK(strstr(cloud_log_line(log, 2), "n=1") == NULL);
        CHECK(cloud_log_line(log, 3) == NULL);
    }
    ROW("throttled for ever");
    {
        static const char *const paths[] = { "/part?n=0", "/busy?tries=99" };

        CHECK_INT(batch(paths, 2, parts, &err), EASG_OK);
        CHECK_INT(parts[0].status, 200);
        CHECK_INT(parts[1].status, 429);
        CHECK_HAS(parts[1].text, "slow down");
        CHECK_INT(slept, 7000); /* 1, 2, 4 s without a Retry-After */
        remaining = 500;
        parts[0] = (struct graph_part){ "GET", "/busy?tries=99&after=5", NULL, 0, "" };
        CHECK_INT(graph_batch(graph, parts, 1, "some things", NULL, NULL, &err), EASG_E_THROTTLED);
    }
    ROW("all of it failed by dependence: 424");
    {
        static const char *const paths[] = { "/depends", "/part?n=1" };

        CHECK_INT(batch(paths, 2, parts, &err), EASG_OK);
        CHECK_INT(parts[0].status, 424);
        CHECK_INT(parts[1].status, 200);
    }
    ROW("twenty, and one more");
    {
        const char *paths[GRAPH_BATCH_MAX];

        for (size_t i = 0; i < GRAPH_BATCH_MAX; i++)
            paths[i] = "/part?n=7";
        CHECK_INT(batch(paths, GRAPH_BATCH_MAX, parts, &err), EASG_OK);
        CHECK_INT(answers, GRAPH_BATCH_MAX);
        parts[GRAPH_BATCH_MAX] = parts[0];
        CHECK_INT(graph_batch(graph, parts, GRAPH_BATCH_MAX + 1, "x", NULL, NULL, &err),
                  EASG_E_USAGE);
        CHECK_INT(batch(paths, 0, parts, &err), EASG_OK);
    }
    {
        static const struct {
            const char *path, *says;
        } rows[] = {
            { "/lost", "part 1 of the batch has no answer" },
            { "/twice", "a part that was not asked" },
            { "/alien", "a part that was not asked" },
            { "/word", "a part that was not asked" },
            { "/nostatus", "status is missing" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const char *const paths[] = { "/part?n=0", rows[i].path };

            ROW(rows[i].path);
            CHECK_INT(batch(paths, 2, parts, &err), EASG_E_PROTOCOL);
            CHECK_HAS(err.message, rows[i].says);
            CHECK_HAS(err.message, "some things");
        }
    }
    ROW("");
}

static void test_no_memory(void)
{
    int failed = 0;

    for (unsigned long n = 1; n < 400; n++) {
        easg_error err = EASG_ERROR_INIT;
        struct graph_list l = { 0 };
        easg_status st;

        mem_fail_at(n, 0);
        st = list("/v1.0/three", &l, &err);
        if (mem_fail_at(0, 0) < n)
            break; /* it needed fewer than n */
        /* a text for people may come out shorter; a list may not */
        CHECK(st == EASG_E_NOMEM || strcmp(strbuf_str(&seen), "1a,1b,2a,2b,3a,3b,") == 0);
        if (st != EASG_E_NOMEM && st != EASG_OK)
            printf("# allocation %lu: %s\n", n, err.message);
        failed += st == EASG_E_NOMEM;
    }
    CHECK(failed > 20);
}

int main(void)
{
    int rc = cloud_start(&cloud);
    easg_error err = EASG_ERROR_INIT;
    struct http_options http = { .ca_file = cloud.ca };
    struct oauth_options o = { .login_url = cloud.url,
                               .tenant = CLOUD_TENANT,
                               .client_id = CLOUD_CLIENT,
                               .scope = "x/.default",
                               .client_secret = "x",
                               .client_secret_len = 1,
                               .http = &http,
                               .now = now,
                               .monotonic_ms = monotonic };
    struct graph_options g = { .graph_url = cloud.url,
                               .http = &http,
                               .request_timeout_ms = 5000,
                               .remaining_ms = remaining_ms,
                               .sleep_ms = sleep_ms,
                               .retried = retried };

    if (rc == 77)
        return check_skip("python3 is not installed, so that there is no server to test against");
    if (!CHECK_INT(rc, 0) || !CHECK_INT(oauth_create(&o, &oauth, &err), EASG_OK))
        return check_done();
    g.oauth = oauth;
    CHECK_INT(graph_create(&g, &graph, &err), EASG_OK);
    test_lists();
    test_bounds();
    test_requests();
    test_calls();
    test_batches();
    test_no_memory();
    graph_destroy(graph);
    g.graph_url = "http://graph.microsoft.com";
    CHECK_INT(graph_create(&g, &graph, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "graph_url: ");
    oauth_destroy(oauth);
    strbuf_clear(&seen);
    cloud_stop(&cloud);
    return check_done();
}
