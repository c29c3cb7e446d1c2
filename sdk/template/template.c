/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin to copy: a device manager whose facts stand in the configuration itself. It builds,
 * loads and passes the conformance kit as it stands, and is of use where there are a handful of
 * phones.
 *
 * Make a copy of this directory, then:
 *
 *   step 1  choose a name: the module's id is what YAML names, the plugin's name what people see
 *   step 2  say what may be configured; the host checks it, fills defaults, prints help
 *   step 3  keep what create() read in your easg_instance; no network there, no threads
 *   step 4  keep your connection in easg_session: open() makes it, close() leaves nothing behind
 *   step 5  bring the facts: emit every person, every device, and promise with EASG_OK that that is
 *           all; return what a receiver returned as soon as it is not EASG_OK
 *   step 6  fill the tables at the end
 *   step 7  run `easgate-conform --config your.yaml your.so`
 *
 * The contract is easgate-plugin(7), and easgate-sink(7) for this kind.
 */
#include <string.h>

#include <easgate/sink.h>

/* Helpers of the SDK's support library: texts of errors, options. */
#include "err.h"
#include "plugin_opt.h"
#include "text.h"

/* ---- step 2: options ---------------------------------------------------------------------------
 */

static const easg_option devices = {
    .struct_size = (uint32_t)sizeof devices,
    .type = EASG_OPT_LIST,
    .flags = EASG_OPTF_REQUIRED,
    .name = "devices",
    .doc = "one device each: USER@DOMAIN EAS-ID, and compliant or noncompliant",
};

static const easg_option *const options[] = { &devices, NULL };

/* ---- step 3: one configured module --------------------------------------------------------------
 */

struct device {
    char user[256]; /* "ada@contoso.example" */
    char eas_id[65];
    int compliant;
};

struct easg_instance {
    const easg_host *host;
    struct device *list;
    size_t n;
};

/* "USER ID WORD" into `out`; 0 when it is not of that form. */
static int parse(const easg_str *line, struct device *out)
{
    size_t user = strcspn(line->ptr, " ");
    const char *id = line->ptr + user + strspn(line->ptr + user, " ");
    size_t id_len = strcspn(id, " ");
    const char *word = id + id_len + strspn(id + id_len, " ");

    if (user == 0 || user >= sizeof out->user || id_len == 0 || id_len >= sizeof out->eas_id)
        return 0;
    memcpy(out->user, line->ptr, user); /* the list is zeroed memory, so the NULs are there */
    memcpy(out->eas_id, id, id_len);
    out->compliant = strcmp(word, "compliant") == 0;
    return out->compliant || strcmp(word, "noncompliant") == 0;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self->list);
    mem_free(self);
}

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    const easg_config *list = host->cfg_get(host, cfg, "devices");
    easg_instance *self = mem_alloc(sizeof *self);
    easg_status st = EASG_OK;

    if (!self)
        return err_nomem(err);
    self->host = host;
    self->n = host->cfg_count(host, list);
    self->list = mem_array(self->n, sizeof *self->list);
    if (!self->list)
        st = err_nomem(err);
    for (size_t i = 0; i < self->n && st == EASG_OK; i++) {
        const easg_config *node = host->cfg_at(host, list, i);
        easg_str line = { NULL, 0 };
        easg_str where = { NULL, 0 };

        if (host->cfg_str(host, node, &line) == EASG_OK && parse(&line, &self->list[i]))
            continue;
        (void)host->cfg_where(host, node, &where); /* "contoso.yaml:14:5" */
        st = err_set(err, EASG_E_CONFIG, "%s: write a device as USER@DOMAIN EAS-ID compliant",
                     where.ptr ? where.ptr : "devices");
    }
    if (st != EASG_OK) {
        destroy(self);
        return st;
    }
    *out = self;
    return EASG_OK;
}

/* ---- step 4: one connection ---------------------------------------------------------------------
 */

struct easg_session {
    easg_instance *module;
};

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          easg_session **out, easg_error *err)
{
    easg_session *s = mem_alloc(sizeof *s);

    (void)run; /* for timeouts: host->remaining_ms(host, run) */
    if (!s)
        return err_nomem(err);
    s->module = self;
    *out = s;
    return EASG_OK;
}

static void EASG_CALL session_close(easg_session *session)
{
    mem_free(session);
}

/* ---- step 5: facts ------------------------------------------------------------------------------
 */

/* 1: the person of entry `i` came before. */
static int seen(const easg_instance *self, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(self->list[j].user, self->list[i].user) == 0)
            return 1;
    return 0;
}

static easg_status emit_person(const easg_instance *self, size_t i, const easg_facts_query *query,
                               const easg_sink_receiver *to)
{
    easg_person p = { .struct_size = (uint32_t)sizeof p, .flags = EASG_PERSON_LICENSED };

    p.id = p.upn = text_str(self->list[i].user);
    if (query->n_include_groups == 0) /* we know no groups */
        p.flags |= EASG_PERSON_TARGETED;
    return to->person(to, &p);
}

static easg_status emit_device(const easg_instance *self, size_t i, const easg_sink_receiver *to)
{
    const struct device *d = &self->list[i];
    easg_managed_device m = { .struct_size = (uint32_t)sizeof m,
                              .flags = EASG_MANAGED_ACTIVATED | EASG_MANAGED_REGISTERED,
                              .compliance = d->compliant ? EASG_COMPLIANCE_COMPLIANT
                                                         : EASG_COMPLIANCE_NONCOMPLIANT,
                              .management = EASG_MANAGEMENT_MANAGED,
                              .enrolled = EASG_TIME_NONE,
                              .last_seen = EASG_TIME_NONE,
                              .grace_until = EASG_TIME_NONE };

    m.id = m.eas_id = text_str(d->eas_id);
    m.user_id = text_str(d->user);
    return to->managed_device(to, &m);
}

static easg_status EASG_CALL fetch(easg_session *session, const easg_run *run,
                                   const easg_facts_query *query, const easg_sink_receiver *to,
                                   easg_error *err)
{
    const easg_instance *self = session->module;
    easg_status st = EASG_OK;

    for (size_t i = 0; i < self->n && st == EASG_OK; i++) {
        st = plugin_may_go_on(self->host, run, err); /* at least once a second */
        if (st == EASG_OK && !seen(self, i))
            st = emit_person(self, i, query, to);
        if (st == EASG_OK)
            st = emit_device(self, i, to);
    }
    return st;
}

/* ---- step 6: the tables -------------------------------------------------------------------------
 */

static const easg_sink_ops ops = {
    .struct_size = (uint32_t)sizeof ops,
    .open = session_open,
    .close = session_close,
    .fetch = fetch,
};

static const easg_module module = {
    .struct_size = (uint32_t)sizeof module,
    .kind = EASG_KIND_SINK,
    .id = "template", /* step 1 */
    .summary = "facts that stand in the configuration",
    .options = options,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0), /* the oldest minor of the ABI that it can live with */
    .name = "template",      .version = "1.0.0", .vendor = "you",
    .license = "Apache-2.0", .modules = modules,
};

/* The only symbol that this library exports. */
const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
