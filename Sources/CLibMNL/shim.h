/* What Swift sees of libmnl and of the netlink families that we speak: rtnetlink, and conntrack
 * over nfnetlink. Only libmnl's sockets are used; messages are read and written in Swift, where
 * every access is checked against the message's end. */
#pragma once
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
