/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of Exchange as documented, of gromox as recorded, and forms of them that a server may
 * choose: other prefixes, a byte order mark, white space.
 */
#include "check.h"
#include "err.h"
#include "ews_private.h"

static struct strbuf file = STRBUF_INIT((size_t)1 << 20);

static void slurp(const char *name)
{
    char path[4096], chunk[4096];
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/tests/data/ews/%s", check_source(), name);
    strbuf_reset(&file);
    f = fopen(path, "rb");
    if (!CHECK(f != NULL))
        return;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        strbuf_add(&file, chunk, n);
    (void)fclose(f);
}

static const struct {
    const char *name;
    enum ews_class class;
    easg_status status;
    const char *code;
    int64_t backoff;
    int fault;
} rows[] = {
#define S "samples/responses/"
#define G "recorded-gromox-3.10/"
    { S "200-sendonly-ok.xml", EWS_DONE, EASG_OK, "NoError", -1, 0 },
    { S "200-item-serverbusy-backoff.xml", EWS_BUSY, EASG_E_THROTTLED, "ErrorServerBusy", 5000, 0 },
    { S "200-item-internal-inner-serverbusy.xml", EWS_BUSY, EASG_E_THROTTLED, "ErrorServerBusy", -1,
      0 },
    { S "200-quota.xml", EWS_ACCOUNT, EASG_E_LIMIT, "ErrorQuotaExceeded", -1, 0 },
    { S "200-senddenied.xml", EWS_ACCOUNT, EASG_E_DENIED, "ErrorSendAsDenied", -1, 0 },
    { S "200-storeunavailable.xml", EWS_NOT_RUN, EASG_E_UNAVAILABLE, "ErrorMailboxStoreUnavailable",
      -1, 0 },
    { S "500-fault-connectioncount.xml", EWS_BUSY, EASG_E_THROTTLED, "ErrorExceededConnectionCount",
      -1, 1 },
    { S "500-fault-invalidserverversion.xml", EWS_VERSION, EASG_E_FAIL, "ErrorInvalidServerVersion",
      -1, 1 },
    { S "500-fault-nonexistentmailbox.xml", EWS_ACCOUNT, EASG_E_DENIED, "ErrorNonExistentMailbox",
      -1, 1 },
    { S "500-fault-schemavalidation-2007.xml", EWS_OURS, EASG_E_FAIL, "ErrorSchemaValidation", -1,
      1 },
    { S "500-fault-schemavalidation-2010.xml", EWS_OURS, EASG_E_FAIL, "ErrorSchemaValidation", -1,
      1 },
    { S "500-fault-serverbusy-backoff.xml", EWS_BUSY, EASG_E_THROTTLED, "ErrorServerBusy", 297749,
      1 },
    { G "createitem-sendandsavecopy-ok.response.body", EWS_DONE, EASG_OK, "NoError", -1, 0 },
    { G "mimecontent-inline-image-ok.response.body", EWS_DONE, EASG_OK, "NoError", -1, 0 },
    { G "finditem-by-notification-id.response.body", EWS_DONE, EASG_OK, "NoError", -1, 0 },
    { G "createitem-batch-partial-500.response.body", EWS_OPEN, EASG_E_UNCERTAIN, "", -1, 1 },
    { G "impersonation-denied-fault-http200.response.body", EWS_ACCOUNT, EASG_E_DENIED,
      "ErrorImpersonateUserDenied", -1, 1 },
    { G "unknown-operation-fault-500.response.body", EWS_OPEN, EASG_E_UNCERTAIN, "", -1, 1 },
};

static void judged(const char *row, size_t i)
{
    easg_error err = EASG_ERROR_INIT;
    struct ews_answer a;
    struct ews_verdict v;
    const char *code;

    ROW(row);
    if (!CHECK_INT(ews_read_answer(strbuf_str(&file), file.len, &a, &err), EASG_OK)) {
        printf("# %s\n", err.message);
        return;
    }
    v = ews_judge_answer(&a, &code);
    CHECK_INT(v.class, rows[i].class);
    CHECK_INT(v.status, rows[i].status);
    CHECK_STR(code, rows[i].code);
    CHECK_INT(a.backoff_ms, rows[i].backoff);
    CHECK_INT(a.is_fault, rows[i].fault);
}

