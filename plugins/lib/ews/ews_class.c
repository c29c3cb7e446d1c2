/* SPDX-License-Identifier: Apache-2.0
 *
 * What an error means for the message at hand: may it be sent again, must it be looked up first,
 * must a person act? A code that is not in the table counts as "may have been done": asking twice
 * costs a search, sending twice costs a second mail.
 */
#include "ews_private.h"

#include <string.h>

static const struct {
    const char *code; /* a '*' at the end: all that begin so */
    enum ews_class class;
    easg_status status;
    const char *advice;
} codes[] = {
    {"NoError",                                     EWS_DONE,    EASG_OK,            ""                             },

    { "ErrorServerBusy",                            EWS_BUSY,    EASG_E_THROTTLED,   ""                             },
    { "ErrorExceededConnectionCount",               EWS_BUSY,    EASG_E_THROTTLED,   ""                             },
    { "ErrorExceededSubscriptionCount",             EWS_BUSY,    EASG_E_THROTTLED,   ""                             },
    { "ErrorTooManyObjectsOpened",                  EWS_BUSY,    EASG_E_THROTTLED,   ""                             },
    { "ErrorInsufficientResources",                 EWS_BUSY,    EASG_E_THROTTLED,   ""                             },

    { "ErrorADUnavailable",                         EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorADOperation",                           EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorMailboxStoreUnavailable",               EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorMailboxMoveInProgress",                 EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorMailboxFailover",                       EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorNoRespondingCASInDestinationSite",      EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorProxyRequestProcessingFailed",          EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },
    { "ErrorNotEnoughMemory",                       EWS_NOT_RUN, EASG_E_UNAVAILABLE, ""                             },

    { "ErrorTimeoutExpired",                        EWS_OPEN,    EASG_E_UNCERTAIN,   ""                             },
    { "ErrorInternalServerError",                   EWS_OPEN,    EASG_E_UNCERTAIN,   ""                             },
    { "ErrorInternalServerTransientError",          EWS_OPEN,    EASG_E_UNCERTAIN,   ""                             },
    { "ErrorConnectionFailed",                      EWS_OPEN,    EASG_E_UNCERTAIN,   ""                             },
    { "ErrorBatchProcessingStopped",                EWS_OPEN,    EASG_E_UNCERTAIN,   ""                             },

    { "ErrorSendAsDenied",                          EWS_ACCOUNT, EASG_E_DENIED,
     "the account must own the mailbox `mailbox`, or have Send As on it"                                            },
    { "ErrorAccessDenied",                          EWS_ACCOUNT, EASG_E_DENIED,
     "the account has no access to the mailbox `mailbox`"                                                           },
    { "ErrorAccountDisabled",                       EWS_ACCOUNT, EASG_E_DENIED,      "enable the account"           },
    { "ErrorPasswordExpired",                       EWS_ACCOUNT, EASG_E_AUTH,
     "give the account a password that does not expire"                                                             },
    { "ErrorPasswordChangeRequired",                EWS_ACCOUNT, EASG_E_AUTH,        "change the account's password"},
    { "ErrorMissingEmailAddress",                   EWS_ACCOUNT, EASG_E_DENIED,
     "the account has no mailbox; give it one, or set `impersonate`"                                                },
    { "ErrorNonExistentMailbox",                    EWS_ACCOUNT, EASG_E_DENIED,
     "there is no mailbox `mailbox`, or its address is not the primary one"                                         },
    { "ErrorImpersonat*",                           EWS_ACCOUNT, EASG_E_DENIED,
     "give the account the role ApplicationImpersonation, or take `impersonate` out"                                },
    { "ErrorQuotaExceeded",                         EWS_ACCOUNT, EASG_E_LIMIT,
     "the sender's mailbox is full: empty its Sent Items, or raise its quota"                                       },
    { "ErrorSubmissionQuotaExceeded",               EWS_ACCOUNT, EASG_E_LIMIT,
     "the account sent more than its RecipientRateLimit; try again in some hours"                                   },

    { "ErrorInvalidRecipients",                     EWS_MESSAGE, EASG_E_NOTFOUND,    ""                             },
    { "ErrorMissingRecipients",                     EWS_MESSAGE, EASG_E_NOTFOUND,    ""                             },
    { "ErrorInvalidSmtpAddress",                    EWS_MESSAGE, EASG_E_NOTFOUND,    ""                             },
    { "ErrorRecipientNotFound",                     EWS_MESSAGE, EASG_E_NOTFOUND,    ""                             },
    { "ErrorMessageSizeExceeded",                   EWS_MESSAGE, EASG_E_LIMIT,
     "make the template or its picture smaller"                                                                     },
    { "ErrorMimeContent*",                          EWS_MESSAGE, EASG_E_FAIL,        ""                             },
    { "ErrorVirus*",                                EWS_MESSAGE, EASG_E_FAIL,        ""                             },

    { "ErrorInvalidSchemaVersionForMailboxVersion", EWS_VERSION, EASG_E_FAIL,        ""                             },
    { "ErrorInvalidServerVersion",                  EWS_VERSION, EASG_E_FAIL,        ""                             },
    { "ErrorIncorrectSchemaVersion",                EWS_VERSION, EASG_E_FAIL,        ""                             },
    { "ErrorSchemaValidation",                      EWS_OURS,    EASG_E_FAIL,        "report this"                  },
    { "ErrorInvalidRequest",                        EWS_OURS,    EASG_E_FAIL,        "report this"                  },
    { "ErrorInvalidOperation",                      EWS_OURS,    EASG_E_FAIL,        "report this"                  },

    { "ErrorWrongServerVersion*",                   EWS_MOVED,   EASG_E_UNREACHABLE, ""                             },
    { "ErrorProxyRequestNotAllowed",                EWS_MOVED,   EASG_E_UNREACHABLE, ""                             },
};

