// From the kernel's messages to changes of the state. Most messages are one event; after some the
// kernel leaves more unsaid than a fold can know, and then the table is dumped again and compared.
// Owned by one thread; `NetworkMonitor` is the door.

import CLibMNL
import Linux
import Model

/// The state of one namespace, kept in step with its kernel.
struct NetworkObserver {
    private(set) var state = NetworkState()
    private let socket: RouteSocket
    private var stale = StaleTables()
    /// Keys that several routes share (appended ones): an event about one says little of the
    /// others.
    private var sharedKeys: Set<Route.Key> = []

    init(_ socket: RouteSocket) { self.socket = socket }

    /// Dumps everything anew. What was queued before must have been thrown away or be replayed
    /// whole.
    mutating func restart() throws(NetlinkError) -> [Change] {
        var fresh = try socket.networkState()
        setRoutes(of: &fresh, try socket.routes())
        state = fresh
        stale = StaleTables()
        return summary
    }

    /// What stands for everything that was told so far.
    var summary: [Change] { [.networkState(state), .complete(.network)] }

    /// Folds a burst of messages and dumps again what they made doubtful.
    /// - Returns: the changes that were news, in order.
    mutating func read(_ messages: [Message]) throws(NetlinkError) -> [Change] {
        var changes: [Change] = []
        for message in messages {
            let event = try wellFormed { () throws(MalformedMessage) in try self.event(message) }
            if let event { fold(event, into: &changes) }
        }
        try refresh(&changes)
        return changes
    }

    private mutating func fold(_ event: NetworkEvent, into changes: inout [Change]) {
        if state.apply(event) { changes.append(.network(event)) }
    }

    /// Reads one message, notes which tables it makes doubtful.
    private mutating func event(_ message: Message) throws(MalformedMessage) -> NetworkEvent? {
        switch Int(message.type) {
        case RTM_NEWLINK:
            guard let link = try Link(message) else { return nil }
            let wasUp = state.links[link.index]?.isUp ?? false
            // Routes do not come back by themselves, yet the kernel makes new ones and does not
            // tell of each; going down may silently end a multipath route, which no fold can see.
            if link.isUp != wasUp && (link.isUp || hasMultipathRoutes) { stale.routes = true }
            notePeer(of: link)
            return .linkChanged(link)
        case RTM_DELLINK:
            guard let link = try Link(message) else { return nil }
            if hasMultipathRoutes { stale.routes = true }
            // The other end of a veth that moved away stays; its link attributes changed unsaid.
            for other in state.links.values where other.parentIndex == link.index {
                stale.links.insert(other.index)
            }
            return .linkRemoved(link.index)
        case RTM_NEWADDR:
            return try InterfaceAddress(message).map { .addressAdded($0) }
        case RTM_DELADDR:
            guard let address = try InterfaceAddress(message) else { return nil }
            // Routes that prefer it as source vanish unsaid (fib_sync_down_addr).
            if address.address.family == .v4 { stale.routes = true }
            return .addressRemoved(address)
        case RTM_NEWROUTE:
            return try Route(message).flatMap { routeEvent($0, message) }
        case RTM_DELROUTE:
            guard let route = try Route(message) else { return nil }
            // One next hop of an IPv6 multipath route is told like a route of its own.
            var multipath = route.key
            multipath.interface = nil
            if sharedKeys.contains(route.key) || route.interface == nil
                || (route.destination.family == .v6 && state.routes[multipath] != nil)
            {
                stale.routes = true
            }
            return .routeRemoved(route.key)
        case RTM_NEWNEXTHOP, RTM_DELNEXTHOP:
            stale.routes = true
            return nil
        case RTM_NEWRULE:
            return try Rule(message).map { .ruleAdded($0) }
        case RTM_DELRULE:
            guard let rule = try Rule(message) else { return nil }
            // Two rules may differ only in selectors that the value does not hold.
            if rule.hasOtherSelectors { stale.rules = true }
            return .ruleRemoved(rule)
        case RTM_NEWNEIGH:
            return try Neighbor(message).map {
                $0.isValid ? .neighborChanged($0) : .neighborRemoved($0.key)
            }
        case RTM_DELNEIGH:
            return try Neighbor(message).map { .neighborRemoved($0.key) }
        case RTM_NEWQDISC, RTM_DELQDISC:
            let qdisc = try Qdisc(message)
            stale.links.insert(qdisc.interface)
            stale.filters.insert(qdisc.interface)
            return nil
        case RTM_NEWTFILTER, RTM_DELTFILTER:
            // Deleting a whole priority, and all of u32's tables, are told in part only.
            let (header, _) = try message.split(tcmsg.self)
            stale.filters.insert(UInt32(bitPattern: header.tcm_ifindex))
            return nil
        default:
            return nil
        }
    }

