/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/draft/thread_check.h - lets a plugin with threads of its own ask where it is.
 *
 * A draft: nothing is promised. The id stays the same when it becomes stable.
 */
#ifndef EASG_DRAFT_THREAD_CHECK_H
#define EASG_DRAFT_THREAD_CHECK_H

#include "../host.h"

EASG_BEGIN_DECLS

#define EASG_HOST_THREAD_CHECK "easg.host.thread-check/1"

typedef struct easg_host_thread_check {
    uint32_t struct_size;
    uint32_t reserved;
    /* [any] 1 when the calling thread may use the [run] functions of `host`
     * now: it is the thread the host called this instance on, during that
     * call. For assertions; a plugin must know its threads without it. */
    int32_t(EASG_CALL *is_run_thread)(const easg_host *host);
} easg_host_thread_check;

EASG_END_DECLS

#endif /* EASG_DRAFT_THREAD_CHECK_H */
