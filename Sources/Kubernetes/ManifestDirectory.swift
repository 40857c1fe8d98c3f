// `--services-from DIR`: a directory tree of manifests as a sequence of Changes. Watches first,
// reads then, so that nothing falls in between. Dot files are no manifests, but what a symlink to
// one leads to is: a ConfigMap volume is made of them, and changes by swapping `..data`.
//
// A file is read when it is closed or renamed, never while it is being written.

import Linux
package import Logging
package import Model
import Synchronization

/// The manifests of a directory. Each iteration watches and reads anew.
package struct ManifestDirectory: AsyncSequence, Sendable {
    package typealias Element = [Change]

    /// How deep directories may lie within each other; a symlink that leads upwards ends here.
    static let depthLimit = 16
    /// How often a directory that vanished is looked for.
    static let retryInterval = Duration.seconds(1)

    package let path: String
    let log: Logger
    private let report = ManifestReport()

    /// - Parameter path: the directory; it must exist when the iteration begins.
    package init(_ path: String, log: Logger) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.log = log
    }

    /// What does not count at present, sorted: for `status`.
    package var refusals: [ManifestRefusal] { report.refusals }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(tree: ManifestTree(path, report: report, log: log))
    }

    /// Yields everything and `.complete(.services)` first, then what changes. Throws only if the
    /// directory can't be watched at the beginning; ends when the task is cancelled.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var tree: ManifestTree
        private var watch: DirectoryWatch?
        private var events: DirectoryWatch.AsyncIterator?

        init(tree: ManifestTree) { self.tree = tree }

        package mutating func next() async throws -> [Change]? {
            if events == nil {
                try startWatching()
                return tree.rescan() + [.complete(.services)]
            }
            while let batch = try await events?.next() {
                if batch.contains(.directoryGone(tree.root)) {
                    guard await waitForReturn() else { return nil }
                }
                let changes = tree.changes(after: batch)
                if !changes.isEmpty { return changes }
            }
            return nil
        }

        private mutating func startWatching() throws(KernelError) {
            let watch = try DirectoryWatch(tree.root)
            self.watch = watch
            events = watch.makeAsyncIterator()
        }

        /// The directory itself was removed or unmounted: its last state stays until it is back.
        /// False when cancelled.
        private mutating func waitForReturn() async -> Bool {
            tree.log.error("manifest directory is gone, keeping its last state")
            while !Task.isCancelled {
                do {
                    try startWatching()
                    tree.log.notice("manifest directory is back")
                    return true
                } catch {
                    try? await Task.sleep(for: ManifestDirectory.retryInterval)
                }
            }
            return false
        }
    }
}

/// The refusals as others may ask for them at any time.
final class ManifestReport: Sendable {
    private let state = Mutex<[ManifestRefusal]>([])

    var refusals: [ManifestRefusal] { state.withLock { $0 } }

    /// Replaces them; returns those that are new.
    func replace(_ refusals: [ManifestRefusal]) -> [ManifestRefusal] {
        state.withLock { state in
            let known = Set(state)
            state = refusals
            return refusals.filter { !known.contains($0) }
        }
    }
}
