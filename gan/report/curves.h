/* curves.h - the curves of a run: which columns of its CSV files belong together, and charts of them. */
#ifndef SAGAN_GAN_REPORT_CURVES_H
#define SAGAN_GAN_REPORT_CURVES_H

#include "data/picture/chart.h"
#include "gan/report/csv.h"
#include "gan/sample/frame.h"

enum { CURVES_MAX = 4 };

/* Columns of one file in one chart, over its column step. "*" and the end of a name is every column that ends so. */
typedef struct curves {
	const char *id;                              /* its picture is ID.png */
	const char *short_name;                      /* "loss curve", in lines that say where its picture is; NULL: it
	                                              * has none, only the page of the run shows it */
	const char *file, *title, *y_name;
	bool log_y;
	struct {
		const char *column, *name;
	} curve[CURVES_MAX + 1];                     /* ended by NULL */
} curves;
/* All that a run has, ended by an id of NULL; a run without the file has not that chart. */
extern const curves curves_of_run[];
const curves *curves_find(const char *id);           /* must be there */

/* The chart as PNG, of the file in the folder of a run. False with e set: no such file or column, or as png_write. */
bool curves_picture(const curves *k, const char *run, const char *path, const picture_about *about, fault *e);
/* The same as SVG; release with svg_free. */
bool curves_svg(const curves *k, const char *run, const picture_about *about, svg *out, fault *e);

#endif
