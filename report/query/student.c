/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/query/student.h"

#include <math.h>

/* The continued fraction of the incomplete beta function, by Lentz (Press et al., Numerical Recipes, 6.4). */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (int m = 1; m <= 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 + even * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + even / c;
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + odd / c;
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-12)
			break;
	}
	return h;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_share(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double kt_t_two_sided(double t, double df)
{
	return beta_share(df / 2, 0.5, df / (df + t * t));
}

double kt_t_within(double df, double sure)
{
	double low = 0, high = 700; /* of 1 degree of freedom, at 99.9 % */

	for (int i = 0; i < 60; i++) {
		double mid = (low + high) / 2;

		if (kt_t_two_sided(mid, df) > 1 - sure)
			low = mid;
		else
			high = mid;
	}
	return high;
}
