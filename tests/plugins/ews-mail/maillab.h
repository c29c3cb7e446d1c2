/* SPDX-License-Identifier: Apache-2.0
 *
 * maillab.h - a lab whose mailbox is counted, and the module in a host of the test's.
 */
#ifndef EASG_TEST_MAILLAB_H
#define EASG_TEST_MAILLAB_H

#include <easgate/notifier.h>

#include "../support/fakehost.h"
#include "json.h"

extern char maillab_server[80]; /* host:port */
extern char maillab_ca[1200];
extern char maillab_user[80];
extern char maillab_password[200];

int maillab_start(void);
void maillab_stop(void);
const char *maillab_control(const char *method, const char *path, const char *body);
/* "NAME:ARGUMENT@N" */
void maillab_fault(const char *spec);
void maillab_clear(void); /* faults and mails */
int64_t maillab_stat(const char *name);
/* Messages in the mailbox with this key; NULL: all. `folder` NULL: any. */
unsigned maillab_count(const char *key, const char *folder);
/* A member of the newest message, "" when there is none. */
const char *maillab_last(const char *member);

struct maillab_host {
    struct fakehost host;
    struct fakehost_option options[24];
    easg_instance *self;
    easg_session *session;
};
/* `more` replaces or adds options (NULL-terminated keys), a NULL value takes one away. */
int maillab_host_init(struct maillab_host *h, const struct fakehost_option *more);
void maillab_host_clear(struct maillab_host *h);
easg_status maillab_open(struct maillab_host *h, easg_error *err);
void maillab_close(struct maillab_host *h);
const easg_notifier_ops *maillab_ops(void);
const easg_module *maillab_module(void);

easg_message maillab_message(const char *key, const char *to);

#endif
