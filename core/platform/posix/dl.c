/* SPDX-License-Identifier: Apache-2.0
 *
 * dl.c - dlopen(). The handle itself is the struct: there is nothing to add, and nothing to free.
 */
#include "dl.h"

#include "err.h"
#include "text.h"

#include <dlfcn.h>
#include <string.h>

easg_status dl_open(const char *path, struct dl **out, easg_error *err)
{
    void *h;

    *out = NULL;
    if (path[0] != '/')
        return err_set(err, EASG_E_CONFIG, "%s: the path of a plugin must be absolute", path);
    h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!h) {
        const char *why = dlerror();
        char safe[400];

        /* the linker's text names the file already */
        if (!why)
            why = "cannot be loaded";
        return err_set(err, EASG_E_CONFIG, "%s", text_safe(why, strlen(why), safe, sizeof safe));
    }
    *out = (struct dl *)h;
    return EASG_OK;
}

void (*dl_sym(struct dl *lib, const char *name))(void)
{
    void *p = dlsym((void *)lib, name);
    void (*f)(void);

    memcpy(&f, &p, sizeof f);
    return f;
}
