/* SPDX-License-Identifier: Apache-2.0
 *
 * For an administrator: every hop between us and what a run needs, each with its remedy. One
 * connection without credentials first, so that name, TCP, TLS, clock and offered log-ons are known
 * before an account is used; then one log-on, whatever comes of it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "exch_private.h"
#include "exchange_admin.h"

#include "err.h"
#include "text.h"

#define SOON_DAYS  30
#define SKEW_MS    (5 * 60 * 1000) /* what Kerberos allows */
#define MAX_ANSWER ((size_t)256 * 1024)
#define NOBODY     "00000000-0000-4000-8000-000000000000"

enum { FINE, LOOK, FAILED, NOT_TRIED };

struct check {
    const struct exch_options *options;
    exch_check_fn emit;
    void *user;
    easg_status refused;
};

EASG_PRINTF(5, 6)
static void tell(struct check *c, int grade, easg_status st, const char *name, const char *fmt, ...)
{
    char text[640];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (c->refused == EASG_OK)
        c->refused = c->emit(c->user, grade, st, name, text);
}

/* ---- without credentials ---- */

static void tell_certificate(struct check *c, const struct http *http)
{
    const unsigned char *der = NULL;
    size_t n = http_server_certificate(http, &der);
    X509 *x = n ? d2i_X509(NULL, &der, (long)n) : NULL;
    char issuer[200] = "";
    char safe[200];
    int days = 0;
    int seconds = 0;

    if (!x || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x))) {
        tell(c, LOOK, EASG_OK, "certificate", "verified; when it expires could not be read");
    } else {
        X509_NAME_oneline(X509_get_issuer_name(x), issuer, (int)sizeof(issuer));
        text_safe(issuer, strlen(issuer), safe, sizeof(safe));
        tell(c, days < SOON_DAYS ? LOOK : FINE, EASG_OK, "certificate",
             "verified, of %.150s; it expires in %d days%s", safe, days,
             days < SOON_DAYS ? ": renew it on the server" : "");
    }
    X509_free(x);
}

static void tell_clock(struct check *c, const struct http *http)
{
    easg_time date = http_date(http);
    int64_t skew = date == EASG_TIME_NONE ? 0 : (int64_t)time(NULL) * 1000 - date;

    if (date == EASG_TIME_NONE)
        tell(c, NOT_TRIED, EASG_OK, "clock", "the server tells no date");
    else if (skew > SKEW_MS || skew < -SKEW_MS)
        tell(c, LOOK, EASG_OK, "clock",
             "ours is %lld s %s the server's: Kerberos allows 300 s; set the clocks (chrony, NTP)",
             (long long)(skew < 0 ? -skew : skew) / 1000, skew < 0 ? "behind" : "ahead of");
    else
        tell(c, FINE, EASG_OK, "clock", "within %lld s of the server's",
             (long long)(skew < 0 ? -skew : skew) / 1000 + 1);
}

static void tell_offers(struct check *c, const struct http *http, int status)
{
    char text[300] = "";
    size_t n = 0;

    for (size_t i = 0; i < 8; i++) {
        const char *offer = http_header(http, "WWW-Authenticate", i);
        char safe[60];
        int wrote;

        if (!offer)
            break;
        text_safe(offer, strcspn(offer, " ,"), safe, sizeof(safe));
        wrote = snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", safe);
        if (wrote < 0 || (size_t)wrote >= sizeof(text) - n)
            break;
        n += (size_t)wrote;
    }
    if (n)
        tell(c, FINE, EASG_OK, "offered log-ons", "%s", text);
    else
        tell(c, status == 401 ? LOOK : FINE, EASG_OK, "offered log-ons",
             "none is named in the answer (HTTP %d)", status);
}

