/* SPDX-License-Identifier: Apache-2.0
 *
 * The search: hosts in order, on each the ways in order, redirects followed within bounds. A place
 * that cannot be used is told to tried() and the next one is taken; a refused account ends it all.
 */
#include <stdio.h>
#include <string.h>

#include "discover_private.h"

#include "err.h"
#include "text.h"

#define MAX_REDIRECTS 10u
#define TIMEOUT_MS    30000

struct search {
    const struct ews_discover_options *o;
    struct http *http;
    struct ews_found *found;
    struct strbuf request, answer;
    const char *domain;                   /* of the mailbox */
    char address[320];                    /* asked about; changes with a redirect */
    char hosts_of[320];                   /* host of `server` */
    char visited[MAX_REDIRECTS + 1][512]; /* URLs and addresses that redirects led to */
    size_t n_visited;
    easg_error last; /* why the last way led nowhere */
};

static void told(struct search *s, const char *where, const char *why)
{
    char text[480];

    (void)snprintf(text, sizeof text, "Autodiscover: %.200s: %.250s", where, why);
    (void)snprintf(s->last.message, sizeof s->last.message, "%s", text);
    if (s->o->tried)
        s->o->tried(s->o->user, text);
}

/* ---- which hosts ---- */

static size_t host_len(const char *host)
{
    return strcspn(host, ":/");
}

static int matches(const easg_str *pattern, const char *host, size_t len)
{
    if (pattern->len > 2 && pattern->ptr[0] == '*' && pattern->ptr[1] == '.')
        return len > pattern->len - 1 &&
               text_ieq(pattern->ptr + 1, pattern->len - 1, host + len - (pattern->len - 1),
                        pattern->len - 1);
    return text_ieq(pattern->ptr, pattern->len, host, len);
}

static int allowed_host(const struct search *s, const char *host)
{
    size_t len = host_len(host);
    char own[320];
    int n = snprintf(own, sizeof own, "autodiscover.%s", s->domain);

    if (len == 0)
        return 0;
    if (s->hosts_of[0] && text_ieq(s->hosts_of, strlen(s->hosts_of), host, len))
        return 1;
    if (n > 0 && (size_t)n < sizeof own && text_ieq(own, (size_t)n, host, len))
        return 1;
    for (size_t i = 0; i < s->o->n_allow; i++)
        if (matches(s->o->allow[i], host, len))
            return 1;
    return 0;
}

/* https, well-formed and to a host that may be asked; else the reason is told. */
static int allowed_url(struct search *s, const char *where, const char *url)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);
    easg_error err = EASG_ERROR_INIT;
    char text[300], safe[200];

    (void)text_safe(url, strlen(url), safe, sizeof safe);
    if (http_url_endpoint(url, &endpoint, &err) != EASG_OK) {
        (void)snprintf(text, sizeof text, "it names %s, which is no https address", safe);
        told(s, where, text);
        return 0;
    }
    if (!allowed_host(s, strbuf_str(&endpoint))) {
        (void)snprintf(text, sizeof text,
                       "it names %s, which is not allowed: if it is yours, add its host to "
                       "autodiscover.allow",
                       safe);
        told(s, where, text);
        return 0;
    }
    return 1;
}

/* Notes where a redirect leads; 0: there already, or too many. */
static int may_follow(struct search *s, const char *where, const char *target)
{
    for (size_t i = 0; i < s->n_visited; i++)
        if (strcmp(s->visited[i], target) == 0) {
            told(s, where, "its redirects go round in a circle");
            return 0;
        }
    if (s->n_visited > MAX_REDIRECTS) {
        told(s, where, "too many redirects");
        return 0;
    }
    (void)snprintf(s->visited[s->n_visited++], sizeof s->visited[0], "%s", target);
    return 1;
}

/* ---- one request ---- */

enum way { WAY_SOAP, WAY_POX, WAY_JSON };
static const char *const way_names[] = { "SOAP", "POX", "V2" };

/* Its outcome: EASG_OK with a->kind, or the reason to end the search. */
static easg_status request(struct search *s, enum way way, const char *url,
                           struct discover_answer *a, easg_error *err)
{
    static const char *const headers[] = { "Content-Type: text/xml; charset=utf-8" };
    struct http_response response = { 0 };
    struct http_request r = { .method = way == WAY_JSON ? "GET" : "POST",
                              .url = url,
                              .headers = headers,
                              .n_headers = way != WAY_JSON,
                              .max_response = DISCOVER_MAX_ANSWER,
                              .idempotent = 1,
                              .collect = &s->answer };
    int64_t most = s->o->request_timeout_ms ? s->o->request_timeout_ms : TIMEOUT_MS;
    easg_status st = EASG_OK;

