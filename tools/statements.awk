# SPDX-License-Identifier: BSD-3-Clause
#
# Reads selftests/statements, then the TAP of a test run on each kernel: see tools/statements.
# Tests are those whose names begin with s01_, d_s01_, d_, e_ or doc_.

function row(cells, test,    k, results) {
	for (k = 1; k <= kernels; k++) {
		if (result[test, k] != "ok")
			bad++
		results = results (k > 1 ? ", " : "") kernel[k] " " \
			((test, k) in result ? result[test, k] : "did not run")
	}
	printf "| %s | `%s` | %s |\n", cells, test, results
}

# Print all tests that begin so, under the same statement.
function rows(prefix, cells,    t, n) {
	for (t = 1; t <= tests; t++) {
		if (index(test[t], prefix) != 1 || shown[t]++)
			continue
		row(n ? " | " : cells, test[t])
		n++
	}
	return n
}

# Print the tests that are about no statement, whose names say what they show.
function others(prefix, text,    t, n, words) {
	for (t = 1; t <= tests; t++) {
		if (index(test[t], prefix) != 1 || shown[t]++)
			continue
		if (!n++)
			printf "\n## %s\n\n| what | test | result |\n|---|---|---|\n", text
		words = substr(test[t], length(prefix) + 1)
		sub(/^doc_/, "", words)
		gsub("_", " ", words)
		row(words, test[t])
	}
}

FNR == 1 && FILENAME ~ /\.tap$/ {
	kernel[++kernels] = FILENAME
	gsub(/.*-|\.tap$/, "", kernel[kernels])
}

kernels && /^# (not )?ok [0-9]+ [^#]/ {
	name = $0
	sub(/.*[ .]/, "", name)
	if (name !~ /^(s[0-9][0-9]|d|e|doc)_/)
		next
	if (!known[name]++)
		test[++tests] = name
	# Two programs may have one of this name.
	if (result[name, kernels] != "failed")
		result[name, kernels] = /^# not/ ? "failed" : "ok"
}

!kernels && !/^#/ {
	number[++statements] = $1
	statement[$1] = $2
	instead[$1] = $3
}

END {
	print "# What is shown of rte_mp\n"
	print "Made by `make statements` from what `make check` printed, on each kernel.\n"
	print "## What programs rely on, and what mpipc does instead on purpose\n"
	print "| | statement | test | result |\n|---|---|---|---|"
	for (i = 1; i <= statements; i++) {
		n = number[i]
		cells = n + 0 " | " statement[n]
		if (instead[n] ~ /^not tested: /) {
			printf "| %s | | %s |\n", cells, instead[n]
			continue
		}
		shows = rows("s" n "_", cells)
		if (instead[n] != "")
			shows += rows("d_s" n "_", (shows ? " | " : cells " ") \
				"*Instead:* " instead[n] ".")
		if (!shows) {
			printf "| %s | | no test |\n", cells
			bad++
		}
	}
	others("d_", "Other changes on purpose")
	others("e_", "Errors")
	others("doc_", "What the documentation promises")
	exit bad > 0
}
