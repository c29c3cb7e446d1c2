-- SPDX-License-Identifier: Apache-2.0
-- What an administrator needs to trust a decision: what stood in a list before we wrote there, what
-- a decision was made from besides the inputs of the table, devices that are spared for a while, and
-- the place where the audit chain was cut off by retention (meta: audit_anchor = "SEQ HASH").

ALTER TABLE ledger ADD COLUMN before INTEGER NOT NULL DEFAULT 0;  -- lists that held it before us
ALTER TABLE ledger ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0; -- lists whose entry we took over

ALTER TABLE decision ADD COLUMN managed_flags INTEGER; -- EASG_MANAGED_* of the record that counts
ALTER TABLE decision ADD COLUMN enrolled INTEGER;      -- of the same
ALTER TABLE decision ADD COLUMN rule TEXT;             -- name of the local rule that fits

-- Devices that had access when enforcement began; see policy.grandfather.
CREATE TABLE grandfathered(
    mk        INTEGER NOT NULL,
    ek        INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY(mk, ek)
) WITHOUT ROWID;

DROP VIEW v_decisions;
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
                   'managed_device', x.managed_device) AS evidence,
       x.rule AS rule,
       EXISTS(SELECT 1 FROM grandfathered g WHERE g.mk = c.mk AND g.ek = c.ek) AS grandfathered
  FROM current c
  JOIN device_idx i ON i.mk = c.mk AND i.ek = c.ek
  JOIN device d ON d.id = i.id
  JOIN decision x ON x.id = c.decision
  JOIN verdict v ON v.id = x.verdict
  LEFT JOIN run r ON r.id = x.run;

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
       x.at AS decided_ms
  FROM decision x
  JOIN verdict v ON v.id = x.verdict
  LEFT JOIN run r ON r.id = x.run;

DROP VIEW v_runs;
CREATE VIEW v_runs AS
SELECT uuid AS run, kind, mode, dry_run, trigger, status, exit_code,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at / 1000, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', finished_at / 1000, 'unixepoch') AS finished_at,
       endpoint, mailboxes, devices, people, managed_devices, devices_new, devices_changed,
       devices_gone, decided, planned, applied, held, failed, unmatched, cpu_ms, peak_kib, step,
       error_status, error, id AS run_no
  FROM run;

DROP VIEW v_ledger;
CREATE VIEW v_ledger AS
SELECT l.mailbox AS mailbox,
       m.upn AS user,
       l.device_id AS device_id,
       CASE l.lists WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' ELSE 'both' END AS list,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.written_at / 1000, 'unixepoch') AS written_at,
       r.uuid AS run,
       l.row AS row,
       l.reason AS reason,
       CASE l.before WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both'
                     ELSE 'none' END AS before,
       CASE l.adopted WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both'
                      ELSE 'none' END AS adopted
  FROM ledger l
  LEFT JOIN mailbox_idx mi ON mi.k = l.mk
  LEFT JOIN mailbox m ON m.id = mi.id
  LEFT JOIN run r ON r.id = l.run;

-- Managed devices by operating system, and how many of them Exchange could know by their EAS id.
CREATE VIEW v_platforms AS
SELECT ifnull(g.os, '') AS os,
       count(*) AS managed_devices,
       count(gi.ek) AS with_eas_id,
       sum(p.flags IS NOT NULL AND p.flags & 7 = 3) AS targeted,
       sum(p.flags IS NOT NULL AND p.flags & 7 = 3 AND gi.ek IS NOT NULL) AS targeted_with_eas_id
  FROM managed_idx gi
  JOIN managed g ON g.id = gi.id
  LEFT JOIN person_idx pi ON pi.k = g.uk
  LEFT JOIN person p ON p.id = pi.id
 WHERE g.management <> 0
 GROUP BY 1;

-- Entries of the personal lists, whoever wrote them.
CREATE VIEW v_lists AS
SELECT m.mailbox_id AS mailbox,
       m.upn AS user,
       x.device_id AS device_id,
       CASE x.lists WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' ELSE 'both' END AS listed,
       CASE l.lists & x.lists WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' WHEN 3 THEN 'both'
                              ELSE 'none' END AS ours
  FROM listed x
  JOIN mailbox m ON m.id = x.mailbox
  JOIN mailbox_idx mi ON mi.id = m.id
  LEFT JOIN ledger l ON l.mk = mi.k AND l.ek = x.ek;
