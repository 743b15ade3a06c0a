// SPDX-License-Identifier: GPL-2.0-or-later
/* everything: a config.json with something in every section, which tests then damage. */
#pragma once

#define ROOT "\"root\": {\"path\": \"rootfs\"}"
#define HEAD "{\"ociVersion\": \"1.0.2\", " ROOT ", "

static const char everything[] = HEAD
    "\"hostname\": \"h\", \"annotations\": {\"a\": \"b\"},"
    " \"process\": {\"terminal\": true, \"consoleSize\": {\"height\": 24, \"width\": 80}, \"cwd\": \"/\", "
    "\"args\": [\"sh\"],"
    "  \"env\": [\"A=b\"], \"user\": {\"uid\": 1, \"gid\": 2, \"umask\": 18, \"additionalGids\": [3]},"
    "  \"capabilities\": {\"bounding\": [\"CAP_KILL\"]}, \"rlimits\": [{\"type\": \"RLIMIT_CPU\", \"soft\": "
    "1, \"hard\": 2}],"
    "  \"scheduler\": {\"policy\": \"SCHED_FIFO\", \"priority\": 1, \"flags\": [\"SCHED_FLAG_RECLAIM\"]},"
    "  \"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 4}, \"oomScoreAdj\": 3},"
    " \"mounts\": [{\"destination\": \"/m\", \"source\": \"/s\", \"options\": [\"rbind\", \"ro\", "
    "\"rslave\"],"
    "  \"uidMappings\": [{\"containerID\": 0, \"hostID\": 1, \"size\": 2}], \"gidMappings\": [{\"size\": "
    "1}]}],"
    " \"hooks\": {\"prestart\": [{\"path\": \"/h\", \"args\": [\"h\"], \"env\": [\"X=y\"], \"timeout\": 3}]},"
    " \"linux\": {\"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"uts\"}, {\"type\": \"network\", "
    "\"path\": \"/n\"}],"
    "  \"devices\": [{\"path\": \"/dev/x\", \"type\": \"c\", \"major\": 1, \"minor\": 2, \"fileMode\": 438}],"
    "  \"sysctl\": {\"net.a\": \"1\"}, \"personality\": {\"domain\": \"LINUX\"}, \"seccomp\": "
    "{\"defaultAction\": \"X\"},"
    "  \"resources\": {\"devices\": [{\"allow\": false, \"access\": \"rw\"}], \"memory\": {\"limit\": 1, "
    "\"swap\": 2},"
    "   \"cpu\": {\"shares\": 2, \"cpus\": \"0\"}, \"pids\": {\"limit\": 3}, \"blockIO\": {\"weight\": 10,"
    "   \"throttleReadBpsDevice\": [{\"major\": 1, \"minor\": 2, \"rate\": 3}]}, \"hugepageLimits\": "
    "[{\"pageSize\": \"2MB\", \"limit\": 1}],"
    "   \"rdma\": {\"r\": {\"hcaHandles\": 1}}, \"unified\": {\"memory.high\": \"1\"}},"
    "  \"maskedPaths\": [\"/p\"], \"readonlyPaths\": [\"/q\"]}}";