struct ews_verdict ews_judge_code(const char *code)
{
    static const struct ews_verdict open = { EWS_OPEN, EASG_E_UNCERTAIN, "" };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t n = strlen(codes[i].code);
        int match = codes[i].code[n - 1] == '*' ? strncmp(code, codes[i].code, n - 1) == 0
                                                : strcmp(code, codes[i].code) == 0;

        if (match)
            return (struct ews_verdict){ codes[i].class, codes[i].status, codes[i].advice };
    }
    return open;
}

struct ews_verdict ews_judge_answer(const struct ews_answer *a, const char **code)
{
    *code = a->is_fault ? a->fault : a->n ? a->parts[0].code : "";
    if (strcmp(*code, "ErrorInternalServerError") == 0 && a->inner[0])
        *code = a->inner;
    if (!a->is_fault && a->n == 0)
        *code = "";
    return ews_judge_code(*code);
}

static int says(const struct http *h, const char *words)
{
    const struct strbuf *body = http_error_body(h);

    return strstr(strbuf_str(body), words) != NULL;
}

struct ews_verdict ews_judge_http(const struct http *h)
{
    const char *location = http_header(h, "Location", 0);

    switch (http_status(h)) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        if (location && strstr(location, "genericerrorpage"))
            return (struct ews_verdict){ EWS_NOT_RUN, EASG_E_UNAVAILABLE, "" };
        return (struct ews_verdict){ EWS_MOVED, EASG_E_UNREACHABLE, "" };
    case 404:
    case 410:
    case 451: return (struct ews_verdict){ EWS_MOVED, EASG_E_UNREACHABLE, "" };
    case 403:
        return (struct ews_verdict){ EWS_ACCOUNT, EASG_E_DENIED,
                                     "EWS is closed to this account: look at Get-CASMailbox, "
                                     "EwsEnabled and EwsApplicationAccessPolicy" };
    case 413: return (struct ews_verdict){ EWS_MESSAGE, EASG_E_LIMIT, "" };
    case 429:
    case 503: return (struct ews_verdict){ EWS_BUSY, EASG_E_THROTTLED, "" };
    case 400:
    case 405:
    case 415: return (struct ews_verdict){ EWS_OURS, EASG_E_FAIL, "is this an EWS address" };
    default:
        if (says(h, "currently locked out"))
            return (struct ews_verdict){ EWS_ACCOUNT, EASG_E_AUTH, "unlock the account" };
        return (struct ews_verdict){ EWS_OPEN, EASG_E_UNCERTAIN, "" };
    }
}
