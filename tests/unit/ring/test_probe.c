/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_probe.c - what a ring is told and tells about itself, and how it is refused
 */
#include "harness.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_facts(void **state)
{
	struct ring_facts facts;
	struct rlimit limit;
	struct err e = {0};

	(void)state;
	if (ring_probe(&facts, &e))
		fail_msg("%s", e.text);
	getrlimit(RLIMIT_NOFILE, &limit);
	assert_true(strlen(facts.kernel) > 2);
	assert_true(strlen(facts.library) >= 3);
	assert_int_equal(facts.table_max, limit.rlim_cur);
	assert_in_range(ring_link_capacity(), 1, limit.rlim_cur);
}

static void test_defaults(void **state)
{
	struct err e = {0};
	struct transport *t = ring_new(&(struct ring_options){.link_max = 100}, &e);

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->link_max, 100);
	assert_ptr_equal(t->clock, clock_system());
	assert_int_equal(ring_of(t)->uring.sq.ring_entries, 256);
	assert_int_equal(ring_of(t)->uring.cq.ring_entries, 512);
	assert_int_equal(ring_of(t)->buffers.count, 256);
	transport_free(t);
}

static void test_table_over_the_limit(void **state)
{
	struct rlimit limit;
	struct err e = {0};

	(void)state;
	if (!kernel_has_prompt_direct())
		skip();
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > 1000000)
		skip();
	const struct ring_options options = {.link_max = (unsigned)limit.rlim_cur + 1};
	assert_null(ring_new(&options, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "ulimit -n"));
}

/* In a child, as it cannot be undone: io_uring_setup answers with this errno from now on. */
static void deny_io_uring(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = 4, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static void expect_refusal(int error, const char *words)
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		struct ring_facts facts;
		struct err e = {0};

		deny_io_uring(error);
		if (ring_probe(&facts, &e) == 0 || e.os_error != error || !strstr(e.text, words))
			_exit(1);
		_exit(ring_new(&(struct ring_options){.link_max = 1}, &e) ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_refusals_name_the_cause(void **state)
{
	(void)state;
	expect_refusal(EPERM, "kernel.io_uring_disabled");
	expect_refusal(ENOSYS, "seccomp");
	expect_refusal(EINVAL, "Linux 6.0");
	expect_refusal(ENOMEM, "ulimit -l");
	expect_refusal(EMFILE, "ulimit -n");
}

static void *ring_in_a_thread(void *argument)
{
	struct err e = {0};
	struct transport *t = ring_new(&(struct ring_options){.link_max = 4}, &e);

	if (!t)
		return NULL;
	const int result = transport_turn(t, 0, &e);
	transport_free(t);
	return result == 0 ? argument : NULL;
}

static void test_rings_in_threads(void **state)
{
	pthread_t threads[3];
	void *result;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ring_in_a_thread, threads), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_table_over_the_limit),
		cmocka_unit_test(test_refusals_name_the_cause),
		cmocka_unit_test(test_rings_in_threads),
	};

	return cmocka_run_group_tests_name("ring/probe", tests, NULL, NULL);
}
