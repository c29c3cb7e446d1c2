/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-onprem and everything that can go wrong: each fault of the lab gives the right status
 * and a text that says where, what and what to do; nothing of a listing is passed off as whole, no
 * account is locked, no shell stays behind, and the next run is clean.
 */
#include "labs.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "err.h"
#include "text.h"

#define DEVICES 1200 /* more than the 1,000 at which a server cuts */

struct row {
    const char *spec;
    easg_status status;
    const char *says;
    int64_t budget_ms;  /* 0: plenty */
    const char *log;    /* stands in the log */
    int leaks;          /* the lab cannot delete the shell: it was told to lose it */
    const char *second; /* another fault beside it */
};

static const struct row rows[] = {
    { .spec = "401", .status = EASG_E_AUTH, .says = "log-on refused" },
    { .spec = "403",
      .status = EASG_E_DENIED,
      .says = "run Set-User -RemotePowerShellEnabled $true for it" },
    { .spec = "503", .status = EASG_E_UNAVAILABLE, .says = "WS-Man Create" },
    { .spec = "redirect",
      .status = EASG_E_CONFIG,
      .says = "the server sends us to https://outlook.example/PowerShell-LiveID?PSVersion=5.1, "
              "which is not followed" },
    { .spec = "reset:Create", .status = EASG_E_UNREACHABLE, .says = "localhost:" },
    { .spec = "reset:Receive@9", .status = EASG_E_UNREACHABLE, .says = "Get-" },
    { .spec = "reset:Command@4", .status = EASG_E_UNREACHABLE, .says = "Get-" },
    { .spec = "truncate-envelope:Receive@8", .status = EASG_E_UNREACHABLE, .says = "localhost:" },
    { .spec = "malformed-xml:Receive@8", .status = EASG_E_PROTOCOL, .says = "not well-formed XML" },
    { .spec = "malformed-xml:Create", .status = EASG_E_PROTOCOL, .says = "not well-formed XML" },
    { .spec = "wrong-relates",
      .status = EASG_E_PROTOCOL,
      .says = "the answer belongs to another request" },
    { .spec = "fragment-gap@40", .status = EASG_E_PROTOCOL, .says = "without its start" },
    { .spec = "fragment-dup-start@40",
      .status = EASG_E_PROTOCOL,
      .says = "second start fragment of object" },
    { .spec = "bad-clixml@60",
      .status = EASG_E_PROTOCOL,
      .says = "CLIXML: line 1: not well-formed" },
    { .spec = "blank-identity",
      .status = EASG_E_PROTOCOL,
      .says = "a device without Guid (DeviceId \"\"); look at it with Get-MobileDevice" },
    { .spec = "limit1000:Get-MobileDevice",
      .status = EASG_E_LIMIT,
      .says =
          "Get-MobileDevice: the server cut the list after 1000 objects although all were asked "
          "for" },
    { .spec = "terminating-error",
      .status = EASG_E_UNAVAILABLE,
      .says = "An Active Directory error 0x51 occurred when trying to search. The server is not "
              "operational. [Cmdlet-ADTransientException]" },
    { .spec = "lost-shell:Receive@9",
      .status = EASG_E_UNAVAILABLE,
      .says = "fault InvalidSelectors (2150858843)" },
    { .spec = "quota-shells:0",
      .status = EASG_E_THROTTLED,
      .says = "close other sessions of this account or raise its throttling policy" },
    { .spec = "quota-commands:0", .status = EASG_E_THROTTLED, .says = "WS-Man Command" },
    { .spec = "badcert", .status = EASG_E_UNTRUSTED, .says = "localhost:" },
    { .spec = "expired-cert", .status = EASG_E_UNTRUSTED, .says = "expired" },
    { .spec = "stall:Receive@6",
      .status = EASG_E_TIMEOUT,
      .says = "localhost:",
      .budget_ms = 4000 },
    { .spec = "drop-state:Get-CASMailbox",
      .status = EASG_E_TIMEOUT,
      .says = "Get-CASMailbox",
      .budget_ms = 7000 },
    { .spec = "no-cmdlet:Set-ADServerSettings",
      .status = EASG_E_DENIED,
      .says = "or set source.view_entire_forest to false in a forest of one domain" },
    { .spec = "no-cmdlet:Get-CASMailbox",
      .status = EASG_E_DENIED,
      .says = "Get-CASMailbox: the account may not use it; give the account a role with it" },
    { .spec = "no-cmdlet:Get-ActiveSyncOrganizationSettings",
      .status = EASG_E_DENIED,
      .says = "Organization Client Access" },
    { .spec = "no-cmdlet:Get-CASMailbox/ResultSize",
      .status = EASG_E_DENIED,
      .says = "Get-CASMailbox: the account may not use its parameter -ResultSize" },
    /* What the account can do without. */
    { .spec = "no-cmdlet:Get-User",
      .log = "people are recognised by their mail addresses instead of their SIDs" },
    { .spec = "no-cmdlet:Select-Object", .log = "no Select-Object for this account" },
    { .spec = "no-cmdlet:Get-ExchangeServer" },
    { .spec = "no-cmdlet:Get-MobileDevice" },
    { .spec = "no-cmdlet:Get-MobileDevice",
      .second = "no-cmdlet:Get-ActiveSyncDevice",
      .status = EASG_E_DENIED,
      .says = "the account has neither Get-MobileDevice nor Get-ActiveSyncDevice" },
    { .spec = "throttle-micro", .log = "the server throttles this account: Micro delay applied" },
    { .spec = "warning", .log = "warning: " },
    { .spec = "slow:20" },
};