    memset(a, 0, sizeof *a);
    r.timeout_ms = s->o->remaining_ms(s->o->user);
    if (r.timeout_ms <= 0)
        return err_set(err, EASG_E_TIMEOUT, "no time left for Autodiscover");
    r.timeout_ms = r.timeout_ms < most ? r.timeout_ms : most;
    strbuf_reset(&s->request);
    strbuf_reset(&s->answer);
    if (way == WAY_SOAP)
        st = discover_write_soap(&s->request, s->address, url);
    else if (way == WAY_POX)
        st = discover_write_pox(&s->request, s->address);
    if (st != EASG_OK)
        return err_nomem(err);
    r.body = s->request.len ? s->request.ptr : NULL;
    r.body_len = s->request.len;
    /* V2 answers before any log-on, so it gets none. */
    st = way == WAY_JSON ? http_perform(s->http, &r, &response, err)
                         : auth_perform(s->o->auth, s->http, &r, &response, err);
    if (st == EASG_E_AUTH || st == EASG_E_CANCELLED || st == EASG_E_NOMEM)
        return st;
    if (st != EASG_OK) {
        (void)snprintf(a->why, sizeof a->why, "%.150s", err->message);
        err_clear(err);
        return EASG_OK;
    }
    if (response.status >= 301 && response.status <= 308 && http_header(s->http, "Location", 0)) {
        a->kind = DISCOVER_URL;
        (void)snprintf(a->target, sizeof a->target, "%.500s", http_header(s->http, "Location", 0));
        return EASG_OK;
    }
    if (response.status != 200) {
        (void)snprintf(a->why, sizeof a->why, "it answers %d", response.status);
        return EASG_OK;
    }
    return (way == WAY_SOAP  ? discover_read_soap
            : way == WAY_POX ? discover_read_pox
                             : discover_read_json)(strbuf_str(&s->answer), s->answer.len, a, err);
}

/* ---- from an answer to an address of EWS ---- */

static int take(struct search *s, const char *where, const char *url)
{
    if (!url[0] || !allowed_url(s, where, url))
        return 0;
    (void)snprintf(s->found->url, sizeof s->found->url, "%s", url);
    return 1;
}

static int names_server(const struct search *s, const char *url)
{
    const char *host = strstr(url, "://");

    return host && s->hosts_of[0] &&
           text_ieq(s->hosts_of, strlen(s->hosts_of), host + 3, host_len(host + 3));
}

/* The configured server's own address, else the external one, else the internal one. */
static int choose(struct search *s, const char *where, const struct discover_answer *a)
{
    if (names_server(s, a->internal) && take(s, where, a->internal))
        return 1;
    return take(s, where, a->external) || take(s, where, a->internal);
}

static easg_status ask(struct search *s, enum way way, const char *first, int *done,
                       easg_error *err);

/* The same way again, at another place or about another address. */
static easg_status follow(struct search *s, enum way way, const char *url,
                          const struct discover_answer *a, int *done, easg_error *err)
{
    char next[512];

    if (!may_follow(s, url, a->target))
        return EASG_OK;
    if (a->kind == DISCOVER_URL) {
        if (!allowed_url(s, url, a->target))
            return EASG_OK;
        (void)snprintf(next, sizeof next, "%s", a->target);
        return ask(s, way, next, done, err);
    }
    if (strcmp(a->target, s->address) == 0 || !strchr(a->target, '@') ||
        strlen(a->target) >= sizeof s->address) {
        told(s, url, "it redirects to an address that is none, or to the same one");
        return EASG_OK;
    }
    memcpy(s->address, a->target, strlen(a->target) + 1);
    (void)snprintf(next, sizeof next, "%s", url);
    return ask(s, way, next, done, err);
}

static easg_status ask(struct search *s, enum way way, const char *url, int *done, easg_error *err)
{
    struct discover_answer a;
    easg_status st = request(s, way, url, &a, err);

    if (st != EASG_OK)
        return st;
    switch (a.kind) {
    case DISCOVER_NOTHING: told(s, url, a.why); return EASG_OK;
    case DISCOVER_ADDRESS:
    case DISCOVER_URL: return follow(s, way, url, &a, done, err);
    case DISCOVER_SETTINGS: break;
    }
    *done = choose(s, url, &a);
    if (*done) {
        const char *host = strstr(url, "://") + 3;

        (void)snprintf(s->found->how, sizeof s->found->how, "%s at %.*s", way_names[way],
                       (int)(host_len(host) < 60 ? host_len(host) : 60), host);
    }
    return EASG_OK;
}

