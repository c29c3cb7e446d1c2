/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.h - an Exchange organisation and a device manager that do what a case says: the state is
 * shared memory, so that a run in a child process that is cut off leaves its changes behind. The
 * modules fake, fake-mdm, fake-order and fake-mail stand in front of it.
 */
#ifndef EASG_TEST_FAKE_H
#define EASG_TEST_FAKE_H

#include <easgate/easgate.h>

enum { FAKE_MAX = 600, FAKE_LIST = 16, FAKE_TEXT = 64, FAKE_FAULTS = 16 };

enum fake_call {
    FAKE_OPEN,
    FAKE_LISTING,
    FAKE_APPLY,
    FAKE_DISCOVER,
    FAKE_SINK_OPEN,
    FAKE_FETCH,
    FAKE_REPORT,
    FAKE_SEND,
    FAKE_POLICY_READ,
    FAKE_POLICY_WRITE,
    FAKE_DESCRIBE,
    FAKE_CARRY_OUT,
    FAKE_CALLS
};
extern const char *const fake_call_names[FAKE_CALLS];

struct fake_mailbox {
    int used;
    char id[FAKE_TEXT], ref[FAKE_TEXT], upn[FAKE_TEXT], smtp[FAKE_TEXT], sid[FAKE_TEXT];
    char allowed[FAKE_LIST][FAKE_TEXT], blocked[FAKE_LIST][FAKE_TEXT];
    easg_time changed;
};
struct fake_device {
    int used;
    char key[FAKE_TEXT], mailbox[FAKE_TEXT], id[FAKE_TEXT], type[FAKE_TEXT], os[FAKE_TEXT];
    easg_access access;
    easg_time changed;
    int twice; /* the listing names it twice */
};
struct fake_person {
    int used;
    char id[FAKE_TEXT], sid[FAKE_TEXT], smtp[FAKE_TEXT], immutable[FAKE_TEXT];
    char language[FAKE_TEXT];
    char groups[FAKE_TEXT]; /* "A,B" */
    uint32_t flags;
};
struct fake_managed {
    int used;
    char id[FAKE_TEXT], eas[FAKE_TEXT], user[FAKE_TEXT], os[FAKE_TEXT], serial[FAKE_TEXT];
    easg_compliance compliance;
    easg_management management;
    easg_time enrolled, grace_until;
};
/* The next `times` calls of this kind (at this endpoint) fail. */
struct fake_fault {
    enum fake_call call;
    int times, after; /* after: so many rows or items first */
    easg_status status;
    char endpoint[FAKE_TEXT];
    uint32_t retry_ms;
};
/* What is decided for everybody: "setting default_access_level" and so on. */
struct fake_policy {
    int used;
    uint32_t part;
    char name[FAKE_TEXT], value[FAKE_TEXT];
    int lie; /* the next writes report success and do nothing */
};
struct fake_item { /* one device id in apply() */
    char id[FAKE_TEXT];
    enum { ITEM_STATUS, ITEM_LIE, ITEM_BLIND } how;
    easg_status status;
};

struct fake {
    easg_time now;
    easg_access default_access;
    struct fake_mailbox mailboxes[FAKE_MAX];
    struct fake_device devices[FAKE_MAX];
    struct fake_person people[FAKE_MAX];
    struct fake_managed managed[FAKE_MAX];
    char servers[8][FAKE_TEXT]; /* discovered */
    struct fake_fault faults[FAKE_FAULTS];
    struct fake_item items[FAKE_FAULTS];
    int short_list, short_list_times;   /* so few devices, and says that is all */
    int short_fetch, short_fetch_times; /* so few managed devices and people */
    int calls[FAKE_CALLS];
    char languages[200]; /* of the mails of this run, by commas */
    int writes, mails, mails_before; /* items applied; mails sent; mails at the first write */
    char last_endpoint[FAKE_TEXT];
    struct fake_policy policy[32];
    int no_policy, no_commands; /* the module has no such extension */
    int deaf;     /* the module does not tell who is in which group */
    int alphabet; /* apply refuses ids with other characters: they must never be sent */
};
extern struct fake *fake;

void fake_create(void);
const easg_plugin *EASG_CALL fake_entry(const easg_offer *offer);
struct fake_mailbox *fake_mailbox(const char *id);
/* fake_admin.c: the two extensions; the item, a new one when there is none. */
const void *EASG_CALL fake_extension(easg_instance *self, const char *id);
struct fake_policy *fake_policy(uint32_t part, const char *name);
/* fake.c: a fault of the case for this call, or EASG_OK. */
easg_status fake_fault(enum fake_call call, easg_error *err);
easg_status fake_say(easg_error *err, easg_status st, const char *text);
/* As Exchange sees the device by the lists and the default. */
easg_access fake_access(const struct fake_device *d);

#endif
