/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Queries installed with the program: reports in files, run by name. */
#ifndef KT_REPORT_QUERY_QUERIES_H
#define KT_REPORT_QUERY_QUERIES_H

/* Path of the installed query of that name, malloc'ed; NULL: no such query. */
char *kt_query_path(const char *name);

/* Their names, sorted; *ret_names and each of them malloc'ed. Returns their number. */
int kt_query_names(char ***ret_names);

#endif
