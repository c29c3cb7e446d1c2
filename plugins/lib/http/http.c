/* SPDX-License-Identifier: Apache-2.0
 *
 * The client: its libcurl handle, set up so that nothing happens which the caller did not ask for,
 * and one request at a time.
 */
#include "http_private.h"

#include <string.h>
#include <time.h>

#include "err.h"
#include "secret.h"
#include "text.h"

#define DEFAULT_CONNECT_MS 15000u
#define DEFAULT_STALL_MS   60000u
#define DEFAULT_IDLE_S     60u
#define WAIT_MS            500 /* cancellation is looked at that often */
#define MAX_SOCKETS        64
#define PROXY_TOKEN_S      60 /* an unused one is made anew after that */

/* The body goes through here and not through POSTFIELDS, because libcurl repeats a POST by itself
 * when a reused connection dies without an answer; what it cannot rewind it does not repeat. */
static size_t give_body(char *buffer, size_t size, size_t n, void *user)
{
    struct http *h = user;
    size_t left = h->request->body_len - h->sent;
    size_t len = size * n < left ? size * n : left;

    if (len) {
        memcpy(buffer, (const char *)h->request->body + h->sent, len);
        h->sent += len;
        h->response->body_taken = 1;
    }
    return len;
}

static int refuse_seek(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

int http_cancelled(const struct http *h)
{
    return h->cancelled && h->cancelled(h->user);
}

static int poll_cancelled(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return http_cancelled(user);
}

static int limit_silence(void *user, curl_socket_t fd, curlsocktype purpose)
{
    const struct http *h = user;

    if (purpose == CURLSOCKTYPE_IPCXN)
        http_limit_silence(fd, h->connect_timeout_ms);
    return CURL_SOCKOPT_OK;
}

static void wipe_slist(struct curl_slist *list)
{
    for (struct curl_slist *i = list; i; i = i->next)
        secret_wipe(i->data, strlen(i->data));
    curl_slist_free_all(list);
}

static long lowest_version(int min)
{
    switch (min) {
    case 10: return CURL_SSLVERSION_TLSv1_0;
    case 11: return CURL_SSLVERSION_TLSv1_1;
    case 13: return CURL_SSLVERSION_TLSv1_3;
    default: return CURL_SSLVERSION_TLSv1_2;
    }
}

static easg_status set_up(struct http *h, easg_error *err)
{
    CURL *c = curl_easy_init();
    CURLcode rc = CURLE_OK;

    if (!c)
        return err_nomem(err);
    h->curl = c;
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (rc == CURLE_OK)                                                                        \
            rc = curl_easy_setopt(c, option, value);                                               \
    } while (0)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, h->plain_local ? "https,http" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_MAXAGE_CONN, (long)h->idle_max_s);
    SET(CURLOPT_COOKIEFILE, ""); /* a jar in memory: MS-WSMAN affinity */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_USERAGENT, h->user_agent);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)(h->stall_timeout_ms / 1000u + 1u));
    SET(CURLOPT_SOCKOPTFUNCTION, limit_silence);
    SET(CURLOPT_SOCKOPTDATA, h);
    SET(CURLOPT_SSLVERSION, lowest_version(h->tls.min));
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSL_CTX_FUNCTION, http_tls_lend);
    SET(CURLOPT_SSL_CTX_DATA, &h->tls);
    if (h->tls.store) {
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
    } else { /* Windows: its certificate store; elsewhere OpenSSL's own places, as without it */
        SET(CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NATIVE_CA);
    }
    if (h->pinned_key)
        SET(CURLOPT_PINNEDPUBLICKEY, h->pinned_key);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, poll_cancelled);
    SET(CURLOPT_XFERINFODATA, h);
    SET(CURLOPT_HEADERFUNCTION, http_on_header);
    SET(CURLOPT_HEADERDATA, h);
    SET(CURLOPT_WRITEFUNCTION, http_on_body);
    SET(CURLOPT_WRITEDATA, h);
    SET(CURLOPT_READFUNCTION, give_body);
    SET(CURLOPT_READDATA, h);
    SET(CURLOPT_SEEKFUNCTION, refuse_seek);
    SET(CURLOPT_BUFFERSIZE, 128L * 1024L);
#undef SET
    if (rc == CURLE_OUT_OF_MEMORY)
        return err_nomem(err);
    if (rc != CURLE_OK)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_CURL, rc,
                          "this libcurl lacks an option that is needed: %s",
                          curl_easy_strerror(rc));
    return EASG_OK;
}

