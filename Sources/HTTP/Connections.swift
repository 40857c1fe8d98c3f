// Who is connected, and how many may be: whoever reaches a port must not be able to use up the
// agent's descriptors, nor to keep a load balancer's checks out by holding silent connections.

import NIOCore
import Synchronization

/// A limit of open connections, for one server or shared by several.
package final class Connections: Sendable {
    /// What happens when the limit is reached.
    package enum Excess: Sendable {
        /// The newcomer is closed at once.
        case isRefused
        /// The oldest connection is closed and the newcomer served: checks are short, so what has
        /// been open for longest is the one that nobody misses.
        case replacesOldest
    }

    /// Nobody is served here (any more).
    struct Refusal: Error {}

    private struct State {
        var open: [UInt64: any Channel] = [:]
        var next: UInt64 = 0
        var isClosed = false
    }

    private let maximum: Int
    private let excess: Excess
    private let state = Mutex(State())

    /// - Parameter maximum: connections that are open at the same time.
    package init(maximum: Int, excess: Excess) {
        self.maximum = maximum
        self.excess = excess
    }

    /// Counts the connection until it is closed. O(1) below the limit, else O(connections).
    func admit(_ channel: any Channel) throws(Refusal) {
        let (id, leaving) = state.withLock { state -> (UInt64?, (any Channel)?) in
            guard !state.isClosed else { return (nil, nil) }
            var leaving: (any Channel)?
            if state.open.count >= maximum {
                guard excess == .replacesOldest, let oldest = state.open.keys.min() else {
                    return (nil, nil)
                }
                leaving = state.open.removeValue(forKey: oldest)
            }
            state.next += 1
            state.open[state.next] = channel
            return (state.next, leaving)
        }
        leaving?.close(promise: nil)
        guard let id else { throw Refusal() }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.open.removeValue(forKey: id) }
        }
    }

    /// Closes what is open and admits nobody any more.
    func closeAll() async {
        let open = state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
        for channel in open { try? await channel.close().get() }
    }
}
