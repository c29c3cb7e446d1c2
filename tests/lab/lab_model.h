/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_model.h - the organisation the lab plays: what is stored, and how it is named.
 *
 * A partnership, a mailbox, a person and a managed device are some 40 bytes each; every text
 * about them is a pure function of the seed and their numbers (text.c), so that a million fits in
 * memory and the same seed gives the same organisation. Objects are named by index; removed ones
 * stay in place with a flag, so an enumeration under way never loses its place.
 */
#ifndef LAB_MODEL_H
#define LAB_MODEL_H

#include <pthread.h>
#include <stdint.h>

#include "lab_buf.h"

#define NONE UINT32_MAX

enum access {
    ACCESS_UNKNOWN,
    ACCESS_ALLOWED,
    ACCESS_BLOCKED,
    ACCESS_QUARANTINED,
    ACCESS_DISCOVERY
};
enum reason { WHY_UNKNOWN, WHY_GLOBAL, WHY_INDIVIDUAL, WHY_RULE, WHY_UPGRADE, WHY_POLICY };
enum level { LEVEL_ALLOW, LEVEL_BLOCK, LEVEL_QUARANTINE };
enum platform { PLATFORM_IOS, PLATFORM_ANDROID, PLATFORM_WINDOWS, PLATFORM_OTHER };
enum client { CLIENT_EAS, CLIENT_OUTLOOK, CLIENT_REST };

extern const char *const access_names[5];
extern const char *const reason_names[6];
extern const char *const level_names[3];

/* What a device of one make says about itself. */
struct make {
    enum platform platform;
    enum client client;
    unsigned style; /* of its EAS id, see IDENT_* */
    const char *type;
    const char *model;
    const char *os;
    const char *os_next; /* after an upgrade */
    const char *agent;
    const char *maker;
    const char *marketing;
};
extern const struct make makes[];
extern const unsigned n_makes;
enum {
    MAKE_IPHONE,
    MAKE_IPHONE_OLD,
    MAKE_IPAD,
    MAKE_SAMSUNG,
    MAKE_SAMSUNG_ULTRA,
    MAKE_PIXEL,
    MAKE_XIAOMI,
    MAKE_WINDOWS,
    MAKE_OUTLOOK_SERVICE,
    MAKE_OUTLOOK,
    MAKE_KAIOS,
    MAKE_BLACKBERRY,
    MAKE_VALIDATE,
    MAKE_LAPTOP,
};

/* The number behind an EAS id: form in the upper four bits. One number, one id. */
#define IDENT(style, n) ((uint32_t)(style) << 28 | ((n)&0xFFFFFFFu))
enum {
    IDENT_IOS,
    IDENT_APPL,
    IDENT_ANDROIDC,
    IDENT_SEC,
    IDENT_HEX,
    IDENT_HEX_LOWER,
    IDENT_VALIDATE
};

enum {
    DEV_REMOVED = 1,
    DEV_BIG = 2,    /* a property larger than a fragment */
    DEV_POLICY = 4, /* does not meet the mailbox policy */
    DEV_NASTY = 8,  /* friendly name of trouble */
    DEV_WIPE_REQUESTED = 16,
    DEV_WIPE_ACKED = 32,
    DEV_BLANK = 64,      /* says nothing about itself but its id */
    DEV_DISCOVERY = 128, /* first contact: Exchange has not decided yet */
};
struct device {
    uint32_t mailbox;
    uint32_t next; /* of the same mailbox */
    uint32_t ident;
    uint32_t managed; /* the record that is meant, or NONE */
    uint32_t rule;    /* that decided the stored state */
    uint32_t created;
    uint32_t changed;
    uint32_t last_sync;
    uint32_t rev; /* attribute changes so far */
    uint8_t make;
    uint8_t access; /* stored: computed at the device's last request */
    uint8_t reason;
    uint8_t flags;
};

struct idlist {
    uint32_t n;
    char **v;
};
enum { MBX_EAS_DISABLED = 1, MBX_CHILD = 2, MBX_SHARED = 4, MBX_NASTY = 8 };
struct mailbox {
    uint32_t first;
    uint32_t person; /* who owns it in Entra, or NONE */
    uint32_t changed;
    uint8_t flags;
    uint8_t policy; /* 0: the default one */
    struct idlist allowed;
    struct idlist blocked;
};

