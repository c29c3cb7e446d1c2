/* SPDX-License-Identifier: Apache-2.0
 *
 * mail.h - what people are told: templates by language, from the administrator's directory or from
 * those that are compiled in, and the placeholders in them. Nothing here sends.
 */
#ifndef EASG_MAIL_H
#define EASG_MAIL_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "strbuf.h"

enum mail_template {
    MAIL_ABOUT,
    MAIL_BLOCKED,
    MAIL_QUARANTINED,
    MAIL_ALLOWED,
    MAIL_DIGEST, /* to the help desk */
    MAIL_TEMPLATES
};
/* "about-to-be-blocked"; NULL past the end. */
const char *mail_template_name(enum mail_template t);
/* By name; -1. */
int mail_template_find(const char *name);

/* Lists of a digest, each a placeholder of its own that becomes items. */
enum mail_list {
    MAIL_LIST_BLOCKED,
    MAIL_LIST_QUARANTINED,
    MAIL_LIST_ANNOUNCED,
    MAIL_LIST_HELD,
    MAIL_LIST_UNDELIVERED,
    MAIL_LISTS
};
/* NULL and "" are left out. `mail` is as below, and becomes its reason. */
struct mail_item {
    const char *user, *device, *mail, *text;
    easg_time at; /* EASG_TIME_NONE: none */
};
struct mail_items {
    const struct mail_item *items;
    size_t n, more; /* `more` are not shown */
};

/* Values of placeholders. NULL and "" are no value. All but these two are any text of a peer. */
struct mail_values {
    const char *user, *device, *helpdesk, *organization;
    const char *mail;   /* "enrol", "activate", "noncompliant": reason and what to do */
    easg_time deadline; /* EASG_TIME_NONE: none */
    const struct mail_items *lists[MAIL_LISTS]; /* of a digest; NULL: empty */
    easg_time since, until;                     /* of a digest */
};

struct mail_text {
    struct strbuf subject, text, html; /* html is empty when there is no such file */
    char language[36];
};
void mail_text_init(struct mail_text *t);
void mail_text_clear(struct mail_text *t);

/* `dir` may be NULL: what is compiled in. `language` is a tag ("de-AT") or NULL; the nearest that
 * there is is taken, then `fallback`, then English. EASG_E_CONFIG with file and line for a template
 * that cannot be used. */
easg_status mail_render(const char *dir, const char *language, const char *fallback,
                        enum mail_template t, const struct mail_values *v, struct mail_text *out,
                        easg_error *err) EASG_MUST_CHECK;

/* Reads every template of `dir` and tells of each fault; `found` counts them. A directory that is
 * not there is a fault. */
easg_status mail_check(const char *dir, void (*fault)(void *user, const char *text), void *user,
                       size_t *found, easg_error *err) EASG_MUST_CHECK;

#endif
