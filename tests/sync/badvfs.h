/* SPDX-License-Identifier: Apache-2.0
 *
 * badvfs.h - a disk that fails when it is told to.
 */
#ifndef EASG_TEST_BADVFS_H
#define EASG_TEST_BADVFS_H

/* From now on the `nth` write of this process, and all after it, fail with `code` (SQLITE_FULL,
 * SQLITE_IOERR_WRITE). Returns how many writes there have been. */
int badvfs_install(int nth, int code);
int badvfs_writes(void);

#endif
