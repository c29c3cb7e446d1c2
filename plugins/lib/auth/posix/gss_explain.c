/* SPDX-License-Identifier: Apache-2.0
 *
 * What a failed GSSAPI call means. The minor codes are MIT's error numbers of Kerberos, which are
 * stable; texts of the library are shown only where we know nothing better.
 */
#include "gss_private.h"

#include <errno.h>

#include <krb5/krb5.h>

#include "err.h"
#include "text.h"

static const struct {
    OM_uint32 minor;
    easg_status status;
    const char *text;
} meanings[] = {
    { (OM_uint32)KRB5KDC_ERR_PREAUTH_FAILED, EASG_E_AUTH,
      "the password is wrong, or the keytab holds an older one: correct it, or write the keytab "
      "anew" },
    { (OM_uint32)KRB5KRB_AP_ERR_BAD_INTEGRITY, EASG_E_AUTH,
      "the password is wrong, or the keytab holds an older one: correct it, or write the keytab "
      "anew" },
    { (OM_uint32)KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, EASG_E_AUTH,
      "the KDC does not know this account: check auth.user and its realm" },
    { (OM_uint32)KRB5KDC_ERR_CLIENT_REVOKED, EASG_E_AUTH,
      "the account is disabled or locked: enable it in the directory" },
    { (OM_uint32)KRB5KDC_ERR_KEY_EXP, EASG_E_AUTH,
      "its password has expired: set a new one, that does not expire" },
    { (OM_uint32)KRB5KDC_ERR_NAME_EXP, EASG_E_AUTH,
      "the account has expired: prolong it in the directory" },
    { (OM_uint32)KRB5KDC_ERR_POLICY, EASG_E_AUTH,
      "a policy of the KDC forbids this log-on: look at the account's hours and machines" },
    { (OM_uint32)KRB5KDC_ERR_ETYPE_NOSUPP, EASG_E_AUTH,
      "no encryption type in common with the KDC: give the account AES keys" },
    { (OM_uint32)KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, EASG_E_AUTH,
      "the KDC knows no such service: register the name (setspn), or set auth.spn" },
    { (OM_uint32)KRB5KRB_AP_ERR_TKT_EXPIRED, EASG_E_AUTH,
      "the ticket has expired: renew the credential cache (kinit)" },
    { (OM_uint32)KRB5KRB_AP_ERR_SKEW, EASG_E_AUTH,
      "the clocks differ by more than five minutes: set them right" },
    { (OM_uint32)KRB5KRB_AP_ERR_MODIFIED, EASG_E_AUTH,
      "the server cannot read the ticket: the service name belongs to another account" },
    { (OM_uint32)KRB5KRB_AP_ERR_BADMATCH, EASG_E_AUTH,
      "the server does not take the ticket: it is for another name" },
    { (OM_uint32)KRB5_MUTUAL_FAILED, EASG_E_UNTRUSTED, "the server's proof of itself is false" },
    { (OM_uint32)KRB5_KDC_UNREACH, EASG_E_UNREACHABLE,
      "no KDC takes a connection: is it up, is krb5.conf right, does a firewall drop port 88" },
    { (OM_uint32)KRB5_REALM_UNKNOWN, EASG_E_CONFIG,
      "no KDC is known for this realm: name it in krb5.conf, or in DNS" },
    { (OM_uint32)KRB5_REALM_CANT_RESOLVE, EASG_E_UNREACHABLE,
      "the name of the KDC is not known: check krb5.conf and DNS" },
    { (OM_uint32)KRB5_CONFIG_NODEFREALM, EASG_E_CONFIG,
      "the account has no realm: write user@REALM" },
    { (OM_uint32)KRB5_CONFIG_CANTOPEN, EASG_E_CONFIG, "krb5.conf cannot be read" },
    { (OM_uint32)KRB5_KT_NOTFOUND, EASG_E_CONFIG,
      "the keytab has no key of this account: compare with klist -k" },
    { (OM_uint32)KRB5_KT_IOERR, EASG_E_CONFIG, "the keytab cannot be read" },
    { (OM_uint32)KRB5_CC_NOTFOUND, EASG_E_CONFIG,
      "the credential cache holds no ticket: fill it (kinit -c)" },
    { (OM_uint32)KRB5_FCC_NOFILE, EASG_E_CONFIG,
      "there is no such credential cache: fill it (kinit -c)" },
    { (OM_uint32)KRB5_FCC_PERM, EASG_E_CONFIG,
      "the credential cache cannot be read: check its owner and mode" },
    { (OM_uint32)KRB5_CC_FORMAT, EASG_E_CONFIG,
      "the credential cache is damaged: fill it anew (kinit -c)" },
    { (OM_uint32)ENOENT, EASG_E_CONFIG,
      "a file is missing: keytab, credential cache or krb5.conf" },
    { (OM_uint32)EACCES, EASG_E_CONFIG,
      "a file cannot be read: keytab, credential cache or krb5.conf" },
};

easg_status gss_explain(OM_uint32 major, OM_uint32 minor, gss_OID mech, const char *mechanism,
                        const char *who, const char *service, easg_error *err)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, context = 0;
    char safe[200] = "";
    easg_status st = EASG_E_AUTH;

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].minor == minor)
            return err_native(err, meanings[i].status, EASG_DOMAIN_GSS, minor,
                              "%s for %s to %s: %s", mechanism, who, service, meanings[i].text);
    if (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_GSS, minor,
                          "%s: this system has no such GSSAPI mechanism: install it (gss-ntlmssp "
                          "for ntlm)",
                          mechanism);
    if (GSS_ROUTINE_ERROR(major) == GSS_S_DEFECTIVE_TOKEN ||
        GSS_ROUTINE_ERROR(major) == GSS_S_BAD_SIG)
        st = EASG_E_UNTRUSTED;
    if (gss_display_status(&ignored, minor ? minor : major,
                           minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE, minor ? mech : GSS_C_NO_OID,
                           &context, &text) == GSS_S_COMPLETE)
        text_safe(text.value, text.length, safe, sizeof safe);
    gss_release_buffer(&ignored, &text);
    return err_native(err, st, EASG_DOMAIN_GSS, minor, "%s for %s to %s: %s (major %08x)",
                      mechanism, who, service, safe, (unsigned)major);
}
