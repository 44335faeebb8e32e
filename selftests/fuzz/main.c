// SPDX-License-Identifier: GPL-2.0-only
/* Which programs are run, and what becomes of them (see usage()) */

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <linux/kcov.h>

#include "../wait.h"
#include "fuzz.h"

/* No program may take this long. */
#define HANG_S 60
#define MAX_PROGRAMS 4096

static void __attribute__((noreturn)) usage(void)
{
	fputs("usage: fuzz [--seconds N] [--seed N] FILE...\n"
	      "       fuzz --replay [--times N] FILE...\n"
	      "       fuzz --merge FILE...\n"
	      "\n"
	      "Runs the programs in the FILEs, then changes of them for N seconds (default 60),\n"
	      "and prints those that reach new places of the module. To replay is to run each\n"
	      "of them N times (default 100), to merge to print the least of them that still\n"
	      "reach all places. Ends with 1 when something is wrong.\n", stderr);
	exit(2);
}

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(2);
}

/* Coverage (steps from one place of the module to the next) */

#define MAX_STEPS (1 << 14)

/**
 * struct step - a step that was seen
 * @key: from and to, the low halves of their addresses
 * @known: a program that is kept makes it
 * @tries: how often it did not occur again
 */
struct step {
	uint64_t key;
	bool known;
	uint8_t tries;
};

static struct step steps[MAX_STEPS];
static unsigned int n_steps, n_known;
/* Places are counted by themselves, to say how much was reached. */
static uint32_t places[MAX_STEPS];
static unsigned int n_places;

/**
 * struct reach - the steps of a run
 * @n: how many
 * @steps: indices in @steps
 * @has: by index, whether
 */
struct reach {
	unsigned int n;
	uint16_t steps[MAX_STEPS];
	bool has[MAX_STEPS];
};

static struct kcov kcov[N_ACTORS];

static void open_kcov(struct kcov *kcov)
{
	kcov->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (kcov->fd < 0 || ioctl(kcov->fd, KCOV_INIT_TRACE, KCOV_SIZE))
		die("KCOV");
	kcov->area = mmap(NULL, KCOV_SIZE * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED,
			  kcov->fd, 0);
	if (kcov->area == MAP_FAILED)
		die("KCOV");
}

static void note_place(uint32_t place)
{
	for (unsigned int at = place * 2654435761U >> 18;; at = (at + 1) % MAX_STEPS) {
		if (places[at] == place)
			return;
		if (!places[at]) {
			places[at] = place;
			n_places++;
			return;
		}
	}
}

static unsigned int step_index(uint64_t key)
{
	unsigned int at = key * 0x9e3779b97f4a7c15 >> 50;

	while (steps[at].key && steps[at].key != key)
		at = (at + 1) % MAX_STEPS;
	if (!steps[at].key) {
		if (++n_steps == MAX_STEPS) {
			fputs("fuzz: too many steps\n", stderr);
			exit(2);
		}
		note_place(key);
		steps[at].key = key;
	}
	return at;
}

static void collect(struct reach *reach, const unsigned long *area)
{
	uint32_t from = 0;

	for (unsigned long i = 1; i <= area[0] && i < KCOV_SIZE; i++) {
		uint64_t key = (uint64_t)from << 32 | (uint32_t)area[i];
		unsigned int step;

		from = area[i];
		if (!from)
			continue;
		step = step_index(key);
		if (!reach->has[step])
			reach->steps[reach->n++] = step;
		reach->has[step] = true;
	}
}

/*
 * Running a program
 */

static unsigned long n_runs;
static int console;

/* Log a program where it can still be read when the kernel has died. */
static void log_program(const struct program *program)
{
	char text[MAX_TEXT + 16] = "<7>fuzz: ";

	program_print(program, text + strlen(text));
	if (write(console, text, strlen(text)) < 0)
		die("/dev/kmsg");
}

static void __attribute__((noreturn)) report(const struct program *program, const char *what)
{
	char text[MAX_TEXT];

	program_print(program, text);
	printf("found: %s\nprogram: %s\n", what, text);
	exit(1);
}

static void on_alarm(int signal)
{
}

