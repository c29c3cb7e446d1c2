/* SPDX-License-Identifier: Apache-2.0
 *
 * Once each: whatever the server answers and wherever the connection ends, a host that settles what
 * is uncertain before it sends again leaves one message in the mailbox, and never two.
 */
#include "check.h"
#include "err.h"
#include "maillab.h"
#include "text.h"

static struct maillab_host h;
static unsigned serial;

static easg_status send_it(const char *key, const char *to, easg_error *err)
{
    easg_message m = maillab_message(key, to);
    easg_status st;

    err_clear(err);
    st = maillab_ops()->send(h.session, fakehost_run(&h.host), &m, err);
    CHECK((st == EASG_OK) == (err->message[0] == '\0'));
    CHECK(strchr(err->message, '\n') == NULL);
    return st;
}

static easg_status settle(const char *key, easg_error *err)
{
    easg_message m = maillab_message(key, "user@contoso.example");

    err_clear(err);
    return maillab_ops()->settle(h.session, fakehost_run(&h.host), &m, err);
}

/* As the host does: *first is what the first send() said, *text its words. */
static easg_status until_done(const char *key, easg_status *first, char text[480])
{
    easg_error err = EASG_ERROR_INIT;
    easg_status st = send_it(key, "user@contoso.example", &err);

    *first = st;
    (void)snprintf(text, 480, "%s", err.message);
    for (int i = 0; i < 6 && st != EASG_OK; i++) {
        if (st == EASG_E_UNCERTAIN) {
            st = settle(key, &err);
            if (st == EASG_E_NOTFOUND)
                st = send_it(key, "user@contoso.example", &err);
            else if (st != EASG_OK)
                st = EASG_E_UNCERTAIN;
        } else if (st == EASG_E_THROTTLED || st == EASG_E_UNAVAILABLE) {
            h.host.slept_ms += 600000; /* a later run */
            if (maillab_open(&h, &err) == EASG_OK)
                st = send_it(key, "user@contoso.example", &err);
        } else {
            return st;
        }
    }
    return st;
}

static void fresh(void)
{
    easg_error err = EASG_ERROR_INIT;

    maillab_clear();
    if (!CHECK_INT(maillab_open(&h, &err), EASG_OK))
        printf("# %s\n", err.message);
}

static const char *new_key(void)
{
    static char key[40];

    (void)snprintf(key, sizeof key, "run-%u", ++serial);
    return key;
}

static void plain(void)
{
    easg_error err = EASG_ERROR_INIT;
    const char *key = new_key();

    ROW("a message");
    fresh();
    CHECK_INT(send_it(key, "user@contoso.example", &err), EASG_OK);
    CHECK_INT(maillab_count(key, "sentitems"), 1);
    CHECK_STR(maillab_last("to"), "user@contoso.example");
    CHECK_STR(maillab_last("anchor"), "notify@contoso.example");
    CHECK_STR(maillab_last("acting"), "");
    CHECK_STR(maillab_last("version"), "Exchange2010_SP2");
    CHECK_HAS(maillab_last("message_id"), "@contoso.example>");
    CHECK_INT(settle(key, &err), EASG_OK);
    CHECK_INT(settle("another", &err), EASG_E_NOTFOUND);
    CHECK_INT(send_it(new_key(), "nobody@contoso.example", &err), EASG_E_NOTFOUND);
    CHECK_INT(send_it(new_key(), "no address", &err), EASG_E_NOTFOUND);
    CHECK_INT(maillab_count(NULL, NULL), 1);
}

/* Every code of the page and what it means: 'r' refused and sent in the end by itself, 'o' open:
 * first uncertain, 'a' the account, 'm' the message, 'b' our bug. */
