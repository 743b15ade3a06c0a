// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json: files and fields over jansson, with errors that name the file, line or key.
 *
 * What is read may be written by anybody: every getter checks the type. Errors are -EINVAL with the key
 * named.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

OWN_TYPE(json_t, json_decref) /* OWN(json_t) j = NULL; */

/* Once, before anything else: keys are hashed with what the kernel gave the process to be unpredictable by.
 * jansson would read /dev/urandom. */
void json_seed(void);

/* An object from a file of at most 1 MiB. -EINVAL: not JSON (says the line) or not an object; else errno of
 * the file. */
int json_load(const char *path, json_t **ret, struct err *e);
/* The same from memory; what names it in errors. */
int json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e);
/* Replace the file as a whole, indented, mode 0644. */
int json_store(const char *path, const json_t *j, struct err *e);

/* Fields that must be there. Strings are borrowed from o. */
int json_get_string(const json_t *o, const char *key, const char **ret, struct err *e);
int json_get_uint(const json_t *o, const char *key, uint64_t min, uint64_t max, uint64_t *ret, struct err *e);
int json_get_bool(const json_t *o, const char *key, bool *ret, struct err *e);
int json_get_object(const json_t *o, const char *key, json_t **ret, struct err *e); /* borrowed */
int json_get_array(const json_t *o, const char *key, json_t **ret, struct err *e);  /* borrowed */

/* Fields that may be missing or null: *ret is the given default then. */
int json_opt_string(const json_t *o, const char *key, const char *dflt, const char **ret, struct err *e);
int json_opt_uint(const json_t *o, const char *key, uint64_t dflt, uint64_t min, uint64_t max, uint64_t *ret,
                  struct err *e);
int json_opt_bool(const json_t *o, const char *key, bool dflt, bool *ret, struct err *e);