enum { PLAN_NONE, PLAN_ENABLED, PLAN_SUSPENDED };
enum {
    PER_TARGETED = 1,
    PER_EXEMPT = 2,
    PER_SID = 4,       /* synchronised: has onPremisesSecurityIdentifier */
    PER_IMMUTABLE = 8, /* has onPremisesImmutableId */
    PER_PROXY = 16,    /* has the mailbox's addresses */
    PER_REMOVED = 32,
    PER_NESTED = 64, /* targeted through a group in the group */
    PER_CLASH = 128, /* also has an address of the next mailbox */
};
struct person {
    uint32_t mailbox; /* or NONE: cloud only */
    uint32_t rev;     /* model revision of the last change */
    uint8_t plan;
    uint8_t flags;
};

enum compliance {
    COMP_UNKNOWN,
    COMP_COMPLIANT,
    COMP_NONCOMPLIANT,
    COMP_CONFLICT,
    COMP_ERROR,
    COMP_GRACE,
    COMP_CONFIGMANAGER
};
enum agent { AGENT_EAS, AGENT_MDM, AGENT_EASMDM, AGENT_CONFIGMGR, AGENT_GOOGLE };
extern const char *const compliance_names[7];
extern const char *const agent_names[5];
extern const char *const state_names[12];
enum {
    STATE_MANAGED,
    STATE_RETIRE_PENDING,
    STATE_RETIRE_FAILED,
    STATE_WIPE_PENDING,
    STATE_WIPE_FAILED,
    STATE_UNHEALTHY,
    STATE_DELETE_PENDING,
    STATE_RETIRE_ISSUED,
    STATE_WIPE_ISSUED,
    STATE_WIPE_CANCELED,
    STATE_RETIRE_CANCELED,
    STATE_DISCOVERED
};
enum { MAN_ACTIVATED = 1, MAN_REGISTERED = 2, MAN_LOWER = 4, MAN_REMOVED = 8 };
struct managed {
    uint32_t person; /* or NONE */
    uint32_t ident;  /* of the EAS id, or NONE */
    uint32_t enrolled;
    uint32_t last_sync;
    uint32_t grace; /* end of the grace period, 0: none */
    uint8_t make;
    uint8_t compliance;
    uint8_t state;
    uint8_t agent;
    uint8_t flags;
};

enum { BY_TYPE, BY_MODEL, BY_OS, BY_AGENT, BY_XMS };
extern const char *const characteristic_names[5];
struct rule {
    int removed;
    int by;
    enum level level;
    char *query;
    uint32_t changed;
};

#define MAX_RULES  256
#define N_POLICIES 3
extern const char *const policy_names[N_POLICIES];
/* Settings of a mailbox policy, under the names of both cmdlets; b bool, n number, u number or
 * Unlimited (-1). */
#define N_POLICY_FIELDS 10
struct policy_field {
    const char *mobile, *legacy;
    char kind;
    int first; /* of a new policy */
};
extern const struct policy_field policy_fields[N_POLICY_FIELDS];

struct org {
    enum level level;
    char *user_mail;
    char *ota_mail;
    char *admins[8];
    unsigned n_admins;
    int allow_unsupported;
};

/* Everything. Readers hold the lock shared, changers hold it alone. */
struct model {
    pthread_rwlock_t lock;
    uint64_t seed;
    uint32_t now0; /* when the organisation was made: all dates count from here */
    uint32_t rev;
    struct org org;
    int policies[N_POLICIES][N_POLICY_FIELDS];
    struct rule rules[MAX_RULES];
    unsigned n_rules;
    struct device *devices;
    uint32_t n_devices;
    uint32_t cap_devices;
    struct mailbox *mailboxes;
    uint32_t n_mailboxes;
    uint32_t cap_mailboxes;
    struct person *persons;
    uint32_t n_persons;
    uint32_t cap_persons;
    struct managed *managed;
    uint32_t n_managed;
    uint32_t cap_managed;
    uint32_t idents; /* numbers given out */
};

