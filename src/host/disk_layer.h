// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_layer: a guest's own writes over a base that it shares with others (or over nothing: zeros). */
#pragma once

#include "host/disk_back.h"
#include "host/disk_raw.h"

struct disk_layer_config {
    const char *top;       /* the data file, made if missing; the map is TOP.map */
    const char *base_name; /* for errors; NULL: no base */
    uint64_t bytes;        /* of the disk; 0: what the layer has, or a new one over base the base's */
    bool read_only;        /* then the layer must be there */
};

/*
 * *ret owns base afterwards, on success only. Locked for as long as it is open. Errors name the path.
 * -EBUSY   another guest has the layer
 * -EINVAL  smaller than the layer or the base; another base than the layer was made over
 * -EIO     data file or map are lost, cut short or damaged
 */
int disk_layer_open(const struct disk_layer_config *c, struct disk_raw *base, struct disk_back *ret,
                    struct err *e);
