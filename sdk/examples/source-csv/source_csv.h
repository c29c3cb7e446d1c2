/* SPDX-License-Identifier: Apache-2.0
 *
 * source_csv.h - what the files of this plugin share.
 */
#ifndef SOURCE_CSV_H
#define SOURCE_CSV_H

#include <easgate/source.h>

#include "outbox.h"

struct easg_instance {
    const easg_host *host;
    easg_str mailboxes; /* paths; borrowed from the configuration */
    easg_str devices;
    easg_str outbox;
    int64_t min_mailboxes;
    easg_access default_access;
};

struct easg_session {
    easg_instance *module;
    struct outbox *outbox;
};

/* list.c: what the columns are called, NULL at the end. */
extern const char *const csv_mailbox_columns[];
extern const char *const csv_device_columns[];

easg_status EASG_CALL csv_list(easg_session *session, const easg_run *run, const easg_query *query,
                               const easg_source_receiver *to, easg_error *err);

#endif
