// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top: the guests that run and what each takes, again and again.
 *
 * On a terminal a screen of its own, with keys; signals come by a signalfd, so that the terminal is put
 * right again on every way out. Elsewhere plain tables, or a line of JSON a round.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "cli/term.h"
#include "cli/top_view.h"
#include "cli/verbs.h"
#include "monitor/client.h"

#define FIRST_MS    300 /* on a terminal the first rates come sooner */
#define INTERVAL_MS 100 /* at least */
#define CTRL_C      3

struct top_args {
    bool batch, once, no_stream, json;
    unsigned count;
    struct opt_time interval;
    const char *sort;
};

struct top {
    const struct top_args *a;
    const char *sort;
    char **names; /* NULL-ended; none: all guests */
    json_t *before, *now;
    bool screen; /* a terminal that is ours */
    int signals;
    unsigned left; /* rounds; 0: for ever */
    bool ended;
    int status;
};

/* ---- asking ---- */

static bool wanted(const struct top *t, const json_t *guest)
{
    const char *name = json_string_value(json_object_get(guest, "name"));
    for (char **n = t->names; *n; n++)
        if (name && strcmp(*n, name) == 0)
            return true;
    return !*t->names;
}

/* Another round; the last one is kept to compare with. */
static int ask(struct top *t, struct err *e)
{
    json_t *list = NULL;
    int rc = client_list_stats(&list, e);
    if (rc < 0)
        return rc;
    for (size_t i = json_array_size(list); i-- > 0;)
        if (!wanted(t, json_array_get(list, i)))
            json_array_remove(list, i);
    json_decref(t->before);
    t->before = t->now;
    t->now = list;
    return 0;
}

