// The one place, with Encode+Flow.swift, where values become the maps' structs and structs become
// values again. Byte order is lost in C's plain integers, so nobody else builds or reads these
// structs. Addresses travel as octets in network order; ports and counts stay in host order.

internal import CDatapath
internal import Model
internal import Plan

/// Copies the octets into a C array, which Swift sees as a tuple of the same length.
func fill<Tuple: BitwiseCopyable>(_ tuple: inout Tuple, with octets: [UInt8]) {
    precondition(octets.count == MemoryLayout<Tuple>.size, "an address of the other family")
    withUnsafeMutableBytes(of: &tuple) { $0.copyBytes(from: octets) }
}

/// The octets of a C array.
func octets<Tuple: BitwiseCopyable>(_ tuple: Tuple) -> [UInt8] {
    withUnsafeBytes(of: tuple) { Array($0) }
}

/// An address from a C array of 4 or 16 octets.
func addressValue<Tuple: BitwiseCopyable>(_ tuple: Tuple) -> IPAddress {
    // The array's length is fixed at compile time to one of the two that exist.
    IPAddress(octets: octets(tuple))!
}

/// Whether two structs without padding hold the same bytes.
func sameBytes<Struct: BitwiseCopyable>(_ a: Struct, _ b: Struct) -> Bool {
    withUnsafeBytes(of: a) { a in withUnsafeBytes(of: b) { b in a.elementsEqual(b) } }
}

/// A struct from bytes that a program wrote; nil if there are not enough of them.
func structValue<Struct: BitwiseCopyable>(_ bytes: [UInt8], as _: Struct.Type) -> Struct? {
    guard bytes.count >= MemoryLayout<Struct>.size else { return nil }
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: Struct.self) }
}

extension l4_protocol {
    init(_ value: L4Protocol) { self.init(rawValue: UInt32(value.rawValue)) }

    /// Nil for a number that we never write.
    var value: L4Protocol? { UInt8(exactly: rawValue).flatMap(L4Protocol.init(rawValue:)) }
}

extension frontend4 {
    init(_ frontend: Frontend) {
        self.init()
        fill(&address, with: frontend.address.octets)
        self.protocol = l4_protocol(frontend.protocol)
        port = frontend.port
    }

    var frontend: Frontend? { decodeFrontend(address, port, self.protocol) }
}

extension frontend6 {
    init(_ frontend: Frontend) {
        self.init()
        fill(&address, with: frontend.address.octets)
        self.protocol = l4_protocol(frontend.protocol)
        port = frontend.port
    }

    var frontend: Frontend? { decodeFrontend(address, port, self.protocol) }
}

private func decodeFrontend<Tuple: BitwiseCopyable>(
    _ tuple: Tuple, _ port: UInt16, _ number: l4_protocol
) -> Frontend? {
    number.value.map { Frontend(address: addressValue(tuple), port: port, protocol: $0) }
}

extension service_head {
    init(_ head: ServiceHead) {
        self.init()
        service_id = head.id.rawValue
        cluster_count = head.clusterCount
        local_count = head.localCount
        affinity_timeout_s = head.affinityTimeoutSeconds
        kind = frontend_kind(rawValue: UInt32(head.kind.rawValue))
        internal_policy = traffic_policy(rawValue: UInt32(head.internalPolicy.rawValue))
        external_policy = traffic_policy(rawValue: UInt32(head.externalPolicy.rawValue))
        usable_anywhere = head.isUsableAnywhere
        has_source_ranges = head.hasSourceRanges
    }

    /// Nil for enum numbers that we never write.
    var head: ServiceHead? {
        guard let kind = FrontendKind(rawValue: UInt8(truncatingIfNeeded: self.kind.rawValue)),
            let inside = TrafficPolicy(
                rawValue: UInt8(truncatingIfNeeded: internal_policy.rawValue)),
            let outside = TrafficPolicy(
                rawValue: UInt8(truncatingIfNeeded: external_policy.rawValue))
        else { return nil }
        return ServiceHead(
            id: ServiceID(rawValue: service_id), kind: kind, clusterCount: cluster_count,
            localCount: local_count, internalPolicy: inside, externalPolicy: outside,
            affinityTimeoutSeconds: affinity_timeout_s, isUsableAnywhere: usable_anywhere,
            hasSourceRanges: has_source_ranges)
    }
}

extension slot_key {
    init(_ key: SlotKey) {
        self.init()
        service_id = key.service.rawValue
        set = key.set == .cluster ? SET_CLUSTER : SET_LOCAL
        slot = key.slot
    }

    var key: SlotKey {
        SlotKey(
            service: ServiceID(rawValue: service_id), set: set == SET_LOCAL ? .local : .cluster,
            slot: slot)
    }
}

extension member_key {
    init(_ service: ServiceID, _ backend: BackendID) {
        self.init()
        service_id = service.rawValue
        backend_id = backend.rawValue
    }
}

extension member {
    /// - Parameter joinedAt: nanoseconds of CLOCK_MONOTONIC.
    init(_ membership: Membership, joinedAt: UInt64) {
        self.init()
        joined_ns = joinedAt
        in_cluster_set = membership.isInCluster
        in_local_set = membership.isInLocal
    }

    var membership: Membership {
        Membership(isInCluster: in_cluster_set, isInLocal: in_local_set)
    }
}

