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
 * its secondaries, a secondary of its primary. Both events of such a pair are
 * allocated when the pair comes to be, by the one that joins; the one for the end
 * is kept with the secondary until it is needed. So an end needs no memory, and
 * no full mailbox can swallow it.
 */

/**
 * struct mpipc_entry - anything that can wait in a mailbox
 * @link: in the mailbox's queue, under its lock
 * @seq: its number there
 * @lost: messages that found no room between the entry before and this one
 * @type: &enum mpipc_type, says what the entry is embedded in: a
 *	&struct mpipc_copy, a &struct mpipc_slot or a &struct mpipc_event
 */
struct mpipc_entry {
	struct list_head link;
	u64 seq;
	u32 lost;
	u16 type;
};

/**
 * struct mpipc_event - a peer came or went
 * @entry: of type %MPIPC_JOINED or %MPIPC_LEFT
 * @about: the peer, with a reference
 * @other: the other of the two events about the peer, while the one that it joined
 *	has not been taken and the one that it left has not been posted; under the
 *	lock of the mailbox once it is in one
 */
struct mpipc_event {
	struct mpipc_entry entry;
	struct mpipc_endpoint *about;
	struct mpipc_event *other;
};

struct mpipc_event *mpipc_event_new(void);
void mpipc_entry_drop(struct mpipc_entry *entry);
struct mpipc_msg *mpipc_entry_msg(struct mpipc_entry *entry);
void mpipc_entry_record(struct mpipc_entry *entry, struct mpipc_endpoint *viewer,
			struct mpipc_record *record);

#endif /* MPIPC_ENTRY_H */