static void one(const struct row *row)
{
    struct labs_host h;
    struct fakehost_log log;
    easg_error err = EASG_ERROR_INIT;
    int64_t refused = labs_stat("auth_failures");
    int64_t asked = strcmp(row->spec, "401") == 0 ? labs_stat("requests") : 0;

    ROW(row->spec);
    if (!CHECK_INT(labs_host_init(&h, NULL), 0))
        return;
    if (row->budget_ms)
        h.host.budget_ms = row->budget_ms;
    fakehost_log_init(&log);
    log.count_only = 1;
    labs_fault(row->spec);
    if (row->second)
        labs_fault(row->second);
    CHECK_INT(labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err), row->status);
    labs_clear_faults();
    if (row->says)
        CHECK_HAS(err.message, row->says);
    else
        CHECK_STR(err.message, "");
    if (row->log)
        CHECK_HAS(strbuf_str(&h.host.log), row->log);
    if (row->status == EASG_OK) {
        CHECK_INT(log.devices, DEVICES);
        CHECK_INT(log.orgs, 1);
    } else {
        CHECK(log.devices < DEVICES);
        CHECK(strlen(err.message) < sizeof(err.message) - 1);
    }
    if (strcmp(row->spec, "throttle-micro") == 0)
        CHECK(h.host.slept_ms > 0); /* the pace follows what the server names */
    if (row->status == EASG_E_THROTTLED)
        CHECK(err.retry_after_ms > 0);
    if (asked) /* refused once: one request, and none after it */
        CHECK(labs_stat("requests") - asked <= 6);
    if (row->status == EASG_E_AUTH)
        CHECK(labs_stat("auth_failures") - refused <= 1);
    CHECK_INT(labs_stat("shells_open"), 0);
    fakehost_log_clear(&log);
    labs_host_clear(&h);
}

static void wrong_password(void)
{
    static const struct fakehost_option nobody[] = { { "auth.user", "CONTOSO\\nobody" },
                                                     { NULL, NULL } };
    struct labs_host h;
    struct fakehost_log log;
    easg_error err = EASG_ERROR_INIT;
    int64_t refused = labs_stat("auth_failures");

    ROW("wrong account");
    CHECK_INT(labs_host_init(&h, nobody), 0);
    fakehost_log_init(&log);
    CHECK_INT(labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "localhost:");
    CHECK_INT(labs_stat("auth_failures") - refused, 1);
    CHECK_INT(labs_stat("shells_open"), 0);
    fakehost_log_clear(&log);
    labs_host_clear(&h);
}

static int polls;
static int poll_limit;

static int enough(void)
{
    return ++polls > poll_limit;
}

