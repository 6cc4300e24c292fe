/*
 * number.h: decimal numbers to and from text, the same in every locale: a script may have called os.setlocale, and a
 * comma would break a datagram or a log.
 */
#ifndef STAT_NUMBER_H
#define STAT_NUMBER_H

#include <stddef.h>

#include "base/slice.h"

/* Values beyond it are refused, so that no sum of samples can become infinite. */
#define NUMBER_MAX 1e100

/* Room for number_format. */
#define NUMBER_STRLEN 32

/*
 * All of `s` as [+-]digits[.digits][e[+-]digits] (digits on one side of the point suffice). Hex, inf, nan, spaces,
 * and what is beyond NUMBER_MAX are refused. Exact to the last bit but one. 0, or -1 with *out untouched.
 */
int number_parse(struct slice s, double *out);

/*
 * Whole numbers as they are; others with six digits, or three decimals when that is more. `size` >= NUMBER_STRLEN.
 * Returns the length.
 */
size_t number_format(double, char *, size_t size);

#endif
