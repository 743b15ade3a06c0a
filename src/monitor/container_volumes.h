// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_volumes: folders that an image wants for data. They are part of what the container writes, so
 * they stay until it is removed; what sets them apart is that they can be written to where the root cannot.
 */
#pragma once

#include "base/err.h"

/*
 * Make those that are missing in the container's root (a descriptor). *ret: a malloc'd NULL-ended list of
 * those that can be written to, borrowed from volumes: a link that the image has there stands for no folder
 * of its own.
 */
int container_volumes_make(int root, const char *const *volumes, const char ***ret, struct err *e);
