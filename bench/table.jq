# SPDX-License-Identifier: BSD-3-Clause
#
# Makes tables, in Markdown, of bench.json.

def number:
	if . == null then ""
	else (. + 0.5 | floor | tostring)
		| if length > 3 then .[:-3] + "," + .[-3:] else . end
		| if length > 7 then .[:-7] + "," + .[-7:] else . end
	end;

def ratio($of): if . == null or $of == null then "" else (. / $of * 10 | floor / 10 | tostring) end;

def row: "| " + join(" | ") + " |";

def heading: row, (map("---") | row);

# The value of a row of these properties, or null.
def value($rows; $like): first($rows[] | select(contains($like)) | .value) // null;

# What the cost is to be at most; a request, that of a pipe.
def targets($pipe): [
	{ work: "request", peers: 1, fds: 0, most: $pipe },
	{ work: "request", peers: 1, fds: 1, most: 17000 },
	{ work: "request", peers: 1, fds: 8, most: 30000 },
	{ work: "message", peers: 1, fds: 0, most: 5000 },
	{ work: "broadcast_request", peers: 1, fds: 0, most: 13500 },
	{ work: "broadcast_request", peers: 4, fds: 0, most: 34000 },
	{ work: "broadcast_request", peers: 16, fds: 0, most: 110000 },
	{ work: "broadcast_message", peers: 1, fds: 0, most: 6000 },
	{ work: "broadcast_message", peers: 4, fds: 0, most: 20000 },
	{ work: "broadcast_message", peers: 16, fds: 0, most: 72000 }
];

def text: {
	request: "request_sync, secondary to primary",
	message: "sendmsg, secondary to primary",
	broadcast_request: "request_sync, primary to all",
	broadcast_message: "sendmsg, primary to all"
}[.work];

def rte($rows):
	(["rte_mp, 256 bytes", "peers", "descriptors", "sockets", "mpipc", "ratio", "at most", ""]
		| heading),
	(targets(value($rows; { transport: "pipe", bytes: 328 }))[]
		| . as $target
		| { work, peers, fds, bytes: 256, delay_ms: 0 } as $like
		| value($rows; $like + { transport: "dpdk" }) as $dpdk
		| value($rows; $like + { transport: "mpipc" }) as $mpipc
		| [ text, (.peers | tostring), (.fds | tostring), ($dpdk | number),
		    ($mpipc | number), ($dpdk | ratio($mpipc)), ($target.most | number),
		    (if $mpipc <= $target.most then "reached" else "missed" end) ]
		| row);

def floors($rows):
	(["the kernel's own, there and back", "bytes", "cost"] | heading),
	($rows[] | select(.work == "pingpong")
		| [ .transport, (.bytes | tostring), (.value | number) ] | row);

def native($rows):
	(["mpipc.h", "peers", "bytes", "descriptors", "cost"] | heading),
	($rows[] | select(.transport == "mpipc_native")
		| [ .work, (.peers | tostring), (.bytes | tostring), (.fds | tostring),
		    (.value | number) ] | row);

map(select(.unit == "instructions"))
| if length > 0 then
	"Instructions, user and kernel, of all processes:", "",
	rte(.), "", floors(.), "", native(.)
  else empty end
