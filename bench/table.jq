# SPDX-License-Identifier: BSD-3-Clause
#
# Makes $part from bench.json, and from the rows of another kernel in $other and of arm64 in $arm64: "goals", "dpdk" and
# "trouble" are tables in README.md, "all" are all tables, in Markdown, "count" is the line that
# says how many goals are reached, and "plot_*" are columns for gnuplot. A table without rows
# is left out.

def commas: if length > 3 then (.[:-3] | commas) + "," + .[-3:] else . end;

def number: if . == null then "" else round | tostring | commas end;

def thousands: if . == null then "" else . / 1000 | number end;

# Rounds to so many digits behind the point, and writes all of them.
def fixed($digits):
	if . == null then ""
	else pow(10; $digits) as $scale | . * $scale | round
		| "\(. / $scale | floor).\(. % $scale + $scale | tostring | .[1:])" end;

def ratio($of): if . == null or $of == null then null else . / $of end;

def row: "| " + join(" | ") + " |";

# Makes a table of the rows in ., below their heading.
def table($heading; rows):
	[rows] | if length > 0 then ($heading, ($heading | map("---")), .[]) | row else empty end;

def index_rows:
	map({ key: [.work, .transport, .peers, .bytes, .fds, .delay_ms, .cpus] | tostring, value: . })
	| from_entries;

# $all holds the rows by their properties.
def find($all; $work; $transport; $peers; $bytes; $fds):
	$all[[$work, $transport, $peers, $bytes, $fds, 0, "same"] | tostring];

def get($all; $work; $transport; $peers; $bytes; $fds):
	find($all; $work; $transport; $peers; $bytes; $fds).value;

def get_ns($all; $work; $transport; $peers; $bytes; $delay; $cpus):
	$all[[$work, $transport, $peers, $bytes, 0, $delay, $cpus] | tostring].value;

# Makes [work, what mpipc takes, with what it is compared, what that takes, highest ratio].
def goals($all):
	get($all; "request"; "mpipc"; 1; 256; 0) as $request
	| ["request to the primary", $request,
	   "pipe", get($all; "pingpong"; "pipe"; 1; 328; 0), 0.9],
	  ["the same, alone", get($all; "lone_request"; "mpipc"; 1; 256; 0),
	   "pipe", get($all; "lone_request"; "pipe"; 1; 328; 0), 1],
	  ["request to the primary", $request,
	   "DPDK on sockets", get($all; "request"; "dpdk"; 1; 256; 0), 0.3],
	  ["message to the primary", get($all; "message"; "mpipc"; 1; 256; 0),
	   "mqueue", get($all; "message"; "mqueue"; 1; 328; 0), 1],
	  ([4, 1.08], [16, 1.1]
		| ["message to \(.[0]) secondaries",
		   get($all; "broadcast_message"; "mpipc"; .[0]; 256; 0),
		   "waking \(.[0])", get($all; "wake_all"; "futex_all"; .[0]; 0; 0), .[1]]),
	  ((4, 16)
		| ["request to \(.) secondaries", get($all; "broadcast_request"; "mpipc"; .; 256; 0),
		   "waking \(.)", get($all; "wake_all"; "futex_all"; .; 0; 0), 1.5]),
	  ["request to 1,000 secondaries, for each",
	   (get($all; "broadcast_request"; "mpipc"; 1000; 256; 0) | ratio(1000)),
	   "the same with 16", (get($all; "broadcast_request"; "mpipc"; 16; 256; 0) | ratio(16)),
	   1.05],
	  ["join and leave, with 4,000 members", get($all; "join"; "mpipc_native"; 4000; 0; 0),
	   "the same with 10", get($all; "join"; "mpipc_native"; 10; 0; 0), 1.05],
	  ["take a message, with 3,000 blocked senders",
	   get($all; "receive"; "mpipc_native"; 3000; 0; 0),
	   "the same with none", get($all; "receive"; "mpipc_native"; 0; 0; 0), 2],
	  ["attach with 8 secondaries", get($all; "attach"; "mpipc"; 8; 0; 0),
	   "DPDK on sockets", get($all; "attach"; "dpdk"; 8; 0; 0), 0.25];

