/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-dedicated: the source module for an organisation of its own that somebody else runs, as
 * Exchange Online Dedicated was. Which server answers is the operator's business and may change, so
 * Autodiscover tells it; which servers there are is told as far as the operator's RBAC grants it.
 * The rest is plugins/lib/source.
 */
#include <stdio.h>
#include <string.h>

#include "source_module.h"

#include "err.h"
#include "ews_discover.h"
#include "text.h"

#define MAX_ALLOWED 32u

static const easg_option o_server = SOURCE_OPTION(
    EASG_OPT_STRING, 0, "server", NULL, NULL,
    "Host, or host:port, of a client access server. Default: what Autodiscover says.");
static const easg_option o_mailbox =
    SOURCE_OPTION(EASG_OPT_STRING, 0, "autodiscover.mailbox", NULL, NULL,
                  "Address that Autodiscover is asked about. Default: auth.user, if it is one.");
static const easg_option o_ask = SOURCE_OPTION(
    EASG_OPT_STRING, 0, "autodiscover.server", NULL, NULL,
    "Host, or host:port, that is asked first. Default: autodiscover.DOMAIN of the mailbox.");

static const easg_option *const options[] = {
    &o_server, AUTH_CONFIG_OPTIONS, SOURCE_OPTIONS, &source_opt_parallel, &source_opt_forest,
    &o_ask,    &o_mailbox,          NULL,
};

struct own {
    const char *mailbox;
    const char *ask;
    char url[600]; /* what Autodiscover said, "" until then */
    char text[MAX_ALLOWED][260];
    easg_str allow[MAX_ALLOWED];
    const easg_str *allow_at[MAX_ALLOWED];
    size_t n_allow;
};

/* ".contoso.example" of redirect.allow is "*.contoso.example" for Autodiscover. */
static int take_allowed(struct own *own, const char *list)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        size_t i = own->n_allow;
        int n;

        if (i == MAX_ALLOWED || len > 250)
            return 0;
        n = snprintf(own->text[i], sizeof(own->text[i]), "%s%.*s", *list == '.' ? "*" : "",
                     (int)len, list);
        own->allow[i] = (easg_str){ own->text[i], (size_t)n };
        own->allow_at[i] = &own->allow[i];
        own->n_allow++;
        list += len + (list[len] == ',');
    }
    return 1;
}

static easg_status read(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    easg_str mailbox = opt_str(self->host, cfg, "autodiscover.mailbox");
    easg_str ask = opt_str(self->host, cfg, "autodiscover.server");
    struct own *own = mem_alloc(sizeof(*own));

    if (!own)
        return err_nomem(err);
    self->own = own;
    own->mailbox = mailbox.ptr ? mailbox.ptr : self->auth.user;
    own->ask = ask.ptr;
    if (self->server.ptr)
        return EASG_OK;
    if (!own->mailbox || !strchr(own->mailbox, '@') || strlen(own->mailbox) > 300)
        return opt_error(self->host, cfg, "autodiscover.mailbox", err,
                         "source.autodiscover.mailbox must be a mail address, or source.server "
                         "must be given");
    if (ask.ptr && source_check_host(self, cfg, "autodiscover.server", &ask, err) != EASG_OK)
        return EASG_E_CONFIG;
    if (!take_allowed(own, self->redirect_allow))
        return opt_error(self->host, cfg, "redirect.allow", err,
                         "source.redirect.allow: at most %u hosts", MAX_ALLOWED);
    return EASG_OK;
}

static void forget(struct easg_instance *self)
{
    mem_free(self->own);
}

/* ---- Autodiscover ---- */

static int64_t remaining(void *user)
{
    const struct exch_env *env = user;

    return env->remaining_ms(env->user);
}

static void tried(void *user, const char *text)
{
    const struct exch_env *env = user;

    env->log(env->user, EXCH_INFO, text);
}

/* Remote PowerShell is on the host that serves EWS: Autodiscover has no setting of its own for
 * it. */
static easg_status take(struct easg_instance *self, const struct ews_found *found, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(512);
    struct own *own = self->own;
    easg_status st = http_url_endpoint(found->url, &endpoint, err);
    size_t len = endpoint.len;

    if (st != EASG_OK)
        return st;
    if (len > 4 && strcmp(endpoint.ptr + len - 4, ":443") == 0)
        len -= 4;
    (void)snprintf(own->url, sizeof(own->url), "https://%.*s/powershell", (int)len, endpoint.ptr);
    plugin_log(self->host, EASG_LOG_INFO, "Autodiscover (%s) leads to %s", found->how, own->url);
    return EASG_OK;
}

static easg_status ask(struct easg_instance *self, struct source_run *at, int log_on,
                       easg_error *err)
{
    struct own *own = self->own;
    struct exch_env env = source_env(at);
    struct http_options http = source_http(self);
    struct source_logon logon;
    struct ews_discover_options o = { .mailbox = own->mailbox,
                                      .server = own->ask,
                                      .allow = own->allow_at,
                                      .n_allow = own->n_allow,
                                      .soap = log_on,
                                      .pox = log_on,
                                      .json = 1,
                                      .http = &http,
                                      .request_timeout_ms = 2 * self->connect_ms,
                                      .remaining_ms = remaining,
                                      .tried = tried,
                                      .instead = "source.server",
                                      .user = &env };
    struct ews_found found;
    easg_status st = source_logon(self, &http, &logon, err);

    if (st != EASG_OK)
        return st;
    o.auth = logon.auth;
    http.cancelled = env.cancelled;
    http.user = env.user;
    st = ews_discover(&o, &found, err);
    source_logoff(&logon);
    return st == EASG_OK ? take(self, &found, err) : st;
}

static easg_status locate(struct easg_instance *self, const easg_run *run, int log_on,
                          struct strbuf *url, easg_error *err)
{
    struct own *own = self->own;
    struct source_run at = { self, run };
    easg_status st = own->url[0] ? EASG_OK : ask(self, &at, log_on, err);

    return st == EASG_OK ? source_complete(self, own->url, url, err) : st;
}

static const struct source_profile profile = { .entire_forest = 1,
                                               .partly = 1,
                                               .read = read,
                                               .forget = forget,
                                               .locate = locate,
                                               .rights = exch_role_script };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    return source_create(&profile, host, cfg, out, err);
}

static const easg_module module =
    SOURCE_MODULE("exchange-dedicated",
                  "An organisation of its own that somebody else runs, found by Autodiscover",
                  options, &source_ops, create);

SOURCE_PLUGIN("exchange-dedicated")
