/* SPDX-License-Identifier: Apache-2.0
 *
 * source-csv - an Exchange organisation as two files: mailboxes with their personal exemptions, and
 * devices. Changes go to an outbox that a script of the administrator carries out; until the files
 * show them, what the outbox says holds. This file is the module; list.c reads, outbox.c writes.
 */
#include <string.h>

#include "source_csv.h"

#include <easgate/draft/probe.h>

#include "err.h"
#include "plugin_opt.h"
#include "rows.h"
#include "text.h"

#define OPT(n, t, f, def, words, text)                                                             \
    {                                                                                              \
        .struct_size = (uint32_t)sizeof(easg_option), .type = (t), .flags = (f), .name = (n),      \
        .default_value = (def), .allowed = (words), .doc = (text)                                  \
    }

static const easg_option declared[] = {
    OPT("server", EASG_OPT_STRING, 0, "files", NULL, "what the files are called as an endpoint"),
    OPT("mailboxes", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL, NULL,
        "file of mailboxes, .csv or .jsonl: mailbox_id, display_name, sid, upn, primary_smtp, "
        "smtp, "
        "allowed, blocked, eas_disabled"),
    OPT("devices", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL, NULL,
        "file of devices, .csv or .jsonl: key, device_id, mailbox_id, type, model, os, "
        "friendly_name, user_agent, access, access_reason, first_sync, last_sync, changed"),
    OPT("outbox", EASG_OPT_STRING, EASG_OPTF_REQUIRED, NULL, NULL,
        "file (.jsonl) to which changes are added"),
    OPT("default_access", EASG_OPT_ENUM, 0, "allowed", "allowed|blocked|quarantined",
        "what the organisation does with devices that no exemption names"),
    OPT("min_mailboxes", EASG_OPT_INT, 0, "1", NULL,
        "fewer mailboxes than this are taken for a broken file"),
};

static const easg_option *const options[] = { &declared[0], &declared[1], &declared[2],
                                              &declared[3], &declared[4], &declared[5],
                                              NULL };

static easg_access access_of(const easg_str *word)
{
    switch (word->ptr ? word->ptr[0] : 'a') {
    case 'b': return EASG_ACCESS_BLOCKED;
    case 'q': return EASG_ACCESS_QUARANTINED;
    default: return EASG_ACCESS_ALLOWED;
    }
}

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    easg_instance *self = mem_alloc(sizeof *self);
    easg_str access;

    if (!self)
        return err_nomem(err);
    self->host = host;
    self->mailboxes = opt_str(host, cfg, "mailboxes");
    self->devices = opt_str(host, cfg, "devices");
    self->outbox = opt_str(host, cfg, "outbox");
    self->min_mailboxes = opt_int(host, cfg, "min_mailboxes", 1);
    access = opt_str(host, cfg, "default_access");
    self->default_access = access_of(&access);
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    mem_free(self);
}