static int connection(struct check *c)
{
    struct http_options o = *c->options->http;
    struct http_request request = {
        .method = "POST",
        .body = "",
        .idempotent = 1,
        .url = c->options->url,
        .max_response = MAX_ANSWER,
        .timeout_ms = 2 * (int64_t)(o.connect_timeout_ms ? o.connect_timeout_ms : 15000)
    };
    struct http_response response = { 0 };
    easg_error err = EASG_ERROR_INIT;
    struct http *http = NULL;
    easg_status st = http_create(&o, &http, &err);

    if (st == EASG_OK && o.proxy && *o.proxy)
        tell(c, FINE, EASG_OK, "proxy", "%s", o.proxy);
    if (st == EASG_OK)
        st = http_perform(http, &request, &response, &err);
    if (st != EASG_OK) {
        tell(c, FAILED, st,
             st == EASG_E_UNTRUSTED ? "TLS"
             : st == EASG_E_CONFIG  ? "files of the configuration"
             : st == EASG_E_AUTH    ? "proxy"
                                    : "connection",
             "%s%s", err.message,
             st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT
                 ? "; look at source.server, the name service, and what stands between"
                 : "");
    } else if (response.status == 404 || response.status >= 500) {
        tell(c, FAILED, response.status == 404 ? EASG_E_CONFIG : EASG_E_UNAVAILABLE,
             "remote PowerShell",
             "%s: HTTP %d at %s: look at the PowerShell virtual directory and its application pool",
             http_endpoint(http), response.status, request.url);
        st = EASG_E_UNAVAILABLE;
    } else {
        tell(c, FINE, EASG_OK, "connection", "%s answers (HTTP %d)", http_endpoint(http),
             response.status);
        tell_certificate(c, http);
        tell_clock(c, http);
        tell_offers(c, http, response.status);
    }
    http_destroy(http);
    return st == EASG_OK;
}

/* ---- rights ---- */

static const struct {
    enum exch_cmdlet cmdlet;
    unsigned parameters;
    const char *without; /* NULL: nothing goes without it */
} needs[] = {
    { C_GET_SETTINGS, 0, NULL },
    { C_GET_CAS_MAILBOX, P_RESULT_SIZE | P_IDENTITY, NULL },
    { C_SET_CAS_MAILBOX, P_IDENTITY | P_ALLOWED | P_BLOCKED,
      "needed in mode enforce: without it nothing can be allowed or blocked" },
    { C_GET_CAS_MAILBOX, P_FILTER, "quick scans list everything" },
    { C_GET_USER, P_RESULT_SIZE, "people are recognised by their addresses instead of their SIDs" },
    { C_GET_SERVER, 0, "no further servers are found" },
    { C_SELECT, P_PROPERTY, "answers are some four times larger" },
};

static void tell_rights(struct check *c, const struct exch *x)
{
    enum exch_cmdlet device =
        x->known[C_GET_MOBILE_DEVICE].present ? C_GET_MOBILE_DEVICE : C_GET_EAS_DEVICE;
    easg_error err = EASG_ERROR_INIT;
    char name[100];

    (void)snprintf(name, sizeof(name), "cmdlet %s", exch_cmdlet_names[device]);
    if (exch_need(x, device, P_RESULT_SIZE | P_MAILBOX, &err) == EASG_OK)
        tell(c, FINE, EASG_OK, name, "granted");
    else
        tell(c, FAILED, EASG_E_DENIED, name, "%s", err.message);
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const char *cmdlet = exch_cmdlet_names[needs[i].cmdlet];

        if (needs[i].cmdlet == C_GET_SERVER && x->alone)
            continue;
        err_clear(&err);
        (void)snprintf(name, sizeof(name), "cmdlet %s%s", cmdlet,
                       needs[i].parameters == P_FILTER ? " -Filter" : "");
        if (exch_need(x, needs[i].cmdlet, needs[i].parameters, &err) == EASG_OK)
            tell(c, FINE, EASG_OK, name, "granted");
        else if (!needs[i].without)
            tell(c, FAILED, EASG_E_DENIED, name, "%s", err.message);
        else
            tell(c, LOOK, EASG_OK, name, "%s (%s)", err.message, needs[i].without);
    }
}

