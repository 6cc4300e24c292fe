/* table.h: -S: a table of what was seen, for people. */
#ifndef TABLE_H
#define TABLE_H

#include <stdio.h>

#include "stat/history.h"

/* Metrics that it can hold. */
enum { TABLE_MOST = 1000 };

void table_print(const struct history *, FILE *);

#endif
