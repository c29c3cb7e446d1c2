/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fault means, and what to do about it.
 */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "wsman.h"
#include "wsman_fault.h"

static const struct {
    uint32_t code;
    const char *subcode;
    enum wsman_fault_kind kind;
} kinds[] = {
    { 2150858793u, "TimedOut", WSMAN_FAULT_TIMED_OUT },
    { 2150858843u, "InvalidSelectors", WSMAN_FAULT_GONE },
    { 2150859161u, NULL, WSMAN_FAULT_REDIRECT },
    { 2150858811u, NULL, WSMAN_FAULT_WRONG_ENDPOINT },
    { 2150859027u, NULL, WSMAN_FAULT_WRONG_ENDPOINT },
    { 5u, "AccessDenied", WSMAN_FAULT_DENIED },
    { 0, "QuotaLimit", WSMAN_FAULT_QUOTA },
    { 0, "DestinationUnreachable", WSMAN_FAULT_WRONG_ENDPOINT },
};

static int has(const struct strbuf *b, const char *needle)
{
    return strstr(strbuf_str(b), needle) != NULL;
}

/* "... for at least 2000 milliseconds." */
static uint32_t stated_wait(const struct strbuf *b)
{
    const char *p = strstr(strbuf_str(b), "at least ");
    uint64_t n;
    size_t len;

    if (!p)
        return 0;
    p += strlen("at least ");
    len = strspn(p, "0123456789");
    if (!text_parse_u64(p, len, &n) || strncmp(p + len, " milliseconds", 13) != 0)
        return 0;
    return n > 3600000u ? 3600000u : (uint32_t)n;
}

void wsman_fault_classify(struct wsman_fault *f)
{
    f->retry_after_ms = stated_wait(&f->message);
    if (!f->retry_after_ms)
        f->retry_after_ms = stated_wait(&f->reason);
    f->kind = WSMAN_FAULT_OTHER;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if ((kinds[i].code && kinds[i].code == f->code) ||
            (kinds[i].subcode && strcmp(kinds[i].subcode, f->subcode) == 0)) {
            f->kind = kinds[i].kind;
            break;
        }
    /* The numbers of the quota faults are not documented: their texts are. */
    if (has(&f->message, "maximum number of concurrent") || has(&f->message, "load quota of") ||
        has(&f->message, "maximum number of connections") ||
        has(&f->message, "exceeded your budget") || has(&f->reason, "load quota of") ||
        has(&f->reason, "maximum number of concurrent"))
        f->kind = WSMAN_FAULT_QUOTA;
    else if (f->kind == WSMAN_FAULT_OTHER && has(&f->message, "AuthZ-AuthorizationException"))
        f->kind = WSMAN_FAULT_DENIED;
}

easg_status wsman_fault_error(const struct wsman_fault *f, enum wsman_op op, easg_error *err)
{
    const struct strbuf *text = f->message.len ? &f->message : &f->reason;
    char safe[240];
    char inner[32] = "";
    easg_status st = EASG_E_FAIL;
    const char *advice = "";

    switch (f->kind) {
    case WSMAN_FAULT_GONE:
        st = EASG_E_UNAVAILABLE;
        advice = "; the session is lost: behind a load balancer use cookie affinity";
        break;
    case WSMAN_FAULT_REDIRECT:
        st = EASG_E_CONFIG;
        advice = "; set source.server to the server that it names";
        break;
    case WSMAN_FAULT_WRONG_ENDPOINT:
        st = EASG_E_CONFIG;
        advice = "; this is not Exchange's /powershell: check source.server";
        break;
    case WSMAN_FAULT_QUOTA:
        st = EASG_E_THROTTLED;
        advice = "; close other sessions of this account or raise its throttling policy";
        break;
    case WSMAN_FAULT_DENIED:
        st = EASG_E_DENIED;
        advice = "; the account needs Set-User -RemotePowerShellEnabled $true and its roles";
        break;
    default: break;
    }
    if (f->inner_code && f->inner_code != f->code)
        (void)snprintf(inner, sizeof(inner), "/%u", (unsigned)f->inner_code);
    (void)err_native(err, st, EASG_DOMAIN_HRESULT, (int64_t)f->code, "%s: fault %s (%u%s): %s%s",
                     wsman_op_name(op), f->subcode[0] ? f->subcode : "without subcode",
                     (unsigned)f->code, inner,
                     text_safe(strbuf_str(text), text->len, safe, sizeof(safe)), advice);
    if (st == EASG_E_THROTTLED)
        err->retry_after_ms = f->retry_after_ms ? f->retry_after_ms : 30000;
    return st;
}
