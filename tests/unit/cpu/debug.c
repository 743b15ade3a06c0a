// SPDX-License-Identifier: GPL-2.0-or-later
/* Every debug bit has its name, in the table, in the list for help texts and in the docs. */
#include "cpu/debug.h"

#include <ctype.h>
#include <stdio.h>

#include "unit.h"

static char *text_of(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    return text;
}

static const char *name_of(unsigned long bit)
{
    for (const struct cpu_debug_name *d = cpu_debug_names; d->name; d++)
        if (d->bit == bit)
            return d->name;
    return NULL;
}

/* CPU_DEBUG_NO_CHAIN is called "no-chain". */
static void each_bit_of_the_enum_is_in_the_table_by_its_own_name(void **state)
{
    (void)state;
    unsigned nr = 0;
    for (const char *p = strstr(text_of(SOURCE_ROOT "/src/cpu/cpu.h"), "enum cpu_debug {");
         (p = strstr(p, "CPU_DEBUG_")); nr++) {
        char want[64];
        unsigned len = 0;
        for (p += strlen("CPU_DEBUG_"); isupper((unsigned char)*p) || *p == '_'; p++)
            want[len++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
        want[len] = 0;
        const char *shift = strstr(p, "<<");
        assert_non_null(shift);
        const char *name = name_of(1ul << strtoul(shift + 2, NULL, 10));
        if (!name)
            fail_msg("%s has no name", want);
        assert_string_equal(name, want);
    }
    unsigned rows = 0;
    while (cpu_debug_names[rows].name)
        rows++;
    assert_true(rows > 0);
    assert_int_equal(nr, rows);
}

static void the_list_of_help_texts_is_the_table(void **state)
{
    (void)state;
    char list[512] = "";
    for (const struct cpu_debug_name *d = cpu_debug_names; d->name; d++) {
        strcat(list, d == cpu_debug_names ? "" : ", ");
        strcat(list, d->name);
    }
    assert_string_equal(list, CPU_DEBUG_NAMES);
}

static void the_docs_tell_what_each_switches_off(void **state)
{
    (void)state;
    const char *docs = text_of(SOURCE_ROOT "/docs/soft-engine.md");
    for (const struct cpu_debug_name *d = cpu_debug_names; d->name; d++) {
        char row[64];
        snprintf(row, sizeof(row), "| `%s` |", d->name);
        if (!strstr(docs, row))
            fail_msg("docs/soft-engine.md lacks %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_of_the_enum_is_in_the_table_by_its_own_name),
        cmocka_unit_test(the_list_of_help_texts_is_the_table),
        cmocka_unit_test(the_docs_tell_what_each_switches_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
