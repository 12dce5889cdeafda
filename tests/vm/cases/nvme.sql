-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What QEMU's disk says its model is.
SELECT 'nvme0n1 is a ' || coalesce(model, 'disk without a model') FROM device
  WHERE name = 'nvme0n1' AND model IS NOT 'QEMU NVMe Ctrl';
SELECT 'nvme0n1 has no row' WHERE NOT EXISTS (SELECT 1 FROM device WHERE name = 'nvme0n1');