/* model.c */
void model_init(struct model *m, uint64_t seed, uint32_t now);
void model_clear(struct model *m);
uint32_t model_add_device(struct model *m, uint32_t mailbox, uint8_t make, uint32_t ident);
uint32_t model_add_mailbox(struct model *m);
uint32_t model_add_person(struct model *m, uint32_t mailbox);
uint32_t model_add_managed(struct model *m, uint32_t person, uint8_t make, uint32_t ident);
uint32_t model_add_rule(struct model *m, int by, const char *query, enum level level);
uint32_t model_new_ident(struct model *m, unsigned style);
uint32_t model_now(const struct model *m);

int idlist_has(const struct idlist *l, const char *id);
int idlist_add(struct idlist *l, const char *id); /* 1 when it was not there */
int idlist_remove(struct idlist *l, const char *id);
void idlist_clear(struct idlist *l);

/* Random but reproducible 64 bits for (seed, index, field). */
uint64_t model_random(const struct model *m, uint64_t index, unsigned field);

/* GUIDs carry their kind and index, ciphered, so that they are found without a table. */
enum guid_kind {
    GUID_DEVICE = 1,
    GUID_MAILBOX,
    GUID_PERSON,
    GUID_MANAGED,
    GUID_ENTRA_DEVICE,
    GUID_RULE,
    GUID_GROUP,
    GUID_CLASS,
    GUID_SERVER,
    GUID_POLICY,
    GUID_MISC,
};
typedef char guid_text[37];
void model_guid(const struct model *m, enum guid_kind kind, uint32_t index, guid_text out);
/* Index of the object of that kind, or NONE. */
uint32_t model_find_guid(const struct model *m, enum guid_kind kind, const char *text);
/* The 16 bytes in .NET order. False when it is not a GUID. */
int guid_bytes(const char *text, unsigned char out[16]);
void guid_print(const unsigned char in[16], guid_text out, int upper);

/* text.c: names */
struct mailbox_text {
    char alias[24];
    char display[200];
    char dn[480];
    char canonical[420];
    char upn[64];
    char primary[64];
    char second[160];
    char sam[24];
    char sid[64];
    const char *domain;
    const char *dc;
    guid_text guid;
};
struct device_text {
    struct mailbox_text box;
    char id[48];
    char name[128];
    char rdn[136];
    char dn[720];
    char identity[640];
    char friendly[280];
    char imei[24];
    char os[64];
    const char *carrier;
    guid_text guid;
};
void text_ident(const struct model *m, uint32_t ident, char out[48]);
void text_mailbox(const struct model *m, uint32_t mailbox, struct mailbox_text *t);
void text_device(const struct model *m, uint32_t device, struct device_text *t);
/* The Entra user's own principal name and display name. */
void text_person(const struct model *m, uint32_t person, char upn[64], char display[200]);
/* Index of the mailbox that this identity names, in any form that a cmdlet takes, or NONE. */
uint32_t text_find_mailbox(const struct model *m, const char *identity);
uint32_t text_find_device(const struct model *m, const char *identity);
/* 2026-11-25T14:00:00Z */
typedef char time_text[40];
void text_time(uint64_t seconds, time_text out);
void text_time_local(uint64_t seconds, time_text out); /* with +01:00 */
void text_us_time(uint64_t seconds, time_text out);    /* 11/25/2026 2:00:00 PM */

/* abq.c: allow, block, quarantine */
struct verdict {
    enum access access;
    enum reason reason;
    uint32_t rule;
};
struct verdict abq_decide(const struct model *m, uint32_t device);
/* The device makes a request now: Exchange decides and stores the verdict. 1 when it changed. */
int abq_speak(struct model *m, uint32_t device, uint32_t now);

/* generate.c */
struct population {
    uint32_t devices;
    uint32_t managed; /* NONE: as the table of scenarios and 85 % say */
};
void generate(struct model *m, const struct population *p);
void generate_more(struct model *m, uint32_t devices);
/* n devices change an attribute; returns how many did. */
uint32_t generate_touch(struct model *m, uint32_t n);

#endif
