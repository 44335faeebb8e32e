// SPDX-License-Identifier: GPL-2.0-only
/*
 * stress_run [SECONDS [SEED]]
 *
 * Processes and threads do everything that the device can be asked for, at random,
 * and everything that can happen to a process; a model says whether what each saw
 * fits together. Prints TAP. The same seed makes the workers decide the same, and
 * round N of a run is the first of a run with the seed N higher.
 *
 * See stress.h for the parts of the program.
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "parameter.h"
#include "stress.h"
#include "user.h"
#include "wait.h"

#include "kselftest.h"

#include <dirent.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ROUND_MS	5000
#define PATIENCE_MS	120000	/* for workers that do not end a round */

struct ledger *ledger;

static const struct {
	const char *name;
	unsigned int least;
	unsigned int range;
} params[] = {
	{ "mailbox_messages", 4, 60 },
	{ "mailbox_bytes", 40000, 300000 },
	{ "endpoint_calls", 4, 40 },
	{ "user_groups", 1 << 20, 1 },
	{ "user_endpoints", 1 << 20, 1 },
	{ "user_bytes", 1 << 19, 1 << 20 },
};

static long long usual[ARRAY_SIZE(params)];
static __u64 random_state;
static __u64 total[N_OPS];
static bool failed[N_PROPERTIES];
static int canaries[CANARIES]; /* this side of the files that workers pass */
static __u32 slots[SLOTS];     /* index of the process, or NONE */

static __u64 rnd(__u64 below)
{
	random_state = mix(random_state);
	return random_state % below;
}

