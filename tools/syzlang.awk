# SPDX-License-Identifier: BSD-3-Clause
#
# Reads a description of an interface in the language of syzkaller. Writes a C program that
# does not compile unless the structures of the description have the members of those in
# HEADER, of the same sizes and at the same places, and its commands and constants exist.
#
# Only what the description of mpipc uses of the language is known; all else is an error.

function fail(what)
{
	print "#error \"line " FNR ": " what "\""
}

# Return the size of a type as an expression of C.
function size_of(type,    name, parts, n)
{
	if (type ~ /^int(8|16|32|64)/) {
		match(type, /[0-9]+/)
		return substr(type, RSTART, RLENGTH) / 8
	}
	if (type ~ /^ptr64\[/)
		return 8
	if (type ~ /^(flags|const|len|bytesize)\[.*, int(8|16|32|64)\]$/) {
		sub(/.*, int/, "", type)
		return (type + 0) / 8
	}
	if (type ~ /^array\[int8, [A-Z_]+\]$/ || type ~ /^string\[.*, [A-Z_]+\]$/) {
		n = split(type, parts, /, /)
		sub(/\]$/, "", parts[n])
		return parts[n]
	}
	if (type == "fd")
		return 4
	if (type in resource)
		return resource[type]
	if (type ~ /^mpipc_[a-z_]+$/)
		return "sizeof(struct " type ")"
	fail("unknown type " type)
	return 0
}

BEGIN {
	print "#include <stddef.h>\n#include HEADER"
}

/^#/ || /^$/ || /^include / {
	next
}

/^resource / {
	match($0, /\[[a-z0-9]+\]/)
	type = substr($0, RSTART + 1, RLENGTH - 2)
	name = $2
	sub(/\[.*/, "", name)
	resource[name] = type == "fd" ? 4 : substr(type, 4) / 8
}

# The argument of write() is a record and a payload, and has no structure of its own.
/^[a-z_]+ \{$/ {
	name = $1 == "mpipc_written" ? "mpipc_record" : $1
	payload = $1 == "mpipc_written"
	offset = "0"
	next
}

name != "" && /^\t/ {
	member = $1
	type = $0
	sub(/^\t[a-z_]+\t+/, "", type)
	sub(/\t+\((in|out|inout)\)$/, "", type)
	if (payload && type == "array[int8]")
		next
	size = size_of(type)
	printf "_Static_assert(offsetof(struct %s, %s) == %s, \"line %d\");\n", name, member, offset, FNR
	printf "_Static_assert(sizeof(((struct %s *)0)->%s) == %s, \"line %d\");\n", name, member, size, FNR
	offset = offset " + " size
	next
}

/^\}$/ {
	printf "_Static_assert(sizeof(struct %s) == %s, \"line %d\");\n", name, offset, FNR
	name = ""
	next
}

# The number in a command has the size of the structure that its argument points to.
/^ioctl\$/ {
	command = $1
	sub(/^ioctl\$/, "", command)
	sub(/\(.*/, "", command)
	if (index($0, "const[" command "]") == 0)
		fail("another command than that of the name")
	structure = ""
	if (match($0, /ptr\[(in|out|inout), [a-z_]+\]/)) {
		structure = substr($0, RSTART, RLENGTH - 1)
		sub(/.* /, "", structure)
	}
	size = structure ? "sizeof(struct " structure ")" : "0"
	printf "_Static_assert(_IOC_SIZE(%s) == %s, \"line %d\");\n", command, size, FNR
}

# Each constant has to exist.
{
	line = $0
	while (match(line, /MPIPC_[A-Z_]+/)) {
		printf "_Static_assert(sizeof(%s), \"line %d\");\n", substr(line, RSTART, RLENGTH), FNR
		line = substr(line, RSTART + RLENGTH)
	}
}
