-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What the pieces of a line of stages mean. To be used where there is such a line above it.
--: legend
SELECT 'submit kernel and program at work;!complete completing;!endio ending;!return returning;throttle waiting for a limit or a request;'
       || '!alloc waiting for a request;queue in a queue;!plug held back;device device;between between bios, waking;!wakeup waking;'
       || 'runq another task ran;irq interrupt'
WHERE EXISTS (SELECT 1 FROM io_main);
