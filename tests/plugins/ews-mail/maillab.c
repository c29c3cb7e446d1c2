/* SPDX-License-Identifier: Apache-2.0
 *
 * The lab as a child process, its mailbox, and the module's surroundings.
 */
#include "maillab.h"

#include <stdio.h>
#include <string.h>

#include "../../unit/http/certs.h"
#include "../../unit/http/peer.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "text.h"

char maillab_server[80], maillab_ca[1200], maillab_user[80], maillab_password[200];
static char service[200], control[80];
static const easg_module *module;
static struct peer lab;
static char *dir;
static struct fakehost_secret secret;
static struct http *side;
static struct strbuf answer = STRBUF_INIT(64u * 1024u * 1024u);

const easg_module *maillab_module(void)
{
    char path[4096];

    if (!module) {
        (void)snprintf(path, sizeof path, "%s/lib/easgate/plugins/ews-mail.so", check_build());
        module = fakehost_load(path, EASG_KIND_NOTIFIER, "ews-mail");
    }
    return module;
}

const easg_notifier_ops *maillab_ops(void)
{
    return maillab_module()->ops;
}

static size_t slurp(const char *name, char *buf, size_t size)
{
    char path[4200];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "rb");
    n = f ? fread(buf, 1, size - 1, f) : 0;
    buf[n] = '\0';
    if (f)
        (void)fclose(f);
    return n;
}

static void text_of(const struct json *doc, const char *name, char *out, size_t size)
{
    easg_error err = EASG_ERROR_INIT;
    easg_str s = { NULL, 0 };

    CHECK_INT(json_get_str(doc, name, 0, &s, &err), EASG_OK);
    (void)snprintf(out, size, "%s", s.ptr ? s.ptr : "");
}

int maillab_start(void)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    static char words[5][24] = { "--dir", "--quiet", "--until-stdin-closes", "--devices", "1" };
    char program[4096], json[65536], url[200];
    struct http_options o = { .ca_file = maillab_ca };
    struct json *doc = NULL;
    const struct json *cas = NULL;
    easg_str first = { NULL, 0 };
    easg_error err = EASG_ERROR_INIT;
    size_t len;

    dir = certs_tempdir();
    if (!dir)
        return -1;
    (void)snprintf(program, sizeof program, "%s/bin/easgate-lab", check_build());
    (void)snprintf(maillab_ca, sizeof maillab_ca, "%s/ca.pem", dir);
    {
        char *argv[] = { program, words[0], dir, words[1], words[2], words[3], words[4], NULL };

        if (peer_start(&lab, argv) != 0)
            return -1;
    }
    len = slurp("lab.json", json, sizeof json);
    secret.len = slurp("exchange.password", maillab_password, sizeof maillab_password);
    while (secret.len && maillab_password[secret.len - 1] == '\n')
        maillab_password[--secret.len] = '\0';
    secret.name = "password";
    secret.ptr = maillab_password;
    if (!CHECK_INT(json_parse(json, len, &limits, &doc, &err), EASG_OK))
        return -1;
    text_of(doc, "graph", control, sizeof control);
    text_of(doc, "exchange_user", maillab_user, sizeof maillab_user);
    CHECK_INT(json_get_array(doc, "cas", 1, &cas, &err), EASG_OK);
    CHECK_INT(json_str(json_first(cas), &first, &err), EASG_OK);
    (void)snprintf(url, sizeof url, "%s", first.ptr ? first.ptr : "https://");
    (void)snprintf(maillab_server, sizeof maillab_server, "%.*s", (int)strcspn(url + 8, "/"),
                   url + 8);
    (void)snprintf(service, sizeof service, "https://%s/EWS/Exchange.asmx", maillab_server);
    json_destroy(doc);
    return http_create(&o, &side, &err) == EASG_OK ? 0 : -1;
}

void maillab_stop(void)
{
    static const char *const subs[] = { "etc/orgs.d/contoso.yaml", "etc/orgs.d", "etc/easgate.yaml",
                                        "etc", "state" };

    http_destroy(side);
    side = NULL;
    peer_stop(&lab);
    for (size_t i = 0; dir && i < sizeof subs / sizeof *subs; i++) {
        char path[4200];

        (void)snprintf(path, sizeof path, "%s/%s", dir, subs[i]);
        (void)remove(path);
    }
    certs_remove(dir);
    dir = NULL;
    strbuf_clear(&answer);
}

const char *maillab_control(const char *method, const char *path, const char *body)
{
    static const char *const headers[] = { "Content-Type: application/json" };
    char address[300];
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp = { 0 };
    struct http_request r = { .method = method,
                              .url = address,
                              .headers = headers,
                              .n_headers = 1,
                              .body = body,
                              .body_len = body ? strlen(body) : 0,
                              .timeout_ms = 20000,
                              .max_response = 60000000,
                              .idempotent = 1,
                              .collect = &answer };

    (void)snprintf(address, sizeof address, "%s%s", control, path);
    if (http_perform(side, &r, &resp, &err) != EASG_OK || resp.status != 200)
        printf("# %s %s: %d %s\n", path, body ? body : "", resp.status, err.message);
    CHECK_INT(resp.status, 200);
    return strbuf_str(&answer);
}

