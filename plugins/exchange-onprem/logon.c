/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.method -> a log-on of plugins/lib/auth. A new scheme is one row here.
 */
#include "onprem.h"

#include "err.h"
#include "text.h"

/* What make() is given. */
struct maker {
    const struct easg_instance *self;
    struct auth **out;
    easg_error *err;
};

static easg_status with_password(void *user, const uint8_t *ptr, size_t len)
{
    struct maker *m = user;

    return auth_create_basic(m->self->user.ptr, m->self->user.len, (const char *)ptr, len, m->out,
                             m->err);
}

static easg_status check_basic(const struct easg_instance *self, easg_error *err)
{
    if (text_blank(&self->user))
        return err_set(err, EASG_E_CONFIG, "source.auth.user is missing, which basic needs");
    if (!self->password)
        return err_set(err, EASG_E_CONFIG, "source.auth.password is missing, which basic needs");
    return EASG_OK;
}

static easg_status make_basic(const struct easg_instance *self, struct auth **out, easg_error *err)
{
    struct maker m = { self, out, err };

    return self->host->with_secret(self->host, self->password, with_password, &m, err);
}

static const struct {
    const char *name;
    easg_status (*check)(const struct easg_instance *self, easg_error *err);
    easg_status (*make)(const struct easg_instance *self, struct auth **out, easg_error *err);
} methods[] = {
    { "basic", check_basic, make_basic },
};

easg_status onprem_check_logon(const struct easg_instance *self, easg_error *err)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (text_eq(&self->method, methods[i].name))
            return methods[i].check(self, err);
    return err_set(err, EASG_E_CONFIG,
                   "source.auth.method %.*s is not part of this version; it has basic, which needs "
                   "Set-PowerShellVirtualDirectory -BasicAuthentication $true",
                   (int)(self->method.len < 40 ? self->method.len : 40), self->method.ptr);
}

easg_status onprem_logon(const struct easg_instance *self, struct auth **out, easg_error *err)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (text_eq(&self->method, methods[i].name))
            return methods[i].make(self, out, err);
    return onprem_check_logon(self, err);
}
