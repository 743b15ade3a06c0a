// SPDX-License-Identifier: GPL-2.0-or-later
/* signal_name: see signal_name.h. */
#include "monitor/signal_name.h"

#include "container/words.h"

int signal_by_name(const char *text, int *ret, struct err *e)
{
    int number = signal_number(text);
    if (number <= 0)
        return err_set(e, -EINVAL, "\"%.40s\" is no signal", text);
    *ret = number;
    return 0;
}
