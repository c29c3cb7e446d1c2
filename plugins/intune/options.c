/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the module `intune`: what they are, and what they come to.
 */
#include "intune.h"

#include <string.h>

#include "err.h"
#include "text.h"

#define DAY_MS       (24 * 3600 * 1000LL)
#define DEFAULT_PLAN "c1ec4a95-1f05-45b3-a911-aa3fa01094f5" /* INTUNE_A */

static const char *get_text(const easg_host *h, const easg_config *cfg, const char *path)
{
    const easg_config *node = h->cfg_get(h, cfg, path);
    easg_str s;

    return node && h->cfg_str(h, node, &s) == EASG_OK && s.len ? s.ptr : NULL;
}

static int64_t get_number(const easg_host *h, const easg_config *cfg, const char *path,
                          int64_t fallback)
{
    const easg_config *node = h->cfg_get(h, cfg, path);
    int64_t v;

    return node && h->cfg_int(h, node, &v) == EASG_OK ? v : fallback;
}

static int get_flag(const easg_host *h, const easg_config *cfg, const char *path)
{
    const easg_config *node = h->cfg_get(h, cfg, path);
    int32_t v = 0;

    return node && h->cfg_bool(h, node, &v) == EASG_OK && v;
}

static const easg_config *get_secret(const easg_host *h, const easg_config *cfg, const char *path)
{
    const easg_config *node = h->cfg_get(h, cfg, path);

    return node && h->cfg_type(h, node) > EASG_NODE_NULL ? node : NULL;
}

static easg_status read_plans(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = in->host;
    const easg_config *list = h->cfg_get(h, cfg, "service_plans");
    size_t n = list ? h->cfg_count(h, list) : 0;

    if (!list) {
        in->plans[in->n_plans++] = TEXT_LIT(DEFAULT_PLAN);
        return EASG_OK;
    }
    if (n == 0 || n > INTUNE_MAX_PLANS)
        return err_set(err, EASG_E_CONFIG, "service_plans: between 1 and %u plans are needed",
                       INTUNE_MAX_PLANS);
    for (size_t i = 0; i < n; i++) {
        unsigned char id[16];

        if (h->cfg_str(h, h->cfg_at(h, list, i), &in->plans[i]) != EASG_OK ||
            !guid_parse(&in->plans[i], id))
            return err_set(err, EASG_E_CONFIG, "service_plans: entry %zu is not a plan's GUID",
                           i + 1);
        in->n_plans++;
    }
    return EASG_OK;
}

/* Where the tenant's cloud signs in, and where its Graph is; each can be given by itself too. */
static easg_status read_cloud(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    static const struct {
        const char *name, *login, *graph;
    } clouds[] = {
        { "global", "https://login.microsoftonline.com", "https://graph.microsoft.com" },
        { "usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us" },
        { "usgovdod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us" },
        { "china", "https://login.partner.microsoftonline.cn",
          "https://microsoftgraph.chinacloudapi.cn" },
    };
    const char *name = get_text(in->host, cfg, "cloud");

    for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++) {
        if (strcmp(name ? name : "global", clouds[i].name) != 0)
            continue;
        if (!in->login_url)
            in->login_url = clouds[i].login;
        if (!in->graph_url)
            in->graph_url = clouds[i].graph;
        return EASG_OK;
    }
    return err_set(err, EASG_E_CONFIG, "cloud: must be global, usgov, usgovdod or china");
}

