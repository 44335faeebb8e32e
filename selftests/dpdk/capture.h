/* SPDX-License-Identifier: GPL-2.0-only */
/* Count the packets in a file of captured packets. */
#ifndef MPIPC_SELFTESTS_DPDK_CAPTURE_H
#define MPIPC_SELFTESTS_DPDK_CAPTURE_H

#include <stdio.h>

#include <linux/types.h>

/* The formats pcap and pcapng begin like this. */
#define PCAP_MAGIC	0xa1b2c3d4
#define PCAP_NS_MAGIC	0xa1b23c4d
#define PCAPNG_MAGIC	0x0a0d0d0a

/* This is the type of the blocks of pcapng that are packets. */
#define PCAPNG_PACKET	6

/* Count the records of pcap: a time in two words, the size here, the size of the packet. */
static inline int count_records(FILE *file)
{
	__u32 record[4];
	int n = 0;

	fseek(file, 24, SEEK_SET);
	while (fread(record, sizeof(record), 1, file) == 1 &&
	       !fseek(file, record[2] - 1, SEEK_CUR) && getc(file) != EOF)
		n++;
	return n;
}

/* Count the blocks of pcapng that are packets. A block has its type, its size, and itself. */
static inline int count_blocks(FILE *file)
{
	__u32 block[2];
	int n = 0;

	rewind(file);
	while (fread(block, sizeof(block), 1, file) == 1 && block[1] > sizeof(block) &&
	       !fseek(file, block[1] - sizeof(block) - 1, SEEK_CUR) && getc(file) != EOF)
		n += block[0] == PCAPNG_PACKET;
	return n;
}

/* Return the number of whole packets in the file, -1 if it does not begin as one of packets. */
static inline int count_packets(const char *path)
{
	FILE *file = fopen(path, "r");
	__u32 magic = 0;
	int n = -1;

	if (!file)
		return -1;
	if (fread(&magic, sizeof(magic), 1, file) != 1)
		n = -1;
	else if (magic == PCAP_MAGIC || magic == PCAP_NS_MAGIC)
		n = count_records(file);
	else if (magic == PCAPNG_MAGIC)
		n = count_blocks(file);
	fclose(file);
	return n;
}

#endif /* MPIPC_SELFTESTS_DPDK_CAPTURE_H */
