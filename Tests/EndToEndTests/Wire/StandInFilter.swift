// A stand-in for who watches a pod, on the real hooks: legacy filters of preference 1 and handle
// 1 at the clsact of the pod's host veth, which remember whom they see and deny what they are told.

import BPF
import Lab
import Linux
import Model
import Support

/// Filters on one pod, until `detach` or the lab's end.
final class StandInFilter {
    enum Kind: CaseIterable {
        /// Named as the AWS network policy agent's, which admits the node always.
        case policyAgent
        /// Anybody else's.
        case other

        fileprivate var prefix: String { self == .policyAgent ? "handle" : "other" }
    }

    /// One pair of ends that a filter saw.
    struct Sighting: Hashable, CustomStringConvertible {
        var isToPod: Bool
        var isUDP: Bool
        var source: SocketAddress
        var destination: SocketAddress

        var description: String {
            "\(source) → \(destination) \(isUDP ? "UDP" : "TCP") \(isToPod ? "to" : "from") the pod"
        }
    }

    private let namespace: NetworkNamespace
    private let interface: UInt32
    private let object: BPFObject
    private let pairs: BPFMap<Pair, UInt64>
    private let denied: BPFMap<UInt32, UInt32>
    private let admitted: BPFMap<Address, UInt32>

    init(_ lab: Lab, _ pod: LabPod, of node: LabNode, _ kind: Kind) throws {
        namespace = try NetworkNamespace(opening: node.netns)
        interface = pod.vethIndex
        object = try BPFObject(base64: WatchObject.base64, name: "watch")
        try object.load()
        pairs = try object.map("pairs")
        denied = try object.map("denied")
        admitted = try object.map("admitted")
        if kind == .policyAgent {
            for family in IPFamily.allCases {
                try admitted.update(Address(node.address(family)), 1)
            }
        }
        let ingress = try object.program("\(kind.prefix)_ingress")
        let egress = try object.program("\(kind.prefix)_egress")
        try namespace.run {
            try TrafficControlFilter.createQdisc(interface: interface)
            // A pod's ingress policy sits where the host sends to it.
            try filter(.egress).attach(ingress)
            try filter(.ingress).attach(egress)
        }
    }

    private func filter(_ direction: Direction) -> TrafficControlFilter {
        TrafficControlFilter(interface: interface, direction, preference: 1, handle: 1)
    }

    func detach() throws {
        try namespace.run {
            _ = try filter(.egress).detach()
            _ = try filter(.ingress).detach()
        }
    }

    /// Drops everything of a direction from now on, but for who is admitted.
    func deny(_ direction: PolicyDirection, _ isDenied: Bool = true) throws {
        try denied.update(direction == .ingress ? 0 : 1, isDenied ? 1 : 0)
    }

    /// Not even the node passes what is denied.
    func admitNobody() throws { _ = try admitted.delete(keys: admitted.entries().map(\.key)) }

    /// Everything seen since the last call.
    func takeSightings() throws -> Set<Sighting> {
        let entries = try pairs.entries()
        _ = try pairs.delete(keys: entries.map(\.key))
        return Set(entries.compactMap { $0.key.sighting })
    }

    /// 16 octets; IPv4 as ::ffff:a.b.c.d.
    private struct Address: BitwiseCopyable, Sendable {
        var halves: (UInt64, UInt64)

        init(_ address: IPAddress) {
            let plain = address.octets
            let octets =
                plain.count == 16 ? plain : [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + plain
            func half(_ slice: ArraySlice<UInt8>) -> UInt64 {
                slice.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            halves = (half(octets[..<8]), half(octets[8...]))
        }

        var address: IPAddress? {
            let octets = [halves.0, halves.1].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (8 * $0)) }
            }
            let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10..<12] == [0xff, 0xff]
            return IPAddress(octets: isMapped ? octets[12...] : octets[...])
        }
    }

    /// As `struct pair` in watch.bpf.c.
    private struct Pair: BitwiseCopyable, Sendable {
        var source: Address
        var destination: Address
        var sourcePort: UInt16
        var destinationPort: UInt16
        var transport: UInt8
        var direction: UInt8
        var reserved: UInt16

        var sighting: Sighting? {
            guard let from = source.address, let to = destination.address else { return nil }
            return Sighting(
                isToPod: direction == 0, isUDP: transport == 17,
                source: SocketAddress(from, sourcePort),
                destination: SocketAddress(to, destinationPort))
        }
    }
}
