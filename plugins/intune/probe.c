/* SPDX-License-Identifier: Apache-2.0
 *
 * easg.probe/1: the way to Intune hop by hop: the credential, the sign-in, the clock, each
 * permission by its name, and whether Graph answers with it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <easgate/draft/probe.h>

#include "intune.h"

#include "err.h"
#include "text.h"

#define DAY_MS      (24 * 3600 * 1000LL)
#define EXPIRY_NOTE 30
#define SKEW_NOTE   (120 * 1000)
#define ROLES_MAX   64

struct walking {
    struct easg_session *s;
    const easg_probe_receiver *to;
    easg_status refused;
    char roles[ROLES_MAX][96];
    size_t n_roles;
    int readable;
};

EASG_PRINTF(5, 6)
static void tell(struct walking *w, easg_probe_grade grade, easg_status st, const char *name,
                 const char *fmt, ...)
{
    char text[800];
    easg_probe_hop hop = { .struct_size = sizeof hop,
                           .grade = grade,
                           .status = grade == EASG_PROBE_FAILED ? st : EASG_OK,
                           .name = text_str(name) };
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hop.text = text_str(text);
    if (w->refused == EASG_OK)
        w->refused = w->to->hop(w->to, &hop);
}

/* ---- consent ---- */

/* What is needed, what includes it, and what does not work without it. */
struct need {
    const char *permission;
    const char *wider[4];
    const char *of;
    int always; /* 0: only where the configuration asks for it, see below */
};

static const struct need needs[] = {
    { "User.Read.All",
      { "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All" },
      "people",
      1 },
    { "DeviceManagementManagedDevices.Read.All",
      { "DeviceManagementManagedDevices.ReadWrite.All" },
      "managed devices",
      1 },
    { "GroupMember.Read.All",
      { "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All", "Group.ReadWrite.All" },
      "groups that the policy names",
      0 },
};

static int granted(const struct walking *w, const char *permission)
{
    for (size_t i = 0; i < w->n_roles; i++)
        if (strcmp(w->roles[i], permission) == 0)
            return 1;
    return 0;
}

static const char *granted_as(const struct walking *w, const struct need *n)
{
    if (granted(w, n->permission))
        return n->permission;
    for (size_t i = 0; i < 4 && n->wider[i]; i++)
        if (granted(w, n->wider[i]))
            return n->wider[i];
    return NULL;
}

static void add_role(void *user, const easg_str *role)
{
    struct walking *w = user;

    if (w->n_roles < ROLES_MAX && role->len < sizeof w->roles[0])
        (void)text_safe(role->ptr, role->len, w->roles[w->n_roles++], sizeof w->roles[0]);
}

static void tell_need(struct walking *w, const struct need *n)
{
    const char *as = granted_as(w, n);
    char name[120];

    (void)snprintf(name, sizeof name, "consent %s", n->permission);
    if (as && strcmp(as, n->permission) == 0)
        tell(w, EASG_PROBE_OK, EASG_OK, name, "granted (%s)", n->of);
    else if (as)
        tell(w, EASG_PROBE_OK, EASG_OK, name, "included in %s (%s); the smaller one is enough", as,
             n->of);
    else
        tell(w, n->always ? EASG_PROBE_FAILED : EASG_PROBE_NOTE, EASG_E_DENIED, name,
             "not granted, so %s cannot be read%s: in the Entra admin center, App registrations, "
             "%s, API permissions, add the application permission %s of Microsoft Graph, then "
             "grant admin consent",
             n->of, n->always ? "" : " (needed only where the policy names groups)",
             w->s->in->client_id, n->permission);
}

static void tell_consent(struct walking *w)
{
    const easg_instance *in = w->s->in;
    const struct need connector = {
        "DeviceManagementServiceConfig.ReadWrite.All", { NULL }, "report.connector", 1
    };
    const struct need notes = {
        "DeviceManagementManagedDevices.ReadWrite.All", { NULL }, "report.notes", 1
    };
    easg_error err = EASG_ERROR_INIT;

    w->readable = oauth_each_role(w->s->oauth, add_role, w, &err) == EASG_OK;
    if (!w->readable) {
        tell(w, EASG_PROBE_SKIPPED, EASG_OK, "consent",
             "what the token grants cannot be read; what Graph answers follows");
        return;
    }
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        tell_need(w, &needs[i]);
    if (in->report.connector)
        tell_need(w, &connector);
    if (in->report.notes)
        tell_need(w, &notes);
}