static void run(const struct program *program, struct reach *reach)
{
	const char *what;
	int status;
	pid_t pid;

	log_program(program);
	n_runs++;
	run_reset();
	world_reset(program);
	for (int i = 0; i < N_ACTORS; i++)
		kcov[i].area[0] = 0;
	pid = run_start(program, kcov);
	if (pid < 0)
		die("clone");
	alarm(HANG_S);
	if (waitpid(pid, &status, 0) < 0) {
		/* The process might not even die. */
		kill(pid, SIGKILL);
		report(program, "it does not end");
	}
	alarm(0);
	if (shared->finding[0])
		report(program, shared->finding);
	if (WIFSIGNALED(status))
		report(program, strsignal(WTERMSIG(status)));
	what = world_check(program);
	if (what)
		report(program, what);

	memset(reach, 0, sizeof(*reach));
	for (int i = 0; i < N_ACTORS; i++)
		collect(reach, kcov[i].area);
}

/*
 * The programs that are kept
 */

static struct program programs[MAX_PROGRAMS];
static unsigned int n_programs;

static void add(const struct program *program)
{
	if (n_programs == MAX_PROGRAMS) {
		fputs("fuzz: too many programs\n", stderr);
		exit(2);
	}
	programs[n_programs++] = *program;
}

static void read_programs(const char *path)
{
	char line[MAX_TEXT + 2];
	struct program program;
	FILE *file = fopen(path, "re");

	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (!program_parse(&program, line)) {
			fprintf(stderr, "%s: not a program: %s\n", path, line);
			exit(2);
		}
		add(&program);
	}
	fclose(file);
}

static void print_program(const char *what, const struct program *program)
{
	char text[MAX_TEXT];

	program_print(program, text);
	printf("%s%s\n", what, text);
}

/* Fill @fresh with the steps of @reach that no program that is kept makes. */
static void find_fresh(struct reach *fresh, const struct reach *reach)
{
	memset(fresh, 0, sizeof(*fresh));
	for (unsigned int i = 0; i < reach->n; i++) {
		unsigned int step = reach->steps[i];

		if (steps[step].known || steps[step].tries > 4)
			continue;
		fresh->steps[fresh->n++] = step;
		fresh->has[step] = true;
	}
}

static bool contains(const struct reach *all, const struct reach *some)
{
	for (unsigned int i = 0; i < some->n; i++)
		if (!all->has[some->steps[i]])
			return false;
	return true;
}

/* Keep only the steps that @other has, too, because the others may be due to chance. */
static void intersect(struct reach *reach, const struct reach *other)
{
	unsigned int n = reach->n;

	reach->n = 0;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int step = reach->steps[i];

		if (other->has[step]) {
			reach->steps[reach->n++] = step;
		} else {
			reach->has[step] = false;
			steps[step].tries++;
		}
	}
}

/* Remove operations without which the program still makes the steps. */
static void minimise(struct program *program, const struct reach *wanted)
{
	static struct reach reach;

	for (unsigned int i = program->n; i-- && program->n > 1;) {
		struct program shorter = *program;
		bool still;

		program_remove(&shorter, i);
		run(&shorter, &reach);
		still = contains(&reach, wanted);
		if (still) {
			run(&shorter, &reach);
			still = contains(&reach, wanted);
		}
		if (still)
			*program = shorter;
	}
}

static void know(const struct reach *reach)
{
	for (unsigned int i = 0; i < reach->n; i++) {
		n_known += !steps[reach->steps[i]].known;
		steps[reach->steps[i]].known = true;
	}
}

/* Run a program, and keep what is of use. Return true if something is. */
static bool try(struct program *program)
{
	static struct reach reach, fresh, again;

	run(program, &reach);
	find_fresh(&fresh, &reach);
	for (int i = 0; i < 2 && fresh.n; i++) {
		run(program, &again);
		intersect(&fresh, &again);
	}
	if (!fresh.n)
		return false;
	minimise(program, &fresh);
	know(&fresh);
	add(program);
	return true;
}

static const struct program *pick(void)
{
	if (n_programs > 16 && !random_below(3))
		return &programs[n_programs - 1 - random_below(16)];
	return &programs[random_below(n_programs)];
}

