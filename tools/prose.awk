# SPDX-License-Identifier: BSD-3-Clause
#
# The part of tools/check-prose that reads: prints "FILE:LINE: REASON: TEXT" for each sentence that
# begins as a fragment, and for each word that the glossary replaces by another one. Prose is what
# comments of C and of scripts, manual pages and Markdown have. Words are looked for in all text.
#
# allow, a file, lists exceptions: a pattern of file names, a tab, a pattern of the line that is
# printed, a tab, the reason.

function report(line, reason, text,    i, out) {
	out = FILENAME ":" line ": " reason ": " text
	for (i = 1; i <= allowed; i++)
		if (FILENAME ~ allowed_file[i] && out ~ allowed_text[i])
			return
	print out
}

# Adds the text of a line to the paragraph.
function add(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	if (text == "")
		return
	if (paragraph != "")
		paragraph = paragraph " "
	starts++
	start_offset[starts] = length(paragraph) + 1
	start_line[starts] = FNR
	paragraph = paragraph text
}

function line_at(offset,    i) {
	for (i = starts; i > 1 && start_offset[i] > offset; i--)
		;
	return start_line[i]
}

function check_sentence(text, line,    start) {
	start = text
	# Behind the name of a parameter, "whether ..." and "not ..." say what it is.
	if (sub(/^@[A-Za-z0-9_.]+:[ \t]*/, "", start) && start ~ /^(whether|not) /)
		return
	# The text behind a tag of kernel-doc or a function's name begins a sentence.
	sub(/^(Returns?|Context|DOC):[ \t]*/, "", start)
	sub(/^[A-Za-z0-9_]+(\(\))? - /, "", start)
	sub(/^[-*"'`(]+[ \t]*/, "", start)
	if (start ~ /\?["')]*$/)
		return
	start = toupper(substr(start, 1, 1)) substr(start, 2)
	if (start ~ /^(What|Who|Whom|Whose|Whether|Also|Not)[ ,]/ ||
	    (start ~ /^Those[ ,]/ && start ~ those) ||
	    (start ~ /^That[ ,]/ && start !~ that) ||
	    (start ~ /^One[ ,]/ && start ~ one))
		report(line, "fragment", substr(text, 1, 70))
}

# Checks the paragraph's sentences, and begins another one.
function flush(    rest, offset) {
	rest = paragraph
	offset = 1
	while (match(rest, /[.!?]["')]* +["'`(]*[A-Z]/)) {
		end = RSTART
		while (substr(rest, end, 1) != " ")
			end++
		check_sentence(substr(rest, 1, end - 1), line_at(offset))
		while (substr(rest, end, 1) == " ")
			end++
		rest = substr(rest, end)
		offset += end - 1
	}
	if (rest != "")
		check_sentence(rest, line_at(offset))
	paragraph = ""
	starts = 0
}

# A line inside a comment.
function comment(text) {
	sub(/^[ \t]*(\*+|#+)?/, "", text)
	if (text ~ /^[ \t]*$/) {
		flush()
		return
	}
	if (text ~ /^[ \t]*(@[A-Za-z0-9_.]+:|Returns?:|Context:|DOC:|- |\* |[0-9]+\. |[A-Za-z0-9_]+\(\) - )/)
		flush()
	add(text)
}

function c_line(text,    token, end) {
	for (;;) {
		if (in_comment) {
			end = index(text, "*/")
			if (!end) {
				comment(text)
				return
			}
			comment(substr(text, 1, end - 1))
			flush()
			in_comment = 0
			text = substr(text, end + 2)
		}
		if (!match(text, /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|\/\*|\/\//))
			return
		token = substr(text, RSTART, 2)
		text = substr(text, RSTART + RLENGTH)
		if (token == "//") {
			comment(text)
			flush()
			return
		}
		in_comment = token == "/*"
	}
}

function script_line(text) {
	if (text ~ /^[ \t]*#/ && text !~ /^#!/)
		comment(text)
	else
		flush()
}

function man_line(text) {
	if (text ~ /^\.Bd -literal/)
		literal = 1
	else if (text ~ /^\.Ed/)
		literal = 0
	if (literal)
		return
	if (text ~ /^\.(Sh|Ss|Pp|It|Bl|El|Bd|Ed|Dl|D1|Nd|Dd|Dt|Os|Fo|Fa|Fc|Ft|Vt|In)/ || text ~ /^$/) {
		flush()
		return
	}
	if (text ~ /^['.]\\"/)
		return
	if (sub(/^\.[A-Z][A-Za-z0-9]* */, "", text))
		# Without the full stop, which is an argument, the next sentence would not be one.
		sub(/ +\.$/, ".", text)
	add(text)
}

function markdown_line(text,    cell, n, i) {
	if (text ~ /^ *```/) {
		literal = !literal
		flush()
		return
	}
	if (literal || text ~ /^(    |\t)/ && paragraph == "")
		return
	gsub(/`[^`]*`/, "`code`", text)
	if (text ~ /^\|/) {
		flush()
		n = split(text, cell, "|")
		for (i = 1; i <= n; i++) {
			# In lower case, a cell is a label.
			if (cell[i] !~ /^ *[a-z]/)
				add(cell[i])
			flush()
		}
		return
	}
	if (text ~ /^ *$/ || text ~ /^ *([-*]|[0-9]+\.) / || text ~ /^#/)
		flush()
	if (text ~ /^(#|<!--)/)
		return
	sub(/^ *([-*]|[0-9]+\.) +/, "", text)
	add(text)
}

function words(text,    i, n, word) {
	n = split(tolower(text), word, /[^a-z]+/)
	for (i = 1; i <= n; i++)
		if (word[i] in instead)
			report(FNR, word[i] " (" instead[word[i]] ")", text)
}

function forbid(list, by,    i, n, word) {
	n = split(list, word, " ")
	for (i = 1; i <= n; i++)
		instead[word[i]] = by
}

BEGIN {
	those = "^Those (that|who|which|whose|of|with|without|in|on|for|from|to|by|at|not|it|they|the|we)[ ,]"
	that = "^That (is|was|means|would|will|can|cannot|could|may|must|does|has|had|makes|leaves|lets|" \
	       "keeps|takes|needs|works|holds|happens|costs|way|said)[ ,]"
	one = "^One (that|which|who|whose|with|without|for|to|in|on|more|is|has|can|may)[ ,]"
	forbid("answer answers answered answering unanswered", "reply")
	forbid("addressee addressees", "destination")
	forbid("room rooms", "space")
	forbid("tell tells told telling", "notify, say")
	forbid("untake untaken", "requeue")
	forbid("withdraw withdraws withdrawn withdrew", "retract")
	while ((getline text <allow) > 0)
		if (text !~ /^#/ && split(text, field, "\t") == 3) {
			allowed_file[++allowed] = field[1]
			allowed_text[allowed] = field[2]
		}
}

FNR == 1 {
	flush()
	in_comment = literal = 0
	kind = FILENAME
	sub(/.*\//, "", kind)
	sub(/.*\./, "", kind)
}

{ words($0) }

kind ~ /^[ch]$/ { c_line($0); next }
kind ~ /^[1-8]$/ { man_line($0); next }
kind == "md" { markdown_line($0); next }
{ script_line($0) }

END { flush() }
