// SPDX-License-Identifier: GPL-2.0-or-later
/* table: lists for people: columns as wide as their widest cell, two spaces between. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/own.h"

#define TABLE_COLUMNS 16

struct table {
    const char *const *heads; /* column names, NULL at the end; borrowed */
    unsigned columns;
    char **cells; /* row by row */
    unsigned nr;  /* cells */
};

void table_init(struct table *t, const char *const *heads);
void table_fini(struct table *t);
/* A row: as many strings as there are columns; they are copied, control characters become '?'. */
void table_add(struct table *t, const char *const *cells);
void table_print(const struct table *t, FILE *f);
#define OWN_TABLE __attribute__((cleanup(table_fini))) struct table

/* "512 MiB", "1.5 GiB" */
const char *table_bytes(uint64_t bytes, char *buf, size_t size);
/* "12 s", "3 min", "5 h", "9 days" */
const char *table_span(int64_t seconds, char *buf, size_t size);