static void __attribute__((noreturn)) die(const char *what)
{
	ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* Charges of each user */

/**
 * struct probe - an attempt of a user that holds nothing
 * @uid: the user
 * @fd: file that joins
 */
struct probe {
	uid_t uid;
	int fd;
};

#define PROBE_FILES 8

static uid_t user_id(unsigned int i)
{
	return i ? FIRST_USER + i : 0;
}

/*
 * Join as a user in one group with two endpoints, and send one message with as many files
 * as the user may have in flight.
 */
static int run_probe(void *arg)
{
	struct rlimit limit = { PROBE_FILES, PROBE_FILES };
	struct probe *probe = arg;
	char group[MPIPC_GROUP_MAX];
	int fds[PROBE_FILES + 1] = { 0 };
	int primary, secondary, err;

	group_name(group, "probe");
	if (probe->uid)
		become_user(probe->uid, probe->uid);
	else
		keep_capabilities(1ULL << CAP_DAC_OVERRIDE);
	primary = open_primary(group);
	if (primary < 0)
		return primary;
	secondary = open_secondary(group);
	if (secondary < 0)
		return secondary;
	setrlimit(RLIMIT_NOFILE, &limit);
	err = send_fds(secondary, MPIPC_TO_PRIMARY, "", NULL, 0, fds, PROBE_FILES);
	if (err)
		return err;
	/* Without a message the limits would not show anything. */
	return send_fds(secondary, MPIPC_TO_PRIMARY, "", NULL, 0, fds, 1) ? 0 : -ENODATA;
}

static int probe(uid_t uid, long long bytes)
{
	struct probe probe = { .uid = uid };

	set_param("user_groups", 1);
	set_param("user_endpoints", 2);
	set_param("user_bytes", bytes);
	return run_child(run_probe, &probe);
}

/*
 * Return how many bytes the probe's message needs, and whatever the user is charged for because the
 * device remembers it.
 */
static long long probe_bytes(void)
{
	long long low = 0, high = 1 << 16;

	while (low + 1 < high) {
		long long middle = (low + high) / 2;

		if (probe(user_id(1), middle))
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Keep the file of an endpoint that was this user's. */
static int run_remember(void *arg)
{
	struct probe *probe = arg;
	char group[MPIPC_GROUP_MAX];

	if (probe->uid)
		become_user(probe->uid, probe->uid);
	group_name(group, "user");
	return join_primary(probe->fd, group);
}

/* Have such files open, because meanwhile the device remembers what the user is charged for. */
static void remember_users(void)
{
	for (unsigned int i = 0; i < N_USERS; i++) {
		struct probe probe = { .uid = user_id(i), .fd = open_dev() };

		if (probe.fd < 0 || run_child(run_remember, &probe))
			die("join");
	}
}

/* The device's own accounts */

static bool groups_left(void)
{
	char line[1024];
	bool found = false;
	FILE *file = fopen("/proc/net/mpipc", "re");

	if (!file)
		die("/proc/net/mpipc");
	while (fgets(line, sizeof(line), file))
		found |= !strncmp(line, "group ", 6);
	fclose(file);
	return found;
}

static int files_left(void)
{
	FILE *file = fopen("/sys/module/mpipc/refcnt", "re");
	int n = -1;

	if (!file || fscanf(file, "%d", &n) != 1)
		die("/sys/module/mpipc/refcnt");
	fclose(file);
	return n;
}

/*
 * Wait for a condition. Kernel threads may drop the last references to files, and nothing
 * reports when, hence the short naps.
 */
static bool comes_true(bool (*condition)(void))
{
	const struct timespec nap = { .tv_nsec = 10 * NSEC_PER_MSEC };
	__u64 deadline = in_ms(20000);

	while (!condition()) {
		if (now_ns() > deadline)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

static bool no_files(void)
{
	return files_left() == N_USERS;
}

#define ANCHOR "/tmp/mpipc-stress"

/* Mount a file system whose root the anchored group belongs to. */
static void make_anchor(void)
{
	int fd;

	if ((mkdir(ANCHOR, 0700) && errno != EEXIST) ||
	    mount("stress", ANCHOR, "tmpfs", 0, "mode=0777"))
		die(ANCHOR);
	fd = open(ANCHOR, O_PATH);
	if (fd < 0 || dup2(fd, ANCHOR_FD) < 0)
		die(ANCHOR);
	close(fd);
}

/* The mount is busy as long as a member holds it. */
static bool anchor_unmounted(void)
{
	return !umount(ANCHOR);
}

/* Close a socket, because AF_UNIX looks through sockets in flight then. */
static void collect_sockets(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	close(pair[0]);
	close(pair[1]);
}

static void check_given_back(long long bytes)
{
	collect_sockets();
	for (int i = 0; i < CANARIES; i++) {
		if (!(poll_for(canaries[i], POLLIN, 20000) & POLLHUP))
			violation(P_BACK, NONE, NONE, "%s %d is still held by somebody",
				  i < CANARIES / 2 ? "pipe" : "socket", i);
		close(canaries[i]);
	}
	if (groups_left())
		violation(P_BACK, NONE, NONE, "there are groups in /proc/net/mpipc");
	close(ANCHOR_FD);
	if (!comes_true(anchor_unmounted))
		violation(P_BACK, NONE, NONE, "the mount of a directory is still busy");
	if (!comes_true(no_files))
		violation(P_BACK, NONE, NONE, "%d files of the device are open",
			  files_left() - N_USERS);
	for (unsigned int i = 0; i < N_USERS; i++) {
		int err = probe(user_id(i), bytes);

		if (err)
			violation(P_BACK, NONE, NONE,
				  "user %u is charged for something that is gone: %s", i,
				  strerror(-err));
	}
}

/* Workers */

static struct proc *proc_in(unsigned int slot)
{
	return slots[slot] == NONE ? NULL : &ledger->procs[slots[slot]];
}

static void spawn(unsigned int slot)
{
	static __u32 nth[SLOTS];
	__u32 n = ledger->n_procs;
	__u32 image = __atomic_fetch_add(&ledger->n_images, 1, __ATOMIC_SEQ_CST);
	struct proc *proc = &ledger->procs[n];
	pid_t pid;

	if (!ledger->n_procs)
		memset(nth, 0, sizeof(nth));
	if (n == MAX_PROCS || image >= MAX_IMAGES) {
		set_phase(RUN, QUIET);
		return;
	}
	ledger->n_procs++;
	proc->slot = slot;
	proc->nth = nth[slot]++;
	proc->image = image;
	ledger->images[image].proc = n;
	slots[slot] = n;
	/* The child shares the ledger. */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		worker_start(n);
	proc->pid = pid;
}

static bool ended_well(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !WEXITSTATUS(status);
}

/* Reap children, the orphans of workers included, and return true if any are left. */
static bool reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < SLOTS; i++) {
			struct proc *proc = proc_in(i);

			if (!proc || proc->pid != pid)
				continue;
			proc->dead = now_ns();
			slots[i] = NONE;
			if (!ended_well(status) || !proc->dying)
				violation(P_ERRORS, NONE, NONE,
					  "worker %u died by itself, of status %#x", i, status);
		}
	}
	return !pid;
}

/* Wait for a child's end or a signal of a worker. */
static void await_signal(unsigned int ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * NSEC_PER_MSEC };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigtimedwait(&set, NULL, &timeout);
}

/* Do to a worker what others do to it. */
static void trouble(void)
{
	static __u32 stopped = NONE;
	struct proc *proc = proc_in(rnd(SLOTS));
	unsigned int luck = rnd(100);

	/* Only one worker is stopped at a time, until the next time. */
	if (stopped != NONE && !ledger->procs[stopped].dead)
		kill(ledger->procs[stopped].pid, SIGCONT);
	stopped = NONE;
	if (!proc)
		return;
	if (luck < 3) {
		mark(&proc->dying);
		kill(proc->pid, SIGKILL);
		ledger->done[OP_KILL]++;
	} else if (luck < 20) {
		kill(proc->pid, SIGSTOP);
		stopped = proc - ledger->procs;
		ledger->done[OP_STOP]++;
	}
}

static void run(__u64 until)
{
	while (phase() == RUN && now_ns() < until && !ledger->n_violations) {
		reap();
		for (unsigned int i = 0; i < SLOTS; i++)
			if (slots[i] == NONE)
				spawn(i);
		await_signal(1 + rnd(30));
		trouble();
	}
	set_phase(RUN, QUIET);
}

static bool all_are_past(enum phase phase)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (proc_in(i) && __atomic_load_n(&proc_in(i)->phase, __ATOMIC_SEQ_CST) < phase)
			return false;
	return true;
}

