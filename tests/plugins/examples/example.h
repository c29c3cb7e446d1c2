/* SPDX-License-Identifier: Apache-2.0
 *
 * example.h - an example plugin, linked in, called through the registry; and files to feed it with.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <easgate/easgate.h>

#include "registry.h"

struct example {
    char dir[512]; /* of the files; removed at the end */
    struct registry *registry;
    struct cfg_doc *doc;
    struct instance_ref *instance;
    struct run_ref *run;
};

/* Makes the directory. Exits the program when that fails. */
void example_begin(struct example *e);
/* Writes DIR/name. */
void example_file(const struct example *e, const char *name, const char *text);
/* Reads it back; "" when it is not there. Static. */
const char *example_read(const struct example *e, const char *name);
/* A fresh instance; @ in `yaml` stands for the directory. The status of instance_create(). */
easg_status example_configure(struct example *e, const char *kind, const char *id, const char *yaml,
                              easg_error *err);
void example_end(struct example *e);

#endif