static easg_status read_identity(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = in->host;
    const char *auth = get_text(h, cfg, "auth");
    const char *service = get_text(h, cfg, "managed_identity.service");

    if (!auth || strcmp(auth, "app") == 0) {
        if (!in->tenant || !in->client_id)
            return err_set(err, EASG_E_CONFIG, "tenant and client_id are needed");
        if ((in->certificate != NULL) + (in->client_secret != NULL) + (in->federated != NULL) != 1)
            return err_set(err, EASG_E_CONFIG,
                           "give one of certificate, client_secret and federated_token");
        return EASG_OK;
    }
    if (in->certificate || in->client_secret || in->federated || in->tenant || in->client_id)
        return err_set(err, EASG_E_CONFIG,
                       "auth: managed_identity takes no tenant, client_id or credential of an app; "
                       "a user-assigned identity is named by managed_identity.client_id");
    in->identity.kind = !service || strcmp(service, "imds") == 0 ? OAUTH_IDENTITY_IMDS
                        : strcmp(service, "arc") == 0            ? OAUTH_IDENTITY_ARC
                                                                 : OAUTH_IDENTITY_APP;
    in->identity.endpoint = get_text(h, cfg, "managed_identity.endpoint");
    in->identity.client_id = get_text(h, cfg, "managed_identity.client_id");
    in->identity.key_dir = get_text(h, cfg, "managed_identity.key_dir");
    in->identity.header = get_secret(h, cfg, "managed_identity.header");
    if (in->identity.kind == OAUTH_IDENTITY_APP && (!in->identity.endpoint || !in->identity.header))
        return err_set(err, EASG_E_CONFIG,
                       "managed_identity: service: app needs endpoint and header, which the "
                       "platform gives as IDENTITY_ENDPOINT and IDENTITY_HEADER");
    return EASG_OK;
}

easg_status intune_read_config(easg_instance *in, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = in->host;
    const char *alg = get_text(h, cfg, "assertion");
    struct strbuf where = STRBUF_INIT(1024);
    easg_status st;

    in->tenant = get_text(h, cfg, "tenant");
    in->client_id = get_text(h, cfg, "client_id");
    in->login_url = get_text(h, cfg, "login_url");
    in->graph_url = get_text(h, cfg, "graph_url");
    in->certificate = get_secret(h, cfg, "certificate");
    in->client_secret = get_secret(h, cfg, "client_secret");
    in->federated = get_secret(h, cfg, "federated_token");
    in->report.file = get_text(h, cfg, "report.file");
    in->report.connector = get_flag(h, cfg, "report.connector");
    in->report.replace = get_flag(h, cfg, "report.replace");
    in->report.notes = get_flag(h, cfg, "report.notes");
    in->page_size = get_number(h, cfg, "page_size", 999);
    in->connect_ms = get_number(h, cfg, "timeout.connect", 15000);
    in->request_ms = get_number(h, cfg, "timeout.request", 60000);
    st = read_cloud(in, cfg, err);
    if (st != EASG_OK)
        return st;
    st = read_identity(in, cfg, err);
    if (st != EASG_OK)
        return st;
    if (alg && strcmp(alg, "ps256") != 0 && strcmp(alg, "rs256") != 0)
        return err_set(err, EASG_E_CONFIG, "assertion: must be ps256 or rs256");
    in->alg = alg && strcmp(alg, "rs256") == 0 ? OAUTH_RS256 : OAUTH_PS256;
    if (in->page_size < 1 || in->page_size > 999)
        return err_set(err, EASG_E_CONFIG, "page_size: must be between 1 and 999");
    if (in->connect_ms < 100 || in->connect_ms > DAY_MS || in->request_ms < 100 ||
        in->request_ms > DAY_MS)
        return err_set(err, EASG_E_CONFIG, "timeout: must be between 100ms and 1d");
    st = http_url_endpoint(in->login_url, &where, err);
    if (st != EASG_OK)
        err_at(err, st, "login_url");
    if (st == EASG_OK && (st = http_url_endpoint(in->graph_url, &where, err)) != EASG_OK)
        err_at(err, st, "graph_url");
    strbuf_clear(&where);
    return st == EASG_OK ? read_plans(in, cfg, err) : st;
}

#define OPTION(var, option_name, option_type, option_flags, fallback, words, text)                 \
    static const easg_option var = { .struct_size = (uint32_t)sizeof(easg_option),                 \
                                     .type = (option_type),                                        \
                                     .flags = (option_flags),                                      \
                                     .name = (option_name),                                        \
                                     .default_value = (fallback),                                  \
                                     .allowed = (words),                                           \
                                     .doc = (text) }

OPTION(opt_tenant, "tenant", EASG_OPT_STRING, 0, NULL, NULL,
       "GUID or domain of the Entra tenant; needed unless auth is managed_identity");
OPTION(opt_client_id, "client_id", EASG_OPT_STRING, 0, NULL, NULL,
       "GUID of the app registration; needed unless auth is managed_identity");
OPTION(opt_auth, "auth", EASG_OPT_ENUM, 0, "app", "app|managed_identity",
       "who signs in: the app registration, or the managed identity of this machine");
