// SPDX-License-Identifier: GPL-2.0-or-later
/* What a config.json may say, and how it is told where it is wrong. */
#include "everything.h"
#include "unit.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "container/config.h"
#include "container/json_span.h"

#define PROCESS "\"process\": {\"cwd\": \"/\", \"args\": [\"sh\"]}"
#define MNT_NS  "\"namespaces\": [{\"type\": \"mount\"}]"

static int parse(const char *text, struct config *c, struct err *e)
{
    return config_parse(strdup(text), strlen(text), "config.json", c, e);
}

static void refused(const char *text, const char *why)
{
    OWN_CONFIG c = {0};
    struct err e = {0};
    assert_int_equal(parse(text, &c, &e), -EINVAL);
    assert_string_equal(e.text, why);
}

static void accepted(const char *text, struct config *c)
{
    struct err e = {0};
    if (parse(text, c, &e) < 0)
        fail_msg("%s", e.text);
}

static void a_small_configuration_is_read(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD PROCESS "}", &c);
    assert_string_equal(c.process.args.item[0], "sh");
    assert_null(c.process.args.item[1]);
    assert_string_equal(c.root_path, "rootfs");
    assert_true(c.process.oom_score_adj == UNSET && c.resources.memory == UNSET);
}

static void each_error_names_the_whole_path(void **s)
{
    (void)s;
    refused("{\"root\": {\"path\": \"r\"}}", "config.json: ociVersion: is missing");
    refused("{\"ociVersion\": \"2.0\"," ROOT "}", "config.json: ociVersion: \"2.0\" is not a version 1.x.y");
    refused("{\"ociVersion\": \"1.0\"," ROOT "}", "config.json: ociVersion: \"1.0\" is not a version 1.x.y");
    refused("{\"ociVersion\": \"1.0.2\"}", "config.json: root: is missing");
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"sh\", 7]}}",
            "config.json: process.args[1]: not a string");
    refused(HEAD "\"process\": {\"cwd\": \"x\", \"args\": [\"sh\"]}}",
            "config.json: process.cwd: \"x\" is not an absolute path");
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": []}}", "config.json: process.args: is empty");
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"a\"], \"env\": [\"A=1\", \"B\"]}}",
            "config.json: process.env[1]: \"B\" is not NAME=VALUE");
    refused(HEAD "\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"netz\"}]}}",
            "config.json: linux.namespaces[1].type: \"netz\" is no namespace");
    refused(HEAD "\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"pid\"}]}}",
            "config.json: linux.namespaces[1].type: \"pid\" is there twice");
    refused(HEAD "\"hooks\": {\"poststop\": [{\"path\": \"bin/x\"}]}}",
            "config.json: hooks.poststop[0].path: \"bin/x\" is not an absolute path");
    refused(HEAD "\"annotations\": {\"a\": 1}}", "config.json: annotations.a: not a string");
    refused(HEAD "\"linux\": {\"intelRdt\": {\"closID\": \"..\"}}}",
            "config.json: linux.intelRdt.closID: \"..\" is no name of a folder");
    refused(HEAD "\"linux\": {\"intelRdt\": {\"memBwSchema\": \"L3:0=1\"}}}",
            "config.json: linux.intelRdt.memBwSchema: is not one line that starts with MB:");
}

static void what_contradicts_is_refused(void **s)
{
    (void)s;
    refused(HEAD "\"hostname\": \"h\"}",
            "config.json: hostname: needs an own uts namespace (linux.namespaces)");
    refused(HEAD "\"linux\": {\"namespaces\": [{\"type\": \"user\"}]}}",
            "config.json: linux.uidMappings: is missing for the new user namespace");
    refused(HEAD "\"mounts\": [{\"destination\": \"/a\", \"type\": \"tmpfs\"}]}",
            "config.json: linux.namespaces: needs a mount namespace for the mounts of this configuration");
    refused(HEAD "\"linux\": {\"sysctl\": {\"kernel.panic\": \"1\"}}}",
            "config.json: linux.sysctl.kernel.panic: is not of a namespace, it would change the host");
    refused(
        HEAD "\"linux\": {\"sysctl\": {\"net.ipv4.ip_forward\": \"1\"}}}",
        "config.json: linux.sysctl.net.ipv4.ip_forward: needs an own network namespace (linux.namespaces)");
    refused(HEAD "\"linux\": {\"resources\": {\"memory\": {\"limit\": 200, \"swap\": 100}}}}",
            "config.json: linux.resources.memory.swap: is memory and swap together, so not below limit");
}

