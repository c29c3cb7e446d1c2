/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts cloud.py with certificates of its own, and talks to it beside the code under test.
 */
#include "cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../http/certs.h"
#include "../http/peer.h"
#include "err.h"
#include "http.h"

static struct peer peer;
static struct http *side;
static const char *base;
static struct strbuf answer = STRBUF_INIT(4u * 1024u * 1024u);

char *cloud_file(const struct cloud *c, const char *name, size_t *len)
{
    static char buf[16384];
    char path[4200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    f = fopen(path, "r");
    *len = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
    buf[*len] = '\0';
    if (f)
        fclose(f);
    return buf;
}

int cloud_start(struct cloud *c)
{
    static const struct cert_wish wishes[] = {
        {.name = "ca",         .cn = "test CA",        .ca = 1,          .from_days = -1, .to_days = 10 },
        { .name = "good",      .san = "DNS:localhost", .issuer = "ca",   .from_days = -1, .to_days = 10 },
        { .name = "app",       .cn = "easgate app",    .rsa_bits = 2048, .from_days = -1, .to_days = 100},
        { .name = "ec",        .cn = "easgate app",    .from_days = -1,  .to_days = 100 },
        { .name = "small", .cn = "easgate app",       .rsa_bits = 1024,  .from_days = -1,    .to_days = 9              },
        { .name = "old", .cn = "easgate app",       .rsa_bits = 2048,  .from_days = -9,   .to_days = -2},
    };
    const char *source = getenv("EASGATE_SOURCE");
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { .ca_file = c->ca };
    char script[4096];
    char python[] = "python3";

    memset(c, 0, sizeof *c);
    if (!peer_python())
        return 77;
    c->dir = certs_tempdir();
    snprintf(script, sizeof script, "%s/tests/unit/graph/cloud.py", source ? source : ".");
    snprintf(c->ca, sizeof c->ca, "%s/ca.crt", c->dir ? c->dir : "");
    if (!c->dir || certs_make(c->dir, wishes, sizeof wishes / sizeof *wishes) != 0 ||
        peer_start(&peer, (char *[]){ python, script, c->dir, NULL }) != 0 ||
        http_create(&o, &side, &err) != EASG_OK) {
        printf("# cloud.py: %s\n", err.message);
        return -1;
    }
    snprintf(c->url, sizeof c->url, "https://localhost:%d", peer_port(&peer, "main"));
    base = c->url;
    memcpy(c->pem, cloud_file(c, "app.pem", &c->pem_len), sizeof c->pem);
    return 0;
}

void cloud_stop(struct cloud *c)
{
    http_destroy(side);
    strbuf_clear(&answer);
    peer_stop(&peer);
    certs_remove(c->dir);
}

static void aside(const char *method, const char *path, const char *body)
{
    char url[300];
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct http_request r = { .method = method,
                              .url = url,
                              .body = body,
                              .body_len = body ? strlen(body) : 0,
                              .timeout_ms = 5000,
                              .max_response = 4000000,
                              .collect = &answer };

    snprintf(url, sizeof url, "%s%s", base, path);
    http_disconnect(side);
    if (http_perform(side, &r, &resp, &err) != EASG_OK || resp.status != 200)
        printf("# cloud.py %s: %d %s\n", path, resp.status, err.message);
}

void cloud_script(const char *json)
{
    aside("POST", "/script", json);
}

const char *cloud_log(void)
{
    aside("GET", "/log", NULL);
    return strbuf_str(&answer);
}

const char *cloud_log_line(const char *log, int n)
{
    static char line[65536];

    for (; n > 0 && *log; n--)
        log += strcspn(log, "\n") + 1;
    if (!*log || *log == '\n')
        return NULL;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(log, "\n"), log);
    return line;
}
