/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The decision of a dial: translate, refuse or leave alone. Both families and both kinds of socket
 * come through here.
 */
#pragma once

#include "affinity.h"
#include "exclude.h"
#include "generation.h"
#include "names.h"
#include "range.h"
#include "report.h"
#include "select.h"
#include "sender.h"

/* What a cgroup socket hook returns. */
#define HOOK_ALLOW 1
#define HOOK_DENY 0

/* asm-generic/errno.h; the C library's errno.h is not for this target. */
#define ECONNREFUSED 111

/* Times that a backend is drawn: again if the agent shrank the set between our two reads, or if
 * this socket knows the backend by another name already.
 */
#define DRAW_TRIES 4

enum dial_outcome {
	DIAL_UNTOUCHED, /* not a service, or not ours to decide here */
	DIAL_TRANSLATED, /* `selection` holds where to go */
	DIAL_REFUSED, /* nothing is usable anywhere */
};

/* Draws a backend, one that the socket does not know under another name if it can be had. */
static __always_inline bool backend_draw_unnamed(struct selection *selection,
						 const struct service_head *head,
						 const struct decision *decision,
						 const struct socket_services *services,
						 const struct dial *to)
{
	bool found = false;

	for (int try = 0; try < DRAW_TRIES; try++) {
		struct dial at = {};

		if (!backend_draw(selection, head->service_id, decision->set, decision->count,
				  to->is_ipv6))
			continue;
		found = true;
		__builtin_memcpy(at.address, selection->address, 16);
		at.port = selection->port;
		if (name_of_backend(services, &at) < 0)
			return true;
	}
	report(found ? REASON_NAME_CONFLICT : REASON_SLOT_MISSING, 0);
	return found;
}

/* Whether the socket's last backend for this service still serves and the flow is not idle. */
static __always_inline bool name_still_holds(struct selection *selection,
					     const struct socket_name *name, const struct dial *to,
					     __u64 now_ns)
{
	return now_ns - name->last_used_ns <= NAME_IDLE_NS &&
	       backend_read(selection, name->backend_id, to->is_ipv6) &&
	       selection->port == name->backend_port &&
	       address_equal(selection->address, name->backend_address);
}

/* What the service's rules make of a dial that begins a flow. */
struct dial_rules {
	struct decision decision;
	struct affinity_request affinity; /* timeout_s 0: any backend of the set will do */
};

/* Fills `rules`, all zero before, if the outcome is DIAL_TRANSLATED. A dial can't be met with
 * silence: what rules drop is left to the packet path, which drops it.
 */
static __always_inline enum dial_outcome dial_decide(struct bpf_sock_addr *ctx,
						     const struct dial *to,
						     const struct control *control,
						     const struct service_head *head,
						     struct dial_rules *rules)
{
	const struct settings *settings = settings_read();
	bool is_host = dialler_is_host(ctx);
	struct client client = {};

	if (!settings)
		return DIAL_UNTOUCHED; /* verifier: an array entry always exists */
	if (head->has_source_ranges || head->affinity_timeout_s)
		client_find(&client, ctx, settings, is_host, to->is_ipv6);

	if (head->has_source_ranges &&
	    !(client.is_known &&
	      source_is_allowed(head->service_id, client.address, to->is_ipv6))) {
		report(REASON_DECLINED, 0);
		return DIAL_UNTOUCHED;
	}
	service_decide(&rules->decision, head, dialler_sender(is_host, settings->detect_local),
		       settings->detect_local, settings->masquerade_all);
	if (rules->decision.outcome == OUTCOME_REJECT) {
		report(REASON_REFUSED_NO_BACKEND, 0);
		return DIAL_REFUSED;
	}
	/* A stranger's affinity is the packet path's, which sees the address; where pods have none
	 * it is better served by any backend than by none.
	 */
	if (rules->decision.outcome == OUTCOME_DROP ||
	    (head->affinity_timeout_s && !client.is_known && control->services &&
	     control->pod_routing)) {
		report(REASON_DECLINED, 0);
		return DIAL_UNTOUCHED;
	}
	if (client.is_known) {
		__builtin_memcpy(rules->affinity.client, client.address, 16);
		rules->affinity.service_id = head->service_id;
		rules->affinity.timeout_s = head->affinity_timeout_s;
		rules->affinity.set = rules->decision.set;
		rules->affinity.is_ipv6 = to->is_ipv6;
	}
	return DIAL_TRANSLATED;
}

