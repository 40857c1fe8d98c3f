// Who measures what, and when: rounds in which every path gets its turn, so that what slows the
// machine for a while slows all of them.

import BenchFigures
import FoundationEssentials
import KubeProxyRules
import Lab
import Linux
import Model

/// What to measure and how long.
struct Schedule: Sendable {
    var paths: [Path]
    var loads: [Load]
    var family: IPFamily
    var rounds: Int
    /// Of one path, placement and load in one round, all slices together.
    var milliseconds: Int
    /// Parts of that time, taken in turn with the other paths'.
    var slices: Int
    var cpu: Int
}

/// Runs a schedule over testbeds that stand.
struct Measuring {
    let schedule: Schedule
    let beds: [Topology: Testbed]
    /// Our own executable: it is its own worker.
    let executable: String

    /// Every sample, round by round. `report` hears of each slice at once.
    func samples(_ report: (Sample, _ slice: Int) throws -> Void) async throws -> [Sample] {
        var samples: [Sample] = []
        for round in 1...schedule.rounds {
            for placement in Placement.allCases {
                for load in schedule.loads {
                    samples += try await turn(round, placement, load, report)
                }
            }
        }
        return samples
    }

    /// One round of one load: every path gets its slices, no path is always first.
    private func turn(
        _ round: Int, _ placement: Placement, _ load: Load,
        _ report: (Sample, _ slice: Int) throws -> Void
    ) async throws -> [Sample] {
        let paths = schedule.paths.filter { applies(load, to: $0) }
        var slices: [Path: [Measurement]] = [:]
        for slice in 0..<schedule.slices {
            let start = paths.isEmpty ? 0 : (round + slice) % paths.count
            for path in paths[start...] + paths[..<start] {
                let measurement = try await measure(
                    path, placement, load, milliseconds: schedule.milliseconds / schedule.slices)
                let part = Sample(
                    round: round, path: path, placement: placement, load: load,
                    measurement: measurement)
                try report(part, slice)
                slices[path, default: []].append(measurement)
            }
        }
        return paths.compactMap { path in
            Measurement(merging: slices[path] ?? []).map {
                Sample(
                    round: round, path: path, placement: placement, load: load, measurement: $0)
            }
        }
    }

    /// Shows for each path that it is what it says. Also resolves neighbours and warms caches.
    func evidence() async throws -> [(path: Path, placement: Placement, text: String)] {
        var seen: [(path: Path, placement: Placement, text: String)] = []
        for path in schedule.paths {
            guard let bed = beds[path.topology] else { continue }
            for placement in Placement.allCases {
                // The first packet resolves neighbours, and goes by the stack on every road.
                _ = try await measure(path, placement, .connectRequestResponse, milliseconds: 50)
                let check = Evidence(
                    bed: bed, path: path, placement: placement, family: schedule.family)
                seen.append((path, placement, try await evidence(check)))
            }
        }
        return seen
    }

    /// Asks again for a while: an agent takes a moment to hear of the neighbours just resolved.
    private func evidence(_ check: Evidence) async throws -> String {
        let deadline = Monotonic.now().advanced(byMilliseconds: 5_000)
        while true {
            do {
                return try await check.check {
                    try await measure(
                        check.path, check.placement, .connectRequestResponse, milliseconds: 50
                    ).count
                }
            } catch let error as BenchError {
                guard case .wrongRoad = error, Monotonic.now() < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// The price of connect() is that of a hook: kube-proxy and the CNI have none.
    private func applies(_ load: Load, to path: Path) -> Bool {
        guard load == .connect else { return true }
        switch path.topology {
        case .bare, .bareAgain, .ours: return true
        case .cni, .limit, .kubeProxy: return false
        }
    }

    private func measure(
        _ path: Path, _ placement: Placement, _ load: Load, milliseconds: Int
    ) async throws -> Measurement {
        guard let bed = beds[path.topology], let server = bed.servers[placement] else {
            throw BenchError.invalid("\(path) was not set up")
        }
        if path.topology.hasCNIChains {
            for node in bed.lab.nodes {
                try await Netfilter(node, schedule.family).forgetConnections()
            }
        }
        let address = server.address(schedule.family)
        var dialled = (address: address, port: UInt16(0))
        if path.dial == .service, let service = bed.services[placement] {
            dialled = (service.clusterIP, service.port)
        }
        let command = try server.target().command([
            executable, "worker", "--client-netns", bed.client.netns,
            "--client-cgroup", bed.client.cgroup, "--server-address", "\(address)",
            "--dial-address", "\(dialled.address)", "--dial-port", "\(dialled.port)",
            "--load", load.rawValue, "--milliseconds", "\(milliseconds)", "--cpu",
            "\(schedule.cpu)",
        ])
        let result = try await command.perform(timeoutMilliseconds: milliseconds + 30_000)
        guard result.succeeded else {
            throw BenchError.failed(
                command: "\(path), \(placement.rawValue), \(load.rawValue)", result: result)
        }
        return try JSONDecoder().decode(Measurement.self, from: Data(result.standardOutput))
    }
}
