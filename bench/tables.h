/* tables.h - the tables, and the same figures as CSV. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <stdio.h>

#include "rows.h"

void showRow(const Row *row);
void showFootprint(void);
void writeCsv(FILE *csv);

#endif
