/* SPDX-License-Identifier: Apache-2.0
 *
 * The servers as one child process, and requests to them.
 */
#include "net_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../unit/http/certs.h"
#include "strbuf.h"

static struct peer peer;
static char *dir;
static struct strbuf body = STRBUF_INIT(100000);

const char *net_file(const char *name)
{
    static char paths[64][4200];
    static unsigned turn;
    char *path = paths[turn++ % 64];

    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

int net_number(const char *name)
{
    return peer_port(&peer, name);
}

const char *net_slurp(const char *name, size_t *len)
{
    static char buf[16384];
    FILE *f = fopen(net_file(name), "rb");

    *len = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
    buf[*len] = '\0';
    if (f)
        (void)fclose(f);
    CHECK(*len > 0);
    return buf;
}

int net_log_lines(const char *log, const char *what)
{
    char name[64], line[4096];
    int n = 0;
    FILE *f;

    (void)snprintf(name, sizeof name, "log/%s", log);
    f = fopen(net_file(name), "r");
    while (f && fgets(line, sizeof line, f))
        n += strstr(line, what) != NULL;
    if (f)
        (void)fclose(f);
    CHECK(f != NULL);
    return n;
}

int net_log_until(const char *log, const char *what, int want)
{
    int n = net_log_lines(log, what);

    for (int i = 0; i < 250 && n < want; i++) {
        (void)nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
        n = net_log_lines(log, what);
    }
    return n;
}

void net_krb5_conf(const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof path, "krb5/%s", name);
    CHECK_INT(setenv("KRB5_CONFIG", net_file(path), 1), 0);
}

int net_start(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "test CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "good", .san = "DNS:localhost", .issuer = "ca", .from_days = -1, .to_days = 10 },
        { .name = "clientca", .cn = "client CA", .ca = 1, .from_days = -1, .to_days = 10 },
        { .name = "client",
          .cn = "svc-easgate",
          .issuer = "clientca",
          .from_days = -1,
          .to_days = 10 },
        { .name = "strange", .cn = "svc-easgate", .issuer = "ca", .from_days = -1, .to_days = 10 },
        { .name = "expired",
          .cn = "svc-easgate",
          .issuer = "clientca",
          .from_days = -10,
          .to_days = -1 },
    };
    static char python[] = "/usr/bin/python3", unwritten[] = "-B";
    char script[4096], command[4300];
    int rc;

    if (access(python, X_OK) != 0)
        return check_skip("/usr/bin/python3 is not installed");
    (void)snprintf(script, sizeof script, "%s/tests/peers/net/net.py", check_source());
    (void)snprintf(command, sizeof command, "%s -B '%s' --check", python, script);
    rc = system(command);
    if (!WIFEXITED(rc) || WEXITSTATUS(rc) != 0)
        return WIFEXITED(rc) && WEXITSTATUS(rc) == 77 ? 77 : 1;
    /* None of what the tester has may help. */
    (void)unsetenv("KRB5CCNAME");
    (void)unsetenv("KRB5_KTNAME");
    (void)unsetenv("KRB5_CLIENT_KTNAME");
    (void)unsetenv("GSS_MECH_CONFIG");
    dir = certs_tempdir();
    if (!dir || chmod(dir, 0755) != 0 ||
        certs_make(dir, wishes, sizeof wishes / sizeof *wishes) != 0 ||
        peer_start(&peer, (char *[]){ python, unwritten, script, dir, NULL }) != 0) {
        printf("not ok - the servers could not be started\n");
        return 1;
    }
    net_krb5_conf("krb5.conf");
    return 0;
}

void net_stop(void)
{
    peer_stop(&peer); /* removes the directory, too */
    strbuf_clear(&body);
    free(dir);
}

struct http *net_http(struct http_options o)
{
    easg_error err = EASG_ERROR_INIT;
    struct http *h = NULL;

    o.ca_file = net_file("ca.crt");
    if (!CHECK_INT(http_create(&o, &h, &err), EASG_OK))
        printf("# %s\n", err.message);
    return h;
}

easg_status net_post(struct auth *a, struct http *h, const char *server, const char *path,
                     const char *payload, int64_t timeout_ms, struct http_response *resp,
                     easg_error *err)
{
    char url[200];
    struct http_request r = { .method = "POST",
                              .url = url,
                              .body = payload,
                              .body_len = strlen(payload),
                              .timeout_ms = timeout_ms,
                              .max_response = 100000,
                              .collect = &body };

    err_clear(err);
    strbuf_reset(&body);
    (void)snprintf(url, sizeof url, "https://localhost:%d%s", net_number(server), path);
    return a ? auth_perform(a, h, &r, resp, err) : http_perform(h, &r, resp, err);
}

const char *net_body(void)
{
    return strbuf_str(&body);
}

struct auth *net_account(struct auth_account account)
{
    easg_error err = EASG_ERROR_INIT;
    struct auth *a = NULL;

    if (account.password)
        account.password_len = strlen(account.password);
    if (!CHECK_INT(auth_create_account(&account, &a, &err), EASG_OK)) {
        printf("# %s\n", err.message);
        exit(1); /* the servers end with us */
    }
    return a;
}

int main(void)
{
    int rc;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    rc = net_start();

    if (rc != 0)
        return rc;
    rc = net_test_logon();
    rc |= net_test_way();
    net_stop();
    return rc | check_done();
}
