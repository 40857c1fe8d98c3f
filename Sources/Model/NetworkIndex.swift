// The network state seen from the other side: which routes, rules and filters speak of an address,
// an interface or a table. Holds no facts of its own; it only spares Resolve a walk over
// everything.

/// A routing table of one family: the kernel keeps IPv4's table 2 and IPv6's apart.
package struct RoutingTable: Hashable, Sendable {
    package var id: UInt32
    package var family: IPFamily

    package init(id: UInt32, family: IPFamily) {
        self.id = id
        self.family = family
    }
}

/// Rules of one family that are asked at the same time.
package struct RulePlace: Hashable, Sendable {
    package var priority: UInt32
    package var family: IPFamily

    package init(priority: UInt32, family: IPFamily) {
        self.priority = priority
        self.family = family
    }
}

/// Lookups into a `NetworkState`. `Snapshot` keeps the two together.
package struct NetworkIndex: Equatable, Sendable {
    /// Unicast routes of the main table to exactly one address that is on the link: no gateway,
    /// and link scope where the family has scopes (IPv6 dumps always say "global").
    package private(set) var hostRoutes = Groups<IPAddress, Route.Key>()
    /// The same routes by their interface.
    package private(set) var hostRoutesByInterface = Groups<UInt32, Route.Key>()
    package private(set) var defaultRoutes = Groups<RoutingTable, Route.Key>()
    package private(set) var defaultRoutesByInterface = Groups<UInt32, Route.Key>()
    /// Rules whose source is a single address, by that address.
    package private(set) var rulesBySource = Groups<IPAddress, Rule>()
    /// The same rules by the table that they look up.
    package private(set) var sourceRulesByTable = Groups<RoutingTable, Rule>()
    /// Rules whose destination is a single address, by that address.
    package private(set) var rulesByDestination = Groups<IPAddress, Rule>()
    /// Rules whose source is not a single address.
    package private(set) var wideRules = Groups<RulePlace, Rule>()
    package private(set) var filters = Groups<UInt32, TrafficFilter>()
    package private(set) var addresses = Groups<IPAddress, InterfaceAddress>()
    package private(set) var addressesByInterface = Groups<UInt32, InterfaceAddress>()
    package private(set) var linkByName: [String: UInt32] = [:]

    package init() {}

    /// Priorities at which the family has wide rules, in no order.
    package func widePriorities(of family: IPFamily) -> [UInt32] {
        wideRules.keys.filter { $0.family == family }.map(\.priority)
    }

    /// Costs a walk over the state.
    package init(_ state: NetworkState) {
        for link in state.links.values { linkByName[link.name] = link.index }
        for address in state.addresses { insert(address) }
        for route in state.routes.values { insert(route) }
        for rule in state.rules { insert(rule) }
        for filter in state.filters { filters.insert(filter, for: filter.interface) }
    }

    /// Follows an event that is about to be folded into `state`, which is as before the event.
    mutating func follow(_ event: NetworkEvent, from state: NetworkState) {
        switch event {
        case .linkChanged(let link):
            forgetName(of: state.links[link.index])
            linkByName[link.name] = link.index
        case .linkRemoved(let index):
            forgetName(of: state.links[index])
        case .addressAdded(let address):
            insert(address)
        case .addressRemoved(let address):
            addresses.remove(address, for: address.address)
            addressesByInterface.remove(address, for: address.interface)
        case .routeChanged(let route):
            if let old = state.routes[route.key] { remove(old) }
            insert(route)
        case .routeRemoved(let key):
            if let old = state.routes[key] { remove(old) }
        case .ruleAdded(let rule):
            insert(rule)
        case .ruleRemoved(let rule):
            remove(rule)
        case .filterAdded(let filter):
            filters.insert(filter, for: filter.interface)
        case .filterRemoved(let filter):
            filters.remove(filter, for: filter.interface)
        case .neighborChanged, .neighborRemoved, .foreignProgram:
            break
        }
    }

    private mutating func forgetName(of link: Link?) {
        // The name may belong to a newer link already: a veth made anew keeps its name.
        guard let link, linkByName[link.name] == link.index else { return }
        linkByName[link.name] = nil
    }

    private mutating func insert(_ address: InterfaceAddress) {
        addresses.insert(address, for: address.address)
        addressesByInterface.insert(address, for: address.interface)
    }

    private mutating func insert(_ route: Route) {
        if let address = route.hostOnLink {
            hostRoutes.insert(route.key, for: address)
            if let interface = route.interface {
                hostRoutesByInterface.insert(route.key, for: interface)
            }
        }
        if route.isDefault {
            defaultRoutes.insert(route.key, for: route.routingTable)
            if let interface = route.interface {
                defaultRoutesByInterface.insert(route.key, for: interface)
            }
        }
    }

    private mutating func remove(_ route: Route) {
        if let address = route.hostOnLink {
            hostRoutes.remove(route.key, for: address)
            if let interface = route.interface {
                hostRoutesByInterface.remove(route.key, for: interface)
            }
        }
        if route.isDefault {
            defaultRoutes.remove(route.key, for: route.routingTable)
            if let interface = route.interface {
                defaultRoutesByInterface.remove(route.key, for: interface)
            }
        }
    }

    private mutating func insert(_ rule: Rule) {
        if let source = rule.source?.onlyAddress {
            rulesBySource.insert(rule, for: source)
            sourceRulesByTable.insert(rule, for: rule.routingTable)
        } else {
            wideRules.insert(rule, for: rule.place)
        }
        if let destination = rule.destination?.onlyAddress {
            rulesByDestination.insert(rule, for: destination)
        }
    }

    private mutating func remove(_ rule: Rule) {
        if let source = rule.source?.onlyAddress {
            rulesBySource.remove(rule, for: source)
            sourceRulesByTable.remove(rule, for: rule.routingTable)
        } else {
            wideRules.remove(rule, for: rule.place)
        }
        if let destination = rule.destination?.onlyAddress {
            rulesByDestination.remove(rule, for: destination)
        }
    }
}

extension Route {
    /// The family's 0.0.0.0/0 or ::/0, unicast.
    package var isDefault: Bool { isUnicast && destination.prefixLength == 0 }

    package var routingTable: RoutingTable { RoutingTable(id: table, family: destination.family) }

    /// The one address that a main-table route finds on its link without a gateway, else nil.
    package var hostOnLink: IPAddress? {
        guard table == Route.mainTable, isUnicast, gateway == nil,
            isLinkScope || destination.family == .v6
        else { return nil }
        return destination.onlyAddress
    }
}

extension Rule {
    package var routingTable: RoutingTable { RoutingTable(id: table, family: family) }

    package var place: RulePlace { RulePlace(priority: priority, family: family) }
}

extension CIDR {
    /// The address of a prefix that holds just one, else nil.
    package var onlyAddress: IPAddress? { prefixLength == family.bits ? address : nil }
}