/* ---- what Graph says ---- */

static void ask(struct walking *w, const char *name, const char *path, const char *what,
                const char *permission, const char *remedy)
{
    const struct graph_call call = {
        .method = "GET", .path = path, .what = what, .permission = permission
    };
    easg_error err = EASG_ERROR_INIT;
    easg_status st = graph_call(w->s->graph, &call, NULL, &err);

    if (st == EASG_OK)
        tell(w, EASG_PROBE_OK, EASG_OK, name, "Graph answers");
    else
        tell(w, EASG_PROBE_FAILED, st, name, "%s%s", err.message,
             st == EASG_E_NOTFOUND || st == EASG_E_PROTOCOL ? remedy : "");
}

static void tell_credential(struct walking *w)
{
    easg_time expires = oauth_certificate_expires(w->s->oauth);
    const easg_host *h = w->s->in->host;
    int64_t days;

    if (expires == EASG_TIME_NONE) {
        tell(w, EASG_PROBE_OK, EASG_OK, "credential", "%s",
             w->s->in->federated ? "federated: the assertion of another issuer"
                                 : "a client secret; when it expires only Entra knows");
        return;
    }
    days = (expires - h->now(h)) / DAY_MS;
    tell(w, days < EXPIRY_NOTE ? EASG_PROBE_NOTE : EASG_PROBE_OK, EASG_OK, "credential",
         "a certificate, good for %" PRId64 " days%s", days,
         days < EXPIRY_NOTE ? ": make a new one and upload it to the app registration" : "");
}

static void tell_clock(struct walking *w)
{
    int64_t skew = oauth_clock_skew_ms(w->s->oauth);
    int64_t s = (skew < 0 ? -skew : skew) / 1000;

    if (skew > SKEW_NOTE || skew < -SKEW_NOTE)
        tell(w, EASG_PROBE_NOTE, EASG_OK, "clock",
             "ours is %" PRId64 " s %s the log-on server's: set it (chrony, NTP)", s,
             skew > 0 ? "ahead of" : "behind");
    else
        tell(w, EASG_PROBE_OK, EASG_OK, "clock", "within %" PRId64 " s of the log-on server's",
             s + 1);
}

static easg_status EASG_CALL walk(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                  easg_error *err)
{
    struct easg_session *s = mem_alloc(sizeof *s);
    struct walking *w = mem_alloc(sizeof *w);
    easg_error why = EASG_ERROR_INIT;
    easg_status st;

    (void)endpoint;
    if (!s || !w) {
        mem_free(s);
        mem_free(w);
        return err_nomem(err);
    }
    s->in = self;
    s->run = run;
    w->s = s;
    w->to = to;
    st = intune_sign_in(s, &why);
    if (!s->oauth) {
        tell(w, EASG_PROBE_FAILED, st, "credential", "%s", why.message);
    } else {
        tell_credential(w);
        if (st != EASG_OK)
            tell(w, EASG_PROBE_FAILED, st,
                 st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT || st == EASG_E_UNTRUSTED
                     ? "log-on server"
                     : "log-on",
                 "%s%s", why.message,
                 st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT
                     ? "; look at login_url, proxy, the name service, and what stands between"
                     : "");
    }
    if (st == EASG_OK) {
        tell(w, EASG_PROBE_OK, EASG_OK, "log-on", "Entra issued a token for %s", self->client_id);
        tell_clock(w);
        tell_consent(w);
        ask(w, "people", "/v1.0/users?$select=id&$top=1", "users", "User.Read.All", "");
        ask(w, "managed devices", "/v1.0/deviceManagement/managedDevices?$select=id&$top=1",
            "managed devices", "DeviceManagementManagedDevices.Read.All",
            "; has the tenant an Intune licence, and is Intune its MDM authority?");
    } else {
        tell(w, EASG_PROBE_SKIPPED, EASG_OK, "consent", "the log-on has to be right first");
    }
    st = w->refused;
    intune_close(s);
    mem_free(w);
    return st;
}

static const easg_probe_ops ops = { .struct_size = sizeof ops, .walk = walk };

const void *EASG_CALL intune_extension(easg_instance *self, const char *id)
{
    (void)self;
    return strcmp(id, EASG_PROBE) == 0 ? &ops : NULL;
}
