/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/types.h - values that cross the boundary. No ownership crosses it, and
 * no struct crosses it by value: structs travel by pointer.
 */
#ifndef EASG_TYPES_H
#define EASG_TYPES_H

#include "abi.h"

EASG_BEGIN_DECLS

/* UTF-8 text. ptr == NULL means "absent"; otherwise ptr[len] == 0 and there is
 * no NUL before it. Borrowed: valid until the call it was passed to returns.
 * What names something (keys, ids, addresses, UPNs) has at most 512 bytes and
 * no control characters; other texts have at most 4096 bytes. "Required" means
 * present and not blank. The host checks all of this. */
typedef struct easg_str {
    const char *ptr;
    size_t len;
} easg_str;

/* Milliseconds since 1970-01-01T00:00:00Z. EASG_TIME_NONE means "unknown". */
typedef int64_t easg_time;
#define EASG_TIME_NONE INT64_MIN

typedef struct easg_kv {
    uint32_t struct_size;
    uint32_t reserved;
    easg_str key;
    easg_str value;
} easg_kv;

/* Opaque. Only the host creates and destroys these. */
typedef struct easg_run easg_run;         /* one sync of one organisation */
typedef struct easg_config easg_config;   /* one node of the parsed config tree */

/* Opaque to the host. Each plugin completes these types privately. */
typedef struct easg_instance easg_instance; /* one configured module */
typedef struct easg_session easg_session;   /* one open connection */

/* Result of every fallible call. Values are frozen; new ones are appended.
 * A reader treats a negative value it does not know as EASG_E_FAIL. */
typedef int32_t easg_status;
enum {
    EASG_OK = 0,
    EASG_E_FAIL = -1,        /* unclassified; never retried within the run   */
    EASG_E_USAGE = -2,       /* caller broke the contract (a bug)            */
    EASG_E_NOMEM = -3,
    EASG_E_CONFIG = -4,      /* hopeless until the configuration changes     */
    EASG_E_AUTH = -5,        /* credentials refused; host stops, no lockouts */
    EASG_E_DENIED = -6,      /* authenticated, but not permitted             */
    EASG_E_UNREACHABLE = -7, /* no peer; failover may choose another         */
    EASG_E_TIMEOUT = -8,     /* deadline reached; failover may choose another*/
    EASG_E_CANCELLED = -9,   /* easg_host.cancelled() turned true             */
    EASG_E_THROTTLED = -10,  /* easg_error.retry_after_ms says how long       */
    EASG_E_UNAVAILABLE = -11,/* peer is there but cannot serve now           */
    EASG_E_PROTOCOL = -12,   /* peer sent what we cannot accept              */
    EASG_E_NOTFOUND = -13,
    EASG_E_CONFLICT = -14,   /* peer's state changed under us                */
    EASG_E_UNSUPPORTED = -15,
    EASG_E_LIMIT = -16,      /* a size or count limit was hit                */
    EASG_E_UNCERTAIN = -17,  /* the peer may or may not have acted; settle   */
    EASG_E_UNTRUSTED = -18   /* the peer did not prove who it is (TLS)       */
};

typedef uint32_t easg_error_domain; /* what native_code counts */
enum {
    EASG_DOMAIN_NONE = 0,
    EASG_DOMAIN_ERRNO = 1,
    EASG_DOMAIN_HTTP = 2,
    EASG_DOMAIN_HRESULT = 3, /* WS-Man faults, Win32                         */
    EASG_DOMAIN_GSS = 4,
    EASG_DOMAIN_CURL = 5,
    EASG_DOMAIN_PLUGIN = 1000
};

/* Filled by the callee when, and only when, it returns something other than
 * EASG_OK. `err` is never NULL; the caller owns it and has set struct_size. No
 * allocation is involved, so it works when memory is gone.
 * `message`: one line, no trailing period, no secrets, no "failed to" prefix
 * the caller already knows.
 * This struct never grows within a major version, so that a plugin may fill it
 * with the size of its own headers. */
