-- SPDX-License-Identifier: Apache-2.0
-- The tables of one organisation's state file. Internal: administrators read the views.
--
-- k, mk, pk, ek, rk, kd are keyed 63-bit digests (digest.h): of a device's key, a mailbox id, a
-- person id, a folded EAS id, a name by which devices call a mailbox, a join key. An index table
-- X_idx says which body row of X is the present one, and what its relevant columns hash to, so that
-- a row that did not change costs one look-up and no write. A body row is never changed: a new
-- version is appended with a new id, and the index is pointed to it when the listing is accepted.
-- Times are milliseconds since 1970, UTC.

CREATE TABLE meta(
    name  TEXT PRIMARY KEY,
    value BLOB
) WITHOUT ROWID;

CREATE TABLE org(
    name  TEXT PRIMARY KEY,
    value TEXT
) WITHOUT ROWID;

-- ---- what Exchange has ---------------------------------------------------------------------------

CREATE TABLE device(
    id            INTEGER PRIMARY KEY,
    k             INTEGER NOT NULL,
    key           TEXT NOT NULL,
    device_id     TEXT NOT NULL,
    owner         TEXT NOT NULL,       -- mailbox id, or another name of the mailbox
    rk            INTEGER NOT NULL,    -- of owner
    identity      TEXT,
    type          TEXT,
    model         TEXT,
    os            TEXT,
    friendly_name TEXT,
    user_agent    TEXT,
    access        INTEGER NOT NULL,    -- EASG_ACCESS_*
    access_reason TEXT,
    first_sync    INTEGER,
    last_sync     INTEGER,             -- not hashed: as of the last other change
    seen_at       INTEGER NOT NULL
);
CREATE TABLE device_idx(
    k    INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    id   INTEGER NOT NULL,
    ek   INTEGER NOT NULL,
    mk   INTEGER                       -- NULL: its mailbox was not listed
);
CREATE INDEX device_mb ON device_idx(mk, ek, id); -- covers what decide walks along
CREATE TABLE staged_device(k INTEGER, hash BLOB, id INTEGER, old INTEGER, ek INTEGER, rk INTEGER);

CREATE TABLE mailbox(
    id           INTEGER PRIMARY KEY,
    k            INTEGER NOT NULL,
    mailbox_id   TEXT NOT NULL,
    ref          TEXT,
    flags        INTEGER NOT NULL,     -- EASG_MAILBOX_*
    display_name TEXT,
    sid          TEXT,
    upn          TEXT,
    primary_smtp TEXT,
    smtp         TEXT,                 -- every address, one a line
    seen_at      INTEGER NOT NULL
);
CREATE TABLE mailbox_idx(
    k    INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    id   INTEGER NOT NULL,
    rk   INTEGER
);
CREATE TABLE staged_mailbox(k INTEGER, hash BLOB, id INTEGER, old INTEGER, rk INTEGER);
CREATE TABLE mailbox_ref(
    rk INTEGER PRIMARY KEY,
    mk INTEGER NOT NULL
);
-- Personal exemptions of a version of a mailbox.
CREATE TABLE listed(
    mailbox   INTEGER NOT NULL,        -- mailbox.id
    ek        INTEGER NOT NULL,
    device_id TEXT NOT NULL,           -- as the list spells it
    lists     INTEGER NOT NULL,        -- EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED
    PRIMARY KEY(mailbox, ek)
) WITHOUT ROWID;

-- ---- what the device manager knows --------------------------------------------------------------

CREATE TABLE person(
    id           INTEGER PRIMARY KEY,
    k            INTEGER NOT NULL,
    person_id    TEXT NOT NULL,
    upn          TEXT,
    sid          TEXT,
    immutable_id TEXT,
    smtp         TEXT,                 -- every address, one a line
    flags        INTEGER NOT NULL,     -- EASG_PERSON_*
    seen_at      INTEGER NOT NULL
);
CREATE TABLE person_idx(
    k    INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    id   INTEGER NOT NULL
);
CREATE TABLE staged_person(k INTEGER, hash BLOB, id INTEGER, old INTEGER);
CREATE TABLE person_key(
    kd INTEGER NOT NULL,               -- of the kind of key and the key
    pk INTEGER NOT NULL,
    id INTEGER NOT NULL,               -- person.id: saves a way through person_idx
    PRIMARY KEY(kd, pk)
) WITHOUT ROWID;
CREATE TABLE staged_key(kd INTEGER, pk INTEGER, id INTEGER);

CREATE TABLE managed(
    id          INTEGER PRIMARY KEY,
    k           INTEGER NOT NULL,
    managed_id  TEXT NOT NULL,
    eas_id      TEXT,
    user_id     TEXT,
    uk          INTEGER,               -- of user_id: the person's k
    compliance  INTEGER NOT NULL,      -- EASG_COMPLIANCE_*
    management  INTEGER NOT NULL,      -- EASG_MANAGEMENT_*
    flags       INTEGER NOT NULL,      -- EASG_MANAGED_*
    os          TEXT,
    model       TEXT,
    serial      TEXT,
    enrolled    INTEGER,
    last_seen   INTEGER,               -- not hashed
    grace_until INTEGER,
    seen_at     INTEGER NOT NULL
);
CREATE TABLE managed_idx(
    k    INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    id   INTEGER NOT NULL,
    ek   INTEGER                       -- NULL: no usable EAS id
);
CREATE INDEX managed_ek ON managed_idx(ek, id) WHERE ek IS NOT NULL;
CREATE TABLE staged_managed(k INTEGER, hash BLOB, id INTEGER, old INTEGER, ek INTEGER);

