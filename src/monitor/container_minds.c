// SPDX-License-Identifier: GPL-2.0-or-later
/* container_minds: see container_minds.h. Source: proc(5), "/proc/pid/status" and "/proc/pid/syscall". */
#include "monitor/container_minds.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/own.h"

/* While a process is in sigwait(3) what it waits for does not show as blocked. */
static bool waits_for_signals(pid_t pid)
{
    char path[32];
    OWN_MEM char *text = NULL;
    snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
    return file_read(path, 256, &text, NULL, NULL) == 0 && strtol(text, NULL, 10) == SYS_rt_sigtimedwait;
}

bool container_minds(pid_t pid, int number)
{
    char path[32];
    OWN_MEM char *text = NULL;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (file_read(path, 65536, &text, NULL, NULL) < 0)
        return true;
    static const char *const keys[] = {"SigBlk:", "SigCgt:"};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(text, keys[i]);
        if (at && strtoull(at + strlen(keys[i]), NULL, 16) >> (number - 1) & 1)
            return true;
    }
    return waits_for_signals(pid);
}
