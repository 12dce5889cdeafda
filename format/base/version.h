/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Version of the database that ktrace-analyze writes and ktrace-report reads: PRAGMA user_version, meta.schema_version. */
#ifndef KT_BASE_VERSION_H
#define KT_BASE_VERSION_H

#define KT_SCHEMA_VERSION 1

#endif