/* All ways on one host. */
static easg_status at_host(struct search *s, const char *host, int *done, easg_error *err)
{
    const int wanted[] = { s->o->soap, s->o->pox, s->o->json };
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(1024);
    easg_status st = EASG_OK;

    for (size_t way = 0; st == EASG_OK && !*done && way < 3; way++) {
        if (!wanted[way])
            continue;
        strbuf_reset(&url);
        strbuf_addf(&url, "https://%s/autodiscover/autodiscover.%s", host,
                    way == WAY_SOAP  ? "svc"
                    : way == WAY_POX ? "xml"
                                     : "json");
        if (way == WAY_JSON) {
            strbuf_adds(&url, "?Email=");
            strbuf_add_url(&url, s->address, strlen(s->address));
            strbuf_adds(&url, "&Protocol=EWS&RedirectCount=1");
        }
        (void)snprintf(s->address, sizeof s->address, "%s", s->o->mailbox);
        s->n_visited = 0;
        st = strbuf_status(&url) != EASG_OK ? err_nomem(err)
                                            : ask(s, (enum way)way, url.ptr, done, err);
    }
    return st;
}

static uint32_t draw(void *user)
{
    uint32_t *state = user;

    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static easg_status by_srv(struct search *s, int *done, easg_error *err)
{
    struct ews_srv list[EWS_MAX_SRV];
    uint16_t port = s->o->srv_port ? s->o->srv_port : 443;
    uint32_t seed = (uint32_t)(uintptr_t)s ^ (uint32_t)s->o->remaining_ms(s->o->user);
    char name[320], host[300];
    size_t n = 0;
    easg_status st = EASG_OK;

    (void)snprintf(name, sizeof name, "_autodiscover._tcp.%s", s->domain);
    if ((s->o->resolve ? s->o->resolve : ews_resolve_srv)(s->o->user, name, list, EWS_MAX_SRV, &n,
                                                          err) != EASG_OK) {
        told(s, name, err->message);
        err_clear(err);
        return EASG_OK;
    }
    ews_order_srv(list, n, draw, &seed);
    for (size_t i = 0; st == EASG_OK && !*done && i < n; i++) {
        char target[300];

        if (list[i].port != port)
            continue;
        (void)snprintf(target, sizeof target, "https://%s/", list[i].host);
        if (!allowed_url(s, name, target))
            continue;
        if (port == 443)
            (void)snprintf(host, sizeof host, "%s", list[i].host);
        else
            (void)snprintf(host, sizeof host, "%s:%u", list[i].host, port);
        st = at_host(s, host, done, err);
    }
    return st;
}

static easg_status search(struct search *s, int *done, easg_error *err)
{
    char host[320];
    easg_status st = EASG_OK;

    if (s->o->server)
        st = at_host(s, s->o->server, done, err);
    (void)snprintf(host, sizeof host, "autodiscover.%s", s->domain);
    if (st == EASG_OK && !*done && (!s->o->server || strcmp(host, s->hosts_of) != 0))
        st = at_host(s, host, done, err);
    /* The domain's own site is often somebody else's machine: only where it was allowed. */
    for (size_t i = 0; st == EASG_OK && !*done && i < s->o->n_allow; i++)
        if (text_eq(s->o->allow[i], s->domain))
            st = at_host(s, s->domain, done, err);
    if (st == EASG_OK && !*done && s->o->srv)
        st = by_srv(s, done, err);
    return st;
}

easg_status ews_discover(const struct ews_discover_options *o, struct ews_found *out,
                         easg_error *err)
{
    struct search *s = mem_alloc(sizeof *s);
    const char *at = strrchr(o->mailbox, '@');
    int done = 0;
    easg_status st;

    memset(out, 0, sizeof *out);
    if (!s)
        return err_nomem(err);
    s->o = o;
    s->found = out;
    strbuf_init(&s->request, 64u * 1024u);
    strbuf_init(&s->answer, DISCOVER_MAX_ANSWER);
    if (!at || !at[1] || strlen(o->mailbox) >= sizeof s->address ||
        (o->server && strlen(o->server) >= sizeof s->hosts_of)) {
        st = err_set(err, EASG_E_CONFIG, "`mailbox` is no address");
    } else {
        s->domain = at + 1;
        if (o->server)
            (void)snprintf(s->hosts_of, sizeof s->hosts_of, "%.*s", (int)host_len(o->server),
                           o->server);
        st = http_create(o->http, &s->http, err);
    }
    if (st == EASG_OK)
        st = search(s, &done, err);
    if (st == EASG_OK && !done)
        st = err_set(err, EASG_E_UNREACHABLE, "Autodiscover found no EWS for %s (%.250s): set `%s`",
                     o->mailbox, s->last.message[0] ? s->last.message : "no way is switched on",
                     o->instead ? o->instead : "service_url");
    http_destroy(s->http);
    strbuf_clear(&s->request);
    strbuf_clear(&s->answer);
    mem_free(s);
    return st;
}
