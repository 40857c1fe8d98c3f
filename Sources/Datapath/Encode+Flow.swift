// Flows and events between the maps' structs and values. The collector works on the structs as
// they are, for it passes every entry every few seconds; views work on values.

internal import CDatapath
internal import Model
internal import Plan

/// A struct of flows4 or flows6. C's structs are bitwise copyable and sendable by themselves, and a
/// protocol of ours may not say it for them.
typealias FlowStruct = FlowRecord & BitwiseCopyable & Sendable

/// A value of flows4 or flows6, with the key that belongs to it.
protocol FlowRecord {
    // Bitwise copyable and sendable too. Said where it is needed: said here, no module that imports
    // this one finds the conformance (Swift 6.3).
    associatedtype Key

    /// The part that is the same in both families.
    var flow: CDatapath.flow { get set }

    static var family: IPFamily { get }
    static func key(_ tuple: FlowTuple) -> Key
    static func tuple(_ key: Key) -> FlowTuple?
    init(_ entry: FlowEntry)

    /// The packet after the translation that this entry under this key makes.
    func translated(_ key: Key) -> Key
    /// The same ends seen from the other side.
    static func reversed(_ key: Key) -> Key
    /// IP protocol number.
    static func protocolNumber(_ key: Key) -> UInt32
    /// Whether the source of `probe` is one of the packet's two addresses.
    static func shares(addressesOf probe: Key, _ key: Key) -> Bool
    /// Whether the packet goes to the destination and port of `probe`, by its protocol.
    static func goes(to probe: Key, _ key: Key) -> Bool
    /// Changes from flow to flow; spreads them over a few numbers.
    static func spread(_ key: Key) -> UInt32
}

extension FlowRecord {
    /// The key of the flow's other direction.
    func partner(_ key: Key) -> Key { Self.reversed(translated(key)) }

    /// What the rules of expiry look at; nil for numbers that no program writes.
    func expiryEntry(_ key: Key) -> FlowExpiry.Entry? {
        guard
            let kind = FlowProtocol(rawValue: UInt8(truncatingIfNeeded: Self.protocolNumber(key))),
            let state = FlowState(rawValue: UInt8(truncatingIfNeeded: flow.state.rawValue))
        else { return nil }
        return FlowExpiry.Entry(
            kind, state, created: flow.created_ns, lastSeen: flow.last_seen_ns)
    }

    /// The entry as a value; nil for numbers that no program writes.
    func entry(_ key: Key) -> FlowEntry? {
        guard let seen = Self.tuple(key), let translated = Self.tuple(translated(key)),
            let state = FlowState(rawValue: UInt8(truncatingIfNeeded: flow.state.rawValue)),
            let road = FlowRoad(rawValue: UInt8(truncatingIfNeeded: flow.road.rawValue))
        else { return nil }
        return FlowEntry(
            seen: seen, translated: translated, isReply: flow.direction == FLOW_REPLY,
            state: state, road: road, interface: flow.ifindex, service: flow.service_id,
            backend: flow.backend_id, isMasqueraded: flow.masqueraded,
            hasSentFIN: flow.fin_seen, created: flow.created_ns, lastSeen: flow.last_seen_ns)
    }
}

extension CDatapath.flow {
    /// The part of an entry that is the same in both families.
    init(common entry: FlowEntry) {
        self.init()
        last_seen_ns = entry.lastSeen
        created_ns = entry.created
        service_id = entry.service
        backend_id = entry.backend
        ifindex = entry.interface
        direction = entry.isReply ? FLOW_REPLY : FLOW_FORWARD
        state = flow_state(rawValue: UInt32(entry.state.rawValue))
        road = flow_road(rawValue: UInt32(entry.road.rawValue))
        new_source_port = entry.translated.sourcePort
        new_destination_port = entry.translated.destinationPort
        masqueraded = entry.isMasqueraded
        fin_seen = entry.hasSentFIN
    }
}

extension flow4: FlowRecord {
    static var family: IPFamily { .v4 }

