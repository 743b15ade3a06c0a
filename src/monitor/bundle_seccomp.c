// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bundle_seccomp: see bundle_seccomp.h.
 *
 * A list of what is allowed. A call that is not on it, because it is newer than this list, answers ENOSYS, so
 * that programs take another way; one that is known and dangerous answers EPERM. Left out on purpose:
 * keyrings (not namespaced), io_uring and userfaultfd (a history of escapes), what makes namespaces and
 * mounts (kernel surface), and what needs a capability that the container does not have.
 *
 * clone3 passes its flags in memory, where a filter cannot look: it answers ENOSYS, and the C library calls
 * clone.
 */
#include "monitor/bundle_seccomp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "container/config.h"

#define NEW_NAMESPACES "2114060288" /* CLONE_NEW*: 0x7e020000 */

static const char allowed[] =
    "\"_llseek\", \"_newselect\", \"accept\", \"accept4\", \"access\", \"adjtimex\", \"alarm\", "
    "\"arch_prctl\", \"bind\", \"brk\", \"cachestat\", \"capget\", \"capset\", \"chdir\", "
    "\"chmod\", \"chown\", \"chown32\", \"clock_adjtime\", \"clock_adjtime64\", "
    "\"clock_getres\", \"clock_getres_time64\", \"clock_gettime\", \"clock_gettime64\", "
    "\"clock_nanosleep\", \"clock_nanosleep_time64\", \"close\", \"close_range\", \"connect\", "
    "\"copy_file_range\", \"creat\", \"dup\", \"dup2\", \"dup3\", \"epoll_create\", "
    "\"epoll_create1\", \"epoll_ctl\", \"epoll_pwait\", \"epoll_pwait2\", \"epoll_wait\", "
    "\"eventfd\", \"eventfd2\", \"execve\", \"execveat\", \"exit\", \"exit_group\", "
    "\"faccessat\", \"faccessat2\", \"fadvise64\", \"fadvise64_64\", \"fallocate\", "
    "\"fanotify_mark\", \"fchdir\", \"fchmod\", \"fchmodat\", \"fchmodat2\", \"fchown\", "
    "\"fchown32\", \"fchownat\", \"fcntl\", \"fcntl64\", \"fdatasync\", \"fgetxattr\", "
    "\"file_getattr\", \"file_setattr\", \"flistxattr\", \"flock\", \"fork\", \"fremovexattr\", "
    "\"fsetxattr\", \"fstat\", \"fstat64\", \"fstatat64\", \"fstatfs\", \"fstatfs64\", "
    "\"fsync\", \"ftruncate\", \"ftruncate64\", \"futex\", \"futex_requeue\", \"futex_time64\", "
    "\"futex_wait\", \"futex_waitv\", \"futex_wake\", \"futimesat\", \"get_robust_list\", "
    "\"get_thread_area\", \"getcpu\", \"getcwd\", \"getdents\", \"getdents64\", \"getegid\", "
    "\"getegid32\", \"geteuid\", \"geteuid32\", \"getgid\", \"getgid32\", \"getgroups\", "
    "\"getgroups32\", \"getitimer\", \"getpeername\", \"getpgid\", \"getpgrp\", \"getpid\", "
    "\"getppid\", \"getpriority\", \"getrandom\", \"getresgid\", \"getresgid32\", \"getresuid\", "
    "\"getresuid32\", \"getrlimit\", \"getrusage\", \"getsid\", \"getsockname\", \"getsockopt\", "
    "\"gettid\", \"gettimeofday\", \"getuid\", \"getuid32\", \"getxattr\", \"getxattrat\", "
    "\"inotify_add_watch\", \"inotify_init\", \"inotify_init1\", \"inotify_rm_watch\", "
    "\"io_cancel\", \"io_destroy\", \"io_getevents\", \"io_pgetevents\", "
    "\"io_pgetevents_time64\", \"io_setup\", \"io_submit\", \"ioctl\", \"ioprio_get\", "
    "\"ioprio_set\", \"ipc\", \"kill\", \"landlock_add_rule\", \"landlock_create_ruleset\", "
    "\"landlock_restrict_self\", \"lchown\", \"lchown32\", \"lgetxattr\", \"link\", \"linkat\", "
    "\"listen\", \"listxattr\", \"listxattrat\", \"llistxattr\", \"lremovexattr\", \"lseek\", "
    "\"lsetxattr\", \"lsm_get_self_attr\", \"lsm_list_modules\", \"lstat\", \"lstat64\", "
    "\"madvise\", \"map_shadow_stack\", \"membarrier\", \"memfd_create\", \"memfd_secret\", "
    "\"mincore\", \"mkdir\", \"mkdirat\", \"mknod\", \"mknodat\", \"mlock\", \"mlock2\", "
    "\"mlockall\", \"mmap\", \"mmap2\", \"modify_ldt\", \"mprotect\", \"mq_getsetattr\", "
    "\"mq_notify\", \"mq_open\", \"mq_timedreceive\", \"mq_timedreceive_time64\", "
    "\"mq_timedsend\", \"mq_timedsend_time64\", \"mq_unlink\", \"mremap\", \"mseal\", "
    "\"msgctl\", \"msgget\", \"msgrcv\", \"msgsnd\", \"msync\", \"munlock\", \"munlockall\", "
    "\"munmap\", \"name_to_handle_at\", \"nanosleep\", \"newfstatat\", \"nice\", \"open\", "
    "\"openat\", \"openat2\", \"pause\", \"pidfd_getfd\", \"pidfd_open\", \"pidfd_send_signal\", "
    "\"pipe\", \"pipe2\", \"pkey_alloc\", \"pkey_free\", \"pkey_mprotect\", \"poll\", \"ppoll\", "
    "\"ppoll_time64\", \"prctl\", \"pread64\", \"preadv\", \"preadv2\", \"prlimit64\", "
    "\"process_madvise\", \"process_mrelease\", \"process_vm_readv\", \"process_vm_writev\", "
    "\"pselect6\", \"pselect6_time64\", \"ptrace\", \"pwrite64\", \"pwritev\", \"pwritev2\", "
    "\"read\", \"readahead\", \"readdir\", \"readlink\", \"readlinkat\", \"readv\", "
    "\"recvfrom\", \"recvmmsg\", \"recvmmsg_time64\", \"recvmsg\", \"remap_file_pages\", "
    "\"removexattr\", \"removexattrat\", \"rename\", \"renameat\", \"renameat2\", "
    "\"restart_syscall\", \"rmdir\", \"rseq\", \"rt_sigaction\", \"rt_sigpending\", "
    "\"rt_sigprocmask\", \"rt_sigqueueinfo\", \"rt_sigreturn\", \"rt_sigsuspend\", "
    "\"rt_sigtimedwait\", \"rt_sigtimedwait_time64\", \"rt_tgsigqueueinfo\", "
    "\"sched_get_priority_max\", \"sched_get_priority_min\", \"sched_getaffinity\", "
    "\"sched_getattr\", \"sched_getparam\", \"sched_getscheduler\", \"sched_rr_get_interval\", "
    "\"sched_rr_get_interval_time64\", \"sched_setaffinity\", \"sched_setattr\", "
    "\"sched_setparam\", \"sched_setscheduler\", \"sched_yield\", \"seccomp\", \"select\", "
    "\"semctl\", \"semget\", \"semop\", \"semtimedop\", \"semtimedop_time64\", \"sendfile\", "
    "\"sendfile64\", \"sendmmsg\", \"sendmsg\", \"sendto\", \"set_robust_list\", "
    "\"set_thread_area\", \"set_tid_address\", \"setfsgid\", \"setfsgid32\", \"setfsuid\", "
    "\"setfsuid32\", \"setgid\", \"setgid32\", \"setgroups\", \"setgroups32\", \"setitimer\", "
    "\"setpgid\", \"setpriority\", \"setregid\", \"setregid32\", \"setresgid\", \"setresgid32\", "
    "\"setresuid\", \"setresuid32\", \"setreuid\", \"setreuid32\", \"setrlimit\", \"setsid\", "
    "\"setsockopt\", \"setuid\", \"setuid32\", \"setxattr\", \"setxattrat\", \"sgetmask\", "
    "\"shmat\", \"shmctl\", \"shmdt\", \"shmget\", \"shutdown\", \"sigaction\", \"sigaltstack\", "
    "\"signal\", \"signalfd\", \"signalfd4\", \"sigpending\", \"sigprocmask\", \"sigreturn\", "
    "\"sigsuspend\", \"socket\", \"socketcall\", \"socketpair\", \"splice\", \"ssetmask\", "
    "\"stat\", \"stat64\", \"statfs\", \"statfs64\", \"statx\", \"symlink\", \"symlinkat\", "
    "\"sync\", \"sync_file_range\", \"syncfs\", \"sysinfo\", \"tee\", \"tgkill\", \"time\", "
    "\"timer_create\", \"timer_delete\", \"timer_getoverrun\", \"timer_gettime\", "
    "\"timer_gettime64\", \"timer_settime\", \"timer_settime64\", \"timerfd_create\", "
    "\"timerfd_gettime\", \"timerfd_gettime64\", \"timerfd_settime\", \"timerfd_settime64\", "
    "\"times\", \"tkill\", \"truncate\", \"truncate64\", \"ugetrlimit\", \"umask\", \"uname\", "
    "\"unlink\", \"unlinkat\", \"utime\", \"utimensat\", \"utimensat_time64\", \"utimes\", "
    "\"vfork\", \"wait4\", \"waitid\", \"waitpid\", \"write\", \"writev\"";