/* Replaces each `from` by `to`. */
static void change(const char *from, const char *to)
{
    struct strbuf out = STRBUF_INIT((size_t)1 << 20);
    const char *p = strbuf_str(&file), *hit;

    while ((hit = strstr(p, from)) != NULL) {
        strbuf_add(&out, p, (size_t)(hit - p));
        strbuf_adds(&out, to);
        p = hit + strlen(from);
    }
    strbuf_adds(&out, p);
    strbuf_clear(&file);
    file = out;
}

static void forms(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf plain = STRBUF_INIT((size_t)1 << 20);

        slurp(rows[i].name);
        judged(rows[i].name, i);
        change("<m:", "<q9:");
        change("</m:", "</q9:");
        change("xmlns:m=", "xmlns:q9=");
        judged("other prefixes", i);
        strbuf_adds(&plain, "\xEF\xBB\xBF");
        strbuf_add(&plain, file.ptr, file.len);
        strbuf_clear(&file);
        file = plain;
        judged("a byte order mark", i);
        change("ResponseCode>Error", "ResponseCode>\n   Error");
        change("ResponseCode>NoError<", "ResponseCode>\tNoError\n<");
        judged("white space in the code", i);
    }
}

static void details(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct ews_answer a;

    ROW("schema violation");
    slurp(S "500-fault-schemavalidation-2010.xml");
    CHECK_INT(ews_read_answer(strbuf_str(&file), file.len, &a, &err), EASG_OK);
    CHECK_HAS(a.place, "line ");
    ROW("what FindItem found");
    slurp(G "finditem-by-notification-id.response.body");
    CHECK_INT(ews_read_answer(strbuf_str(&file), file.len, &a, &err), EASG_OK);
    CHECK_INT(a.n, 1);
    CHECK_INT(a.parts[0].items, 3);
    ROW("a batch");
    slurp(S "200-batch-mixed.xml");
    CHECK_INT(ews_read_answer(strbuf_str(&file), file.len, &a, &err), EASG_OK);
    CHECK_INT(a.n, 3);
    CHECK_STR(a.parts[1].code, "ErrorInvalidRecipients");
    ROW("the server's words are made safe");
    strbuf_reset(&file);
    strbuf_adds(&file,
                "<s:Envelope xmlns:s=\"" EWS_NS_SOAP "\"><s:Body><s:Fault><faultcode>a:ErrorX"
                "</faultcode><faultstring>one&#10;two&#x202E;three</faultstring></s:Fault>"
                "</s:Body></s:Envelope>");
    CHECK_INT(ews_read_answer(strbuf_str(&file), file.len, &a, &err), EASG_OK);
    CHECK(strchr(a.text, '\n') == NULL);
    CHECK(strstr(a.text, "\xE2\x80\xAE") == NULL);
}

static void refused(const char *row, const char *text, easg_status want)
{
    easg_error err = EASG_ERROR_INIT;
    struct ews_answer a;

    ROW(row);
    CHECK_INT(ews_read_answer(text, strlen(text), &a, &err), want);
}

int main(void)
{
    struct strbuf deep = STRBUF_INIT(65536);

    forms();
    details();
    refused("HTML", "<html><body>Server Error in '/EWS' Application</body></html>",
            EASG_E_PROTOCOL);
    refused("nothing", "", EASG_E_PROTOCOL);
    refused("a document type", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
            EASG_E_PROTOCOL);
    for (int i = 0; i < 200; i++)
        strbuf_adds(&deep, "<a>");
    refused("too deep", strbuf_str(&deep), EASG_E_LIMIT);
    ROW("unknown codes");
    CHECK_INT(ews_judge_code("ErrorOfNextYear").class, EWS_OPEN);
    CHECK_INT(ews_judge_code("").class, EWS_OPEN);
    CHECK_INT(ews_judge_code("ErrorVirusDetected").class, EWS_MESSAGE);
    CHECK_INT(ews_judge_code("ErrorImpersonationDenied").class, EWS_ACCOUNT);
    strbuf_clear(&deep);
    strbuf_clear(&file);
    return check_done();
}
