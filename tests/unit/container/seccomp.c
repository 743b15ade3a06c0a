// SPDX-License-Identifier: GPL-2.0-or-later
/* Profiles are compiled right, kept, and what is kept is believed only if it is the same profile. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "container/seccomp.h"

#define PROFILE                                                                                              \
    "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"getppid\", \"nosuch\"], "         \
    "\"action\":"                                                                                            \
    " \"SCMP_ACT_ERRNO\", \"errnoRet\": 42}]}"

static int compile(const char *text, struct seccomp_filter *f, struct err *e)
{
    return seccomp_compile(text, strlen(text), f, e);
}

static void a_filter_does_what_its_profile_says(void **s)
{
    (void)s;
    struct seccomp_filter f = {0};
    int listener, status;
    assert_int_equal(compile(PROFILE, &f, NULL), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (seccomp_enter(&f, &listener, NULL) < 0)
            _exit(1);
        _exit(syscall(SYS_getppid) == -1 && errno == 42 && getpid() > 0 ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    seccomp_filter_fini(&f);
}

static void refused(const char *text, const char *why)
{
    struct seccomp_filter f = {0};
    struct err e = {0};
    assert_int_equal(compile(text, &f, &e), -EINVAL);
    assert_string_equal(e.text, why);
    seccomp_filter_fini(&f);
}

static void errors_name_the_field(void **s)
{
    (void)s;
    refused("{}", "config.json: linux.seccomp: defaultAction: is missing");
    refused("{\"defaultAction\": \"SCMP_ACT_X\"}",
            "config.json: linux.seccomp: defaultAction: \"SCMP_ACT_X\" is no seccomp action");
    refused("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"kill\"], \"action\": "
            "\"SCMP_ACT_LOG\", "
            "\"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}",
            "config.json: linux.seccomp: syscalls[0].args[0].index: 6 is not from 0 to 5");
    refused("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"kill\"], \"action\": "
            "\"SCMP_ACT_NOTIFY\"}]}",
            "config.json: linux.seccomp: listenerPath: is missing, but there is a SCMP_ACT_NOTIFY");
    refused("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"X\"]}",
            "config.json: linux.seccomp: flags[0]: \"X\" is no seccomp flag");
}

static char folder[64];

static char *kept_file(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/.seccomp", folder);
    DIR *d = opendir(path);
    char *found = NULL;
    for (const struct dirent *e; d && !found && (e = readdir(d));)
        if (e->d_name[0] != '.')
            found = path_make("%s/%s", path, e->d_name);
    if (d)
        closedir(d);
    return found;
}

static void a_kept_filter_is_found_again(void **s)
{
    (void)s;
    struct config c = {.seccomp = (char *)PROFILE, .seccomp_len = strlen(PROFILE)};
    struct seccomp_filter first, second;
    assert_int_equal(seccomp_prepare(&c, folder, &first, NULL), 0);
    OWN_MEM char *file = kept_file();
    assert_non_null(file);
    assert_int_equal(seccomp_prepare(&c, folder, &second, NULL), 0);
    assert_int_equal(first.nr, second.nr);
    assert_memory_equal(first.insn, second.insn, first.nr * sizeof(*first.insn));
    seccomp_filter_fini(&first);
    seccomp_filter_fini(&second);
}

/* One changed byte anywhere but in the instructions makes the file worthless; a short one too. */
static void a_damaged_one_is_not_believed(void **s)
{
    (void)s;
    struct config c = {.seccomp = (char *)PROFILE, .seccomp_len = strlen(PROFILE)};
    struct seccomp_filter f;
    assert_int_equal(seccomp_prepare(&c, folder, &f, NULL), 0);
    OWN_MEM char *file = kept_file();
    unsigned nr = f.nr;
    seccomp_filter_fini(&f);
    for (off_t size = 0; size < 400; size += 37) {
        assert_int_equal(truncate(file, size), 0);
        assert_int_equal(seccomp_prepare(&c, folder, &f, NULL), 0);
        assert_int_equal(f.nr, nr);
        seccomp_filter_fini(&f);
    }
    OWN_FD fd = open(file, O_WRONLY);
    assert_int_equal(pwrite(fd, "X", 1, 200), 1); /* inside the kept profile text */
    assert_int_equal(seccomp_prepare(&c, folder, &f, NULL), 0);
    assert_int_equal(f.nr, nr);
    seccomp_filter_fini(&f);
}

static int make_folder(void **s)
{
    (void)s;
    strcpy(folder, "/tmp/hospes-seccomp-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **s)
{
    (void)s;
    return dir_remove(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_does_what_its_profile_says),
        cmocka_unit_test(errors_name_the_field),
        cmocka_unit_test(a_kept_filter_is_found_again),
        cmocka_unit_test(a_damaged_one_is_not_believed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
