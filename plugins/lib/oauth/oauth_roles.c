/* SPDX-License-Identifier: Apache-2.0
 *
 * What an administrator consented to, as the token at hand says. Entra calls tokens opaque to
 * clients, so this is for a person's eyes: nothing else is decided by it.
 */
#include "oauth_private.h"

#include <string.h>

#include "base64.h"
#include "err.h"
#include "json.h"

/* The claims of a JWT: what stands between its dots, in the URL alphabet without padding. */
static easg_status claims(const struct oauth *o, struct strbuf *out, easg_error *err)
{
    const char *text = o->bearer.len ? strchr(strbuf_str(&o->bearer), '.') : NULL;
    size_t n = text ? strcspn(text + 1, ".") : 0;
    struct base64 b = { 0 };
    easg_status st = EASG_OK;

    for (size_t i = 1; st == EASG_OK && i <= n; i++) {
        char c = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];

        st = base64_feed(&b, &c, 1, out);
    }
    if (st == EASG_OK && n % 4)
        st = base64_feed(&b, "==", 4 - n % 4, out);
    if (st == EASG_OK)
        st = base64_end(&b);
    if (st != EASG_OK || n == 0)
        return err_set(err, EASG_E_NOTFOUND, "there is no token that could be read");
    return strbuf_status(out);
}

easg_status oauth_each_role(const struct oauth *o, void (*fn)(void *user, const easg_str *role),
                            void *user, easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(64 * 1024);
    const struct json *roles = NULL;
    struct json *doc = NULL;
    easg_status st = claims(o, &text, err);

    if (st == EASG_OK)
        st = json_parse(strbuf_str(&text), text.len, &limits, &doc, err);
    if (st == EASG_OK)
        st = json_get_array(doc, "roles", 0, &roles, err);
    for (const struct json *v = json_first(roles); st == EASG_OK && v; v = json_next(v)) {
        easg_str role;

        st = json_str(v, &role, err);
        if (st == EASG_OK)
            fn(user, &role);
    }
    json_destroy(doc);
    return st == EASG_OK ? st
                         : err_set(err, EASG_E_NOTFOUND, "there is no token that could be read");
}
