/* font.h - a bitmap font of our own: letters, digits and signs, 5 pixels wide, 7 high and 2 below. */
#ifndef SAGAN_DATA_PICTURE_FONT_H
#define SAGAN_DATA_PICTURE_FONT_H

#include <stdbool.h>

enum { GLYPH_W = 5, GLYPH_H = 9, GLYPH_STEP = 6 };

/* Whether pixel (y, x) of a character is set; unknown characters are hollow boxes. */
bool glyph_pixel(char c, int y, int x);

#endif