/* ---- what only this configuration needs ---- */

static void on_need(void *user, const char *cmdlet, int present, int alone)
{
    struct check *c = user;
    char name[100];

    (void)snprintf(name, sizeof(name), "cmdlet %s", cmdlet);
    if (present)
        tell(c, FINE, EASG_OK, name, "granted");
    else if (alone)
        tell(c, FAILED, EASG_E_DENIED, name,
             "the account may not use it, and the configuration asks for what it does; easgate "
             "check ORG --role-script prints what to grant");
}

static void tell_needs(struct check *c, struct exch *x)
{
    easg_error err = EASG_ERROR_INIT;

    if (c->options->needs &&
        exch_need_each(x, c->options->needs, on_need, c, &err) != EASG_OK)
        tell(c, FAILED, EASG_E_FAIL, "cmdlets of the configuration", "%s", err.message);
}

/* ---- what the cmdlets say ---- */

static easg_status on_org(void *user, const easg_org_settings *o)
{
    static const char *const levels[] = { "not known", "Allow", "Block", "Quarantine" };

    tell(user, FINE, EASG_OK, "organisation", "default access level %s%s%s",
         levels[o->default_access < 4 ? o->default_access : 0],
         o->server_version.ptr ? ", Exchange " : "",
         o->server_version.ptr ? o->server_version.ptr : "");
    return EASG_OK;
}

static easg_status on_mailbox(void *user, const easg_mailbox *m)
{
    (void)user;
    (void)m;
    return EASG_OK;
}

static easg_status on_device(void *user, const easg_device *d)
{
    (void)user;
    (void)d;
    return EASG_OK;
}

static easg_status on_endpoint(void *user, const easg_endpoint *e)
{
    struct check *c = user;
    easg_error err = EASG_ERROR_INIT;
    uint32_t ms = c->options->http->connect_timeout_ms;
    char name[120];

    (void)snprintf(name, sizeof(name), "server %.100s", e->id.ptr);
    if (exch_reach(c->options->http, e->url.ptr, ms ? ms : 15000, &err) == EASG_OK)
        tell(c, FINE, EASG_OK, name, "answers");
    else
        tell(c, LOOK, EASG_OK, name, "cannot take over: %s", err.message);
    return c->refused;
}

enum { T_CONCURRENCY, T_CMDLETS, T_PERIOD, T_EXCHANGE, T_RUNSPACES };
static const char *const policy_names[] = {
    [T_CONCURRENCY] = "PowerShellMaxConcurrency",  [T_CMDLETS] = "PowerShellMaxCmdlets",
    [T_PERIOD] = "PowerShellMaxCmdletsTimePeriod", [T_EXCHANGE] = "ExchangeMaxCmdlets",
    [T_RUNSPACES] = "PowerShellMaxRunspaces",      NULL
};

static easg_status on_policy(void *user, const struct clixml_record *r, easg_error *err)
{
    char value[5][40];

    (void)err;
    for (unsigned i = 0; i < 5; i++) {
        easg_str s = exch_slot(r, i);

        (void)text_safe(s.ptr ? s.ptr : "?", s.ptr ? s.len : 1, value[i], sizeof(value[i]));
    }
    tell(user, FINE, EASG_OK, "throttling policy",
         "%s sessions, %s cmdlets in %s s (Exchange's own: %s), %s runspaces", value[T_CONCURRENCY],
         value[T_CMDLETS], value[T_PERIOD], value[T_EXCHANGE], value[T_RUNSPACES]);
    return EASG_OK;
}

static void tell_policy(struct check *c, struct exch *x)
{
    struct psrp_command command = { "Get-ThrottlingPolicy", NULL, 0 };
    easg_error err = EASG_ERROR_INIT;

    if (exch_run_records(x, &command, policy_names, on_policy, c, NULL, &err) != EASG_OK)
        tell(c, NOT_TRIED, EASG_OK, "throttling policy",
             "the account may not read it, which no run needs");
}

