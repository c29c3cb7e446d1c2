/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_objects.h - what the objects_*.c files share: properties that all directory objects have.
 */
#ifndef LAB_OBJECTS_H
#define LAB_OBJECTS_H

#include "lab_run.h"

extern const char *const types_state[], *const types_organization[], *const types_version[],
                                                                         *const types_smtp[];

void put_nil(struct cx *x, const char *name, struct item *it);
void put_empty(struct cx *x, const char *name, struct item *it);
void put_true(struct cx *x, const char *name, struct item *it);
void put_false(struct cx *x, const char *name, struct item *it);
void put_state(struct cx *x, const char *name, struct item *it);
void put_organization(struct cx *x, const char *name, struct item *it);
void put_version(struct cx *x, const char *name, struct item *it);
void put_dc(struct cx *x, const char *name, struct item *it);
void put_class(struct cx *x, const char *name, const char *cls);
void put_category(struct cx *x, const char *name, const char *cls);
void put_smtp(struct cx *x, const char *name, const char *address);

/* Where the configuration objects of this organisation live. */
#define CONFIG_DN                                                                                  \
    "CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=example"

#define N_PROPS(a) ((unsigned)(sizeof(a) / sizeof(a)[0]))

#endif
