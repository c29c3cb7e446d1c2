/* SPDX-License-Identifier: Apache-2.0
 *
 * intune.h - what the files of this plugin share: the configured module, an open session, and the
 * three listings of which its facts are made.
 */
#ifndef EASG_INTUNE_H
#define EASG_INTUNE_H

#include <easgate/easgate.h>

#include "graph.h"
#include "http_config.h"
#include "oauth.h"
#include "proxy_logon.h"
#include "strbuf.h"

#define INTUNE_MAX_PLANS 32u

struct easg_instance {
    const easg_host *host;
    /* borrowed from the configuration tree, which lives as long */
    const char *tenant;
    const char *client_id;
    const char *login_url;
    const char *graph_url;
    struct http_config way;
    const easg_config *certificate;
    const easg_config *client_secret;
    const easg_config *federated;
    struct {
        enum oauth_identity_kind kind; /* NONE: the app registration signs in */
        const char *endpoint, *client_id, *key_dir;
        const easg_config *header;
    } identity;
    struct {
        const char *file; /* NULL: none */
        int connector, replace, notes;
    } report;
    enum oauth_alg alg;
    easg_str plans[INTUNE_MAX_PLANS];
    size_t n_plans;
    int64_t page_size;
    int64_t connect_ms;
    int64_t request_ms;
};

/* Members of groups: object ids, sorted. 16 bytes a member and nothing else. */
struct guid_set {
    unsigned char (*ids)[16];
    size_t n, cap;
};

/* EAS ids of managed devices, for what is written back to them; empty when nothing is. */
struct eas_entry;
struct eas_index {
    struct eas_entry *entries;
    size_t n, cap;
    int sorted;
};

struct easg_session {
    const easg_instance *in;
    const easg_run *run; /* of the call at hand */
    struct oauth *oauth;
    struct graph *graph;
    struct eas_index eas; /* of the last fetch() */
    struct proxy_logon *proxy;
};

/* options.c */
extern const easg_option *const intune_options[];
easg_status intune_read_config(easg_instance *in, const easg_config *cfg, easg_error *err);

/* groups.c */
void guid_set_clear(struct guid_set *set);
int guid_set_has(const struct guid_set *set, const unsigned char id[16]);
/* 1: `s` is a GUID with dashes. */
int guid_parse(const easg_str *s, unsigned char out[16]);
/* Adds the transitive members of each group and sorts. A group that is not there is an error that
 * names it, never an empty group. `option`: "policy.include_groups". */
easg_status intune_fetch_groups(struct easg_session *s, const char *option,
                                const easg_str *const *groups, size_t n, struct guid_set *set,
                                easg_error *err);

/* people.c. `targeted` NULL: everybody is. `watched`: a set for each group of the query. */
easg_status intune_fetch_people(struct easg_session *s, const struct guid_set *targeted,
                                const struct guid_set *exempt, const struct guid_set *watched,
                                size_t n_watched, const easg_sink_receiver *to, easg_error *err);

/* devices.c */
easg_status intune_fetch_devices(struct easg_session *s, const easg_sink_receiver *to,
                                 easg_error *err);

/* report.c */
easg_status EASG_CALL intune_report(easg_session *s, const easg_run *run, const easg_run_report *r,
                                    easg_error *err);
easg_status intune_file_devices(const struct easg_session *s, const easg_device_delta *const *items,
                                size_t n, easg_error *err);
/* 1: the tenant said no not long ago; `key` is where that is kept. */
int intune_left_alone(const struct easg_session *s, const char *key);
/* When `st` is the tenant's no, it is told once, kept, and EASG_OK; all else stays what it is. */
easg_status intune_take_no(const struct easg_session *s, const char *key, const char *what,
                           easg_status st, easg_error *err);

/* notes.c */
void eas_index_clear(struct eas_index *x);
easg_status eas_index_add(struct eas_index *x, const easg_str *eas, const easg_str *id,
                          easg_error *err);
void intune_merge_notes(const char *old, size_t old_len, const char *line, struct strbuf *out);
/* Devices without a record of their own are passed over. */
easg_status intune_write_notes(struct easg_session *s, const easg_device_delta *const *items,
                               size_t n, uint64_t *written, easg_error *err);
easg_status EASG_CALL intune_publish(easg_session *s, const easg_run *run,
                                     const easg_device_delta *const *items, size_t n,
                                     const easg_result_receiver *to, easg_error *err);

/* intune.c: a token, and Graph with it; s->oauth is set as soon as the credential is good. */
easg_status intune_sign_in(struct easg_session *s, easg_error *err);
void EASG_CALL intune_close(easg_session *s);

/* probe.c */
const void *EASG_CALL intune_extension(easg_instance *self, const char *id);

/* intune.c: a line with up to two counts. */
void intune_log(const struct easg_session *s, easg_level level, const char *text, const char *key,
                uint64_t value, const char *key2, uint64_t value2);

#endif
