// What kernel tests need around them, each its own and gone afterwards: a bpffs, a cgroup, a
// network namespace. Nothing of the machine's own is touched, nothing is shared between tests.

import Glibc
import Linux
import Synchronization
import Testing

private let lastNumber = Atomic(0)

/// A name that no other test of any process has.
func uniqueName(_ what: String) -> String {
    "needletail-\(what)-\(getpid())-\(lastNumber.add(1, ordering: .relaxed).newValue)"
}

/// A bpffs of its own, on a folder under /tmp.
final class PrivateBPFFS {
    let path: String

    init() throws {
        path = "/tmp/" + uniqueName("bpffs")
        try BPFFileSystem.mount(at: path)
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }
}

/// A cgroup of its own directly below the root.
final class PrivateCgroup {
    let group: ControlGroup

    init() throws {
        group = try ControlGroup.root().child(uniqueName("cgroup"))
        try group.create()
    }

    deinit { rmdir(group.path) }

    /// Makes a process of this cgroup dial both loopback addresses at a port that nobody serves.
    func dialBothFamilies() throws {
        let namespace = try NetworkNamespace.anonymous()
        for address in ["127.0.0.1", "::1"] {
            _ = try Command(
                ["bash", "-c", "exec 3<>/dev/tcp/\(address)/9"], namespace: namespace, cgroup: group
            ).run()
        }
    }
}

/// Blocks until `fact` holds. For what follows the closing of a descriptor: a child that another
/// test is just starting shares all our descriptors until it executes its program.
func waitUntil(_ fact: () throws -> Bool) throws {
    let deadline = Monotonic.now().advanced(byMilliseconds: 20_000)
    while try !fact() {
        try #require(Monotonic.now() < deadline, "still not so after 20 s")
        sched_yield()
    }
}

/// The loopback interface of every namespace.
let loopback: UInt32 = 1

/// A network namespace with nothing but a loopback interface that is up.
func namespaceWithLoopback() throws -> NetworkNamespace {
    let namespace = try NetworkNamespace.anonymous()
    let result = try Command(["ip", "link", "set", "lo", "up"], namespace: namespace).run()
    try #require(result.succeeded, "\(result.errorOutput)")
    return namespace
}

/// Sends one datagram over IPv4 and one over IPv6 to the loopback address, from the calling thread,
/// and waits for the ICMP error that answers each: then every hook on the way has run, however busy
/// the machine is.
func sendBothFamilies() throws {
    var four = sockaddr_in()
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = in_port_t(9).bigEndian
    four.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = in_port_t(9).bigEndian
    six.sin6_addr = in6addr_loopback
    try send(AF_INET, &four, MemoryLayout.size(ofValue: four))
    try send(AF_INET6, &six, MemoryLayout.size(ofValue: six))
}

private func send(_ family: Int32, _ address: UnsafeRawPointer, _ length: Int) throws {
    let sender = FileDescriptor(owning: socket(family, Int32(SOCK_DGRAM.rawValue), 0))
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
        sender.rawValue, SOL_SOCKET, SO_RCVTIMEO, &patience,
        socklen_t(MemoryLayout.size(ofValue: patience)))
    let connected = connect(
        sender.rawValue, address.assumingMemoryBound(to: sockaddr.self), socklen_t(length))
    try #require(connected == 0, "connect: \(String(cString: strerror(errno)))")
    try #require(Glibc.send(sender.rawValue, "x", 1, 0) == 1)
    var answer: UInt8 = 0
    try #require(recv(sender.rawValue, &answer, 1, 0) == -1)
    #expect(errno == ECONNREFUSED)
}

extension Trait where Self == ConditionTrait {
    /// The test talks to the kernel as root.
    static var needsRoot: Self { .enabled(if: geteuid() == 0, "needs root") }
}