/* `value` becomes the Proxy-Authorization of the next connection. */
static easg_status keep_proxy_header(struct http *h, const char *value, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf line = STRBUF_INIT(256u * 1024u);

    wipe_slist(h->proxy_headers);
    h->proxy_headers = NULL;
    if (strpbrk(value, "\r\n"))
        return err_set(err, EASG_E_CONFIG, "proxy log-on: line ends are not allowed in it");
    strbuf_reserve(&line, strlen(value) + 32);
    strbuf_addf(&line, "Proxy-Authorization: %s", value);
    if (strbuf_status(&line) == EASG_OK)
        h->proxy_headers = curl_slist_append(NULL, line.ptr);
    return h->proxy_headers ? EASG_OK : err_nomem(err);
}

static easg_status authorize_proxy(struct http *h, const struct http_request *r, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf value = STRBUF_INIT(256u * 1024u);
    int64_t now = (int64_t)time(NULL);
    easg_status st;

    if (!h->proxy_authorize || !h->via_proxy ||
        (h->proxy_made && now - h->proxy_made < PROXY_TOKEN_S && now >= h->proxy_made))
        return EASG_OK;
    st = h->proxy_authorize(h->proxy_user, r->timeout_ms, &value, err);
    if (st == EASG_OK)
        st = keep_proxy_header(h, strbuf_str(&value), err);
    if (st == EASG_OK)
        h->proxy_made = now;
    return st;
}

static easg_status keep_options(struct http *h, const struct http_options *o, easg_error *err)
{
    h->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : DEFAULT_CONNECT_MS;
    h->stall_timeout_ms = o->stall_timeout_ms ? o->stall_timeout_ms : DEFAULT_STALL_MS;
    h->idle_max_s = o->idle_max_s ? o->idle_max_s : DEFAULT_IDLE_S;
    h->concurrent = o->concurrent;
    h->plain_local = o->plain_local;
    h->cancelled = o->cancelled;
    h->user = o->user;
    h->proxy_authorize = o->proxy_authorize;
    h->proxy_user = o->proxy_user;
    h->proxy = mem_strdup(o->proxy ? o->proxy : "");
    h->no_proxy = mem_strdup(o->no_proxy ? o->no_proxy : "");
    h->user_agent = mem_strdup(o->user_agent ? o->user_agent : "easgate");
    h->pinned_key = mem_strdup(o->pinned_key);
    if (!h->proxy || !h->no_proxy || !h->user_agent || (o->pinned_key && !h->pinned_key))
        return err_nomem(err);
    return o->proxy_authorization ? keep_proxy_header(h, o->proxy_authorization, err) : EASG_OK;
}

easg_status http_create(const struct http_options *options, struct http **out, easg_error *err)
{
    static int started; /* one calling thread; libcurl itself counts the rest */
    struct http *h;
    easg_status st;

    *out = NULL;
    if (!started) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            return err_nomem(err);
        started = 1;
    }
    h = mem_alloc(sizeof *h);
    if (!h)
        return err_nomem(err);
    strbuf_init(&h->endpoint, 1024);
    strbuf_init(&h->headers, HTTP_MAX_HEADERS);
    strbuf_init(&h->error_body, HTTP_ERROR_BODY);
    st = http_tls_init(&h->tls, options, err);
    if (st == EASG_OK)
        st = keep_options(h, options, err);
    if (st == EASG_OK)
        st = set_up(h, err);
    if (st != EASG_OK) {
        http_destroy(h);
        return st;
    }
    *out = h;
    return EASG_OK;
}

/* A transfer is over, with this result. */
static void stop(struct http *h, CURLcode rc)
{
    h->rc = rc;
    h->running = 0;
    curl_multi_remove_handle(h->multi, h->curl);
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    if (h->running)
        stop(h, CURLE_ABORTED_BY_CALLBACK);
    curl_easy_cleanup(h->curl);
    curl_multi_cleanup(h->multi);
    wipe_slist(h->request_headers);
    http_tls_clear(&h->tls);
    wipe_slist(h->proxy_headers);
    mem_free(h->proxy);
    mem_free(h->no_proxy);
    mem_free(h->user_agent);
    mem_free(h->pinned_key);
    strbuf_clear(&h->endpoint);
    strbuf_clear(&h->headers);
    strbuf_clear(&h->error_body);
    mem_free(h);
}

void http_disconnect(struct http *h)
{
    easg_error ignored = EASG_ERROR_INIT;

    curl_easy_cleanup(h->curl);
    h->curl = NULL;
    curl_multi_cleanup(h->multi); /* it holds the connection */
    h->multi = NULL;
    strbuf_reset(&h->tls.server);
    /* Without memory the next http_perform() tries again and says so. */
    if (set_up(h, &ignored) != EASG_OK) {
        curl_easy_cleanup(h->curl);
        h->curl = NULL;
    }
}

