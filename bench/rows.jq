# SPDX-License-Identifier: BSD-3-Clause
#
# Makes a list of rows from what the programs print. A row that was measured several times
# gets the median. Each "marked" row gets what count.c has counted, for each work: that is one
# object for each of these rows, in their order, or none at all.

def median: sort | .[length / 2 | floor];

([.[] | select(.marked)] | length) as $marked
| if ($counts | length | . > 0 and . != $marked)
  then error("\($counts | length) counts for \($marked) rows") else . end
| reduce .[] as $row ({ rows: [], seen: 0 };
	if $row.marked then
		($counts[.seen] // {} | map_values(. / $row.marked * 10 | round / 10)) as $more
		| .rows += [$row + $more | del(.marked)] | .seen += 1
	else .rows += [$row] end)
| .rows
| group_by(del(.value, .switches, .syscalls, .wakeups, .user, .module, .kernel, .atomics))
| map((map(.value) | median) as $value | .[0] | .value = $value)
