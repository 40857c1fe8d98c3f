// The door to one namespace's links, addresses, routes, rules, neighbours and filters. A netlink
// socket stays in the namespace where it was opened: open it once, then ask and change from any
// thread or task. A call blocks for the kernel's answer, some 10 µs; a dump for longer.

import CLibMNL
package import Linux
import Synchronization

/// A route netlink socket of one network namespace. Calls from several threads take turns.
package final class RouteSocket: Sendable {
    private let conversation: Mutex<Conversation>

    /// Opens a socket in a namespace, or in the calling thread's own.
    package init(in namespace: NetworkNamespace? = nil) throws(NetlinkError) {
        conversation = Mutex(try Conversation.open(NETLINK_ROUTE, in: namespace))
    }

    /// Sends a change and waits until the kernel has made it.
    func change(
        _ message: MessageBuilder, _ name: String, _ subject: @autoclosure () -> String
    ) throws(NetlinkError) {
        _ = try get(message, name, subject())
    }

    /// Asks for one thing.
    func get(
        _ message: MessageBuilder, _ name: String, _ subject: @autoclosure () -> String
    ) throws(NetlinkError) -> [Message] {
        try conversation.withLock { conversation throws(NetlinkError) in
            try conversation.request(message, name, subject())
        }
    }

    /// Dumps a table and reads each message; those that `read` makes nil of are left out.
    func dump<T>(
        _ message: MessageBuilder, _ name: String, _ subject: @autoclosure () -> String = "",
        _ read: (Message) throws(MalformedMessage) -> T?
    ) throws(NetlinkError) -> [T] {
        let messages = try conversation.withLock { conversation throws(NetlinkError) in
            try conversation.dump(message, name, subject())
        }
        return try wellFormed { () throws(MalformedMessage) in
            var values: [T] = []
            for message in messages {
                if let value = try read(message) { values.append(value) }
            }
            return values
        }
    }
}