# Makes [what, value, limit, unit]: the value has to be less than the limit.
def limits($all):
	["request to 16 secondaries that sleep 10 ms",
	 (get_ns($all; "broadcast_request"; "mpipc"; 16; 256; 10; "any") | ratio(1000000)), 15, "ms"],
	["kernel memory of an idle endpoint, with its file",
	 get($all; "endpoint"; "mpipc_native"; 1000; 0; 0), 1024, "bytes"],
	((0, 64, 256, 1024, 65536)
		| ["kernel memory of a message of \(.) bytes",
		   get($all; "queued_message"; "mpipc_native"; 1; .; 0), . + 192, "bytes"]);

def verdict: if . then "reached" else "missed" end;

def is_reached($value; $of; $most): $value / $of <= $most;

def goals_table($all; $others; $of_arm64):
	[goals($others)] as $other
	| [goals($of_arm64)] as $arm
	| table(["instructions, 256 bytes", "mpipc", "compared with", "", "ratio", "on 6.12", "on arm64", "goal", ""];
		[goals($all)] | to_entries[] | .key as $i | .value
		| select(.[1] and .[3])
		| [.[0], (.[1] | number), .[2], (.[3] | number), (. as $goal | .[1] | ratio($goal[3]) | fixed(2)),
		   (($other, $arm)[$i] as $goal | $goal[1] | ratio($goal[3]) | fixed(2)), (.[4] | tostring),
		   (is_reached(.[1]; .[3]; .[4]) | verdict)]);

def count($all):
	[goals($all) | select(.[1] and .[3]) | is_reached(.[1]; .[3]; .[4])] +
	[limits($all) | select(.[1]) | .[1] < .[2]]
	| "goals: \(map(select(.)) | length) of \(length) reached";

def limits_table($all):
	table(["", "mpipc", "goal: less than", "", ""];
		limits($all) | select(.[1])
		| [.[0], (.[1] | if . < 100 then fixed(1) else number end), (.[2] | number), .[3],
		   (.[1] < .[2] | verdict)]);

def sizes_of_groups: 0, 1, 4, 8, 32;

def text: {
	attach: "attach a device",
	detach: "detach a device",
	malloc: "`rte_malloc()` that adds memory",
	free: "`rte_free()` that gives memory back",
	start: "start a secondary",
	tool: "`dpdk-proc-info --stats`"
}[.];

def dpdk_works: "attach", "detach", "malloc", "free", "start", "tool";

def dpdk($all):
	table(["with so many secondaries:", (sizes_of_groups | tostring)];
		dpdk_works as $work
		| [sizes_of_groups as $peers
			| get($all; $work; "dpdk"; $peers; 0; 0) as $dpdk
			| get($all; $work; "mpipc"; $peers; 0; 0) | ratio($dpdk) | fixed(2)]
		| select(any(. != ""))
		| [($work | text)] + .);

def dpdk_costs($all):
	table(["thousand instructions, sockets / mpipc", (sizes_of_groups | tostring)];
		dpdk_works as $work
		| [sizes_of_groups as $peers
			| (get($all; $work; "dpdk"; $peers; 0; 0) | thousands) as $dpdk
			| (get($all; $work; "mpipc"; $peers; 0; 0) | thousands) as $mpipc
			| if $mpipc == "" then "" else $dpdk + " / " + $mpipc end]
		| select(any(. != ""))
		| [($work | text)] + .);

def outcome:
	if . == null then ""
	else (if .result == "failed" then "fails after " else "done in " end) +
	     if .value >= 1000000000 then "\(.value / 1000000000 | fixed(1)) s"
	     else "\(.value / 1000000 | fixed(1)) ms" end
	end;

def trouble($all):
	table(["one of 4 secondaries", "attach: sockets", "attach: mpipc",
	       "`rte_malloc()`: sockets", "`rte_malloc()`: mpipc"];
		(["stopped", "is stopped"], ["killed", "is killed meanwhile"],
		 ["slow", "takes 10 ms for its part"]) as [$kind, $text]
		| [("attach", "malloc") as $work | ("dpdk", "mpipc")
			| find($all; "\($work)_\($kind)"; .; 4; 0; 0) | outcome]
		| select(any(. != ""))
		| [$text] + .);

def one_decimal: if . == null then "" else . * 10 | round / 10 | tostring end;

