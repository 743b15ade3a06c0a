// SPDX-License-Identifier: GPL-2.0-or-later
/* run_files: see run_files.h. */
#include "cli/run_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "monitor/client.h"

int run_files_open(const struct run_args *a, int *ret, struct err *e)
{
    if (!a->cidfile)
        return 0;
    *ret = open(a->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return *ret < 0 ? err_sys(e, "--cidfile %s", a->cidfile) : 0;
}

void run_files_undo(const struct run_args *a, int fd)
{
    if (fd >= 0)
        unlink(a->cidfile);
}

/* A container's first process, a machine's monitor; 0: it has ended already. */
static int write_pid(const struct run_args *a, const char *guest, struct err *e)
{
    OWN(json_t) j = NULL;
    uint64_t pid = 0;
    char text[24];
    int rc = client_inspect(guest, &j, e);
    if (rc < 0 || (rc = json_opt_uint(j, a->vm ? "pid" : "init", 0, 0, INT32_MAX, &pid, e)) < 0)
        return rc;
    int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)pid);
    return file_write_atomic(a->pidfile, text, (size_t)n, 0644, e);
}

int run_files_write(const struct run_args *a, int fd, const char *guest, struct err *e)
{
    int rc = fd < 0 ? 0 : file_write_all(fd, guest, strlen(guest));
    if (rc < 0)
        return err_code(e, rc, "--cidfile %s", a->cidfile);
    return a->pidfile && write_pid(a, guest, e) < 0 ? err_wrap(e, "--pidfile") : 0;
}
