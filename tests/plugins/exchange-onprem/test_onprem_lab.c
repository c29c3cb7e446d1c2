/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-onprem against the simulated organisation: what it lists is what the lab knows, in every
 * version and shape that the lab plays; what it changes is changed, once, and read back.
 */
#include "labs.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "check.h"
#include "err.h"
#include "text.h"

#define MAX_DEVICES 400

static struct labs_device devices[MAX_DEVICES];

/* " name=value" of a line of the log, value up to the next blank before a name; copied. */
static const char *field(const char *line, const char *name, char *out, size_t size)
{
    char key[40];
    const char *p;
    size_t n;

    (void)snprintf(key, sizeof(key), " %s=", name);
    out[0] = '\0';
    p = line ? strstr(line, key) : NULL;
    if (!p)
        return out;
    p += strlen(key);
    n = strcspn(p, "\n");
    for (size_t i = 0; i < n; i++) /* the next " word=" ends it */
        if (p[i] == ' ') {
            size_t k = i + 1;

            while (k < n && p[k] >= 'a' && p[k] <= 'z')
                k++;
            if (k < n && k > i + 1 && p[k] == '=')
                n = i;
        }
    (void)snprintf(out, size, "%.*s", (int)n, p);
    return out;
}

static unsigned access_of(const char *stored)
{
    static const char *const names[] = { "Unknown", "Allowed", "Blocked", "Quarantined",
                                         "DeviceDiscovery" };

    for (unsigned i = 0; i < 5; i++)
        if (strcmp(names[i], stored) == 0)
            return i;
    return 99;
}

static void compare(const struct fakehost_log *log, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char start[100];
        char got[600];
        char want[200];
        char dn[600];
        const char *line;
        char copy[2000];

        (void)snprintf(start, sizeof(start), "device %s ", devices[i].guid);
        line = fakehost_line(log, start);
        if (!CHECK(line != NULL)) {
            printf("# no %s\n", start);
            continue;
        }
        (void)snprintf(copy, sizeof(copy), "%s", line);
        CHECK_STR(field(copy, "id", got, sizeof(got)), devices[i].device_id);
        CHECK_STR(field(copy, "identity", got, sizeof(got)), devices[i].guid);
        (void)snprintf(want, sizeof(want), "%u", access_of(devices[i].stored));
        CHECK_STR(field(copy, "access", got, sizeof(got)), want);
        CHECK_STR(field(copy, "last", got, sizeof(got)), "-");
        field(copy, "mailbox", dn, sizeof(dn));
        (void)snprintf(start, sizeof(start), "mailbox %s ", devices[i].mailbox);
        line = fakehost_line(log, start);
        if (!CHECK(line != NULL))
            continue;
        (void)snprintf(copy, sizeof(copy), "%s", line);
        CHECK_STR(field(copy, "ref", got, sizeof(got)), dn);
        CHECK_STR(field(copy, "upn", got, sizeof(got)), devices[i].upn);
        CHECK(strncmp(field(copy, "sid", got, sizeof(got)), "S-1-5-21-", 9) == 0);
        field(copy, strcmp(devices[i].listed, "blocked") == 0 ? "blocked" : "allowed", got,
              sizeof(got));
        CHECK(strcmp(devices[i].listed, "none") == 0 || strstr(got, devices[i].device_id));
    }
}

static void nothing_left(void)
{
    CHECK_INT(labs_stat("shells_open"), 0);
    CHECK_INT(labs_stat("shells_created"), labs_stat("shells_deleted"));
    CHECK_INT(labs_stat("pipelines"), labs_stat("pipelines_terminated"));
}

static void full_listing(const char *name, const char *const *arguments,
                         const struct fakehost_option *options)
{
    struct labs_host h;
    struct fakehost_log log;
    easg_error err = EASG_ERROR_INIT;
    size_t n;

    ROW(name);
    if (!CHECK_INT(labs_start(arguments), 0))
        return;
    fakehost_log_init(&log);
    n = labs_devices(devices, MAX_DEVICES);
    CHECK(n > 100 && n <= MAX_DEVICES);
    if (CHECK_INT(labs_host_init(&h, options), 0)) {
        if (!CHECK_INT(labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err), EASG_OK))
            printf("# %s\n%s", err.message, strbuf_str(&h.host.log));
        CHECK_INT(log.devices, n);
        CHECK_INT(log.orgs, 1);
        CHECK_HAS(strbuf_str(&log.text), "org default=1 id=");
        CHECK_HAS(strbuf_str(&log.text), " version=Version 1");
        compare(&log, n);
        /* Each mailbox comes before its devices. */
        CHECK(strstr(strbuf_str(&log.text), "\nmailbox ") <
              strstr(strbuf_str(&log.text), "\ndevice "));
        nothing_left();
        labs_host_clear(&h);
    }
    fakehost_log_clear(&log);
    labs_stop();
}

