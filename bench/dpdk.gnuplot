# SPDX-License-Identifier: BSD-3-Clause
#
# Plots what a program of DPDK takes, from the columns that table.jq makes:
# gnuplot -e "data = 'FILE'" bench/dpdk.gnuplot >dpdk.svg

set terminal svg size 720,400 font "sans-serif,12" background "white"
set title "A program of DPDK 22.11, in millions of instructions"
set xlabel "secondaries"
set xrange [0:33]
set xtics (0, 1, 4, 8, 32)
set yrange [0:*]
set grid ytics
set key outside right center
set datafile missing "?"
set style data linespoints
plot data using 1:2 title "attach, sockets" lc rgb "#b03030" pt 7, \
	data using 1:3 title "attach, mpipc" lc rgb "#2050b0" pt 7, \
	data using 1:4 title "rte\\_malloc(), sockets" lc rgb "#b03030" dt 2 pt 6, \
	data using 1:5 title "rte\\_malloc(), mpipc" lc rgb "#2050b0" dt 2 pt 6
