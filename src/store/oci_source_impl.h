// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_source_impl: what the readers of the layouts share. */
#pragma once

#include "store/oci_manifest.h"
#include "store/oci_source.h"

/* A regular file of it; links in it lead nowhere else. Descriptor or -errno. */
int oci_file_open(const struct oci_source *s, const char *path);
/* A document of it: text and JSON. *ret_text may be NULL. */
int oci_file_read(const struct oci_source *s, const char *path, char **ret_text, size_t *ret_len,
                  json_t **ret, struct err *e);

/* Docker's archive; list: its manifest.json. */
int oci_docker_take(const struct oci_source *s, const json_t *list, struct progress *p, struct digest *ret,
                    char **ret_ref, struct err *e);
