// Follows the cgroup tree for `--socket-lb-exclude-cgroup`: the groups that fit are told to the
// socket hooks by id, as they come and go. A pod's group is made well before its first process.

import Datapath
import Linux
import Logging
import ServiceLifecycle

/// Keeps the map of excluded cgroups true.
struct ExclusionService: ServiceLifecycle.Service {
    static let retryInterval = Duration.seconds(5)

    /// The root of the socket hooks.
    let root: String
    let globs: [Glob]
    let datapath: Datapath
    let log: Logger

    /// What is there now, before anything acts.
    func prepare() async throws {
        var table = ExclusionTable(root: root, globs: globs)
        table.readAll()
        try await datapath.exclude(cgroups: table.ids)
    }

    func run() async throws {
        try await untilShutdown {
            while !Task.isCancelled {
                do {
                    try await follow()
                } catch {
                    log.warning("The cgroups can't be watched; trying again.", error: error)
                }
                try await Task.sleep(for: Self.retryInterval)
            }
        }
    }

    /// Watches first, then reads: nothing that comes in between is missed.
    private func follow() async throws {
        let watch = try DirectoryWatch(root, recursive: true)
        var table = ExclusionTable(root: root, globs: globs)
        table.readAll()
        try await datapath.exclude(cgroups: table.ids)
        for try await events in watch {
            let before = table.ids
            for event in events {
                switch event {
                case .changed(let directory, let name):
                    table.read(absolute: name.isEmpty ? directory : "\(directory)/\(name)")
                case .directoryGone(let directory): table.read(absolute: directory)
                case .overflow: table.readAll()
                }
            }
            if table.ids != before { try await datapath.exclude(cgroups: table.ids) }
        }
    }
}