static const struct {
    const char *code;
    char kind;
    easg_status status;
} codes[] = {
    { "ErrorServerBusy", 'r', EASG_OK },
    { "ErrorExceededConnectionCount", 'r', EASG_OK },
    { "ErrorTooManyObjectsOpened", 'r', EASG_OK },
    { "ErrorInsufficientResources", 'r', EASG_OK },
    { "ErrorADUnavailable", 'r', EASG_OK },
    { "ErrorADOperation", 'r', EASG_OK },
    { "ErrorMailboxStoreUnavailable", 'r', EASG_OK },
    { "ErrorMailboxMoveInProgress", 'r', EASG_OK },
    { "ErrorMailboxFailover", 'r', EASG_OK },
    { "ErrorNoRespondingCASInDestinationSite", 'r', EASG_OK },
    { "ErrorProxyRequestProcessingFailed", 'r', EASG_OK },
    { "ErrorNotEnoughMemory", 'r', EASG_OK },
    { "ErrorIncorrectSchemaVersion", 'r', EASG_OK },
    { "ErrorInvalidServerVersion", 'r', EASG_OK },
    { "ErrorInvalidSchemaVersionForMailboxVersion", 'r', EASG_OK },
    { "ErrorTimeoutExpired", 'o', EASG_E_UNCERTAIN },
    { "ErrorInternalServerError", 'o', EASG_E_UNCERTAIN },
    { "ErrorInternalServerTransientError", 'o', EASG_E_UNCERTAIN },
    { "ErrorConnectionFailed", 'o', EASG_E_UNCERTAIN },
    { "ErrorBatchProcessingStopped", 'o', EASG_E_UNCERTAIN },
    { "ErrorNobodyKnowsThisOne", 'o', EASG_E_UNCERTAIN },
    { "ErrorSendAsDenied", 'a', EASG_E_DENIED },
    { "ErrorAccessDenied", 'a', EASG_E_DENIED },
    { "ErrorAccountDisabled", 'a', EASG_E_DENIED },
    { "ErrorPasswordExpired", 'a', EASG_E_AUTH },
    { "ErrorMissingEmailAddress", 'a', EASG_E_DENIED },
    { "ErrorNonExistentMailbox", 'a', EASG_E_DENIED },
    { "ErrorImpersonateUserDenied", 'a', EASG_E_DENIED },
    { "ErrorQuotaExceeded", 'a', EASG_E_LIMIT },
    { "ErrorSubmissionQuotaExceeded", 'a', EASG_E_LIMIT },
    { "ErrorInvalidRecipients", 'm', EASG_E_NOTFOUND },
    { "ErrorMissingRecipients", 'm', EASG_E_NOTFOUND },
    { "ErrorInvalidSmtpAddress", 'm', EASG_E_NOTFOUND },
    { "ErrorMessageSizeExceeded", 'm', EASG_E_LIMIT },
    { "ErrorMimeContentInvalid", 'm', EASG_E_FAIL },
    { "ErrorVirusDetected", 'm', EASG_E_FAIL },
    { "ErrorSchemaValidation", 'b', EASG_E_FAIL },
    { "ErrorInvalidRequest", 'b', EASG_E_FAIL },
};

static void one_code(size_t i, const char *form)
{
    char row[120], spec[80], text[480];
    const char *key = new_key();
    easg_error err = EASG_ERROR_INIT;
    easg_status first, last;

    (void)snprintf(row, sizeof row, "%s=%s", form, codes[i].code);
    ROW(row);
    fresh();
    (void)snprintf(spec, sizeof spec, "ews-create:%s=%s@1", form, codes[i].code);
    maillab_fault(spec);
    last = until_done(key, &first, text);
    CHECK_INT(first, codes[i].status);
    if (codes[i].status != EASG_OK)
        CHECK_HAS(text, codes[i].code);
    CHECK_INT(last, codes[i].kind == 'r' || codes[i].kind == 'o' ? EASG_OK : codes[i].status);
    CHECK_INT(maillab_count(NULL, NULL), last == EASG_OK);
    if (codes[i].kind == 'a') { /* it is not asked again in this session */
        int64_t before = maillab_stat("requests");

        CHECK_INT(send_it(new_key(), "user@contoso.example", &err), codes[i].status);
        CHECK_HAS(err.message, codes[i].code);
        CHECK_INT(maillab_stat("requests"), before + 1); /* that one is /lab/stats */
    } else if (codes[i].kind == 'm') {
        CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_OK);
    } else if (codes[i].kind == 'o') { /* the same, and it was done */
        (void)snprintf(spec, sizeof spec, "ews-create:%s=%s,done@1", form, codes[i].code);
        key = new_key();
        fresh();
        maillab_fault(spec);
        CHECK_INT(until_done(key, &first, text), EASG_OK);
        CHECK_INT(first, EASG_E_UNCERTAIN);
        CHECK_INT(maillab_count(key, NULL), 1);
    }
    ROW("");
}