static void versions(void)
{
    static const char *const v2019[] = { "--devices", "200", NULL };
    static const char *const v2016[] = { "--devices", "200", "--exchange", "2016", NULL };
    static const char *const v2010[] = { "--devices", "200",        "--exchange", "2010",
                                         "--winrm2",  "--fragment", "4096",       NULL };
    static const char *const se[] = { "--devices", "200", "--exchange", "se", "--cookie", NULL };
    static const char *const pieces[] = { "--devices",  "150",   "--fragment", "300",
                                          "--envelope", "20000", NULL };
    static const char *const full[] = { "--devices", "200", "--shapes", "full", NULL };
    static const char *const mixed[] = { "--devices", "200", "--shapes", "mixed", NULL };
    static const struct fakehost_option all[] = { { "columns", "all" }, { NULL, NULL } };
    static const struct fakehost_option small[] = { { "max_envelope", "40000" },
                                                    { "columns", "all" },
                                                    { NULL, NULL } };

    full_listing("2019", v2019, NULL);
    full_listing("2019, whole objects", v2019, all);
    full_listing("2016", v2016, NULL);
    full_listing("2010 with WinRM 2.0", v2010, NULL);
    full_listing("subscription edition behind a balancer", se, all);
    full_listing("tiny fragments and envelopes", pieces, NULL);
    full_listing("full serialization", full, all);
    full_listing("mixed serialization", mixed, all);
    full_listing("small envelopes of ours", v2019, small);
}

/* ---- quick scans and single mailboxes ---- */

