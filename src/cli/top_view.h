// SPDX-License-Identifier: GPL-2.0-or-later
/* top_view: what `hospes top` shows of two rounds of samples. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#define TOP_SORTS "cpu|memory|disk|net|name"

/*
 * Rounds are arrays of client_list_stats. before may be NULL: no rates then. sort: one of TOP_SORTS; the most
 * first, equal ones by name.
 */
void top_table(FILE *f, const json_t *before, const json_t *now, const char *sort);

/* The same for programs: the objects of `now`, each with "rates", which is null without a sample before. New
 * reference. */
json_t *top_json(const json_t *before, const json_t *now, const char *sort);

/* "2 guests, 104% cpu, 310 MiB resident" */
void top_sum(const json_t *before, const json_t *now, char *ret, size_t size);

/* text's lines on a screen of so many columns and rows: cut off, never wrapped. */
void top_fit(FILE *f, const char *text, unsigned cols, unsigned rows);
