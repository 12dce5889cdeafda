/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Student's t distribution with df > 0 degrees of freedom. */
#ifndef KT_REPORT_QUERY_STUDENT_H
#define KT_REPORT_QUERY_STUDENT_H

/* Two-sided p-value: the probability of a |t| at least this large. */
double kt_t_two_sided(double t, double df);

/* Two-sided critical value: |t| stays below it with probability `sure`. */
double kt_t_within(double df, double sure);

#endif
