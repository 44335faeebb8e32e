/* SPDX-License-Identifier: GPL-2.0-only */
/* Declare what the parts of the model share. */
#ifndef MPIPC_SELFTESTS_STRESS_MODEL_H
#define MPIPC_SELFTESTS_STRESS_MODEL_H

#include "stress.h"

/* Entries are listed by what is looked for. The model of each round is made anew. */
struct list {
	__u32 *at;
	__u32 n;
};

extern struct list received;
extern struct list arrivals;
extern struct list channels;
extern struct list heard;
extern struct list results;
extern struct list calls;
extern struct list replies;
extern struct list cancels;
extern struct list sends;
extern struct list lists;
extern __u32 *in_flight;
extern __u32 *missing;
extern __u32 *calls_in_flight;

/* model.c */
void check_identity(const struct entry *e, const struct member *peer);
bool is_for(const struct entry *sent, const struct member *to);
void check_arrived(const struct entry *sent, const struct member *to);
struct member *destination(const struct entry *sent);

/* ledger.c */
struct member *member_at(__u32 index);
__u32 member_index(const struct member *m);
__u64 leave_begin(const struct member *m);
__u64 leave_end(const struct member *m);
bool may_have_left(const struct member *m, __u64 by);
bool has_left(const struct member *m, __u64 by);
bool surely_there(const struct member *m, __u64 begin, __u64 end);
bool maybe_there(const struct member *m, __u64 begin, __u64 end);
__u64 end_of(const struct entry *e);
void add(struct list *list, const struct entry *e);
__u64 position(const struct entry *e);
__u32 call_of(const struct entry *e);
void sort(struct list *list, int (*order)(const void *a, const void *b));
int by_begin(const void *a, const void *b);
__u32 lookup_channel(__u64 member, __u64 log);
__u32 lookup_heard(__u64 member, __u64 peer);
__u32 lookup_result(__u64 call, __u64 peer);
__u32 lookup_cancel(__u64 call, __u64 unused);
struct entry *list_at(const struct list *list, __u32 i);
struct member *find_member(__u64 id);
struct entry *arrival(const struct entry *sent, __u32 member);
struct entry *result_of(__u32 call, __u64 peer);
__u32 count_arrivals(__u32 sent);
__u32 count_results(__u32 call);
bool is_call(const struct entry *e);
bool is_async(const struct entry *e);
bool replied(const struct entry *e);
struct entry *next_entry(const struct entry *e);
struct entry *first_entry(__u32 log);
void *array(size_t size);
void read_ledger(void);
bool follows(const struct member *m);
bool wants_events(const struct member *m);
bool may_belong(const struct member *secondary, const struct member *primary);
bool does_belong(const struct member *secondary, const struct member *primary);

/* model_call.c */
void check_errors(void);
void check_calls(void);

/* model_event.c */
void check_events(void);
void check_gaps(void);
void check_lists(void);

#endif /* MPIPC_SELFTESTS_STRESS_MODEL_H */
