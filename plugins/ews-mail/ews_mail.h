/* SPDX-License-Identifier: Apache-2.0
 *
 * ews_mail.h - what the files of this plugin share.
 */
#ifndef EASG_EWS_MAIL_H
#define EASG_EWS_MAIL_H

#include <easgate/notifier.h>

#include "auth_config.h"
#include "ews.h"
#include "ews_discover.h"
#include "http_config.h"
#include "mime.h"
#include "proxy_logon.h"

#define EWS_MAIL_MAX_ALLOW   32u
#define EWS_MAIL_MAX_PICTURE (256u * 1024u)

struct easg_instance {
    const easg_host *host;
    /* borrowed from the configuration, which outlives the instance; absent: not set */
    easg_str mailbox, from_name, service_url, server, picture;
    struct http_config way;
    struct auth_config logon;
    easg_str allow[EWS_MAIL_MAX_ALLOW];
    const easg_str *allow_at[EWS_MAIL_MAX_ALLOW];
    size_t n_allow;
    int srv, impersonate;
    int64_t refresh_ms, connect_ms, request_ms;
};

struct easg_session {
    const easg_instance *self;
    const easg_run *run; /* of the call at hand */
    struct http_options http;
    char request_id[64];
    struct auth *auth;
    struct proxy_logon *proxy;
    struct auth_certificate certificate; /* for every client that is made, so to the end */
    struct ews *ews;
    char url[512];
    struct strbuf picture_bytes;
    struct mime_picture picture;
};

extern const easg_option *const ews_mail_options[];

/* options.c: reads and checks the configuration. */
easg_status ews_mail_read(struct easg_instance *self, const easg_config *cfg, easg_error *err);
/* picture.c: reads the picture, if there is one. */
easg_status ews_mail_picture(struct easg_session *s, easg_error *err);

/* plugin.c: credentials and all else that needs no server yet. NULL is fine to close. */
easg_status ews_mail_session(easg_instance *self, const easg_run *run, easg_session **out,
                             easg_error *err);
void EASG_CALL ews_mail_close(easg_session *s);

/* probe.c */
const void *EASG_CALL ews_mail_extension(easg_instance *self, const char *id);

/* service.c: the address of EWS, and how it was found ("option", "SOAP at cas1"). */
easg_status ews_mail_locate(struct easg_session *s, char url[512], char how[80], easg_error *err);
/* Opens EWS there. */
easg_status ews_mail_open_at(struct easg_session *s, const char *url, easg_error *err);
/* service.c: finds EWS (the option, the kept address, Autodiscover) and opens it. */
easg_status ews_mail_connect(struct easg_session *s, easg_error *err);
/* The mailbox is served elsewhere now: finds it anew. EASG_E_UNREACHABLE when that leads to the
 * same place. */
easg_status ews_mail_reconnect(struct easg_session *s, easg_error *err);

#endif
