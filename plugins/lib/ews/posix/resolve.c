/* SPDX-License-Identifier: Apache-2.0
 *
 * SRV look-up by the C library's resolver: two tries of five seconds for each server of
 * /etc/resolv.conf. It has no other deadline, and it is asked only when everything else failed.
 */
#include "ews_discover.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

#include "err.h"

static int read_one(ns_msg *msg, int i, struct ews_srv *out)
{
    const unsigned char *p;
    ns_rr rr;

    if (ns_parserr(msg, ns_s_an, i, &rr) != 0 || ns_rr_type(rr) != ns_t_srv || ns_rr_rdlen(rr) < 7)
        return 0;
    p = ns_rr_rdata(rr);
    out->priority = (uint16_t)ns_get16(p);
    out->weight = (uint16_t)ns_get16(p + 2);
    out->port = (uint16_t)ns_get16(p + 4);
    return dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), p + 6, out->host, (int)sizeof out->host) >
               0 &&
           out->host[0];
}

easg_status ews_resolve_srv(void *user, const char *name, struct ews_srv *out, size_t max,
                            size_t *n, easg_error *err)
{
    struct __res_state state;
    unsigned char answer[8192];
    ns_msg msg;
    int len;

    (void)user;
    *n = 0;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0)
        return err_set(err, EASG_E_UNAVAILABLE, "the system's resolver does not start");
    state.retrans = 5;
    state.retry = 2;
    len = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, (int)sizeof answer);
    res_nclose(&state);
    if (len < 0)
        return err_set(err, EASG_E_NOTFOUND, "DNS has no SRV record of that name");
    if (ns_initparse(answer, len < (int)sizeof answer ? len : (int)sizeof answer, &msg) != 0)
        return err_set(err, EASG_E_UNAVAILABLE, "DNS sent no proper answer");
    for (int i = 0; i < ns_msg_count(msg, ns_s_an) && *n < max; i++)
        *n += (size_t)read_one(&msg, i, &out[*n]);
    return *n ? EASG_OK : err_set(err, EASG_E_NOTFOUND, "DNS has no SRV record of that name");
}
