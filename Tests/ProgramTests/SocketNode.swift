// A node small enough to test the socket programs: the host's namespace and a pod's, a cgroup with
// the hooks on it, and a program that dials and says where its sockets went. Nobody answers: what
// is asked of a dial is whom the kernel was told to call.

import BPF
import CDatapath
import FoundationEssentials
import Glibc
import Linux
import Logging
import Model
import Netlink
import Plan

@testable import Datapath

/// One dial, as scripts read it.
struct SocketDial: Encodable, Hashable {
    enum Kind: String, Encodable, CaseIterable { case tcp, udp }

    var kind: Kind
    var to: String
    var port: UInt16
    /// A source address to bind first.
    var bind: String?
    var count = 1

    init(_ kind: Kind, _ to: String, _ port: UInt16, bind: String? = nil, count: Int = 1) {
        self.kind = kind
        self.to = to
        self.port = port
        self.bind = bind
        self.count = count
    }
}

/// Puts an address into a C array of the same length, where a test writes a map by itself.
func copyOctets<Tuple: BitwiseCopyable>(_ address: IPAddress, to tuple: inout Tuple) {
    withUnsafeMutableBytes(of: &tuple) { $0.copyBytes(from: address.octets) }
}

final class SocketNode: Sendable {
    let host: NetworkNamespace
    let pod: NetworkNamespace
    private let peers: NetworkNamespace
    let cgroup: ControlGroup
    let bpffs: String
    let datapath: Datapath

    static let hostAddresses = [IPAddress("10.0.0.5")!, IPAddress("fd00:1::5")!]
    static let podAddresses = [IPAddress("10.0.1.10")!, IPAddress("fd00:1::a")!]

    init(leftAlone: DatapathConfiguration.LeftAlone = .init()) async throws {
        let number = UInt64.random(in: 0...UInt64.max)
        host = try NetworkNamespace.anonymous()
        pod = try NetworkNamespace.anonymous()
        peers = try NetworkNamespace.anonymous()
        bpffs = "/run/needletail-socket-test-\(number)"
        cgroup = try ControlGroup.root().child("needletail-socket-test-\(number)")
        try BPFFileSystem.mount(at: bpffs)
        try cgroup.create()
        try Self.connect(host, Self.hostAddresses, to: peers, "a")
        try Self.connect(pod, Self.podAddresses, to: peers, "b")
        let configuration = DatapathConfiguration(
            bpffs: bpffs + "/needletail", cgroup: cgroup.path, podRouting: false,
            leftAlone: leftAlone)
        datapath = try host.run {
            try Datapath(configuration, logger: Logger(label: "test"))
        }
        try await datapath.activate()
        try await apply(
            Self.hostAddresses.map { .setLocalAddress($0, acceptsNodePorts: true) })
        try await set { $0.detect_local = DETECT_INTERFACES }
    }

    deinit {
        try? PinnedDatapath(bpffs: bpffs + "/needletail").cleanUp()
        try? BPFFileSystem.unmount(bpffs)
        rmdir(bpffs)
        rmdir(cgroup.path)
    }

    /// An interface with the addresses and a way to everywhere, whose other end answers nothing.
    private static func connect(
        _ namespace: NetworkNamespace, _ addresses: [IPAddress], to peers: NetworkNamespace,
        _ name: String
    ) throws {
        let route = try RouteSocket(in: namespace)
        try route.addVeth(NewLink("eth0"), peer: NewLink(name, namespace: peers))
        try RouteSocket(in: peers).setLink(.name(name), up: true)
        try route.setLink(.name("eth0"), up: true)
        try route.setLink(.name("lo"), up: true)
        let index = try route.index(of: .name("eth0"))
        for (address, next) in zip(addresses, Self.gateways) {
            try route.addAddress(
                InterfaceAddress(
                    interface: index, address: address,
                    prefixLength: address.family == .v4 ? 32 : 128))
            // Resolved once and for all: a dial must not fail since nobody answers for it.
            try route.setNeighbor(next, mac: Self.gatewayMAC, interface: index)
            try route.addRoute(NewRoute(CIDR(host: next), interface: index))
            let everywhere = CIDR(address.family == .v4 ? "0.0.0.0/0" : "::/0")!
            try route.addRoute(NewRoute(everywhere, via: next, interface: index))
        }
    }

