/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_COPY_H
#define MPIPC_COPY_H

#include <linux/errno.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/kconfig.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

/**
 * DOC: Copies between kernel and user
 *
 * A request is copied eight times, arguments and records included, a few hundred
 * bytes each. These are copied in words: the string instruction that kernels before
 * 6.4 have for them takes longer, and so does the search for the bounds of what is
 * copied, which are known here: those of a structure, or of a message's payload. What
 * is longer is left to the kernel's own functions.
 */

#define MPIPC_COPY_MAX	512

/* What is copied can begin anywhere. */
struct mpipc_word {
	unsigned long value;
} __packed;

static inline bool mpipc_copies_words(size_t n)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && n <= MPIPC_COPY_MAX;
}

/**
 * mpipc_copy_in - copy from user space
 * @to: where to; undefined after an error
 * @from: where from
 * @n: bytes, of which @to is known to have so many
 *
 * Return: 0 or -EFAULT.
 */
static inline int mpipc_copy_in(void *to, const void __user *from, size_t n)
{
	const unsigned long __user *from_word = from;
	const u8 __user *from_byte;
	struct mpipc_word *word = to;
	u8 *byte;

	if (!mpipc_copies_words(n))
		return copy_from_user(to, from, n) ? -EFAULT : 0;
	if (!n)
		return 0;
	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(from, n))
		return -EFAULT;
	for (; n >= 4 * sizeof(*word); n -= 4 * sizeof(*word), word += 4, from_word += 4) {
		unsafe_get_user(word[0].value, &from_word[0], fault);
		unsafe_get_user(word[1].value, &from_word[1], fault);
		unsafe_get_user(word[2].value, &from_word[2], fault);
		unsafe_get_user(word[3].value, &from_word[3], fault);
	}
	for (; n >= sizeof(*word); n -= sizeof(*word), word++, from_word++)
		unsafe_get_user(word->value, from_word, fault);
	byte = (u8 *)word;
	from_byte = (const u8 __user *)from_word;
	for (; n; n--, byte++, from_byte++)
		unsafe_get_user(*byte, from_byte, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/**
 * mpipc_copy_out - copy to user space
 * @to: where to
 * @from: where from
 * @n: bytes, of which @from is known to have so many
 *
 * Return: 0 or -EFAULT.
 */
static inline int mpipc_copy_out(void __user *to, const void *from, size_t n)
{
	unsigned long __user *to_word = to;
	const struct mpipc_word *word = from;
	u8 __user *to_byte;
	const u8 *byte;

	if (!mpipc_copies_words(n))
		return copy_to_user(to, from, n) ? -EFAULT : 0;
	if (!n)
		return 0;
	might_fault();
	if (should_fail_usercopy() || !user_write_access_begin(to, n))
		return -EFAULT;
	for (; n >= 4 * sizeof(*word); n -= 4 * sizeof(*word), word += 4, to_word += 4) {
		unsafe_put_user(word[0].value, &to_word[0], fault);
		unsafe_put_user(word[1].value, &to_word[1], fault);
		unsafe_put_user(word[2].value, &to_word[2], fault);
		unsafe_put_user(word[3].value, &to_word[3], fault);
	}
	for (; n >= sizeof(*word); n -= sizeof(*word), word++, to_word++)
		unsafe_put_user(word->value, to_word, fault);
	byte = (const u8 *)word;
	to_byte = (u8 __user *)to_word;
	for (; n; n--, byte++, to_byte++)
		unsafe_put_user(*byte, to_byte, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * mpipc_iter_in - copy what is written
 * @to: as for mpipc_copy_in()
 * @n: likewise
 * @from: goes on by so many, unless there is an error
 *
 * Return: 0 or -EFAULT.
 */
static inline int mpipc_iter_in(void *to, size_t n, struct iov_iter *from)
{
	if (!iter_is_ubuf(from) || !mpipc_copies_words(n))
		return copy_from_iter_full(to, n, from) ? 0 : -EFAULT;
	if (n > iov_iter_count(from) || mpipc_copy_in(to, from->ubuf + from->iov_offset, n))
		return -EFAULT;
	iov_iter_advance(from, n);
	return 0;
}

/**
 * mpipc_iter_out - copy to where it is read
 * @from: as for mpipc_copy_out()
 * @n: likewise
 * @to: goes on by so many, or, after an error, any number up to that
 *
 * Return: 0 or -EFAULT.
 */
static inline int mpipc_iter_out(const void *from, size_t n, struct iov_iter *to)
{
	if (!iter_is_ubuf(to) || !mpipc_copies_words(n))
		return copy_to_iter(from, n, to) == n ? 0 : -EFAULT;
	if (n > iov_iter_count(to) || mpipc_copy_out(to->ubuf + to->iov_offset, from, n))
		return -EFAULT;
	iov_iter_advance(to, n);
	return 0;
}

#endif /* MPIPC_COPY_H */
