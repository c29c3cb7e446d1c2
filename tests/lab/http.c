/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - listening sockets with TLS, and the way from a request to its handler.
 *
 * A thread a connection: handlers may wait (a Receive does), and clients of a test are few.
 */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

#define MAX_BODY (16u << 20)

struct listener {
    struct MHD_Daemon *daemon;
    enum side side;
    unsigned cas;
};
static struct listener listeners[MAX_CAS + 1];
static unsigned n_listeners;

static pthread_mutex_t pause_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pause_end = PTHREAD_COND_INITIALIZER;

/* One request under way. */
struct context {
    char *uri; /* as it was sent, with the query: libmicrohttpd hands out only decoded pairs */
    struct buf body;
    int begun;
    int too_large;
};

uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void http_pause(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&pause_lock);
    while (!lab.stopping && pthread_cond_timedwait(&pause_end, &pause_lock, &t) == 0)
        ;
    pthread_mutex_unlock(&pause_lock);
}

void reply_header(struct reply *r, const char *name, const char *fmt, ...)
{
    char value[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    buf_fmt(&r->headers, "%s: %s\n", name, value);
}

static const char *header(const struct call *c, const char *name)
{
    return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

/* ---- certificates: chosen at each handshake, so that faults may come and go ---- */

struct credentials {
    gnutls_pcert_st pcert[2];
    unsigned n;
    gnutls_privkey_t key;
};
static struct credentials good;
static struct credentials rogue;
static struct credentials expired;

static int load(struct credentials *c, const struct pair_of_pem *p)
{
    gnutls_datum_t cert = { (unsigned char *)p->cert, (unsigned)strlen(p->cert) };
    gnutls_datum_t key = { (unsigned char *)p->key, (unsigned)strlen(p->key) };

    c->n = 2;
    return gnutls_pcert_list_import_x509_raw(c->pcert, &c->n, &cert, GNUTLS_X509_FMT_PEM, 0) >= 0 &&
           gnutls_privkey_init(&c->key) >= 0 &&
           gnutls_privkey_import_x509_raw(c->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0;
}

static int hand_out(const struct credentials *c, gnutls_pcert_st **pcert, unsigned *n,
                    gnutls_privkey_t *key)
{
    *pcert = (gnutls_pcert_st *)(uintptr_t)c->pcert;
    *n = c->n;
    *key = c->key;
    return 0;
}

/* GnuTLS hands no context of ours to these, so each side has its own. */
static int choose_exchange(gnutls_session_t session, const gnutls_datum_t *dn, int n_dn,
                           const gnutls_pk_algorithm_t *algo, int n_algo, gnutls_pcert_st **pcert,
                           unsigned int *n, gnutls_privkey_t *key)
{
    (void)session;
    (void)dn;
    (void)n_dn;
    (void)algo;
    (void)n_algo;
    if (fault_strikes("badcert", NULL, NULL))
        return hand_out(&rogue, pcert, n, key);
    if (fault_strikes("expired-cert", NULL, NULL))
        return hand_out(&expired, pcert, n, key);
    return hand_out(&good, pcert, n, key);
}

static int choose_graph(gnutls_session_t session, const gnutls_datum_t *dn, int n_dn,
                        const gnutls_pk_algorithm_t *algo, int n_algo, gnutls_pcert_st **pcert,
                        unsigned int *n, gnutls_privkey_t *key)
{
    (void)session;
    (void)dn;
    (void)n_dn;
    (void)algo;
    (void)n_algo;
    return hand_out(fault_strikes("graph-badcert", NULL, NULL) ? &rogue : &good, pcert, n, key);
}

/* ---- answering ---- */

struct half {
    char *p;
    size_t n;
};

static ssize_t read_half(void *cls, uint64_t pos, char *out, size_t max)
{
    struct half *h = cls;

    if (pos >= h->n / 2)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (max > h->n / 2 - pos)
        max = h->n / 2 - pos;
    memcpy(out, h->p + pos, max);
    return (ssize_t)max;
}

static void free_half(void *cls)
{
    struct half *h = cls;

    free(h->p);
    free(h);
}

static void add_headers(struct MHD_Response *m, struct reply *r)
{
    char *line = r->headers.p;

    while (line && *line) {
        char *end = strchr(line, '\n');
        char *colon = strstr(line, ": ");

        *end = 0;
        *colon = 0;
        MHD_add_response_header(m, line, colon + 2);
        line = end + 1;
    }
    if (r->type)
        MHD_add_response_header(m, "Content-Type", r->type);
    MHD_add_response_header(m, "Server", "Microsoft-IIS/10.0");
}

/* The peer is to see a reset, not an orderly end: the socket is closed without lingering behind
 * libmicrohttpd's back, and a dead one takes its number. */
static void reset(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger l = { 1, 0 };
    int dead[2];

    if (!i || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, dead) != 0)
        return;
    close(dead[1]);
    setsockopt(i->connect_fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    dup2(dead[0], i->connect_fd);
    close(dead[0]);
}

static enum MHD_Result answer(struct MHD_Connection *conn, struct reply *r)
{
    struct MHD_Response *m;
    enum MHD_Result ok;

    lab.stats.bytes_out += r->body.n;
    if (r->delivery == DELIVER_RESET) {
        reset(conn);
        buf_clear(&r->body);
        buf_clear(&r->headers);
        return MHD_NO;
    }
    if (r->delivery == DELIVER_TRUNCATED) {
        struct half *h = lab_alloc(sizeof *h);

        h->p = r->body.p;
        h->n = r->body.n;
        m = MHD_create_response_from_callback(h->n, 4096, read_half, h, free_half);
    } else
        m = MHD_create_response_from_buffer(r->body.n, r->body.p, MHD_RESPMEM_MUST_FREE);
    if (!m) {
        buf_clear(&r->headers);
        return MHD_NO;
    }
    add_headers(m, r);
    buf_clear(&r->headers);
    ok = MHD_queue_response(conn, r->status, m);
    MHD_destroy_response(m);
    return ok;
}

/* ---- dispatch ---- */

static void nowhere(struct reply *r)
{
    r->status = 404;
    r->type = "text/html";
    buf_str(&r->body, "<html>404 - File or directory not found.</html>");
}

static void dispatch(const struct call *c, struct reply *r)
{
    static const struct route {
        enum side side;
        const char *prefix;
        void (*handle)(const struct call *, struct reply *);
    } routes[] = {
        {SIDE_EXCHANGE,  "/powershell",        exchange_handle    },
        { SIDE_EXCHANGE, "/powershell-liveid", exchange_handle    },
        { SIDE_EXCHANGE, "/EWS/Exchange.asmx", ews_handle         },
        { SIDE_EXCHANGE, "/autodiscover/",     autodiscover_handle},
        { SIDE_GRAPH,   "/v1.0/",      graph_handle   },
        { SIDE_GRAPH,   "/beta/",      graph_handle   },
        { SIDE_GRAPH,   "/lab/",       control_handle },
    };
    size_t n = strlen(c->path);

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t k = strlen(routes[i].prefix);

        if (routes[i].side != c->side || !lab_starts(c->path, routes[i].prefix))
            continue;
        if (routes[i].prefix[k - 1] != '/' && c->path[k] && strcmp(c->path + k, "/") != 0)
            continue;
        routes[i].handle(c, r);
        return;
    }
    if (c->side == SIDE_GRAPH && n > 20 && strcmp(c->path + n - 18, "/oauth2/v2.0/token") == 0)
        token_handle(c, r);
    else
        nowhere(r);
}

static void *begin(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct context *k = lab_alloc(sizeof *k);

    (void)cls;
    (void)conn;
    k->uri = lab_strdup(uri);
    return k;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *conn, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **state)
{
    struct listener *l = cls;
    struct context *k = *state;
    struct call c;
    struct reply r = { .status = 200 };
    const char *query;

    (void)version;
    if (!k->begun) { /* libmicrohttpd calls once before the body */
        k->begun = 1;
        return MHD_YES;
    }
    if (*n) {
        if (fault_strikes("cut", url, NULL)) { /* in the midst of the request */
            reset(conn);
            return MHD_NO;
        }
        if (k->body.n + *n > MAX_BODY)
            k->too_large = 1;
        else
            buf_put(&k->body, data, *n);
        *n = 0;
        return MHD_YES;
    }
    query = strchr(k->uri, '?');
    c = (struct call){ .side = l->side,
                       .cas = l->cas,
                       .method = method,
                       .path = url,
                       .query = query ? query + 1 : "",
                       .body = k->body.p ? k->body.p : "",
                       .body_n = k->body.n,
                       .header = header,
                       .connection = conn };
    c.host = header(&c, "Host");
    if (!c.host)
        c.host = "localhost";
    lab.stats.requests++;
    lab.stats.bytes_in += k->body.n;
    if (l->side == SIDE_EXCHANGE) {
        lab.stats.exchange_requests++;
        lab.stats.exchange_bytes += k->body.n;
    }
    if (k->too_large) {
        r.status = 413;
        buf_str(&r.body, "too large");
    } else
        dispatch(&c, &r);
    if (l->side == SIDE_EXCHANGE)
        lab.stats.exchange_bytes += r.body.n;
    return answer(conn, &r);
}

static void done(void *cls, struct MHD_Connection *conn, void **state,
                 enum MHD_RequestTerminationCode why)
{
    struct context *k = *state;

    (void)cls;
    (void)conn;
    (void)why;
    if (!k)
        return;
    buf_clear(&k->body);
    free(k->uri);
    free(k);
    *state = NULL;
}

static enum MHD_Result accept_one(void *cls, const struct sockaddr *addr, socklen_t n)
{
    struct listener *l = cls;

    (void)addr;
    (void)n;
    if (l->side == SIDE_EXCHANGE && lab.cas_down[l->cas])
        return MHD_NO;
    lab.stats.connections++;
    return MHD_YES;
}

/* Replies leave in one segment each: no waiting for acknowledgements of small ones. */
static void connected(void *cls, struct MHD_Connection *conn, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *i;
    int one = 1;

    (void)cls;
    (void)socket_context;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    i = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (i)
        setsockopt(i->connect_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

__attribute__((format(printf, 2, 0))) static void quiet(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    if (lab.opt.log)
        vfprintf(stderr, fmt, ap);
}

static int listen_one(enum side side, unsigned cas, uint16_t *port)
{
    struct listener *l = &listeners[n_listeners];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const union MHD_DaemonInfo *i;

    *l = (struct listener){ .side = side, .cas = cas };
    l->daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL | MHD_USE_TLS | MHD_USE_ERROR_LOG,
                         0, accept_one, l, handle, l, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
                         MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&a,
                         MHD_OPTION_HTTPS_CERT_CALLBACK,
                         side == SIDE_GRAPH ? choose_graph : choose_exchange,
                         MHD_OPTION_URI_LOG_CALLBACK, begin, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                         done, NULL, MHD_OPTION_NOTIFY_CONNECTION, connected, NULL,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 * 1024),
                         MHD_OPTION_CONNECTION_LIMIT, 1024u, MHD_OPTION_END);
    i = l->daemon ? MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!i)
        return 0;
    *port = i->port;
    n_listeners++;
    return 1;
}

int http_start(void)
{
    if (!load(&good, &lab.leaf) || !load(&rogue, &lab.rogue) || !load(&expired, &lab.expired)) {
        fputs("easgate-lab: GnuTLS does not take our certificates\n", stderr);
        return 0;
    }
    for (unsigned i = 0; i < lab.opt.cas; i++)
        if (!listen_one(SIDE_EXCHANGE, i, &lab.cas_port[i]))
            return 0;
    return listen_one(SIDE_GRAPH, 0, &lab.graph_port);
}

static void unload(struct credentials *c)
{
    for (unsigned i = 0; i < c->n; i++)
        gnutls_pcert_deinit(&c->pcert[i]);
    gnutls_privkey_deinit(c->key);
}

void http_stop(void)
{
    pthread_mutex_lock(&pause_lock);
    lab.stopping = 1;
    pthread_cond_broadcast(&pause_end);
    pthread_mutex_unlock(&pause_lock);
    for (unsigned i = 0; i < n_listeners; i++)
        MHD_stop_daemon(listeners[i].daemon);
    n_listeners = 0;
    unload(&good);
    unload(&rogue);
    unload(&expired);
}
