/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ENTRY_H
#define MPIPC_ENTRY_H

#include <linux/list.h>
#include <linux/mpipc.h>
#include <linux/types.h>

struct mpipc_endpoint;
struct mpipc_msg;

/**
 * DOC: Entries and records
 *
 * What waits in a mailbox is an entry: a copy of a message, the result of an
 * asynchronous call, or an event. Each is embedded in memory that was there
 * before it was queued. A receiver gets it as a &struct mpipc_record, which is
 * also what a synchronous caller gets for each addressee.
 *
 * DOC: Events
 *
 * Who asked for events is told of peers that come and go by entries of its own
 * mailbox, so they are in order with what those peers sent. A primary hears of
 * its secondaries, a secondary of its primary. The events of both are part of the
 * &struct mpipc_link of the two, so that an end needs no memory, and no full mailbox
 * can swallow it.
 */

/**
 * struct mpipc_entry - anything that can wait in a mailbox
 * @link: in the mailbox's queue, under its lock
 * @seq: its number there
 * @lost: messages that found no room between the entry before and this one
 * @type: &enum mpipc_type, says what the entry is embedded in: a
 *	&struct mpipc_copy, a &struct mpipc_slot or a &struct mpipc_link_end
 */
struct mpipc_entry {
	struct list_head link;
	u64 seq;
	u32 lost;
	u16 type;
};

void mpipc_entry_drop(struct mpipc_entry *entry);
struct mpipc_msg *mpipc_entry_msg(struct mpipc_entry *entry);
void mpipc_entry_record(struct mpipc_entry *entry, struct mpipc_endpoint *viewer,
			struct mpipc_record *record);

#endif /* MPIPC_ENTRY_H */
