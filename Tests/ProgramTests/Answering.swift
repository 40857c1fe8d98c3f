// answering.bpf.c, loaded with maps of its own: what it makes of a frame, and an ICMP error taken
// apart again.

import BPF
import CDatapath
import Glibc
import Model
import Testing

@testable import Datapath

/// What the sender of a packet is told.
enum AnswerKind: UInt32, CaseIterable {
    case unreachable = 0
    case ttl = 1
    case tooBig = 2

    /// Type and code in the ICMP of a family.
    func typeAndCode(_ family: IPFamily) -> [UInt8] {
        switch (self, family) {
        case (.unreachable, .v4): [3, 3]
        case (.ttl, .v4): [11, 0]
        case (.tooBig, .v4): [3, 4]
        case (.unreachable, .v6): [1, 4]
        case (.ttl, .v6): [3, 0]
        case (.tooBig, .v6): [2, 0]
        }
    }

    /// The reason that is counted.
    var reason: String {
        switch self {
        case .unreachable: "rejected_no_backend"
        case .ttl: "answered_ttl"
        case .tooBig: "answered_oversize"
        }
    }
}

struct Answering: ~Copyable {
    let object: BPFObject
    let ingress: BPFProgram
    let egress: BPFProgram

    /// Of the next hop, where a packet is too big.
    static let mtu: UInt32 = 1400

    init(_ kind: AnswerKind) throws {
        let object = try BPFObject(base64: AnsweringObject.base64, name: "answering")
        try object.setConstant("kind", kind.rawValue)
        try object.setConstant("mtu", Self.mtu)
        try object.load()
        let ingress = try object.program("answer_ingress")
        let egress = try object.program("answer_egress")
        self.object = object
        self.ingress = ingress
        self.egress = egress
    }

    /// Makes it the node's primary address of its family.
    func setMasquerade(_ address: IPAddress) throws {
        let map: BPFMap<UInt32, CDatapath.settings> = try object.map("settings")
        var entry = try map.lookup(0) ?? CDatapath.settings()
        let octets = address.octets
        if address.family == .v4 {
            entry.has_masquerade4 = true
            withUnsafeMutableBytes(of: &entry.masquerade4) { $0.copyBytes(from: octets) }
        } else {
            entry.has_masquerade6 = true
            withUnsafeMutableBytes(of: &entry.masquerade6) { $0.copyBytes(from: octets) }
        }
        try map.update(0, entry)
    }

    /// Makes it an address of the node.
    func addLocal(_ address: IPAddress) throws {
        let octets = address.octets
        if address.family == .v4 {
            let map: BPFMap<address4, local_address> = try object.map("local_addresses4")
            var key = address4()
            withUnsafeMutableBytes(of: &key) { $0.copyBytes(from: octets) }
            try map.update(key, local_address())
        } else {
            let map: BPFMap<address6, local_address> = try object.map("local_addresses6")
            var key = address6()
            withUnsafeMutableBytes(of: &key) { $0.copyBytes(from: octets) }
            try map.update(key, local_address())
        }
    }

    /// Leaves every CPU so many answers, and earns no more of them until the machine is 500 years
    /// older.
    func setAnswersLeft(_ answers: UInt64) throws {
        let map: PerCPUMap<UInt32, answer_allowance> = try object.perCPUMap("answers_left")
        let entry = answer_allowance(refilled_ns: .max, answers: answers)
        try map.update(0, Array(repeating: entry, count: map.cpuCount))
    }

    /// Counted packets, by the reason's name.
    func counts() throws -> [String: UInt64] {
        let map: PerCPUMap<UInt32, counter> = try object.perCPUMap("counters")
        var counts: [String: UInt64] = [:]
        for reason in Reason.all {
            let packets = try map.lookup(reason.number)?.reduce(0) { $0 + $1.packets } ?? 0
            if packets > 0 { counts[reason.name] = packets }
        }
        return counts
    }

    func run(_ frame: [UInt8], egress isEgress: Bool = false) throws -> (Verdict, [UInt8]) {
        let run =
            isEgress ? try egress.testRun(packet: frame) : try ingress.testRun(packet: frame)
        return (Verdict(run.result), run.packet)
    }
}

/// A frame with an ICMP error, taken apart.
struct ErrorMessage {
    var destinationMAC: [UInt8]
    var sourceMAC: [UInt8]
    var source: IPAddress
    var destination: IPAddress
    var ttl: UInt8
    var typeAndCode: [UInt8]
    /// The 32 bits behind the checksum.
    var rest: UInt32
    var quote: [UInt8]

    /// Nil unless every checksum and length is right.
    init?(_ frame: [UInt8]) {
        guard frame.count > 14 + 48 else { return nil }
        destinationMAC = Array(frame[0..<6])
        sourceMAC = Array(frame[6..<12])
        let packet = Array(frame[14...])
        let message: [UInt8]
        if frame[12..<14].elementsEqual([0x08, 0x00]) {
            let length = Int(packet[2]) << 8 | Int(packet[3])
            guard packet[0] == 0x45, packet[9] == 1, length == packet.count, length <= 576,
                packet[6] == 0, packet[7] == 0, checksum(Array(packet[..<20])) == 0,
                let from = IPAddress(octets: packet[12..<16]),
                let to = IPAddress(octets: packet[16..<20])
            else { return nil }
            (source, destination, ttl) = (from, to, packet[8])
            message = Array(packet[20...])
            guard checksum(message) == 0 else { return nil }
        } else {
            let length = Int(packet[4]) << 8 | Int(packet[5])
            guard frame[12..<14].elementsEqual([0x86, 0xdd]), packet[0] == 0x60, packet[6] == 58,
                40 + length == packet.count, packet.count <= 1280,
                let from = IPAddress(octets: packet[8..<24]),
                let to = IPAddress(octets: packet[24..<40])
            else { return nil }
            (source, destination, ttl) = (from, to, packet[7])
            message = Array(packet[40...])
            let pseudo = Array(packet[8..<40]) + [0, 0, packet[4], packet[5], 0, 0, 0, 58]
            guard checksum(pseudo + message) == 0 else { return nil }
        }
        typeAndCode = Array(message[..<2])
        rest = message[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        quote = Array(message[8...])
    }
}
