-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Each statement returns what is wrong.
SELECT 'no request carries preflush or fua' WHERE NOT EXISTS
  (SELECT 1 FROM request WHERE flags LIKE '%preflush%' OR flags LIKE '%fua%');
SELECT 'no bio of a page-cache page names an inode' WHERE NOT EXISTS
  (SELECT 1 FROM bio WHERE ino IS NOT NULL);
