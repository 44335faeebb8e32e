# SPDX-License-Identifier: BSD-3-Clause
#
# Reads SECURITY.md, then the tests that tools/promises found, then files of TAP: that of a
# suite of tools/check is SUITE.tap or SUITE-KERNEL.tap.

# The results of a test, or of all tests of a program if test is "", on each kernel that they
# ran on. Programs that run on every kernel have to be in each kselftest-KERNEL.tap.
function results(program, test,    k, id, text) {
	id = program SUBSEP test
	for (k = 1; k <= kernels; k++) {
		if (!((id, kernel[k]) in passed) && !((id, kernel[k]) in failed)) {
			if (kernel[k] !~ /^[0-9]/ || program ~ /^(fault_.*|fuzz|stress|static)$/)
				continue
			text = text ", " kernel[k] " did not run"
			bad++
			continue
		}
		text = text ", " kernel[k] (kernel[k] == "" ? "" : " ")
		if (failed[id, kernel[k]]) {
			text = text failed[id, kernel[k]] " failed"
			bad++
		} else {
			text = text (test == "" ? passed[id, kernel[k]] " ok" : "ok")
		}
	}
	if (text == "" && program ~ /^(fault_.*|fuzz|stress)$/)
		return "by `make check-debug`"
	if (text == "")
		bad++
	return text == "" ? "did not run" : substr(text, 3)
}

# Counts a test of the program that is read, and that program as a whole.
function count(name, ok,    id) {
	for (id = 0; id < 2; id++) {
		if (ok)
			passed[program, id ? name : "", here]++
		else
			failed[program, id ? name : "", here]++
	}
}

FILENAME == "SECURITY.md" && /^\| P[0-9]+ \| / {
	split($0, cell, / *\| */)
	number[++promises] = cell[2]
	promise[cell[2]] = cell[3]
	if (cell[2] != "P" promises) {
		print "SECURITY.md has " cell[2] " where P" promises " belongs" >"/dev/stderr"
		bad++
	}
	next
}

FILENAME == "-" {
	if (!($1 in promise)) {
		print $2 ":" $3 " names " $1 ", which SECURITY.md does not have" >"/dev/stderr"
		bad++
	}
	shows[$1, ++n[$1]] = $2 "\t" $3
	next
}

FNR == 1 && FILENAME ~ /\.tap$/ {
	program = FILENAME
	gsub(/.*\/|\.tap$/, "", program)
	here = program ~ /-/ ? program : ""
	sub(/^.*-/, "", here)
	sub(/-.*/, "", program)
	for (k = 1; k <= kernels && kernel[k] != here; k++)
		;
	if (k > kernels)
		kernel[++kernels] = here
}

# A program with both word sizes, or with several versions of DPDK, has one file.
/^# selftests: mpipc: / {
	program = $0
	sub(/.*: /, "", program)
	sub(/_32$/, "", program)
	sub(/^lib_dpdk_.*/, "lib_dpdk", program)
	sub(/^lib_mixed_.*/, "lib_mixed", program)
}

/^# (not )?ok [0-9]+ [^#]/ {
	name = $0
	sub(/.*[ .]/, "", name)
	count(name, $0 !~ /^# not/)
}

/^(not )?ok [0-9]+ / && !/ selftests: / {
	name = $0
	sub(/^(not )?ok [0-9]+ /, "", name)
	count(name, $0 !~ /^not/)
}

END {
	print "# What is shown of the promises in SECURITY.md\n"
	print "| | promise | test | result |\n|---|---|---|---|"
	for (i = 1; i <= promises; i++) {
		p = number[i]
		if (!n[p]) {
			printf "| %s | %s | | no test |\n", p, promise[p]
			bad++
		}
		for (j = 1; j <= n[p]; j++) {
			split(shows[p, j], part, "\t")
			id = part[1] (part[2] == "" ? "" : ": " part[2])
			printf "| %s | %s | `%s` | %s |\n", j == 1 ? p : "", j == 1 ? promise[p] : "",
				id, results(part[1], part[2])
		}
	}
	exit bad > 0
}
