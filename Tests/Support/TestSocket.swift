// A blocking socket with a deadline. It belongs to the network namespace that it was opened in for
// good, so that only its opening needs a thread inside; everything else is done by the caller.

import Glibc
package import Linux
package import Model

/// What TCP and UDP clients share. Errors are `KernelError`; EAGAIN is a deadline that passed.
package class TestSocket: @unchecked Sendable {
    // Unchecked: the descriptor never changes, and the kernel takes calls from any thread.
    let descriptor: FileDescriptor

    /// Time that one call may take, unless a test says otherwise.
    package static let defaultTimeoutMilliseconds = 3000

    init(
        _ type: __socket_type, _ family: IPFamily, in namespace: NetworkNamespace?,
        timeoutMilliseconds: Int
    ) throws(KernelError) {
        descriptor = try Self.open(type, family, in: namespace)
        try setTimeout(milliseconds: timeoutMilliseconds)
    }

    static func open(
        _ type: __socket_type, _ family: IPFamily, in namespace: NetworkNamespace?
    ) throws(KernelError) -> FileDescriptor {
        let open = { () throws(KernelError) -> Int32 in
            let kind = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let number = socket(family == .v4 ? AF_INET : AF_INET6, kind, 0)
            if number < 0 { throw .last("socket", "") }
            return number
        }
        guard let namespace else { return FileDescriptor(owning: try open()) }
        return FileDescriptor(owning: try namespace.run(orElse: { $0 }, open))
    }

    /// Time that one call may take from here on.
    package func setTimeout(milliseconds: Int) throws(KernelError) {
        let time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        try set(SOL_SOCKET, SO_RCVTIMEO, time)
        try set(SOL_SOCKET, SO_SNDTIMEO, time)
    }

    /// TTL or hop limit of what is sent.
    package func setHopLimit(_ limit: Int32, _ family: IPFamily) throws(KernelError) {
        if family == .v4 {
            try set(Int32(IPPROTO_IP), IP_TTL, limit)
        } else {
            try set(Int32(IPPROTO_IPV6), IPV6_UNICAST_HOPS, limit)
        }
    }

    func set<T: BitwiseCopyable>(_ level: Int32, _ option: Int32, _ value: T) throws(KernelError) {
        let result = withUnsafePointer(to: value) {
            setsockopt(descriptor.rawValue, level, option, $0, socklen_t(MemoryLayout<T>.size))
        }
        if result != 0 { throw .last("setsockopt", "\(level)/\(option)") }
    }

    /// Takes an address of its own.
    package func bind(_ own: SocketAddress) throws(KernelError) {
        let number = descriptor.rawValue
        if own.withKernelForm({ Glibc.bind(number, $0, $1) }) != 0 { throw .last("bind", "\(own)") }
    }

    /// connect(2): ECONNREFUSED, EHOSTUNREACH, … or EINPROGRESS at the deadline.
    package func connect(_ peer: SocketAddress) throws(KernelError) {
        let number = descriptor.rawValue
        if peer.withKernelForm({ Glibc.connect(number, $0, $1) }) != 0 {
            throw .last("connect", "\(peer)")
        }
    }

    /// getsockname(2).
    package func local() throws(KernelError) -> SocketAddress {
        try name("getsockname", getsockname)
    }

    /// getpeername(2): whom the program believes to talk to.
    package func peer() throws(KernelError) -> SocketAddress {
        try name("getpeername", getpeername)
    }

    private typealias NameCall = (
        Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>
    ) -> Int32

    private func name(_ call: String, _ ask: NameCall) throws(KernelError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                ask(descriptor.rawValue, $0, &length)
            }
        }
        guard result == 0, let address = SocketAddress(storage) else { throw .last(call, "") }
        return address
    }

    /// One send(2) of everything; a stream that takes less is ENOBUFS.
    package func send(_ bytes: [UInt8]) throws(KernelError) {
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0 { throw .last("send", "") }
        if count < bytes.count {
            throw KernelError(call: "send", subject: "\(count)", errno: .noBuffers)
        }
    }

    /// One recv(2): empty at the end of a stream.
    package func receive(upTo limit: Int = 65_536) throws(KernelError) -> [UInt8] {
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            result = recv(descriptor.rawValue, buffer.baseAddress, limit, 0)
            count = max(0, result)
        }
        if result < 0 { throw .last("recv", "") }
        return bytes
    }
}