static void print_file(const char *format, pid_t pid, const char *task)
{
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), format, (int)pid, task);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		printf("#   %s: %s%s", path, line, strchr(line, '\n') ? "" : "\n");
	if (file)
		fclose(file);
}

/* Print what a worker does that should have reported something. */
static void print_stuck(const struct proc *proc)
{
	char path[64];
	struct dirent *task;
	DIR *tasks;

	printf("# worker %u, pid %d, has been through phase %u\n", proc->slot, (int)proc->pid,
	       proc->phase);
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *m = &ledger->members[i];

		if (m->pid == (__u32)proc->pid && !m->leave_begin)
			printf("#   endpoint %#llx has %d calls open\n", m->join.id, m->async_open);
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)proc->pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		if (task->d_name[0] == '.')
			continue;
		print_file("/proc/%d/task/%s/syscall", proc->pid, task->d_name);
		print_file("/proc/%d/task/%s/stack", proc->pid, task->d_name);
	}
	if (tasks)
		closedir(tasks);
}

static void kill_those_before(enum phase phase)
{
	violation(P_ERRORS, NONE, NONE, "a worker does not come to the end of phase %u", phase);
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct proc *proc = proc_in(i);

		if (!proc)
			continue;
		if (proc->phase < phase)
			print_stuck(proc);
		mark(&proc->dying);
		kill(proc->pid, SIGKILL);
	}
}

static void await_all(enum phase phase)
{
	__u64 deadline = in_ms(PATIENCE_MS);

	while (reap(), !all_are_past(phase)) {
		if (now_ns() > deadline) {
			kill_those_before(phase);
			return;
		}
		await_signal(1000);
	}
}

static void await_end(void)
{
	__u64 deadline = in_ms(PATIENCE_MS);

	while (reap()) {
		if (now_ns() > deadline)
			die("processes do not end");
		await_signal(1000);
	}
}

static void end_round(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (proc_in(i))
			kill(proc_in(i)->pid, SIGCONT);
	await_all(QUIET);
	set_phase(QUIET, DRAIN);
	await_all(DRAIN);
	set_phase(DRAIN, OVER);
	await_end();
}

/* Rounds */

