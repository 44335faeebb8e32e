// SPDX-License-Identifier: GPL-2.0-only
/* Tests of mpipc send, request and listen: messages between shells, and why there are none. */
#include "child.h"
#include "device.h"
#include "message.h"
#include "parameter.h"
#include "tool.h"

#include <sys/sysmacros.h>

TEST_F(tool, send_sends_its_argument_or_what_it_reads)
{
	struct mpipc_record record;
	char data[64] = "";

	EXPECT_EQ(0, run(&self->result, 0, "mpipc send %s name 'an argument'", self->group));
	EXPECT_STREQ("", self->result.out);
	ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));
	EXPECT_STREQ("name", record.name);
	EXPECT_EQ(11, record.size);
	EXPECT_EQ(0, memcmp(data, "an argument", 11));
	EXPECT_EQ(0, run(&self->result, 0, "printf 'a\\0b\\n' | mpipc send %s ''", self->group));
	ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));
	EXPECT_STREQ("", record.name);
	EXPECT_EQ(4, record.size);
	EXPECT_EQ(0, memcmp(data, "a\0b\n", 4));
	EXPECT_EQ(1, run(&self->result, 1, "head -c 65537 /dev/zero | mpipc send %s name",
			 self->group));
	EXPECT_TRUE(complains(&self->result, "at most 65536 bytes"));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &record, data, sizeof(data)));
}

TEST_F(tool, send_sends_descriptors_of_files)
{
	struct mpipc_record record;
	char data[8] = "";
	int fds[2] = { -1, -1 };

	EXPECT_EQ(0, run(&self->result, 0, "echo first >%s/1; echo second >%s/2; "
			 "mpipc send -f %s/1 -f %s/2 %s files ''", self->dir, self->dir,
			 self->dir, self->dir, self->group));
	ASSERT_EQ(0, recv_fds(self->primary, &record, NULL, 0, fds, 2, 0));
	EXPECT_EQ(2, record.n_fds);
	EXPECT_EQ(7, read(fds[1], data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, "second\n", 7));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -f %s/3 %s files ''", self->dir,
			 self->group));
	EXPECT_TRUE(complains(&self->result, "/3: No such file or directory"));
}

TEST_F(tool, send_says_why_nobody_got_it)
{
	int small;

	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -t 0 none.%s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "no primary"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -t 0.1 none.%s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "no primary came to the group in time"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -p -t 0.1 none.%s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "0 of 1 secondaries came in time"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -p %s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "already has a primary"));
	strcat(self->group, "s");
	small = open_small(self->group, MPIPC_PRIMARY, 0, 1);
	ASSERT_LE(0, small);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send %s a b", self->group));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -t 0.1 %s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "mailbox is full"));
	close(small);
}

TEST_F(tool, listen_prints_what_comes)
{
	char group[MPIPC_GROUP_MAX];
	struct child listener;
	json_object *message;

	group_name(group, "listen");
	start(&listener, "mpipc listen -n 3 -J -e %s", group);
	/* The command waits for the listener to be there. */
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send -f /dev/null %s 'a b' %s", group,
			 quoted(NASTY)));
	message = parse(next_line(listener.line));
	EXPECT_STREQ("joined", text_of(message, "type"));
	json_object_put(message);
	message = parse(next_line(listener.line));
	EXPECT_STREQ("message", text_of(message, "type"));
	EXPECT_STREQ("a b", text_of(message, "name"));
	EXPECT_EQ(strlen(NASTY), number_of(message, "size"));
	EXPECT_EQ(1, number_of(message, "fds"));
	EXPECT_EQ(0, number_of(message, "uid"));
	EXPECT_EQ(0, number_of(message, "lost"));
	EXPECT_TRUE(has(text_of(message, "data"), " \\033[31m\"\\134\\012"));
	json_object_put(message);
	message = parse(next_line(listener.line));
	EXPECT_STREQ("left", text_of(message, "type"));
	json_object_put(message);
	EXPECT_EQ(0, child_wait(&listener));
}

TEST_F(tool, listen_prints_a_table_or_the_payload_as_it_is)
{
	char group[MPIPC_GROUP_MAX];
	struct child listener;

	group_name(group, "listen");
	start(&listener, "mpipc listen -n 1 -o TYPE,NAME,SIZE,DATA %s", group);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send %s 'a b' 'c d'", group));
	EXPECT_STREQ("TYPE     NAME          SIZE DATA", next_line(listener.line));
	EXPECT_STREQ("message  a\\040b           3 c d", next_line(listener.line));
	EXPECT_EQ(0, child_wait(&listener));
	start(&listener, "mpipc listen -n 1 -r %s", group);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send %s 'a b' %s", group, quoted("\033\n")));
	EXPECT_STREQ("\033", next_line(listener.line));
	EXPECT_EQ(0, child_wait(&listener));
}