typedef struct easg_error {
    uint32_t struct_size;
    easg_error_domain domain;
    int64_t native_code;
    uint32_t retry_after_ms; /* 0: peer did not say */
    uint32_t reserved;
    char message[480];       /* UTF-8, NUL-terminated */
} easg_error;

typedef uint32_t easg_access; /* Exchange's view of a device partnership */
enum {
    EASG_ACCESS_UNKNOWN = 0,
    EASG_ACCESS_ALLOWED = 1,
    EASG_ACCESS_BLOCKED = 2,
    EASG_ACCESS_QUARANTINED = 3,
    EASG_ACCESS_DISCOVERY = 4
};

/* One mobile device partnership of one mailbox, as Exchange tells it. */
typedef struct easg_device {
    uint32_t struct_size;
    easg_access access;   /* what Exchange decided at the device's last request */
    easg_str key;         /* stable within the org: host's primary key; required */
    easg_str device_id;   /* EAS DeviceId, Exchange's own spelling; required     */
    easg_str mailbox_id;  /* the mailbox's mailbox_id or its ref; required       */
    easg_str identity;    /* what a cmdlet accepts for this device: its GUID     */
    easg_str type;        /* EAS DeviceType; a claim of the client               */
    easg_str model;
    easg_str os;
    easg_str friendly_name;
    easg_str user_agent;
    easg_str access_reason;
    easg_time first_sync;
    easg_time last_sync;
    easg_time changed;    /* directory WhenChanged: the watermark of a quick scan */
    const easg_kv *const *extra; /* array of n_extra pointers                    */
    size_t n_extra;
} easg_device;

/* One mailbox and its personal exemptions. At most 4096 addresses, and 16384
 * ids in each of the two lists. */
typedef struct easg_mailbox {
    uint32_t struct_size;
    uint32_t flags;            /* EASG_MAILBOX_* */
    easg_str mailbox_id;       /* directory GUID; required */
    easg_str ref;              /* another name by which devices of the same listing may call
                                * it (Exchange: the distinguished name); optional */
    easg_str display_name;
    easg_str user_sid;         /* objectSid as text: the safest join to a cloud user */
    easg_str user_upn;
    easg_str primary_smtp;
    const easg_str *const *smtp; /* every proxy address; n_smtp pointers */
    size_t n_smtp;
    const easg_str *const *allowed; /* ActiveSyncAllowedDeviceIDs; n_allowed */
    size_t n_allowed;
    const easg_str *const *blocked; /* ActiveSyncBlockedDeviceIDs; n_blocked */
    size_t n_blocked;
} easg_mailbox;
enum { EASG_MAILBOX_EAS_DISABLED = 1u << 0 };

/* The organisation's own settings, which Exchange applies where no personal
 * exemption says otherwise. */
typedef struct easg_org_settings {
    uint32_t struct_size;
    easg_access default_access; /* ALLOWED, BLOCKED or QUARANTINED */
    easg_str org_id;
    easg_str server_version;
} easg_org_settings;

typedef uint32_t easg_compliance;
enum {
    EASG_COMPLIANCE_UNKNOWN = 0,
    EASG_COMPLIANCE_COMPLIANT = 1,
    EASG_COMPLIANCE_GRACE = 2,     /* not compliant yet, still entitled */
    EASG_COMPLIANCE_NONCOMPLIANT = 3,
    EASG_COMPLIANCE_CONFLICT = 4,
    EASG_COMPLIANCE_ERROR = 5,
    EASG_COMPLIANCE_EXTERNAL = 6   /* another manager answers for it */
};

typedef uint32_t easg_management;
enum {
    EASG_MANAGEMENT_NONE = 0,     /* known, but only through Exchange */
    EASG_MANAGEMENT_MANAGED = 1,
    EASG_MANAGEMENT_RETIRING = 2  /* wipe, retire or delete pending or issued */
};

