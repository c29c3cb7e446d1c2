/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_outbox.h - between the steps that write mails down and the one place that sends them.
 */
#ifndef EASG_SYNC_OUTBOX_H
#define EASG_SYNC_OUTBOX_H

#include "mail.h"
#include "sync_run.h"

#define OUTBOX_GRACE_MS (2 * 60 * 1000)      /* before a mail is looked for, twice */
#define OUTBOX_GIVE_UP  (24 * 3600 * 1000LL) /* a mail that old is not sent any more */
#define OUTBOX_LOST     5                    /* how often one mail is not found, twice each */

struct outbox {
    struct sync *s;
    struct session_ref *session;
    int opened; /* tried to open the session in this step */
    int down;   /* no more in this run */
    int64_t sent, failed, recorded;
};

/* Sends what is queued and settles what is uncertain. A failure of the store is the only one. */
easg_status outbox_deliver(struct outbox *o, easg_error *err);
void outbox_close(struct outbox *o);
/* "Anna's phone, iPhone 15, iOS 19.1, ID APPL..." */
easg_status outbox_describe(struct outbox *o, int64_t mk, int64_t ek, const char *device_id,
                            struct strbuf *out, easg_error *err);

/* digest.c: the text of a digest. */
easg_status digest_render(struct outbox *o, const struct store_mail *m, struct mail_text *out,
                          easg_error *err);

#endif