static void fuzz(unsigned int seconds)
{
	static struct reach reach;
	unsigned int n_new = 0;
	__u64 start = now_ns(), end;

	for (unsigned int i = 0; i < n_programs; i++) {
		run(&programs[i], &reach);
		know(&reach);
	}
	printf("fuzz: %u programs make %u steps at %u places\n", n_programs, n_known, n_places);
	n_runs = 0;
	start = now_ns();
	end = start + seconds * 1000 * NSEC_PER_MSEC;
	while (now_ns() < end) {
		struct program program = *pick();

		program_mutate(&program, pick());
		if (try(&program)) {
			print_program("new: ", &program);
			n_new++;
		}
	}
	printf("fuzz: %lu runs, %lu a second; %u new programs; %u steps at %u places\n", n_runs,
	       (unsigned long)(n_runs * 1000 * NSEC_PER_MSEC / (now_ns() - start)), n_new,
	       n_known, n_places);
}

static void replay(unsigned int times)
{
	static struct reach reach;

	for (unsigned int i = 0; i < n_programs; i++)
		for (unsigned int n = 0; n < times; n++)
			run(&programs[i], &reach);
	printf("fuzz: %u programs, each %u times\n", n_programs, times);
}

/* Find out what programs always reach, and which of them are still needed. */
static void merge(void)
{
	static struct reach reach, again;
	bool (*has)[MAX_STEPS] = calloc(n_programs, sizeof(*has));
	unsigned int n = n_programs;

	for (unsigned int i = 0; i < n; i++) {
		run(&programs[i], &reach);
		for (int j = 0; j < 2; j++) {
			run(&programs[i], &again);
			intersect(&reach, &again);
		}
		memcpy(has[i], reach.has, sizeof(has[i]));
	}
	for (;;) {
		unsigned int best = 0, most = 0;
		struct program program;

		for (unsigned int i = 0; i < n; i++) {
			unsigned int gain = 0;

			for (unsigned int j = 0; j < MAX_STEPS; j++)
				gain += has[i][j] && !steps[j].known;
			if (gain > most || (gain && gain == most &&
					    programs[i].n < programs[best].n)) {
				most = gain;
				best = i;
			}
		}
		if (!most)
			break;
		memset(&reach, 0, sizeof(reach));
		for (unsigned int j = 0; j < MAX_STEPS; j++)
			if (has[best][j] && !steps[j].known) {
				reach.steps[reach.n++] = j;
				reach.has[j] = true;
			}
		program = programs[best];
		minimise(&program, &reach);
		know(&reach);
		print_program("keep: ", &program);
	}
	printf("fuzz: of %u programs; %u steps at %u places\n", n, n_known, n_places);
}

/* Print places as offsets in the module, for readers who want to know which are missing. */
static void print_places(void)
{
	unsigned long base = 0;
	FILE *file = fopen("/sys/module/mpipc/sections/.text", "re");

	if (!file || fscanf(file, "%lx", &base) != 1)
		die("the module's address");
	fclose(file);
	printf("places:");
	for (unsigned int i = 0; i < MAX_STEPS; i++)
		if (places[i])
			printf(" %x", places[i] - (uint32_t)base);
	printf("\n");
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text ? text : "", &end, 10);

	if (!text || end == text || *end || value > 1000000)
		usage();
	return value;
}

int main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned int seconds = 60, times = 100, seed = 1;
	const struct rlimit none = { 0, 0 };
	bool replays = false, merges = false;
	int i;

	/* Operations turn their process into this one. */
	if (argc == 2 && !strcmp(argv[1], "--pause"))
		for (;;)
			pause();
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--replay"))
			replays = true;
		else if (!strcmp(argv[i], "--merge"))
			merges = true;
		else if (!strcmp(argv[i], "--seconds"))
			seconds = number(argv[++i]);
		else if (!strcmp(argv[i], "--times"))
			times = number(argv[++i]);
		else if (!strcmp(argv[i], "--seed"))
			seed = number(argv[++i]);
		else
			usage();
	}
	if (i >= argc || (replays && merges))
		usage();
	while (i < argc)
		read_programs(argv[i++]);
	if (!n_programs)
		usage();

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &action, NULL);
	/* A core dump would end all processes that share the memory. */
	setrlimit(RLIMIT_CORE, &none);
	random_seed(seed);
	/* Without this, the log takes fewer lines than there are programs. */
	console = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);
	if (console < 0 || write(console, "on\n", 3) != 3)
		die("printk_devkmsg");
	close(console);
	console = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	for (i = 0; i < N_ACTORS; i++)
		open_kcov(&kcov[i]);
	run_init();
	world_init();
	if (replays)
		replay(times);
	else if (merges)
		merge();
	else
		fuzz(seconds);
	print_places();
	return 0;
}