    private static let gateways = [IPAddress("169.254.1.1")!, IPAddress("fe80::1")!]
    private static let gatewayMAC = MACAddress("02:00:00:00:00:01")!

    func apply(_ operations: [Operation]) async throws {
        let plan = UnitPlan(unit: .interface(0), operations: operations)
        for outcome in await datapath.apply([plan]) {
            if let failure = outcome.failure { throw ProgramNode.ApplyFailure(text: failure) }
        }
    }

    /// Changes the node's entry in `settings`.
    func set(_ change: (inout CDatapath.settings) -> Void) async throws {
        let map = try BPFMap<UInt32, CDatapath.settings>(
            pinned: bpffs + "/needletail/v1/maps/settings")
        var entry = try map.lookup(0) ?? CDatapath.settings()
        change(&entry)
        try map.update(0, entry)
    }

    /// A pinned map under its own name.
    func map<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>(
        _ name: String, _: Key.Type = Key.self, _: Value.Type = Value.self
    ) throws -> BPFMap<Key, Value> {
        try BPFMap(pinned: bpffs + "/needletail/v1/maps/\(name)")
    }

    /// Counts by reason name.
    func counts() async throws -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (reason, count) in try await datapath.counters() { counts[reason.name] = count.packets }
        return counts
    }

    /// Dials one after the other in one process; for each, how often each outcome came: the address
    /// and port that the kernel was told, or the error's name.
    func dial(
        from namespace: NetworkNamespace, in cgroup: ControlGroup? = nil, _ dials: [SocketDial]
    ) throws -> [[String: Int]] {
        let text = String(decoding: try JSONEncoder().encode(dials), as: UTF8.self)
        let result = try Command(
            ["python3", "-c", Self.script, text], namespace: namespace,
            cgroup: cgroup ?? self.cgroup
        ).run()
        guard result.succeeded else { throw ProgramNode.ApplyFailure(text: result.errorOutput) }
        return try JSONDecoder().decode(
            [[String: Int]].self, from: Data(result.standardOutput))
    }

    /// getpeername shows the name that was dialled; /proc/net shows where the socket went.
    private static let script = """
        import errno, ipaddress, json, socket, sys

        def went(table, local):
            for row in open("/proc/self/net/" + table).read().splitlines()[1:]:
                _, own, peer = row.split()[:3]
                if int(own.split(":")[1], 16) == local:
                    host, port = peer.split(":")
                    octets = b"".join(bytes.fromhex(host[i:i + 8])[::-1]
                                      for i in range(0, len(host), 8))
                    address = ipaddress.ip_address(octets)
                    mapped = getattr(address, "ipv4_mapped", None)
                    return "%s %d" % (mapped or address, int(port, 16))
            return "nowhere"

        def dial(one):
            family = socket.AF_INET6 if ":" in one["to"] else socket.AF_INET
            kind = socket.SOCK_STREAM if one["kind"] == "tcp" else socket.SOCK_DGRAM
            with socket.socket(family, kind) as s:
                s.setblocking(False)
                try:
                    if one.get("bind"):
                        s.bind((one["bind"], 0))
                    s.connect((one["to"], one["port"]))
                except BlockingIOError:
                    pass
                except OSError as error:
                    return errno.errorcode[error.errno]
                table = one["kind"] + ("6" if family == socket.AF_INET6 else "")
                where = went(table, s.getsockname()[1])
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                return errno.errorcode[error] if error else where

        answers = []
        for one in json.loads(sys.argv[1]):
            seen = {}
            for _ in range(one["count"]):
                outcome = dial(one)
                seen[outcome] = seen.get(outcome, 0) + 1
            answers.append(seen)
        print(json.dumps(answers))
        """
}
