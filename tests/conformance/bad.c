/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that does one thing wrong, as its option `misdeed` says: what the conformance kit must
 * find. With misdeed "none" it is a sane sink.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <easgate/sink.h>

#define PEOPLE 40

struct easg_instance {
    const easg_host *host;
    const easg_config *cfg;
    char misdeed[32];
};

struct easg_session {
    easg_instance *module;
    void *junk;
};

static const easg_option misdeed = { .struct_size = (uint32_t)sizeof misdeed,
                                     .type = EASG_OPT_STRING,
                                     .name = "misdeed",
                                     .default_value = "none",
                                     .doc = "what to do wrong" };
static const easg_option password = { .struct_size = (uint32_t)sizeof password,
                                      .type = EASG_OPT_SECRET,
                                      .name = "password",
                                      .doc = "a secret" };
static const easg_option server = { .struct_size = (uint32_t)sizeof server,
                                    .type = EASG_OPT_STRING,
                                    .name = "server",
                                    .doc = "needed, and not declared so" };
static const easg_option *const options[] = { &misdeed, &password, &server, NULL };

static int is(const easg_instance *self, const char *what)
{
    return strcmp(self->misdeed, what) == 0;
}

static easg_status say(easg_error *err, easg_status st, const char *text)
{
    (void)snprintf(err->message, sizeof err->message, "%s", text);
    return st;
}

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    easg_instance *self = calloc(1, sizeof *self);
    easg_str s = { NULL, 0 };

    if (!self)
        return say(err, EASG_E_NOMEM, "out of memory");
    self->host = host;
    self->cfg = cfg;
    if (host->cfg_str(host, host->cfg_get(host, cfg, "misdeed"), &s) == EASG_OK)
        (void)snprintf(self->misdeed, sizeof self->misdeed, "%s", s.ptr);
    if (is(self, "hidden-required") && !host->cfg_get(host, cfg, "server")) {
        free(self);
        return say(err, EASG_E_CONFIG, "there is no server");
    }
    if (is(self, "leak")) {
        volatile char *lost = malloc(16);

        if (lost)
            lost[0] = 1;
    }
    *out = self;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    free(self);
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          easg_session **out, easg_error *err)
{
    easg_session *s = calloc(1, sizeof *s);

    (void)run;
    if (!s)
        return say(err, EASG_E_NOMEM, "out of memory");
    s->module = self;
    if (is(self, "descriptor-left"))
        s->junk = fopen("/dev/null", "r");
    if (is(self, "grown-host") && self->host->struct_size > sizeof *self->host) {
        free(s);
        return say(err, EASG_E_USAGE, "this host is too large");
    }
    *out = s;
    return EASG_OK;
}

static void EASG_CALL session_close(easg_session *session)
{
    free(session);
}

static easg_status EASG_CALL tell(void *user, const uint8_t *ptr, size_t len)
{
    easg_instance *self = user;

    self->host->log(self->host, EASG_LOG_INFO, (const char *)ptr, len, NULL, 0);
    return EASG_OK;
}

/* The misdeeds of fetch() that come before any fact; EASG_OK: go on. */
static easg_status before(easg_instance *self, const easg_run *run, easg_error *err)
{
    const easg_host *h = self->host;

    if (is(self, "secret-logged"))
        (void)h->with_secret(h, h->cfg_get(h, self->cfg, "password"), tell, self, err);
    if (is(self, "silent-error"))
        return EASG_E_UNAVAILABLE;
    if (is(self, "two-lines"))
        return say(err, EASG_E_UNAVAILABLE, "one\ntwo");
    if (is(self, "crash"))
        abort();
    if (is(self, "deaf")) {
        int64_t end = h->monotonic_ms(h) + 2500;

        while (h->monotonic_ms(h) < end)
            ;
        return EASG_OK;
    }
    if (h->cancelled(h, run))
        return is(self, "cancel-ok")       ? EASG_OK
               : is(self, "cancel-failed") ? say(err, EASG_E_FAIL, "odd")
                                           : say(err, EASG_E_CANCELLED, "cancelled");
    return EASG_OK;
}

static easg_status EASG_CALL fetch(easg_session *session, const easg_run *run,
                                   const easg_facts_query *query, const easg_sink_receiver *to,
                                   easg_error *err)
{
    easg_instance *self = session->module;
    easg_status st = before(self, run, err);
    char *room;
    size_t n = PEOPLE;

    (void)query;
    if (st != EASG_OK)
        return st;
    room = malloc(64);
    if (!room && is(self, "short-when-poor"))
        n = 3; /* a short list, and it says that it is whole */
    else if (!room)
        return say(err, EASG_E_NOMEM, "out of memory");
    if (is(self, "cancel-ok") && self->host->cancelled(self->host, run))
        n = 3;
    for (size_t i = 0; i < n; i++) {
        char id[32];
        easg_person p = { .struct_size = (uint32_t)sizeof p };

        (void)snprintf(id, sizeof id, "p%d", is(self, "twice") && i == 5 ? 4 : (int)i);
        p.id.ptr = is(self, "blank") && i == 7 ? "" : id;
        p.id.len = strlen(p.id.ptr);
        st = to->person(to, &p);
        if (st != EASG_OK && !is(self, "stubborn"))
            break;
    }
    free(room);
    if (st != EASG_OK && is(self, "own-status"))
        return say(err, EASG_E_FAIL, "the receiver refused");
    if (st != EASG_OK && is(self, "swallow"))
        return EASG_OK;
    if (is(self, "message-beside-ok"))
        (void)say(err, EASG_OK, "all is well");
    return st;
}

static const easg_sink_ops ops = { .struct_size = (uint32_t)sizeof ops,
                                   .open = session_open,
                                   .close = session_close,
                                   .fetch = fetch };
static const easg_module module = { .struct_size = (uint32_t)sizeof module,
                                    .kind = EASG_KIND_SINK,
                                    .id = "bad",
                                    .summary = "does one thing wrong",
                                    .options = options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy };
static const easg_module *const modules[] = { &module, NULL };
static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "bad",
                                    .version = "1",          .vendor = "tests",
                                    .license = "Apache-2.0", .modules = modules };

/* What the case `load` must find needs no option: the second library exports more, and its entry
 * remembers. */
#ifdef BAD_ENTRY
EASG_EXPORT int bad_export(void);
int bad_export(void)
{
    return 1;
}
#endif

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
#ifdef BAD_ENTRY
    static easg_plugin copies[8];
    static int n;

    (void)offer;
    copies[n % 8] = plugin;
    return &copies[n++ % 8];
#else
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
#endif
}
