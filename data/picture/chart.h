/* chart.h - a plain line chart as PNG: curves of a run, without a plotting program. */
#ifndef SAGAN_DATA_PICTURE_CHART_H
#define SAGAN_DATA_PICTURE_CHART_H

#include "data/picture/image.h"

typedef struct chart_series {
	const char *name;                            /* for the legend */
	const double *x, *y;                         /* [n]; x ascending; points with y not finite are gaps */
	int64_t n;
} chart_series;

typedef struct chart {
	const char *title, *x_name;                  /* NULL: none */
	int w, h;                                    /* pixels; 0: 900 x 500 */
	bool log_y;                                  /* only positive values are shown */
	const chart_series *series;                  /* borrow; [count], at most 8 */
	int count;
} chart;

/* Draws: with more points than columns, the mean per column over a pale band from least to most. */
bool chart_draw(image *out, const chart *c, fault *e);
bool chart_write(const char *path, const chart *c, fault *e);

#endif