static void make_canary(int i)
{
	struct stat st;
	int ends[2];

	if (i < CANARIES / 2 ? pipe2(ends, O_CLOEXEC) :
			       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		die("canary");
	if (dup2(ends[1], CANARY_FD + i) < 0 || fstat(ends[1], &st))
		die("canary");
	close(ends[1]);
	canaries[i] = ends[0];
	ledger->canary[i] = st.st_ino;
}

static void begin_round(__u64 seed)
{
	/* The ledger is all zero again, and takes no memory yet. */
	if (ftruncate(LEDGER_FD, 0) || ftruncate(LEDGER_FD, sizeof(*ledger)))
		die("ledger");
	random_state = seed;
	ledger->seed = mix(seed);
	ledger->supervisor = getpid();
	ledger->n_chunks = 1; /* none is 0 */
	for (unsigned int i = 0; i < N_GROUPS; i++)
		snprintf(ledger->groups[i], sizeof(ledger->groups[i]), "stress %u.%d", i,
			 (int)getpid());
	for (unsigned int i = 0; i < CANARIES; i++)
		make_canary(i);
	make_anchor();
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		set_param(params[i].name, params[i].least + rnd(params[i].range));
	for (unsigned int i = 0; i < SLOTS; i++)
		slots[i] = NONE;
	neighbours_start(seed, get_param("user_bytes"));
}

static void report(__u64 seed)
{
	__u32 n = ledger->n_violations;

	for (unsigned int i = 0; i < N_OPS; i++)
		total[i] += ledger->done[i];
	if (!n)
		return;
	printf("# with seed %llu, %u violations, the first ones:\n", seed, n);
	for (__u32 i = 0; i < n && i < ARRAY_SIZE(ledger->violations); i++) {
		const struct violation *v = &ledger->violations[i];

		failed[v->property] = true;
		printf("# %s\n", v->text);
		model_print_history(v);
	}
}

/* Run a round; return true if nothing was found. */
static bool run_round(__u64 seed, __u64 until, long long bytes)
{
	begin_round(seed);
	run(until);
	end_round();
	for (unsigned int i = 0; i < CANARIES; i++)
		close(CANARY_FD + i);
	model_check();
	check_given_back(bytes);
	report(seed);
	return !ledger->n_violations;
}

#define OP_TEXT(name, text) [name] = text,
static const char *const op_text[] = { OPS(OP_TEXT) };
#define PROPERTY_TEXT(name, text) [name] = text,
static const char *const property_text[] = { PROPERTIES(PROPERTY_TEXT) };

static bool is_counted(unsigned int op)
{
	return op_text[op][0] != '-';
}

static bool some_of_everything(void)
{
	for (unsigned int i = 0; i < N_OPS; i++)
		if (is_counted(i) && !total[i])
			return false;
	return true;
}

static void print_totals(void)
{
	for (unsigned int i = 0; i < N_OPS; i++)
		if (is_counted(i))
			ksft_print_msg("%10llu %s\n", total[i], op_text[i]);
}

static void map_ledger(void)
{
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED, LEDGER_FD, 0);
	if (ledger == MAP_FAILED)
		die("ledger");
}

static void set_up(void)
{
	struct rlimit files = { 65536, 65536 };
	int fd = memfd_create("stress ledger", 0);
	sigset_t set;

	if (fd < 0 || ftruncate(fd, sizeof(*ledger)) || dup2(fd, LEDGER_FD) < 0)
		die("ledger");
	close(fd);
	map_ledger();
	if (setrlimit(RLIMIT_NOFILE, &files) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		die("run this as root");
	if (neighbours_set_up())
		die("memory cgroups");
	remember_users();
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		usual[i] = get_param(params[i].name);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void run_all(unsigned int seconds, __u64 seed)
{
	const __u64 end = in_ms(seconds * 1000);
	/* Rare operations may take longer on a slow machine. */
	const __u64 at_most = in_ms(5 * seconds * 1000);
	const bool long_enough = seconds >= 30;
	long long bytes = probe_bytes();
	unsigned int rounds = 0;
	bool good = true;

	while (good && (now_ns() < end || (long_enough && now_ns() < at_most &&
					   !some_of_everything()))) {
		good = run_round(seed + rounds, in_ms(ROUND_MS), bytes);
		rounds++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		set_param(params[i].name, usual[i]);
	ksft_print_msg("%u rounds:\n", rounds);
	print_totals();
	for (unsigned int i = 0; i < N_PROPERTIES; i++)
		if (failed[i])
			ksft_test_result_fail("%s\n", property_text[i]);
		else
			ksft_test_result_pass("%s\n", property_text[i]);
	if (long_enough && some_of_everything())
		ksft_test_result_pass("there was some of everything\n");
	else if (long_enough)
		ksft_test_result_fail("there was some of everything\n");
	if (ksft_get_fail_cnt())
		ksft_exit_fail();
	ksft_exit_pass();
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 60;
	__u64 seed = argc > 2 ? strtoull(argv[2], NULL, 10) : now_ns() % 1000000000;

	if (argc > 1 && argv[1][0] == '-') {
		if (strcmp(argv[1], "--hold"))
			map_ledger();
		return worker_exec(argv);
	}
	/* Children must not print what is not printed yet. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(N_PROPERTIES + (seconds >= 30));
	ksft_print_msg("seed %llu\n", seed);
	set_up();
	run_all(seconds, seed);
	return 0;
}
