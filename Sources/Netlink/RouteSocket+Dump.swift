// Dumping whole tables. A dump that changed under the reader has been repeated; a dump of several
// tables is still no snapshot: only `NetworkMonitor` keeps them in step.

import CLibMNL
import Linux
package import Model

extension RouteSocket {
    /// All interfaces.
    package func links() throws(NetlinkError) -> [Link] {
        var message = MessageBuilder(RTM_GETLINK)
        message.append(ifinfomsg())
        return try dump(message, "dump links") { (message) throws(MalformedMessage) in
            try Link(message)
        }
    }

    /// One interface; refused with ENODEV when it is not there.
    package func link(_ selector: LinkSelector) throws(NetlinkError) -> Link {
        let message = selector.message(RTM_GETLINK)
        let answers = try get(message, "get link", "\(selector)")
        let links = try wellFormed { () throws(MalformedMessage) -> [Link] in
            var links: [Link] = []
            for answer in answers { if let link = try Link(answer) { links.append(link) } }
            return links
        }
        guard let link = links.first else {
            throw .refused(
                request: "get link", subject: "\(selector)", errno: .noDevice, explanation: "")
        }
        return link
    }

    /// All addresses of both families.
    package func addresses() throws(NetlinkError) -> [InterfaceAddress] {
        try bothFamilies { (family) throws(NetlinkError) in
            var message = MessageBuilder(RTM_GETADDR)
            var header = ifaddrmsg()
            header.ifa_family = family.number
            message.append(header)
            return try dump(message, "dump addresses") { (message) throws(MalformedMessage) in
                try InterfaceAddress(message)
            }
        }
    }

    /// The routes of all tables and both families, the local table included.
    package func routes() throws(NetlinkError) -> [Route] {
        try bothFamilies { (family) throws(NetlinkError) in
            var message = MessageBuilder(RTM_GETROUTE)
            var header = rtmsg()
            header.rtm_family = family.number
            message.append(header)
            return try dump(message, "dump routes") { (message) throws(MalformedMessage) in
                try Route(message)
            }
        }
    }

    /// The policy rules of both families, in no order.
    package func rules() throws(NetlinkError) -> [Rule] {
        try bothFamilies { (family) throws(NetlinkError) in
            var message = MessageBuilder(RTM_GETRULE)
            var header = fib_rule_hdr()
            header.family = family.number
            message.append(header)
            return try dump(message, "dump rules") { (message) throws(MalformedMessage) in
                try Rule(message)
            }
        }
    }

    /// Neighbours of both families that may be sent to; unresolved ones are left out.
    package func neighbors() throws(NetlinkError) -> [Neighbor] {
        try bothFamilies { (family) throws(NetlinkError) in
            var message = MessageBuilder(RTM_GETNEIGH)
            var header = ndmsg()
            header.ndm_family = family.number
            message.append(header)
            return try dump(message, "dump neighbours") { (message) throws(MalformedMessage) in
                guard let neighbor = try Neighbor(message), neighbor.isValid else { return nil }
                return neighbor
            }
        }
    }

    /// The queueing disciplines of all interfaces.
    package func qdiscs() throws(NetlinkError) -> [Qdisc] {
        var message = MessageBuilder(RTM_GETQDISC)
        message.append(tcmsg())
        return try dump(message, "dump qdiscs") { (message) throws(MalformedMessage) in
            try Qdisc(message)
        }
    }

    /// The legacy filters (chain 0) that hang on the given qdiscs; one dump for each place. A place
    /// that vanished meanwhile has none.
    package func filters(on qdiscs: [Qdisc]) throws(NetlinkError) -> [TrafficFilter] {
        var filters: [TrafficFilter] = []
        for qdisc in qdiscs {
            let parents: [UInt32]
            switch qdisc.kind {
            case "clsact": parents = [TrafficHandle.clsactIngress, TrafficHandle.clsactEgress]
            case "ingress": parents = [TrafficHandle.ingress]
            // A default qdisc has no handle that a filter could name.
            default: parents = qdisc.handle == 0 ? [] : [qdisc.handle]
            }
            for parent in parents {
                filters += try self.filters(interface: qdisc.interface, parent: parent)
            }
        }
        return filters
    }

    private func filters(interface: UInt32, parent: UInt32) throws(NetlinkError) -> [TrafficFilter]
    {
        var message = MessageBuilder(RTM_GETTFILTER)
        var header = tcmsg()
        header.tcm_ifindex = Int32(bitPattern: interface)
        header.tcm_parent = parent
        message.append(header)
        do throws(NetlinkError) {
            return try dump(message, "dump filters", "\(interface)") {
                (message) throws(MalformedMessage) in
                // The kernel's head of a filter list: a priority without a filter.
                guard let filter = try TrafficFilter(message), filter.handle != 0 else {
                    return nil
                }
                return filter
            }
        } catch {
            // Gone meanwhile, or a qdisc that takes no filters.
            let harmless: [Errno?] = [.noDevice, .invalidArgument, .notSupported]
            if harmless.contains(error.errno) { return [] }
            throw error
        }
    }

    /// Everything, table by table. `foreignPrograms` stays empty: tcx has no netlink dump.
    package func networkState() throws(NetlinkError) -> NetworkState {
        var state = NetworkState()
        for link in try links() { state.links[link.index] = link }
        state.addresses = Set(try addresses())
        // Of routes that share a key the kernel uses the first.
        state.routes = Dictionary(
            try routes().map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        state.rules = Set(try rules())
        for neighbor in try neighbors() { state.neighbors[neighbor.key] = neighbor }
        state.filters = Set(try filters(on: try qdiscs()))
        return state
    }

    private func bothFamilies<T>(
        _ dump: (IPFamily) throws(NetlinkError) -> [T]
    ) throws(NetlinkError) -> [T] {
        try dump(.v4) + dump(.v6)
    }
}
