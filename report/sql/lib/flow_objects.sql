-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The objects of shown_kind(flow, object_tbl, ...), which the report makes before; nothing where that is empty. Refuses
-- --over where the rows that it needs were not kept.
--	object_name(tbl, object_id, name, dev, parent_id)
--	kept_object(tbl, object_id)   what --object names: one, with its parts
--: refuse
--: if shown_kind
SELECT words || ': --over ' || fmt_ns(:over_ns) || ' needs them; use --over ' || fmt_ns(keep_ns)
       || ' or more, or run ktrace-analyze again without --keep'
FROM rows_from WHERE :over_ns < keep_ns;

--: setup
CREATE TEMP TABLE object_name(tbl TEXT, object_id INTEGER, name TEXT, dev TEXT, parent_id INTEGER,
  PRIMARY KEY(tbl, object_id)) WITHOUT ROWID;
--: setup
--: if shown_kind
INSERT OR IGNORE INTO object_name
SELECT o.tbl, o.object_id, coalesce(o.name, o.dev), o.dev, o.parent_id
FROM (SELECT DISTINCT object_tbl FROM shown_kind) k CROSS JOIN flow_object o WHERE o.tbl = k.object_tbl;

--: setup
CREATE TEMP TABLE kept_object(tbl TEXT, object_id INTEGER, PRIMARY KEY(tbl, object_id)) WITHOUT ROWID;
--: setup
--: if shown_kind
INSERT INTO kept_object
SELECT o.tbl, o.object_id FROM object_name o LEFT JOIN object_name p ON p.tbl = o.tbl AND p.object_id = o.parent_id
WHERE :disk IN (o.name, o.dev, p.name, p.dev);