static void limits_without_a_value_are_refused(void **s)
{
    (void)s;
#define RESOURCES HEAD "\"linux\": {\"resources\": {"
    refused(RESOURCES "\"pids\": {}}}}", "config.json: linux.resources.pids.limit: is missing");
    refused(RESOURCES "\"rdma\": {\"a\": {}}}}}",
            "config.json: linux.resources.rdma.a: limits neither hcaHandles nor hcaObjects");
    refused(RESOURCES "\"blockIO\": {\"weightDevice\": [{\"major\": 1, \"minor\": 2}]}}}}",
            "config.json: linux.resources.blockIO.weightDevice[0].weight: is missing");
    refused(RESOURCES "\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": 1, \"minor\": 2}]}}}}",
            "config.json: linux.resources.blockIO.throttleReadBpsDevice[0].rate: is missing");
    refused(RESOURCES "\"cpu\": {\"quota\": 5, \"burst\": 6}}}}",
            "config.json: linux.resources.cpu.burst: is above quota");
    OWN_CONFIG c = {0};
    accepted(RESOURCES
             "\"blockIO\": {\"weightDevice\": [{\"major\": 1, \"minor\": 2, \"leafWeight\": 3}]}}}}",
             &c);
}

static void a_mount_needs_no_source_to_be_mounted_again(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD "\"linux\": {" MNT_NS "}, \"mounts\": [{\"destination\": \"/t\", \"options\": [\"remount\","
                  " \"bind\", \"ro\", \"silent\", \"iversion\"]}]}",
             &c);
    assert_true(c.mounts[0].remount && c.mounts[0].data.nr == 0);
}

static void broken_json_names_its_line(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    struct err e = {0};
    assert_int_equal(parse("{\n \"a\": }", &c, &e), -EINVAL);
    assert_non_null(strstr(e.text, "config.json: line 2: "));
}

static void mount_options_go_where_they_belong(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD
             "\"linux\": {" MNT_NS "}, \"mounts\": ["
             "{\"destination\": \"/t\", \"type\": \"tmpfs\", \"source\": \"t\","
             " \"options\": [\"nosuid\", \"noatime\", \"size=1k\", \"ro\", \"rw\", \"tmpcopyup\"]},"
             "{\"destination\": \"/b\", \"source\": \"/x\", \"options\": [\"rbind\", \"rro\", \"rslave\"]}]}",
             &c);
    const struct mount_config *t = &c.mounts[0], *b = &c.mounts[1];
    assert_int_equal(t->attr_set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
    assert_int_equal(t->attr_clear, MOUNT_ATTR__ATIME | MOUNT_ATTR_RDONLY);
    assert_true(t->copy_up && !t->bind);
    assert_int_equal(t->data.nr, 1);
    assert_string_equal(t->data.item[0], "size=1k");
    assert_true(b->bind && b->recursive && b->rec_propagation);
    assert_int_equal(b->rec_attr_set, MOUNT_ATTR_RDONLY);
    assert_int_equal(b->propagation, MS_SLAVE);
}

static void numbers_above_all_integers_mean_no_limit(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD
             "\"process\": {\"cwd\": \"/\", \"args\": [\"sh\"], \"rlimits\": [{\"type\": \"RLIMIT_CORE\","
             " \"soft\": 1024, \"hard\": 18446744073709551615}]}}",
             &c);
    assert_int_equal(c.process.rlimits[0].soft, 1024);
    assert_true(c.process.rlimits[0].hard == RLIM_INFINITY);
}

static void the_profile_is_cut_out_unparsed(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD "\"linux\": {\"sec\": \"}\\\"{\", \"seccomp\": {\"a\": [\"]}\", {}]}}}", &c);
    assert_int_equal(c.seccomp_len, strlen("{\"a\": [\"]}\", {}]}"));
    assert_memory_equal(c.seccomp, "{\"a\": [\"]}\", {}]}", c.seccomp_len);
    refused(HEAD "\"linux\": {\"sec\\u0063omp\": {}}}",
            "config.json: linux.seccomp: not an object, or its key is written with escapes");
}

