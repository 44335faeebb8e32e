// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mpipc list and stat: columns, JSON, names of any bytes; and of what all commands
 * have in common, such as exit statuses.
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "tool.h"

TEST_F(tool, lists_endpoints_with_their_counters)
{
	struct mpipc_record record;
	char expected[512];

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345", 5));
	ASSERT_EQ(0, recv_msg(self->primary, &record, expected, 5));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list --noheadings -o role,id,pid,process,fd,"
			 "uid,generation,primary,queued,queued-bytes,sent,received,lost,"
			 "dropped-fds %s | sort | tr -s ' '", self->group));
	snprintf(expected, sizeof(expected),
		 "primary %llu %d tool_list %d 0 1 %llu 2 10 0 1 0 0\n"
		 "secondary %llu %d tool_list %d 0 1 %llu 0 0 3 0 0 0\n",
		 endpoint_id(self->primary), (int)getpid(), self->primary,
		 endpoint_id(self->primary), endpoint_id(self->secondary), (int)getpid(),
		 self->secondary, endpoint_id(self->primary));
	EXPECT_STREQ(expected, self->result.out);
}

/* Return what the tool says about the requests of this test. */
static json_object *list_calls(struct __test_metadata *_metadata, FIXTURE_DATA(tool) *self)
{
	EXPECT_EQ(0, run(&self->result, 0, "mpipc calls -J %s", self->group));
	return parse(self->result.out);
}

TEST_F(tool, shows_who_waits_for_whom_and_who_hangs)
{
	struct mpipc_record record;
	json_object *list, *call;
	__u64 first, second;

	list = list_calls(_metadata, self);
	EXPECT_EQ(0, json_object_array_length(member(list, "calls")));
	json_object_put(list);
	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "a", 0, MPIPC_FOREVER, &first));
	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "b", 0, 1ULL << 62, &second));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));

	list = list_calls(_metadata, self);
	ASSERT_EQ(2, json_object_array_length(member(list, "calls")));
	call = row(list, "calls", 0);
	EXPECT_STREQ(self->group, text_of(call, "group"));
	EXPECT_EQ(first, number_of(call, "call"));
	EXPECT_EQ(endpoint_id(self->secondary), number_of(call, "from"));
	EXPECT_EQ(endpoint_id(self->primary), number_of(call, "to"));
	EXPECT_EQ(getpid(), number_of(call, "from_pid"));
	EXPECT_EQ(getpid(), number_of(call, "to_pid"));
	EXPECT_STREQ("tool_list", text_of(call, "to_process"));
	EXPECT_STREQ("taken", text_of(call, "state"));
	EXPECT_LT(0, json_object_get_double(member(call, "age")));
	EXPECT_EQ(NULL, member(call, "left"));
	call = row(list, "calls", 1);
	EXPECT_EQ(second, number_of(call, "call"));
	EXPECT_STREQ("queued", text_of(call, "state"));
	EXPECT_LT(1e9, json_object_get_double(member(call, "left")));
	json_object_put(list);

	/* A handler that hangs does not look like one that has nothing to do. */
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list --noheadings -o role,pending,calls %s | "
			 "tr -s ' '", self->group));
	EXPECT_STREQ("primary 1 0\nsecondary 0 2\n", self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J -o oldest %s", self->group));
	list = parse(self->result.out);
	EXPECT_LT(0, json_object_get_double(member(row(list, "endpoints", 0), "oldest")));
	EXPECT_EQ(NULL, member(row(list, "endpoints", 1), "oldest"));
	json_object_put(list);
	EXPECT_EQ(1, run(&self->result, 1, "mpipc calls none.%s", self->group));
	EXPECT_TRUE(complains(&self->result, "no group \"none."));
}

TEST_F(tool, lists_groups_with_the_sums_of_their_endpoints)
{
	char expected[512];

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345", 5));
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -g --noheadings -o group,members,"
			 "generation,uid,gid,mode,anchor,queued,queued-bytes,sent,received,lost | "
			 "tr -s ' ' | grep %s", self->group));
	snprintf(expected, sizeof(expected), "%s 2 1 0 0 0600 - 4 15 4 0 0\n", self->group);
	EXPECT_STREQ(expected, self->result.out);
}