# Lists what the works do that does not depend on the machine.
def counts($all):
	table(["each", "", "instructions", "switches", "system calls", "wake-ups", "atomic operations"];
		(("pipe", "mqueue", "unix_dgram") as $transport
			| ("pingpong", "lone_request", "message", "lone_message")
			| [., $transport, 1, 328, ""]),
		(("futex_all", "eventfd", "pipe") as $transport
			| (4, 16) | ["wake_all", $transport, ., 0, " \(.)"]),
		(("dpdk", "mpipc", "mpipc_native") as $transport
			| ("request", "lone_request", "message", "lone_message")
			| [., $transport, 1, 256, ""]),
		(("dpdk", "mpipc") as $transport
			| ("broadcast_request", "broadcast_message") as $work
			| (4, 16) | [$work, $transport, ., 256, " \(.)"])
		| .[4] as $peers
		| find($all; .[0]; .[1]; .[2]; .[3]; 0) | select(.switches)
		| [(.work | gsub("_"; " ")) + $peers, .transport, (.value | number),
		   (.switches | one_decimal), (.syscalls | one_decimal), (.wakeups | one_decimal),
		   (.atomics | one_decimal)]);

# Says where the instructions of mpipc are, and how much of the goal the kernel without the module takes.
def places($all):
	table(["instructions, 256 bytes", "in all", "programs and libraries", "module",
	       "rest of the kernel", "that, compared with", "", "ratio", "goal",
	       "leaves programs and module"];
		(["request", 1, "pingpong", "pipe", 1, 328, "pipe", 0.9],
		 ["message", 1, "message", "mqueue", 1, 328, "mqueue", 1],
		 ["broadcast_message", 4, "wake_all", "futex_all", 4, 0, "waking 4", 1.08],
		 ["broadcast_message", 16, "wake_all", "futex_all", 16, 0, "waking 16", 1.1],
		 ["broadcast_request", 4, "wake_all", "futex_all", 4, 0, "waking 4", 1.5],
		 ["broadcast_request", 16, "wake_all", "futex_all", 16, 0, "waking 16", 1.5],
		 ["attach", 8, "attach", "dpdk", 8, 0, "DPDK on sockets", 0.25])
		| . as [$work, $peers, $floor, $transport, $floor_peers, $floor_bytes, $text, $goal]
		| find($all; $work; "mpipc"; $peers; if $work == "attach" then 0 else 256 end; 0)
		| select(.module)
		| get($all; $floor; $transport; $floor_peers; $floor_bytes; 0) as $of
		| [(.work | gsub("_"; " ")) + " \($peers)", (.value | number), (.user | number),
		   (.module | number), (.kernel | number), $text, ($of | number),
		   (.kernel | ratio($of) | fixed(2)), ($goal | tostring),
		   ([$goal * $of - .kernel, 0] | max | number)]);

