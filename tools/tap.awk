# SPDX-License-Identifier: BSD-3-Clause
#
# Reads files of TAP, as tools/check records them, and prints how many tests passed and
# failed, after the output of the failed ones. Diagnostics precede results.
#
# A result of kselftest, "ok 1 selftests: mpipc: join", stands for a program. The lines that
# the program printed come behind "# ": if there is TAP in them, each of these tests counts,
# otherwise the program does. A skipped test counts as failed, because the machines that run
# this have all that the tests need. So does a test that did not run although it was
# planned, and a suite that did not end well. Only a check that says that this system lacks
# what it is about, "ok 1 NAME # SKIP this system REASON", does not count, and is named; and so does
# a test that says that "this kernel has no" file system of that kind, since Ubuntu's are modules, or
# that "this system does not" do what the test needs.

function fail(what,    i) {
	failed++
	failed_here++
	print "FAILED " suite ": " what
	for (i = seen > 60 ? seen - 60 : 0; i < seen; i++)
		print "    " lines[i]
	seen = 0
}

function end_suite() {
	if (suite == "")
		return
	if (exit_status == "")
		fail("was interrupted")
	else if (exit_status != 0)
		fail("exit status " exit_status)
	else if (plan == "")
		fail("printed no plan")
	else if (plan != ran)
		fail("planned " plan " tests, ran " ran)
}

FNR == 1 {
	end_suite()
	suite = FILENAME
	sub(/.*\//, "", suite)
	sub(/\.tap$/, "", suite)
	plan = exit_status = inner_plan = name = ""
	ran = inner_ran = failed_here = seen = 0
}

/^exit status: [0-9]+$/ { exit_status = $3; next }
/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; next }
/^# 1\.\.[0-9]+/ { inner_plan = substr($2, 4) + 0; next }

# The harness names a skipped test only when it starts it.
/^# # +RUN / { name = $4 }

/^# (not )?ok [0-9]+/ {
	inner_ran++
	test = $0
	sub(/^# (not )?ok [0-9]+ /, "", test)
	if (/ # SKIP this (kernel has no|system does not) /)
		print "skipped " suite ": " name ": " test
	else if (/ # SKIP/)
		fail(name " was skipped: " test)
	else if ($2 == "not")
		fail(test)
	else
		passed++
	seen = 0
	next
}

/^ok [0-9]+ .* # SKIP this system / {
	ran++
	test = $0
	sub(/^ok [0-9]+ /, "", test)
	sub(/ # SKIP /, ": ", test)
	print "skipped " suite ": " test
	seen = 0
	next
}

/^(not )?ok [0-9]+/ {
	ran++
	test = $0
	sub(/^(not )?ok [0-9]+ (selftests: )?/, "", test)
	bad = $1 == "not" || / # SKIP/
	if (inner_plan != "" && inner_plan != inner_ran)
		fail(test ": planned " inner_plan " tests, ran " inner_ran)
	else if (bad && !failed_here)
		fail(test)
	else if (!bad && !inner_ran)
		passed++
	inner_plan = ""
	inner_ran = failed_here = seen = 0
	next
}

{ lines[seen++] = $0 }

END {
	end_suite()
	print passed + 0 " passed, " failed + 0 " failed"
	exit failed > 0 || !passed
}
