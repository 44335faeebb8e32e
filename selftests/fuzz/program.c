// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs as text, and by chance.
 *
 * As text, an operation is NAME[@ACTOR][&][:ARG,ARG...]. "&" stands for a race. Arguments
 * are hexadecimal, and zeroes at the end are left out. A program is operations between
 * spaces.
 */

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15 + 1;
}

uint64_t random_below(uint64_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1d >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !random_below(n);
}

/* Text */

static unsigned int print_op(const struct op *op, char *text, size_t size)
{
	const struct kind *kind = &kinds[op->kind];
	size_t n_args = strlen(kind->args);
	unsigned int len;

	while (n_args && !op->args[n_args - 1])
		n_args--;
	len = snprintf(text, size, "%s", kind->name);
	if (op->actor)
		len += snprintf(text + len, size - len, "@%u", op->actor);
	if (op->race)
		len += snprintf(text + len, size - len, "&");
	for (size_t i = 0; i < n_args; i++)
		len += snprintf(text + len, size - len, "%c%x", i ? ',' : ':', op->args[i]);
	return len;
}

void program_print(const struct program *program, char text[MAX_TEXT])
{
	/* The longest operation has 9 characters of name, 4, and 3 for each argument. */
	_Static_assert(MAX_OPS * (9 + 4 + 3 * MAX_ARGS) < MAX_TEXT, "MAX_TEXT");
	unsigned int len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < program->n; i++) {
		if (i)
			text[len++] = ' ';
		len += print_op(&program->ops[i], text + len, MAX_TEXT - len);
	}
}

static const char *parse_op(struct op *op, const char *text)
{
	unsigned int i = 0;
	size_t len = 0;
	char *end;

	memset(op, 0, sizeof(*op));
	while (islower(text[len]) || text[len] == '_')
		len++;
	while (op->kind < n_kinds && (strncmp(kinds[op->kind].name, text, len) ||
				      kinds[op->kind].name[len]))
		op->kind++;
	if (op->kind == n_kinds)
		return NULL;
	text += len;
	if (*text == '@') {
		op->actor = strtoul(text + 1, &end, 10);
		text = end;
	}
	if (*text == '&') {
		op->race = 1;
		text++;
	}
	if (*text == ':') {
		do {
			if (i == strlen(kinds[op->kind].args))
				return NULL;
			op->args[i++] = strtoul(text + 1, &end, 16);
			text = end;
		} while (*text == ',');
	}
	return op->actor < N_ACTORS ? text : NULL;
}

bool program_parse(struct program *program, const char *text)
{
	program->n = 0;
	while (text && *text && program->n < MAX_OPS) {
		text = parse_op(&program->ops[program->n++], text);
		if (text && *text == ' ')
			text++;
		else if (text && *text)
			return false;
	}
	return text && !*text && program->n;
}

bool program_uses(const struct program *program, const char *kind)
{
	for (unsigned int i = 0; i < program->n; i++)
		if (!strcmp(kinds[program->ops[i].kind].name, kind))
			return true;
	return false;
}

/* Chance */

/*
 * Choose an argument that lets programs get anywhere in most cases. These letters stand for
 * arguments: s a slot, r a role, g a group, t a destination, w which call, f flags, z a
 * size, c a count, n descriptors, d a deadline, o x y something odd, v any value
 */
static uint8_t random_arg(char what)
{
	switch (what) {
	case 's':
		return random_below(one_in(4) ? N_SLOTS : 3);
	case 'r':
		return one_in(16) ? random_below(4) : 1 + random_below(2);
	case 'g':
		return one_in(4) ? random_below(5) : 0;
	case 't':
		return one_in(3) ? random_below(2 * N_SLOTS) : random_below(5);
	case 'w':
		return one_in(4) ? random_below(16) : 0;
	case 'f':
		return one_in(3) ? random_below(16) : 0;
	case 'z':
	case 'c':
		return random_below(12);
	case 'n':
		return one_in(2) ? random_below(256) : 0;
	case 'd':
		return random_below(6);
	case 'o':
		/* The user of this value takes it modulo what there is. */
		return one_in(8) ? random_below(256) : 0;
	}
	return one_in(2) ? random_below(256) : random_below(8);
}

static uint8_t random_kind(void)
{
	unsigned int sum = 0, at;
	uint8_t kind = 0;

	for (unsigned int i = 0; i < n_kinds; i++)
		sum += kinds[i].weight;
	at = random_below(sum);
	while (at >= kinds[kind].weight)
		at -= kinds[kind++].weight;
	return kind;
}

static void random_actor(struct op *op)
{
	op->actor = one_in(3) ? random_below(N_ACTORS) : MAIN;
	op->race = op->actor && one_in(4);
}

static void random_op(struct op *op)
{
	memset(op, 0, sizeof(*op));
	op->kind = random_kind();
	random_actor(op);
	for (size_t i = 0; kinds[op->kind].args[i]; i++)
		op->args[i] = random_arg(kinds[op->kind].args[i]);
}

static void insert(struct program *program, unsigned int at, const struct op *op)
{
	if (program->n == MAX_OPS)
		program->n--;
	if (at > program->n)
		at = program->n;
	memmove(&program->ops[at + 1], &program->ops[at],
		(program->n - at) * sizeof(*op));
	program->ops[at] = *op;
	program->n++;
}

void program_remove(struct program *program, unsigned int op)
{
	program->n--;
	memmove(&program->ops[op], &program->ops[op + 1],
		(program->n - op) * sizeof(program->ops[0]));
}

static void change_arg(struct op *op)
{
	size_t n_args = strlen(kinds[op->kind].args);
	size_t i;

	if (!n_args)
		return;
	i = random_below(n_args);
	op->args[i] = random_arg(kinds[op->kind].args[i]);
}

/*
 * Make something odd about an operation. An operation that goes well otherwise shows best
 * that the module notices it.
 */
static void make_odd(struct op *op)
{
	const char *args = kinds[op->kind].args;
	const char *odd = strchr(args, 'o');

	for (size_t i = odd ? odd - args : MAX_ARGS; i < MAX_ARGS && args[i]; i++)
		op->args[i] = random_below(256);
}

/* Take the beginning of one program and the end of the other. */
static void cross(struct program *program, const struct program *other)
{
	unsigned int keep = random_below(program->n + 1);
	unsigned int from = random_below(other->n);

	program->n = keep;
	while (from < other->n && program->n < MAX_OPS)
		program->ops[program->n++] = other->ops[from++];
}

static void mutate_once(struct program *program, const struct program *other)
{
	unsigned int at = random_below(program->n);
	struct op op;

	switch (random_below(11)) {
	case 0:
		if (program->n > 1)
			program_remove(program, at);
		break;
	case 1:
		random_op(&program->ops[at]);
		break;
	case 2:
		op = program->ops[at];
		insert(program, random_below(program->n + 1), &op);
		break;
	case 3:
		random_actor(&program->ops[at]);
		break;
	case 4:
		cross(program, other);
		break;
	case 5:
	case 6:
		random_op(&op);
		insert(program, random_below(program->n + 1), &op);
		break;
	case 7:
		make_odd(&program->ops[at]);
		break;
	default:
		change_arg(&program->ops[at]);
	}
}

/* Change a program; a part may come from @other, which can be the same program. */
void program_mutate(struct program *program, const struct program *other)
{
	const struct program donor = *other;

	do
		mutate_once(program, &donor);
	while (!one_in(3));
}
