// Routes and policy rules. Adding twice is EEXIST; removing what is not there is ESRCH for a route
// and ENOENT for a rule; `replaceRoute` is idempotent.

import CLibMNL
package import Model

/// A route to be made. What is nil or false is left to the kernel.
package struct NewRoute: Hashable, Sendable {
    /// What happens to a packet that takes the route.
    package enum Kind: UInt8, Hashable, Sendable {
        case unicast = 1
        case local = 2
        case blackhole = 6
        case unreachable = 7
        case prohibit = 8
    }

    package var destination: CIDR
    package var kind = Kind.unicast
    package var gateway: IPAddress?
    package var interface: UInt32?
    package var table: UInt32
    /// The metric; IPv6 makes 1024 of 0.
    package var priority: UInt32 = 0
    /// The gateway is taken for reachable although no route says so.
    package var isOnLink = false
    /// The source address of packets that the node itself sends.
    package var preferredSource: IPAddress?
    /// Bytes, for this route alone.
    package var mtu: UInt32?

    /// A unicast route; without gateway its scope is "link".
    package init(
        _ destination: CIDR, via gateway: IPAddress? = nil, interface: UInt32?,
        table: UInt32 = Route.mainTable, isOnLink: Bool = false
    ) {
        self.destination = destination
        self.gateway = gateway
        self.interface = interface
        self.table = table
        self.isOnLink = isOnLink
    }

    /// A route that refuses: blackhole, unreachable or prohibit.
    package init(refusing destination: CIDR, _ kind: Kind, table: UInt32 = Route.mainTable) {
        self.destination = destination
        self.kind = kind
        self.table = table
    }

    /// The kernel's own default: link without a gateway, host for local addresses. IPv6 has none.
    private var scope: rt_scope_t {
        if destination.family == .v6 { return RT_SCOPE_UNIVERSE }
        switch kind {
        case .local: return RT_SCOPE_HOST
        case .unicast: return gateway == nil ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
        case .blackhole, .unreachable, .prohibit: return RT_SCOPE_UNIVERSE
        }
    }

    func message(_ type: Int, flags: Int32) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = rtmsg()
        header.rtm_family = destination.family.number
        header.rtm_dst_len = UInt8(destination.prefixLength)
        // Larger tables go into RTA_TABLE alone.
        header.rtm_table = UInt8(table < 256 ? table : 0)
        header.rtm_protocol = type == RTM_DELROUTE ? 0 : UInt8(RTPROT_BOOT)
        header.rtm_scope = UInt8(type == RTM_DELROUTE ? RT_SCOPE_NOWHERE.number : scope.number)
        header.rtm_type = type == RTM_DELROUTE && kind == .unicast ? 0 : kind.rawValue
        header.rtm_flags = isOnLink ? UInt32(RTNH_F_ONLINK) : 0
        message.append(header)
        if destination.prefixLength > 0 { message.attribute(RTA_DST, destination.address.octets) }
        message.attribute(RTA_TABLE, table)
        if priority != 0 { message.attribute(RTA_PRIORITY, priority) }
        if let gateway { message.attribute(RTA_GATEWAY, gateway.octets) }
        if let interface { message.attribute(RTA_OIF, interface) }
        if let preferredSource { message.attribute(RTA_PREFSRC, preferredSource.octets) }
        if let mtu {
            message.nest(RTA_METRICS) { $0.attribute(RTAX_MTU, mtu) }
        }
        return message
    }
}

extension RouteSocket {
    /// Adds a route.
    package func addRoute(_ route: NewRoute) throws(NetlinkError) {
        let message = route.message(RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL)
        try change(message, "add route", "\(route.destination) table \(route.table)")
    }

    /// Adds a route or puts it in the place of the one with the same table, destination and metric.
    package func replaceRoute(_ route: NewRoute) throws(NetlinkError) {
        let message = route.message(RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE)
        try change(message, "replace route", "\(route.destination) table \(route.table)")
    }

    /// Deletes the first route that fits what is given.
    package func deleteRoute(_ route: NewRoute) throws(NetlinkError) {
        let message = route.message(RTM_DELROUTE, flags: 0)
        try change(message, "delete route", "\(route.destination) table \(route.table)")
    }

    /// Adds a rule that looks a table up.
    package func addRule(_ rule: Rule) throws(NetlinkError) {
        let message = rule.message(RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL)
        try change(message, "add rule", "\(rule.priority) table \(rule.table)")
    }

    /// Deletes one rule that is exactly this one.
    package func deleteRule(_ rule: Rule) throws(NetlinkError) {
        try change(
            rule.message(RTM_DELRULE, flags: 0), "delete rule",
            "\(rule.priority) table \(rule.table)")
    }
}

extension Rule {
    fileprivate func message(_ type: Int, flags: Int32) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = fib_rule_hdr()
        header.family = family.number
        header.src_len = UInt8(source?.prefixLength ?? 0)
        header.dst_len = UInt8(destination?.prefixLength ?? 0)
        header.table = UInt8(table < 256 ? table : 0)
        header.action = UInt8(FR_ACT_TO_TBL.number)
        header.flags = isInverted ? UInt32(FIB_RULE_INVERT) : 0
        message.append(header)
        message.attribute(FRA_PRIORITY, priority)
        message.attribute(FRA_TABLE, table)
        if let source { message.attribute(FRA_SRC, source.address.octets) }
        if let destination { message.attribute(FRA_DST, destination.address.octets) }
        if markMask != 0 {
            message.attribute(FRA_FWMARK, mark)
            message.attribute(FRA_FWMASK, markMask)
        }
        if !inputInterface.isEmpty { message.attribute(FRA_IIFNAME, inputInterface) }
        return message
    }
}