static void a_span_is_never_longer_than_the_text(void **s)
{
    (void)s;
    const char *text = "{\"linux\": {\"x\": [1, \"\\\"\"], \"seccomp\": {\"k\": \"v\"}}}";
    struct span span;
    assert_true(json_span_find(text, strlen(text), "linux", "seccomp", &span));
    for (size_t len = 0; len < strlen(text); len++)
        if (json_span_find(text, len, "linux", "seccomp", &span))
            assert_true(span.start < span.end && span.end <= len);
}

static void process_limits_and_caps_are_checked(void **s)
{
    (void)s;
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"a\"], \"rlimits\": [{\"type\": \"RLIMIT_X\", "
                 "\"soft\": 1, \"hard\": 1}]}}",
            "config.json: process.rlimits[0].type: \"RLIMIT_X\" is no resource limit");
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"a\"], \"rlimits\": [{\"type\": \"RLIMIT_CPU\", "
                 "\"soft\": 2, \"hard\": 1}]}}",
            "config.json: process.rlimits[0].soft: is above hard");
    OWN_CONFIG c = {0};
    accepted(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"a\"], \"capabilities\": {\"bounding\": "
                  "[\"CAP_KILL\", \"CAP_NEW_ONE\"], \"ambient\": [\"KILL\"]}}}",
             &c);
    assert_int_equal(c.process.caps[CAPS_BOUNDING], 1ull << 5);
    assert_int_equal(c.process.unknown_caps.nr, 2); /* to be warned of */
    assert_string_equal(c.process.unknown_caps.item[1], "KILL");
    refused(HEAD "\"process\": {\"cwd\": \"/\", \"args\": [\"a\"], \"user\": {\"additionalGids\": [1.5]}}}",
            "config.json: process.user.additionalGids[0]: not a whole number");
}

static unsigned random_below(uint64_t *seed, unsigned n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % n;
}

/* A byte changed, a piece left out or put elsewhere: it is read, or refused in one line, and never worse. */
static void damaged_configurations_are_read_or_refused(void **s)
{
    (void)s;
    static const char bytes[] = "{}[]\",:0-9e.ntx\\ \xff";
    uint64_t seed = 1;
    unsigned read = 0, size = sizeof(everything);
    for (unsigned round = 0; round < 4000; round++) {
        OWN_CONFIG c = {0};
        struct err e = {0};
        char *text = malloc(size);
        memcpy(text, everything, size);
        for (unsigned changes = 1 + random_below(&seed, 3); changes; changes--) {
            unsigned at = random_below(&seed, size - 40), from = random_below(&seed, size - 40);
            if (random_below(&seed, 2))
                memmove(text + at, text + from, random_below(&seed, 32));
            else
                text[at] = bytes[random_below(&seed, sizeof(bytes) - 1)];
        }
        int rc = config_parse(text, strlen(text), "config.json", &c, &e);
        assert_true(rc == 0 || (rc == -EINVAL && e.text[0] && !strchr(e.text, '\n')));
        read += rc == 0;
    }
    assert_true(read > 20 && read < 3980);
}

static void all_sections_together_are_read(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(everything, &c);
    assert_int_equal(c.resources.memory_swap, 2);
    assert_int_equal(c.hooks[HOOK_PRESTART].item[0].timeout_s, 3);
    assert_string_equal(c.resources.unified_text[0], "1");
}

#define VM(text) HEAD PROCESS ", \"vm\": " text "}"

