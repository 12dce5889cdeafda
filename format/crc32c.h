/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* CRC-32C (Castagnoli), as in iSCSI and ext4: reflected, initial value and final xor all ones. */
#ifndef KT_FORMAT_CRC32C_H
#define KT_FORMAT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0, or the result for the preceding bytes. */
uint32_t kt_crc32c(uint32_t crc, const void *data, size_t len);

/* The portable version, for tests. */
uint32_t kt_crc32c_table(uint32_t crc, const void *data, size_t len);

#endif
