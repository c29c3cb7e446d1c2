/* SPDX-License-Identifier: Apache-2.0
 *
 * onprem.h - what the files of this plugin share.
 */
#ifndef EASG_ONPREM_H
#define EASG_ONPREM_H

#include <easgate/source.h>

#include "auth.h"
#include "exchange.h"

struct easg_instance {
    const easg_host *host;
    easg_str server; /* borrowed from the configuration, which outlives the instance */
    easg_str method;
    easg_str user;
    easg_str ca_file;
    const easg_config *password;
    int64_t connect_ms;
    int64_t operation_ms;
    int64_t max_envelope;
    int32_t view_entire_forest;
    int select_columns;
};

extern const easg_option *const onprem_options[];
/* Reads and checks the configuration. */
easg_status onprem_read(struct easg_instance *self, const easg_config *cfg, easg_error *err);
/* Whether auth.method can be had and has what it needs. */
easg_status onprem_check_logon(const struct easg_instance *self, easg_error *err);
/* Makes the log-on; the secret is lent for that long. */
easg_status onprem_logon(const struct easg_instance *self, struct auth **out, easg_error *err);

#endif