/* A name that is none, or a guest that does not run, is told at once and not by an empty table. */
static int check_names(char **names, struct err *e)
{
    for (; *names; names++) {
        OWN(json_t) j = NULL;
        int rc = client_stats(*names, &j, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- showing ---- */

static void print_line(const struct top *t)
{
    OWN(json_t) j = top_json(t->before, t->now, t->sort);
    json_dumpf(j, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
}

static char *screen_text(const struct top *t)
{
    char *text = NULL, sum[128], clock[16];
    size_t len;
    time_t now = time(NULL);
    struct tm tm;
    FILE *f = open_memstream(&text, &len);
    BUG_ON(!f);
    strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
    top_sum(t->before, t->now, sum, sizeof(sum));
    fprintf(f, "hospes top  %s  %s  by %s\n", clock, sum, t->sort);
    fputs("q quit  sort: c cpu  m memory  d disk  w network  n name\n\n", f);
    top_table(f, t->before, t->now, t->sort);
    fclose(f);
    return text;
}

static void draw(const struct top *t)
{
    OWN_MEM char *text = screen_text(t);
    uint16_t cols, rows;
    term_size(STDOUT_FILENO, &cols, &rows);
    top_fit(stdout, text, cols, rows);
}

/* A reader that went away ends us. */
static int show(struct top *t, struct err *e)
{
    if (t->screen)
        draw(t);
    else if (t->a->json)
        print_line(t);
    else
        top_table(stdout, t->before, t->now, t->sort);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    if (errno != EPIPE)
        return err_sys(e, "standard output");
    t->ended = true;
    t->status = 128 + SIGPIPE;
    return 0;
}

/* ---- waiting ---- */

static void on_signal(struct top *t)
{
    struct signalfd_siginfo s;
    if (read(t->signals, &s, sizeof(s)) != (ssize_t)sizeof(s) || s.ssi_signo == SIGWINCH)
        return; /* a screen of another size: drawn anew */
    t->ended = true;
    t->status = 128 + (int)s.ssi_signo;
}

static void on_key(struct top *t)
{
    static const struct {
        char key;
        const char *sort;
    } sorts[] = {{'c', "cpu"}, {'m', "memory"}, {'d', "disk"}, {'w', "net"}, {'n', "name"}};
    char key;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    if (n <= 0 || key == 'q' || key == 'Q' || key == CTRL_C)
        t->ended = n >= 0 || (errno != EAGAIN && errno != EINTR);
    for (size_t i = 0; n > 0 && i < sizeof(sorts) / sizeof(sorts[0]); i++)
        if (key == sorts[i].key)
            t->sort = sorts[i].sort;
}

/* Until the next round is due. Keys and signals are heard, and drawn at once. */
static int wait_for(struct top *t, bool keys, uint64_t ms, struct err *e)
{
    uint64_t end_ns = loop_now_ns() + ms * 1000000u;
    while (!t->ended) {
        uint64_t now = loop_now_ns(), left_ms = now < end_ns ? (end_ns - now + 999999) / 1000000 : 0;
        struct pollfd p[2] = {{.fd = t->signals, .events = POLLIN},
                              {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
        int n = poll(p, 2, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (n <= 0 && left_ms == 0)
            return 0;
        if (n > 0 && p[0].revents)
            on_signal(t);
        if (n > 0 && p[1].revents)
            on_key(t);
        if (n > 0 && t->screen && !t->ended)
            draw(t);
        fflush(stdout);
    }
    return 0;
}

/* All that were asked for are gone. */
static bool over(const struct top *t)
{
    return *t->names && json_array_size(t->now) == 0;
}

static int rounds(struct top *t, bool keys, struct err *e)
{
    uint64_t ms = t->a->interval.ms;
    int rc = ask(t, e);
    if (rc == 0 && t->screen)
        rc = show(t, e);
    if (rc == 0 && !t->ended)
        rc = wait_for(t, keys, t->screen && ms > FIRST_MS ? FIRST_MS : ms, e);
    while (rc == 0 && !t->ended) {
        if ((rc = ask(t, e)) < 0 || over(t) || (rc = show(t, e)) < 0)
            break;
        if (t->left && --t->left == 0)
            break;
        if (!t->ended)
            rc = wait_for(t, keys, ms, e);
    }
    return rc;
}

/* ---- the terminal ---- */

#define SCREEN_ON  "\033[?1049h\033[?25l" /* the other screen, without cursor */
#define SCREEN_OFF "\033[?25h\033[?1049l"

static void screen_end(const bool *on)
{
    if (!*on)
        return;
    fputs(SCREEN_OFF, stdout);
    fflush(stdout);
}

static int watch(struct top *t, struct err *e)
{
    OWN_SIGNALS old;
    OWN_FD signals = term_signals(&old, e);
    OWN_TERM term = {.fd = -1};
    if (signals < 0)
        return signals;
    bool keys = t->screen && isatty(STDIN_FILENO);
    if (keys && term_raw(&term, STDIN_FILENO, e) < 0)
        return e->code;
    __attribute__((cleanup(screen_end))) const bool on = t->screen;
    if (on)
        fputs(SCREEN_ON, stdout);
    t->signals = signals;
    return rounds(t, keys, e);
}

static int top_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct top_args *a = args;
    bool once = a->once || a->no_stream;
    struct top t = {.a = a, .sort = a->sort, .names = argv, .left = once ? 1 : a->count};
    (void)argc;
    if (a->interval.ms < INTERVAL_MS)
        return err_set(e, -EINVAL, "--interval: at least %d ms", INTERVAL_MS);
    t.screen = isatty(STDOUT_FILENO) && !a->batch && !once && !a->json;
    int rc = check_names(argv, e);
    if (rc == 0)
        rc = watch(&t, e);
    json_decref(t.before);
    json_decref(t.now);
    return rc < 0 ? rc : t.status;
}

static const struct opt top_opts[] = {
    OPT(top_args, batch, OPT_FLAG, 'b', NULL, "print tables one below the other, on a terminal too"),
    OPT(top_args, count, OPT_NUMBER, 'n', "NUMBER", "end after so many rounds"),
    OPT(top_args, interval, OPT_SECONDS, 'd', "TIME", "time between rounds (1 s)"),
    OPT(top_args, once, OPT_FLAG, '1', NULL, "print one table and end"),
    OPT(top_args, no_stream, OPT_FLAG, 0, NULL, NULL),
    OPT(top_args, sort, OPT_CHOICE, 's', TOP_SORTS, "what comes first (cpu)"),
    OPT(top_args, json, OPT_FLAG, 0, NULL, "print JSON: an array in a line for each round"),
};
const struct verb verb_top = {
    .name = "top",
    .operands = "[NAME...]",
    .help = "show what running guests take, live",
    .about =
        "Processor time is that of a guest's monitor, of it that of the threads that run the guest (100 is "
        "one "
        "core); MEMORY what the monitor holds, of what the guest was given. Exits leave the guest's code for "
        "a "
        "device, the kernel or a halt; with the soft engine also: instructions taken one by one, blocks "
        "translated and TLB misses. `hospes inspect --stats` shows all there is of one guest.\n"
        "\n"
        "On a terminal: q ends it; c, m, d, w, n sort by processor time, memory, disk, network and name. "
        "Elsewhere tables follow one another. With names it ends when all of these have.",
    .examples = "hospes top\tall guests, until q is pressed\n"
                "hospes top --once --sort memory\tone table\n"
                "hospes top -b -n 10 -d 5 web\tten tables in 50 seconds\n"
                "hospes top --json --once | jq -r '.[] | [.name, .rates.cpu_percent] | @tsv'\tfor programs",
    VERB_OPTS(top_opts),
    .args_size = sizeof(struct top_args),
    .defaults = &(const struct top_args){.interval = {.ms = 1000}, .sort = "cpu"},
    .max_operands = -1,
    .run = top_run,
};