# Says which files of the module the instructions are in.
def files($all):
	[(["request", 1, 256], ["message", 1, 256], ["broadcast_message", 16, 256],
	  ["broadcast_request", 16, 256], ["attach", 8, 0])
		| find($all; .[0]; "mpipc"; .[1]; .[2]; 0) | select(.files)] as $rows
	| table(["instructions of the module", ($rows[] | (.work | gsub("_"; " ")) + " \(.peers)")];
		[$rows[0].files // {} | to_entries | sort_by(-.value)[] | select(.value >= 10).key][] as $file
		| ["kmod/\($file).c", ($rows[] | .files[$file] | number)]);

def rte($all):
	table(["`rte_mp_*`, 256 bytes", "peers", "descriptors", "sockets", "mpipc", "ratio"];
		(("request", "message") as $work | (0, 1, 8) | [$work, 1, .]),
		(("broadcast_request", "broadcast_message") as $work | (1, 4, 16) | [$work, ., 0])
		| . as [$work, $peers, $fds]
		| get($all; $work; "dpdk"; $peers; 256; $fds) as $dpdk
		| get($all; $work; "mpipc"; $peers; 256; $fds) as $mpipc
		| select($dpdk and $mpipc)
		| [($work | gsub("_"; " ")), ($peers | number), ($fds | number), ($dpdk | number),
		   ($mpipc | number), ($mpipc | ratio($dpdk) | fixed(2))]);

def sizes($all):
	table(["bytes", "pipe, there and back", "request, `<mpipc.h>`", "message, `<mpipc.h>`"];
		(0, 64, 256, 1024, 65536) as $bytes
		| get($all; "request"; "mpipc_native"; 1; $bytes; 0) | select(.)
		| [($bytes | number), (get($all; "pingpong"; "pipe"; 1; $bytes; 0) | number), number,
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
		| get($all; $work; $transport; $peers; 256; 0) | ratio($peers))];

def peers($all):
	table(["peers", "request: sockets", "mpipc", "`<mpipc.h>`",
	       "message: sockets", "mpipc", "`<mpipc.h>`"];
		each_peer($all) | select(.[2] and .[5]) | map(number));

# Makes ratios only, because an emulated processor has times of its own.
def times($all):
	get_ns($all; "pingpong"; "pipe"; 1; 328; 0; "other") as $pipe
	| table(["wall time, each process on a CPU of its own", "unix_dgram", "sockets", "mpipc", "`<mpipc.h>`"];
		(["request to the primary, in times of a pipe", "request", $pipe],
		 ["message to the primary, in times of one over sockets", "message",
		  get_ns($all; "message"; "dpdk"; 1; 256; 0; "other")]) as [$text, $work, $of]
		| select($of)
		| [(if $work == "request" then get_ns($all; "pingpong"; "unix_dgram"; 1; 328; 0; "other")
		    else null end),
		   (("dpdk", "mpipc", "mpipc_native") | get_ns($all; $work; .; 1; 256; 0; "other"))]
		| [$text] + map(ratio($of) | fixed(2)));

# Says what the second CPU gains where nothing is shared.
def scale($all):
	table(["64 pairs of processes, each with its own", "gain by the second CPU"];
		(["pipes", "pipe"], ["group", "mpipc_native"]) as [$text, $transport]
		| get_ns($all; "busy"; $transport; 64; 256; 0; "same") as $one
		| get_ns($all; "busy"; $transport; 64; 256; 0; "any") as $two
		| select($one and $two)
		| [$text, ($one | ratio($two) | fixed(2))]);

def section($text; $table): if $table == [] then empty else "", $text, "", $table[] end;

def all($all; $others; $of_arm64):
	section("The goals, in instructions of kernel and user space, of all processes together. " +
		"\"Alone\" is a request that is not in a loop: the other process sleeps before it. No process " +
		"interrupts another, because all are SCHED_BATCH."; [goals_table($all; $others; $of_arm64)]),
	section("Limits:"; [limits_table($all)]),
	section("Programs of DPDK, instructions on mpipc divided by those on sockets:"; [dpdk($all)]),
	section("The same in instructions:"; [dpdk_costs($all)]),
	section("The same with one secondary that is not well:"; [trouble($all)]),
	section("The works do this each time:"; [counts($all)]),
	section("Where the instructions of a request or message are. The ratio is what would be left if " +
		"the module and the library took nothing: the system calls, the switch to the other process " +
		"and back, the copies. Where it is close to the goal or above it, no change of mpipc can " +
		"reach the goal without fewer system calls or switches. In the programs of attach, which are " +
		"DPDK's, the library is one part of five."; [places($all)]),
	section("The module has these files for that. A pipe or a queue has one owner " +
		"and bytes without a sender. Here record.c and endpoint.c say who sent a message, in " +
		"the namespaces of the receiver; quota.c, post.c and send.c hold what a user and a mailbox may " +
		"hold, and keep the order with the end of a process; pending.c, call.c and reply.c find the one " +
		"call that a reply is for, and end it at its deadline. message.c and receive.c allocate, charge, " +
		"copy and free."; [files($all)]),
	section("DPDK's own functions:"; [rte($all)]),
	section("Sizes:"; [sizes($all)]),
	section("Descriptors:"; [descriptors($all)]),
	section("A request or message to all, for each peer:"; [peers($all)]),
	section("Medians of 5 runs in which the transports took turns:"; [times($all)]),
	section("The same for groups that are busy at once, one request after the other:"; [scale($all)]);

def plot: map(if . == null then "?" else . end) | @tsv;

index_rows as $all
| ($other[0] // [] | index_rows) as $others
| ($arm64[0] // [] | index_rows) as $of_arm64
| if $part == "goals" then goals_table($all; $others; $of_arm64)
  elif $part == "dpdk" then dpdk($all)
  elif $part == "trouble" then trouble($all)
  elif $part == "count" then count($all)
  elif $part == "plot_peers" then each_peer($all) | select(.[2]) | plot
  elif $part == "plot_dpdk" then
	sizes_of_groups as $peers
	| [$peers, (("attach", "malloc") as $work | ("dpdk", "mpipc")
		| get($all; $work; .; $peers; 0; 0) | ratio(1000000))]
	| select(.[1]) | plot
  else all($all; $others; $of_arm64)
  end
