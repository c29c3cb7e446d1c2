-- SPDX-License-Identifier: Apache-2.0
-- What is needed to decide a recorded run again, bit for bit: the policy that a run went by, its
-- clock, what a client said of itself, the watched groups of the person, and what rings and the
-- sparing of devices held back.

ALTER TABLE run ADD COLUMN policy INTEGER;    -- policy.id; NULL: from before this schema
ALTER TABLE run ADD COLUMN local_min INTEGER; -- minutes that local time was ahead of UTC
ALTER TABLE run ADD COLUMN facts_at INTEGER;  -- of the facts that it decided on

-- The parts of the organisation's file that decide, as YAML; a row for each that was ever used.
CREATE TABLE policy(
    id     INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE, -- SHA-256 of text
    text   TEXT NOT NULL
);

-- What clients said of themselves; a few thousand for any number of devices.
CREATE TABLE claims(
    id         INTEGER PRIMARY KEY,
    type       TEXT NOT NULL, -- "": not said
    model      TEXT NOT NULL,
    os         TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    UNIQUE(type, model, os, user_agent)
);
ALTER TABLE decision ADD COLUMN claims INTEGER;  -- claims.id of the partnership that decided
ALTER TABLE decision ADD COLUMN member_of TEXT;  -- watched groups of the person, blanks between
ALTER TABLE decision ADD COLUMN ended INTEGER;   -- run that found its partnership gone
ALTER TABLE person ADD COLUMN member_of TEXT;

-- Changes that were not planned, because a ring had to wait or the device is spared: a row while
-- that is so, kept when it is over.
CREATE TABLE gate(
    id        INTEGER PRIMARY KEY,
    mk        INTEGER NOT NULL,
    ek        INTEGER NOT NULL,
    device    TEXT,
    mailbox   TEXT NOT NULL,
    user      TEXT,
    device_id TEXT NOT NULL,
    word      TEXT NOT NULL,       -- waits, spared
    ring      TEXT,                -- name of the ring that waits
    opens_at  INTEGER,             -- NULL: not known yet, or never
    run       INTEGER NOT NULL,    -- that found it first
    checked   INTEGER NOT NULL,    -- that found it last
    ended     INTEGER,             -- that found it over
    at        INTEGER NOT NULL
);
CREATE UNIQUE INDEX gate_open ON gate(mk, ek) WHERE ended IS NULL;

DROP VIEW v_history;
CREATE VIEW v_history AS
SELECT x.device AS device,
       x.mailbox AS mailbox,
       x.user AS user,
       x.device_id AS device_id,
       r.uuid AS run,
       v.row AS row,
       CASE v.action WHEN 0 THEN 'leave' WHEN 1 THEN 'allow' WHEN 2 THEN 'block'
                     WHEN 3 THEN 'withdraw' END AS action,
       v.reason AS reason,
       v.mail AS mail,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.at / 1000, 'unixepoch') AS decided_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.next_change / 1000, 'unixepoch') AS next_change,
       x.managed_device AS managed_device,
       x.cross_user AS cross_user,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.facts_at / 1000, 'unixepoch') AS facts_at,
       v.inputs AS inputs,
       json_object('join', CASE x.joined WHEN 1 THEN 'sid' WHEN 2 THEN 'immutable_id'
                                         WHEN 3 THEN 'smtp' WHEN 4 THEN 'ambiguous'
                                         ELSE 'none' END,
                   'person', x.person, 'candidates', x.candidates,
                   'managed_device', x.managed_device) AS evidence,
       x.rule AS rule,
       x.run AS run_no,
       x.managed_flags AS managed_flags,
       x.enrolled AS enrolled_ms,
       x.at AS decided_ms,
       x.id AS decision_no,
       x.ended AS ended_run_no,
       c.type AS type,
       c.model AS model,
       c.os AS os,
       c.user_agent AS user_agent,
       x.member_of AS member_of
  FROM decision x
  JOIN verdict v ON v.id = x.verdict
  LEFT JOIN run r ON r.id = x.run
  LEFT JOIN claims c ON c.id = x.claims;

DROP VIEW v_runs;
CREATE VIEW v_runs AS
SELECT r.uuid AS run, r.kind AS kind, r.mode AS mode, r.dry_run AS dry_run, r.trigger AS trigger,
       r.status AS status, r.exit_code AS exit_code,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.finished_at / 1000, 'unixepoch') AS finished_at,
       r.endpoint AS endpoint, r.mailboxes AS mailboxes, r.devices AS devices, r.people AS people,
       r.managed_devices AS managed_devices, r.devices_new AS devices_new,
       r.devices_changed AS devices_changed, r.devices_gone AS devices_gone,
       r.decided AS decided, r.planned AS planned, r.applied AS applied, r.held AS held,
       r.failed AS failed, r.unmatched AS unmatched, r.cpu_ms AS cpu_ms, r.peak_kib AS peak_kib,
       r.step AS step, r.error_status AS error_status, r.error AS error, r.id AS run_no,
       r.started_at AS started_ms,
       r.local_min AS local_min,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.facts_at / 1000, 'unixepoch') AS facts_at,
       (SELECT p.digest FROM policy p WHERE p.id = r.policy) AS policy
  FROM run r;

CREATE VIEW v_policies AS
SELECT p.digest AS policy, p.text AS text,
       (SELECT r.uuid FROM run r WHERE r.policy = p.id ORDER BY r.id LIMIT 1) AS first_run
  FROM policy p;

CREATE VIEW v_gate AS
SELECT g.device AS device, g.mailbox AS mailbox, g.user AS user, g.device_id AS device_id,
       g.word AS word, g.ring AS ring,
       strftime('%Y-%m-%dT%H:%M:%SZ', g.opens_at / 1000, 'unixepoch') AS opens_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', g.at / 1000, 'unixepoch') AS since,
       r.uuid AS run, g.run AS run_no, g.ended AS ended_run_no, g.opens_at AS opens_ms
  FROM gate g
  LEFT JOIN run r ON r.id = g.run;