extension backend4 {
    init(_ backend: Backend, _ state: BackendState) {
        self.init()
        fill(&address, with: backend.address.octets)
        self.protocol = l4_protocol(backend.protocol)
        self.state = state == .active ? BACKEND_ACTIVE : BACKEND_DRAINING
        port = backend.port
    }

    var backend: Backend? { decodeBackend(address, port, self.protocol) }
    var stateValue: BackendState { state == BACKEND_DRAINING ? .draining : .active }
}

extension backend6 {
    init(_ backend: Backend, _ state: BackendState) {
        self.init()
        fill(&address, with: backend.address.octets)
        self.protocol = l4_protocol(backend.protocol)
        self.state = state == .active ? BACKEND_ACTIVE : BACKEND_DRAINING
        port = backend.port
    }

    var backend: Backend? { decodeBackend(address, port, self.protocol) }
    var stateValue: BackendState { state == BACKEND_DRAINING ? .draining : .active }
}

private func decodeBackend<Tuple: BitwiseCopyable>(
    _ tuple: Tuple, _ port: UInt16, _ number: l4_protocol
) -> Backend? {
    number.value.map { Backend(address: addressValue(tuple), port: port, protocol: $0) }
}

extension address4 {
    init(_ value: IPAddress) {
        self.init()
        fill(&address, with: value.octets)
    }

    var value: IPAddress { addressValue(address) }
}

extension address6 {
    init(_ value: IPAddress) {
        self.init()
        fill(&address, with: value.octets)
    }

    var value: IPAddress { addressValue(address) }
}

extension prefix4 {
    init(_ cidr: CIDR) {
        self.init()
        prefix_length = UInt32(cidr.prefixLength)
        fill(&address, with: cidr.address.octets)
    }

    var cidr: CIDR? { CIDR(addressValue(address), prefixLength: Int(prefix_length)) }
}

extension prefix6 {
    init(_ cidr: CIDR) {
        self.init()
        prefix_length = UInt32(cidr.prefixLength)
        fill(&address, with: cidr.address.octets)
    }

    var cidr: CIDR? { CIDR(addressValue(address), prefixLength: Int(prefix_length)) }
}

extension prefix_class {
    init(_ value: PrefixClass) {
        self.init()
        inside_vpc = value.isInsideVPC
        excluded_from_snat = value.isExcludedFromSNAT
    }

    var value: PrefixClass {
        PrefixClass(isInsideVPC: inside_vpc, isExcludedFromSNAT: excluded_from_snat)
    }
}

extension local_address {
    init(acceptsNodePorts: Bool) {
        self.init()
        accepts_node_ports = acceptsNodePorts
    }
}

extension pod_veth {
    init(_ pod: DesiredPod) {
        self.init()
        ifindex = pod.veth
        mtu = pod.mtu
        fill(&host_mac, with: pod.vethMAC.octets)
        if let mac = pod.podMAC {
            fill(&pod_mac, with: mac.octets)
            pod_mac_known = true
        }
        watched = pod.watched != nil
        policed = pod.watched == .policyAgent
    }

    /// The pod as the map tells it. Why it is watched is in the map for the policy agent only, else
    /// `.unknown`, so that the first resolution after a start writes the entry again.
    func pod(at address: IPAddress, eni: PodENI?) -> DesiredPod? {
        guard let host = MACAddress(octets: octets(host_mac)) else { return nil }
        return DesiredPod(
            address: address, veth: ifindex, vethMAC: host, mtu: mtu,
            podMAC: pod_mac_known ? MACAddress(octets: octets(pod_mac)) : nil,
            watched: policed ? .policyAgent : watched ? .unknown : nil, eni: eni)
    }
}

extension namespace_addresses {
    /// One address of each family at most; others are left out.
    init(_ addresses: [IPAddress]) {
        self.init()
        if let address = addresses.first(where: { $0.family == .v4 }) {
            fill(&address4, with: address.octets)
            has_address4 = true
        }
        if let address = addresses.first(where: { $0.family == .v6 }) {
            fill(&address6, with: address.octets)
            has_address6 = true
        }
    }
}

extension eni_egress {
    init(_ eni: PodENI) {
        self.init()
        ifindex = eni.interface
        mtu = eni.mtu
        fill(&eni_mac, with: eni.mac.octets)
        if let mac = eni.nextHopMAC {
            fill(&next_hop_mac, with: mac.octets)
            next_hop_mac_known = true
        }
    }

    func eni(nextHop: IPAddress) -> PodENI? {
        guard let mac = MACAddress(octets: octets(eni_mac)) else { return nil }
        return PodENI(
            interface: ifindex, mac: mac, mtu: mtu, nextHop: nextHop,
            nextHopMAC: next_hop_mac_known ? MACAddress(octets: octets(next_hop_mac)) : nil)
    }
}

extension pod_eni4 {
    init(_ eni: PodENI) {
        self.init()
        egress = eni_egress(eni)
        fill(&next_hop, with: eni.nextHop.octets)
    }

    var eni: PodENI? { egress.eni(nextHop: addressValue(next_hop)) }
}

extension pod_eni6 {
    init(_ eni: PodENI) {
        self.init()
        egress = eni_egress(eni)
        fill(&next_hop, with: eni.nextHop.octets)
    }

    var eni: PodENI? { egress.eni(nextHop: addressValue(next_hop)) }
}
