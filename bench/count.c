// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: counting instructions
 *
 * This plugin of QEMU 7.2 counts instructions by where they are: in programs and their libraries,
 * in modules, of which mpipc is the only one that is busy, and in the rest of the kernel. It also
 * counts those that lock memory: the ones with the prefix LOCK, and XCHG with memory.
 *
 * It counts between two instructions by which measure.c marks the start and the end of what is
 * measured, and then writes the numbers as an object of JSON to the file that its argument "out"
 * names. It counts the instructions of modules by their addresses, too, in steps of 16 bytes, by
 * which the compiler aligns functions. The kernel has to be booted with noreplace-smp, because
 * Linux otherwise removes the prefixes where there is one processor.
 *
 * Debian does not package the header of the plugins, so what is used of it is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*translate)(uint64_t id,
							     struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*execute)(unsigned int cpu, void *arg),
					    int flags, void *arg);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *to,
						uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = 1;

static const uint8_t start_mark[] = { 0x0f, 0x1f, 0x80, 0x31, 0x4d, 0x50, 0x43 };
static const uint8_t end_mark[] = { 0x0f, 0x1f, 0x80, 0x32, 0x4d, 0x50, 0x43 };

/* Linux has its own code below this address, and modules above. Programs are in the lower half. */
#define MODULES		UINT64_C(0xffffffffc0000000)
#define UPPER_HALF	(UINT64_C(1) << 63)

/* Modules are as close to the start of their space as chance lets them be. */
#define SPAN		(UINT64_C(32) << 20)
#define STEP		16

static struct {
	uint64_t user;
	uint64_t module[SPAN / STEP];
	uint64_t kernel;
	uint64_t atomics;
} counts;

static FILE *out;

static void start(unsigned int cpu, void *arg)
{
	(void)cpu;
	(void)arg;
	memset(&counts, 0, sizeof(counts));
}

static void end(unsigned int cpu, void *arg)
{
	const char *comma = "";
	uint64_t module = 0;
	size_t i;

	(void)cpu;
	(void)arg;
	fprintf(out, "{\"places\": {");
	for (i = 0; i < SPAN / STEP; i++) {
		if (!counts.module[i])
			continue;
		module += counts.module[i];
		fprintf(out, "%s\"%" PRIx64 "\": %" PRIu64, comma, MODULES + i * STEP,
			counts.module[i]);
		comma = ", ";
	}
	fprintf(out, "}, \"user\": %" PRIu64 ", \"module\": %" PRIu64 ", \"kernel\": %" PRIu64
		", \"atomics\": %" PRIu64 "}\n",
		counts.user, module, counts.kernel, counts.atomics);
	fflush(out);
}

static bool is_prefix(uint8_t byte)
{
	return byte && strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte);
}

static bool is_atomic(const uint8_t *code, size_t size)
{
	size_t i;

	for (i = 0; i < size && is_prefix(code[i]); i++)
		if (code[i] == 0xf0)
			return true;
	/* Skip the prefix that widens the operands. */
	if (i < size && (code[i] & 0xf0) == 0x40)
		i++;
	return i + 1 < size && (code[i] & 0xfe) == 0x86 && code[i + 1] < 0xc0;
}

static bool is(const uint8_t *code, size_t size, const uint8_t *mark)
{
	return size == sizeof(start_mark) && !memcmp(code, mark, size);
}

static uint64_t *place(uint64_t address)
{
	if (address < UPPER_HALF)
		return &counts.user;
	if (address < MODULES || address >= MODULES + SPAN)
		return &counts.kernel;
	return &counts.module[(address - MODULES) / STEP];
}

static void count(struct qemu_plugin_insn *insn, uint64_t *number)
{
	qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, number, 1);
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);

		count(insn, place(qemu_plugin_insn_vaddr(insn)));
		if (is(code, size, start_mark))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		else if (is(code, size, end_mark))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		else if (is_atomic(code, size))
			count(insn, &counts.atomics);
	}
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", strlen("out=")))
		return -1;
	out = fopen(argv[0] + strlen("out="), "we");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
