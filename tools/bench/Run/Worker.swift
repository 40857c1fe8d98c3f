// The process that measures. It is born in the server's pod, opens the listeners there, and moves
// into the client's pod for good: a socket belongs to the namespace and the cgroup in which it was
// made, and the socket hooks go by that cgroup. One thread, one run, one line of output.

import ArgumentParser
import BenchFigures
import BenchLoop
import FoundationEssentials
import Glibc
import Linux
import Model

struct Worker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Measure one path once (the bench starts it itself).",
        shouldDisplay: false)

    @Option(help: "Network namespace of the client pod.") var clientNetns: String
    @Option(help: "Cgroup of the client pod.") var clientCgroup: String
    @Option(help: "Address of the server pod.") var serverAddress: String
    @Option(help: "Address to dial: the server's own, or a service's.") var dialAddress: String
    @Option(help: "Port to dial; 0: the server's own ports in turn.") var dialPort: UInt16
    @Option(help: "rr, crr, bulk or connect.") var load: String
    @Option(help: "How long, in milliseconds.") var milliseconds: UInt64
    @Option(help: "The CPU to run on.") var cpu: Int32

    func run() throws {
        guard let server = IPAddress(serverAddress), let dialled = IPAddress(dialAddress),
            let load = Load(rawValue: load)
        else { throw ValidationError("no address, or no load") }
        // A thread of our own: it changes its namespace and never changes back.
        let measurement = try DedicatedThread.run(orElse: { $0 as any Error }) {
            try measure(load, server: server, dialled: dialled)
        }
        let line = try JSONEncoder().encode(measurement)
        print(String(decoding: line, as: UTF8.self))
    }

    private func measure(
        _ load: Load, server: IPAddress, dialled: IPAddress
    ) throws -> Measurement {
        let own = (0..<Self.portCount).map { Self.firstPort + UInt16($0) }
        var listeners = bench_server()
        var address = Self.target(server, ports: own)
        try Self.check("listen on \(server)", bench_listen(&listeners, &address))

        try ControlGroup(path: clientCgroup).add(getpid())
        try NetworkNamespace(opening: clientNetns).enter()
        // TIME_WAIT would use up the client's ports within seconds, and searching for a free one
        // would then be what is measured. Connections still close as they always do.
        try Sysctl.write("net.ipv4.tcp_max_tw_buckets", "1")
        try Sysctl.write("net.ipv4.ip_local_port_range", "1024 65535")
        try Self.check("pin to CPU \(cpu)", bench_pin(cpu))

        var target = Self.target(dialled, ports: dialPort == 0 ? own : [dialPort])
        let result = bench_run(Self.loopLoad(load), &listeners, &target, milliseconds * 1_000_000)
        if result.error != 0 {
            let call = result.call.map { String(cString: $0) } ?? "the run"
            throw KernelError(
                call: call, subject: "\(dialled) after \(result.count) transactions",
                errno: Errno(rawValue: result.error))
        }
        return Measurement(result)
    }

    /// The server's ports: as many as a service has backends.
    static let firstPort: UInt16 = 8080
    static let portCount = Int(BENCH_PORTS)

    private static func target(_ address: IPAddress, ports: [UInt16]) -> bench_target {
        var target = bench_target()
        withUnsafeMutableBytes(of: &target.address) { $0.copyBytes(from: address.octets) }
        withUnsafeMutableBytes(of: &target.ports) { bytes in
            ports.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        target.port_count = UInt16(ports.count)
        target.family = UInt16(address.family.rawValue)
        return target
    }

    private static func loopLoad(_ load: Load) -> bench_load {
        switch load {
        case .requestResponse: BENCH_RR
        case .connectRequestResponse: BENCH_CRR
        case .bulk: BENCH_BULK
        case .connect: BENCH_CONNECT
        }
    }

    private static func check(_ what: String, _ status: Int32) throws {
        guard status < 0 else { return }
        throw KernelError(call: what, subject: "", errno: Errno(rawValue: -status))
    }
}

extension Measurement {
    init(_ result: bench_result) {
        self.init(
            count: result.count, bytes: result.bytes, wallNs: result.wall_ns, cpuNs: result.cpu_ns,
            minNs: result.min_ns, p10Ns: result.p10_ns, p50Ns: result.p50_ns,
            p90Ns: result.p90_ns, p99Ns: result.p99_ns, stalls: result.stalls)
    }
}