TEST_F(tool, json_has_numbers_where_there_are_numbers)
{
	json_object *list, *endpoint;

	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J -o group,id,role,pid,lost %s",
			 self->group));
	list = parse(self->result.out);
	EXPECT_EQ(2, json_object_array_length(member(list, "endpoints")));
	endpoint = row(list, "endpoints", 0);
	EXPECT_EQ(5, json_object_object_length(endpoint));
	EXPECT_STREQ(self->group, text_of(endpoint, "group"));
	EXPECT_EQ(endpoint_id(self->primary), number_of(endpoint, "id"));
	EXPECT_STREQ("primary", text_of(endpoint, "role"));
	EXPECT_EQ(getpid(), number_of(endpoint, "pid"));
	EXPECT_EQ(0, number_of(endpoint, "lost"));
	json_object_put(list);
}

TEST_F(tool, shows_all_about_a_group)
{
	json_object *group, *endpoint;

	EXPECT_EQ(0, run(&self->result, 0, "mpipc stat %s", self->group));
	EXPECT_TRUE(has(self->result.out, "MEMBERS        2\n"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc stat -J %s", self->group));
	group = parse(self->result.out);
	EXPECT_STREQ(self->group, text_of(group, "group"));
	EXPECT_EQ(2, number_of(group, "members"));
	EXPECT_STREQ("0600", text_of(group, "mode"));
	endpoint = row(group, "endpoints", 1);
	EXPECT_EQ(endpoint_id(self->primary), number_of(endpoint, "primary"));
	EXPECT_EQ(self->secondary, number_of(endpoint, "fd"));
	json_object_put(group);
}

TEST_F(tool, a_name_of_any_bytes_is_neither_printed_raw_nor_breaks_json)
{
	char name[MPIPC_GROUP_MAX];
	json_object *list;
	const char *c;

	snprintf(name, sizeof(name), "%.64s" NASTY, self->group);
	ASSERT_LE(0, open_primary(name));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list %s --noheadings -o group,id,group",
			 quoted(name)));
	for (c = self->result.out; *c; c++)
		EXPECT_TRUE((*c >= ' ' && *c <= '~') || (*c == '\n' && !c[1]));
	/* Spaces end the first column, but not the last. */
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list %s --noheadings -o group,id | "
			 "{ read -r group id; printf %%b \"$group\"; }", quoted(name)));
	EXPECT_STREQ(name, self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "printf %%b \"$(mpipc list %s --noheadings -o group)\"",
			 quoted(name)));
	EXPECT_STREQ(name, self->result.out);

	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J -o group,id %s", quoted(name)));
	list = parse(self->result.out);
	EXPECT_TRUE(has(text_of(row(list, "endpoints", 0), "group"), " \\033[31m\"\\134\\012"));
	json_object_put(list);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc stat %s", quoted(name)));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc stat %s", quoted(NASTY)));
	EXPECT_TRUE(complains(&self->result, "no group \" \\033[31m"));
}

TEST_F(tool, a_group_that_is_not_there_is_an_error)
{
	EXPECT_EQ(1, run(&self->result, 1, "mpipc list none.%s %s", self->group, self->group));
	EXPECT_TRUE(complains(&self->result, "no group \"none."));
	EXPECT_TRUE(has(self->result.out, self->group));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc stat none.%s", self->group));
	EXPECT_TRUE(complains(&self->result, "no group \"none."));
}

TEST_F(tool, groups_that_come_and_go_do_not_disturb_a_listing)
{
	struct child children[2];
	json_object *list;

	for (int i = 0; i < 2; i++) {
		char name[MPIPC_GROUP_MAX];

		ASSERT_LE(0, child_fork(&children[i]));
		if (children[i].pid)
			continue;
		group_name(name, "comes and goes");
		child_send(&children[i], 0);
		while (!join_and_close(name, 1))
			;
		_exit(1);
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, child_hear(&children[i], NULL));
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J -o group,process,fd"));
		list = parse(self->result.out);
		EXPECT_LE(2, json_object_array_length(member(list, "endpoints")));
		json_object_put(list);
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(128 + SIGKILL, child_kill(&children[i]));
}

TEST_F(tool, shows_what_each_user_holds_and_may_hold)
{
	json_object *users, *root = NULL;
	int i;

	EXPECT_EQ(0, run(&self->result, 0, "mpipc users -J"));
	users = parse(self->result.out);
	for (i = 0; i < (int)json_object_array_length(member(users, "users")); i++)
		if (!number_of(row(users, "users", i), "uid"))
			root = row(users, "users", i);
	ASSERT_NE(NULL, root);
	EXPECT_LE(2, number_of(root, "endpoints"));
	EXPECT_LE(1, number_of(root, "groups"));
	EXPECT_LE(0, number_of(root, "bytes"));
	EXPECT_LE(0, number_of(root, "files"));
	EXPECT_EQ(0, run(&self->result, 0, "cat /sys/module/mpipc/parameters/user_endpoints"));
	EXPECT_EQ(strtoll(self->result.out, NULL, 10), number_of(root, "max_endpoints"));
	json_object_put(users);
}

