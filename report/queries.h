/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Queries that are installed beside the program: reports in files, asked for by name. */
#ifndef KT_REPORT_QUERIES_H
#define KT_REPORT_QUERIES_H

/* malloc'ed: the file of the installed query of that name; NULL: there is none. */
char *kt_query_path(const char *name);

/* Their names, sorted; *ret_names and each of them malloc'ed. 0 where there are none. */
int kt_query_names(char ***ret_names);

#endif
