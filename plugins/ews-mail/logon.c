/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.method -> a log-on of plugins/lib/auth. A new scheme is one row here.
 */
#include "ews_mail.h"

#include "err.h"
#include "plugin_opt.h"
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

static easg_status check_basic(const struct easg_instance *self, const easg_config *cfg,
                               easg_error *err)
{
    if (text_blank(&self->user))
        return opt_error(self->host, cfg, "auth", err,
                         "notifier.auth.user is missing, which basic needs");
    if (!self->password)
        return opt_error(self->host, cfg, "auth", err,
                         "notifier.auth.password is missing, which basic needs");
    return EASG_OK;
}

static easg_status make_basic(const struct easg_instance *self, struct auth **out, easg_error *err)
{
    struct maker m = { self, out, err };

    return self->host->with_secret(self->host, self->password, with_password, &m, err);
}

static const struct {
    const char *name;
    easg_status (*check)(const struct easg_instance *self, const easg_config *cfg, easg_error *err);
    easg_status (*make)(const struct easg_instance *self, struct auth **out, easg_error *err);
} methods[] = {
    {"basic", check_basic, make_basic},
};
#define N_METHODS (sizeof methods / sizeof *methods)

easg_status ews_mail_check_logon(const struct easg_instance *self, const easg_config *cfg,
                                 easg_error *err)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (text_eq(&self->method, methods[i].name))
            return methods[i].check(self, cfg, err);
    return opt_error(self->host, cfg, "auth.method", err,
                     "notifier.auth.method %.*s is not part of this version; it has basic, which "
                     "needs Set-WebServicesVirtualDirectory -BasicAuthentication $true",
                     (int)(self->method.len < 40 ? self->method.len : 40), self->method.ptr);
}

easg_status ews_mail_logon(const struct easg_instance *self, struct auth **out, easg_error *err)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (text_eq(&self->method, methods[i].name))
            return methods[i].make(self, out, err);
    return err_set(err, EASG_E_CONFIG, "notifier.auth.method is not part of this version");
}
