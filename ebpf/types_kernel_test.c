/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that are kept by hand (vmlinux_*.bpf.h) against those of the running kernel: each field
 * that a program may read is there. Skipped where the kernel does not tell its types.
 */
#include "base/buf.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <bpf/btf.h>
#include <stdio.h>

enum { SKIPPED = 77, NESTED_MAX = 4 };

static const char *const files[] = {
    "ebpf/vmlinux_min.bpf.h", "ebpf/vmlinux_net.bpf.h", "ebpf/vmlinux_look.bpf.h"};

static struct btf *btf;

/* In the type itself, or in what is nested in it. */
static bool has_member(const struct btf_type *t, const char *name, int depth)
{
	const struct btf_member *m = btf_members(t);

	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const char *own = btf__name_by_offset(btf, m[i].name_off);
		const struct btf_type *inner = btf__type_by_id(btf, m[i].type);

		if (strcmp(own, name) == 0)
			return true;
		if (depth < NESTED_MAX && btf_is_composite(inner) && !inner->name_off &&
		    has_member(inner, name, depth + 1))
			return true;
	}
	return false;
}

static bool is_ident(uint8_t c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The name that a line declares: "struct file **fd;" and "} in6_u;" and "char comm[16];". */
static bool take_field(char *out, size_t room, struct or_slice line)
{
	size_t end = or_str_find(line, '[', 0), begin;

	if (end == line.n)
		end = or_str_find(line, ';', 0);
	if (end == line.n)
		return false;
	for (begin = end; begin > 0 && is_ident(line.p[begin - 1]);)
		begin--;
	snprintf(out, room, "%.*s", (int)(end - begin), (const char *)line.p + begin);
	return end > begin;
}

static size_t check_field(const char *type, const char *field)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	if (id < 0)
		fail_msg("the kernel has no struct %s", type);
	if (!has_member(btf__type_by_id(btf, (uint32_t)id), field, 0))
		fail_msg("the kernel's struct %s has no %s", type, field);
	return 1;
}

/* "struct x {" begins one, "}" alone in the first column ends it; how many fields were found. */
static size_t check_file(const char *path)
{
	char type[128] = "", field[128];
	struct or_slice rest, line;
	struct or_buf text;
	struct or_err err;
	size_t n = 0, end, depth = 0;

	or_buf_init(&text, OR_MIB);
	ASSERT_OK(or_sys_read_file(&text, path, &err), &err);
	for (rest = or_buf_slice(&text); rest.n; rest = or_slice_from(rest, end + 1)) {
		end = or_str_find(rest, '\n', 0);
		assert_true(end < rest.n);
		line = or_slice(rest.p, end);
		if (sscanf((const char *)line.p, "struct %127[a-z0-9_A-Z] {", field) == 1 &&
		    line.p[line.n - 1] == '{') {
			snprintf(type, sizeof(type), "%s", field);
			depth = 0;
		} else if (line.n && line.p[0] == '}') {
			type[0] = '\0';
		} else if (type[0]) {
			depth += line.p[line.n - 1] == '{';
			depth -= depth && memchr(line.p, '}', line.n) != NULL;
			/* What a named union holds is the union's. */
			if (!depth && take_field(field, sizeof(field), line))
				n += check_field(type, field);
		}
	}
	or_buf_done(&text);
	return n;
}

static void types__are_those_of_the_kernel(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < OR_LEN(files); i++)
		n += check_file(files[i]);
	print_message("%zu fields\n", n);
	assert_true(n > 60);
}

static void types__would_be_missed(void **state)
{
	int id = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);

	(void)state;
	assert_true(id > 0);
	assert_false(has_member(btf__type_by_id(btf, (uint32_t)id), "no_such_field", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types__are_those_of_the_kernel),
	    cmocka_unit_test(types__would_be_missed),
	};
	int failed;

	btf = btf__load_vmlinux_btf();
	if (!btf) {
		print_message("skipped: the kernel has no BTF\n");
		return SKIPPED;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	btf__free(btf);
	return failed;
}
