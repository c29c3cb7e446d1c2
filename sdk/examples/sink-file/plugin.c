/* SPDX-License-Identifier: Apache-2.0
 *
 * sink-file - facts from CSV or JSON-lines files, so that any device manager can be connected that
 * can write a file. This file is the module: options, life cycle, the table. facts.c reads.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sink_file.h"

#include "err.h"
#include "plugin_opt.h"
#include "strbuf.h"
#include "timestamp.h"

#define OPT(n, t, f, def, text)                                                                    \
    {                                                                                              \
        .struct_size = (uint32_t)sizeof(easg_option), .type = (t), .flags = (f), .name = (n),      \
        .default_value = (def), .doc = (text)                                                      \
    }

static const easg_option declared[] = {
    OPT("people", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL,
        "file of people, .csv or .jsonl: id, upn, sid, immutable_id, smtp, groups, licensed"),
    OPT("devices", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL,
        "file of managed devices, .csv or .jsonl: id, eas_id, user_id, os, model, serial, "
        "compliance, management, activated, registered, enrolled, last_seen, grace_until"),
    OPT("min_people", EASG_OPT_INT, 0, "1", "fewer people than this are taken for a broken file"),
    OPT("min_devices", EASG_OPT_INT, 0, "1", "fewer devices than this are taken for a broken file"),
    OPT("trailer", EASG_OPT_BOOL, 0, "false",
        "the last row of each file must have the id #end:COUNT or #end:COUNT:TIME"),
    OPT("max_age", EASG_OPT_DURATION, 0, NULL,
        "refuse older files: by the trailer's time, or without one by the file's own"),
    OPT("report", EASG_OPT_STRING, 0, NULL, "file to which each run adds a line of JSON"),
};

static const easg_option *const options[] = { &declared[0], &declared[1], &declared[2],
                                              &declared[3], &declared[4], &declared[5],
                                              &declared[6], NULL };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    easg_instance *self = mem_alloc(sizeof *self);

    if (!self)
        return err_nomem(err);
    self->host = host;
    self->people = opt_str(host, cfg, "people");
    self->devices = opt_str(host, cfg, "devices");
    self->report = opt_str(host, cfg, "report");
    self->min_people = opt_int(host, cfg, "min_people", 1);
    self->min_devices = opt_int(host, cfg, "min_devices", 1);
    self->trailer = opt_bool(host, cfg, "trailer", 0);
    self->max_age_ms = opt_duration(host, cfg, "max_age", 0);
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self);
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          easg_session **out, easg_error *err)
{
    easg_session *s = mem_alloc(sizeof *s);

    (void)run;
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

static easg_status EASG_CALL fetch(easg_session *session, const easg_run *run,
                                   const easg_facts_query *query, const easg_sink_receiver *to,
                                   easg_error *err)
{
    return facts_fetch(session->module, run, query, to, err);
}

static easg_status EASG_CALL report(easg_session *session, const easg_run *run,
                                    const easg_run_report *r, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf line = STRBUF_INIT(4096);
    const easg_instance *self = session->module;
    easg_run_info info = { .struct_size = (uint32_t)sizeof info };
    char from[TIMESTAMP_SIZE];
    char to[TIMESTAMP_SIZE];
    FILE *f;
    int bad;

    if (!self->report.ptr)
        return EASG_OK;
    if (self->host->run_info(self->host, run, &info) != EASG_OK)
        return err_set(err, EASG_E_USAGE, "the host does not know its own run");
    strbuf_adds(&line, "{\"org\":\"");
    strbuf_add_json(&line, info.org.ptr, info.org.len);
    strbuf_adds(&line, "\",\"run\":\"");
    strbuf_add_json(&line, info.run_id.ptr, info.run_id.len);
    strbuf_addf(&line,
                "\",\"status\":\"%s\",\"started\":\"%s\",\"finished\":\"%s\",\"devices\":%u,"
                "\"changed\":%u,\"applied\":%u,\"held\":%u}\n",
                err_status_name(r->status), timestamp_format(r->started, from),
                timestamp_format(r->finished, to), r->devices, r->changed, r->applied, r->held);
    if (strbuf_status(&line) != EASG_OK)
        return err_nomem(err);
    f = fopen(self->report.ptr, "ab");
    if (!f)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_ERRNO, errno, "%s: cannot be written: %s",
                          self->report.ptr, strerror(errno));
    bad = fwrite(strbuf_str(&line), 1, line.len, f) != line.len;
    if (fclose(f) != 0 || bad)
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_ERRNO, errno, "%s: cannot be written: %s",
                          self->report.ptr, strerror(errno));
    return EASG_OK;
}

static const easg_sink_ops ops = { .struct_size = (uint32_t)sizeof ops,
                                   .open = session_open,
                                   .close = session_close,
                                   .fetch = fetch,
                                   .report = report };

static const easg_module module = { .struct_size = (uint32_t)sizeof module,
                                    .kind = EASG_KIND_SINK,
                                    .id = "sink-file",
                                    .summary = "facts from CSV or JSON-lines files",
                                    .options = options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy };

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "sink-file",
                                    .version = "1.0.0",      .vendor = "easgate",
                                    .license = "Apache-2.0", .url = NULL,
                                    .modules = modules };

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