/* What a capability is needed for, and what would be refused without it anyway. */
static const struct {
    const char *cap, *calls;
} privileged[] = {
    {"CAP_SYS_ADMIN",
     "\"bpf\", \"fanotify_init\", \"fsconfig\", \"fsmount\", \"fsopen\", \"fspick\", "
     "\"lookup_dcookie\", \"mount\", \"mount_setattr\", \"move_mount\", \"open_tree\", "
     "\"open_tree_attr\", \"perf_event_open\", \"quotactl\", \"quotactl_fd\", \"setdomainname\", "
     "\"sethostname\", \"setns\", \"umount\", \"umount2\", \"unshare\", \"listmount\", "
     "\"statmount\", \"lsm_set_self_attr\""},
    {"CAP_SYS_MODULE",
     "\"create_module\", \"delete_module\", \"finit_module\", \"init_module\", \"query_module\", "
     "\"get_kernel_syms\""},
    {"CAP_SYS_BOOT", "\"reboot\", \"kexec_load\", \"kexec_file_load\""},
    {"CAP_SYS_CHROOT", "\"chroot\""},
    {"CAP_SYS_PACCT", "\"acct\""},
    {"CAP_SYS_PTRACE", "\"kcmp\""},
    {"CAP_SYS_RAWIO", "\"ioperm\", \"iopl\""},
    {"CAP_SYS_TIME", "\"clock_settime\", \"clock_settime64\", \"settimeofday\", \"stime\""},
    {"CAP_SYS_TTY_CONFIG", "\"vhangup\""},
    {"CAP_SYS_NICE", "\"get_mempolicy\", \"mbind\", \"set_mempolicy\", \"set_mempolicy_home_node\", "
                     "\"migrate_pages\", \"move_pages\""},
    {"CAP_SYSLOG", "\"syslog\""},
    {"CAP_DAC_READ_SEARCH", "\"open_by_handle_at\""},
};

