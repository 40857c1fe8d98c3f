// A server for tests: one thread, any number of connections, TCP and UDP alike. It says who it is
// and whom it sees, or just echoes.

import Glibc
package import Linux
import Model
import Synchronization

/// Listens in a namespace until `stop` or its last reference goes.
package final class EchoServer: Sendable {
    package enum Transport: Sendable {
        case tcp
        case udp
    }

    /// What it answers to a message.
    package enum Answer: Sendable, Hashable {
        /// The same bytes.
        case echo
        /// `NAME PEER-ADDRESS PEER-PORT`, see `Sighting`.
        case identify(String)
    }

    /// What `identify` answers, read back: which server, and whom it saw.
    package struct Sighting: Hashable, Sendable {
        package let server: String
        package let peer: SocketAddress

        /// Nil for another text.
        package init?(_ text: String) {
            let words = text.split(separator: " ")
            guard words.count == 3, let address = IPAddress(String(words[1])),
                let port = UInt16(words[2])
            else { return nil }
            server = String(words[0])
            peer = SocketAddress(address, port)
        }
    }

    /// Where it listens.
    package let address: SocketAddress
    private let loop: EchoLoop
    private let seen: Mutex<[SocketAddress]>

    /// Listens; clients may come as soon as this returns.
    /// - Parameter own: `0.0.0.0` and `::` listen on all addresses of the family, port 0 takes any.
    package init(
        _ transport: Transport, at own: SocketAddress, in namespace: NetworkNamespace?,
        answer: Answer = .echo
    ) throws(KernelError) {
        let listener = try TestSocket(
            transport == .tcp ? SOCK_STREAM : SOCK_DGRAM, own.address.family, in: namespace,
            timeoutMilliseconds: TestSocket.defaultTimeoutMilliseconds)
        try listener.set(SOL_SOCKET, SO_REUSEADDR, Int32(1))
        if own.address.family == .v6 {
            try listener.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(1))
        }
        try listener.bind(own)
        if transport == .tcp, listen(listener.descriptor.rawValue, 1024) != 0 {
            throw .last("listen", "\(own)")
        }
        address = try listener.local()
        seen = Mutex([])
        let loop = try EchoLoop(listener: listener, isStream: transport == .tcp, answer: answer)
        self.loop = loop
        try DedicatedThread.detach { [weak self] in
            loop.run { peer in self?.seen.withLock { $0.append(peer) } }
        }
    }

    /// Peers of accepted connections, or of datagrams, in order.
    package var peers: [SocketAddress] { seen.withLock { $0 } }

    /// Closes the listener and all connections, soon.
    package func stop() { loop.end() }

    deinit { stop() }
}
