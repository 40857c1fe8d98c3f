// A network namespace that we hold open. A thread enters it, never the process: sockets made inside
// stay bound to it, so a caller mostly enters once to open a socket and then works from anywhere.

import CLinux
import Glibc

/// A network namespace, held open by a descriptor: it lives at least as long as this value.
package final class NetworkNamespace: Sendable {
    /// Refers to the namespace; borrow it for as long as this value lives.
    package let descriptor: FileDescriptor
    /// Where it is named or was opened, empty for an anonymous one.
    package let path: String

    private init(_ descriptor: consuming FileDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Opens a namespace by path: `/run/netns/NAME`, `/proc/PID/ns/net`.
    package convenience init(opening path: String) throws(KernelError) {
        self.init(try FileDescriptor(opening: path), path: path)
    }

    /// The calling thread's own namespace.
    package static func current() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(opening: "/proc/thread-self/ns/net")
    }

    /// A new, empty namespace without a name (its loopback is down); it ends with its last user.
    package static func anonymous() throws(KernelError) -> NetworkNamespace {
        try DedicatedThread.run(orElse: { $0 }) { () throws(KernelError) in
            try check("unshare", "network namespace") { linux_new_network_namespace() }
            let own = try FileDescriptor(opening: "/proc/thread-self/ns/net")
            return NetworkNamespace(own, path: "")
        }
    }

    /// Runs the closure inside the namespace on a thread of its own and waits for it.
    package func run<T>(_ body: () throws -> T) throws -> T {
        try run(orElse: { $0 }, body)
    }

    /// The same with a typed error; `orElse` wraps the failure to enter.
    package func run<T, E: Error>(
        orElse failed: (KernelError) -> E, _ body: () throws(E) -> T
    ) throws(E) -> T {
        try DedicatedThread.run(orElse: failed) { () throws(E) in
            do throws(KernelError) {
                try enter()
            } catch {
                throw failed(error)
            }
            return try body()
        }
    }

    /// Runs the closure inside the namespace on a thread of its own; the awaiting task blocks
    /// nobody.
    package func perform<T: Sendable>(
        _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await DedicatedThread.perform {
            try self.enter()
            return try body()
        }
    }

    /// Moves the calling thread into the namespace for good: only for a thread made for it.
    package func enter() throws(KernelError) {
        try check("setns", path) { linux_enter_network_namespace(descriptor.rawValue) }
    }

    /// The kernel's number for the namespace (SO_NETNS_COOKIE, Linux 5.14), the one that
    /// `bpf_get_netns_cookie` gives. Never reused while the machine runs.
    package func cookie() throws(KernelError) -> UInt64 {
        try run(orElse: { $0 }) { () throws(KernelError) in
            let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let probe = FileDescriptor(
                owning: try check("socket", path) { socket(AF_UNIX, type, 0) })
            var cookie: UInt64 = 0
            var length = socklen_t(MemoryLayout<UInt64>.size)
            let soNetnsCookie: Int32 = 71  // asm-generic/socket.h; glibc 2.36 lacks it
            try check("getsockopt", "SO_NETNS_COOKIE") {
                getsockopt(probe.rawValue, SOL_SOCKET, soNetnsCookie, &cookie, &length)
            }
            return cookie
        }
    }
}