/* One device as the device manager knows it: a fact, not a verdict. */
typedef struct easg_managed_device {
    uint32_t struct_size;
    uint32_t flags;            /* EASG_MANAGED_* */
    easg_compliance compliance;
    easg_management management;
    easg_str id;               /* the manager's own key; required */
    easg_str eas_id;           /* as the manager spells it; empty: not known */
    easg_str user_id;          /* the person's key in the same service */
    easg_str os;
    easg_str model;
    easg_str serial;
    easg_time enrolled;
    easg_time last_seen;
    easg_time grace_until;
} easg_managed_device;
enum { EASG_MANAGED_ACTIVATED = 1u << 0, EASG_MANAGED_REGISTERED = 1u << 1 };

/* One person as the device manager's directory knows them. */
typedef struct easg_person {
    uint32_t struct_size;
    uint32_t flags;            /* EASG_PERSON_* */
    easg_str id;               /* required */
    easg_str upn;
    easg_str sid;              /* on-premises security identifier */
    easg_str immutable_id;
    const easg_str *const *smtp;
    size_t n_smtp;
    uint64_t watched;          /* bit i: a member of watch_groups[i]; with EASG_PERSON_WATCHED */
    easg_str language;         /* what the person reads, "de-AT"; at most 35 characters */
} easg_person;
enum {
    EASG_PERSON_LICENSED = 1u << 0,
    EASG_PERSON_TARGETED = 1u << 1, /* in an included group */
    EASG_PERSON_EXEMPT = 1u << 2,   /* in an excluded group */
    EASG_PERSON_WATCHED = 1u << 3   /* `watched` was looked up, also when it is 0 */
};

typedef uint32_t easg_verb;
enum {
    EASG_VERB_ALLOW = 1,    /* into the allowed list, out of the blocked one  */
    EASG_VERB_BLOCK = 2,    /* into the blocked list, out of the allowed one  */
    EASG_VERB_WITHDRAW = 3  /* out of both: the organisation's rules decide   */
};

/* One change the core wants made in Exchange. */
typedef struct easg_change {
    uint32_t struct_size;
    easg_verb verb;
    easg_str key;         /* names this item in its result */
    easg_str mailbox_id;
    easg_str device_id;   /* Exchange's spelling */
} easg_change;

/* easg_item_result.listed: personal exemptions that hold the device id. */
enum {
    EASG_LISTED_ALLOWED = 1u << 0, /* in ActiveSyncAllowedDeviceIDs */
    EASG_LISTED_BLOCKED = 1u << 1, /* in ActiveSyncBlockedDeviceIDs */
    EASG_LISTED_KNOWN = 1u << 2    /* the lists were read; without it nothing is known */
};

/* What became of one item of a batch. */
typedef struct easg_item_result {
    uint32_t struct_size;
    easg_status status;
    uint32_t listed;         /* EASG_LISTED_*, as read back after the change */
    uint32_t reserved;
    easg_str key;            /* of the easg_change or easg_device it answers */
    const easg_error *error; /* NULL when status is EASG_OK */
} easg_item_result;

typedef struct easg_endpoint {
    uint32_t struct_size;
    uint32_t priority; /* 0 is tried first */
    easg_str id;        /* stable name, used as key for health records */
    easg_str url;
    easg_time last_ok;
    easg_time last_failed;
    uint32_t failures; /* consecutive */
    easg_status last_status;
} easg_endpoint;

/* One mail. The bodies may be longer than other texts: at most 64 KiB each. */
typedef struct easg_message {
    uint32_t struct_size;
    uint32_t flags;
    easg_str idempotency_key; /* same key twice: send once */
    easg_str to_smtp;
    easg_str subject;
    easg_str body_text;
    easg_str body_html;       /* optional */
    easg_str language;        /* BCP 47, optional */
} easg_message;

EASG_END_DECLS

#endif /* EASG_TYPES_H */
