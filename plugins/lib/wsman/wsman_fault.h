/* SPDX-License-Identifier: Apache-2.0
 *
 * wsman_fault.h - between answer.c and fault.c.
 */
#ifndef EASG_WSMAN_FAULT_H
#define EASG_WSMAN_FAULT_H

#include "wsman.h"

/* Fills kind and retry_after_ms from what was read. */
void wsman_fault_classify(struct wsman_fault *f);

#endif
