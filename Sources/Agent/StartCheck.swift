// What must be there before anything is touched, so that a start that can't work ends with one
// sentence and not in the middle.

import Linux

/// The agent can't start; exit status 1.
package struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}

/// Checks of the machine against the configuration.
enum StartCheck {
    /// The oldest kernel that is tested.
    static let oldestKernel = (major: 6, minor: 1)

    /// - Throws: `StartFailure` unless the kernel is new enough. `release` is uname's, `6.1.0-18`.
    static func kernel(release: String) throws(StartFailure) {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return }
        guard (numbers[0], numbers[1]) >= (oldestKernel.major, oldestKernel.minor) else {
            throw StartFailure(
                "kernel \(release) is older than \(oldestKernel.major).\(oldestKernel.minor), "
                    + "the oldest that Needletail supports")
        }
    }

    /// The cgroup whose processes' dials are translated, nil when none are to be.
    static func cgroup(_ configuration: Configuration) throws(StartFailure) -> String? {
        guard configuration.socketLB != .off else { return nil }
        if let path = configuration.cgroup {
            guard ControlGroup(path: path).isControlGroup else {
                throw StartFailure("--cgroup: \(path) is no directory of a cgroup2 mount")
            }
            return path
        }
        do {
            return try ControlGroup.root().path
        } catch {
            throw StartFailure(
                "no cgroup2 is mounted (\(error)): name one with --cgroup, or use --socket-lb off")
        }
    }

    /// The directory of manifests.
    static func manifests(_ configuration: Configuration) throws(StartFailure) -> String {
        guard case .directory(let path) = configuration.servicesFrom else {
            throw StartFailure("--services-from: give a directory of manifests")
        }
        do {
            _ = try Directory.entries(path)
        } catch {
            throw StartFailure("--services-from: \(error)")
        }
        return path
    }
}
