// The handle of a lab: make one, find one, look at it, take it down. What stands where is in
// `LabStatus`; how it gets there is in the Network files. Every change happens under the lab's lock
// and starts from the file, so that several processes may hold handles of one lab.

import Glibc
import Linux
import Synchronization

/// An EKS node, or several, made of network namespaces.
package final class Lab: Sendable {
    let paths: LabPaths
    private let record: Mutex<LabRecord>
    /// The stand-ins that this process runs; empty in a handle from `open`.
    private let standIns = Mutex<[StandIns]>([])

    init(paths: LabPaths, record: LabRecord) {
        self.paths = paths
        self.record = Mutex(record)
    }

    /// Makes a lab that belongs to this process, stand-ins included, and returns when all of it is
    /// there. A leftover of the same name is removed first. Takes well under 2 s for two nodes.
    ///
    /// Throws `LabError.exists` when a living process has a lab of this name; after any other
    /// error nothing is left.
    package static func up(_ configuration: LabConfiguration = LabConfiguration()) async throws
        -> Lab
    {
        let lab = try await create(configuration)
        do {
            try await lab.startStandIns()
        } catch {
            try await lab.down()
            throw error
        }
        return lab
    }

    /// Makes a lab without stand-ins, which `serve` adds: for a process that does not stay.
    package static func create(_ configuration: LabConfiguration) async throws -> Lab {
        try await DedicatedThread.perform { try make(configuration) }
    }

    /// Makes this process the one that the lab lives with, and that `down` ends by SIGTERM; returns
    /// when the stand-ins answer.
    package func serve() async throws {
        try await startStandIns()
        try LabOwner.current(servesOnly: true).write(paths)
    }

    /// The process that serves the lab, once it does.
    package var servingProcess: Int32? {
        LabOwner.read(paths).flatMap { $0.servesOnly && $0.isAlive ? $0.pid : nil }
    }

    /// Where a serving process writes what it has to complain about.
    package var serveLog: String { paths.root + "/serve.log" }

    /// A handle of a lab that another process, or another part of this one, made.
    package static func open(_ name: String) throws -> Lab {
        let paths = try LabPaths(name: name)
        return Lab(paths: paths, record: try LabRecord.read(paths))
    }

    /// Stops what runs inside the lab (SIGKILL) and removes all of it. Handles are useless then.
    package func down() async throws {
        for each in standIns.withLock({ list in
            defer { list = [] }; return list
        }) {
            await each.stop()
        }
        let paths = paths
        try await DedicatedThread.perform { try LabRemoval.remove(paths) }
    }

    /// Removes a lab by name, whoever owns it; a process that only serves it is ended.
    package static func remove(_ name: String) throws {
        try LabRemoval.remove(try LabPaths(name: name))
    }

    /// Removes the labs whose owner is dead.
    /// - Returns: their names.
    package static func removeLeftovers() throws -> [String] {
        try LabRemoval.names().filter { try LabRemoval.removeLeftover(LabPaths(name: $0)) }
    }

    /// Names of all labs on this machine, sorted, with whether their owner lives.
    package static func all() throws -> [(name: String, isAlive: Bool)] {
        try LabRemoval.names().map { name in
            (name, LabOwner.read(try LabPaths(name: name))?.isAlive ?? false)
        }
    }

    package var name: String { paths.name }
    /// As this handle last saw it: after its own changes, or `refresh`.
    package var status: LabStatus { record.withLock { $0.status } }
    package var configuration: LabConfiguration { record.withLock { $0.configuration } }
    package var nodes: [LabNode] { status.nodes }
    package var router: LabHost { host(LabHost.routerName) }
    /// A host in the VPC that is no pod and no node.
    package var client: LabHost { host(LabHost.clientName) }
    /// A host outside of the VPC.
    package var internet: LabHost { host(LabHost.internetName) }

    private func host(_ name: String) -> LabHost {
        guard let host = status.hosts.first(where: { $0.name == name }) else {
            preconditionFailure("every lab has its \(name)")
        }
        return host
    }

    /// Reads again what other processes may have changed.
    package func refresh() throws {
        let fresh = try LabRecord.read(paths)
        record.withLock { $0 = fresh }
    }

    /// Changes the lab: under its lock, from what the file says, written back even if `body`
    /// throws, since what was done is done.
    func change<T>(_ body: (inout LabRecord) throws -> T) throws -> T {
        try FileLock.hold(paths.lock) {
            var fresh = try LabRecord.read(paths)
            let outcome = Result { try body(&fresh) }
            try fresh.write(paths)
            record.withLock { $0 = fresh }
            return try outcome.get()
        }
    }

    /// Answers for ipamd and IMDS in every node's namespace, until `down`.
    private func startStandIns() async throws {
        let started = try await StandIns.start(paths: paths, status: status)
        standIns.withLock { $0.append(started) }
    }

    private static func make(_ configuration: LabConfiguration) throws -> Lab {
        try configuration.validate()
        let paths = try LabPaths(name: configuration.name)
        try Directory.create(LabPaths.base)
        return try FileLock.hold(paths.lock) {
            if let owner = LabOwner.read(paths), owner.isAlive {
                throw LabError.exists(paths.name)
            }
            try LabRemoval.removeLocked(paths)
            do {
                return try build(configuration, paths)
            } catch {
                try? LabRemoval.removeLocked(paths)
                throw error
            }
        }
    }

    private static func build(_ configuration: LabConfiguration, _ paths: LabPaths) throws -> Lab {
        try Directory.create(paths.root)
        try LabOwner.current(servesOnly: false).write(paths)
        let status = try LabBuilder(configuration: configuration, paths: paths).build()
        let record = LabRecord(configuration: configuration, status: status)
        try record.write(paths)
        return Lab(paths: paths, record: record)
    }
}
