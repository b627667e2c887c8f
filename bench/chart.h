/* chart.h - the picture. */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H

#include <stdio.h>

/* Of the rows that were measured. */
void drawChart(FILE *svg);

#endif
