// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables agree with themselves, and the texts made from them are fit to be read. */
#include "cli/verbs.h"

#include <ctype.h>
#include <stdio.h>

#include "cli/help.h"
#include "unit.h"

static void each_row_is_complete(void **state)
{
    (void)state;
    for (const struct verb *const *v = verbs; *v; v++) {
        assert_non_null((*v)->run);
        assert_non_null((*v)->help);
        assert_true(islower((unsigned char)(*v)->help[0]));
        assert_true((*v)->help[strlen((*v)->help) - 1] != '.');
        assert_true((*v)->max_operands < 0 || (*v)->max_operands >= (*v)->min_operands);
        assert_true(((*v)->max_operands == 0) == !(*v)->operands);
        for (unsigned i = 0; i < (*v)->nr_opts; i++)
            assert_true((*v)->opts[i].offset + (*v)->opts[i].bytes <= (*v)->args_size);
    }
}

static void no_verb_has_an_option_twice(void **state)
{
    (void)state;
    for (const struct verb *const *v = verbs; *v; v++)
        for (unsigned i = 0; i < (*v)->nr_opts; i++)
            for (unsigned j = 0; j < i; j++) {
                const struct opt *a = &(*v)->opts[i], *b = &(*v)->opts[j];
                assert_string_not_equal(a->name, b->name);
                assert_true(!a->letter || a->letter != b->letter);
            }
}

static void the_longest_lines_of_help_fit_80_columns(void **state)
{
    (void)state;
    for (const struct verb *const *v = verbs; *v; v++) {
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);
        help_verb(f, *v);
        help_overview(f);
        fclose(f);
        for (char *line = text; *line;) {
            size_t n = strcspn(line, "\n");
            if (n > 80)
                print_message("%s: %.*s\n", (*v)->name, (int)n, line);
            assert_true(n <= 80);
            assert_true(n == 0 || line[n - 1] != ' ');
            line += n + (line[n] != 0);
        }
        free(text);
    }
}

static void a_verb_is_found_by_all_words_of_its_name(void **state)
{
    (void)state;
    int words = 0;
    char *doctor[] = {"doctor", "--json"}, *ls[] = {"image", "ls", "-q"}, *half[] = {"image"},
         *no[] = {"doc"};
    assert_ptr_equal(verb_find(2, doctor, &words), &verb_doctor);
    assert_int_equal(words, 1);
    assert_ptr_equal(verb_find(3, ls, &words), &verb_image_ls);
    assert_int_equal(words, 2);
    assert_null(verb_find(1, half, &words));
    assert_null(verb_find(1, no, &words));
    assert_true(verb_is_group("image"));
    assert_false(verb_is_group("ima"));
    assert_false(verb_is_group(""));
}

static int refuse_b(const char *name, const void *ctx, struct err *e)
{
    (*(int *)(uintptr_t)ctx)++;
    return *name == 'b' ? err_set(e, -ENOENT, "%s", name) : 0;
}

static void one_name_that_fails_does_not_keep_the_others_waiting(void **state)
{
    (void)state;
    int seen = 0;
    struct err e = {0};
    char *names[] = {"a", "b", "c", NULL};
    assert_int_equal(verb_each("rm", 3, names, refuse_b, &seen, &e), -ENOENT);
    assert_int_equal(seen, 3);
    assert_string_equal(e.text, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_complete),
        cmocka_unit_test(no_verb_has_an_option_twice),
        cmocka_unit_test(the_longest_lines_of_help_fit_80_columns),
        cmocka_unit_test(a_verb_is_found_by_all_words_of_its_name),
        cmocka_unit_test(one_name_that_fails_does_not_keep_the_others_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
