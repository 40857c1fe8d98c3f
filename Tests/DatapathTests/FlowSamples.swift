// Made-up flows of both families, and the tables of a datapath that hold them.

import BPF
import CDatapath
import Model

@testable import Datapath

/// Flows by number: the same number is the same flow.
enum FlowSamples {
    static let second: UInt64 = 1_000_000_000
    /// Far enough from boot that a day's silence fits before it.
    static let now = 1_000_000 * second

    static func address(_ family: IPFamily, _ network: UInt8, _ host: Int) -> IPAddress {
        let low = [UInt8(host >> 8 & 0xff), UInt8(host & 0xff)]
        switch family {
        case .v4: return IPAddress(octets: [10, network] + low)!
        case .v6:
            return IPAddress(octets: [0xfd, network] + [UInt8](repeating: 0, count: 12) + low)!
        }
    }

    static let service: UInt8 = 100
    static let client: UInt8 = 1
    static let backend: UInt8 = 2

    /// Both entries, the client's first; silences in seconds.
    static func flow(
        _ family: IPFamily, _ number: Int, _ kind: FlowProtocol = .tcp,
        _ state: FlowState = .established, silent: UInt64 = 0, replySilent: UInt64? = nil,
        age: UInt64 = 100_000
    ) -> [FlowEntry] {
        let port = UInt16(1024 + number % 60_000)
        let seen = FlowTuple(
            kind, address(family, client, number), port, to: address(family, service, 1), 80)
        let translated = FlowTuple(
            kind, address(family, client, number), port,
            to: address(family, backend, number % 4), 8080)
        let forward = FlowEntry(
            seen: seen, translated: translated, isReply: false, state: state, road: .pod,
            service: 7, backend: UInt32(number % 4 + 1), created: now - age * second,
            lastSeen: now - silent * second)
        let reply = FlowEntry(
            seen: translated.reversed, translated: seen.reversed, isReply: true, state: state,
            road: .eni, interface: 3, service: 7, backend: UInt32(number % 4 + 1),
            created: now - age * second, lastSeen: now - (replySilent ?? silent) * second)
        return [forward, reply]
    }
}

extension MapSet {
    /// Writes the entries as the programs would.
    func write(_ entries: [FlowEntry]) throws {
        for entry in entries {
            switch entry.seen.source.family {
            case .v4: try flows4.update(flow4.key(entry.seen), flow4(entry))
            case .v6: try flows6.update(flow6.key(entry.seen), flow6(entry))
            }
        }
    }
}

extension FlowCollector {
    /// Steps until both tables have been passed so many times.
    func pass(times: Int = 1) throws -> [Pressure] {
        var pressure: [Pressure] = []
        for _ in 0..<times {
            var turns = 0
            repeat {
                pressure += try step().pressure
                turns += 1
            } while !isAtStart && turns < 1000
        }
        return pressure
    }
}