-- What a complete listing did not mention, and body rows that no index points to any more. kind:
-- 0 device, 1 mailbox, 2 person, 3 managed.
CREATE TABLE staged_gone(kind INTEGER, k INTEGER, id INTEGER);
CREATE TABLE garbage(kind INTEGER, id INTEGER);

-- ---- what we think and do -------------------------------------------------------------------------

CREATE TABLE run(
    id              INTEGER PRIMARY KEY,
    uuid            TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    mode            TEXT NOT NULL,
    dry_run         INTEGER NOT NULL,
    trigger         TEXT,
    status          TEXT NOT NULL,     -- running, done, failed
    exit_code       INTEGER,
    step            TEXT,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    endpoint        TEXT,
    mailboxes       INTEGER,
    devices         INTEGER,
    people          INTEGER,
    managed_devices INTEGER,
    devices_new     INTEGER,
    devices_changed INTEGER,
    devices_gone    INTEGER,
    decided         INTEGER,
    planned         INTEGER,
    applied         INTEGER,
    held            INTEGER,
    failed          INTEGER,
    unmatched       INTEGER,
    cpu_ms          INTEGER,
    peak_kib        INTEGER,
    error_status    TEXT,
    error           TEXT
);

-- One row for each verdict with its inputs; a few hundred for any number of devices.
CREATE TABLE verdict(
    id     INTEGER PRIMARY KEY,
    row    TEXT NOT NULL,
    action INTEGER NOT NULL,           -- 0 leave, 1 allow, 2 block, 3 withdraw
    reason TEXT NOT NULL,
    mail   TEXT NOT NULL,
    inputs TEXT NOT NULL,              -- JSON
    UNIQUE(row, action, reason, mail, inputs)
);
-- Every change of mind, append-only. The unit is a mailbox and a device id.
CREATE TABLE decision(
    id             INTEGER PRIMARY KEY,
    run            INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    verdict        INTEGER NOT NULL,
    device         TEXT NOT NULL,
    mailbox        TEXT NOT NULL,
    user           TEXT,
    device_id      TEXT NOT NULL,
    mdk            INTEGER,            -- managed_idx.k of the record that counts
    managed_device TEXT,
    person         TEXT,
    joined         INTEGER NOT NULL,   -- enum store_join
    candidates     INTEGER NOT NULL,
    cross_user     INTEGER NOT NULL,
    next_change    INTEGER,
    facts_at       INTEGER
);
CREATE TABLE current(
    mk       INTEGER NOT NULL,
    ek       INTEGER NOT NULL,
    decision INTEGER NOT NULL,
    PRIMARY KEY(mk, ek)
) WITHOUT ROWID;

-- What we wrote into the personal lists and have seen there since.
CREATE TABLE ledger(
    mk         INTEGER NOT NULL,
    ek         INTEGER NOT NULL,
    mailbox    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    lists      INTEGER NOT NULL,       -- EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED
    written_at INTEGER NOT NULL,
    run        INTEGER NOT NULL,
    row        TEXT,
    reason     TEXT,
    PRIMARY KEY(mk, ek)
) WITHOUT ROWID;

CREATE TABLE action(
    id            INTEGER PRIMARY KEY,
    run           INTEGER NOT NULL,
    checked       INTEGER NOT NULL,    -- last run that still wanted it
    mk            INTEGER NOT NULL,
    ek            INTEGER NOT NULL,
    device        TEXT,
    mailbox       TEXT NOT NULL,
    user          TEXT,
    device_id     TEXT NOT NULL,
    verb          INTEGER NOT NULL,    -- EASG_VERB_*: what it means
    wire          INTEGER NOT NULL,    -- EASG_VERB_*: what the source is told, see plan.c of sync
    row           TEXT,
    reason        TEXT,
    mail          TEXT,
    state         INTEGER NOT NULL,    -- enum store_action_state
    access_before INTEGER NOT NULL,
    listed_before INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    error         TEXT
);
CREATE INDEX action_open ON action(mk, ek) WHERE state < 4;
CREATE INDEX action_run ON action(run);

CREATE TABLE endpoint(
    id          TEXT PRIMARY KEY,
    url         TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    configured  INTEGER NOT NULL,
    last_ok     INTEGER,
    last_failed INTEGER,
    failures    INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT
) WITHOUT ROWID;

CREATE TABLE outbox(
    id         INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL,
    action     INTEGER NOT NULL,
    key        TEXT NOT NULL UNIQUE,   -- idempotency key
    user       TEXT,
    smtp       TEXT,
    device_id  TEXT NOT NULL,
    mail       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    state      TEXT NOT NULL,          -- none, queued, sending, sent, uncertain, failed
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    error      TEXT
);

-- hash is SHA-256 over the previous hash and the columns before it; see easgate-state(5).
CREATE TABLE audit(
    seq     INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    run     TEXT NOT NULL,
    event   TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    TEXT NOT NULL
);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;

-- Values that plugins keep between runs; staged ones count once the run is done.
CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE staged_state(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
