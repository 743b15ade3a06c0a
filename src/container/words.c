// SPDX-License-Identifier: GPL-2.0-or-later
/* words: see words.h. */
#include "container/words.h"

#include <ctype.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "container/config.h"

int word_number(const struct word *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table->number;
    return -1;
}

const char *word_name(const struct word *table, int number)
{
    for (; table->name; table++)
        if (table->number == number)
            return table->name;
    return NULL;
}

#define R(x) {"RLIMIT_" #x, RLIMIT_##x}
const struct word rlimit_words[] = {
    R(AS),     R(CORE),  R(CPU), R(DATA),   R(FSIZE),  R(LOCKS),      R(MEMLOCK), R(MSGQUEUE), R(NICE),
    R(NOFILE), R(NPROC), R(RSS), R(RTPRIO), R(RTTIME), R(SIGPENDING), R(STACK),   {NULL, 0},
};

const struct word scheduler_words[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},       {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}, {NULL, 0},
};

const struct word scheduler_flag_words[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
    {NULL, 0},
};

const struct word io_class_words[] = {
    {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}, {NULL, 0}};

const struct word personality_words[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}, {NULL, 0}};

#define S(x) {#x, SIG##x}
const struct word signal_words[] = {
    S(HUP),   S(INT),  S(QUIT), S(ILL),  S(TRAP), S(ABRT),        S(IOT),    S(BUS),    S(FPE),
    S(KILL),  S(USR1), S(SEGV), S(USR2), S(PIPE), S(ALRM),        S(TERM),   S(CHLD),   S(CONT),
    S(STOP),  S(TSTP), S(TTIN), S(TTOU), S(URG),  S(XCPU),        S(XFSZ),   S(VTALRM), S(PROF),
    S(WINCH), S(IO),   S(POLL), S(PWR),  S(SYS),  {"STKFLT", 16}, {NULL, 0},
};

static int real_time(const char *name)
{
    int base = strncasecmp(name, "RTMIN", 5) == 0   ? SIGRTMIN
               : strncasecmp(name, "RTMAX", 5) == 0 ? SIGRTMAX
                                                    : -1;
    if (base < 0)
        return -1;
    char *end;
    long offset = name[5] ? strtol(name + 5, &end, 10) : 0;
    if ((name[5] && *end) || base + offset < SIGRTMIN || base + offset > SIGRTMAX)
        return -1;
    return base + (int)offset;
}

int signal_number(const char *text)
{
    if (isdigit((unsigned char)text[0])) {
        char *end;
        long n = strtol(text, &end, 10);
        return *end == 0 && n >= 0 && n <= 64 ? (int)n : -1;
    }
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (const struct word *w = signal_words; w->name; w++)
        if (strcasecmp(w->name, name) == 0)
            return w->number;
    return real_time(name);
}

/* ---- capabilities, in the order of their numbers ---- */

static const char *const caps[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};
#define NR_CAPS (int)(sizeof(caps) / sizeof(caps[0]))

int cap_number(const char *name)
{
    if (strncasecmp(name, "CAP_", 4) != 0)
        return -1;
    for (int i = 0; i < NR_CAPS; i++)
        if (strcasecmp(caps[i], name + 4) == 0)
            return i;
    return -1;
}

const char *cap_name(int number)
{
    return number >= 0 && number < NR_CAPS ? caps[number] : NULL;
}

/* ---- namespaces ---- */

static const struct {
    const char *name, *proc;
    unsigned flag;
} spaces[NS_KINDS] = {
    [NS_USER] = {"user", "user", CLONE_NEWUSER},
    [NS_PID] = {"pid", "pid", CLONE_NEWPID},
    [NS_MNT] = {"mount", "mnt", CLONE_NEWNS},
    [NS_NET] = {"network", "net", CLONE_NEWNET},
    [NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
    [NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
    [NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
    [NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

const char *ns_name(enum ns_kind kind)
{
    return spaces[kind].name;
}

const char *ns_proc_name(enum ns_kind kind)
{
    return spaces[kind].proc;
}

int ns_clone_flag(enum ns_kind kind)
{
    return (int)spaces[kind].flag;
}
