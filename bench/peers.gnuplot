# SPDX-License-Identifier: BSD-3-Clause
#
# Plots the cost of a broadcast for each peer, from the columns that table.jq makes:
# gnuplot -e "data = 'FILE'" bench/peers.gnuplot >peers.svg

set terminal svg size 720,400 font "sans-serif,12" background "white"
set title "Instructions for each peer of a broadcast, 256 bytes"
set xlabel "peers"
set logscale x
set xrange [0.9:1200]
set xtics (1, 4, 16, 64, 256, 1000)
set yrange [0:*]
set format y "%.0s%c"
set grid ytics
set key outside right center
set datafile missing "?"
set style data linespoints
plot data using 1:2 title "request, sockets" lc rgb "#b03030" pt 7, \
	data using 1:3 title "request, mpipc" lc rgb "#2050b0" pt 7, \
	data using 1:4 title "request, mpipc.h" lc rgb "#30a0d0" pt 7, \
	data using 1:5 title "message, sockets" lc rgb "#b03030" dt 2 pt 6, \
	data using 1:6 title "message, mpipc" lc rgb "#2050b0" dt 2 pt 6, \
	data using 1:7 title "message, mpipc.h" lc rgb "#30a0d0" dt 2 pt 6
