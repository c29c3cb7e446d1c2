/* SPDX-License-Identifier: Apache-2.0
 *
 * The example against a real SMTP server: what arrives, and what each refusal becomes.
 */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <easgate/notifier.h>

#include "../../unit/http/certs.h"
#include "../../unit/http/peer.h"
#include "../support/fakehost.h"
#include "check.h"
#include "err.h"
#include "text.h"

extern char **environ;

static const easg_module *module;
static const easg_notifier_ops *ops;
static struct peer server;
static char *dir, *box;
static char at[40], plain[40], ca[400];
static struct fakehost_secret secrets[] = { { "good", "geheim", 6 }, { "bad", "falsch", 6 } };

static easg_status with(const char *address, const char *password, const char *to, easg_error *err)
{
    const struct fakehost_option config[] = {
        { "server", address },
        { "from", "notify@contoso.example" },
        { "from_name", "Contoso \xf0\x9f\x93\xb1" },
        { "auth.user", "notify" },
        { "auth.password", password },
        { "ca_file", ca },
        { "timeout.connect", "10000" },
        { "timeout.send", "20000" },
    };
    struct fakehost h;
    easg_instance *self = NULL;
    easg_session *s = NULL;
    easg_message m = { .struct_size = sizeof m,
                       .idempotency_key = TEXT_LIT("run-1"),
                       .to_smtp = text_str(to),
                       .subject = TEXT_LIT("Ger\xc3\xa4t \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"),
                       .body_text =
                           TEXT_LIT("Hallo Zo\xc3\xab \xf0\x9f\x91\xa9\n.\n..\nFrom here\n"),
                       .body_html = TEXT_LIT("<p>Hallo Zo\xc3\xab</p>"),
                       .language = TEXT_LIT("de") };
    easg_status st;

    err_clear(err);
    fakehost_init(&h, config, sizeof config / sizeof *config, secrets, 2);
    st = module->create(&h.host, fakehost_config(&h), &self, err);
    if (st == EASG_OK)
        st = ops->open(self, fakehost_run(&h), &s, err);
    if (st == EASG_OK)
        st = ops->send(s, fakehost_run(&h), &m, err);
    if (st == EASG_OK && strncmp(to, "twice", 5) == 0)
        st = ops->send(s, fakehost_run(&h), &m, err);
    CHECK((st == EASG_OK) == !err->message[0]);
    CHECK(strstr(err->message, "geheim") == NULL);
    ops->close(s);
    if (self)
        module->destroy(self);
    CHECK(strstr(strbuf_str(&h.log), "geheim") == NULL);
    fakehost_clear(&h);
    return st;
}

static int arrived(void)
{
    int n = 0;

    for (;; n++) {
        char path[500];

        (void)snprintf(path, sizeof path, "%s/%d.eml", box, n + 1);
        if (access(path, R_OK) != 0)
            return n;
    }
}

static int python(int n)
{
    char script[4096], file[500], word[] = "python3";
    char *argv[] = { word, script, file, NULL };
    pid_t pid;
    int status = 0;

    (void)snprintf(script, sizeof script, "%s/tests/plugins/notifier-smtp/read_mail.py",
                   check_source());
    (void)snprintf(file, sizeof file, "%s/%d.eml", box, n);
    if (posix_spawnp(&pid, word, NULL, NULL, argv, environ) != 0)
        return -1;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void rows(void)
{
    static const struct {
        const char *to;
        easg_status status;
        int arrives;
        const char *says;
    } table[] = {
        { "user@contoso.example", EASG_OK, 1, NULL },
        { "twice@contoso.example", EASG_OK, 2, NULL },
        { "nobody@contoso.example", EASG_E_NOTFOUND, 0, "no such user" },
        { "later@contoso.example", EASG_E_UNAVAILABLE, 0, "try again later" },
        { "full@contoso.example", EASG_E_LIMIT, 0, "too large" },
        { "lost@contoso.example", EASG_E_UNCERTAIN, 1, NULL },
        { "no address", EASG_E_NOTFOUND, 0, "address" },
        { "a@b\r\nRCPT TO:<c@d>", EASG_E_NOTFOUND, 0, "address" },
    };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int before = arrived();

        ROW(table[i].to);
        if (!CHECK_INT(with(at, "@good", table[i].to, &err), table[i].status))
            printf("# %s\n", err.message);
        CHECK_INT(arrived() - before, table[i].arrives);
        if (table[i].says)
            CHECK_HAS(err.message, table[i].says);
    }
    ROW("as a mail reader sees it");
    CHECK_INT(python(1), 0);
    ROW("a wrong password");
    CHECK_INT(with(at, "@bad", "user@contoso.example", &err), EASG_E_AUTH);
    ROW("a server without TLS");
    CHECK_INT(with(plain, "@good", "user@contoso.example", &err), EASG_E_UNTRUSTED);
    ROW("nobody there");
    CHECK_INT(with("localhost:1", "@good", "user@contoso.example", &err), EASG_E_UNREACHABLE);
    ROW("a foreign authority");
    (void)snprintf(ca, sizeof ca, "%s/other.crt", dir);
    CHECK_INT(with(at, "@good", "user@contoso.example", &err), EASG_E_UNTRUSTED);
    CHECK_INT(arrived(), 4);
}

int main(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "test", .ca = 1, .from_days = -1, .to_days = 2 },
        { .name = "srv", .san = "DNS:localhost", .issuer = "ca", .from_days = -1, .to_days = 2 },
        { .name = "other", .cn = "other", .ca = 1, .from_days = -1, .to_days = 2 },
    };
    char path[4096], script[4096], cert[400];
    char interpreter[] = "/usr/bin/python3"; /* Debian's, for which aiosmtpd is packaged */
    char *probe[] = { interpreter, (char[]){ "-c" }, (char[]){ "import aiosmtpd" }, NULL };
    pid_t pid;
    int status = 1;

    if (posix_spawn(&pid, interpreter, NULL, NULL, probe, environ) == 0)
        (void)waitpid(pid, &status, 0);
    if (status != 0)
        return check_skip("python3-aiosmtpd is not installed");
    (void)snprintf(path, sizeof path, "%s/lib/easgate/plugins/notifier-smtp.so", check_build());
    module = fakehost_load(path, EASG_KIND_NOTIFIER, "notifier-smtp");
    if (!module)
        return 1;
    ops = module->ops;
    CHECK(!EASG_HAS(ops, settle));
    dir = certs_tempdir();
    box = certs_tempdir();
    if (!dir || !box || certs_make(dir, wishes, 3) != 0)
        return 1;
    (void)snprintf(cert, sizeof cert, "%s/srv.pem", dir);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", dir);
    (void)snprintf(script, sizeof script, "%s/tests/plugins/notifier-smtp/smtpd.py",
                   check_source());
    {
        char *argv[] = { interpreter, script, cert, box, NULL };

        if (peer_start(&server, argv) != 0)
            return 1;
    }
    (void)snprintf(at, sizeof at, "localhost:%d", peer_port(&server, "smtp"));
    (void)snprintf(plain, sizeof plain, "localhost:%d", peer_port(&server, "plain"));
    rows();
    peer_stop(&server);
    certs_remove(dir);
    certs_remove(box);
    return check_done();
}
