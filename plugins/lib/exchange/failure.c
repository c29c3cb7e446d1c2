/* SPDX-License-Identifier: Apache-2.0
 *
 * Error records of cmdlets: what they mean for the caller, in words for the administrator.
 *
 * FullyQualifiedErrorId is "[Server=..,RequestId=..,TimeStamp=..] [FailureCategory=X] HASH,Type" on
 * 2013 and later, "HASH,Type" on 2010, "Id,Type" from the engine itself. FailureCategory, where it
 * is given, is the stable key; the type name of the exception comes next; texts last.
 */
#include <stdio.h>
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

static int in(const char *text, const char *needle)
{
    return strstr(text, needle) != NULL;
}

/* The word after "FailureCategory=" in either text. */
static void take_category(struct exch_failure *f, const easg_str *text)
{
    static const char key[] = "FailureCategory=";
    const char *p = text->ptr ? strstr(text->ptr, key) : NULL;
    size_t n;

    if (!p || f->category[0])
        return;
    p += sizeof(key) - 1;
    n = strcspn(p, "] \r\n");
    (void)text_safe(p, n, f->category, sizeof(f->category));
}

/* Past the bracketed prefixes, which name servers and requests but not the fault. */
static easg_str without_prefix(easg_str text)
{
    while (text.len && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);

        if (!end)
            break;
        text.len -= (size_t)(end + 1 - text.ptr);
        text.ptr = end + 1;
        while (text.len && text.ptr[0] == ' ') {
            text.ptr++;
            text.len--;
        }
    }
    return text;
}

void exch_failure_take(struct exch_failure *f, const struct psrp_record *r)
{
    easg_str message = r->message.ptr ? without_prefix(r->message) : TEXT_LIT("(no text)");
    easg_str id = r->id.ptr ? without_prefix(r->id) : TEXT_LIT("");

    /* The first error says why; but the one that ended it says most. */
    if (f->set && (f->fatal || r->kind != PSRP_R_FAILURE))
        return;
    memset(f, 0, sizeof(*f));
    f->set = 1;
    f->fatal = r->kind == PSRP_R_FAILURE;
    (void)text_safe(message.ptr, message.len, f->message, sizeof(f->message));
    (void)text_safe(id.ptr, id.len, f->id, sizeof(f->id));
    if (r->exception.ptr)
        (void)text_safe(r->exception.ptr, r->exception.len, f->exception, sizeof(f->exception));
    take_category(f, &r->id);
    take_category(f, &r->message);
    if (!f->category[0] && r->reason.ptr)
        (void)text_safe(r->reason.ptr, r->reason.len, f->category, sizeof(f->category));
}

/* Looked for in FailureCategory, exception type, id and text, in this order of rows. */
static const struct {
    const char *mark;
    int in_text; /* 1: also in the message */
    easg_status status;
} meanings[] = {
    { "CommandNotFoundException", 0, EASG_E_DENIED },
    { "NamedParameterNotFound", 0, EASG_E_DENIED },
    { "ManagementObjectNotFoundException", 0, EASG_E_NOTFOUND },
    { "exceeded your budget", 1, EASG_E_THROTTLED },
    { "OverBudget", 0, EASG_E_THROTTLED },
    { "Throttling", 0, EASG_E_THROTTLED },
    { "MaxConcurrency", 1, EASG_E_THROTTLED },
    { "load quota of", 1, EASG_E_THROTTLED },
    { "maximum number of concurrent", 1, EASG_E_THROTTLED },
    { "AuthorizationException", 0, EASG_E_DENIED },
    { "UnauthorizedAccess", 0, EASG_E_DENIED },
    { "OperationRequiresRbac", 0, EASG_E_DENIED },
    { "isn't within your current write scopes", 1, EASG_E_DENIED },
    { "nsufficient access rights", 1, EASG_E_DENIED },
    { "ScriptsNotAllowed", 0, EASG_E_UNSUPPORTED },
    { "HostException", 0, EASG_E_UNSUPPORTED },
    { "Transient", 0, EASG_E_UNAVAILABLE },
    { "ServerUnavailable", 0, EASG_E_UNAVAILABLE },
    { "ServerDown", 0, EASG_E_UNAVAILABLE },
    { "ADConflict", 0, EASG_E_CONFLICT },
};

static easg_status meaning(const struct exch_failure *f)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        const char *m = meanings[i].mark;

        if (in(f->category, m) || in(f->exception, m) || in(f->id, m) ||
            (meanings[i].in_text && in(f->message, m)))
            return meanings[i].status;
    }
    return EASG_E_FAIL;
}

/* "... will not be approved for at least 2000 milliseconds", "... for at least 30 seconds"; 0: not
 * said. */
static uint32_t wait_of(const char *text)
{
    const char *p = strstr(text, "at least ");
    uint64_t n;
    size_t len;

    if (!p)
        return 0;
    p += strlen("at least ");
    len = strspn(p, "0123456789");
    if (!text_parse_u64(p, len, &n))
        return 0;
    if (strncmp(p + len, " second", 7) == 0)
        n *= 1000;
    return n > 3600000u ? 3600000u : (uint32_t)n;
}

easg_status exch_failure_error(const struct exch_failure *f, const char *cmdlet, easg_error *err)
{
    easg_status st = meaning(f);

    switch (st) {
    case EASG_E_DENIED:
        (void)err_set(err, st, "%s: %s [%s]; %s", cmdlet, f->message, f->category,
                      exch_remedy(cmdlet));
        break;
    case EASG_E_UNSUPPORTED:
        (void)err_set(err, st,
                      "%s: %s [%s]; the server's runspace is more restricted than that of "
                      "Exchange",
                      cmdlet, f->message, f->category);
        break;
    case EASG_E_THROTTLED:
        (void)err_set(err, st, "%s: %s [%s]", cmdlet, f->message, f->category);
        err->retry_after_ms = wait_of(f->message);
        break;
    default: (void)err_set(err, st, "%s: %s [%s]", cmdlet, f->message, f->category); break;
    }
    return st;
}
