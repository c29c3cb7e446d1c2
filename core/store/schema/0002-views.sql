-- SPDX-License-Identifier: Apache-2.0
-- The documented interface, easgate-state(5): columns are added at the end, never changed.

CREATE VIEW v_devices AS
SELECT d.key AS key,
       m.mailbox_id AS mailbox,
       m.upn AS user,
       m.primary_smtp AS smtp,
       m.display_name AS display_name,
       d.device_id AS device_id,
       d.type AS type,
       d.model AS model,
       d.os AS os,
       d.friendly_name AS friendly_name,
       d.user_agent AS user_agent,
       CASE d.access WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'quarantined'
                     WHEN 4 THEN 'discovery' ELSE 'unknown' END AS access,
       d.access_reason AS access_reason,
       CASE (SELECT lists FROM listed WHERE mailbox = mi.id AND ek = i.ek)
            WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both' ELSE 'none' END AS listed,
       CASE l.lists WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both'
                    ELSE 'none' END AS ours,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.first_sync / 1000, 'unixepoch') AS first_sync,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.last_sync / 1000, 'unixepoch') AS last_sync,
       CASE v.action WHEN 0 THEN 'leave' WHEN 1 THEN 'allow' WHEN 2 THEN 'block'
                     WHEN 3 THEN 'withdraw' END AS verdict,
       v.reason AS reason,
       v.row AS row,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.at / 1000, 'unixepoch') AS decided_at,
       x.managed_device AS managed_device,
       CASE g.compliance WHEN 0 THEN 'unknown' WHEN 1 THEN 'compliant' WHEN 2 THEN 'grace'
                         WHEN 3 THEN 'noncompliant' WHEN 4 THEN 'conflict' WHEN 5 THEN 'error'
                         WHEN 6 THEN 'external' END AS compliance,
       strftime('%Y-%m-%dT%H:%M:%SZ', x.next_change / 1000, 'unixepoch') AS next_change,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.seen_at / 1000, 'unixepoch') AS seen_at
  FROM device_idx i
  JOIN device d ON d.id = i.id
  LEFT JOIN mailbox_idx mi ON mi.k = i.mk
  LEFT JOIN mailbox m ON m.id = mi.id
  LEFT JOIN ledger l ON l.mk = i.mk AND l.ek = i.ek
  LEFT JOIN current c ON c.mk = i.mk AND c.ek = i.ek
  LEFT JOIN decision x ON x.id = c.decision
  LEFT JOIN verdict v ON v.id = x.verdict
  LEFT JOIN managed_idx gi ON gi.k = x.mdk
  LEFT JOIN managed g ON g.id = gi.id;

CREATE VIEW v_decisions AS
SELECT d.key AS device,
       x.mailbox AS mailbox,
       x.user AS user,
       d.device_id AS device_id,
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
                   'managed_device', x.managed_device) AS evidence
  FROM current c
  JOIN device_idx i ON i.mk = c.mk AND i.ek = c.ek
  JOIN device d ON d.id = i.id
  JOIN decision x ON x.id = c.decision
  JOIN verdict v ON v.id = x.verdict
  LEFT JOIN run r ON r.id = x.run;

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
                   'managed_device', x.managed_device) AS evidence
  FROM decision x
  JOIN verdict v ON v.id = x.verdict
  LEFT JOIN run r ON r.id = x.run;

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
       a.error AS error
  FROM action a
  LEFT JOIN run r ON r.id = a.run;

CREATE VIEW v_runs AS
SELECT uuid AS run, kind, mode, dry_run, trigger, status, exit_code,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', finished_at / 1000, 'unixepoch') AS finished_at,
       endpoint, mailboxes, devices, people, managed_devices, devices_new, devices_changed,
       devices_gone, decided, planned, applied, held, failed, unmatched, cpu_ms, peak_kib, step,
       error_status, error
  FROM run;

CREATE VIEW v_endpoints AS
SELECT id, url, priority,
       CASE WHEN failures > 0 THEN 'down' WHEN last_ok IS NOT NULL THEN 'up'
            ELSE 'unknown' END AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_ok / 1000, 'unixepoch') AS last_ok,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_failed / 1000, 'unixepoch') AS last_failed,
       failures, last_error
  FROM endpoint;

CREATE VIEW v_mail AS
SELECT o.id AS id, r.uuid AS run, o.user AS user, o.smtp AS smtp, o.device_id AS device_id,
       o.reason AS reason, o.state AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.sent_at / 1000, 'unixepoch') AS sent_at,
       o.attempts AS attempts, o.error AS error
  FROM outbox o
  LEFT JOIN run r ON r.id = o.run;

CREATE VIEW v_audit AS
SELECT seq, at, run, event, subject, detail, hash FROM audit;

CREATE VIEW v_org AS
SELECT name, value FROM org
UNION ALL
SELECT 'schema', CAST(user_version AS TEXT) FROM pragma_user_version;

CREATE VIEW v_unmatched AS
SELECT DISTINCT m.mailbox_id AS mailbox, m.upn AS user, m.primary_smtp AS smtp,
       CASE x.joined WHEN 4 THEN 'its keys belong to more than one person'
                     ELSE 'no person by sid, immutable id or address' END AS why
  FROM current c
  JOIN decision x ON x.id = c.decision
  JOIN mailbox_idx mi ON mi.k = c.mk
  JOIN mailbox m ON m.id = mi.id
 WHERE x.joined IN (0, 4)
UNION ALL
SELECT d.owner, NULL, NULL, 'a device names this mailbox, but it was not listed'
  FROM device_idx i
  JOIN device d ON d.id = i.id
 WHERE i.mk IS NULL
 GROUP BY d.rk;

CREATE VIEW v_ledger AS
SELECT l.mailbox AS mailbox,
       m.upn AS user,
       l.device_id AS device_id,
       CASE l.lists WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' ELSE 'both' END AS list,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.written_at / 1000, 'unixepoch') AS written_at,
       r.uuid AS run,
       l.row AS row,
       l.reason AS reason
  FROM ledger l
  LEFT JOIN mailbox_idx mi ON mi.k = l.mk
  LEFT JOIN mailbox m ON m.id = mi.id
  LEFT JOIN run r ON r.id = l.run;
