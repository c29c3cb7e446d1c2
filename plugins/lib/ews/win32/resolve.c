/* SPDX-License-Identifier: Apache-2.0
 *
 * SRV look-up by the system's DNS client.
 */
#include "ews_discover.h"

#include <string.h>
#include <winsock2.h>

#include <windows.h>

#include <windns.h>

#include "err.h"

easg_status ews_resolve_srv(void *user, const char *name, struct ews_srv *out, size_t max,
                            size_t *n, easg_error *err)
{
    DNS_RECORDA *list = NULL;

    (void)user;
    *n = 0;
    if (DnsQuery_A(name, DNS_TYPE_SRV, DNS_QUERY_STANDARD, NULL, (PDNS_RECORD *)&list, NULL) != 0)
        return err_set(err, EASG_E_NOTFOUND, "DNS has no SRV record of that name");
    for (const DNS_RECORDA *r = list; r && *n < max; r = r->pNext) {
        size_t len = r->wType == DNS_TYPE_SRV ? strlen(r->Data.SRV.pNameTarget) : 0;

        if (len == 0 || len >= sizeof out->host)
            continue;
        out[*n].priority = r->Data.SRV.wPriority;
        out[*n].weight = r->Data.SRV.wWeight;
        out[*n].port = r->Data.SRV.wPort;
        memcpy(out[*n].host, r->Data.SRV.pNameTarget, len + 1);
        (*n)++;
    }
    DnsRecordListFree((PDNS_RECORD)list, DnsFreeRecordList);
    return *n ? EASG_OK : err_set(err, EASG_E_NOTFOUND, "DNS has no SRV record of that name");
}