/* Cancelled at every kind of moment: the status says so and the shell is gone. */
static void cancelled(void)
{
    unsigned stopped = 0;

    for (poll_limit = 0; poll_limit < 60; poll_limit = poll_limit * 2 + 1) {
        struct labs_host h;
        struct fakehost_log log;
        easg_error err = EASG_ERROR_INIT;
        easg_status st;
        char name[40];

        (void)snprintf(name, sizeof(name), "cancelled at poll %d", poll_limit);
        ROW(name);
        polls = 0;
        CHECK_INT(labs_host_init(&h, NULL), 0);
        h.host.cancel_when = enough;
        fakehost_log_init(&log);
        log.count_only = 1;
        st = labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err);
        if (st == EASG_OK) {
            CHECK_INT(log.devices, DEVICES);
        } else {
            CHECK_INT(st, EASG_E_CANCELLED);
            CHECK(err.message[0] != '\0');
            stopped++;
        }
        CHECK_INT(labs_stat("shells_open"), 0);
        fakehost_log_clear(&log);
        labs_host_clear(&h);
    }
    CHECK(stopped >= 3);
}

/* The host refuses an object: that status comes back, and nothing follows. */
static void refused(void)
{
    static const uint64_t at[] = { 1, 2, 500, 1500 };

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct labs_host h;
        struct fakehost_log log;
        easg_error err = EASG_ERROR_INIT;

        ROW("the host refuses an object");
        CHECK_INT(labs_host_init(&h, NULL), 0);
        fakehost_log_init(&log);
        log.count_only = 1;
        log.refuse_at = at[i];
        CHECK_INT(labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err),
                  EASG_E_CANCELLED);
        CHECK_HAS(err.message, "the host refused");
        CHECK_INT(log.seen, at[i]);
        CHECK_INT(labs_stat("shells_open"), 0);
        fakehost_log_clear(&log);
        labs_host_clear(&h);
    }
}

/* ---- a change whose answer is lost ---- */

static void uncertain(void)
{
    static const struct {
        const char *spec;
        easg_status result;
    } lost[] = {
        { "reset:Command@5", EASG_E_UNCERTAIN }, /* the Set itself */
        { "reset:Receive@6", EASG_E_UNCERTAIN }, /* its end */
    };
    struct labs_device d[1];

    CHECK(labs_devices(d, 1) >= 1);
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        struct labs_host h;
        struct fakehost_log log;
        easg_session *session = NULL;
        easg_error err = EASG_ERROR_INIT;
        easg_change c = { .struct_size = sizeof(c),
                          .verb = i ? EASG_VERB_ALLOW : EASG_VERB_BLOCK,
                          .key = TEXT_LIT("k"),
                          .mailbox_id = text_str(d[0].mailbox),
                          .device_id = text_str(d[0].device_id) };
        const easg_change *items[1] = { &c };
        easg_result_receiver to;

        ROW(lost[i].spec);
        CHECK_INT(labs_host_init(&h, NULL), 0);
        fakehost_log_init(&log);
        to = fakehost_result_receiver(&log);
        labs_fault(lost[i].spec);
        if (CHECK_INT(labs_open(&h, &session, &err), EASG_OK)) {
            easg_status st = LABS_OPS->apply(session, fakehost_run(&h.host), items, 1, &to, &err);

            CHECK_INT(st, lost[i].result);
            CHECK_INT(log.results, 1);
            CHECK_HAS(strbuf_str(&log.text), "result k status=-17");
            LABS_OPS->close(session);
        }
        labs_clear_faults();
        CHECK_INT(labs_stat("shells_open"), 0);

        /* The host sends it again: settled, whatever had become of it. */
        fakehost_log_clear(&log);
        fakehost_log_init(&log);
        if (CHECK_INT(labs_open(&h, &session, &err), EASG_OK)) {
            CHECK_INT(LABS_OPS->apply(session, fakehost_run(&h.host), items, 1, &to, &err),
                      EASG_OK);
            CHECK_HAS(strbuf_str(&log.text), "result k status=0");
            LABS_OPS->close(session);
        }
        fakehost_log_clear(&log);
        labs_host_clear(&h);
    }
}

