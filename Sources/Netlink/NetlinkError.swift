// What can go wrong between us and the kernel's netlink, with the facts that a caller decides on:
// mostly the errno of a refusal (EEXIST on adding twice, ENOENT or ESRCH on removing twice).

package import Linux

/// A netlink request or socket that failed.
package enum NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel answered with an error. `explanation` is its own text (extended ack), often
    /// empty.
    case refused(request: String, subject: String, errno: Errno, explanation: String)
    /// The socket failed, or the namespace could not be entered.
    case socket(KernelError)
    /// The kernel's bytes do not have the form that its headers promise.
    case malformed(MalformedMessage)
    /// The tables changed under each of `attempts` dumps.
    case interrupted(request: String, attempts: Int)

    /// The error number, where there is one.
    package var errno: Errno? {
        switch self {
        case .refused(_, _, let errno, _): errno
        case .socket(let error): error.errno
        case .malformed, .interrupted: nil
        }
    }

    package var description: String {
        switch self {
        case .refused(let request, let subject, let errno, let explanation):
            "\(request) \(subject): \(errno)" + (explanation.isEmpty ? "" : ": \(explanation)")
        case .socket(let error): "\(error)"
        case .malformed(let error): "\(error)"
        case .interrupted(let request, let attempts):
            "\(request): interrupted by changes \(attempts) times"
        }
    }
}

/// Bytes that are no netlink message: too short, or a length that lies.
package struct MalformedMessage: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which structure was being read.
    package let structure: String
    /// Bytes that it needs.
    package let needed: Int
    /// Bytes that there were.
    package let available: Int

    package var description: String {
        "malformed netlink message: \(structure) needs \(needed) bytes of \(available)"
    }
}
