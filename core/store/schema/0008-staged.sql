-- SPDX-License-Identifier: Apache-2.0
-- Staged rows of the index tables are packed, a thousand to a row: they are only ever written in the
-- order of a listing and read back whole, so a table of thin rows cost as much as the bodies.
-- pack_words() is there while migrations run.

-- kind: 0 device, 1 mailbox, 2 person, 3 managed, 4 join key of a person. See listing.h.
CREATE TABLE staged(
    id   INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    rows BLOB NOT NULL
);
-- Body rows above this one belong to the listing that is being taken in.
CREATE TABLE staged_after(
    kind INTEGER PRIMARY KEY,
    id   INTEGER NOT NULL
);
INSERT INTO staged(kind, rows)
SELECT 0, pack_words(k, id, hash, ifnull(old, 0), ek, rk) FROM staged_device ORDER BY id;
INSERT INTO staged(kind, rows)
SELECT 1, pack_words(k, id, hash, ifnull(old, 0), ifnull(rk, 0)) FROM staged_mailbox ORDER BY id;
INSERT INTO staged(kind, rows)
SELECT 2, pack_words(k, id, hash, ifnull(old, 0)) FROM staged_person ORDER BY id;
INSERT INTO staged(kind, rows)
SELECT 3, pack_words(k, id, hash, ifnull(old, 0), ifnull(ek, 0)) FROM staged_managed ORDER BY id;
INSERT INTO staged(kind, rows) SELECT 4, pack_words(kd, id, pk) FROM staged_key;
INSERT INTO staged_after(kind, id) SELECT 0, min(id) - 1 FROM staged_device HAVING count(*) > 0;
INSERT INTO staged_after(kind, id) SELECT 1, min(id) - 1 FROM staged_mailbox HAVING count(*) > 0;
INSERT INTO staged_after(kind, id) SELECT 2, min(id) - 1 FROM staged_person HAVING count(*) > 0;
INSERT INTO staged_after(kind, id) SELECT 3, min(id) - 1 FROM staged_managed HAVING count(*) > 0;
DROP TABLE staged_device;
DROP TABLE staged_mailbox;
DROP TABLE staged_person;
DROP TABLE staged_managed;
DROP TABLE staged_key;

-- Rows that nothing points to, by ranges.
ALTER TABLE garbage RENAME TO garbage_ids;
CREATE TABLE garbage(kind INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);
INSERT INTO garbage(kind, low, high) SELECT kind, id, id FROM garbage_ids;
DROP TABLE garbage_ids;

-- Without the number of the body row a change of the device leaves the index alone.
DROP INDEX IF EXISTS device_mb;
CREATE INDEX device_mb ON device_idx(mk, ek);