static const char refused[] =
    "\"_sysctl\", \"add_key\", \"afs_syscall\", \"bdflush\", \"break\", \"epoll_ctl_old\", "
    "\"epoll_wait_old\", \"ftime\", \"getpmsg\", \"gtty\", \"idle\", \"io_uring_enter\", "
    "\"io_uring_register\", \"io_uring_setup\", \"keyctl\", \"lock\", \"mpx\", \"nfsservctl\", "
    "\"oldfstat\", \"oldlstat\", \"oldolduname\", \"oldstat\", \"olduname\", \"pivot_root\", "
    "\"prof\", \"profil\", \"putpmsg\", \"request_key\", \"security\", \"stty\", \"swapoff\", "
    "\"swapon\", \"sysfs\", \"tuxcall\", \"ulimit\", \"uselib\", \"userfaultfd\", \"ustat\", "
    "\"vm86\", \"vm86old\", \"vmsplice\", \"vserver\"";

static void rule(FILE *f, const char *calls, const char *action)
{
    fprintf(f, ", {\"names\": [%s], %s}", calls, action);
}

static void one_argument(FILE *f, const char *call, const char *test)
{
    fprintf(f, ", {\"names\": [\"%s\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, %s}]}",
            call, test);
}

char *bundle_seccomp(uint64_t caps)
{
    static const char *const personalities[] = {"0", "8", "131072", "131080", "4294967295"};
    static const char allow[] = "\"action\": \"SCMP_ACT_ALLOW\"",
                      eperm[] = "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1",
                      enosys[] = "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38";
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    bool admin = caps >> cap_number("CAP_SYS_ADMIN") & 1;
    fprintf(f,
            "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38, "
            "\"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"], "
            "\"syscalls\": [{\"names\": [%s], %s}",
            allowed, allow);
    for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
        rule(f, privileged[i].calls, caps >> cap_number(privileged[i].cap) & 1 ? allow : eperm);
    rule(f, refused, eperm);
    for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++) {
        char test[80];
        snprintf(test, sizeof(test), "\"value\": %s, \"op\": \"SCMP_CMP_EQ\"", personalities[i]);
        one_argument(f, "personality", test);
    }
    if (admin)
        rule(f, "\"clone\", \"clone3\"", allow);
    else
        one_argument(f, "clone",
                     "\"value\": " NEW_NAMESPACES ", \"valueTwo\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\"");
    if (!admin)
        rule(f, "\"clone3\"", enosys);
    fprintf(f, "]}");
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}
