/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: whose they are. A secret goes to an origin, so the comparison is done on parsed
 * parts and never on text.
 */
#include "http_private.h"

#include <string.h>

#include "err.h"
#include "text.h"

struct parts {
    char *scheme;
    char *host;
    char *port;
    char *user;
};

static void parts_clear(struct parts *p)
{
    curl_free(p->scheme);
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->user);
}

/* 1: an absolute URL. */
static int parts_read(const char *url, struct parts *p)
{
    CURLU *u = NULL;
    int ok = 0;

    *p = (struct parts){ 0 };
    for (const char *c = url; *c; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f || *c == '\\')
            return 0;
    }
    u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &p->host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        (void)curl_url_get(u, CURLUPART_USER, &p->user, 0);
        ok = p->host[0] != '\0';
    }
    curl_url_cleanup(u);
    return ok;
}

/* 1: an absolute https URL without user information. */
static int parts_parse(const char *url, struct parts *p)
{
    return parts_read(url, p) && strcmp(p->scheme, "https") == 0 && !p->user;
}

int http_same_origin(const char *url_a, const char *url_b)
{
    struct parts a, b = { 0 };
    int same = parts_parse(url_a, &a) && parts_parse(url_b, &b) &&
               text_ieq(a.host, strlen(a.host), b.host, strlen(b.host)) &&
               strcmp(a.port, b.port) == 0;

    parts_clear(&a);
    parts_clear(&b);
    return same;
}

int http_bypasses_proxy(const char *list, const char *host, size_t host_len)
{
    for (const char *p = list; *p; p += strcspn(p, ",")) {
        size_t len;

        p += strspn(p, ", ");
        len = strcspn(p, ", ");
        if (len == 1 && *p == '*')
            return 1;
        if (len && *p == '.') {
            if (text_ieq(p + 1, len - 1, host, host_len) ||
                (host_len > len && text_ieq(p, len, host + host_len - len, len)))
                return 1;
        } else if (len && text_ieq(p, len, host, host_len)) {
            return 1;
        }
    }
    return 0;
}

/* Addresses as libcurl reads them, and no names: a name can be made to point elsewhere. */
int http_url_local(const char *url, struct strbuf *endpoint)
{
    static const char *const hosts[] = { "127.0.0.1", "[::1]", "169.254.169.254" };
    struct parts p;
    int local = 0;

    if (!url)
        return 0;
    if (parts_read(url, &p) && strcmp(p.scheme, "http") == 0 && !p.user)
        for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
            local |= strcmp(p.host, hosts[i]) == 0;
    strbuf_reset(endpoint);
    if (local)
        local = strbuf_addf(endpoint, "%s:%s", p.host, p.port) == EASG_OK;
    parts_clear(&p);
    return local;
}

easg_status http_url_endpoint(const char *url, struct strbuf *endpoint, easg_error *err)
{
    struct parts p;
    char safe[200];
    easg_status st = EASG_OK;

    strbuf_reset(endpoint);
    if (!url || !parts_parse(url, &p)) {
        st = err_set(err, EASG_E_CONFIG,
                     "%s is not an absolute https address without user name: write "
                     "https://host[:port]/path",
                     url ? text_safe(url, strlen(url), safe, sizeof safe) : "(nothing)");
    } else if (strbuf_addf(endpoint, "%s:%s", p.host, p.port) != EASG_OK) {
        st = err_nomem(err);
    }
    if (url)
        parts_clear(&p);
    return st;
}
