/* page.h - a program (program.h) as one page of HTML. */
#ifndef SAGAN_GAN_WEB_PAGE_H
#define SAGAN_GAN_WEB_PAGE_H

#include "gan/web/program.h"

/* Writes the page, whole or not at all; folders are made when missing. *bytes: its size. title: any text. */
bool page_write(const char *path, const web_program *p, const char *title, size_t *bytes, fault *e);

#endif
