// When an interface may be used. The end of a veth that is set up first gets its queueing
// discipline by a work item, after the other end is up; until then it drops what is sent, and
// whoever sent it (a SYN, a neighbour solicitation) tries again only a second later.

import Glibc
import Linux
import Model
import Netlink

extension RouteSocket {
    /// Waits until every interface that is up really sends.
    func settle() throws {
        let deadline = Monotonic.now().advanced(byMilliseconds: Self.settleTimeoutMilliseconds)
        while let waiting = try links().first(where: { $0.isUp && $0.rootQdisc == "noop" }) {
            guard Monotonic.now() < deadline else {
                throw LabError.late("\(waiting.name) is up and does not send")
            }
            usleep(200)
        }
    }

    /// Mostly some 100 µs; longer only where the machine is far behind.
    private static let settleTimeoutMilliseconds = 10_000
}
