/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What every other header here stands on: the kernel's words, helpers and a few constants that
 * older UAPI headers lack. Nothing of ours.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* What a program is handed, and how it asks conntrack; programs/xdp.bpf.c says otherwise before it
 * includes anything.
 */
#ifndef CONTEXT
#define CONTEXT struct __sk_buff
#define CONNTRACK_LOOKUP bpf_skb_ct_lookup
#endif

/* Continue with the next program: the same number as TC_ACT_UNSPEC and as TCX_NEXT. */
#define VERDICT_NEXT (-1)

/* An access that the compiler may neither merge nor split: another CPU reads or writes it too. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* linux/pkt_cls.h's, without the rest of it. */
#define TC_ACT_SHOT 2