    /// The first end of a veth is announced before there is a second, and never again for it.
    private mutating func notePeer(of link: Link) {
        guard link.kind == "veth", !link.hasPeerElsewhere else { return }
        if link.parentIndex == 0 {
            stale.links.insert(link.index)
        } else if let peer = state.links[link.parentIndex], peer.parentIndex != link.index {
            stale.links.insert(peer.index)
        }
    }

    private var hasMultipathRoutes: Bool {
        state.routes.values.contains { $0.isUnicast && $0.interface == nil }
    }

    /// The event of a new route, unless only a dump can tell what it did to its neighbours by key.
    private mutating func routeEvent(_ route: Route, _ message: Message) -> NetworkEvent? {
        let isReplacing = message.has(NLM_F_REPLACE)
        let before = state.routes[route.key]
        // IPv6 replaces one of several that differ in their interface alone, and joins routes to a
        // multipath one; IPv4 keeps those behind the first of a key.
        let isDoubtful =
            route.destination.family == .v6
            ? isReplacing || (route.isUnicast && route.interface == nil)
                || (before.map { $0 != route } ?? false)
            : sharedKeys.contains(route.key)
                || (!isReplacing && before.map { $0 != route } ?? false)
        if isDoubtful { stale.routes = true }
        return .routeChanged(route)
    }

    /// Dumps the doubtful tables and tells the differences as events.
    private mutating func refresh(_ changes: inout [Change]) throws(NetlinkError) {
        guard !stale.isEmpty else { return }
        let stale = self.stale
        self.stale = StaleTables()
        try awaitKernel()
        var fresh = state
        for index in stale.links {
            do throws(NetlinkError) {
                fresh.links[index] = try socket.link(.index(index))
            } catch {
                // A link that is gone: its RTM_DELLINK is on the way.
                if error.errno != .noDevice { throw error }
            }
        }
        if stale.routes { setRoutes(of: &fresh, try socket.routes()) }
        if stale.rules { fresh.rules = Set(try socket.rules()) }
        if !stale.filters.isEmpty {
            let isEverywhere = stale.filters.contains(StaleTables.sharedBlock)
            let isStale = { (index: UInt32) in isEverywhere || stale.filters.contains(index) }
            let qdiscs = try socket.qdiscs().filter { isStale($0.interface) }
            let filters = try socket.filters(on: qdiscs)
            fresh.filters = fresh.filters.filter { !isStale($0.interface) }.union(filters)
        }
        for event in state.events(to: fresh) { fold(event, into: &changes) }
    }

    /// Waits until the change that was just told is made. The kernel tells of a removed address
    /// before it drops the routes with it, and dumps routes without its lock since Linux 6.9; a
    /// question about a single link takes that lock.
    private func awaitKernel() throws(NetlinkError) {
        do throws(NetlinkError) {
            _ = try socket.link(.index(Self.loopbackIndex))
        } catch {
            if error.errno != .noDevice { throw error }
        }
    }

    /// Every network namespace's first interface.
    private static let loopbackIndex: UInt32 = 1

    /// Of routes that share a key the kernel uses the first that it dumps.
    private mutating func setRoutes(of state: inout NetworkState, _ routes: [Route]) {
        state.routes = [:]
        sharedKeys = []
        for route in routes {
            if state.routes[route.key] == nil {
                state.routes[route.key] = route
            } else {
                sharedKeys.insert(route.key)
            }
        }
    }
}

/// What must be dumped again before the state can be believed.
private struct StaleTables {
    /// TCM_IFINDEX_MAGIC_BLOCK: a filter that several interfaces share.
    static let sharedBlock: UInt32 = 0xffff_ffff

    var links: Set<UInt32> = []
    var routes = false
    var rules = false
    /// Interfaces.
    var filters: Set<UInt32> = []

    var isEmpty: Bool { links.isEmpty && !routes && !rules && filters.isEmpty }
}
