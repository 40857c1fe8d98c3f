// The inside of `EchoServer`: a poll loop on one thread, which owns all descriptors.

import Glibc
import Linux

/// Serves until `end`.
final class EchoLoop: @unchecked Sendable {
    // Unchecked: made by one thread, then used by one other.
    private let listener: TestSocket
    private let isStream: Bool
    /// Readable once the loop shall end.
    private let stop: WakeEvent
    private let answer: EchoServer.Answer
    private var connections: [Int32: SocketAddress] = [:]

    init(
        listener: TestSocket, isStream: Bool, answer: EchoServer.Answer
    ) throws(KernelError) {
        self.listener = listener
        self.isStream = isStream
        self.answer = answer
        stop = try WakeEvent()
    }

    /// Makes `run` return soon; from any thread.
    func end() { stop.signal() }

    func run(_ report: (SocketAddress) -> Void) {
        let own = listener.descriptor.rawValue
        while true {
            let numbers = [stop.descriptor.rawValue, own] + connections.keys
            var ready = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&ready, nfds_t(ready.count), -1) > 0 else { continue }
            if ready[0].revents != 0 { break }
            if ready[1].revents != 0 {
                if isStream { accept(report) } else { answerDatagram(report) }
            }
            for each in ready.dropFirst(2) where each.revents != 0 { serve(each.fd) }
        }
        for number in connections.keys { close(number) }
    }

    private func accept(_ report: (SocketAddress) -> Void) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.accept(listener.descriptor.rawValue, $0, &length)
            }
        }
        guard number >= 0, let peer = SocketAddress(storage) else { return }
        connections[number] = peer
        report(peer)
    }

    private func serve(_ number: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(number, &buffer, buffer.count, 0)
        guard count > 0, let peer = connections[number] else {
            connections[number] = nil
            close(number)
            return
        }
        let bytes = reply(to: buffer[..<count], from: peer)
        var sent = 0
        while sent < bytes.count {
            let rest = bytes[sent...]
            let result = rest.withUnsafeBytes {
                send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if result <= 0 { break }
            sent += result
        }
    }

    private func answerDatagram(_ report: (SocketAddress) -> Void) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let number = listener.descriptor.rawValue
        let count = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(number, &buffer, 65_536, 0, $0, &length)
            }
        }
        guard count >= 0, let peer = SocketAddress(storage) else { return }
        report(peer)
        let bytes = reply(to: buffer[..<count], from: peer)
        _ = bytes.withUnsafeBytes { bytes in
            peer.withKernelForm { sendto(number, bytes.baseAddress, bytes.count, 0, $0, $1) }
        }
    }

    private func reply(to message: ArraySlice<UInt8>, from peer: SocketAddress) -> [UInt8] {
        switch answer {
        case .echo: Array(message)
        case .identify(let name): Array("\(name) \(peer.address) \(peer.port)".utf8)
        }
    }
}