/* Where the connection may end, and answers that are none. */
static const struct {
    const char *spec;
    easg_status first;
} losses[] = {
    { "ews-create:lost=before@1", EASG_E_UNCERTAIN },
    { "ews-create:lost=after@1", EASG_E_UNCERTAIN },
    { "ews-create:half@1", EASG_E_UNCERTAIN },
    { "cut:Exchange.asmx@1", EASG_E_UNCERTAIN },
    { "ews-create:http=500@1", EASG_E_UNCERTAIN },
    { "ews-create:http=500,done@1", EASG_E_UNCERTAIN },
    { "ews-create:http=502@1", EASG_E_UNCERTAIN },
    { "ews-create:http=504,done@1", EASG_E_UNCERTAIN },
    { "ews-create:http=200,done@1", EASG_E_UNCERTAIN },
    { "ews-create:http=503,retry=1@1", EASG_OK },
    { "ews-create:http=429,retry=1@1", EASG_OK },
    { "ews-create:http=302,to=/ews/genericerrorpage.htm@1", EASG_OK },
    { "ews-create:item=ErrorInternalServerError,inner=ErrorServerBusy@1", EASG_OK },
    { "ews-old", EASG_OK },
};

static void one_loss(size_t i)
{
    char text[480];
    const char *key = new_key();
    easg_status first, last;

    ROW(losses[i].spec);
    fresh();
    maillab_fault(losses[i].spec);
    last = until_done(key, &first, text);
    CHECK_INT(first, losses[i].first);
    CHECK_INT(last, EASG_OK);
    CHECK_INT(maillab_count(key, NULL), 1);
    if (last != EASG_OK || first != losses[i].first)
        printf("# %s\n", text);
}

/* The wait that a server asks for, in its three places; a long one is left to the next run. */
static void backoffs(void)
{
    static const struct {
        const char *spec;
        int64_t least;
    } rows[] = {
        { "ews-create:item=ErrorServerBusy,backoff=5000@1", 5000 },
        { "ews-create:fault=ErrorServerBusy,backoff=7000@1", 7000 },
        { "ews-create:http=503,retry=9@1", 9000 },
    };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t slept;

        ROW(rows[i].spec);
        fresh();
        maillab_fault(rows[i].spec);
        slept = h.host.slept_ms;
        CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_OK);
        CHECK_INT(h.host.slept_ms - slept, rows[i].least);
        CHECK_INT(maillab_count(NULL, NULL), 1);
    }
    ROW("a long wait");
    fresh();
    maillab_fault("ews-create:fault=ErrorServerBusy,backoff=297749@1");
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_E_THROTTLED);
    CHECK_INT(err.retry_after_ms, 297749);
    {
        int64_t before = maillab_stat("requests");

        CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_E_THROTTLED);
        CHECK(err.retry_after_ms > 0 && err.retry_after_ms <= 297749);
        CHECK_INT(maillab_stat("requests"), before + 1);
    }
    ROW("after it");
    h.host.slept_ms += 297749;
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_OK);
    ROW("busy to the end");
    fresh();
    maillab_fault("ews-create:item=ErrorServerBusy");
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_E_THROTTLED);
    CHECK_INT(maillab_count(NULL, NULL), 0);
    ROW("a wait that makes no sense");
    fresh();
    maillab_fault("ews-create:item=ErrorServerBusy,backoff=-5@1");
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_OK);
}

static void settling(void)
{
    easg_error err = EASG_ERROR_INIT;
    const char *key = new_key();

    ROW("a search that fails says nothing");
    fresh();
    CHECK_INT(send_it(key, "user@contoso.example", &err), EASG_OK);
    maillab_fault("ews-find:item=ErrorAccessDenied@1");
    CHECK_INT(settle(key, &err), EASG_E_DENIED);
    fresh();
    maillab_fault("ews-find:http=500");
    CHECK_INT(settle(key, &err), EASG_E_UNAVAILABLE);
    ROW("a search whose answer is lost is asked by the next call");
    fresh();
    CHECK_INT(send_it(key, "user@contoso.example", &err), EASG_OK);
    maillab_fault("ews-find:lost=before@1");
    CHECK_INT(settle(key, &err), EASG_E_UNREACHABLE);
    CHECK_INT(settle(key, &err), EASG_OK);
    ROW("in Drafts");
    fresh();
    key = new_key();
    maillab_fault("ews-create:drafts,lost=after@1");
    CHECK_INT(send_it(key, "user@contoso.example", &err), EASG_E_UNCERTAIN);
    CHECK_INT(settle(key, &err), EASG_E_UNCERTAIN);
    CHECK_HAS(err.message, "Drafts");
}

