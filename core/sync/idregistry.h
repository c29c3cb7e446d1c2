/* SPDX-License-Identifier: Apache-2.0
 *
 * idregistry.h - EAS ids that a person has written down for devices whose id the manager does not
 * know. It adds what is missing and replaces nothing.
 */
#ifndef EASG_IDREGISTRY_H
#define EASG_IDREGISTRY_H

#include <stddef.h>

#include <easgate/types.h>

struct idregistry;

/* NULL path: *out NULL, which every function takes for an empty one. The file is a CSV of user,
 * managed_device and eas_id, with or without a head. EASG_E_CONFIG names file and line. */
easg_status idregistry_load(const char *path, struct idregistry **out, easg_error *err);
void idregistry_free(struct idregistry *r);
size_t idregistry_count(const struct idregistry *r);
/* The EAS id of a managed device; NULL: none is written down. *user is whose it is. */
const char *idregistry_find(const struct idregistry *r, const easg_str *managed_id,
                            const char **user);

#endif