static easg_status add_header(struct curl_slist **list, const char *line, easg_error *err)
{
    struct curl_slist *grown;

    if (strpbrk(line, "\r\n"))
        return err_set(err, EASG_E_USAGE, "a request header holds a line end");
    grown = curl_slist_append(*list, line);
    if (!grown)
        return err_nomem(err);
    *list = grown;
    return EASG_OK;
}

static easg_status make_headers(const struct http_request *r, struct curl_slist **list,
                                easg_error *err)
{
    easg_status st = add_header(list, "Expect:", err);
    int typed = 0;

    for (size_t i = 0; i < r->n_headers && st == EASG_OK; i++) {
        typed |= text_ieq(r->headers[i], strcspn(r->headers[i], ":"), "Content-Type", 12);
        st = add_header(list, r->headers[i], err);
    }
    if (st == EASG_OK && !typed)
        st = add_header(list, "Content-Type:", err);
    if (st == EASG_OK && r->authorization) {
        EASG_CLEANUP(secret_clear) struct strbuf line = STRBUF_INIT(256u * 1024u);

        strbuf_reserve(&line, strlen(r->authorization) + 20);
        strbuf_addf(&line, "Authorization: %s", r->authorization);
        if (strbuf_status(&line) != EASG_OK)
            return err_nomem(err);
        st = add_header(list, line.ptr, err);
    }
    return st;
}

static easg_status prepare(struct http *h, const struct http_request *r, int repeatable,
                           struct curl_slist *headers, easg_error *err)
{
    CURL *c = h->curl;
    int post = r->body_len > 0 || strcmp(r->method, "POST") == 0;
    long timeout = r->timeout_ms < 24 * 3600 * 1000 ? (long)r->timeout_ms : 24L * 3600 * 1000;
    CURLcode rc = CURLE_OK;

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (rc == CURLE_OK)                                                                        \
            rc = curl_easy_setopt(c, option, value);                                               \
    } while (0)
    SET(CURLOPT_CUSTOMREQUEST, NULL);
    if (post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    } else if (strcmp(r->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_NOBODY, 0L);
        SET(CURLOPT_HTTPGET, 1L);
    }
    if (strcmp(r->method, post ? "POST" : "GET") != 0 && strcmp(r->method, "HEAD") != 0)
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PROXY, h->via_proxy ? h->proxy : "");
    SET(CURLOPT_PROXYHEADER, h->via_proxy ? h->proxy_headers : NULL);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_TIMEOUT_MS, timeout);
    SET(CURLOPT_ACCEPT_ENCODING, r->gzip ? "gzip" : NULL);
    /* Nothing to rewind means that libcurl would repeat it on a reused connection; the first
     * request of a connection it never repeats. */
    SET(CURLOPT_FRESH_CONNECT, !repeatable && r->body_len == 0 ? 1L : 0L);
#undef SET
    if (rc == CURLE_OUT_OF_MEMORY)
        return err_nomem(err);
    if (rc != CURLE_OK)
        return err_native(err, EASG_E_USAGE, EASG_DOMAIN_CURL, rc, "%s: bad request: %s",
                          http_endpoint(h), curl_easy_strerror(rc));
    return EASG_OK;
}