OPTION(opt_mi_service, "managed_identity.service", EASG_OPT_ENUM, 0, "imds", "imds|arc|app",
       "who gives out its tokens: Azure's instance metadata, Azure Arc, or an app's own endpoint");
OPTION(opt_mi_endpoint, "managed_identity.endpoint", EASG_OPT_STRING, 0, NULL, NULL,
       "URL of that service, in the place of the documented one; plain http to this machine alone");
OPTION(opt_mi_client, "managed_identity.client_id", EASG_OPT_STRING, 0, NULL, NULL,
       "GUID of a user-assigned identity; without it the machine's own");
OPTION(opt_mi_header, "managed_identity.header", EASG_OPT_SECRET, 0, NULL, NULL,
       "service app: what the platform gives as IDENTITY_HEADER");
OPTION(
    opt_mi_keys, "managed_identity.key_dir", EASG_OPT_STRING, 0, NULL, NULL,
    "service arc: directory of the agent's key files, where it is not /var/opt/azcmagent/tokens");
OPTION(opt_certificate, "certificate", EASG_OPT_SECRET, 0, NULL, NULL,
       "PEM with the app's certificate and its private key; this or client_secret");
OPTION(opt_client_secret, "client_secret", EASG_OPT_SECRET, 0, NULL, NULL,
       "client secret of the app, where a certificate cannot be had");
OPTION(opt_federated_token, "federated_token", EASG_OPT_SECRET, 0, NULL, NULL,
       "signed token of another issuer that the app trusts; its file is read for each sign-in");
OPTION(opt_cloud, "cloud", EASG_OPT_ENUM, 0, "global", "global|usgov|usgovdod|china",
       "the tenant's cloud: sets login_url and graph_url");
OPTION(opt_assertion, "assertion", EASG_OPT_ENUM, 0, "ps256", "ps256|rs256",
       "signature of the certificate assertion; rs256 for older national clouds");
OPTION(opt_login_url, "login_url", EASG_OPT_URL, 0, NULL, NULL,
       "origin of the login service, in the place of the cloud's");
OPTION(opt_graph_url, "graph_url", EASG_OPT_URL, 0, NULL, NULL,
       "origin of Microsoft Graph, in the place of the cloud's");
OPTION(opt_service_plans, "service_plans", EASG_OPT_LIST, 0, "[" DEFAULT_PLAN "]", NULL,
       "service plans of which one, enabled, makes a person licensed");
OPTION(opt_page_size, "page_size", EASG_OPT_INT, 0, "999", "1..999",
       "elements asked for in a page");
OPTION(opt_report_file, "report.file", EASG_OPT_STRING, 0, NULL, NULL,
       "file to which a line of JSON is added for each run and each device that changed");
OPTION(opt_report_connector, "report.connector", EASG_OPT_BOOL, 0, "false", NULL,
       "keep an Exchange connector object in Intune up to date");
OPTION(opt_report_replace, "report.replace", EASG_OPT_BOOL, 0, "false", NULL,
       "take over the connector object of another agent for the same organisation");
OPTION(opt_report_notes, "report.notes", EASG_OPT_BOOL, 0, "false", NULL,
       "write what was decided into the notes of managed devices");
OPTION(opt_connect, "timeout.connect", EASG_OPT_DURATION, 0, "15s", NULL,
       "time to make a connection");
OPTION(opt_request, "timeout.request", EASG_OPT_DURATION, 0, "60s", NULL,
       "time for one request and its answer");

const easg_option *const intune_options[] = {
    &opt_tenant,
    &opt_client_id,
    &opt_auth,
    &opt_mi_service,
    &opt_mi_endpoint,
    &opt_mi_client,
    &opt_mi_header,
    &opt_mi_keys,
    &opt_certificate,
    &opt_client_secret,
    &opt_federated_token,
    &opt_cloud,
    &opt_assertion,
    &opt_login_url,
    &opt_graph_url,
    HTTP_CONFIG_OPTIONS,
    &opt_service_plans,
    &opt_page_size,
    &opt_report_file,
    &opt_report_connector,
    &opt_report_replace,
    &opt_report_notes,
    &opt_connect,
    &opt_request,
    NULL,
};
