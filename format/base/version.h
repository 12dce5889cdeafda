/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Of the database that ktrace-analyze writes and ktrace-report reads. */
#ifndef KT_BASE_VERSION_H
#define KT_BASE_VERSION_H

/* PRAGMA user_version, meta.schema_version */
#define KT_SCHEMA_VERSION 2

/* PRAGMA application_id, "KTRC": tells ktrace-analyze what it may replace, and file(1) the type. */
#define KT_APPLICATION_ID 0x4b545243

#endif
