-- SPDX-License-Identifier: Apache-2.0
-- What an organisation decides for everybody, and what operators asked for single devices. Runs are
-- named by their UUID, so that these rows outlive them.

-- As it was read last; part: 0 setting, 1 device rule, 2 mailbox policy, 3 class of
-- devices that were seen.
CREATE TABLE orgpolicy(
    part    INTEGER NOT NULL,
    name    TEXT NOT NULL COLLATE NOCASE,
    value   TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY(part, name)
) WITHOUT ROWID;

CREATE TABLE orgpolicy_change(
    id          INTEGER PRIMARY KEY,
    run         TEXT NOT NULL,
    checked     TEXT NOT NULL,         -- last run that still wanted it
    part        INTEGER NOT NULL,
    name        TEXT NOT NULL COLLATE NOCASE,
    before      TEXT,                  -- NULL: there is none
    after       TEXT,                  -- NULL: it is taken away
    reason      TEXT NOT NULL,         -- configured, not ours, not configured any more, release
    needs_word  INTEGER NOT NULL,      -- 1: only approve lets it go
    state       INTEGER NOT NULL,      -- enum store_action_state
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    error       TEXT
);
CREATE INDEX orgpolicy_open ON orgpolicy_change(id) WHERE state < 4;
CREATE INDEX orgpolicy_run ON orgpolicy_change(run);

-- What we wrote and saw there; before is what a release gives back.
CREATE TABLE orgpolicy_ledger(
    part       INTEGER NOT NULL,
    name       TEXT NOT NULL COLLATE NOCASE,
    before     TEXT,
    value      TEXT,
    written_at INTEGER NOT NULL,
    run        TEXT NOT NULL,
    PRIMARY KEY(part, name)
) WITHOUT ROWID;

-- A command of an operator: told with a token, then done once with it. token: SHA-256, hex.
CREATE TABLE device_command(
    id          INTEGER PRIMARY KEY,
    run         TEXT NOT NULL,         -- that told it
    done_run    TEXT,                  -- that did it
    token       TEXT NOT NULL UNIQUE,
    verb        INTEGER NOT NULL,      -- EASG_DEVICE_*
    device      TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    owner       TEXT NOT NULL,
    user        TEXT,
    told        TEXT NOT NULL,         -- what would happen, a line each
    state       TEXT NOT NULL,         -- told, started, done, failed, uncertain
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    result      TEXT,
    error       TEXT
);

CREATE VIEW v_org_policy AS
SELECT CASE p.part WHEN 0 THEN 'setting' WHEN 1 THEN 'device_rule' WHEN 2 THEN 'mailbox_policy'
                   ELSE 'device_class' END
           AS part,
       p.name AS name,
       p.value AS value,
       l.value IS NOT NULL AND l.value = p.value AS ours,
       l.before AS before,
       strftime('%Y-%m-%dT%H:%M:%SZ', p.seen_at / 1000, 'unixepoch') AS seen_at
  FROM orgpolicy p
  LEFT JOIN orgpolicy_ledger l ON l.part = p.part AND l.name = p.name;

CREATE VIEW v_org_changes AS
SELECT c.id AS id,
       c.run AS run,
       CASE c.part WHEN 0 THEN 'setting' WHEN 1 THEN 'device_rule' ELSE 'mailbox_policy' END
           AS part,
       c.name AS name,
       CASE WHEN c.after IS NULL THEN 'remove' WHEN c.before IS NULL THEN 'create' ELSE 'set' END
           AS verb,
       c.before AS before,
       c.after AS after,
       c.reason AS reason,
       c.needs_word AS needs_approval,
       CASE c.state WHEN 0 THEN 'planned' WHEN 1 THEN 'held' WHEN 2 THEN 'approved'
                    WHEN 3 THEN 'started' WHEN 4 THEN 'done' WHEN 5 THEN 'failed'
                    ELSE 'superseded' END AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.finished_at / 1000, 'unixepoch') AS finished_at,
       c.error AS error
  FROM orgpolicy_change c;

CREATE VIEW v_org_ledger AS
SELECT CASE l.part WHEN 0 THEN 'setting' WHEN 1 THEN 'device_rule' ELSE 'mailbox_policy' END
           AS part,
       l.name AS name,
       l.value AS value,
       l.before AS before,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.written_at / 1000, 'unixepoch') AS written_at,
       l.run AS run
  FROM orgpolicy_ledger l;

CREATE VIEW v_device_commands AS
SELECT d.id AS id, d.run AS run, d.done_run AS done_run,
       CASE d.verb WHEN 0 THEN 'remove' WHEN 1 THEN 'wipe' ELSE 'wipe-account' END AS command,
       d.device AS device, d.device_id AS device_id, d.user AS user, d.told AS told,
       d.state AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.finished_at / 1000, 'unixepoch') AS finished_at,
       d.result AS result, d.error AS error
  FROM device_command d;