static void accounts(void)
{
    static const struct fakehost_option wrong[] = { { "auth.user", "CONTOSO\\somebody" },
                                                    { NULL, NULL } };
    static const struct fakehost_option acting[] = { { "impersonate", "true" },
                                                     { "mailbox", "helpdesk@contoso.example" },
                                                     { NULL, NULL } };
    easg_error err = EASG_ERROR_INIT;
    int64_t failures = maillab_stat("auth_failures");

    maillab_clear();
    maillab_host_clear(&h);
    ROW("a wrong account is tried once");
    CHECK_INT(maillab_host_init(&h, wrong), 0);
    CHECK_INT(maillab_open(&h, &err), EASG_E_AUTH);
    CHECK_INT(maillab_stat("auth_failures"), failures + 1);
    maillab_host_clear(&h);
    ROW("impersonation");
    CHECK_INT(maillab_host_init(&h, acting), 0);
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_OK);
    CHECK_STR(maillab_last("acting"), "helpdesk@contoso.example");
    maillab_close(&h);
    ROW("no mailbox behind the account");
    maillab_fault("ews-get:fault=ErrorMissingEmailAddress");
    CHECK_INT(maillab_open(&h, &err), EASG_E_DENIED);
    CHECK_HAS(err.message, "mailbox");
    maillab_clear();
    maillab_host_clear(&h);
    CHECK_INT(maillab_host_init(&h, NULL), 0);
}

static void stopping(void)
{
    easg_error err = EASG_ERROR_INIT;

    ROW("the run is stopped");
    fresh();
    h.host.cancelled = 1;
    CHECK(send_it(new_key(), "user@contoso.example", &err) != EASG_OK);
    h.host.cancelled = 0;
    ROW("no time left");
    h.host.slept_ms += 24 * 3600 * 1000;
    CHECK_INT(send_it(new_key(), "user@contoso.example", &err), EASG_E_TIMEOUT);
    CHECK_INT(maillab_count(NULL, NULL) <= 1, 1);
    h.host.slept_ms = 0;
}

/* Faults in random order over one long session: each message is there once. */
static void random_order(void)
{
    static const char *const specs[] = { "ews-create:lost=before@1",
                                         "ews-create:lost=after@1",
                                         "ews-create:half@1",
                                         "cut:Exchange.asmx@1",
                                         "ews-create:http=500,done@1",
                                         "ews-create:http=500@1",
                                         "ews-create:item=ErrorServerBusy@1",
                                         "ews-create:item=ErrorTimeoutExpired,done@1",
                                         "ews-create:item=ErrorTimeoutExpired@1",
                                         "ews-create:fault200=ErrorInternalServerError,done@1",
                                         "ews-find:lost=before@1",
                                         "ews-find:http=500@1",
                                         NULL };
    uint32_t seed = 20261125;
    const unsigned n = 60;

    ROW("random order");
    fresh();
    for (unsigned i = 0; i < n; i++) {
        char key[40], text[480];
        easg_status first;

        (void)maillab_control("POST", "/lab/fault", "{\"clear\":true}");
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525u + 1013904223u;
            maillab_fault(specs[(seed >> 16) % 12]);
        }
        (void)snprintf(key, sizeof key, "random-%u", i);
        if (!CHECK_INT(until_done(key, &first, text), EASG_OK))
            printf("# %s\n", text);
        CHECK_INT(maillab_count(key, NULL), 1);
    }
    CHECK_INT(maillab_count(NULL, NULL), n);
}

int main(void)
{
    static const char *const forms[] = { "item", "fault", "fault200" };

    if (maillab_start() != 0 || maillab_host_init(&h, NULL) != 0)
        return 1;
    h.host.budget_ms = 4 * 3600 * 1000LL;
    plain();
    for (size_t f = 0; f < 3; f++)
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
            one_code(i, forms[f]);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        one_loss(i);
    backoffs();
    settling();
    random_order();
    stopping();
    accounts();
    maillab_host_clear(&h);
    maillab_stop();
    return check_done();
}
