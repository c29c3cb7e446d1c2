/* SPDX-License-Identifier: Apache-2.0
 *
 * Error records of cmdlets: status and text for each kind that Exchange and the engine send.
 */
#include "check.h"

#include "err.h"
#include "exch_private.h"
#include "text.h"

#define PREFIX                                                                                     \
    "[Server=CAS1,RequestId=4c0f8b59-0a19-4d47-9d4e-8b1d2f4b8b11,TimeStamp=9/9/2022 3:17:40 PM] "

static const struct {
    const char *name;
    const char *cmdlet;
    const char *message;
    const char *id;
    const char *exception;
    const char *reason;
    easg_status status;
    const char *text;
    uint32_t wait;
} rows[] = {
    { "2013 and later", "Get-CASMailbox", "The operation couldn't be performed because 'x'",
      PREFIX "[FailureCategory=Cmdlet-ManagementObjectNotFoundException] E3DE7D95,Microsoft.X",
      "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
      "ManagementObjectNotFoundException", EASG_E_NOTFOUND,
      "Get-CASMailbox: The operation couldn't be performed because 'x' "
      "[Cmdlet-ManagementObjectNotFoundException]",
      0 },
    { "2010", "Get-CASMailbox", "not found", "E3DE7D95,Microsoft.X",
      "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
      "ManagementObjectNotFoundException", EASG_E_NOTFOUND, "not found", 0 },
    { "no such cmdlet", "Get-MobileDevice", "The term 'Get-MobileDevice' is not recognized",
      "CommandNotFoundException", "System.Management.Automation.CommandNotFoundException",
      "CommandNotFoundException", EASG_E_DENIED, "give the account a role with it", 0 },
    { "no such parameter", "Set-CASMailbox", "A parameter cannot be found that matches",
      "NamedParameterNotFound,Set-CASMailbox",
      "System.Management.Automation.ParameterBindingException", "ParameterBindingException",
      EASG_E_DENIED, "one of your own with -ActiveSyncAllowedDeviceIDs", 0 },
    { "authorization", "opening the runspace",
      "[AuthZRequestId=1][FailureCategory=AuthZ-AuthorizationException] Fail to create a runspace "
      "because you have exceeded the maximum number of connections allowed : 3 for the policy "
      "party : MaxConcurrency",
      "", "System.Exception", "", EASG_E_THROTTLED,
      "opening the runspace: Fail to create a runspace because you have exceeded the maximum",
      0 },
    { "authorization without quota", "opening the runspace",
      "[FailureCategory=AuthZ-AuthorizationException] No role", "", "System.Exception", "",
      EASG_E_DENIED, "opening the runspace: No role [AuthZ-AuthorizationException]", 0 },
    { "load quota", "Get-User",
      "The user load quota of 1 requests per 2 seconds has been exceeded. The next request from "
      "this user will not be approved for at least 1500 milliseconds.",
      "", "System.Exception", "X", EASG_E_THROTTLED, "load quota", 1500 },
    { "write scope", "Set-CASMailbox", "'x' isn't within your current write scopes.", "ABC", "E",
      "InvalidOperationException", EASG_E_DENIED, "give the account the role Mail Recipients", 0 },
    { "directory is away", "Get-User", "An Active Directory error 0x51 occurred",
      PREFIX "[FailureCategory=Cmdlet-ADTransientException] 1,X", "X", "ADTransientException",
      EASG_E_UNAVAILABLE, "[Cmdlet-ADTransientException]", 0 },
    { "no language", "Get-User", "The syntax is not supported by this runspace.",
      "ScriptsNotAllowed", "System.Management.Automation.ParseException", "ParseException",
      EASG_E_UNSUPPORTED, "more restricted than that of Exchange", 0 },
    { "anything else", "Get-User", "bad\nthing\x1b[31m", "Id", "E", "R", EASG_E_FAIL,
      "Get-User: bad\\x0athing\\x1b[31m [R]", 0 },
};

static easg_str text(const char *s)
{
    return *s ? text_str(s) : (easg_str){ NULL, 0 };
}

int main(void)
{
    struct exch_failure f;
    struct psrp_record r;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        memset(&f, 0, sizeof(f));
        r = (struct psrp_record){ .kind = PSRP_R_FAILURE,
                                  .message = text(rows[i].message),
                                  .id = text(rows[i].id),
                                  .exception = text(rows[i].exception),
                                  .reason = text(rows[i].reason) };
        exch_failure_take(&f, &r);
        CHECK_INT(exch_failure_error(&f, rows[i].cmdlet, &err), rows[i].status);
        CHECK_HAS(err.message, rows[i].text);
        CHECK_INT(err.retry_after_ms, rows[i].wait);
        CHECK(!strstr(err.message, "RequestId"));
    }
    ROW("the first error says why, the one that ended it says most");
    memset(&f, 0, sizeof(f));
    for (int i = 0; i < 3; i++) {
        static const char *const said[] = { "first", "second", "end" };

        r = (struct psrp_record){ .kind = i == 2 ? PSRP_R_FAILURE : PSRP_R_ERROR,
                                  .message = text_str(said[i]) };
        exch_failure_take(&f, &r);
        CHECK_STR(f.message, i == 2 ? "end" : "first");
    }
    return check_done();
}
