/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of GSSAPI themselves: credentials, the service's ticket, one step of a handshake. All
 * of it runs on the thread that auth_gss.c starts.
 */
#include "gss_private.h"

#include <stdio.h>
#include <string.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5/krb5.h>

#include "err.h"

static gss_OID_desc krb5_oid = { 9, (void *)(uintptr_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_OID_desc spnego_oid = { 6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02" };
static gss_OID_desc ntlm_oid = { 10,
                                 (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" };

static gss_OID mechanism_of(const struct auth_context *c)
{
    return c->mechanism == AUTH_NTLM ? &ntlm_oid : &krb5_oid;
}

static easg_status explain(struct auth_context *c, OM_uint32 major, OM_uint32 minor, gss_OID mech)
{
    /* Our own cache is empty when the keytab was of no use. */
    if (c->keytab && minor == (OM_uint32)KRB5_FCC_NOFILE)
        minor = (OM_uint32)KRB5_KT_NOTFOUND;
    if (c->call.in.len && GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH)
        return err_native(&c->call.err, EASG_E_AUTH, EASG_DOMAIN_GSS, minor,
                          "%s: the server does not take Kerberos, which is all we offer",
                          c->call.service);
    return gss_explain(major, minor, mech, c->mechanism == AUTH_NTLM ? "NTLM" : "Kerberos",
                       c->user     ? c->user
                       : c->keytab ? "the keytab's account"
                                   : "the cache's account",
                       c->call.service, &c->call.err);
}

static easg_status import_name(struct auth_context *c, const char *text, gss_OID type,
                               gss_name_t *out)
{
    gss_buffer_desc buffer = { strlen(text), (void *)(uintptr_t)text };
    OM_uint32 minor, major = gss_import_name(&minor, &buffer, type, out);

    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire_by_password(struct auth_context *c, gss_name_t name)
{
    gss_OID_set_desc wanted = { 1, mechanism_of(c) };
    gss_key_value_element_desc where = { "ccache", c->cache };
    gss_key_value_set_desc store = { 1, &where };
    gss_buffer_desc password = { c->password.len, c->password.ptr };
    OM_uint32 minor, major;

    major = gss_acquire_cred_with_password(&minor, name, &password, GSS_C_INDEFINITE, &wanted,
                                           GSS_C_INITIATE, &c->cred, NULL, NULL);
    /* SPNEGO's credentials are made of the cache, so that only this call asks the KDC and its error
     * numbers are Kerberos' own. */
    if (!GSS_ERROR(major) && c->mechanism != AUTH_NTLM)
        major = gss_store_cred_into(&minor, c->cred, GSS_C_INITIATE, mechanism_of(c), 1, 0, &store,
                                    NULL, NULL);
    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire_from_store(struct auth_context *c, gss_name_t name)
{
    gss_OID_set_desc wanted = { 1, mechanism_of(c) };
    gss_key_value_element_desc where[] = { { "ccache", c->cache }, { "client_keytab", c->keytab } };
    gss_key_value_set_desc store = { c->keytab ? 2 : 1, where };
    OM_uint32 minor, major;

    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE, &store,
                                  &c->cred, NULL, NULL);
    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire(struct auth_context *c)
{
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;
    easg_status st = EASG_OK;

    if (c->cred != GSS_C_NO_CREDENTIAL)
        return EASG_OK;
    if (c->user)
        st = import_name(c, c->user, GSS_C_NT_USER_NAME, &name);
    if (st == EASG_OK)
        st = c->password.len ? acquire_by_password(c, name) : acquire_from_store(c, name);
    gss_release_name(&ignored, &name);
    return st;
}

static OM_uint32 flags_of(const struct auth_context *c)
{
    OM_uint32 flags = GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG;

    return c->mechanism == AUTH_NTLM ? flags : flags | GSS_C_MUTUAL_FLAG;
}

/* The service's ticket by the bare mechanism, whose error numbers SPNEGO would hide; it comes to
 * lie in the cache. */
static easg_status fetch_ticket(struct auth_context *c)
{
    gss_ctx_id_t trial = GSS_C_NO_CONTEXT;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, ignored, major;

    major =
        gss_init_sec_context(&minor, c->cred, &trial, c->target, &krb5_oid, flags_of(c), 0,
                             GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    gss_release_buffer(&ignored, &token);
    gss_delete_sec_context(&ignored, &trial, GSS_C_NO_BUFFER);
    return GSS_ERROR(major) ? explain(c, major, minor, &krb5_oid) : EASG_OK;
}

/* SPNEGO takes any mechanism that is installed, NTLM too, if it is not told. */
static easg_status wrap_in_spnego(struct auth_context *c)
{
    gss_OID_set_desc outer = { 1, &spnego_oid };
    gss_OID_set_desc inner = { 1, &krb5_oid };
    gss_key_value_element_desc where = { "ccache", c->cache };
    gss_key_value_set_desc store = { 1, &where };
    OM_uint32 minor, major;

    if (c->spnego != GSS_C_NO_CREDENTIAL)
        return EASG_OK;
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &outer, GSS_C_INITIATE,
                                  &store, &c->spnego, NULL, NULL);
    if (!GSS_ERROR(major))
        major = gss_set_neg_mechs(&minor, c->spnego, &inner);
    return GSS_ERROR(major) ? explain(c, major, minor, &spnego_oid) : EASG_OK;
}

/* The service by its principal, with an empty realm where none is given (the KDC refers us on):
 * a host-based name would be looked up in DNS, and maybe in reverse, as krb5.conf says. */
static easg_status aim(struct auth_context *c)
{
    char text[sizeof c->call.service + 2];
    OM_uint32 ignored;
    easg_status st;

    if (c->target != GSS_C_NO_NAME && strcmp(c->target_text, c->call.service) == 0)
        return EASG_OK;
    gss_release_name(&ignored, &c->target);
    (void)snprintf(c->target_text, sizeof c->target_text, "%s", c->call.service);
    (void)snprintf(text, sizeof text, "%s", c->call.service);
    if (c->mechanism == AUTH_NTLM) {
        char *slash = strchr(text, '/');
        char *at = strchr(text, '@');

        if (at)
            *at = '\0';
        if (slash)
            *slash = '@';
        return import_name(c, text, GSS_C_NT_HOSTBASED_SERVICE, &c->target);
    }
    if (!strchr(text, '@'))
        (void)snprintf(text, sizeof text, "%s@", c->call.service);
    st = import_name(c, text, (gss_OID)(uintptr_t)GSS_KRB5_NT_PRINCIPAL_NAME, &c->target);
    return st == EASG_OK && !c->call.raw ? fetch_ticket(c) : st;
}

static easg_status step(struct auth_context *c)
{
    struct call *call = &c->call;
    gss_OID mech = call->raw ? mechanism_of(c) : &spnego_oid;
    struct gss_channel_bindings_struct binding = { 0 };
    gss_buffer_desc in = { call->in.len, call->in.ptr };
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;
    easg_status st = EASG_OK;

    binding.application_data.length = call->binding_len;
    binding.application_data.value = call->binding;
    major = gss_init_sec_context(&minor, call->raw ? c->cred : c->spnego, &c->context, c->target,
                                 mech, flags_of(c), 0,
                                 call->binding_len ? &binding : GSS_C_NO_CHANNEL_BINDINGS,
                                 call->in.len ? &in : GSS_C_NO_BUFFER, NULL, &out, NULL, NULL);
    call->complete = major == GSS_S_COMPLETE;
    if (GSS_ERROR(major))
        st = explain(c, major, minor, mech);
    else if (out.length && strbuf_add(&call->out, out.value, out.length) != EASG_OK)
        st = strbuf_status(&call->out) == EASG_E_LIMIT
                 ? err_set(&call->err, EASG_E_LIMIT, "the log-on's token is larger than %u bytes",
                           GSS_MAX_TOKEN)
                 : err_nomem(&call->err);
    gss_release_buffer(&ignored, &out);
    return st;
}

easg_status gss_work(struct auth_context *c)
{
    OM_uint32 ignored;
    easg_status st;

    if (c->call.fresh && c->context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&ignored, &c->context, GSS_C_NO_BUFFER);
    if (!c->call.fresh && c->context == GSS_C_NO_CONTEXT)
        return err_set(&c->call.err, EASG_E_UNTRUSTED,
                       "a token for a log-on that is not under way");
    st = acquire(c);
    if (st == EASG_OK)
        st = aim(c);
    if (st == EASG_OK && !c->call.raw)
        st = wrap_in_spnego(c);
    return st == EASG_OK ? step(c) : st;
}

static void forget_cache(const struct auth_context *c)
{
    krb5_context k = NULL;
    krb5_ccache cache = NULL;

    if (!c->own_cache || !c->cache || krb5_init_context(&k) != 0)
        return;
    if (krb5_cc_resolve(k, c->cache, &cache) == 0)
        (void)krb5_cc_destroy(k, cache);
    krb5_free_context(k);
}

void gss_forget(struct auth_context *c)
{
    OM_uint32 ignored;

    if (c->context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&ignored, &c->context, GSS_C_NO_BUFFER);
    gss_release_cred(&ignored, &c->spnego);
    gss_release_cred(&ignored, &c->cred);
    gss_release_name(&ignored, &c->target);
    forget_cache(c);
}