/* The backend of a new flow: the client's own where the service has affinity, else a drawn one. */
static __always_inline bool backend_choose(struct selection *selection,
					   const struct service_head *head,
					   const struct dial_rules *rules,
					   const struct socket_services *services,
					   const struct dial *to)
{
	const struct affinity_request *affinity = &rules->affinity;
	__u32 id = affinity->timeout_s ? affinity_recall(affinity) : 0;

	if (id && backend_read(selection, id, to->is_ipv6))
		return true;
	if (!backend_draw_unnamed(selection, head, &rules->decision, services, to))
		return false;
	if (affinity->timeout_s) {
		id = affinity_remember(affinity, selection->backend_id);
		/* Another CPU's choice; if that is gone already, the drawn one stays. */
		if (id != selection->backend_id)
			backend_read(selection, id, to->is_ipv6);
	}
	return true;
}

/* Decides one dial. `is_new_flow`: connect() begins a flow; a datagram may continue one. */
static __always_inline enum dial_outcome dial_translate(struct bpf_sock_addr *ctx,
							const struct dial *to,
							struct selection *selection,
							bool is_new_flow)
{
	const struct control *control = control_if_active();

	if (!control || !control->socket_lb)
		return DIAL_UNTOUCHED;
	/* A pod's loopback is not the host's, whatever the host serves on its own. */
	if (dial_is_loopback(to) && !dialler_is_host(ctx))
		return DIAL_UNTOUCHED;

	const struct service_head *head = service_lookup(to);

	if (!head)
		return DIAL_UNTOUCHED;

	if ((control->socket_lb_host_only && !dialler_is_host(ctx)) ||
	    (control->socket_lb_excludes && cgroup_is_excluded(ctx))) {
		report(REASON_EXCLUDED, 0);
		return DIAL_UNTOUCHED;
	}

	struct socket_services *services = bpf_sk_storage_get(&socket_services, ctx->sk, NULL, 0);
	struct socket_name *name = NULL;
	__u64 now_ns = bpf_ktime_get_ns();

	if (services)
		name = name_at(services, name_of_service(services, to));
	/* What runs goes on as it was decided when it began. */
	if (name && !is_new_flow && head->usable_anywhere &&
	    name_still_holds(selection, name, to, now_ns)) {
		WRITE_ONCE(name->last_used_ns, now_ns);
		return DIAL_TRANSLATED;
	}
	if (name)
		name_release(name); /* the old flow is over: its backend needs no name */

	struct dial_rules rules = {};
	enum dial_outcome outcome = dial_decide(ctx, to, control, head, &rules);

	if (outcome != DIAL_TRANSLATED)
		return outcome;
	if (!services)
		services = bpf_sk_storage_get(&socket_services, ctx->sk, NULL,
					      BPF_SK_STORAGE_GET_F_CREATE);
	name = services ? name_at(services, name_claim(services, now_ns)) : NULL;
	if (!name) {
		report(REASON_NAMES_FULL, 0);
		return DIAL_UNTOUCHED;
	}
	if (!backend_choose(selection, head, &rules, services, to)) {
		name_release(name);
		return DIAL_UNTOUCHED;
	}
	name_write(name, to, selection, now_ns);
	return DIAL_TRANSLATED;
}

/* Replaces a backend's address by the name under which this socket dialled it. True if it did. */
static __always_inline bool peer_rename(struct bpf_sock_addr *ctx, struct dial *peer)
{
	struct socket_services *services = bpf_sk_storage_get(&socket_services, ctx->sk, NULL, 0);

	if (!services)
		return false;

	const struct socket_name *name = name_at(services, name_of_backend(services, peer));

	if (!name)
		return false;
	__builtin_memcpy(peer->address, name->service_address, 16);
	peer->port = name->service_port;
	return true;
}