TEST_F(tool, listen_ends_in_time)
{
	EXPECT_EQ(1, run(&self->result, 1, "mpipc listen -t 0.1 listen.%s", self->group));
	EXPECT_TRUE(complains(&self->result, "no more came in time"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc listen -s -t 0.1 listen.%s", self->group));
	EXPECT_TRUE(complains(&self->result, "no primary came"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc listen %s", self->group));
	EXPECT_TRUE(complains(&self->result, "already has a primary"));
}

TEST_F(tool, request_prints_the_reply)
{
	char group[MPIPC_GROUP_MAX];
	struct child listener;

	group_name(group, "listen");
	start(&listener, "mpipc listen -n 2 -a 'it is 5' %s", group);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc request -r %s time now", group));
	EXPECT_STREQ("it is 5", self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc request --noheadings -o STATUS,ERROR,DATA "
			 "%s time now | tr -s ' '", group));
	EXPECT_STREQ(" 0 - it is 5\n", self->result.out);
	EXPECT_TRUE(waits_for(listener.line, "request"));
	EXPECT_TRUE(waits_for(listener.line, "request"));
	EXPECT_EQ(0, child_wait(&listener));
}

TEST_F(tool, the_time_begins_when_the_payload_was_read)
{
	char group[MPIPC_GROUP_MAX];
	struct child listener;

	group_name(group, "listen");
	start(&listener, "mpipc listen -n 1 -r -a yes %s", group);
	/* The replier takes longer than the request may take. */
	EXPECT_EQ(0, run(&self->result, 0, "{ sleep 3; echo late; } | mpipc request -t 2 -r %s a",
			 group));
	EXPECT_STREQ("yes", self->result.out);
	EXPECT_STREQ("late", next_line(listener.line));
	EXPECT_EQ(0, child_wait(&listener));
}

TEST_F(tool, request_without_a_reply_is_an_error)
{
	char group[MPIPC_GROUP_MAX];
	struct child listener;
	json_object *reply;

	group_name(group, "listen");
	start(&listener, "mpipc listen -n 1 %s", group);
	EXPECT_EQ(1, run(&self->result, 1, "mpipc request -J %s a b", group));
	EXPECT_TRUE(complains(&self->result, "Operation not supported"));
	reply = parse(self->result.out);
	EXPECT_EQ(-EOPNOTSUPP, json_object_get_int(member(reply, "status")));
	json_object_put(reply);
	EXPECT_TRUE(waits_for(listener.line, "request"));
	EXPECT_EQ(0, child_wait(&listener));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc request -t 0.1 %s a b", self->group));
	EXPECT_TRUE(complains(&self->result, "timed out"));
}

/* Start listeners that follow each primary, and end after the third message. */
static void start_followers(struct child listeners[2], const char *group)
{
	for (int i = 0; i < 2; i++)
		start(&listeners[i], "mpipc listen -s -n 3 -a yes -J -o DATA %s", group);
}

TEST_F(tool, a_primary_asks_all_secondaries_that_come)
{
	char group[MPIPC_GROUP_MAX];
	struct child listeners[2];

	group_name(group, "listen");
	start_followers(listeners, group);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send -p -n 2 %s a all", group));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc request -p -n 2 -o DATA,STATUS -J %s a b",
			 group));
	EXPECT_STREQ("{\"data\":\"yes\",\"status\":0}\n{\"data\":\"yes\",\"status\":0}\n",
		     self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc request -p -n 2 -r %s a c", group));
	EXPECT_STREQ("yesyes", self->result.out);
	for (int i = 0; i < 2; i++) {
		EXPECT_STREQ("{\"data\":\"all\"}", next_line(listeners[i].line));
		EXPECT_STREQ("{\"data\":\"b\"}", next_line(listeners[i].line));
		EXPECT_STREQ("{\"data\":\"c\"}", next_line(listeners[i].line));
		EXPECT_EQ(0, child_wait(&listeners[i]));
	}
}

TEST_F(tool, a_primary_sends_to_one_secondary)
{
	char group[MPIPC_GROUP_MAX];
	struct child listeners[2];
	json_object *list;
	int destination;

	group_name(group, "listen");
	start_followers(listeners, group);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send -p -n 2 %s a all", group));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -J -o ID,PID %s", group));
	list = parse(self->result.out);
	destination = number_of(row(list, "endpoints", 0), "pid") == listeners[1].pid;
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send -p -T %lld %s a one",
			 number_of(row(list, "endpoints", 0), "id"), group));
	json_object_put(list);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc send -p -n 2 %s a both", group));
	EXPECT_EQ(0, child_reap(&listeners[destination]));
	for (int i = 0; i < 2; i++) {
		EXPECT_STREQ("{\"data\":\"all\"}", next_line(listeners[i].line));
		if (i == destination)
			EXPECT_STREQ("{\"data\":\"one\"}", next_line(listeners[i].line));
		EXPECT_STREQ("{\"data\":\"both\"}", next_line(listeners[i].line));
	}
	child_kill(&listeners[!destination]);
}

