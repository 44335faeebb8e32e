# SPDX-License-Identifier: BSD-3-Clause
#
# The part of tools/check-layers that compares one folder, dir, with its order. Reads the list of
# doc/design.md, the names of the files, what ctags and what cscope found.
#
# A header and its .c file are one unit, named after the file: kmod/call.h is in "call",
# libmpipc/rte/wire.c is in "rte/wire".

function complain(text) {
	print dir ": " text
	complaints++
}

function unit_of(file) {
	sub("^" dir "/", "", file)
	sub(/\.[ch]$/, "", file)
	return file
}

# Names the function or macro of @file that @line is in, "" if there is none.
function function_at(file, line,    i) {
	for (i = 1; i <= spans[file]; i++)
		if (line >= first[file, i] && line <= last[file, i])
			return span_name[file, i]
	return ""
}

# Finds the file that @file includes as @name, "" if that is none of this folder.
function included(file, name,    path, i) {
	path = file
	sub(/[^\/]*$/, name, path)
	while (sub(/[^\/]+\/\.\.\//, "", path))
		;
	if (path in exists)
		return path
	for (i = 1; i <= files; i++)
		if (substr(file_name[i], length(file_name[i]) - length(name)) == "/" name)
			return file_name[i]
	return ""
}

# Records that @from uses @to; @how says it in words, @key is what an exception calls it.
function use(from, to, where, how, key) {
	if (from == to)
		return
	if (key in excepted) {
		needed[key] = 1
		return
	}
	if (!((from, to) in edge))
		edge[from, to] = how
	if ((from in rank) && (to in rank) && rank[from] > rank[to] && !(key in shown)) {
		shown[key] = 1
		complain(where ": " how ", but " from " is below " to)
	}
}

# Prints a shortest cycle through @start.
function show_cycle(start,    queue, head, tail, from, seen, u, i, text) {
	queue[1] = start
	tail = 1
	for (head = 1; head <= tail; head++) {
		u = queue[head]
		if (head > 1 && (u, start) in edge)
			break
		for (i = 1; i <= units; i++)
			if ((u, unit[i]) in edge && !(unit[i] in seen) && unit[i] != start) {
				seen[unit[i]] = 1
				from[unit[i]] = u
				queue[++tail] = unit[i]
			}
	}
	text = u " > " start " (" edge[u, start] ")"
	for (; u != start; u = from[u])
		text = from[u] " > " u " (" edge[from[u], u] "), " text
	complain("cycle: " text)
}

function find_cycles(    i, j, k, a, b, members) {
	for (a in edge)
		reach[a] = 1
	for (k = 1; k <= units; k++)
		for (i = 1; i <= units; i++)
			if ((unit[i], unit[k]) in reach)
				for (j = 1; j <= units; j++)
					if ((unit[k], unit[j]) in reach)
						reach[unit[i], unit[j]] = 1
	for (i = 1; i <= units; i++) {
		a = unit[i]
		if (!((a, a) in reach) || (a in in_cycle))
			continue
		members = ""
		for (j = 1; j <= units; j++) {
			b = unit[j]
			if ((a, b) in reach && (b, a) in reach) {
				in_cycle[b] = 1
				members = members " " b
			}
		}
		complain("these use each other:" members)
		show_cycle(a)
	}
}

BEGIN { FS = "\t" }

FNR == 1 { part = FILENAME; sub(/.*\//, "", part) }

# - `call`: what it is for
part == "order" && /^- `[^`]+`/ {
	split($0, word, "`")
	if (word[2] in rank)
		complain(word[2] " is listed twice")
	listed[++ranks] = word[2]
	rank[word[2]] = ranks
	next
}

#   - `a()` uses `b()` above, because ...     - `a.h` includes `b.h` above, because ...
part == "order" && /^  - `[^`]+` (uses|includes) `[^`]+` above, because ./ {
	split($0, word, "`")
	key = word[2] ">" word[4]
	gsub(/\(\)/, "", key)
	excepted[key] = 1
	next
}

part == "order" && !/^ *$/ { complain("doc/design.md: not understood: " $0) }

part == "files" {
	exists[$0] = 1
	file_name[++files] = $0
	u = unit_of($0)
	if (!(u in is_unit)) {
		is_unit[u] = 1
		unit[++units] = u
		if (!(u in rank))
			complain($0 " is not in the list of doc/design.md")
	}
}

part == "tags" && $4 == "h" && /roles:local/ {
	name = included($2, $1)
	# A .c file may need the types of a file above; a header decides for all that include it.
	if ($2 ~ /\.h$/ && name != "")
		use(unit_of($2), unit_of(name), $2, unit_of($2) ".h includes " unit_of(name) ".h",
			unit_of($2) ".h>" unit_of(name) ".h")
}

part == "tags" && $4 != "h" && /roles:def/ {
	match($0, /\tend:[0-9]+/)
	if ($4 != "v" && RSTART) {
		spans[$2]++
		first[$2, spans[$2]] = substr($3, 1, length($3) - 2) + 0
		last[$2, spans[$2]] = substr($0, RSTART + 5, RLENGTH - 5) + 0
		span_name[$2, spans[$2]] = $1
	}
	defined[$2, $1] = 1
	if ($4 == "v")
		variable[$1] = 1
	if (!/\tfile:/ || $2 ~ /\.h$/) {
		u = unit_of($2)
		if (!(($1, u) in owns)) {
			owns[$1, u] = 1
			owners[$1] = owners[$1] " " u
		}
	}
}

part == "references" {
	from = unit_of($2)
	if (($2, $1) in defined || ($1, from) in owns)
		next
	# The tag of a structure is no use of a function or a variable with the same name.
	if ($4 ~ "(struct|union|enum) " $1 "[^a-z0-9_(]" && $4 !~ $1 "\\(")
		next
	caller = function_at($2, $3)
	# Prototypes.
	if (caller == "" && $2 ~ /\.h$/)
		next
	references++
	# Of several definitions, one for each library, the lowest counts.
	n = split(substr(owners[$1], 2), owner, " ")
	to = owner[1]
	for (i = 2; i <= n; i++)
		if (rank[owner[i]] > rank[to])
			to = owner[i]
	use(from, to, $2 ":" $3,
		(caller == "" ? "an initialiser" : caller "()") " uses " $1 ($1 in variable ? "" : "()"),
		(caller == "" ? from : caller) ">" $1)
}

END {
	if (!ranks)
		complain("doc/design.md has no list \"layers: " dir "\"")
	if (!references)
		complain("no file uses another one: cscope or ctags did not work")
	for (i = 1; i <= ranks; i++)
		if (!(listed[i] in is_unit))
			complain(listed[i] " is in the list of doc/design.md, but there is no such file")
	for (key in excepted)
		if (!(key in needed)) {
			sub(/>/, " and ", key)
			complain("the exception for " key " is not needed")
		}
	find_cycles()
	exit complaints > 0
}
