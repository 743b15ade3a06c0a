// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/frame.h"

#include <errno.h>

#include "unit.h"

static void a_frame_is_read_only_when_its_last_byte_is_there(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER + 5 + 3];
    size_t n = frame_put(bytes, FRAME_STDOUT, "hello", 5);
    assert_int_equal(n, FRAME_HEADER + 5);
    struct frame f = {0};
    for (size_t len = 0; len < n; len++)
        assert_int_equal(frame_parse(bytes, len, &f), 0);
    assert_int_equal(frame_parse(bytes, sizeof(bytes), &f), n); /* what follows is left alone */
    assert_int_equal(f.type, FRAME_STDOUT);
    assert_int_equal(f.len, 5);
    assert_memory_equal(f.payload, "hello", 5);
}

static void an_empty_frame_is_the_end_of_its_stream(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER];
    struct frame f;
    assert_int_equal(frame_put(bytes, FRAME_STDIN, NULL, 0), FRAME_HEADER);
    assert_int_equal(frame_parse(bytes, sizeof(bytes), &f), FRAME_HEADER);
    assert_int_equal(f.type, FRAME_STDIN);
    assert_int_equal(f.len, 0);
}

static void nonsense_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct frame f;
    uint8_t bytes[FRAME_HEADER] = {FRAME_STDIN};
    assert_int_equal(frame_parse("\0", 1, &f), -EPROTO);
    assert_int_equal(frame_parse("GET / HTTP/1.0", 14, &f), -EPROTO);
    uint8_t beyond = FRAME_TYPES;
    assert_int_equal(frame_parse(&beyond, 1, &f), -EPROTO);
    for (unsigned i = 1; i < 4; i++) {
        bytes[i] = 1;
        assert_int_equal(frame_parse(bytes, i + 1, &f), -EPROTO);
        bytes[i] = 0;
    }
}

static void a_payload_of_64_kib_is_the_longest(void **state)
{
    (void)state;
    struct frame f;
    uint8_t *bytes = calloc(1, FRAME_HEADER + FRAME_MAX);
    frame_header(bytes, FRAME_STDERR, FRAME_MAX);
    assert_int_equal(frame_parse(bytes, FRAME_HEADER + FRAME_MAX, &f), FRAME_HEADER + FRAME_MAX);
    frame_header(bytes, FRAME_STDERR, FRAME_MAX + 1);
    assert_int_equal(frame_parse(bytes, FRAME_HEADER, &f), -EPROTO);
    frame_header(bytes, FRAME_STDERR, UINT32_MAX);
    assert_int_equal(frame_parse(bytes, FRAME_HEADER, &f), -EPROTO);
    free(bytes);
}

static void shaped_payloads_come_back_as_they_went(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct frame f;
    int32_t status;
    uint16_t cols, rows;
    uint8_t number;
    frame_parse(bytes, frame_put_exit(bytes, -7), &f);
    assert_true(frame_get_exit(&f, &status));
    assert_int_equal(status, -7);
    assert_false(frame_get_resize(&f, &cols, &rows)); /* same length, other type */
    frame_parse(bytes, frame_put_resize(bytes, 300, 50), &f);
    assert_true(frame_get_resize(&f, &cols, &rows));
    assert_int_equal(cols, 300);
    assert_int_equal(rows, 50);
    frame_parse(bytes, frame_put_signal(bytes, 15), &f);
    assert_true(frame_get_signal(&f, &number));
    assert_int_equal(number, 15);
    frame_parse(bytes, frame_put(bytes, FRAME_SIGNAL, "ab", 2), &f);
    assert_false(frame_get_signal(&f, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read_only_when_its_last_byte_is_there),
        cmocka_unit_test(an_empty_frame_is_the_end_of_its_stream),
        cmocka_unit_test(nonsense_is_refused_at_its_first_byte),
        cmocka_unit_test(a_payload_of_64_kib_is_the_longest),
        cmocka_unit_test(shaped_payloads_come_back_as_they_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
