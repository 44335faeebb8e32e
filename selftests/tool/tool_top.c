// SPDX-License-Identifier: GPL-2.0-only
/* Tests of mpipc top: at a terminal, which it puts back, and without one. */
#include "child.h"
#include "device.h"
#include "message.h"
#include "tool.h"

#include <termios.h>

TEST_F(tool, top_without_a_terminal_ends_by_itself)
{
	EXPECT_EQ(2, run(&self->result, 2, "mpipc top"));
	EXPECT_TRUE(has(self->result.err, "-n"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc top -d 0.05 -n 3 -o id,sent/s"));
	EXPECT_EQ(NULL, strchr(self->result.out, '\033'));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc top -d 0.05 -n 3 -o role | grep -c ROLE"));
	EXPECT_STREQ("3\n", self->result.out);
}

TEST_F(tool, top_shows_how_much_happens_in_a_second)
{
	struct child top;
	long long rate = 0;
	const char *line;

	start(&top, "mpipc top -d 0.2 -n 100 --noheadings -o role,sent/s,group");
	while (!rate) {
		ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
		line = next_line(top.line);
		ASSERT_NE('\0', line[0]);
		if (strstr(line, self->group))
			sscanf(line, "primary %lld", &rate);
	}
	EXPECT_LT(0, rate);
	EXPECT_EQ(128 + SIGKILL, child_kill(&top));
}

/* Start top at a terminal, and return the other end of the terminal. */
static int start_at_terminal(struct child *child, const char *line)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize size = { .ws_row = 10, .ws_col = 40 };

	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		return -errno;
	ioctl(terminal, TIOCSWINSZ, &size);
	if (child_fork(child) < 0)
		return -errno;
	if (child->pid)
		return terminal;
	setsid();
	for (int fd = 0; fd <= 2; fd++) {
		/* Without O_NOCTTY the terminal becomes that of the session. */
		int other = open(ptsname(terminal), O_RDWR);

		dup2(other, fd);
	}
	exec_shell(line);
	return -1;
}

static tcflag_t flags_of(int terminal)
{
	struct termios termios = { 0 };

	tcgetattr(terminal, &termios);
	return termios.c_lflag;
}

TEST_F(tool, top_puts_the_terminal_back_when_it_ends)
{
	static const char keys[] = { 'q', 3 /* Ctrl-C */ };
	struct child top;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int terminal = start_at_terminal(&top, "exec mpipc top -d 0.1");

		ASSERT_LE(0, terminal);
		ASSERT_TRUE(waits_for(terminal, "GROUP"));
		EXPECT_EQ(0, flags_of(terminal) & (ICANON | ECHO));
		EXPECT_EQ(1, write(terminal, &keys[i], 1));
		EXPECT_EQ(0, child_reap(&top));
		EXPECT_EQ(ICANON | ECHO, flags_of(terminal) & (ICANON | ECHO));
		close(top.line);
		close(terminal);
	}
}

TEST_F(tool, top_prints_no_more_than_the_terminal_has_space_for)
{
	const char *line;
	struct child top;
	int terminal, lines = 0;

	for (int i = 0; i < 20; i++)
		ASSERT_LE(0, open_secondary(self->group));
	terminal = start_at_terminal(&top, "exec mpipc top -d 0.1");
	ASSERT_LE(0, terminal);
	ASSERT_TRUE(waits_for(terminal, "\033[J"));
	while (!strstr(line = next_line(terminal), "\033[J")) {
		/* The line ends with a carriage return. */
		ASSERT_LE(1, strlen(line));
		EXPECT_GE(41, strlen(line));
		lines++;
	}
	/* The first lines came with what was waited for. */
	EXPECT_EQ(8, lines);
	EXPECT_EQ(128 + SIGKILL, child_kill(&top));
	close(terminal);
}

TEST_F(tool, top_shows_the_numbers_of_a_group_with_a_long_name)
{
	char group[MPIPC_GROUP_MAX], id[32];
	struct child top;
	int terminal, fd;

	memset(group, 'n', sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	fd = open_primary(group);
	ASSERT_LE(0, fd);
	terminal = start_at_terminal(&top, "exec mpipc top -d 0.1 -o GROUP,ID,SENT");
	ASSERT_LE(0, terminal);
	snprintf(id, sizeof(id), "nnn~ %4llu ", endpoint_id(fd));
	EXPECT_TRUE(waits_for(terminal, id));
	EXPECT_EQ(128 + SIGKILL, child_kill(&top));
	close(terminal);
	close(fd);
}

/*
 * The signal does not come from the keyboard, after which nobody is left to continue top,
 * because top leads its session.
 */
TEST_F(tool, top_puts_the_terminal_back_while_it_is_stopped)
{
	struct child top;
	int terminal = start_at_terminal(&top, "exec mpipc top -d 0.1"), status;

	ASSERT_LE(0, terminal);
	ASSERT_TRUE(waits_for(terminal, "GROUP"));
	kill(top.pid, SIGTSTP);
	ASSERT_EQ(top.pid, waitpid(top.pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(ICANON | ECHO, flags_of(terminal) & (ICANON | ECHO));
	kill(top.pid, SIGCONT);
	ASSERT_TRUE(waits_for(terminal, "\033[?25l"));
	EXPECT_EQ(0, flags_of(terminal) & (ICANON | ECHO));
	kill(top.pid, SIGQUIT);
	EXPECT_EQ(0, child_reap(&top));
	EXPECT_EQ(ICANON | ECHO, flags_of(terminal) & (ICANON | ECHO));
	close(top.line);
	close(terminal);
}

TEST_HARNESS_MAIN
