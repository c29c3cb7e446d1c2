-- SPDX-License-Identifier: Apache-2.0
-- The language that people read, and digests to the help desk: a row of the outbox for each address
-- and period, with the template "digest".

ALTER TABLE person ADD COLUMN language TEXT; -- "de-AT"; NULL: not known
ALTER TABLE outbox ADD COLUMN ended_at INTEGER; -- when it was sent, or given up
ALTER TABLE outbox ADD COLUMN period_from INTEGER; -- of a digest: after this ...
ALTER TABLE outbox ADD COLUMN period_to INTEGER;   -- ... and up to this
CREATE INDEX outbox_digest ON outbox(period_to) WHERE period_to IS NOT NULL;
CREATE INDEX outbox_ended ON outbox(ended_at) WHERE ended_at IS NOT NULL;
UPDATE outbox SET ended_at = coalesce(sent_at, attempt_at, created_at)
 WHERE state NOT IN ('queued', 'sending', 'uncertain');

DROP VIEW v_mail;
CREATE VIEW v_mail AS
SELECT o.id AS id, r.uuid AS run, o.user AS user, o.smtp AS smtp, o.device_id AS device_id,
       o.reason AS reason, o.state AS state,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.sent_at / 1000, 'unixepoch') AS sent_at,
       o.attempts AS attempts, o.error AS error,
       o.template AS template,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.deadline / 1000, 'unixepoch') AS deadline,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.ended_at / 1000, 'unixepoch') AS ended_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.period_from / 1000, 'unixepoch') AS period_from,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.period_to / 1000, 'unixepoch') AS period_to
  FROM outbox o
  LEFT JOIN run r ON r.id = o.run;
