/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: one line, valid UTF-8, cut and not overrun, the place in front.
 */
#include "err.h"

#include "check.h"
#include "text.h"

int main(void)
{
    easg_error err = EASG_ERROR_INIT;
    easg_error copy = EASG_ERROR_INIT;
    char longer[2000];

    CHECK_INT(err_set(&err, EASG_E_AUTH, "a %s\nb", "x"), EASG_E_AUTH);
    CHECK_STR(err.message, "a x b");
    CHECK_INT(err_at(&err, EASG_E_AUTH, "cas1:%d", 443), EASG_E_AUTH);
    CHECK_STR(err.message, "cas1:443: a x b");
    CHECK_INT(err_native(&err, EASG_E_DENIED, EASG_DOMAIN_HTTP, 403, "no"), EASG_E_DENIED);
    CHECK_INT(err.native_code, 403);
    err_copy(&copy, &err);
    err_clear(&err);
    CHECK_STR(err.message, "");
    CHECK_STR(copy.message, "no");

    for (size_t i = 0; i + 1 < sizeof longer; i += 2)
        memcpy(longer + i, "\xC3\xA4", 2);
    longer[sizeof longer - 1] = '\0';
    longer[sizeof longer - 2] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        err_set(&err, EASG_E_FAIL, "%.*s%s", shift, "xxx", longer);
        CHECK(strlen(err.message) < sizeof err.message);
        CHECK(strlen(err.message) > sizeof err.message - 4);
        CHECK(text_utf8_valid(err.message, strlen(err.message)));
        err_at(&err, EASG_E_FAIL, "%s", "place");
        CHECK(strncmp(err.message, "place: ", 7) == 0);
        CHECK(text_utf8_valid(err.message, strlen(err.message)));
    }
    CHECK_STR(err_status_name(EASG_OK), "ok");
    CHECK_STR(err_status_name(EASG_E_UNTRUSTED), "untrusted");
    CHECK_STR(err_status_name(-77), "fail");
    CHECK_STR(err_status_name(5), "fail");
    CHECK_INT(err_nomem(&err), EASG_E_NOMEM);
    return check_done();
}