void maillab_fault(const char *spec)
{
    char body[200];

    (void)snprintf(body, sizeof body, "{\"spec\":\"%s\"}", spec);
    (void)maillab_control("POST", "/lab/fault", body);
}

void maillab_clear(void)
{
    (void)maillab_control("POST", "/lab/fault", "{\"clear\":true}");
    (void)maillab_control("POST", "/lab/mail/clear", "{}");
}

int64_t maillab_stat(const char *name)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const char *text = maillab_control("GET", "/lab/stats", NULL);
    struct json *doc = NULL;
    easg_error err = EASG_ERROR_INIT;
    int64_t n = -1;

    if (CHECK_INT(json_parse(text, strlen(text), &limits, &doc, &err), EASG_OK))
        CHECK_INT(json_get_int(doc, name, 1, &n, &err), EASG_OK);
    json_destroy(doc);
    return n;
}

/* Calls fn for each message. */
static void each(void (*fn)(const struct json *mail, void *user), void *user)
{
    static const struct json_limits limits = { 8u << 20, 8, 1000 };
    const char *p = maillab_control("GET", "/lab/mail", NULL);

    while (*p) {
        size_t len = strcspn(p, "\n");
        struct json *doc = NULL;
        easg_error err = EASG_ERROR_INIT;

        if (CHECK_INT(json_parse(p, len, &limits, &doc, &err), EASG_OK))
            fn(doc, user);
        json_destroy(doc);
        p += len + (p[len] == '\n');
    }
}

struct counting {
    const char *key, *folder;
    unsigned n;
};

static void count(const struct json *mail, void *user)
{
    struct counting *c = user;
    char key[300], folder[40];

    text_of(mail, "key", key, sizeof key);
    text_of(mail, "folder", folder, sizeof folder);
    c->n += (!c->key || strcmp(key, c->key) == 0) && (!c->folder || !strcmp(folder, c->folder));
}

unsigned maillab_count(const char *key, const char *folder)
{
    struct counting c = { key, folder, 0 };

    each(count, &c);
    return c.n;
}

struct last {
    const char *member;
    char value[1 << 16];
};

static void note(const struct json *mail, void *user)
{
    struct last *l = user;

    text_of(mail, l->member, l->value, sizeof l->value);
}

const char *maillab_last(const char *member)
{
    static struct last l;

    l.member = member;
    l.value[0] = '\0';
    each(note, &l);
    return l.value;
}

int maillab_host_init(struct maillab_host *h, const struct fakehost_option *more)
{
    const struct fakehost_option basic[] = {
        { "mailbox", "notify@contoso.example" },
        { "service_url", service },
        { "auth.method", "basic" },
        { "auth.user", maillab_user },
        { "auth.password", "@password" },
        { "ca_file", maillab_ca },
        { "timeout.connect", "10000" },
        { "timeout.request", "20000" },
        { "autodiscover.refresh", "86400000" },
    };
    size_t n = sizeof basic / sizeof *basic;
    easg_error err = EASG_ERROR_INIT;

    memset(h, 0, sizeof *h);
    memcpy(h->options, basic, sizeof basic);
    for (; more && more->key; more++) {
        size_t i = 0;

        while (i < n && strcmp(h->options[i].key, more->key) != 0)
            i++;
        if (more->value) {
            h->options[i] = *more;
            n += i == n;
        } else if (i < n) {
            memmove(&h->options[i], &h->options[i + 1], (--n - i) * sizeof *h->options);
        }
    }
    fakehost_init(&h->host, h->options, n, &secret, 1);
    if (!maillab_module())
        return -1;
    if (maillab_module()->create(&h->host.host, fakehost_config(&h->host), &h->self, &err) !=
        EASG_OK) {
        printf("# create: %s\n", err.message);
        return -1;
    }
    return 0;
}

void maillab_close(struct maillab_host *h)
{
    if (h->session)
        maillab_ops()->close(h->session);
    h->session = NULL;
}

void maillab_host_clear(struct maillab_host *h)
{
    maillab_close(h);
    if (h->self)
        maillab_module()->destroy(h->self);
    fakehost_clear(&h->host);
}

easg_status maillab_open(struct maillab_host *h, easg_error *err)
{
    easg_status st;

    maillab_close(h);
    err_clear(err);
    st = maillab_ops()->open(h->self, fakehost_run(&h->host), &h->session, err);
    if (st != EASG_OK)
        CHECK(err->message[0] && h->session == NULL);
    return st;
}

easg_message maillab_message(const char *key, const char *to)
{
    easg_message m = { .struct_size = sizeof m,
                       .idempotency_key = text_str(key),
                       .to_smtp = text_str(to),
                       .subject = TEXT_LIT("Ger\xc3\xa4t \xf0\x9f\x93\xb1"),
                       .body_text = TEXT_LIT("Hallo\n"),
                       .body_html = TEXT_LIT("<p>Hallo</p>"),
                       .language = TEXT_LIT("de") };

    return m;
}
