# SPDX-License-Identifier: BSD-3-Clause
#
# Makes $part from bench.json: "rte" is the table with the goals, "all" are all tables, both in
# Markdown, and "plot" are columns for gnuplot. A table without rows is left out.

def commas: if length > 3 then (.[:-3] | commas) + "," + .[-3:] else . end;

def number: if . == null then "" else . + 0.5 | floor | tostring | commas end;

# Formats a ratio with two digits.
def ratio($of):
	if . == null or $of == null then ""
	else . / $of | if . < 10 then . * 10 | floor / 10 else floor end | tostring
	end;

def us: if . == null then "" else . / 100 | round / 10 | tostring end;

def row: "| " + join(" | ") + " |";

# Makes a table of the rows in ., below their heading.
def table($heading; rows):
	[rows] | if length > 0 then ($heading, ($heading | map("---")), .[]) | row else empty end;

def verdict($value; $most):
	if $value == null then "" elif $value <= $most then "reached" else "missed" end;

def index_rows: map({ key: [.work, .transport, .peers, .bytes, .fds, .delay_ms, .cpus, .unit] | tostring, value: . }) | from_entries;

# $all holds the rows by their properties.
def get($all; $work; $transport; $peers; $bytes; $fds):
	$all[[$work, $transport, $peers, $bytes, $fds, 0, "same", "instructions"] | tostring].value;

def get_ns($all; $work; $transport; $peers; $bytes; $delay; $cpus):
	$all[[$work, $transport, $peers, $bytes, 0, $delay, $cpus, "ns"] | tostring];

# The goal is the highest cost allowed; for a request, it is the cost of a pipe.
def targets($pipe):
	["request", 1, 0, $pipe], ["request", 1, 1, 17000], ["request", 1, 8, 30000],
	["message", 1, 0, 5000],
	["broadcast_request", 1, 0, 13500], ["broadcast_request", 4, 0, 34000],
	["broadcast_request", 16, 0, 110000],
	["broadcast_message", 1, 0, 6000], ["broadcast_message", 4, 0, 20000],
	["broadcast_message", 16, 0, 72000];

def text: {
	request: "request to the primary",
	message: "message to the primary",
	broadcast_request: "request to all secondaries",
	broadcast_message: "message to all secondaries"
}[.];

def rte($all):
	table(["`rte_mp_*`, 256 bytes", "peers", "descriptors", "sockets", "mpipc", "ratio", "goal", ""];
		targets(get($all; "pingpong"; "pipe"; 1; 328; 0)) as [$work, $peers, $fds, $most]
		| get($all; $work; "dpdk"; $peers; 256; $fds) as $dpdk
		| get($all; $work; "mpipc"; $peers; 256; $fds) as $mpipc
		| select($mpipc)
		| [($work | text), ($peers | number), ($fds | number), ($dpdk | number),
		   ($mpipc | number), ($dpdk | ratio($mpipc)), ($most | number),
		   verdict($mpipc; $most)]);

def floors($all):
	table(["there and back, 328 bytes", "cost"];
		("pipe", "mqueue", "unix_dgram", "unix_seqpacket") as $transport
		| get($all; "pingpong"; $transport; 1; 328; 0)
		| select(.) | [$transport, number]),
	(get($all; "pingpong"; "syscall"; 0; 0; 0) | select(.)
		| ["null system call", number] | row);

def sizes($all):
	table(["bytes", "pipe", "unix_dgram", "request, `<mpipc.h>`", "message, `<mpipc.h>`"];
		(0, 64, 256, 1024, 65536) as $bytes
		| get($all; "request"; "mpipc_native"; 1; $bytes; 0) | select(.)
		| [($bytes | number), (get($all; "pingpong"; "pipe"; 1; $bytes; 0) | number),
		   (get($all; "pingpong"; "unix_dgram"; 1; $bytes; 0) | number), number,
		   (get($all; "message"; "mpipc_native"; 1; $bytes; 0) | number)]);

def descriptors($all):
	table(["descriptors", "request, `<mpipc.h>`", "message, `<mpipc.h>`"];
		(0, 1, 8, 253) as $fds
		| get($all; "request"; "mpipc_native"; 1; 256; $fds) | select(.)
		| [($fds | number), number,
		   (get($all; "message"; "mpipc_native"; 1; 256; $fds) | number)]);

# Makes the cost for each peer, for the numbers of peers that were measured.
def each_peer($all):
	(1, 4, 16, 64, 256, 1000) as $peers
	| [$peers, (("broadcast_request", "broadcast_message") as $work
		| ("dpdk", "mpipc", "mpipc_native") as $transport
		| get($all; $work; $transport; $peers; 256; 0)
		| if . then . / $peers else . end)];

def peers($all):
	table(["peers", "request: sockets", "mpipc", "`<mpipc.h>`",
	       "message: sockets", "mpipc", "`<mpipc.h>`"];
		each_peer($all) | select(.[3] and .[6]) | map(number));

def memory_most: if .work == "endpoint" then 1024 else .bytes + 192 end;

def memory:
	table(["kernel memory of", "bytes", "goal: less than", ""];
		.[] | select(.unit == "bytes")
		| [(if .work == "endpoint" then "an idle endpoint, with its file"
		    else "a message of \(.bytes) bytes" end),
		   (.value | number), (memory_most | number), verdict(.value; memory_most - 1)]);

def cpus_text: {
	same: "on one CPU",
	other: "each on a CPU of its own",
	any: "on any of two CPUs"
}[.];

def times($all):
	table(["median (99 %) in us", "", "pipe", "unix_dgram", "sockets", "mpipc", "`<mpipc.h>`"];
		("same", "other", "any") as $cpus | ("request", "message") as $work
		| [(("pipe", "unix_dgram") | if $work == "request"
			then get_ns($all; "pingpong"; .; 1; 328; 0; $cpus) else null end),
		   (("dpdk", "mpipc", "mpipc_native")
			| get_ns($all; $work; .; 1; 256; 0; $cpus))]
		| select(.[3])
		| [($work | text), ($cpus | cpus_text)] +
		  map(if . then "\(.value | us) (\(.p99 | us))" else "" end));

def sleepers($all):
	table(["request to 16 that sleep 10 ms, in ms", "median", "99 %", "goal: less than", ""];
		("dpdk", "mpipc") as $transport
		| get_ns($all; "broadcast_request"; $transport; 16; 256; 10; "any") | select(.)
		| [(if $transport == "dpdk" then "sockets" else $transport end),
		   (.value / 1000 | us), (.p99 / 1000 | us)] +
		  if $transport == "mpipc" then ["15", verdict(.value; 15000000 - 1)]
		  else ["", ""] end);

# Puts an empty line after each table.
def all($all):
	if any(.unit == "instructions") then
		"The figures are instructions of kernel and user space, of all processes together:", "" else empty end,
	(([rte($all)], [floors($all)], [sizes($all)], [descriptors($all)]) | select(length > 0) | ., [""] | .[]),
	([peers($all)] | select(length > 0) | ["This is the cost of a request or message to all, for each peer:", ""], ., [""] | .[]),
	(([memory], [times($all)], [sleepers($all)]) | select(length > 0) | ., [""] | .[]);

def plot($all):
	each_peer($all) | select(.[3]) | map(if . == null then "?" else . end) | @tsv;

index_rows as $all
| if $part == "rte" then rte($all)
  elif $part == "plot" then plot($all)
  else all($all)
  end
