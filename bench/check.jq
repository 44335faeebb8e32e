# SPDX-License-Identifier: BSD-3-Clause
#
# Compares the instructions of the rows with those that are published. A pipe of the same run
# is the measure of each, because another release of the kernel or of QEMU changes both. Of a row that was
# measured several times, the least counts. Prints a line of each row that is out of bounds, and the numbers
# of rows within and out of them.

def name: "\(.work) over \(.transport), \(.peers) peers, \(.bytes) bytes, \(.fds) descriptors";

def costs:
	map(select(.unit == "instructions"))
	| group_by(name) | map(min_by(.value))
	| (map(select(.work == "pingpong" and .transport == "pipe" and .bytes == 328))[0].value) as $pipe
	| map(select(.transport | startswith("mpipc")) | { key: name, value: (.value / $pipe) }) | from_entries;

($published[0] | costs) as $before
| costs | to_entries
| map(select($before[.key]) | .change = (.value / $before[.key] - 1) * 100)
| if length == 0 then error("nothing to compare") else . end
| (.[] | select(.change > 3 or .change < -3)
	| "\(.key): \(if .change > 0 then "+" else "" end)\(.change * 10 | round / 10) %"),
  (map(select(.change > 3)) | length) as $failed
  | "\(length - $failed) passed, \($failed) failed"
