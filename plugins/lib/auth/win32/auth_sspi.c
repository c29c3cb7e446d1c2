/* SPDX-License-Identifier: Apache-2.0
 *
 * SSPI. Credentials are a user's name and password, or those that the service runs under. A call is
 * answered by the local security authority, which keeps its own deadline towards the KDC.
 */
#define SECURITY_WIN32
#define UNICODE

#include "auth_context.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <windows.h>

#include <security.h>
#include <sspi.h>

#include "err.h"
#include "secret.h"

#define MAX_TOKEN (96u * 1024u)
#define MAX_TEXT  512

struct auth_context {
    enum auth_mechanism mechanism;
    wchar_t user[MAX_TEXT];
    wchar_t domain[MAX_TEXT];
    wchar_t password[MAX_TEXT];
    int own_password;
    char shown[MAX_TEXT]; /* the account, for texts */
    CredHandle cred;
    int has_cred;
    int raw; /* of the credentials */
    CtxtHandle context;
    int has_context;
};

static int widen(const char *text, size_t len, wchar_t *out)
{
    int n = len < MAX_TEXT ? MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, (int)len, out,
                                                 MAX_TEXT - 1)
                           : 0;

    out[n > 0 ? n : 0] = L'\0';
    return n > 0 || len == 0;
}

static const struct {
    SECURITY_STATUS code;
    easg_status status;
    const char *text;
} meanings[] = {
    { SEC_E_LOGON_DENIED, EASG_E_AUTH, "user or password is wrong" },
    { SEC_E_NO_CREDENTIALS, EASG_E_AUTH, "there are no credentials: give auth.user" },
    { SEC_E_TARGET_UNKNOWN, EASG_E_AUTH,
      "the domain knows no such service: register the name (setspn), or set auth.spn" },
    { SEC_E_WRONG_PRINCIPAL, EASG_E_AUTH, "the service name belongs to another account" },
    { SEC_E_TIME_SKEW, EASG_E_AUTH, "the clocks differ by more than five minutes" },
    { SEC_E_BAD_BINDINGS, EASG_E_AUTH, "the channel binding was refused" },
    { SEC_E_NO_AUTHENTICATING_AUTHORITY, EASG_E_UNREACHABLE, "no domain controller answers" },
    { SEC_E_SECPKG_NOT_FOUND, EASG_E_CONFIG, "this system has no such mechanism" },
    { SEC_E_UNKNOWN_CREDENTIALS, EASG_E_AUTH, "the account cannot be used for this" },
    { SEC_E_INVALID_TOKEN, EASG_E_UNTRUSTED, "the server's token is false" },
    { SEC_E_MESSAGE_ALTERED, EASG_E_UNTRUSTED, "the server's token is false" },
};

static easg_status explain(const struct auth_context *c, SECURITY_STATUS code, const char *service,
                           easg_error *err)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return err_native(err, meanings[i].status, EASG_DOMAIN_HRESULT, code, "%s to %s: %s",
                              c->shown, service, meanings[i].text);
    return err_native(err, EASG_E_AUTH, EASG_DOMAIN_HRESULT, code,
                      "%s to %s: the log-on failed with 0x%08lx", c->shown, service,
                      (unsigned long)code);
}

static void drop_context(struct auth_context *c)
{
    if (c->has_context)
        DeleteSecurityContext(&c->context);
    c->has_context = 0;
}

static void drop_cred(struct auth_context *c)
{
    drop_context(c);
    if (c->has_cred)
        FreeCredentialsHandle(&c->cred);
    c->has_cred = 0;
}

static easg_status acquire(struct auth_context *c, const struct auth_leg *leg, easg_error *err)
{
    static wchar_t negotiate[] = L"Negotiate", kerberos[] = L"Kerberos", ntlm[] = L"NTLM";
    static wchar_t not_ntlm[] = L"!ntlm";
    SEC_WINNT_AUTH_IDENTITY_EXW chosen = { 0 };
    SEC_WINNT_AUTH_IDENTITY_W plain = { 0 };
    void *identity = NULL;
    int raw = leg->raw || c->mechanism == AUTH_NTLM;
    wchar_t *package = c->mechanism == AUTH_NTLM ? ntlm : raw ? kerberos : negotiate;
    TimeStamp expires;
    SECURITY_STATUS code;

    if (c->has_cred && c->raw == raw)
        return EASG_OK;
    drop_cred(c);
    if (package == negotiate) { /* the long form: it falls back to NTLM if it is not told */
        chosen.Version = SEC_WINNT_AUTH_IDENTITY_VERSION;
        chosen.Length = sizeof chosen;
        chosen.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        chosen.PackageList = (unsigned short *)not_ntlm;
        chosen.PackageListLength = (unsigned long)wcslen(not_ntlm);
        if (c->own_password) {
            chosen.User = (unsigned short *)c->user;
            chosen.UserLength = (unsigned long)wcslen(c->user);
            chosen.Domain = (unsigned short *)c->domain;
            chosen.DomainLength = (unsigned long)wcslen(c->domain);
            chosen.Password = (unsigned short *)c->password;
            chosen.PasswordLength = (unsigned long)wcslen(c->password);
        }
        identity = &chosen;
    } else if (c->own_password) { /* the short one, which every package knows */
        plain.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        plain.User = (unsigned short *)c->user;
        plain.UserLength = (unsigned long)wcslen(c->user);
        plain.Domain = (unsigned short *)c->domain;
        plain.DomainLength = (unsigned long)wcslen(c->domain);
        plain.Password = (unsigned short *)c->password;
        plain.PasswordLength = (unsigned long)wcslen(c->password);
        identity = &plain;
    }
    code = AcquireCredentialsHandleW(NULL, package, SECPKG_CRED_OUTBOUND, NULL, identity, NULL,
                                     NULL, &c->cred, &expires);
    if (code != SEC_E_OK)
        return explain(c, code, leg->service, err);
    c->has_cred = 1;
    c->raw = raw;
    return EASG_OK;
}