/* Groups that belong to a file */

TEST_F(tool, those_who_name_the_same_file_meet)
{
	char group[MPIPC_GROUP_MAX], expected[512];
	struct child listener;
	struct stat dir;

	group_name(group, "at");
	ASSERT_EQ(0, stat(self->dir, &dir));
	start(&listener, "mpipc listen --at %s -n 2 -a yes %s", self->dir, group);
	EXPECT_EQ(0, run(&self->result, 0, "unshare -n mpipc request -r --at %s %s ask ''",
			 self->dir, group));
	EXPECT_STREQ("yes", self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -g --noheadings -o group,mode,anchor %s |"
			 "tr -s ' '", group));
	snprintf(expected, sizeof(expected), "%s 0000 %u:%u:%llu\n", group, major(dir.st_dev),
		 minor(dir.st_dev), (unsigned long long)dir.st_ino);
	EXPECT_STREQ(expected, self->result.out);
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -t 0 %s a b", group));
	EXPECT_TRUE(complains(&self->result, "no primary"));
	EXPECT_EQ(0, run(&self->result, 0, "cd %s && mpipc send -A . %s a b", self->dir, group));
	/* Read to the end, because the listener fails if nobody takes what it prints. */
	while (*next_line(listener.line))
		continue;
	EXPECT_EQ(0, child_wait(&listener));
}

TEST_F(tool, a_file_that_no_group_can_belong_to_is_explained)
{
	const struct how how = { .uid = NOBODY };
	char line[256];

	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -A %s/none g a b", self->dir));
	EXPECT_TRUE(complains(&self->result, "/none: No such file or directory"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc send -A /dev/null g a b"));
	EXPECT_TRUE(complains(&self->result, "only belong to a directory or a regular file"));
	EXPECT_EQ(2, run(&self->result, 2, "mpipc listen -A %s -m 0660 g", self->dir));
	EXPECT_TRUE(has(self->result.err, "the mode of the file counts"));
	ASSERT_EQ(0, make_node(self->dir, 0, 0666));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	snprintf(line, sizeof(line), "mpipc send -A %s g a b", self->dir);
	EXPECT_EQ(1, run_with(&self->result, &how, line));
	EXPECT_TRUE(complains(&self->result, "that is for user root and group root (mode 0755)"));
}

/* Permission */

TEST_F(tool, a_device_that_may_not_be_used_is_explained)
{
	const struct how how = { .uid = NOBODY };
	char line[256];

	ASSERT_EQ(0, make_node(self->dir, 0, 0600));
	snprintf(line, sizeof(line), "mpipc send %s a b", self->group);
	EXPECT_EQ(1, run_with(&self->result, &how, line));
	EXPECT_TRUE(complains(&self->result, "which is for user root and group root (mode 0600)"));
	EXPECT_TRUE(has(self->result.err, "as root: "));
	EXPECT_TRUE(has(self->result.err, "chgrp mpipc "));
	/* Looking needs no device. */
	EXPECT_EQ(0, run_with(&self->result, &how, "mpipc list"));
	EXPECT_TRUE(has(self->result.out, self->group));
}

TEST_F(tool, a_group_that_may_not_be_joined_is_explained)
{
	const struct how how = { .uid = NOBODY };
	char line[256];

	ASSERT_EQ(0, make_node(self->dir, 0, 0666));
	snprintf(line, sizeof(line), "mpipc send %s a b", self->group);
	EXPECT_EQ(1, run_with(&self->result, &how, line));
	EXPECT_TRUE(complains(&self->result, "it is for user root and group root (mode 0600)"));
	snprintf(line, sizeof(line), "mpipc listen -t 0 -m 0660 %s.mine", self->group);
	EXPECT_EQ(1, run_with(&self->result, &how, line));
	EXPECT_TRUE(complains(&self->result, "no more came in time"));
}

TEST_HARNESS_MAIN