static void readings(struct check *c, struct exch *x)
{
    const struct exch_receiver to = { c, on_org, on_mailbox, on_device };
    const easg_str nobody = TEXT_LIT(NOBODY);
    easg_error err = EASG_ERROR_INIT;
    easg_status st = exch_list_mailbox(x, &nobody, &to, &err);

    if (st == EASG_OK || st == EASG_E_NOTFOUND)
        tell(c, FINE, EASG_OK, "reading", "a mailbox that does not exist was asked for");
    else
        tell(c, FAILED, st, "reading", "%s", err.message);
    if (x->broken)
        return;
    tell_policy(c, x);
    err_clear(&err);
    if (!x->broken && !x->alone && x->known[C_GET_SERVER].present &&
        (st = exch_discover(x, on_endpoint, c, &err)) != EASG_OK)
        tell(c, LOOK, EASG_OK, "servers", "%s", err.message);
}

void exch_check(const struct exch_options *options, exch_check_fn emit, void *user)
{
    struct check c = { options, emit, user, EASG_OK };
    easg_error err = EASG_ERROR_INIT;
    struct exch *x = NULL;
    easg_status st;

    if (!connection(&c)) {
        tell(&c, NOT_TRIED, EASG_OK, "log-on", "the connection has to be right first");
        return;
    }
    st = exch_open(options, &x, &err);
    if (st != EASG_OK) {
        tell(&c, FAILED, st, st == EASG_E_AUTH ? "log-on" : "runspace", "%s", err.message);
        return;
    }
    tell(&c, FINE, EASG_OK, "log-on", "the server took our credentials");
    tell(&c, FINE, EASG_OK, "runspace", "PowerShell %s, protocol 2.%u, envelopes of %zu bytes",
         psrp_pool_engine(x->pool), psrp_pool_minor(x->pool), x->ws.max_envelope);
    tell_rights(&c, x);
    tell_needs(&c, x);
    readings(&c, x);
    exch_close(x);
}

const char *exch_role_script(void)
{
    return "# Run in the Exchange Management Shell as a member of Organization Management.\n"
           "# Makes two roles that hold what easgate sends, and nothing else, and a role group.\n"
           "$account = 'svc-easgate'    # the account of source.auth.user\n"
           "\n"
           "New-ManagementRole -Name 'easgate Recipients' -Parent 'Mail Recipients'\n"
           "$keep = 'Get-MobileDevice', 'Get-ActiveSyncDevice', 'Get-CASMailbox', "
           "'Set-CASMailbox',\n"
           "        'Get-User', 'Set-ADServerSettings'\n"
           "Get-ManagementRoleEntry 'easgate Recipients\\*' | Where-Object { $keep -notcontains "
           "$_.Name } |\n"
           "    Remove-ManagementRoleEntry -Confirm:$false\n"
           "Set-ManagementRoleEntry 'easgate Recipients\\Set-CASMailbox' -Parameters Identity,\n"
           "    ActiveSyncAllowedDeviceIDs, ActiveSyncBlockedDeviceIDs, Confirm, "
           "DomainController\n"
           "\n"
           "New-ManagementRole -Name 'easgate Configuration' -Parent 'View-Only Configuration'\n"
           "$keep = 'Get-ActiveSyncOrganizationSettings', 'Get-ExchangeServer', "
           "'Get-ThrottlingPolicy'\n"
           "Get-ManagementRoleEntry 'easgate Configuration\\*' | Where-Object { $keep "
           "-notcontains $_.Name } |\n"
           "    Remove-ManagementRoleEntry -Confirm:$false\n"
           "\n"
           "New-RoleGroup -Name 'easgate' -Roles 'easgate Recipients', 'easgate Configuration' "
           "-Members $account\n"
           "Set-User $account -RemotePowerShellEnabled $true\n";
}
