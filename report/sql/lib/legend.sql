-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The legend of a line of stages; use it below one.
--: legend
SELECT 'submit kernel and program running;!complete completing;!endio ending;!return returning;throttle waiting for a '
       || 'limit or a request;'
       || '!alloc waiting for a request;queue in a queue;!plug plugged;!flush another flush;worker waiting for a '
         || 'kernel worker;device device;between between bios, waking up;!wakeup waking up;'
       || 'runq another task running;irq interrupt'
WHERE EXISTS (SELECT 1 FROM io_main);