static void quick(void)
{
    static const char *const arguments[] = { "--devices", "200", NULL };
    struct labs_host h;
    struct fakehost_log log;
    easg_error err = EASG_ERROR_INIT;
    easg_time now;
    uint64_t mailboxes;

    ROW("quick");
    if (!CHECK_INT(labs_start(arguments), 0))
        return;
    CHECK_INT(labs_host_init(&h, NULL), 0);
    now = h.host.host.now(&h.host.host);
    fakehost_log_init(&log);
    if (!CHECK_INT(labs_list(&h, EASG_SCOPE_QUICK, now + 3600000, NULL, &log, &err), EASG_OK))
        printf("# %s\n%s", err.message, strbuf_str(&h.host.log));
    CHECK_INT(log.devices, 0);
    CHECK_INT(log.mailboxes, 0);
    CHECK_INT(log.orgs, 1);
    fakehost_log_clear(&log);

    (void)labs_control("POST", "/lab/set", "{\"touch_devices\":7}");
    fakehost_log_init(&log);
    if (!CHECK_INT(labs_list(&h, EASG_SCOPE_QUICK, now - 60000, NULL, &log, &err), EASG_OK))
        printf("# %s\n%s", err.message, strbuf_str(&h.host.log));
    CHECK_INT(log.devices, 7);
    CHECK(log.mailboxes >= 1 && log.mailboxes <= 7);
    CHECK_HAS(strbuf_str(&log.text), " sid=S-1-5-21-");
    for (const char *p = strbuf_str(&log.text); (p = strstr(p, "\ndevice ")) != NULL; p++) {
        char dn[600];
        char ref[620];

        (void)snprintf(ref, sizeof(ref), " ref=%s ", field(p, "mailbox", dn, sizeof(dn)));
        CHECK(strstr(strbuf_str(&log.text), ref) && strstr(strbuf_str(&log.text), ref) < p);
    }
    fakehost_log_clear(&log);

    ROW("quick, many changes");
    (void)labs_control("POST", "/lab/set", "{\"touch_devices\":150}");
    fakehost_log_init(&log);
    if (!CHECK_INT(labs_list(&h, EASG_SCOPE_QUICK, now - 60000, NULL, &log, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK(log.devices >= 150 && log.devices < 200);
    mailboxes = log.mailboxes;
    CHECK(mailboxes > 0 && mailboxes <= log.devices); /* the owners of what changed */
    fakehost_log_clear(&log);

    ROW("quick, without the parameter -Filter");
    labs_fault("no-cmdlet:Get-MobileDevice/Filter");
    fakehost_log_init(&log);
    CHECK_INT(labs_list(&h, EASG_SCOPE_QUICK, now - 60000, NULL, &log, &err), EASG_OK);
    CHECK_INT(log.devices, 200);
    CHECK(log.mailboxes > mailboxes); /* a full listing */
    fakehost_log_clear(&log);
    labs_clear_faults();

    ROW("one mailbox");
    (void)labs_devices(devices, MAX_DEVICES);
    fakehost_log_init(&log);
    if (!CHECK_INT(labs_list(&h, EASG_SCOPE_MAILBOX, EASG_TIME_NONE, devices[3].mailbox, &log,
                             &err),
                   EASG_OK))
        printf("# %s\n", err.message);
    CHECK_INT(log.mailboxes, 1);
    CHECK(log.devices >= 1 && log.devices < 10);
    CHECK_HAS(strbuf_str(&log.text), devices[3].guid);
    CHECK_HAS(strbuf_str(&log.text), devices[3].upn);
    fakehost_log_clear(&log);

    ROW("a mailbox that does not exist");
    fakehost_log_init(&log);
    CHECK_INT(labs_list(&h, EASG_SCOPE_MAILBOX, EASG_TIME_NONE,
                        "11111111-2222-3333-4444-555555555555", &log, &err),
              EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "couldn't be found");
    CHECK_INT(log.devices + log.mailboxes, 0);
    ROW("a blank mailbox");
    CHECK_INT(labs_list(&h, EASG_SCOPE_MAILBOX, EASG_TIME_NONE, " ", &log, &err), EASG_E_USAGE);
    CHECK_STR(err.message, "a mailbox with a blank identity was asked for");
    fakehost_log_clear(&log);
    nothing_left();
    labs_host_clear(&h);
    labs_stop();
}

/* ---- changes ---- */

static easg_status apply(struct labs_host *h, const easg_change *const *items, size_t n,
                         struct fakehost_log *log, easg_error *err)
{
    easg_result_receiver to = fakehost_result_receiver(log);
    easg_session *session = NULL;
    easg_status st;

    err_clear(err);
    st = labs_open(h, &session, err);
    if (st != EASG_OK)
        return st;
    st = LABS_OPS->apply(session, fakehost_run(&h->host), items, n, &to, err);
    LABS_OPS->close(session);
    return st;
}

static easg_change change(easg_verb verb, const struct labs_device *d)
{
    return (easg_change){ .struct_size = sizeof(easg_change),
                          .verb = verb,
                          .key = text_str(d->guid),
                          .mailbox_id = text_str(d->mailbox),
                          .device_id = text_str(d->device_id) };
}

static void expect_result(const struct fakehost_log *log, const char *key, easg_status status,
                          unsigned listed)
{
    char start[100];
    char want[100];
    const char *line;

    (void)snprintf(start, sizeof(start), "result %s ", key);
    (void)snprintf(want, sizeof(want), "result %s status=%d listed=%u", key, (int)status, listed);
    line = fakehost_line(log, start);
    CHECK_HAS(line, want);
}

static void expect_listed(const char *guid, const char *listed)
{
    size_t n = labs_devices(devices, MAX_DEVICES);
    size_t i = 0;

    while (i < n && i < MAX_DEVICES && strcmp(devices[i].guid, guid) != 0)
        i++;
    if (CHECK(i < n && i < MAX_DEVICES)) /* it is there */
        CHECK_STR(devices[i].listed, listed);
}

/* Devices of the lab that no list names, of different mailboxes. */
static size_t unlisted(struct labs_device *out, size_t want)
{
    size_t all = labs_devices(devices, MAX_DEVICES);
    size_t n = 0;

    for (size_t i = 0; i < all && n < want; i++) {
        size_t k = 0;

        while (k < n && strcmp(out[k].mailbox, devices[i].mailbox) != 0)
            k++;
        if (k == n && strcmp(devices[i].listed, "none") == 0)
            out[n++] = devices[i];
    }
    return n;
}

static void changes(const char *name, const char *const *arguments)
{
    struct labs_host h;
    struct fakehost_log log;
    struct labs_device d[3];
    easg_change c[4];
    const easg_change *items[4] = { &c[0], &c[1], &c[2], &c[3] };
    easg_error err = EASG_ERROR_INIT;
    int64_t sets;

    ROW(name);
    if (!CHECK_INT(labs_start(arguments), 0))
        return;
    CHECK_INT(labs_host_init(&h, NULL), 0);
    CHECK_INT(unlisted(d, 3), 3);
    c[0] = change(EASG_VERB_ALLOW, &d[0]);
    c[1] = change(EASG_VERB_BLOCK, &d[1]);
    c[2] = change(EASG_VERB_WITHDRAW, &d[2]);
    /* A second item of the first mailbox: the same call. */
    c[3] = c[0];
    c[3].verb = EASG_VERB_BLOCK;
    c[3].key = TEXT_LIT("second");
    c[3].device_id = TEXT_LIT("ANOTHERDEVICE01");
    fakehost_log_init(&log);
    if (!CHECK_INT(apply(&h, items, 4, &log, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK_INT(log.results, 4);
    expect_result(&log, d[0].guid, EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_ALLOWED);
    expect_result(&log, d[1].guid, EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_BLOCKED);
    expect_result(&log, d[2].guid, EASG_OK, EASG_LISTED_KNOWN);
    expect_result(&log, "second", EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_BLOCKED);
    CHECK_INT(labs_stat("cmdlets.Set-CASMailbox"), 2);
    expect_listed(d[0].guid, "allowed");
    expect_listed(d[1].guid, "blocked");
    expect_listed(d[2].guid, "none");
    fakehost_log_clear(&log);

    ROW("the same again changes nothing");
    fakehost_log_init(&log);
    CHECK_INT(apply(&h, items, 4, &log, &err), EASG_OK);
    CHECK_INT(log.results, 4);
    expect_result(&log, d[0].guid, EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_ALLOWED);
    CHECK_INT(labs_stat("cmdlets.Set-CASMailbox"), 2);
    fakehost_log_clear(&log);

    ROW("from one list to the other in one call");
    c[0].verb = EASG_VERB_BLOCK;
    c[1].verb = EASG_VERB_WITHDRAW;
    fakehost_log_init(&log);
    CHECK_INT(apply(&h, items, 2, &log, &err), EASG_OK);
    expect_result(&log, d[0].guid, EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_BLOCKED);
    expect_result(&log, d[1].guid, EASG_OK, EASG_LISTED_KNOWN);
    CHECK_INT(labs_stat("cmdlets.Set-CASMailbox"), 4);
    expect_listed(d[0].guid, "blocked");
    expect_listed(d[1].guid, "none");
    fakehost_log_clear(&log);

    ROW("items that cannot be done do not stop the others");
    c[0].mailbox_id = TEXT_LIT("11111111-2222-3333-4444-555555555555");
    c[1].verb = EASG_VERB_ALLOW;
    c[2].mailbox_id = TEXT_LIT("");
    c[3].device_id = TEXT_LIT(" ");
    fakehost_log_init(&log);
    CHECK_INT(apply(&h, items, 4, &log, &err), EASG_OK);
    CHECK_INT(log.results, 4);
    expect_result(&log, d[0].guid, EASG_E_NOTFOUND, 0);
    expect_result(&log, d[1].guid, EASG_OK, EASG_LISTED_KNOWN | EASG_LISTED_ALLOWED);
    expect_result(&log, d[2].guid, EASG_E_USAGE, 0);
    expect_result(&log, "second", EASG_E_USAGE, 0);
    fakehost_log_clear(&log);

    ROW("a write that fails, one that is ignored");
    c[0].mailbox_id = text_str(d[0].mailbox);
    c[0].verb = EASG_VERB_ALLOW;
    labs_fault("set-fails");
    fakehost_log_init(&log);
    sets = labs_stat("list_changes");
    CHECK_INT(apply(&h, items, 1, &log, &err), EASG_OK);
    expect_result(&log, d[0].guid, EASG_E_DENIED, 0);
    CHECK_HAS(strbuf_str(&log.text), "Insufficient access rights");
    CHECK_HAS(strbuf_str(&log.text), "give the account the role Mail Recipients");
    labs_clear_faults();
    labs_fault("set-ignored");
    fakehost_log_clear(&log);
    fakehost_log_init(&log);
    CHECK_INT(apply(&h, items, 1, &log, &err), EASG_OK);
    expect_result(&log, d[0].guid, EASG_E_CONFLICT, EASG_LISTED_KNOWN | EASG_LISTED_BLOCKED);
    CHECK_HAS(strbuf_str(&log.text), "reads back without the change");
    CHECK_INT(labs_stat("list_changes"), sets);
    labs_clear_faults();
    fakehost_log_clear(&log);

    ROW("no right to write");
    labs_fault("no-cmdlet:Set-CASMailbox");
    fakehost_log_init(&log);
    CHECK_INT(apply(&h, items, 1, &log, &err), EASG_E_DENIED);
    CHECK_HAS(err.message, "Set-CASMailbox: the account may not use it; give the account the role "
                           "Mail Recipients");
    labs_clear_faults();
    labs_fault("no-cmdlet:Set-CASMailbox/ActiveSyncBlockedDeviceIDs");
    CHECK_INT(apply(&h, items, 1, &log, &err), EASG_E_DENIED);
    CHECK_HAS(err.message, "may not use its parameter -ActiveSyncBlockedDeviceIDs");
    labs_clear_faults();
    CHECK_INT(log.results, 0);
    fakehost_log_clear(&log);
    nothing_left();
    labs_host_clear(&h);
    labs_stop();
}

/* ---- discovery ---- */

static easg_status EASG_CALL on_endpoint(const easg_endpoint_receiver *to, const easg_endpoint *e)
{
    struct strbuf *b = to->opaque;

    strbuf_addf(b, "%s %s %u\n", e->id.ptr, e->url.ptr, e->priority);
    return EASG_OK;
}

static void discovery(void)
{
    static const char *const arguments[] = { "--devices", "120", "--cas", "3", NULL };
    struct strbuf b = STRBUF_INIT(65536);
    easg_endpoint_receiver to = { .struct_size = sizeof(to), .opaque = &b, .emit = on_endpoint };
    struct labs_host h;
    easg_session *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    unsigned lines = 0;

    ROW("discovery");
    if (!CHECK_INT(labs_start(arguments), 0))
        return;
    CHECK_INT(labs_host_init(&h, NULL), 0);
    if (CHECK_INT(labs_open(&h, &session, &err), EASG_OK)) {
        if (!CHECK_INT(LABS_OPS->discover(session, fakehost_run(&h.host), &to, &err), EASG_OK))
            printf("# %s\n", err.message);
        LABS_OPS->close(session);
    }
    for (const char *p = strbuf_str(&b); (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    CHECK_INT(lines, 3);
    CHECK_HAS(strbuf_str(&b), "/powershell 100\n");
    CHECK_HAS(strbuf_str(&b), "https://");
    nothing_left();
    strbuf_clear(&b);
    labs_host_clear(&h);
    labs_stop();
}

/* ---- with an argument N: what a full listing of N devices costs ---- */

static void cost(const char *n)
{
    const char *arguments[] = { "--devices", n, NULL };
    struct labs_host h;
    struct fakehost_log log;
    struct rusage before;
    struct rusage after;
    easg_error err = EASG_ERROR_INIT;
    double cpu;

    if (!CHECK_INT(labs_start(arguments), 0))
        return;
    CHECK_INT(labs_host_init(&h, NULL), 0);
    fakehost_log_init(&log);
    log.count_only = 1;
    (void)getrusage(RUSAGE_SELF, &before);
    if (!CHECK_INT(labs_list(&h, EASG_SCOPE_FULL, EASG_TIME_NONE, NULL, &log, &err), EASG_OK))
        printf("# %s\n", err.message);
    (void)getrusage(RUSAGE_SELF, &after);
    cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
          (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
          (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
          (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    printf("%llu mailboxes, %llu devices: %.2f s CPU, %.1f us each, peak %ld KiB\n",
           (unsigned long long)log.mailboxes, (unsigned long long)log.devices, cpu,
           cpu * 1e6 / (double)(log.mailboxes + log.devices), after.ru_maxrss);
    fakehost_log_clear(&log);
    labs_host_clear(&h);
    labs_stop();
}

int main(int argc, char **argv)
{
    static const char *const small[] = { "--devices", "60", NULL };
    static const char *const old[] = { "--devices", "60", "--exchange", "2010", "--winrm2", NULL };

    if (!labs_module())
        return 1;
    if (argc == 2) {
        cost(argv[1]);
        return check_done();
    }
    CHECK_INT(LABS_OPS->verbs, 2 | 4 | 8);
    versions();
    quick();
    changes("changes", small);
    changes("changes, 2010", old);
    discovery();
    return check_done();
}
