// Queueing disciplines and filters: what the lab's policy agent attaches, and what tests need.
// Adding twice is EEXIST; removing a qdisc that is not there is EINVAL, a filter's ENOENT or
// EINVAL.

import CLibMNL
package import Model

extension RouteSocket {
    /// Adds clsact, the qdisc that filters at the interface's edges hang on.
    package func addClsact(_ interface: UInt32) throws(NetlinkError) {
        try change(clsact(RTM_NEWQDISC, interface), "add clsact", "#\(interface)")
    }

    /// Deletes clsact with all its filters.
    package func deleteClsact(_ interface: UInt32) throws(NetlinkError) {
        try change(clsact(RTM_DELQDISC, interface), "delete clsact", "#\(interface)")
    }

    private func clsact(_ type: Int, _ interface: UInt32) -> MessageBuilder {
        traffic(
            type, interface, parent: TrafficHandle.clsact, handle: TrafficHandle.ingress,
            kind: "clsact",
            flags: type == RTM_NEWQDISC ? NLM_F_CREATE | NLM_F_EXCL : 0)
    }

    /// Puts a token bucket of the given rate (bytes a second) on the interface as its root qdisc.
    package func setTokenBucket(
        _ interface: UInt32, bytesPerSecond: UInt32, burstBytes: UInt32, limitBytes: UInt32
    ) throws(NetlinkError) {
        var message = traffic(
            RTM_NEWQDISC, interface, parent: TrafficHandle.root, handle: 0x1_0000, kind: "tbf",
            flags: NLM_F_CREATE | NLM_F_REPLACE)
        var parameters = tc_tbf_qopt()
        parameters.rate.rate = bytesPerSecond
        parameters.rate.linklayer = 1  // TC_LINKLAYER_ETHERNET
        parameters.limit = limitBytes
        message.nest(TCA_OPTIONS) { message in
            message.attribute(TCA_TBF_PARMS, parameters)
            message.attribute(TCA_TBF_BURST, burstBytes)
        }
        try change(message, "set tbf", "#\(interface)")
    }

    /// Takes the root qdisc away; the interface's default one comes back.
    package func deleteRootQdisc(_ interface: UInt32) throws(NetlinkError) {
        let message = traffic(
            RTM_DELQDISC, interface, parent: TrafficHandle.root, handle: 0, kind: nil, flags: 0)
        try change(message, "delete root qdisc", "#\(interface)")
    }

    /// Attaches a filter of kind `bpf` to clsact; ENOENT without clsact.
    /// - Parameter program: descriptor of a loaded scheduler program, which runs in direct-action
    ///   mode: its return code is the verdict. Nil: a classic program that accepts every packet and
    ///   ends the list, as the network policy agent's does; such a filter has no name.
    package func addFilter(_ filter: TrafficFilter, program: Int32? = nil) throws(NetlinkError) {
        var message = self.message(RTM_NEWTFILTER, filter, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.nest(TCA_OPTIONS) { message in
            guard let program else {
                // BPF_RET | BPF_K, -1: "matched".
                let accept = sock_filter(code: 0x06, jt: 0, jf: 0, k: UInt32.max)
                message.attribute(TCA_BPF_OPS_LEN, UInt16(1))
                message.attribute(TCA_BPF_OPS, accept)
                return
            }
            message.attribute(TCA_BPF_FD, UInt32(bitPattern: program))
            message.attribute(TCA_BPF_NAME, filter.name)
            message.attribute(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
        try change(message, "add filter", filter.text)
    }

    /// Deletes one filter, or all of its priority if the handle is 0.
    package func deleteFilter(_ filter: TrafficFilter) throws(NetlinkError) {
        try change(message(RTM_DELTFILTER, filter, flags: 0), "delete filter", filter.text)
    }

    private func message(_ type: Int, _ filter: TrafficFilter, flags: Int32) -> MessageBuilder {
        // ETH_P_ALL in network order in the low half.
        let info = UInt32(filter.priority) << 16 | UInt32(UInt16(0x0003).bigEndian)
        return traffic(
            type, filter.interface, parent: filter.direction.parent, handle: filter.handle,
            kind: filter.kind, flags: flags, info: info)
    }

    private func traffic(
        _ type: Int, _ interface: UInt32, parent: UInt32, handle: UInt32, kind: String?,
        flags: Int32, info: UInt32 = 0
    ) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = tcmsg()
        header.tcm_ifindex = Int32(bitPattern: interface)
        header.tcm_parent = parent
        header.tcm_handle = handle
        header.tcm_info = info
        message.append(header)
        if let kind { message.attribute(TCA_KIND, kind) }
        return message
    }
}

extension TrafficFilter {
    fileprivate var text: String { "\(kind) \(direction) pref \(priority) on #\(interface)" }
}