/* SEC_CHANNEL_BINDINGS and the data behind it. Returns its length, 0 when it does not fit. */
static unsigned long lay_out_binding(const struct auth_leg *leg, unsigned char *out, size_t size)
{
    SEC_CHANNEL_BINDINGS b = { 0 };

    if (leg->binding_len == 0 || sizeof b + leg->binding_len > size)
        return 0;
    b.cbApplicationDataLength = (unsigned long)leg->binding_len;
    b.dwApplicationDataOffset = (unsigned long)sizeof b;
    memcpy(out, &b, sizeof b);
    memcpy(out + sizeof b, leg->binding, leg->binding_len);
    return (unsigned long)(sizeof b + leg->binding_len);
}

easg_status auth_context_step(struct auth_context *c, struct auth_leg *leg, struct strbuf *out,
                              int *complete, easg_error *err)
{
    unsigned long flags = ISC_REQ_ALLOCATE_MEMORY | ISC_REQ_REPLAY_DETECT |
                          ISC_REQ_SEQUENCE_DETECT | ISC_REQ_INTEGRITY;
    unsigned char binding[256];
    SecBuffer in[2], made = { 0, SECBUFFER_TOKEN, NULL };
    SecBufferDesc in_desc = { SECBUFFER_VERSION, 0, in };
    SecBufferDesc out_desc = { SECBUFFER_VERSION, 1, &made };
    uint64_t began = GetTickCount64();
    unsigned long got = 0;
    wchar_t target[MAX_TEXT];
    TimeStamp expires;
    SECURITY_STATUS code;
    easg_status st;

    *complete = 0;
    if (leg->fresh)
        drop_context(c);
    st = acquire(c, leg, err);
    if (st != EASG_OK)
        return st;
    if (!widen(leg->service, strlen(leg->service), target))
        return err_set(err, EASG_E_CONFIG, "auth.spn is not a name");
    if (c->mechanism != AUTH_NTLM)
        flags |= ISC_REQ_MUTUAL_AUTH;
    if (leg->token_len) {
        in[in_desc.cBuffers++] = (SecBuffer){ (unsigned long)leg->token_len, SECBUFFER_TOKEN,
                                              (void *)(uintptr_t)leg->token };
    }
    /* NTLM says them in its last message, and its first call may take a lone binding for a token */
    if (leg->binding_len && (c->mechanism != AUTH_NTLM || leg->token_len)) {
        unsigned long len = lay_out_binding(leg, binding, sizeof binding);

        in[in_desc.cBuffers++] = (SecBuffer){ len, SECBUFFER_CHANNEL_BINDINGS, binding };
    }
    code = InitializeSecurityContextW(&c->cred, c->has_context ? &c->context : NULL, target, flags,
                                      0, SECURITY_NATIVE_DREP, in_desc.cBuffers ? &in_desc : NULL,
                                      0, &c->context, &out_desc, &got, &expires);
    if (code == SEC_I_COMPLETE_NEEDED || code == SEC_I_COMPLETE_AND_CONTINUE) {
        SECURITY_STATUS done = CompleteAuthToken(&c->context, &out_desc);

        if (done != SEC_E_OK)
            code = done;
        else
            code = code == SEC_I_COMPLETE_NEEDED ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
    }
    if (code == SEC_E_OK || code == SEC_I_CONTINUE_NEEDED) {
        c->has_context = 1;
        *complete = code == SEC_E_OK;
        if (made.cbBuffer && strbuf_add(out, made.pvBuffer, made.cbBuffer) != EASG_OK)
            st =
                err_set(err, EASG_E_LIMIT, "the log-on's token is larger than %u bytes", MAX_TOKEN);
    } else {
        st = explain(c, code, leg->service, err);
    }
    if (made.pvBuffer)
        FreeContextBuffer(made.pvBuffer);
    leg->timeout_ms -= (int64_t)(GetTickCount64() - began);
    return st;
}

easg_status auth_context_create(const struct auth_account *account, struct auth_context **out,
                                easg_error *err)
{
    struct auth_context *c;
    const char *user = account->user ? account->user : "";
    const char *slash = strchr(user, '\\');
    int ok = 1;

    *out = NULL;
    if (account->keytab || account->ccache)
        return err_set(err, EASG_E_CONFIG,
                       "auth.keytab and auth.ccache are for other systems: give auth.password");
    c = mem_alloc(sizeof *c);
    if (!c)
        return err_nomem(err);
    c->mechanism = account->mechanism;
    (void)snprintf(c->shown, sizeof c->shown, "%s", *user ? user : "the account of the service");
    if (account->password) {
        const char *name = slash ? slash + 1 : user;

        c->own_password = 1;
        ok = widen(name, strlen(name), c->user) &&
             widen(user, slash ? (size_t)(slash - user) : 0, c->domain) &&
             widen(account->password, account->password_len, c->password);
    }
    if (!ok) {
        auth_context_destroy(c);
        return err_set(err, EASG_E_CONFIG, "auth.user or auth.password is too long or not UTF-8");
    }
    *out = c;
    return EASG_OK;
}

void auth_context_destroy(struct auth_context *c)
{
    if (!c)
        return;
    drop_cred(c);
    secret_wipe(c->password, sizeof c->password);
    mem_free(c);
}
