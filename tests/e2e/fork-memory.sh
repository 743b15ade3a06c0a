#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fork-memory: an original and its forks each write patterns of their own to memory, to code that they make, and to
# their disk, and read them again and again: nobody ever sees another's.
# suite: slow
# limit: 900
. "$(dirname "$0")/lib.sh"
need_image
children=${CHILDREN:-20}
seconds=${SECONDS_EACH:-30}
g=forkmem$$
at_end 'for x in $("$hospes" ps -a | awk "{print \$1}" | grep "^$g"); do "$hospes" rm -f "$x" >/dev/null 2>&1; done'
in_guest() { local n=$1; shift; timeout 300 "$hospes" exec "$n" sh -c "$*"; }

cat >"$work/worker.c" <<'EOF'
/* Who we are is read from /run/id before each round; what was written in the round before must be there still. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#define WORDS (2u << 20) /* 16 MiB */
#define BLOCKS 256

static void bad(const char *what, uint64_t is, uint64_t want)
{
    FILE *f = fopen("/run/bad", "a");
    fprintf(f, "%s: %llx instead of %llx\n", what, (unsigned long long)is, (unsigned long long)want);
    fclose(f);
    exit(1);
}

static uint64_t id(void)
{
    unsigned n = 0;
    FILE *f = fopen("/run/id", "r");
    if (!f || fscanf(f, "%u", &n) != 1)
        n = 999;
    if (f)
        fclose(f);
    return n;
}

int main(void)
{
    uint64_t *mem = mmap(NULL, 8ull * WORDS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static uint64_t block[512];
    int fd = open("/root/pattern", O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint64_t was = 0;
    for (uint64_t round = 1;; round++) {
        uint64_t tag = id() << 40 | round << 16;
        for (unsigned i = 0; was && i < WORDS; i++)
            if (mem[i] != (was ^ i))
                bad("memory", mem[i], was ^ i);
        for (unsigned i = 0; i < WORDS; i++)
            mem[i] = tag ^ i;
        uint32_t (*fn)(void) = (uint32_t (*)(void))code;
        for (uint32_t k = 0; k < 200; k++) { /* mov $imm, %eax; ret */
            uint32_t imm = (uint32_t)(tag >> 16) * 256 + k;
            code[0] = 0xb8;
            memcpy(code + 1, &imm, 4);
            code[5] = 0xc3;
            if (fn() != imm)
                bad("code", fn(), imm);
        }
        for (unsigned b = 0; b < BLOCKS; b++) {
            if (was && (pread(fd, block, 4096, 4096 * b) != 4096 || block[7] != (was ^ b)))
                bad("disk", block[7], was ^ b);
            for (unsigned i = 0; i < 512; i++)
                block[i] = tag ^ b;
            if (pwrite(fd, block, 4096, 4096 * b) != 4096)
                bad("write", b, 0);
        }
        if (round % 8 == 0) {
            fdatasync(fd);
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* read from the disk, not from memory */
        }
        was = tag;
        FILE *f = fopen("/run/rounds.new", "w");
        fprintf(f, "%llu\n", (unsigned long long)round);
        fclose(f);
        rename("/run/rounds.new", "/run/rounds");
    }
}
EOF

expect 0 "$hospes" run -d --vm --memory 256M --cpus 2 --name "$g" debian
timeout 120 "$hospes" exec -i "$g" sh -c 'cat >/root/worker.c' <"$work/worker.c"
in_guest "$g" 'cd /root && gcc -O1 -o worker worker.c && echo 1 >/run/id'
"$hospes" exec -d "$g" /root/worker
rounds() { in_guest "$1" 'cat /run/rounds 2>/dev/null || echo 0'; }
await_rounds() {
	local n m
	n=$(rounds "$1")
	for _ in $(seq 1200); do
		m=$(rounds "$1")
		[ "$m" -ge $((n + $2)) ] && return
		healthy "$1"
		sleep 0.1
	done
	fail "$1 stands still at round $m"
}
healthy() { ! in_guest "$1" 'test -e /run/bad && cat /run/bad' || fail "$1 met what is another's"; }
await_rounds "$g" 3

say "$children forks, each with a number of its own"
expect 0 "$hospes" fork --count "$children" "$g" "$g-c"
all=("$g")
for i in $(seq "$children"); do
	in_guest "$g-c-$i" "echo $((i + 1)) >/run/id"
	all+=("$g-c-$i")
done
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ]; do for n in "${all[@]}"; do healthy "$n"; done; done
for n in "${all[@]}"; do await_rounds "$n" 2; done

say "further forks of the original and of a fork"
expect 0 "$hospes" fork "$g" "$g-d"
expect 0 "$hospes" fork "$g-c-1" "$g-e"
in_guest "$g-d" "echo 1001 >/run/id"
in_guest "$g-e" "echo 1002 >/run/id"
all+=("$g-d" "$g-e")
for n in "${all[@]}"; do await_rounds "$n" 2; done
for n in "${all[@]}"; do healthy "$n"; done
say "memory, code and disk: each had its own"