    static func key(_ tuple: FlowTuple) -> flow_key4 {
        var key = flow_key4()
        fill(&key.source, with: tuple.source.octets)
        fill(&key.destination, with: tuple.destination.octets)
        key.protocol = l4_protocol(rawValue: UInt32(tuple.protocol.rawValue))
        key.source_port = tuple.sourcePort
        key.destination_port = tuple.destinationPort
        return key
    }

    static func tuple(_ key: flow_key4) -> FlowTuple? {
        FlowProtocol(rawValue: UInt8(truncatingIfNeeded: key.protocol.rawValue)).map {
            FlowTuple(
                $0, addressValue(key.source), key.source_port, to: addressValue(key.destination),
                key.destination_port)
        }
    }

    init(_ entry: FlowEntry) {
        self.init()
        flow = CDatapath.flow(common: entry)
        fill(&new_source, with: entry.translated.source.octets)
        fill(&new_destination, with: entry.translated.destination.octets)
    }

    func translated(_ key: flow_key4) -> flow_key4 {
        flow_key4(
            source: new_source, destination: new_destination, protocol: key.protocol,
            source_port: flow.new_source_port, destination_port: flow.new_destination_port)
    }

    static func reversed(_ key: flow_key4) -> flow_key4 {
        flow_key4(
            source: key.destination, destination: key.source, protocol: key.protocol,
            source_port: key.destination_port, destination_port: key.source_port)
    }

    static func shares(addressesOf probe: flow_key4, _ key: flow_key4) -> Bool {
        sameBytes(probe.source, key.source) || sameBytes(probe.source, key.destination)
    }

    static func goes(to probe: flow_key4, _ key: flow_key4) -> Bool {
        sameBytes(probe.destination, key.destination) && probe.protocol == key.protocol
            && probe.destination_port == key.destination_port
    }

    static func protocolNumber(_ key: flow_key4) -> UInt32 { key.protocol.rawValue }
    static func spread(_ key: flow_key4) -> UInt32 {
        UInt32(key.source_port) &+ UInt32(key.destination_port) &+ UInt32(key.source.3)
    }
}

extension flow6: FlowRecord {
    static var family: IPFamily { .v6 }

    static func key(_ tuple: FlowTuple) -> flow_key6 {
        var key = flow_key6()
        fill(&key.source, with: tuple.source.octets)
        fill(&key.destination, with: tuple.destination.octets)
        key.protocol = l4_protocol(rawValue: UInt32(tuple.protocol.rawValue))
        key.source_port = tuple.sourcePort
        key.destination_port = tuple.destinationPort
        return key
    }

    static func tuple(_ key: flow_key6) -> FlowTuple? {
        FlowProtocol(rawValue: UInt8(truncatingIfNeeded: key.protocol.rawValue)).map {
            FlowTuple(
                $0, addressValue(key.source), key.source_port, to: addressValue(key.destination),
                key.destination_port)
        }
    }

    init(_ entry: FlowEntry) {
        self.init()
        flow = CDatapath.flow(common: entry)
        fill(&new_source, with: entry.translated.source.octets)
        fill(&new_destination, with: entry.translated.destination.octets)
    }

    func translated(_ key: flow_key6) -> flow_key6 {
        flow_key6(
            source: new_source, destination: new_destination, protocol: key.protocol,
            source_port: flow.new_source_port, destination_port: flow.new_destination_port)
    }

    static func reversed(_ key: flow_key6) -> flow_key6 {
        flow_key6(
            source: key.destination, destination: key.source, protocol: key.protocol,
            source_port: key.destination_port, destination_port: key.source_port)
    }

    static func shares(addressesOf probe: flow_key6, _ key: flow_key6) -> Bool {
        sameBytes(probe.source, key.source) || sameBytes(probe.source, key.destination)
    }

    static func goes(to probe: flow_key6, _ key: flow_key6) -> Bool {
        sameBytes(probe.destination, key.destination) && probe.protocol == key.protocol
            && probe.destination_port == key.destination_port
    }

    static func protocolNumber(_ key: flow_key6) -> UInt32 { key.protocol.rawValue }
    static func spread(_ key: flow_key6) -> UInt32 {
        UInt32(key.source_port) &+ UInt32(key.destination_port) &+ UInt32(key.source.15)
    }
}
