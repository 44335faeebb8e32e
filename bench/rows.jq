# SPDX-License-Identifier: BSD-3-Clause
#
# Makes a list of rows from what the programs print. A row that was measured several times
# gets the median. Each "marked" row gets what count.c has counted, for each work: that is one
# object for each of these rows, in their order, or none at all. What was counted by address in the
# module is added up by file: "symbol" lines say where functions are, $files in which file each is.

def median: sort | .[length / 2 | floor];

def tenths: . * 10 | round / 10;

# Each address belongs to the symbol before.
def by_file($symbols):
	to_entries | map({ address: .key, count: .value }) + $symbols
	| sort_by(.address, .symbol == null)
	| reduce .[] as $line ({ file: "other", sums: {} };
		if $line.symbol then .file = ($files[0][$line.symbol] // "other")
		else .sums[.file] += $line.count end)
	| .sums;

[.[] | select(.symbol)] as $symbols
| map(select(.symbol | not))
| ([.[] | select(.marked)] | length) as $marked
| if ($counts | length | . > 0 and . != $marked)
  then error("\($counts | length) counts for \($marked) rows") else . end
| reduce .[] as $row ({ rows: [], seen: 0 };
	if $row.marked then
		($counts[.seen] // {} | .files = (.places // {} | by_file($symbols)) | del(.places)
			| map_values(if type == "number" then . / $row.marked | tenths
				     else map_values(. / $row.marked | tenths) end)) as $more
		| .rows += [$row + $more | del(.marked)] | .seen += 1
	else .rows += [$row] end)
| .rows
| group_by(del(.value, .switches, .syscalls, .wakeups, .user, .module, .kernel, .atomics, .files))
| map((map(.value) | median) as $value | .[0] | .value = $value)
