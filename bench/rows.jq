# SPDX-License-Identifier: BSD-3-Clause
#
# Makes a list of rows from what the programs print. A row that was measured several times
# gets the median. Each "marked" row gets the atomic operations for each work: atomics.c has
# written one number for each of these rows, in their order, or none at all.

def median: sort | .[length / 2 | floor];

([.[] | select(.marked)] | length) as $marked
| if ($atomics | length | . > 0 and . != $marked)
  then error("\($atomics | length) counts of atomic operations for \($marked) rows") else . end
| reduce .[] as $row ({ rows: [], seen: 0 };
	if $row.marked then
		(if $atomics[.seen] then { atomics: ($atomics[.seen] / $row.marked * 10 | round / 10) }
		 else {} end) as $more
		| .rows += [$row + $more | del(.marked)] | .seen += 1
	else .rows += [$row] end)
| .rows
| group_by(del(.value, .switches, .syscalls, .wakeups, .atomics))
| map((map(.value) | median) as $value | .[0] | .value = $value)
