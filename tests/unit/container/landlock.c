// SPDX-License-Identifier: GPL-2.0-or-later
#include "container/landlock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static int opens(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* In a root of its own with a folder of the old one still open: 0 if that is of no use. */
static int confined(const char *root)
{
    int outside = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (outside < 0 || chdir(root) < 0 || chroot(".") < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return 2;
    if (!opens(outside, "passwd") || landlock_confine(true, NULL) < 0)
        return 3;
    if (opens(outside, "passwd") || fchdir(outside) < 0 || opens(AT_FDCWD, "passwd"))
        return 4;
    return opens(AT_FDCWD, "/inside") && rename("/inside", "/below/inside") == 0 ? 0 : 5;
}

static void what_lies_outside_is_out_of_reach(void **state)
{
    (void)state;
    char root[] = "/tmp/hospes-landlock-XXXXXX", path[80];
    int status = 0;
    if (geteuid() != 0 || syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) < 1)
        skip();
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof(path), "%s/below", root);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/inside", root);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    pid_t pid = fork();
    if (pid == 0)
        _exit(confined(root));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    snprintf(path, sizeof(path), "%s/below/inside", root);
    unlink(path);
    snprintf(path, sizeof(path), "%s/below", root);
    rmdir(path);
    rmdir(root);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_lies_outside_is_out_of_reach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
