-- SPDX-License-Identifier: Apache-2.0
-- Mail that arrives once: which device a mail is about, what its last attempt was, and blocks that
-- wait for the time that was named in one.

ALTER TABLE outbox ADD COLUMN mk INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN ek INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN template TEXT;
ALTER TABLE outbox ADD COLUMN attempt_at INTEGER; -- of the last sending, or of the last search
ALTER TABLE outbox ADD COLUMN misses INTEGER NOT NULL DEFAULT 0; -- searches that found nothing
ALTER TABLE outbox ADD COLUMN deadline INTEGER;
ALTER TABLE action ADD COLUMN wait_until INTEGER; -- NULL: it may go
CREATE INDEX outbox_device ON outbox(mk, ek);
CREATE INDEX outbox_action ON outbox(action);
CREATE INDEX outbox_open ON outbox(id) WHERE state IN ('queued', 'sending', 'uncertain');

DROP VIEW v_mail;
CREATE VIEW v_mail AS
SELECT o.id AS id, r.uuid AS run, o.user AS user, o.smtp AS smtp, o.device_id AS device_id,
       o.reason AS reason, o.state AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.sent_at / 1000, 'unixepoch') AS sent_at,
       o.attempts AS attempts, o.error AS error,
       o.template AS template,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.deadline / 1000, 'unixepoch') AS deadline
  FROM outbox o
  LEFT JOIN run r ON r.id = o.run;

DROP VIEW v_actions;
CREATE VIEW v_actions AS
SELECT a.id AS id,
       r.uuid AS run,
       a.device AS device,
       a.mailbox AS mailbox,
       a.user AS user,
       a.device_id AS device_id,
       CASE a.verb WHEN 1 THEN 'allow' WHEN 2 THEN 'block' ELSE 'withdraw' END AS verb,
       a.row AS row,
       a.reason AS reason,
       CASE a.state WHEN 0 THEN 'planned' WHEN 1 THEN 'held' WHEN 2 THEN 'approved'
                    WHEN 3 THEN 'started' WHEN 4 THEN 'done' WHEN 5 THEN 'failed'
                    ELSE 'superseded' END AS state,
       CASE a.access_before WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'quarantined'
                            WHEN 4 THEN 'discovery' ELSE 'unknown' END AS access_before,
       CASE a.listed_before WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both'
                            ELSE 'none' END AS listed_before,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.finished_at / 1000, 'unixepoch') AS finished_at,
       a.error AS error,
       CASE WHEN a.state IN (0, 2) THEN
            strftime('%Y-%m-%dT%H:%M:%SZ', a.wait_until / 1000, 'unixepoch') END AS waits_until
  FROM action a
  LEFT JOIN run r ON r.id = a.run;