static void a_machine_is_asked_for_by_a_section_or_an_annotation(void **s)
{
    (void)s;
    OWN_CONFIG plain = {0}, section = {0}, note = {0}, neither = {0};
    accepted(HEAD PROCESS "}", &plain);
    assert_false(plain.vm.wanted);
    accepted(VM("{\"hypervisor\": {\"path\": \"/usr/bin/hospes\"}, \"kernel\": {\"path\": \"/k\", "
                "\"initrd\": \"/i\","
                "\"parameters\": [\"a=b\", \"hello world\"]}, \"hwConfig\": {\"vcpus\": 3, \"memory\": "
                "536870912}}"),
             &section);
    assert_true(section.vm.wanted);
    assert_string_equal(section.vm.kernel, "/k");
    assert_string_equal(section.vm.initrd, "/i");
    assert_string_equal(section.vm.parameters.item[1], "hello world");
    assert_int_equal(section.vm.cpus, 3);
    assert_int_equal(section.vm.memory, 512 << 20);
    accepted(HEAD PROCESS ", \"annotations\": {\"io.hospes.isolation\": \"machine\"}}", &note);
    assert_true(note.vm.wanted);
    accepted(HEAD PROCESS ", \"vm\": {}, \"annotations\": {\"io.hospes.isolation\": \"container\"}}",
             &neither);
    assert_false(neither.vm.wanted);
}

static void what_a_machine_cannot_be_is_told_with_its_path(void **s)
{
    (void)s;
    refused(VM("{\"kernel\": {}}"), "config.json: vm.kernel.path: is missing");
    refused(VM("{\"kernel\": {\"path\": \"k\"}}"),
            "config.json: vm.kernel.path: \"k\" is not an absolute path");
    refused(VM("{\"kernel\": {\"path\": \"/k\", \"parameters\": [\"a\", \"b\\nc\"]}}"),
            "config.json: vm.kernel.parameters[1]: holds a quote or the end of a line");
    refused(
        VM("{\"hypervisor\": {\"path\": \"/bin/qemu\"}}"),
        "config.json: vm.hypervisor.path: \"/bin/qemu\" is not hospes, the only hypervisor that this runtime "
        "knows");
    refused(VM("{\"hypervisor\": {\"path\": \"/hospes\", \"parameters\": [\"x\"]}}"),
            "config.json: vm.hypervisor.parameters: none are known");
    refused(VM("{\"image\": {\"path\": \"/i\", \"format\": \"tape\"}}"),
            "config.json: vm.image.format: \"tape\" is not raw, qcow2, vdi, vmdk or vhd");
    refused(VM("{\"hwConfig\": {\"irqs\": [1]}}"),
            "config.json: vm.hwConfig.irqs: is not supported: these machines have no device tree");
    refused(VM("{\"hwConfig\": {\"memory\": 1}}"),
            "config.json: vm.hwConfig.memory: 1 bytes are less than a machine's least, 67108864");
}

static void limits_of_a_machines_monitor_leave_its_memory_alone(void **s)
{
    (void)s;
    OWN_CONFIG c = {0};
    accepted(HEAD PROCESS ", \"linux\": {" MNT_NS
                          ", \"resources\": {\"memory\": {\"limit\": 1000000}, \"pids\": {\"limit\": 3},"
                          "\"cpu\": {\"shares\": 7}, \"devices\": [{\"allow\": false}]}}}",
             &c);
    vm_limits(&c.resources);
    assert_true(c.resources.memory == UNSET);
    assert_true(c.resources.pids == UNSET);
    assert_int_equal(c.resources.nr_devices, 0);
    assert_int_equal(c.resources.cpu_shares, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_asked_for_by_a_section_or_an_annotation),
        cmocka_unit_test(what_a_machine_cannot_be_is_told_with_its_path),
        cmocka_unit_test(limits_of_a_machines_monitor_leave_its_memory_alone),
        cmocka_unit_test(a_small_configuration_is_read),
        cmocka_unit_test(each_error_names_the_whole_path),
        cmocka_unit_test(what_contradicts_is_refused),
        cmocka_unit_test(limits_without_a_value_are_refused),
        cmocka_unit_test(a_mount_needs_no_source_to_be_mounted_again),
        cmocka_unit_test(broken_json_names_its_line),
        cmocka_unit_test(mount_options_go_where_they_belong),
        cmocka_unit_test(numbers_above_all_integers_mean_no_limit),
        cmocka_unit_test(the_profile_is_cut_out_unparsed),
        cmocka_unit_test(a_span_is_never_longer_than_the_text),
        cmocka_unit_test(process_limits_and_caps_are_checked),
        cmocka_unit_test(all_sections_together_are_read),
        cmocka_unit_test(damaged_configurations_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
