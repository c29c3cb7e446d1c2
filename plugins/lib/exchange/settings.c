/* SPDX-License-Identifier: Apache-2.0
 *
 * The organisation's own settings, and its servers.
 */
#include <stdio.h>
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

enum { O_LEVEL, O_GUID };
static const char *const org_names[] = {
    [O_LEVEL] = "DefaultAccessLevel", [O_GUID] = "Guid", NULL
};

enum { S_FQDN, S_CLIENT_ACCESS, S_VERSION, S_ROLE, S_EDGE };
static const char *const server_names[] = { [S_FQDN] = "Fqdn",
                                            [S_CLIENT_ACCESS] = "IsClientAccessServer",
                                            [S_VERSION] = "AdminDisplayVersion",
                                            [S_ROLE] = "ServerRole",
                                            [S_EDGE] = "IsEdgeServer",
                                            NULL };

struct org {
    unsigned n;
    easg_access access;
    char level[40];
    char guid[WSMAN_GUID_TEXT];
    char version[80];
    char host[256]; /* of the session */
    int ours;       /* version is that of the session's own server */
};

static easg_status on_settings(void *user, const struct clixml_record *r, easg_error *err)
{
    static const struct {
        const char *name;
        easg_access access;
    } levels[] = { { "Allow", EASG_ACCESS_ALLOWED },
                   { "Block", EASG_ACCESS_BLOCKED },
                   { "Quarantine", EASG_ACCESS_QUARANTINED } };
    struct org *o = user;
    easg_str level = exch_slot(r, O_LEVEL);
    easg_str guid = exch_slot(r, O_GUID);

    o->n++;
    for (size_t i = 0; level.ptr && i < sizeof(levels) / sizeof(levels[0]); i++)
        if (text_ieq(level.ptr, level.len, levels[i].name, strlen(levels[i].name)))
            o->access = levels[i].access;
    (void)text_safe(level.ptr ? level.ptr : "", level.len, o->level, sizeof(o->level));
    if (o->access == EASG_ACCESS_UNKNOWN)
        return err_set(err, EASG_E_PROTOCOL,
                       "the organisation's DefaultAccessLevel is \"%s\", not Allow, Block or "
                       "Quarantine",
                       o->level);
    (void)exch_guid(&guid, o->guid);
    return EASG_OK;
}

static easg_status on_version(void *user, const struct clixml_record *r, easg_error *err)
{
    struct org *o = user;
    easg_str fqdn = exch_slot(r, S_FQDN);
    easg_str version = exch_slot(r, S_VERSION);
    int ours = fqdn.ptr && text_ieq(fqdn.ptr, fqdn.len, o->host, strlen(o->host));

    (void)err;
    if (version.ptr && !o->ours && (ours || !o->version[0])) {
        (void)text_safe(version.ptr, version.len, o->version, sizeof(o->version));
        o->ours = ours;
    }
    return EASG_OK;
}

static easg_status run_servers(struct exch *x, clixml_record_fn fn, void *user, easg_error *err)
{
    struct psrp_command command = { exch_cmdlet_names[C_GET_SERVER], NULL, 0 };

    return exch_run_records(x, &command, server_names, fn, user, NULL, err);
}

easg_status exch_emit_org(struct exch *x, const struct exch_receiver *to, easg_error *err)
{
    struct psrp_parameter p[1];
    struct psrp_command command = { exch_cmdlet_names[C_GET_SETTINGS], p, 0 };
    struct org o = { 0 };
    easg_org_settings out = { .struct_size = sizeof(out) };
    easg_status st = exch_need(x, C_GET_SETTINGS, 0, err);

    if (st == EASG_OK)
        st = exch_confine(x, C_GET_SETTINGS, 1, p, &command.n, err);
    if (st == EASG_OK)
        st = exch_run_records(x, &command, org_names, on_settings, &o, NULL, err);
    if (st != EASG_OK)
        return st;
    if (o.n != 1)
        return err_set(err, EASG_E_PROTOCOL, "%s gave %u objects instead of one",
                       exch_cmdlet_names[C_GET_SETTINGS], o.n);
    if (x->known[C_GET_SERVER].present && !x->alone) {
        const char *host = strstr(x->url, "://");
        size_t n = host ? strcspn(host + 3, ":/") : 0;

        if (n && n < sizeof(o.host))
            memcpy(o.host, host + 3, n);
        st = run_servers(x, on_version, &o, err);
        if (st != EASG_OK && x->broken)
            return st;
        if (st != EASG_OK)
            exch_log(x, EXCH_INFO, "version of the server not known: %s", err->message);
        err_clear(err);
    }
    out.default_access = o.access;
    out.org_id = o.guid[0] ? text_str(o.guid) : (easg_str){ NULL, 0 };
    out.server_version = o.version[0] ? text_str(o.version) : (easg_str){ NULL, 0 };
    st = to->org(to->user, &out);
    return st == EASG_OK ? EASG_OK
                         : err_set(err, st, "the host refused the organisation's settings");
}

/* ---- discovery ---- */

struct discovery {
    exch_endpoint_fn emit;
    void *user;
    struct strbuf url;
};

static easg_status on_server(void *user, const struct clixml_record *r, easg_error *err)
{
    struct discovery *d = user;
    easg_str fqdn = exch_slot(r, S_FQDN);
    easg_endpoint e = { .struct_size = sizeof(e),
                        .priority = 100, /* after what the configuration names */
                        .last_ok = EASG_TIME_NONE,
                        .last_failed = EASG_TIME_NONE };
    easg_status st;

    if (exch_slot_bool(r, S_CLIENT_ACCESS) != 1 || exch_slot_bool(r, S_EDGE) == 1)
        return EASG_OK;
    if (!fqdn.ptr || fqdn.len > 255)
        return err_set(err, EASG_E_PROTOCOL, "Get-ExchangeServer: a server without Fqdn");
    for (size_t i = 0; i < fqdn.len; i++) {
        char c = fqdn.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '.' || c == '_' || c == ':'))
            return err_set(err, EASG_E_PROTOCOL, "Get-ExchangeServer: Fqdn is no host name");
    }
    strbuf_reset(&d->url);
    strbuf_addf(&d->url, "https://%s/powershell", fqdn.ptr);
    if (strbuf_status(&d->url) != EASG_OK)
        return err_nomem(err);
    e.id = fqdn;
    e.url = (easg_str){ d->url.ptr, d->url.len };
    st = d->emit(d->user, &e);
    return st == EASG_OK ? EASG_OK : err_set(err, st, "the host refused an endpoint");
}

easg_status exch_discover(struct exch *x, exch_endpoint_fn emit, void *user, easg_error *err)
{
    struct discovery d = { emit, user, STRBUF_INIT(1024) };
    easg_status st = exch_need(x, C_GET_SERVER, 0, err);

    if (st == EASG_OK)
        st = run_servers(x, on_server, &d, err);
    strbuf_clear(&d.url);
    return st;
}
