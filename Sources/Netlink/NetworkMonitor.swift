// Watching one namespace: subscribe first, then dump, then replay what was queued meanwhile, so
// that nothing falls between. Events are delivered as they come; nothing here polls.

import CLibMNL
package import Linux
package import Model

/// What the kernel says of one network namespace, as batches of changes.
///
/// The first batch is `.networkState` and `.complete(.network)`; later ones are the events of one
/// readable burst. When the kernel dropped events (ENOBUFS), or a slow reader let too many pile up,
/// a new `.networkState` stands for all of them. The sequence ends when its task is cancelled, by
/// `stop`, with the last reference to the monitor and its iterators, or by throwing a
/// `NetlinkError` or `KernelError` when the socket is lost. It has one consumer.
package final class NetworkMonitor: AsyncSequence, Sendable {
    /// What the kernel may queue for us, in bytes as it accounts them: 250 pods make some 1,500
    /// events of less than 2 KiB when they all come at once.
    package static let receiveBufferBytes = 8 << 20
    /// Changes that may wait for a slow reader before one state takes their place.
    package static let changeLimit = 16_384
    /// Datagrams that make one batch at most, so that a long burst is delivered while it lasts.
    static let burstLimit = 512

    private let changes = Mailbox<Change>(limit: changeLimit)
    private let wake: WakeEvent

    /// Subscribes at once; the first dump is made on the monitor's own thread.
    /// - Parameters:
    ///   - namespace: nil: the calling thread's own.
    ///   - receiveBufferBytes: smaller only to provoke a loss.
    package init(
        in namespace: NetworkNamespace? = nil,
        receiveBufferBytes: Int = NetworkMonitor.receiveBufferBytes
    ) throws(NetlinkError) {
        let requests = try RouteSocket(in: namespace)
        do throws(KernelError) {
            let subscribe = { () throws(KernelError) -> KernelSocket in
                try Self.subscribe(receiveBufferBytes)
            }
            let events: KernelSocket
            if let namespace {
                events = try namespace.run(orElse: { $0 }, subscribe)
            } else {
                events = try subscribe()
            }
            wake = try WakeEvent()
            let stopping = try wake.descriptor.duplicate()
            let loop = EventLoop(
                events: events, stopping: stopping, observer: NetworkObserver(requests))
            try DedicatedThread.detach { [changes] in loop.run(into: changes) }
        } catch {
            throw .socket(error)
        }
    }

    deinit { stop() }

    /// Ends the sequence; what was seen before is still delivered.
    package func stop() { wake.signal() }

    package func makeAsyncIterator() -> Mailbox<Change>.AsyncIterator {
        changes.makeAsyncIterator(keeping: self)
    }

    private static func subscribe(_ receiveBufferBytes: Int) throws(KernelError) -> KernelSocket {
        let socket = try KernelSocket(bus: NETLINK_ROUTE, isBlocking: false)
        try socket.setReceiveBuffer(bytes: receiveBufferBytes)
        let groups = [
            RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
            RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEIGH, RTNLGRP_TC,
            RTNLGRP_NEXTHOP,
        ]
        for group in groups { try socket.join(group) }
        return socket
    }
}

/// The monitor's thread. Holds no reference to the monitor, so that dropping the monitor ends it.
private final class EventLoop: Sendable {
    private let events: KernelSocket
    private let stopping: FileDescriptor
    private let first: NetworkObserver

    init(events: KernelSocket, stopping: consuming FileDescriptor, observer: NetworkObserver) {
        self.events = events
        self.stopping = stopping
        first = observer
    }

    func run(into changes: Mailbox<Change>) {
        do throws(NetlinkError) {
            try loop(changes)
            changes.finish()
        } catch {
            changes.finish(throwing: error)
        }
    }

    private func loop(_ changes: Mailbox<Change>) throws(NetlinkError) {
        var observer = first
        changes.put(try restart(&observer), summary: { observer.summary })
        while true {
            let ready: [Bool]
            do throws(KernelError) {
                ready = try Readiness.wait(reading: [events.descriptor, stopping.rawValue])
            } catch {
                throw .socket(error)
            }
            if ready[1] { return }
            let burst = try burst()
            let news = burst.isWhole ? try observer.read(burst.messages) : try restart(&observer)
            changes.put(news, summary: { observer.summary })
        }
    }

    /// Dumps until a dump was made with nothing lost before it: events from before a loss must not
    /// be replayed onto it, since what undid them may be among the lost.
    private func restart(_ observer: inout NetworkObserver) throws(NetlinkError) -> [Change] {
        while true {
            do throws(NetlinkError) {
                return try observer.restart()
            } catch {
                guard case .interrupted = error else { throw error }
            }
        }
    }

    /// What is waiting. After a loss everything queued is thrown away.
    private func burst() throws(NetlinkError) -> (messages: [Message], isWhole: Bool) {
        var messages: [Message] = []
        var isWhole = true
        var count = 0
        while count < NetworkMonitor.burstLimit || !isWhole {
            let datagram: [UInt8]?
            do throws(KernelError) {
                datagram = try events.receiveWaiting()
            } catch {
                guard error.errno == .noBuffers else { throw .socket(error) }
                isWhole = false
                continue
            }
            guard let datagram else { break }
            count += 1
            if isWhole {
                messages += try wellFormed { () throws(MalformedMessage) in
                    try Message.all(in: datagram)
                }
            }
        }
        return (messages, isWhole)
    }
}
