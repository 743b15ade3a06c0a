// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_restore: a container goes back to what an image holds. Its changes go, and the image becomes the
 * one that it is made of: what it shall be stands in a file of its folder until all of that is done, so that
 * whoever comes next finishes what was begun.
 */
#pragma once

#include "monitor/guest_dir.h"

/* The lock is held. Nothing was begun: success. */
int container_restore_finish(const struct guest_dir *d, struct err *e);