/* A question of the server is never answered with yes. */
static void question(void)
{
    struct labs_host h;
    struct fakehost_log log;
    struct labs_device d[1];
    easg_session *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_change c = { .struct_size = sizeof(c), .verb = EASG_VERB_BLOCK, .key = TEXT_LIT("k") };
    const easg_change *items[1] = { &c };
    easg_result_receiver to;
    int64_t changes = labs_stat("list_changes");

    ROW("host-call");
    CHECK(labs_devices(d, 1) >= 1);
    c.mailbox_id = text_str(d[0].mailbox);
    c.device_id = TEXT_LIT("NEVERSEENBEFORE");
    CHECK_INT(labs_host_init(&h, NULL), 0);
    fakehost_log_init(&log);
    to = fakehost_result_receiver(&log);
    labs_fault("host-call");
    if (CHECK_INT(labs_open(&h, &session, &err), EASG_OK)) {
        CHECK_INT(LABS_OPS->apply(session, fakehost_run(&h.host), items, 1, &to, &err), EASG_OK);
        LABS_OPS->close(session);
    }
    labs_clear_faults();
    CHECK_HAS(strbuf_str(&log.text), "result k status=-15");
    CHECK_HAS(strbuf_str(&log.text), "does not support user interaction");
    CHECK_INT(labs_stat("list_changes"), changes);
    CHECK_INT(labs_stat("shells_open"), 0);
    fakehost_log_clear(&log);
    labs_host_clear(&h);
}

/* ---- configuration ---- */

static void configuration(void)
{
    static const struct {
        struct fakehost_option option;
        const char *says;
    } bad[] = {
        { { "server", "https://mail/powershell" },
          "source.server is a host name or host:port, without https:// and without a path" },
        { { "server", " " }, "source.server is missing" },
        { { "auth.keytab", "/x" }, "auth.keytab is of no use to basic: remove it" },
        { { "auth.user", "" }, "auth.user is missing, which basic needs" },
        { { "auth.method", "certificate" }, "auth.user is of no use to certificate" },
        { { "proxy.url", "proxy:3128" }, "proxy.url must be http://host:port" },
        { { "proxy.url", "http://u:p@proxy:3128" }, "proxy.url must be http://host:port" },
        { { "proxy.user", "u" }, "proxy.url is missing" },
        { { "pin", "sha256//AAAA" }, "pin must be sha256//" },
        { { "redirect.allow", "[*]" }, "source.redirect.allow takes names and .domains" },
        { { "timeout.operation", "10" }, "source.timeout.operation must be 1s to 10m" },
        { { "timeout.connect", "1" }, "source.timeout.connect must be 100ms to 10m" },
        { { "max_envelope", "1000" }, "source.max_envelope must be 32K to 4M" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct fakehost_option options[] = { { "server", "localhost:1" },
                                                   { "auth.method", "basic" },
                                                   { "auth.user", "u" },
                                                   { "auth.password", "@p" },
                                                   bad[i].option };
        struct fakehost_option used[5];
        struct fakehost f;
        easg_instance *self = NULL;
        easg_error err = EASG_ERROR_INIT;
        size_t n = 0;

        ROW(bad[i].says);
        for (size_t k = 0; k < 4; k++)
            if (strcmp(options[k].key, bad[i].option.key) != 0)
                used[n++] = options[k];
        used[n++] = bad[i].option;
        fakehost_init(&f, used, n, NULL, 0);
        CHECK_INT(labs_module()->create(&f.host, fakehost_config(&f), &self, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, bad[i].says);
        fakehost_clear(&f);
    }
}

static void plain_http(void)
{
    struct labs_host h;
    easg_session *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_endpoint e = { .struct_size = sizeof(e), .url = TEXT_LIT("http://localhost/powershell") };

    ROW("http");
    CHECK_INT(labs_host_init(&h, NULL), 0);
    CHECK_INT(LABS_OPS->open(h.self, fakehost_run(&h.host), &e, &session, &err), EASG_E_CONFIG);
    CHECK_STR(err.message,
              "http://localhost/powershell: remote PowerShell is spoken over https only");
    labs_host_clear(&h);
}

int main(void)
{
    static const char *const arguments[] = { "--devices", "1200", NULL };

    if (!labs_module() || !CHECK_INT(labs_start(arguments), 0))
        return 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        one(&rows[i]);
    wrong_password();
    cancelled();
    refused();
    uncertain();
    question();
    configuration();
    plain_http();
    {
        static const struct row clean = { .spec = "slow:1" };

        one(&clean); /* and the next run starts clean */
    }
    labs_stop();
    return check_done();
}
