// What the reconciler asks of netlink and of the datapath, queued so that it waits for neither.
// Asked-for things that pile up are merged: asking twice for a neighbour is asking once.

import Datapath
import Health
import Logging
import Model
import Netlink
import Reconcile
import ServiceLifecycle

/// The queue between the reconciler and the hands.
final class Wishes: Sendable {
    enum Wish: Sendable {
        case provoke([Neighbor.Key])
        case query([UInt32])
    }

    /// The reconciler repeats what stays unanswered, so that the oldest may be dropped.
    private static let limit = 1024

    let wishes: AsyncStream<Wish>
    private let continuation: AsyncStream<Wish>.Continuation

    init() {
        (wishes, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.limit))
    }

    /// - Parameter healthPorts: takes what is to be served at once and needs no queue.
    func requests(_ healthPorts: HealthPorts) -> Requests {
        Requests(
            provokeNeighbors: { [continuation] in continuation.yield(.provoke($0)) },
            queryPrograms: { [continuation] in continuation.yield(.query($0)) },
            serveHealthPorts: { healthPorts.serve($0) })
    }
}

/// Fulfils the wishes; what comes of them are Changes.
struct WishService: ServiceLifecycle.Service {
    let wishes: Wishes
    let datapath: Datapath
    let reconciler: Reconciler
    let log: Logger

    func run() async throws {
        let socket = try RouteSocket()
        try await untilShutdown {
            for await wish in wishes.wishes {
                switch wish {
                case .provoke(let keys):
                    for key in keys { provoke(key, socket) }
                case .query(let interfaces):
                    await query(interfaces)
                }
            }
        }
    }

    /// An interface or address that went meanwhile is no news: its own event tells.
    private func provoke(_ key: Neighbor.Key, _ socket: RouteSocket) {
        do {
            try socket.provokeNeighbor(key.address, interface: key.interface)
        } catch {
            log.debug("A neighbour can't be asked for.", error: error)
        }
    }

    private func query(_ interfaces: [UInt32]) async {
        do {
            let found = try await datapath.foreignPrograms(on: interfaces)
            await reconciler.observe(
                found.map { .network(.foreignProgram(interface: $0.key, present: $0.value)) })
        } catch {
            log.warning(
                "Programs on veths can't be queried; their pods keep the stack.", error: error)
        }
    }
}
