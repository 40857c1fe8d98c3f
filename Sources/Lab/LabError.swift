// What can go wrong with a lab, in words for whoever asked for it.

/// A request that the lab can't fulfil. What the kernel refused arrives as `KernelError` instead.
package enum LabError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A wish outside the limits.
    case invalid(String)
    /// A lab of this name is up and its owner lives.
    case exists(String)
    /// No lab, node, pod, ENI or host of this name.
    case notFound(String)
    /// A command that the lab needs (iptables-restore, nft) failed; its stderr is the text.
    case failed(command: String, exit: String, stderr: String)
    /// Something that happens by itself did not happen in time.
    case late(String)
    /// A file of the lab's that can't be understood.
    case damaged(path: String, reason: String)

    package var description: String {
        switch self {
        case .invalid(let reason): return reason
        case .exists(let name): return "lab \(name) is up already"
        case .notFound(let what): return "no \(what)"
        case .failed(let command, let exit, let stderr):
            return "\(command): \(exit): \(stderr)"
        case .late(let what): return "waited in vain: \(what)"
        case .damaged(let path, let reason): return "\(path): \(reason)"
        }
    }
}
