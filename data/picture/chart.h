/* chart.h - a line chart as SVG, and drawn as PNG: curves of a run, without a plotting program. */
#ifndef SAGAN_DATA_PICTURE_CHART_H
#define SAGAN_DATA_PICTURE_CHART_H

#include "data/picture/png.h"
#include "data/picture/svg.h"

typedef struct chart_series {
	const char *name;                            /* for the legend */
	const double *x, *y;                         /* [n]; x ascending; points with y not finite are gaps */
	int64_t n;
} chart_series;

typedef struct chart {
	const char *title, *about;                   /* about: whose curves these are, small below; NULL: none */
	const char *x_name, *y_name;                 /* of the axes; NULL: none */
	int w, h;                                    /* pixels; 0: 900 x 500 */
	bool log_y;                                  /* only positive values are shown */
	const chart_series *series;                  /* borrow; [count], at most SVG_CURVES */
	int count;
} chart;

/* What stands at value v of an axis with a mark every `step`: 20k, 3M, 4e13; rounded to the step, so that
 * 0.30000000000000004 is 0.3. Returns buf. */
char *chart_tick(double v, double step, char *buf, size_t size);

/* A drawing of class "chart" on no background. With more points than columns, the mean per column over a pale band from
 * least to most. On success release `out` with svg_free. */
bool chart_svg(svg *out, const chart *c, fault *e);
/* The same on white. */
bool chart_draw(image *out, const chart *c, fault *e);
bool chart_write(const char *path, const chart *c, const png_notes *notes, fault *e);       /* notes NULL: none */

#endif
