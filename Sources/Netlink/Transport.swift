// The two calls that carry datagrams, so that tests can play the kernel. The real one is libmnl's
// socket; its port is the kernel's choice, so that sockets of one process never collide.

import CLibMNL
import Glibc
import Linux

/// Something that carries netlink datagrams.
protocol Transport: AnyObject, Sendable {
    /// What answers to us carry in their header.
    var port: UInt32 { get }
    func send(_ datagram: [UInt8]) throws(KernelError)
    /// Blocks until a whole datagram is there.
    func receive() throws(KernelError) -> [UInt8]
}

/// A netlink socket of the kernel, bound to the namespace that its maker was in.
///
/// Unchecked: libmnl's struct is written only before `init` returns; later calls read it and make
/// one system call each.
final class KernelSocket: Transport, @unchecked Sendable {
    private let socket: OpaquePointer
    let port: UInt32

    /// The kernel builds dump datagrams of at most 32 KiB (netlink_dump, since Linux 4.6); twice
    /// that leaves room. A longer one is reported as ENOSPC, not cut.
    static let datagramLimit = 65_536

    /// - Parameter bus: NETLINK_ROUTE or NETLINK_NETFILTER.
    init(bus: Int32, isBlocking: Bool = true) throws(KernelError) {
        var flags = Int32(SOCK_CLOEXEC.rawValue)
        if !isBlocking { flags |= Int32(SOCK_NONBLOCK.rawValue) }
        guard let socket = mnl_socket_open2(bus, flags) else {
            throw .last("socket", "netlink \(bus)")
        }
        guard mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 else {
            let error = KernelError.last("bind", "netlink \(bus)")
            mnl_socket_close(socket)
            throw error
        }
        self.socket = socket
        port = mnl_socket_get_portid(socket)
        // Absent before 4.12 and 4.20; without them errors only lack their text, dumps their
        // filter.
        try? set(NETLINK_EXT_ACK, to: 1)
        try? set(NETLINK_CAP_ACK, to: 1)
        try? set(NETLINK_GET_STRICT_CHK, to: 1)
    }

    deinit { mnl_socket_close(socket) }

    /// For poll(2), while this lives.
    var descriptor: Int32 { mnl_socket_get_fd(socket) }

    /// Joins a multicast group, RTNLGRP_*.
    func join(_ group: rtnetlink_groups) throws(KernelError) {
        try set(NETLINK_ADD_MEMBERSHIP, to: Int32(group.rawValue))
    }

    /// SO_RCVBUFFORCE (root may pass net.core.rmem_max). The kernel doubles the number.
    func setReceiveBuffer(bytes: Int) throws(KernelError) {
        var value = Int32(clamping: bytes)
        let length = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &value, length) != 0 {
            throw .last("setsockopt", "SO_RCVBUFFORCE")
        }
    }

    private func set(_ option: Int32, to value: Int32) throws(KernelError) {
        var value = value
        let length = socklen_t(MemoryLayout<Int32>.size)
        if mnl_socket_setsockopt(socket, option, &value, length) != 0 {
            throw .last("setsockopt", "netlink option \(option)")
        }
    }

    func send(_ datagram: [UInt8]) throws(KernelError) {
        if mnl_socket_sendto(socket, datagram, datagram.count) < 0 {
            throw .last("sendto", "netlink")
        }
    }

    func receive() throws(KernelError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Self.datagramLimit)
        while true {
            let count = mnl_socket_recvfrom(socket, &buffer, buffer.count)
            if count >= 0 { return Array(buffer.prefix(count)) }
            let error = KernelError.last("recvfrom", "netlink")
            if error.errno != .interrupted { throw error }
        }
    }

    /// On a socket that does not block: a datagram if one is waiting, else nil. ENOBUFS: the kernel
    /// has dropped some since the last call.
    func receiveWaiting() throws(KernelError) -> [UInt8]? {
        do throws(KernelError) {
            return try receive()
        } catch {
            if error.errno == .wouldBlock { return nil }
            throw error
        }
    }
}