/* All commands */

TEST_F(tool, an_unknown_column_is_an_error_that_names_the_known_ones)
{
	EXPECT_EQ(2, run(&self->result, 2, "mpipc list -o id,nope"));
	EXPECT_STREQ("", self->result.out);
	EXPECT_TRUE(has(self->result.err, "no column \"nope\"; there are GROUP ID ROLE"));
	EXPECT_EQ(2, run(&self->result, 2, "mpipc list -o MEMBERS"));
	EXPECT_EQ(2, run(&self->result, 2, "mpipc list -o ''"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -o MEMBERS -g"));
}

TEST_F(tool, wrong_use_exits_with_2_and_says_where_help_is)
{
	static const char *const lines[] = {
		"", "nope", "list -x", "list --nope", "list --count 1", "list --json=x", "list -o",
		"stat", "stat a b", "top -n x 1", "top -d 0 -n 1", "top", "monitor a b",
		"monitor -n -1", "send", "send group", "send a b c d", "send -T 1 a b c",
		"send -t never a b c", "send -t 0x1 a b c", "send -J a b c", "request -t '' a b c",
		"listen", "listen -m 0777 a", "listen -m 0 a", "listen -s -m 0600 a", "load -x",
		"unload now", "doctor now",
	};

	EXPECT_EQ(2, run(&self->result, 2, "mpipc list -g -xg"));
	EXPECT_TRUE(has(self->result.err, "mpipc: -x: "));
	EXPECT_EQ(2, run(&self->result, 2, "mpipc send group name -5"));
	EXPECT_TRUE(has(self->result.err, "behind -- it is an argument"));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		EXPECT_EQ(2, run(&self->result, 2, "mpipc %s", lines[i]));
		EXPECT_STREQ("", self->result.out);
		EXPECT_TRUE(has(self->result.err, "mpipc: "));
		EXPECT_TRUE(has(self->result.err, "Try: mpipc "));
	}
}

TEST_F(tool, every_command_has_help)
{
	char commands[1024], *command, *rest = commands;
	unsigned int n = 0;

	EXPECT_EQ(0, run(&self->result, 0, "mpipc --help | sed '1,/^Commands:/d; /^$/,$d' | "
			 "awk '{ print $1 }'"));
	strcpy(commands, self->result.out);
	while ((command = strsep(&rest, "\n")) && *command) {
		EXPECT_EQ(0, run(&self->result, 0, "mpipc %s --help", command));
		EXPECT_TRUE(has(self->result.out, "usage: mpipc "));
		EXPECT_STREQ("", self->result.err);
		n++;
	}
	EXPECT_EQ(12, n);
}

TEST_F(tool, its_version_is_that_of_the_module)
{
	EXPECT_EQ(0, run(&self->result, 0, "test \"$(mpipc --version)\" = "
			 "\"mpipc $(cat /sys/module/mpipc/version)\""));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J"));
	EXPECT_TRUE(has(self->result.out, "{\"version\":\"0."));
}

TEST_F(tool, output_that_cannot_be_written_is_an_error)
{
	struct how how = { 0 };
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	how.out = ends[1];
	/* The reader has ended, which is no reason to print anything. */
	EXPECT_EQ(1, run_with(&self->result, &how, "mpipc list"));
	EXPECT_STREQ("", self->result.err);
	EXPECT_EQ(1, run(&self->result, 1, "mpipc list >/dev/full"));
	EXPECT_TRUE(complains(&self->result, "cannot write: No space left on device"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc list >&-"));
}

TEST_F(tool, too_little_memory_is_an_error)
{
	const rlim_t step = 256 << 10;
	struct how how = { .memory = 2 << 20 };
	unsigned int said = 0;

	for (int i = 0; i < 1000; i++)
		ASSERT_LE(0, open_secondary(self->group));
	/* This is the memory that it takes to start. */
	while (run_with(&self->result, &how, "exec mpipc --version"))
		how.memory += step;
	while (run_with(&self->result, &how, "exec mpipc list -J")) {
		EXPECT_EQ(1, self->result.status);
		EXPECT_TRUE(complains(&self->result, "out of memory"));
		how.memory += step;
		said++;
	}
	EXPECT_LT(0, said);
	json_object_put(parse(self->result.out));
}

TEST_HARNESS_MAIN