static easg_status check_request(struct http *h, const struct http_request *r, easg_error *err)
{
    if (!r->method || !*r->method || r->method[strspn(r->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] ||
        r->timeout_ms <= 0 || r->max_response == 0 || (r->body_len && !r->body))
        return err_set(err, EASG_E_USAGE, "a request needs a method, a deadline and a ceiling");
    h->plain = h->plain_local && http_url_local(r->url, &h->endpoint);
    return h->plain ? EASG_OK : http_url_endpoint(r->url, &h->endpoint, err);
}

static int goes_via_proxy(const struct http *h)
{
    const char *endpoint = strbuf_str(&h->endpoint);
    const char *colon = strrchr(endpoint, ':');

    return h->proxy[0] && !h->plain &&
           !http_bypasses_proxy(h->no_proxy, endpoint,
                                colon ? (size_t)(colon - endpoint) : strlen(endpoint));
}

/* Everything before the first byte goes out. */
static easg_status ready(struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err)
{
    struct http_request *own = &h->own_request;
    easg_status st;

    *response = (struct http_response){ 0 };
    *own = *request;
    if (own->method && (strcmp(own->method, "GET") == 0 || strcmp(own->method, "HEAD") == 0))
        own->idempotent = 1;
    h->request = own;
    h->response = response;
    h->err = err;
    h->sent = 0;
    h->own = EASG_OK;
    h->tls.alert = -1;
    h->tls.reason = 0;
    h->tls.asked = 0;
    http_answer_reset(h);
    if (own->collect)
        strbuf_reset(own->collect);

    st = check_request(h, own, err);
    h->via_proxy = st == EASG_OK && goes_via_proxy(h);
    if (st == EASG_OK && !h->curl)
        st = set_up(h, err);
    if (st == EASG_OK)
        st = authorize_proxy(h, own, err);
    if (st == EASG_OK)
        st = make_headers(own, &h->request_headers, err);
    if (st == EASG_OK)
        st = prepare(h, own, own->idempotent, h->request_headers, err);
    if (st == EASG_OK && http_cancelled(h))
        st = err_set(err, EASG_E_CANCELLED, "%s: cancelled", http_endpoint(h));
    return st;
}

static easg_status judge(struct http *h, CURLcode rc)
{
    curl_off_t elapsed = 0;
    long connects = 0;

    curl_easy_getinfo(h->curl, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(h->curl, CURLINFO_TOTAL_TIME_T, &elapsed);
    h->response->opened_connection = connects > 0;
    h->response->elapsed_ms = (int64_t)elapsed / 1000;
    if (connects > 0 || rc != CURLE_OK)
        h->proxy_made = 0;
    return rc == CURLE_OK ? EASG_OK : http_fail(h, rc, h->err);
}

/* What belongs to the caller is let go of. */
static void let_go(struct http *h)
{
    if (h->curl)
        curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
    wipe_slist(h->request_headers);
    h->request_headers = NULL;
    h->status = h->response->status;
    h->request = NULL;
    h->response = NULL;
    h->err = NULL;
}

static easg_status perform_alone(struct http *h, const struct http_request *request,
                                 struct http_response *response, easg_error *err)
{
    easg_status st = ready(h, request, response, err);

    if (st == EASG_OK)
        st = judge(h, curl_easy_perform(h->curl));
    let_go(h);
    return st;
}

easg_status http_perform(struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err)
{
    easg_status st;

    if (!h->concurrent)
        return perform_alone(h, request, response, err);
    st = http_begin(h, request, response, err);
    if (st != EASG_OK)
        return st;
    while (h->running)
        http_wait(&h, 1, WAIT_MS);
    return http_end(h);
}

/* ---- in a loop ---- */

easg_status http_begin(struct http *h, const struct http_request *request,
                       struct http_response *response, easg_error *err)
{
    easg_status st = ready(h, request, response, err);

    xassert(h->concurrent && !h->running);
    if (st == EASG_OK && !h->multi) {
        h->multi = curl_multi_init();
        if (!h->multi)
            st = err_nomem(err);
        else
            curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L);
    }
    if (st == EASG_OK && curl_multi_add_handle(h->multi, h->curl) != CURLM_OK)
        st = err_nomem(err);
    if (st != EASG_OK) {
        let_go(h);
        return st;
    }
    h->running = 1;
    return EASG_OK;
}

int http_running(const struct http *h)
{
    return h->running;
}

easg_status http_end(struct http *h)
{
    easg_status st;

    if (h->running)
        stop(h, CURLE_ABORTED_BY_CALLBACK);
    st = judge(h, h->rc);
    let_go(h);
    return st;
}

/* 1: it came to its end. */
static int carry_on(struct http *h)
{
    int still = 0;
    int left;
    CURLMsg *m;

    if (curl_multi_perform(h->multi, &still) != CURLM_OK) {
        stop(h, CURLE_OUT_OF_MEMORY);
        return 1;
    }
    while ((m = curl_multi_info_read(h->multi, &left)) != NULL)
        if (m->msg == CURLMSG_DONE) {
            stop(h, m->data.result);
            return 1;
        }
    return 0;
}

/* Each client has a multi handle of its own, because they share no connection: a log-on may hold
 * for one. One of them waits for the sockets of all. */
void http_wait(struct http *const *all, size_t n, int64_t ms)
{
    struct curl_waitfd sockets[MAX_SOCKETS];
    struct http *first = NULL;
    size_t n_sockets = 0;
    long wait = ms < WAIT_MS ? (long)ms : WAIT_MS;
    int done = 0;

    for (size_t i = 0; i < n; i++)
        if (all[i]->running)
            done |= carry_on(all[i]);
    for (size_t i = 0; i < n && !done; i++) {
        long due = -1;

        if (!all[i]->running)
            continue;
        curl_multi_timeout(all[i]->multi, &due);
        if (due >= 0 && due < wait)
            wait = due;
        if (first)
            n_sockets += http_sockets(all[i]->multi, sockets + n_sockets, MAX_SOCKETS - n_sockets);
        else
            first = all[i];
    }
    if (done || !first)
        return;
    curl_multi_poll(first->multi, sockets, (unsigned)n_sockets, (int)wait, NULL);
    for (size_t i = 0; i < n; i++)
        if (all[i]->running)
            (void)carry_on(all[i]);
}
