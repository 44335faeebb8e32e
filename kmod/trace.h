/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mpipc

#if !defined(MPIPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MPIPC_TRACE_H

#include <linux/tracepoint.h>

#include "message.h"

/**
 * DOC: Tracepoints
 *
 * There is a tracepoint for each thing that happens: join, leave, send, receive, call, reply, and
 * drop, which is a message for which a mailbox had no space. Endpoints are given by their ids.
 */

DECLARE_EVENT_CLASS(mpipc_member,
	TP_PROTO(struct mpipc_endpoint *ep),
	TP_ARGS(ep),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, generation)
		__field(u32, role)
		__array(char, group, MPIPC_GROUP_MAX)
	),
	TP_fast_assign(
		__entry->id = ep->id;
		__entry->generation = ep->generation;
		__entry->role = ep->role;
		strscpy(__entry->group, ep->group->name, MPIPC_GROUP_MAX);
	),
	TP_printk("group=%s id=%llu role=%u generation=%llu", __entry->group,
		  __entry->id, __entry->role, __entry->generation)
);

DEFINE_EVENT(mpipc_member, mpipc_join, TP_PROTO(struct mpipc_endpoint *ep), TP_ARGS(ep));
DEFINE_EVENT(mpipc_member, mpipc_leave, TP_PROTO(struct mpipc_endpoint *ep), TP_ARGS(ep));

DECLARE_EVENT_CLASS(mpipc_message,
	TP_PROTO(struct mpipc_msg *msg, u64 to, int n),
	TP_ARGS(msg, to, n),
	TP_STRUCT__entry(
		__field(u64, from)
		__field(u64, to)
		__field(u64, call)
		__field(u64, deadline)
		__field(int, n)
		__field(u32, size)
		__field(u32, fds)
		__array(char, name, MPIPC_NAME_MAX)
	),
	TP_fast_assign(
		__entry->from = msg->sender->id;
		__entry->to = to;
		__entry->call = msg->call;
		__entry->deadline = msg->deadline;
		__entry->n = n;
		__entry->size = msg->size;
		__entry->fds = msg->n_files;
		memcpy(__entry->name, mpipc_msg_name(msg), msg->name_len);
		__entry->name[msg->name_len] = 0;
	),
	TP_printk("from=%llu to=%llu destinations=%d name=%s size=%u fds=%u",
		  __entry->from, __entry->to, __entry->n, __entry->name,
		  __entry->size, __entry->fds)
);

DEFINE_EVENT(mpipc_message, mpipc_send,
	TP_PROTO(struct mpipc_msg *msg, u64 to, int n), TP_ARGS(msg, to, n));
DEFINE_EVENT_PRINT(mpipc_message, mpipc_call,
	TP_PROTO(struct mpipc_msg *msg, u64 to, int n), TP_ARGS(msg, to, n),
	TP_printk("from=%llu call=%llu destinations=%d name=%s size=%u fds=%u deadline=%llu",
		  __entry->from, __entry->call, __entry->n, __entry->name,
		  __entry->size, __entry->fds, __entry->deadline));

DEFINE_EVENT(mpipc_message, mpipc_drop,
	TP_PROTO(struct mpipc_msg *msg, u64 to, int n), TP_ARGS(msg, to, n));

TRACE_EVENT(mpipc_reply,
	TP_PROTO(struct mpipc_msg *msg, u64 call, int status),
	TP_ARGS(msg, call, status),
	TP_STRUCT__entry(
		__field(u64, from)
		__field(u64, call)
		__field(int, status)
		__field(u32, size)
		__field(u32, fds)
	),
	TP_fast_assign(
		__entry->from = msg->sender->id;
		__entry->call = call;
		__entry->status = status;
		__entry->size = msg->size;
		__entry->fds = msg->n_files;
	),
	TP_printk("from=%llu call=%llu status=%d size=%u fds=%u", __entry->from,
		  __entry->call, __entry->status, __entry->size, __entry->fds)
);

TRACE_EVENT(mpipc_receive,
	TP_PROTO(struct mpipc_endpoint *ep, const struct mpipc_record *record),
	TP_ARGS(ep, record),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u64, seq)
		__field(u64, call)
		__field(u32, type)
		__field(u32, size)
		__field(u32, fds)
	),
	TP_fast_assign(
		__entry->id = ep->id;
		__entry->peer = record->peer;
		__entry->seq = record->seq;
		__entry->call = record->call;
		__entry->type = record->type;
		__entry->size = record->size;
		__entry->fds = record->n_fds;
	),
	TP_printk("id=%llu peer=%llu seq=%llu type=%u call=%llu size=%u fds=%u",
		  __entry->id, __entry->peer, __entry->seq, __entry->type,
		  __entry->call, __entry->size, __entry->fds)
);

#endif /* MPIPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
