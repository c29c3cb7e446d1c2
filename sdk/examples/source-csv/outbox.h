/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.h - the file of changes: one JSON object a line, {"time","verb","mailbox_id","device_id"},
 * added to and never rewritten, but for a last line that was cut off. The last line about a mailbox
 * and device is the one that holds.
 */
#ifndef SOURCE_CSV_OUTBOX_H
#define SOURCE_CSV_OUTBOX_H

#include <easgate/source.h>

struct outbox;

/* Reads what is there; a missing file is an empty one. */
easg_status outbox_open(const char *path, struct outbox **out, easg_error *err);
void outbox_close(struct outbox *box);
/* EASG_VERB_*, or 0: nothing was said about it. */
easg_verb outbox_verb(const struct outbox *box, const easg_str *mailbox_id,
                      const easg_str *device_id);
/* Calls fn for each device that the outbox holds something about for this mailbox. */
void outbox_each(const struct outbox *box, const easg_str *mailbox_id,
                 void (*fn)(void *user, const easg_str *device_id, easg_verb verb), void *user);
/* Writes a line and flushes it, unless it is what holds already. */
easg_status outbox_put(struct outbox *box, const easg_change *change, easg_time now,
                       easg_error *err);

#endif
