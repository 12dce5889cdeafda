-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The legend of a line of stages; use it below one.
--: legend
SELECT 'work/s kernel and program running;!work/c completing;!work/e ending;!work/r returning;wait/t waiting for a '
       || 'limit or a request;'
       || '!wait/a waiting for a request;queue in a queue;!queue/p plugged;!queue/f another flush;behind waiting for a '
         || 'kernel worker;device device;wake/b between bios, waking up;!wake waking up;'
       || 'runq another task running;irq interrupt'
WHERE EXISTS (SELECT 1 FROM io_main);