/* The files are the server; there is no endpoint to connect to. */
static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          const easg_endpoint *endpoint, easg_session **out,
                                          easg_error *err)
{
    easg_session *s = mem_alloc(sizeof *s);
    easg_status st;

    (void)run;
    (void)endpoint;
    if (!s)
        return err_nomem(err);
    s->module = self;
    st = outbox_open(self->outbox.ptr, &s->outbox, err);
    if (st != EASG_OK) {
        mem_free(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

static void EASG_CALL session_close(easg_session *session)
{
    outbox_close(session->outbox);
    mem_free(session);
}

/* What the outbox says after the change is what holds: that is the reading back. */
static uint32_t listed(const struct outbox *box, const easg_change *c)
{
    switch (outbox_verb(box, &c->mailbox_id, &c->device_id)) {
    case EASG_VERB_ALLOW: return EASG_LISTED_KNOWN | EASG_LISTED_ALLOWED;
    case EASG_VERB_BLOCK: return EASG_LISTED_KNOWN | EASG_LISTED_BLOCKED;
    case EASG_VERB_WITHDRAW: return EASG_LISTED_KNOWN;
    default: return 0;
    }
}

static easg_status EASG_CALL apply(easg_session *session, const easg_run *run,
                                   const easg_change *const *items, size_t n,
                                   const easg_result_receiver *to, easg_error *err)
{
    const easg_host *host = session->module->host;

    for (size_t i = 0; i < n; i++) {
        easg_error why = EASG_ERROR_INIT;
        easg_item_result result = { .struct_size = (uint32_t)sizeof result };
        easg_status st = plugin_may_go_on(host, run, err);

        if (st != EASG_OK)
            return st;
        result.key = items[i]->key;
        result.status = outbox_put(session->outbox, items[i], host->now(host), &why);
        result.error = result.status == EASG_OK ? NULL : &why;
        result.listed = listed(session->outbox, items[i]);
        st = to->emit(to, &result);
        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
}

/* ---- easg.probe/1, a draft: what `easgate check ORG --online` tells of this module ---- */

static easg_status tell(const easg_probe_receiver *to, easg_status st, const char *name,
                        const char *text)
{
    easg_probe_hop hop = { .struct_size = (uint32_t)sizeof hop,
                           .grade = st == EASG_OK ? EASG_PROBE_OK : EASG_PROBE_FAILED,
                           .status = st,
                           .name = text_str(name),
                           .text = text_str(text) };

    return to->hop(to, &hop);
}

/* A file is a hop: can it be read, and does it start with what is expected? */
static easg_status tell_file(const easg_probe_receiver *to, const char *name, const easg_str *path,
                             const char *const *columns)
{
    easg_error why = EASG_ERROR_INIT;
    struct rows *rows = NULL;
    easg_status st = rows_open(path->ptr, &rows, &why);
    int more = 0;

    if (st == EASG_OK) {
        rows_expect(rows, columns);
        st = rows_next(rows, &more, &why);
        rows_close(rows);
    }
    return tell(to, st, name, st == EASG_OK ? path->ptr : why.message);
}

static easg_status EASG_CALL probe(easg_instance *self, const easg_run *run,
                                   const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                   easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    struct outbox *box = NULL;
    easg_status st, told;

    (void)run, (void)endpoint, (void)err;
    told = tell_file(to, "mailboxes", &self->mailboxes, csv_mailbox_columns);
    if (told == EASG_OK)
        told = tell_file(to, "devices", &self->devices, csv_device_columns);
    if (told != EASG_OK)
        return told;
    st = outbox_open(self->outbox.ptr, &box, &why);
    outbox_close(box);
    return tell(to, st, "outbox", st == EASG_OK ? self->outbox.ptr : why.message);
}

static const void *EASG_CALL get_extension(easg_instance *self, const char *id)
{
    static const easg_probe_ops probe_ops = { .struct_size = (uint32_t)sizeof probe_ops,
                                              .walk = probe };

    (void)self;
    return strcmp(id, EASG_PROBE) == 0 ? &probe_ops : NULL;
}

static const easg_source_ops ops = { .struct_size = (uint32_t)sizeof ops,
                                     .verbs = 1u << EASG_VERB_ALLOW | 1u << EASG_VERB_BLOCK |
                                              1u << EASG_VERB_WITHDRAW,
                                     .open = session_open,
                                     .close = session_close,
                                     .list = csv_list,
                                     .apply = apply };

static const easg_module module = { .struct_size = (uint32_t)sizeof module,
                                    .kind = EASG_KIND_SOURCE,
                                    .id = "source-csv",
                                    .summary = "mailboxes and devices from files, changes to one",
                                    .options = options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy,
                                    .get_extension = get_extension };

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "source-csv",
                                    .version = "1.0.0",      .vendor = "easgate",
                                    .license = "Apache-2.0", .url = NULL,
                                    .modules = modules };

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
